"""What became of the last lists: who was contacted, who ordered, against those withheld by chance.

Listed against withheld is the effect of being on a list, since chance alone decided between them.
Contacted against not contacted is no effect: those who are called are chosen by those who call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from repurchase.reasons import NOBODY_WITHHELD, NOT_WITHHELD, reason
from repurchase.records import Record, Result, dimensions
from repurchase.stats.proportion import change_of, wilson

METRIC = "list_order_share"
GROUPS = ("listed", "contacted", "not_contacted", "withheld")
FEWEST = 30
# More of the withheld than this on lists that came back: the lists went out by another rule.
MOST_STRAY = 0.05


def results(issued: pd.DataFrame, returned: pd.DataFrame, ordered: frozenset[str]) -> Result:
    """Who ordered in the period after the lists were issued, group by group.

    `issued` has one row a customer who was due then: customer_id, outcome ("listed", "withheld"
    and the other exclusions, which are left out here); `returned` what came back of that period:
    customer_id, is_contacted (flag); `ordered` the customers with an order date since.
    Columns: group (see GROUPS), n, numerator, value, low, high (Wilson). Records:
    `list_order_share` with `group=`; `list_effect` (listed less withheld, Newcombe's 95 %
    interval), not computed with its reason where nobody or too few were withheld, or where the
    withheld stand on what came back; `list_rows` returned, and returned for nobody who was listed.
    """
    # a customer who came back on two rows was contacted if one of them says so
    marked = returned.groupby("customer_id", as_index=False, sort=False)["is_contacted"].max()
    rows = issued[issued["outcome"].isin(["listed", "withheld"])]
    rows = rows.merge(marked[["customer_id", "is_contacted"]], on="customer_id", how="left")
    contacted = rows["is_contacted"].fillna(False).astype(bool)
    listed = rows["outcome"] == "listed"
    came = rows["customer_id"].isin(ordered)
    members = {
        "listed": listed,
        "contacted": listed & contacted,
        "not_contacted": listed & ~contacted,
        "withheld": ~listed,
    }
    table, records = [], []
    for name in GROUPS:
        n, back = float(members[name].sum()), float((members[name] & came).sum())
        where = dimensions(group=name)
        if n == 0:
            continue
        estimate = wilson(back, n)
        table.append((name, n, back, *estimate))
        records.append(
            Record(METRIC, estimate.value, "share", where, low=estimate.low, high=estimate.high,
                   numerator=back, n=n)
        )  # fmt: skip
    frame = pd.DataFrame(table, columns=["group", "n", "numerator", "value", "low", "high"])
    unknown = ~marked["customer_id"].isin(rows.loc[listed, "customer_id"])
    asked = int(marked["customer_id"].isin(rows.loc[~listed, "customer_id"]).sum())
    effect = _effect({r.dimensions.removeprefix("group="): r for r in records})
    if effect.value is not None and asked > MOST_STRAY * (~listed).sum():
        why = reason(NOT_WITHHELD, count=asked)
        effect = Record("list_effect", None, "share", status="not_computed", reason=why)
    records += [
        effect,
        Record("list_rows", float(len(marked)), "count", dimensions(rows="returned")),
        Record("list_rows", float(unknown.sum()), "count", dimensions(rows="not_listed")),
    ]
    return Result(frame, tuple(records))


def _effect(groups: Mapping[str, Record]) -> Record:
    now, then = groups.get("listed"), groups.get("withheld")
    sizes = [float(group.n or 0) if group else 0.0 for group in (now, then)]
    if now is None or then is None or min(sizes) < FEWEST:
        why = reason(NOBODY_WITHHELD, fewest=FEWEST)
        return Record("list_effect", None, "share", status="not_computed", reason=why)
    counts = [float(group.numerator or 0) for group in (now, then)]
    levels = [wilson(count, n) for count, n in zip(counts, sizes, strict=True)]
    change = change_of(levels[0], levels[1])
    return Record(
        "list_effect", change.value, "share", low=change.low, high=change.high, n=sum(sizes)
    )


FORMULA_SIGNS = ("=", "+", "-", "@")


def as_issued(returned: Sequence[str], issued: Iterable[str]) -> list[str]:
    """The ids of returned rows as they stood on the list, where that is certain.

    A spreadsheet that opens a CSV takes the noughts off an id, and what keeps it from reading a
    formula may have come along; each is undone only if exactly one issued id fits.

    >>> as_issued(["18", "'-7", "x"], ["0018", "-7"])
    ['0018', '-7', 'x']
    """
    known = set(issued)
    short: dict[str, list[str]] = {}
    for one in known:
        short.setdefault(one.lstrip("0"), []).append(one)
    return [_as_issued(one, known, short) for one in returned]


def _as_issued(one: str, known: set[str], short: Mapping[str, list[str]]) -> str:
    if one in known:
        return one
    if one[:1] == "'" and one[1:2] in FORMULA_SIGNS and one[1:] in known:
        return one[1:]
    fitting = short.get(one.lstrip("0"), [])
    return fitting[0] if len(fitting) == 1 else one


def outcomes(returned: pd.DataFrame) -> Result:
    """What the sales people noted, most frequent first.

    `returned` has outcome and reason as text, missing where nothing was noted. Columns: outcome,
    reason, customers. No record: the words are the company's own.
    """
    noted = returned.dropna(subset=["outcome", "reason"], how="all")
    texts = noted[["outcome", "reason"]].astype("object")
    texts = texts.where(texts.notna(), "")
    found = texts.value_counts().rename("customers").reset_index()
    order = ["customers", "outcome", "reason"]
    return Result(found.sort_values(order, ascending=[False, True, True], ignore_index=True))
