"""What a funnel converts: by step, against its past, by cut, and how long the steps take.

A customer may be in the contact windows of several periods, so changes are paired on customers.
Many cuts make some change look sure by chance: what stands does so among all of them.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.cuts import judged
from repurchase.analysis.funnel import Funnel, contact_window
from repurchase.analysis.ratios import FEWEST_UNITS, Pair, Sums, figure_records, sums, sums_by
from repurchase.analysis.windows import Windows
from repurchase.calendar import Window
from repurchase.period import Period
from repurchase.reasons import (
    AS_OF_TODAY,
    BEGINS_LATER,
    FEW_STEPPED,
    IN_ACTIVITY_WINDOW,
    MAYBE_OLDER,
    NO_CONTACT_WINDOW,
    PARTIAL,
    reason,
)
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.stats.gaps import returned_quantiles
from repurchase.stats.proportion import change_of, wilson
from repurchase.stats.survival import kaplan_meier

LEVEL_WINDOWS = 6
PAST: tuple[CompareTo, ...] = ("previous", "year_ago")
BEST = "best"
COMPARED = (*PAST, BEST)
END = "end"
QUANTILES = {"median": 0.5, "p90": 0.9}
HOUR, DAY = 3600, 86_400


@dataclass(frozen=True)
class Asked:
    """A funnel in a period: its contact windows that can be read, and what limits them.

    `readable` are the periods whose windows lie inside the data, oldest first; `data_from` is
    the day from which all its tables have rows, `zone` the company's. `sure_from`: where one
    enters by the rank of an order, the day from which ranks are sure, `activity_months` later.
    `as_of_today`: what is asked is cut by what is known as of today only.
    """

    funnel: Funnel
    windows: Windows
    readable: tuple[Period, ...]
    data_from: dt.date
    zone: str
    sure_from: dt.date | None = None
    activity_months: int = 12
    as_of_today: bool = False

    @property
    def now(self) -> Period:
        return self.windows.period

    @property
    def contact(self) -> Window:
        """The days of entry that are counted."""
        found = contact_window(self.now, self.funnel.window_days)
        return Window(found.start, min(found.end, self.ripe_until))

    @property
    def ripe_until(self) -> dt.date:
        return self.windows.seen_until - dt.timedelta(days=self.funnel.window_days)

    @property
    def end_step(self) -> int:
        """The last step that is an order, or the last one."""
        told = enumerate(self.funnel.spec.steps, start=1)
        orders = [number for number, step in told if step.tables == ("orders",) and number > 1]
        return max(orders, default=len(self.funnel))

    def labels(self) -> dict[str, tuple[str, ...]]:
        """The periods of each comparison by their labels: none, previous, year_ago, level."""
        level = [self.now.shifted(-n).label for n in range(1, LEVEL_WINDOWS + 1)]
        known = {p.label for p in self.readable}
        return {
            "none": (self.now.label,),
            "previous": (self.now.previous().label,),
            "year_ago": (self.now.year_ago().label,),
            "level": tuple(label for label in level if label in known),
        }

    def reasons(self) -> dict[CompareTo, str | None]:
        """Why a window cannot be computed, None if it can."""
        known = {p.label for p in self.readable}
        late = self.too_early()
        none = reason(NO_CONTACT_WINDOW, period=self.now.label)
        found: dict[CompareTo, str | None] = {
            "none": None if self.now.label in known else none
        }
        for window in PAST:
            found[window] = None if self.labels()[window][0] in known else late
            if self.as_of_today:
                found[window] = reason(AS_OF_TODAY)
        return found

    def too_early(self) -> str:
        """Why windows before the readable ones are not read."""
        day = self.data_from.isoformat()
        if self.sure_from is None:
            return reason(BEGINS_LATER, day=day)
        return reason(IN_ACTIVITY_WINDOW, day=day, months=self.activity_months)

    def care(self) -> dict[CompareTo, str | None]:
        """Why a figure stands but must be read with care."""
        if not self.windows.partial:
            early = self.sure_from is not None and self.contact.start < self.sure_from
            return {"none": reason(MAYBE_OLDER)} if early else {}
        done = (self.windows.seen_until - self.now.start).days + 1
        why = reason(PARTIAL, done=done, days=self.now.days)
        return dict.fromkeys(("none", *PAST), why)


def _pairs(units: ir.Table, asked: Asked, by: list[str]) -> tuple[ir.Table, dict[str, Any]]:
    """One row a customer (and label), and each step's reached and converted in each window."""
    steps, labels = len(asked.funnel), asked.labels()
    came = {
        f"{window} {step}": (inside & (units.reached >= step)).cast("int64").sum()
        for window, chosen in labels.items()
        # a period is never missing: without any window nobody came
        for inside in [units.period.isin(chosen) if chosen else units.period.isnull()]
        for step in range(1, steps + 1)
    }
    wanted = [label for chosen in labels.values() for label in chosen]
    rows = units.filter(units.period.isin(wanted)).group_by("customer_id", *by).aggregate(**came)
    past: tuple[CompareTo, ...] = ("none", *PAST)
    pairs: dict[str, dict[CompareTo, Pair]] = {}
    ends = {str(step): (step, step + 1) for step in range(1, steps)} | {END: (1, asked.end_step)}
    for name, (here, there) in ends.items():
        pairs[f"step {name}"] = {w: Pair(rows[f"{w} {there}"], rows[f"{w} {here}"]) for w in past}
        pairs[f"level {name}"] = {"none": Pair(rows[f"level {there}"], rows[f"level {here}"])}
    return rows, pairs


def conversion(units: ir.Table, asked: Asked) -> Result:
    """Each step's conversion now, against the window before, a year ago and its own level.

    Columns: funnel, step ("1" from the first step to the second, ..., "end" from entry to the last
    step that is an order, where that is another), reached, converted, value, low, high, level (of
    the six windows before together; missing without any), level_low, level_high, level_windows,
    and <w>_change, _low, _high, _p, _mark for previous and year_ago, as in `by_cut`. Records:
    `step_conversion` by step, `step_level`, `step_customers` (how many reached each step).
    """
    windows = len(asked.labels()["level"])
    rows, pairs = _pairs(units, asked, [])
    totals = sums(rows, pairs)
    found: list[dict[str, Any]] = []
    records: list[Record] = []
    whole = [END] if asked.end_step > 2 else []  # else it is the first step
    for step in [*(str(n) for n in range(1, len(asked.funnel))), *whole]:
        made = _step_records(totals[f"step {step}"], asked, step)
        level = _level_record(totals[f"level {step}"], asked, step, windows)
        records += [*made, level]
        place = {"funnel": asked.funnel.key, "step": step}
        found.append(_row(made, place) | _level(level, windows))
    records += _customers(totals, asked)
    return Result(judged(pd.DataFrame(found), PAST), tuple(records))


def _step_records(total: Sums, asked: Asked, step: str, **place: str) -> tuple[Record, ...]:
    return figure_records(
        "step_conversion",
        total,
        binary=True,
        reasons=asked.reasons(),
        provisional=asked.care(),
        dimensions=dimensions(funnel=asked.funnel.key, step=step, **place),
    )


def _level_record(total: Sums, asked: Asked, step: str, windows: int) -> Record:
    missing = None if windows else asked.too_early()
    return figure_records(
        "step_level",
        total,
        binary=False,
        reasons={"none": missing},
        dimensions=dimensions(funnel=asked.funnel.key, step=step),
    )[0]


def _row(made: Sequence[Record], place: Mapping[str, object]) -> dict[str, Any]:
    now = made[0]
    row: dict[str, Any] = {**place, "reached": now.n, "converted": now.numerator}
    row |= {name: _number(getattr(now, name)) for name in ("value", "low", "high")}
    for window in PAST:
        record = next((r for r in made if r.compare_to == window), None)
        for name in ("change", "change_low", "change_high"):
            short = name if name == "change" else name.removeprefix("change_")
            row[f"{window}_{short}"] = _number(getattr(record, name, None))
    return row


def _level(record: Record, windows: int) -> dict[str, Any]:
    return {
        "level": _number(record.value), "level_low": _number(record.low),
        "level_high": _number(record.high), "level_windows": windows,
    }  # fmt: skip


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _customers(totals: Mapping[str, Sums], asked: Asked) -> list[Record]:
    """How many reached each step: a complete count, without an interval."""
    why = asked.reasons()["none"]
    made = []
    for step in range(1, len(asked.funnel) + 1):
        sums_of = totals[f"step {max(step - 1, 1)}"].moments["none"]
        count = sums_of.b if step == 1 else sums_of.a
        where = dimensions(funnel=asked.funnel.key, step=step)
        made.append(
            Record("step_customers", None, "count", where, status="not_computed", reason=why)
            if why
            else Record("step_customers", count, "count", where, n=count)
        )
    return made


def waiting(entries: ir.Table, asked: Asked) -> Result:
    """Customers who entered too late to be read now, and the day from which all can be.

    `entries` are the happenings of step 1. Columns: funnel, entered_from, entered_to (the contact
    window that is read), customers (who entered after it; missing where the data begin later),
    first, last (their days of entry), readable_from. Record `step_waiting`, with that day.
    """
    first, last = asked.ripe_until + dt.timedelta(days=1), asked.windows.seen_until
    late = entries.filter(entries.day.between(first, last))
    known = asked.data_from <= last
    count = int(late.customer_id.nunique().execute()) if known else None
    ready = last + dt.timedelta(days=asked.funnel.window_days)
    told = {
        "funnel": asked.funnel.key, "entered_from": asked.contact.start,
        "entered_to": asked.contact.end, "customers": count, "first": first, "last": last,
        "readable_from": ready,
    }  # fmt: skip
    where = dimensions(funnel=asked.funnel.key)
    if count is None:
        record = Record("step_waiting", None, "count", where, status="not_computed",
                        reason=asked.too_early())  # fmt: skip
    else:
        n = float(count)
        record = Record("step_waiting", n, "count", where, n=n, readable_from=ready.isoformat())
    return Result(pd.DataFrame([told]), (record,))


def by_cut(
    units: ir.Table, asked: Asked, cuts: Sequence[str],
    *, alike: Mapping[str, Mapping[str, str]] | None = None, as_of_today: Collection[str] = (),
) -> Result:  # fmt: skip
    """Each step's conversion by each label of each cut, the labels with most entries first.

    Columns: step, cut, label ("" where it is not known), entered, n, numerator, value, low, high;
    best_label, the one that converted best in the six windows before among those with thirty
    customers then and now (and of the same kind, where `alike` gives the kinds of a cut's labels);
    and for each of `previous`, `year_ago`, `best` <w>_change, _low, _high (against the best label:
    now, of other customers), <w>_p (Benjamini-Hochberg over all labels, cuts and steps asked for,
    the two of the past together and the best apart) and <w>_mark ("stands" if that is below 5 %,
    "exploratory" if only the single interval leaves 0 out, "" otherwise). Values are missing
    where fewer than thirty reached the step: such labels are named, not drawn. Cuts that are
    known `as_of_today` only have seen the orders that they are held against: they are compared
    with nothing. Records: `step_conversion` and `step_gap` (to the best label) by step, cut and
    label.
    """
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for cut in cuts:
        table, pairs = _pairs(units.mutate(label=units[cut]), asked, ["label"])
        found = sums_by(table, pairs, by="label")
        here = {label: total for label, total in found.items() if _entered(total) > 0}
        if set(here) <= {""}:
            continue
        kinds = (alike or {}).get(cut, {})
        for step in range(1, len(asked.funnel)):
            best = {} if cut in as_of_today else _best(found, step, kinds)
            for label in sorted(here, key=lambda one: (-_entered(here[one]), one)):
                other = best.get(kinds.get(label, ""))
                told = asked if cut not in as_of_today else replace(asked, as_of_today=True)
                made = _cut_row(here, told, step, label, other, cut=cut)
                rows.append(made[0])
                records += made[1]
    frame = pd.DataFrame(rows, columns=_columns())
    return Result(judged(judged(frame, PAST), (BEST,)), tuple(records))


def _columns() -> list[str]:
    first = ["step", "cut", "label", "entered", "n", "numerator", "value", "low", "high"]
    changes = [f"{w}_{part}" for w in COMPARED for part in ("change", "low", "high")]
    return [*first, "best_label", *changes]


def _entered(total: Mapping[str, Sums]) -> float:
    return total["step 1"].moments["none"].b


def _best(
    found: Mapping[str, Mapping[str, Sums]], step: int, kinds: Mapping[str, str]
) -> dict[str, str]:
    """By kind the label that converted best in the six windows before, among two or more.

    Chosen on other windows than it is compared in: the best of this one would be so by luck.
    """
    before: dict[str, dict[str, float]] = {}
    for label, total in found.items():
        level, now = total[f"level {step}"].moments["none"], total[f"step {step}"].moments["none"]
        if label and min(level.b, now.b) >= FEWEST_UNITS:
            before.setdefault(kinds.get(label, ""), {})[label] = level.a / level.b
    return {
        kind: max(known, key=lambda label: (known[label], label))
        for kind, known in before.items()
        if len(known) > 1
    }


def _cut_row(
    here: Mapping[str, Mapping[str, Sums]], asked: Asked, step: int, label: str,
    best: str | None, *, cut: str,
) -> tuple[dict[str, Any], list[Record]]:  # fmt: skip
    total = here[label][f"step {step}"]
    now = total.moments["none"]
    place = {"step": step, "cut": cut, "label": label, "entered": _entered(here[label])}
    if now.b < FEWEST_UNITS:
        return {**place, "n": now.b, "numerator": now.a}, []
    told = {"label": label, "cut": cut}
    made = _step_records(total, asked, str(step), **told)
    row = _row(made, place)
    row["n"], row["numerator"] = row.pop("reached"), row.pop("converted")
    row["best_label"] = best
    if best is None or best == label or made[0].value is None:
        return row, list(made)
    other = here[best][f"step {step}"].moments["none"]
    gap = change_of(wilson(now.a, now.b), wilson(other.a, other.b))
    row |= {"best_change": gap.value, "best_low": gap.low, "best_high": gap.high}
    where = dimensions(funnel=asked.funnel.key, step=step, best=best, **told)
    record = Record("step_gap", gap.value, "share", where, low=gap.low, high=gap.high, n=now.b)
    return row, [*made, record]


def times(units: ir.Table, asked: Asked, *, seed: int = 1) -> Result:
    """How long each step takes, from the step before; of those who take it within the window.

    Kaplan-Meier over the customers who reached the step before in the period's contact window,
    censored at the end of their own window. Columns: funnel, step, reached, taken (seen to take
    it), within (share who take it within the window from the step before), within_low,
    within_high, and median, p90 (days by which that share of them have), each with _low and _high
    (bootstrap);
    missing where fewer than thirty took it. Records `step_days_median`, `step_days_p90`.
    """
    now = units.filter(units.period == asked.now.label)
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for step in range(1, len(asked.funnel)):
        row = _time_row(_waits(now, asked, step), asked, step, seed)
        rows.append(row)
        records += _time_records(row, asked, step)
    return Result(pd.DataFrame(rows), tuple(records))


def _waits(now: ir.Table, asked: Asked, step: int) -> pd.DataFrame:
    """Customers by the hours that they needed for a step, or could be followed: events, units."""
    ordered = asked.funnel.order == "ordered"

    def at(number: int) -> ir.Value:
        if ordered or number == 1:
            return now[f"t_{number}"]
        return ibis.greatest(*(now[f"t_{n}"] for n in range(1, number + 1)))

    seconds = {n: at(n).epoch_seconds() for n in (1, step, step + 1)}
    # the day of entry counts too, whatever is left of it
    into_the_day = (seconds[1] + offset(asked)) % DAY
    left = seconds[1] - into_the_day + (asked.funnel.window_days + 1) * DAY - seconds[step]
    event = now.reached > step
    wait = ibis.cases((event, seconds[step + 1] - seconds[step]), else_=left)
    rows = now.filter(now.reached >= step).select(
        hour=(ibis.greatest(wait, 0) / HOUR).floor().cast("int64"), event=event.cast("int64")
    )
    counted = rows.group_by(rows.hour).aggregate(events=rows.event.sum(), units=rows.count())
    return counted.order_by("hour").to_pandas().astype("float64")


def offset(asked: Asked) -> int:
    """Seconds that the company's clocks are ahead of UTC when the contact window begins.

    A window in which they change is off by that hour, which no day shows.
    """
    noon = dt.datetime.combine(asked.contact.start, dt.time(12), dt.UTC)
    ahead = noon.astimezone(zoneinfo.ZoneInfo(asked.zone)).utcoffset()
    return int(ahead.total_seconds()) if ahead else 0


def _time_row(waits: pd.DataFrame, asked: Asked, step: int, seed: int) -> dict[str, Any]:
    taken = float(waits["events"].sum())
    row: dict[str, Any] = {"funnel": asked.funnel.key, "step": step}
    row |= {"reached": float(waits["units"].sum()), "taken": taken}
    blank = [f"{q}{end}" for q in QUANTILES for end in ("", "_low", "_high")]
    row |= dict.fromkeys(["within", "within_low", "within_high", *blank], np.nan)
    if taken < FEWEST_UNITS:
        return row
    days = waits["hour"] * HOUR / DAY
    counts = days, waits["events"], waits["units"] - waits["events"]
    curve = kaplan_meier(*counts)
    row |= {
        "within": 1 - float(curve.survival[-1]), "within_low": 1 - float(curve.high[-1]),
        "within_high": 1 - float(curve.low[-1]),
    }  # fmt: skip
    horizon = float(days.max())
    found = returned_quantiles(
        *counts, horizon=horizon, shares=[*QUANTILES.values()], seed=seed
    )
    for name, estimate in zip(QUANTILES, found, strict=True):
        row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return row


def _time_records(row: Mapping[str, Any], asked: Asked, step: int) -> list[Record]:
    where = dimensions(funnel=asked.funnel.key, step=step)
    made = []
    for name in QUANTILES:
        metric = f"step_days_{name}"
        blank = Record(metric, None, "days", where, numerator=row["taken"], n=row["reached"])
        if np.isnan(row[name]):
            why = asked.reasons()["none"] or reason(FEW_STEPPED, fewest=FEWEST_UNITS)
            made.append(replace(blank, status="not_computed", reason=why))
        else:
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            made.append(replace(blank, value=row[name], low=low, high=high))
    return made
