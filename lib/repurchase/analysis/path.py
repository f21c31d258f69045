"""Which ways customers went after contact, how often each led back, and where the time goes.

A way is the sequence of event types from the entry into the funnel to the order, or to the end of
the window where none came; repeats of a type stand once. Ways that few customers took are shown
together. Who went which way was nobody's draw: a share after a way describes and proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.funnel import Funnel
from repurchase.params import FunnelRules
from repurchase.reasons import NOBODY_ENTERED
from repurchase.records import Record, Result, dimensions
from repurchase.stats.arrival import quantile
from repurchase.stats.proportion import wilson

LONGEST = 6  # types of a way that are told; "..." stands for more
# Opens are no step: privacy proxies and virus scanners open messages for people.
NO_STEP = ("email_open",)
SHOWN = 6  # ways of those who came back, and of those who did not
STEPS = tuple(f"s{k}" for k in range(1, LONGEST + 1))
MORE = "..."
SEPARATOR = ">"
OTHERS = ""
BACK = "back"
STAGE = "opp_stage"  # told with the stage, as "opp_stage:won"
HOURS = 24


@dataclass(frozen=True)
class Walks:
    """Who entered in a contact window, and what happened to them until they came back.

    `people` has a row a customer (customer_id, entered_at, came_at: when they came back, missing
    if they did not), `rows` one a change of type: customer_id, type, at, came (flag), place (from
    1), following (the next type, "back", or missing), following_at.
    """

    people: ir.Table
    rows: ir.Table


def goal_of(which: Funnel) -> int:
    """The step that counts as coming back: the last one told by orders, else the last; from 0."""
    orders = [k for k, step in enumerate(which.spec.steps) if step.orders and k]
    return orders[-1] if orders else len(which.spec.steps) - 1


def walks(
    units: ir.Table, goal: ir.Table, events: ir.Table, *, days: int, rules: FunnelRules
) -> Walks:
    """The ways of the units of one contact window.

    `units` are those of `analysis.funnel` of one period, `goal` the happenings of the step that
    counts as coming back, `events` all events. Coming back is any such happening at or after the
    entry, up to `days` days after its day, whatever steps lie between.
    """
    people = _people(units, goal, days=days)
    ours = people.join(_told(events, rules), "customer_id")
    last = (ours.entered_on + ibis.interval(days=days)).cast("date")
    before = ours.came_at.isnull() | (ours["at"] < ours.came_at) | (ours["at"] == ours.entered_at)
    ours = ours.filter((ours["at"] >= ours.entered_at) & (ours.day <= last) & before)
    order = ibis.window(
        group_by=ours.customer_id, order_by=[ours["at"], ours.type, ours.event_id]
    )
    marked = ours.mutate(previous=ours.type.lag().over(order))
    kept = marked.filter(marked.previous.isnull() | (marked.previous != marked.type))
    order = ibis.window(
        group_by=kept.customer_id, order_by=[kept["at"], kept.type, kept.event_id]
    )
    came = kept.came_at.notnull()
    rows = kept.mutate(
        came=came,
        place=ibis.row_number().over(order) + 1,
        following=kept.type.lead().over(order),
        following_at=kept["at"].lead().over(order),
    )
    ended = rows.following.isnull() & rows.came
    rows = rows.mutate(
        following=ibis.cases((ended, BACK), else_=rows.following),
        following_at=ibis.cases((ended, rows.came_at), else_=rows.following_at),
    )
    columns = ["customer_id", "type", "at", "came", "place", "following", "following_at"]
    return Walks(people.select("customer_id", "entered_at", "came_at"), rows.select(columns))


def _people(units: ir.Table, goal: ir.Table, *, days: int) -> ir.Table:
    entered = units.select("customer_id", "entered_at", "entered_on")
    both = entered.join(goal.select("customer_id", "at", "day", "whole_day"), "customer_id")
    later = ibis.cases((both.whole_day, both.day >= both.entered_on),
                       else_=both["at"] >= both.entered_at)  # fmt: skip
    last = (both.entered_on + ibis.interval(days=days)).cast("date")
    came = both.filter(later & (both.day <= last))
    first = came.group_by("customer_id").aggregate(
        came_at=ibis.greatest(came["at"], came.entered_at).min()
    )
    return entered.left_join(first, "customer_id").drop("customer_id_right")


def _told(events: ir.Table, rules: FunnelRules) -> ir.Table:
    """Events that make a way: not a machine's, no opens, no contact that failed.

    The type of a stage of an opportunity is told with the stage.
    """
    seen = events.filter(~events.is_bot.fill_null(False) & ~events.type.isin(NO_STEP))
    failed = seen.outcome.isin(rules.failed_outcomes).fill_null(False)
    staged = (seen.type == STAGE) & seen.stage.notnull()
    kind = ibis.cases((staged, seen.type + ":" + seen.stage), else_=seen.type)
    told = seen.mutate(type=kind.replace(SEPARATOR, " ")).filter(~failed)
    return told.select(
        "customer_id", "type", "event_id", at=told.occurred_at, day=told.occurred_date
    )


# ---- ways ---------------------------------------------------------------------------------------


def paths(found: Walks | str, *, fewest: int) -> Result:
    """The commonest ways of those who came back and of those who did not.

    Columns: path (types joined by ">", "..." for more than six; "" for all ways that fewer than
    `fewest` customers took), ways (how many those are), came, came_share (of all who came back),
    stayed, stayed_share (of all who did not), reached (customers whose way began so), back (those
    of them who came back), share, low, high; the most customers first, "" last. In a way that
    begins so a customer is counted however it went on. Records `back_after_path` (share),
    `path_of_returned` and `path_of_others`, by path, of those that are shown. A text is the reason
    why there are none.
    """
    if isinstance(found, str):
        return _none(found)
    counted = _counted(found)
    came = int(counted.loc[counted["came"], "n"].sum())
    stayed = int(counted.loc[~counted["came"], "n"].sum())
    if not came + stayed:
        return _none(NOBODY_ENTERED)
    ways = _ways(counted)
    begun, back = _begun(ways)
    rows: list[dict[str, Any]] = []
    few: list[dict[str, Any]] = []
    for way, (a, b) in ways.items():
        row = {"path": SEPARATOR.join(way), "ways": 1, "came": a, "stayed": b,
               "reached": begun[way], "back": back[way]}  # fmt: skip
        (rows if a + b >= fewest else few).append(row)
    rows.sort(key=lambda row: (-row["came"] - row["stayed"], row["path"]))
    if few:
        sums = {c: sum(row[c] for row in few) for c in ("came", "stayed")}
        rows.append({"path": OTHERS, "ways": len(few), **sums,
                     "reached": sums["came"] + sums["stayed"], "back": sums["came"]})  # fmt: skip
    frame = pd.DataFrame([_with_shares(row, came, stayed) for row in rows], columns=_COLUMNS)
    return Result(frame, tuple(_path_records(frame, came, stayed)))


_COLUMNS = ["path", "ways", "came", "came_share", "stayed", "stayed_share", "reached", "back",
            "share", "low", "high"]  # fmt: skip


def _none(why: str) -> Result:
    record = Record("back_after_path", None, "share", status="not_computed", reason=why)
    return Result(pd.DataFrame(columns=_COLUMNS), (record,))


def _counted(found: Walks) -> pd.DataFrame:
    """Customers by way: s1 .. s6 (missing behind the last), more (flag), came (flag), n."""
    rows = found.rows
    steps = {
        name: rows.type.max(where=rows.place == k) for k, name in enumerate(STEPS, start=1)
    }
    each = rows.group_by("customer_id", "came").aggregate(
        **steps, more=(rows.place > LONGEST).any()
    )
    counted = each.group_by(*STEPS, "more", "came").aggregate(n=each.count())
    return counted.to_pandas().astype({"came": bool, "more": bool})


def _ways(counted: pd.DataFrame) -> dict[tuple[str, ...], tuple[int, int]]:
    """Each way with how many who went it came back and how many did not."""
    found: dict[tuple[str, ...], list[int]] = {}
    for row in counted.to_dict("records"):
        way = tuple(str(row[s]) for s in STEPS if isinstance(row[s], str))
        way += (MORE,) if row["more"] else ()
        found.setdefault(way, [0, 0])[0 if row["came"] else 1] += int(row["n"])
    return {way: (a, b) for way, (a, b) in sorted(found.items())}


def _begun(ways: Mapping[tuple[str, ...], tuple[int, int]]) -> tuple[Counter[Any], Counter[Any]]:
    """By the beginning of a way: customers whose way began so, and who of them came back."""
    begun: Counter[Any] = Counter()
    back: Counter[Any] = Counter()
    for way, (came, stayed) in ways.items():
        for k in range(1, len(way) + 1):
            begun[way[:k]] += came + stayed
            back[way[:k]] += came
    return begun, back


def _with_shares(row: dict[str, Any], came: int, stayed: int) -> dict[str, Any]:
    share, low, high = wilson(row["back"], row["reached"])
    return row | {
        "came_share": row["came"] / came if came else float("nan"),
        "stayed_share": row["stayed"] / stayed if stayed else float("nan"),
        "share": share, "low": low, "high": high,
    }  # fmt: skip


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The commonest ways of both groups, those of all customers first, and the others' sum."""
    told = frame[frame["path"] != OTHERS]
    kept: set[Any] = set()
    for column in ("came", "stayed"):
        ranked = told.sort_values([column, "path"], ascending=[False, True])
        kept |= set(ranked.index[:SHOWN])
    return frame[frame.index.isin(kept) | (frame["path"] == OTHERS)]


def _path_records(frame: pd.DataFrame, came: int, stayed: int) -> Iterable[Record]:
    for row in shown(frame).to_dict("records"):
        where = dimensions(path=row["path"] or "other")
        yield Record(
            "back_after_path", row["share"], "share", where, low=row["low"], high=row["high"],
            numerator=float(row["back"]), n=float(row["reached"]),
        )  # fmt: skip
        for name, k, n in (("returned", row["came"], came), ("others", row["stayed"], stayed)):
            if n:
                share = wilson(k, n)
                yield Record(
                    f"path_of_{name}", share.value, "share", where, low=share.low,
                    high=share.high, numerator=float(k), n=float(n),
                )  # fmt: skip


# ---- where the time goes ------------------------------------------------------------------------


def transitions(found: Walks | str, *, fewest: int) -> Result:
    """Days from each type of event to the next, and to the order.

    Columns: start, end ("back" for the return), customers (times it was taken), median, p90 (days
    of those who went on), returned (times taken by those who came back), time_share (of all the
    time that those who came back took from entry to return; over all transitions it adds up to
    1). The commonest first; those taken fewer than `fewest` times are one row with empty names
    and no quantile, the last. Record `transition_median`, by start and end.
    """
    if isinstance(found, str):
        record = Record("transition_median", None, "days", status="not_computed", reason=found)
        return Result(pd.DataFrame(columns=_TRANSITIONS), (record,))
    rows = found.rows.filter(found.rows.following.notnull())
    seconds = rows.following_at.epoch_seconds() - rows["at"].epoch_seconds()
    hours = (seconds.cast("float64") / 3600).floor().cast("int64")
    marked = rows.mutate(start=rows.type, end=rows.following, hours=hours)
    counted = marked.group_by("start", "end", "came", "hours").aggregate(n=marked.count())
    frame = counted.order_by("start", "end", "came", "hours").to_pandas()
    frame["spent"] = frame["hours"] * frame["n"] * frame["came"].astype(int)
    whole = float(frame["spent"].sum())
    told: list[tuple[Any, ...]] = []
    few: list[tuple[Any, ...]] = []
    for (start, end), part in frame.groupby(["start", "end"]):
        n, back = int(part["n"].sum()), int(part.loc[part["came"].astype(bool), "n"].sum())
        share = float(part["spent"].sum()) / whole if whole else float("nan")
        days = [quantile(part["hours"], part["n"], q) / HOURS for q in (0.5, 0.9)]
        row = (str(start), str(end), n, *days, back, share)
        (told if n >= fewest else few).append(row)
    told.sort(key=lambda row: (-row[2], row[0], row[1]))
    records = tuple(
        Record("transition_median", median, "days", dimensions(start=start, end=end), n=float(n))
        for start, end, n, median, *_ in told
    )
    if few:
        sums = [sum(row[k] for row in few) for k in (2, 5, 6)]
        told.append(("", "", sums[0], float("nan"), float("nan"), *sums[1:]))
    return Result(pd.DataFrame(told, columns=_TRANSITIONS), records)


_TRANSITIONS = ["start", "end", "customers", "median", "p90", "returned", "time_share"]


def longest(frame: pd.DataFrame) -> Mapping[str, Any] | None:
    """The transition on which those who came back spent most time; None if there is none."""
    rows: Sequence[Mapping[Any, Any]] = frame[frame["start"] != OTHERS].to_dict("records")
    timed = [row for row in rows if row["time_share"] > 0]
    best = max(timed, key=lambda row: row["time_share"], default=None)
    return {str(k): v for k, v in best.items()} if best else None
