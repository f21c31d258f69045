"""The funnel: customers by contact window, and how far each of them has come.

A unit is a customer in a contact window. She enters with the first happening of step 1 in it;
later steps count on the day of entry and the `window_days` after it. In an ordered funnel each
step is at or after the one before; in any order all lie at or after the entry. Each step takes
the earliest happening that no step before it has taken.

The contact window of a period is the period moved back by `window_days`, so that by the period's
end every unit has had its whole time. Units are computed in the engine, once a funnel.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.funnel_steps import PLACES, share_rows
from repurchase.calendar import Window
from repurchase.params import FunnelSpec
from repurchase.period import MONTHS, Period, Unit

Source = Literal["profile", "default", "order_rank"]
# six windows before this one, and a year ago with its own six
MOST_BEFORE = 18
UNIT = ["customer_id", "index"]
COUNTS = ["period", "cut", "label", "step", "reached", "converted"]
# names of the unit table that no segment may take
OWN = ("period", "customer_id", "entered_at", "entered_on", "reached",
       *(f"t_{n}" for n in range(1, 9)))  # fmt: skip


@dataclass(frozen=True)
class Funnel:
    """One funnel of a review. `steps` are the names of its steps in the reader's language.

    `source` says who told it: the profile, the release (default), or orders alone (order_rank).
    """

    key: str
    name: str
    steps: tuple[str, ...]
    window_days: int
    order: Literal["ordered", "any"]
    source: Source
    spec: FunnelSpec = field(compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.steps)


def contact_window(period: Period, days: int) -> Window:
    """The days on which one enters, so that all have had `days` days at the period's end.

    >>> contact_window(Period.parse("2025-09"), 30)
    Window(start=datetime.date(2025, 8, 2), end=datetime.date(2025, 8, 31))
    """
    back = dt.timedelta(days=days)
    return Window(period.start - back, period.end - back)


def periods(
    period: Period, *, days: int, data_from: dt.date, sure_from: dt.date | None = None
) -> tuple[Period, ...]:
    """The period and as many before it as have a contact window inside the data, oldest first.

    Windows before it must also begin on `sure_from` or later.
    """
    back = [period.shifted(-n) for n in range(MOST_BEFORE, -1, -1)]
    begins = {p: contact_window(p, days).start for p in back}
    sure = max(data_from, sure_from or data_from)
    return tuple(p for p in back if begins[p] >= (data_from if p == period else sure))


def units(
    steps: Sequence[ir.Table], funnel: Funnel, *, wanted: Sequence[Period], ripe_until: dt.date,
    days: ir.Table | None = None, hold: Callable[[ir.Table], ir.Table] = lambda rows: rows,
) -> ir.Table:  # fmt: skip
    """One row a customer and contact window.

    Columns: period (label), customer_id, entered_at, entered_on (business day), t_1 .. t_n
    (missing where not reached; a happening without a time of day has that of the beginning of its
    day or, if that is later, of the step before), reached (1 .. n), and channel, campaign_id,
    rep_id, store_id of the happening by which the customer entered (missing where it has none);
    with `days` (customer days) the store is that of the last order date before the day of entry.

    `steps` are the happenings of each step (`funnel_steps.happenings`), `wanted` consecutive
    periods, oldest first. Entries after `ripe_until` have not had their time and are left out.
    `hold` computes a part at once, so that an engine does not do it again for each later step.
    """
    length, unit = funnel.window_days, wanted[-1].unit
    first = contact_window(wanted[0], length).start
    last = min(contact_window(wanted[-1], length).end, ripe_until)
    entries = steps[0].filter(steps[0].day.between(first, last))
    entries = entries.mutate(index=_index(_later(entries.day, length), unit))
    entries = hold(_earliest(entries, "at"))
    here = entries.select(
        *UNIT, clock=entries["at"], entered_on=entries.day, clock_day=entries.day,
        key_1=entries.key,
    )  # fmt: skip
    found = entries.select(*UNIT, *PLACES, t_1=entries["at"], entered_on=entries.day)
    if days is not None:
        found = found.drop("store_id").left_join(_last_store(entries, days), UNIT)
        found = found.drop("customer_id_right", "index_right")
    edges = (_index_of(wanted[0]), _index_of(wanted[-1]))
    for number, rows in enumerate(steps[1:], start=2):
        rows = rows.filter(rows.day.between(first, last + dt.timedelta(days=length)))
        here = hold(_reaching(here, _by_window(rows, length, unit, edges), funnel, number))
        found = found.left_join(
            here.select(*UNIT, **{f"t_{number}": here.moment}), UNIT
        ).drop("customer_id_right", "index_right")
    times = [f"t_{number}" for number in range(1, len(steps) + 1)]
    reached = sum((found[t].notnull().cast("int64") for t in times[1:]), ibis.literal(1))
    labels = [(_index_of(p), p.label) for p in wanted]
    return found.select(
        "customer_id", "entered_on", *times, *PLACES,
        period=ibis.cases(*((found["index"] == i, label) for i, label in labels), else_=None),
        entered_at=found.t_1, reached=reached.cast("int64"),
    )  # fmt: skip


def _reaching(here: ir.Table, rows: ir.Table, funnel: Funnel, number: int) -> ir.Table:
    """Of the units that have come so far those that come one step further, and when."""
    told = funnel.spec.steps
    both = here.join(rows, UNIT)
    later = ibis.cases((both.whole_day, both.day >= both.clock_day), else_=both["at"] >= both.clock)
    inside = (both.day <= _later(both.entered_on, funnel.window_days)) & later
    shared = [k for k in range(1, number) if share_rows(told[k - 1], told[number - 1])]
    for k in shared:
        inside &= both.key != both[f"key_{k}"]
    both = both.filter(inside).mutate(moment=ibis.greatest(both["at"], both.clock))
    best = _earliest(both, "moment")
    clock = {"clock": best.moment, "clock_day": best.day} if funnel.order == "ordered" else {
        "clock": best.clock, "clock_day": best.clock_day
    }  # fmt: skip
    keys = {f"key_{k}": best[f"key_{k}"] for k in range(1, number)}
    return best.select(
        *UNIT, "entered_on", "moment", **clock, **keys, **{f"key_{number}": best.key}
    )


def _earliest(rows: ir.Table, moment: str) -> ir.Table:
    """The first row of each unit; ties are broken by the row's id."""
    order = ibis.row_number().over(
        group_by=[rows[c] for c in UNIT], order_by=[rows[moment], rows["row"]]
    )
    return rows.mutate(rank=order).filter(lambda t: t["rank"] == 0).drop("rank")


def _by_window(
    rows: ir.Table, days: int, unit: Unit, edges: tuple[int, int]
) -> ir.Table:
    """Each row once for every contact window that its customer may have entered by then."""
    low = ibis.greatest(_index(rows.day, unit), edges[0])
    high = ibis.least(_index(_later(rows.day, days), unit), edges[1])
    return rows.select(
        "customer_id", "at", "day", "whole_day", "key", "row",
        index=ibis.range(low, high + 1).unnest(),
    )  # fmt: skip


def _later(day: ir.Value, days: int) -> ir.Value:
    return (day + ibis.interval(days=days)).cast("date")


def _index(day: ir.Value, unit: Unit) -> ir.Value:
    """A number of the period that a day lies in, one more for each later period."""
    months = (day.year() * 12 + day.month() - 1).cast("int64")
    return months if unit == "month" else (months / MONTHS[unit]).floor().cast("int64")


def _index_of(period: Period) -> int:
    return (period.start.year * 12 + period.start.month - 1) // MONTHS[period.unit]


def _last_store(entries: ir.Table, days: ir.Table) -> ir.Table:
    """Of each unit the store of the customer's last order date before the day of entry."""
    before = days.select("customer_id", "store_id", last="order_date", until="next_date")
    both = entries.select(*UNIT, "day").join(before, "customer_id")
    then = both.until.isnull() | (both.until >= both.day)
    return both.filter((both["last"] < both.day) & then).select(*UNIT, "store_id")


def with_cuts(units: ir.Table, *, labels: Mapping[str, ir.Table]) -> ir.Table:
    """The units with each cut as text, "" where it is not known.

    `labels` have customer_id and label, by cut. Columns: those of `units`, each cut under its own
    name.
    """
    for name, table in labels.items():
        label = table.select("customer_id", found="label")
        units = units.drop(*({name} & set(units.columns))).left_join(label, "customer_id")
        units = units.rename({name: "found"}).drop("customer_id_right")
    cuts = [*PLACES, *(name for name in labels if name not in PLACES)]
    return units.mutate(**{name: units[name].cast("string").fill_null("") for name in cuts})


def counts(units: ir.Table, *, steps: int, cuts: Sequence[str]) -> pd.DataFrame:
    """How many of those who reached a step reached the next.

    Columns: period, cut ("" for all), label ("" where it is not known), step (1 .. steps - 1),
    reached, converted (customers; the units of one period are customers). Sorted by these; a cut
    without any label is left out, and so are labels without a unit.
    """
    parts = [_counted(units, "", steps)]
    parts += [part for cut in cuts if not (part := _counted(units, cut, steps)).empty]
    return pd.concat(parts, ignore_index=True)


def _counted(units: ir.Table, cut: str, steps: int) -> pd.DataFrame:
    label = units[cut] if cut else ibis.literal("")
    came = {
        f"reached_{n}": (units.reached >= n).cast("int64").sum() for n in range(1, steps + 1)
    }
    rows = units.group_by(units.period, label=label).aggregate(**came).to_pandas()
    if cut and set(rows["label"]) <= {""}:
        rows = rows.head(0)
    frames = [
        pd.DataFrame(
            {
                "period": rows["period"], "cut": cut, "label": rows["label"], "step": n,
                "reached": rows[f"reached_{n}"], "converted": rows[f"reached_{n + 1}"],
            }
        )
        for n in range(1, steps)
    ]  # fmt: skip
    found = pd.concat(frames, ignore_index=True)
    numbers = ["step", "reached", "converted"]
    found = found.astype(dict.fromkeys(numbers, "int64"))
    return found.sort_values(["period", "label", "step"], ignore_index=True)
