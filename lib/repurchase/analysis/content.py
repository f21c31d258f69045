"""Which content is answered: templates, and personalised messages against generic ones.

A template that goes to good customers is answered well whatever it says, and one that goes out
before a sale too. So each is compared with what else reached customers like its own: on the same
channel, in the same week, with as long a time since the last order and as many orders (Mantel and
Haenszel's risk difference). A customer gets several messages, so the interval is robust to
customers, who are the clusters. Whom a message is sent to is chosen by reasons that no stratum
holds: this is an observation. SOURCES row 20.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from repurchase.analysis.contact_tests import AS_OFTEN
from repurchase.analysis.findings import record_key
from repurchase.analysis.judging import STANDS, judged
from repurchase.analysis.ratios import flag
from repurchase.analysis.touches import NO_EVENTS, Touches
from repurchase.analysis.verdicts import Answer, Verdict
from repurchase.analysis.windows import ONE_DAY, Windows
from repurchase.params import FunnelRules
from repurchase.period import add_months
from repurchase.reasons import (
    FEW_SENDS,
    NO_CLICKS,
    NO_LIKE_SENDS,
    NO_TEMPLATES,
    NO_TOUCHES,
    NOBODY,
    reason,
)
from repurchase.records import Record, Result, dimensions
from repurchase.stats.proportion import Estimate, Moments, share_of_sums, wilson
from repurchase.stats.stratified import Difference, Stratum, common_difference, of_clusters
from repurchase.words import N_

MONTHS = 6
# A link is followed soon, or the click belongs to a later message of the same template.
CLICK_DAYS = 7
# With fewer customers a template is named, not judged; and no more than so many are judged.
FEWEST, MOST = 100, 30
RECENCY, FREQUENCY = (14, 30, 60, 90, 180), (1, 3, 7, 15)
STRATA = ["channel", "week", "recency", "frequency"]
TYPES = {"channel": "string", "week": "date", "recency": "int64", "frequency": "int64"}
OUTCOMES = ("order", "click")
KINDS = ("personalised", "template")
PERSONALISED, GENERIC = "personalised", "generic"
# A randomised difference is something to act on only below this.
SURE = 0.01
PLACES = "decimal(18, 9)"

CLAIMS = {
    "test": N_(
        "Where chance decided what customers were sent, {arm_name} brought back more or fewer than"
        " {against_name}: {effect_points} within 30 days ({test_name})"
    ),
    "template": N_(
        "After template {template_name} like customers ordered less than after the other messages:"
        " {effect_points} within {days_count} days; nobody was chosen by chance"
    ),
    "personalised": N_(
        "After personalised messages like customers ordered less than after generic ones:"
        " {effect_points} within {days_count} days; nobody was chosen by chance"
    ),
    "ok": N_(
        "Of {judged_count} templates compared on like customers none brought fewer orders than the"
        " other messages by {least_distance} or more, as far as can be told"
    ),
}
ACTIONS = {
    "test": N_("Send what brought more, and stop the other."),
    "template": N_("Let chance decide who gets it next time, before it is dropped."),
    "personalised": N_("Let chance decide who gets which, before either is dropped."),
}
Row = dict[Any, Any]


def responses(
    touches: Touches | None, days: ir.Table, windows: Windows, rules: FunnelRules
) -> Result:
    """Orders and clicks after each template, and after personalised and generic messages.

    Of the messages of six months, each with `response_days` behind it, a customer's first of each
    template and week counts, of customers who had ordered before. order: the next order date lies
    1 to `response_days` days after it; click: a click on the same template in 0 to 7.

    Columns: kind (personalised, template), key (personalised, generic, or the template), customers;
    for each of order and click `_n` (messages so counted; of clicks only of templates that anyone
    clicked on, since a message without a link has no share), `_count`, `_value`, `_low`, `_high`
    (over customers), `_change`, `_change_low`, `_change_high` (against the other messages of its
    kind on like customers; customers are the clusters),
    `_p`, `_mark` (Benjamini-Hochberg over all of these), compared (messages in strata that hold
    others too), missing (why there is no comparison, else ""). Most customers first. Records:
    `content_order`, `content_click` and their `_difference` by kind= and key=.
    """
    why = _no_content(touches)
    if why or touches is None:
        return _none(why or NO_EVENTS)
    last = windows.seen_until - rules.response_days * ONE_DAY
    first = add_months(last, -MONTHS) + ONE_DAY
    frames = []
    for kind in KINDS:
        units = _units(touches, days, kind, first, last, rules.response_days)
        with units.cache() as kept:
            frames.append(_of_kind(kept, kind))
    frame = pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)
    if frame.empty:
        return _none(NO_TEMPLATES if _unnamed(touches) else NOBODY)
    frame = judged(frame, OUTCOMES)
    records = [r for row in frame.to_dict("records") for r in _records(row)]
    if frame["click_count"].isna().all():
        records.append(_missing("content_click", NO_CLICKS))
    return Result(frame, tuple(records))


def _no_content(touches: Touches | None) -> str | None:
    if touches is None:
        return NO_EVENTS
    return NO_TOUCHES if touches.begins is None else None


def _unnamed(touches: Touches) -> bool:
    """Whether no touch at all says what it held."""
    table = touches.table
    row = table.aggregate(t=table.template_id.count(), p=flag(table.personal).sum())
    found = row.to_pyarrow().to_pylist()[0]
    return not found["t"] and not found["p"]


def _missing(metric: str, why: str) -> Record:
    return Record(metric, None, "share", status="not_computed", reason=why)


def _none(why: str) -> Result:
    return Result(pd.DataFrame(), (_missing("content_order", why),))


def _units(
    touches: Touches, days: ir.Table, kind: str, first: dt.date, last: dt.date, length: int
) -> ir.Table:
    """One row a customer, key and week: these, the strata, order and click as 0 or 1."""
    sent = touches.between(first, last)
    key = sent.template_id
    if kind == PERSONALISED:
        key = ibis.cases((sent.personal, PERSONALISED), (~sent.personal, GENERIC))
    sent = sent.mutate(key=key).filter(lambda t: t.key.notnull())
    sent = sent.mutate(week=sent.touched_on.truncate("W").cast("date"))
    mine = ibis.window(
        group_by=["customer_id", "key", "week"], order_by=["touched_at", "event_id"]
    )
    sent = sent.mutate(place=ibis.row_number().over(mine))
    sent = sent.filter(sent.place == 0).select(
        "event_id", "customer_id", "key", "template_id", "channel", "touched_on", "week"
    )
    before = days.select("customer_id", "order_date", "next_date", "day_rank")
    known = sent.inner_join(
        before,
        [
            sent.customer_id == before.customer_id,
            before.order_date <= sent.touched_on,
            before.next_date.isnull() | (before.next_date > sent.touched_on),
        ],
    )
    clicks = touches.clicks
    until = sent.touched_on + ibis.interval(days=CLICK_DAYS)
    clicked = sent.inner_join(
        clicks,
        [
            sent.customer_id == clicks.customer_id,
            sent.template_id == clicks.template_id,
            clicks.clicked_on >= sent.touched_on,
            clicks.clicked_on <= until,
        ],
    )
    clicked = clicked.select("event_id").distinct().mutate(click=1)
    known = known.left_join(clicked, "event_id")
    day = known.touched_on
    return known.select(
        "customer_id", "key", "template_id", "channel", "week",
        recency=_recency(known),
        frequency=ibis.cases(
            *((known.day_rank <= k, i) for i, k in enumerate(FREQUENCY)), else_=len(FREQUENCY)
        ).cast("int64"),
        order=flag(known.next_date <= day + ibis.interval(days=length)),
        click=known.click.fill_null(0).cast("int64"),
    )  # fmt: skip


def _recency(known: ir.Table) -> ir.Value:
    return ibis.cases(
        *(
            (known.order_date + ibis.interval(days=d) >= known.touched_on, i)
            for i, d in enumerate(RECENCY)
        ),
        else_=len(RECENCY),
    ).cast("int64")


def _of_kind(units: ir.Table, kind: str) -> pd.DataFrame:
    """The rows of a kind; a message nobody can click on counts for no click's comparison."""
    clicked = units.filter(units.click == 1).select("template_id").distinct()
    frame = _of_outcome(units, kind, "order")
    if frame.empty:
        return frame
    other = _of_outcome(units.semi_join(clicked, "template_id"), kind, "click")
    if other.empty:
        other = pd.DataFrame(columns=["key", *(f"click_{p}" for p in PARTS)])
    columns = ["key", *(c for c in other.columns if c.startswith("click_"))]
    joined = frame.merge(other[columns], on="key", how="left", validate="one_to_one")
    numbers = [f"click_{p}" for p in PARTS]
    joined[numbers] = joined[numbers].astype("float64")
    return joined


PARTS = ("n", "count", "value", "low", "high", "change", "change_low", "change_high")


def _of_outcome(units: ir.Table, kind: str, outcome: str) -> pd.DataFrame:
    keys = ["key", *STRATA]
    counted = units.group_by(keys).aggregate(n=units.count(), hits=units[outcome].sum())
    cells = counted.order_by(keys).to_pandas()
    if cells.empty:
        return pd.DataFrame()
    frame = _levels(units, kind, outcome)
    asked = frame.loc[frame["customers"] >= FEWEST, "key"].head(MOST).tolist()
    if kind == PERSONALISED:
        asked = [key for key in asked if key == PERSONALISED]
    return _compared(units, cells, frame, asked, outcome)


def _levels(units: ir.Table, kind: str, outcome: str) -> pd.DataFrame:
    """The share of each key, over customers, who count with several weeks' messages."""
    each = units.group_by("key", "customer_id").aggregate(a=units[outcome].sum(), b=units.count())
    products = {"aa": each.a * each.a, "ab": each.a * each.b, "bb": each.b * each.b}
    sums = each.group_by("key").aggregate(
        n=each.count(), a=each.a.sum(), b=each.b.sum(),
        **{name: product.sum() for name, product in products.items()},
    )  # fmt: skip
    rows = []
    for row in sums.to_pyarrow().to_pylist():
        m = Moments(*(float(row[name]) for name in Moments._fields))
        parts = (m.b, m.a, *_share(m), *[np.nan] * 3)
        few = FEW_SENDS_OF if m.n < FEWEST else ""
        found = {"kind": kind, "key": row["key"], "customers": m.n, "compared": np.nan}
        found |= {f"{outcome}_{p}": v for p, v in zip(PARTS, parts, strict=True)}
        rows.append(found | {"missing": few})
    order = ["customers", "key"]
    return pd.DataFrame(rows).sort_values(order, ascending=[False, True], ignore_index=True)


def _share(m: Moments) -> Estimate:
    """Wilson's interval where each customer has one message, else linearised over customers."""
    if m.b == m.n or m.n < 2 or not 0 < m.a < m.b:
        return wilson(min(m.a, m.n), m.n)
    return share_of_sums(m)


FEW_SENDS_OF = reason(FEW_SENDS, fewest=FEWEST)


def _compared(
    units: ir.Table, cells: pd.DataFrame, frame: pd.DataFrame, asked: list[str], outcome: str
) -> pd.DataFrame:
    """The frame with each asked key against the other messages on like customers."""
    whole = cells.groupby(STRATA)[["n", "hits"]].sum().astype("float64")
    found: dict[str, Difference] = {}
    shares: dict[str, pd.Series] = {}
    for key in asked:
        mine = cells[cells["key"] == key].set_index(STRATA)[["n", "hits"]].astype("float64")
        rest = whole.loc[mine.index] - mine
        both = mine.assign(n_other=rest["n"], hits_other=rest["hits"])
        both = both[both["n_other"] > 0]
        difference = common_difference(Stratum(*row) for row in both.to_numpy().tolist())
        if difference is not None:
            found[key] = difference
            shares[key] = both["n"] / (both["n"] + both["n_other"])
    squares = _squares(units, whole["hits"] / whole["n"], shares, found, outcome)
    parts = [f"{outcome}_{p}" for p in ("change", "change_low", "change_high")]
    for index, key in frame["key"].items():
        if key in found:
            frame.loc[index, "compared"] = found[key].n
            estimate = of_clusters(found[key], *squares[key])
            if estimate is not None:
                frame.loc[index, parts] = list(estimate)
        elif key in asked:
            frame.loc[index, "missing"] = NO_LIKE_SENDS
    return frame


def _squares(
    units: ir.Table,
    means: pd.Series,
    shares: Mapping[str, pd.Series],
    found: Mapping[str, Difference],
    outcome: str,
) -> dict[str, tuple[float, int]]:
    """By key the squares that `of_clusters` asks for, and the number of customers.

    `means` are the strata's shares of answers, `shares` those of each key's messages in the strata
    that hold others too. One column a key, so that no row is made twice. Parts are summed as
    decimals, so that threads cannot change a digit.
    """
    if not found:
        return {}
    names = {key: f"share_{place}" for place, key in enumerate(found)}
    told = pd.DataFrame({"mean_y": means, **{n: shares[k] for k, n in names.items()}})
    told = told.dropna(subset=list(names.values()), how="all").reset_index()
    kinds = {**TYPES, **dict.fromkeys(["mean_y", *names.values()], "float64")}
    blank = told.astype("object").where(told.notna(), None)  # no number is NULL, not NaN
    rows = units.inner_join(ibis.memtable(blank, schema=kinds), STRATA)
    y = rows[outcome].cast("float64") - rows.mean_y
    parts = {}
    for key, name in names.items():
        x = ibis.cases((rows.key == key, 1.0), else_=0.0) - rows[name]
        parts[name] = (x * (y - found[key].value * x)).cast(PLACES)
    each = rows.select("customer_id", **parts).group_by("customer_id")
    sums = each.aggregate(**{n: _[n].sum().cast("float64") for n in names.values()})
    row = sums.aggregate(
        **{f"{n}_n": sums[n].count() for n in names.values()},
        **{f"{n}_s": (sums[n] * sums[n]).cast(PLACES).sum() for n in names.values()},
    )
    told_row = row.to_pyarrow().to_pylist()[0]
    return {k: (float(told_row[f"{n}_s"]), int(told_row[f"{n}_n"])) for k, n in names.items()}


def _records(row: Row) -> list[Record]:
    where = dimensions(kind=row["kind"], key=row["key"])
    found: list[Record] = []
    if row["customers"] < FEWEST:
        return found
    for outcome in OUTCOMES:
        if np.isnan(row[f"{outcome}_value"]):
            continue
        found.append(
            Record(f"content_{outcome}", row[f"{outcome}_value"], "share", where,
                   low=row[f"{outcome}_low"], high=row[f"{outcome}_high"],
                   numerator=row[f"{outcome}_count"], n=row[f"{outcome}_n"])
        )  # fmt: skip
        if not np.isnan(row[f"{outcome}_change"]):
            found.append(
                Record(f"content_{outcome}_difference", row[f"{outcome}_change"], "share", where,
                       low=row[f"{outcome}_change_low"], high=row[f"{outcome}_change_high"],
                       n=row["compared"])
            )  # fmt: skip
    return found


# ---- the verdict --------------------------------------------------------------------------------


def verdict(
    found: Result, tests: Result, rules: FunnelRules, *, exhibit: str | None = None
) -> Verdict:
    """The check's answer from `responses` and `contact_tests.tests`.

    act: a randomised comparison that became readable in the period, of arms that were contacted
    equally often with different content, whose repurchase differs by `material_points` or more
    with p < .01 among all. watch: a template, or personalised messages, after which like customers
    order less by as much, standing among all. Not computable with fewer than two templates judged
    and no comparison of personalised messages.
    """
    said = _of_tests(tests, rules, exhibit)
    if said is not None:
        return said
    frame = found.frame
    if frame.empty:
        return Verdict("content", "not_computable", reason=found.records[0].reason)
    compared = frame[frame["order_change"].notna()]
    if compared.empty:
        why = next((m for m in frame["missing"] if m), FEW_SENDS_OF)
        return Verdict("content", "not_computable", reason=why)
    worse = compared[
        (compared["order_mark"] == STANDS) & (compared["order_change"] <= -rules.material_points)
    ]
    if len(worse):
        row = worse.sort_values(["order_change", "key"]).iloc[0]
        gap = float(row["order_change"])
        values: Row = {"effect_points": gap, "days_count": rules.response_days}
        if row["kind"] == "template":
            values["template_name"] = row["key"]
        where = dimensions(kind=row["kind"], key=row["key"])
        return _verdict("watch", row["kind"], values, "content_order_difference", where, exhibit)
    best = compared.iloc[0]
    where = dimensions(kind=best["kind"], key=best["key"])
    values = {
        "judged_count": int((compared["kind"] == "template").sum()),
        "least_distance": float(rules.material_points),
    }
    return _verdict("ok", "ok", values, "content_order_difference", where, exhibit)


def clean(tests: pd.DataFrame) -> pd.DataFrame:
    """The tests that tell content alone: other content, equally many contacts, arms as planned."""
    if tests.empty:
        return tests
    as_often = tests["touch_change"].abs() < AS_OFTEN
    return tests[tests["content_differs"] & as_often & (tests["missing"] == "")]


def _of_tests(tests: Result, rules: FunnelRules, exhibit: str | None) -> Verdict | None:
    frame = clean(tests.frame)
    if frame.empty:
        return None
    sure = frame[
        frame["fresh"]
        & (frame["repurchase_p"] < SURE)
        & (frame["repurchase_change"].abs() >= rules.material_points)
    ]
    if sure.empty:
        return None
    row = sure.sort_values(["repurchase_p", "experiment", "arm"]).iloc[0]
    values = {
        "effect_points": float(row["repurchase_change"]), "arm_name": row["arm"],
        "against_name": row["against"], "test_name": row["experiment"],
    }  # fmt: skip
    where = dimensions(arm=row["arm"], experiment=row["experiment"], outcome="repurchase")
    return _verdict("act", "test", values, "contact_effect", where, exhibit)


def _verdict(
    answer: Answer, claim: str, values: Row, metric: str, where: str, exhibit: str | None
) -> Verdict:
    return Verdict(
        "content", answer, CLAIMS[claim], values,
        (record_key(Record(metric, None, "share", where)),), action=ACTIONS.get(claim),
        confidence="high" if answer == "act" else "low", exhibit=exhibit,
    )  # fmt: skip
