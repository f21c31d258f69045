"""An initiative's units, period by period: what its customers did, before and after."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis import initiative_ages
from repurchase.analysis.ratios import flag
from repurchase.analysis.windows import ONE_DAY
from repurchase.calendar import Window
from repurchase.initiatives import Initiative
from repurchase.period import add_months
from repurchase.stats.panel import Floats, Panel

SEASON = {"month": 12, "week": 52}
# what fewer periods after the start show need not last
FEWEST_AFTER = {"month": 3, "week": 6}
# customers are put into this many groups a side by chance: enough for clusters whose errors are
# nearly normal, few enough to be quick with millions of customers
CUSTOMER_GROUPS = 100
# beyond this share of order dates without a margin, the rest would stand for what is not known
MOST_UNKNOWN = 0.01
TREATED, CONTROL, OTHER = "treated", "control", "other"
COUNTED = ("members", "orders", "revenue", "margin", "buyers", "newcomers")
EXPECTED = [f"expected_{figure}" for figure in initiative_ages.FIGURES]


@dataclass(frozen=True)
class InitiativeWindows:
    """The windows of one initiative, in whole periods of its step.

    `before` ends before the anticipation begins, `after` starts when the ramp-up is over; either is
    None where the data hold no whole period of it. `complete_from` is the first day after which the
    after-window holds as many periods as were planned (None: already, or nothing was planned).
    `closed` says that the after-window grows no more. `readable_from` is the first day on which it
    holds the fewest periods that a reading needs (None: already, or never), `too_short` says that
    the plan does not let it hold as many.
    """

    before: Window | None
    after: Window | None
    go_live: dt.date
    seen_until: dt.date
    step: str
    complete_from: dt.date | None = None
    closed: bool = False
    readable_from: dt.date | None = None
    too_short: bool = False


@dataclass(frozen=True)
class InitiativePanel:
    """Units x periods, long.

    `frame` columns: unit (text), group ("treated", "control", "other"), start (first day of the
    period), phase ("before", "left_out", "after"), members (customers whose first order date lies
    before the period), orders (order dates of those, so all repeat), revenue, margin (of those
    order dates; margin missing where it is not known of more than 1 %), buyers, newcomers (first
    order dates of the period), expected_orders, expected_revenue, expected_margin (what customers
    of the same ages brought before; missing where that is not known), identified, all_orders
    (orders of the unit with a known customer, and all; missing where units are no places).
    `absent` are labels of the plan that no customer has, `in_both` counts the customers whom its
    conditions call treated and controls alike; they are treated.
    """

    frame: pd.DataFrame
    windows: InitiativeWindows
    unit: str
    margin_known: bool
    absent: tuple[str, ...] = ()
    in_both: int = 0


# ---- periods ------------------------------------------------------------------------------------


def first_of(day: dt.date, step: str) -> dt.date:
    """The first day of the period that the day lies in; weeks begin on Monday."""
    if step == "week":
        return day - dt.timedelta(days=day.weekday())
    return day.replace(day=1)


def next_of(start: dt.date, step: str) -> dt.date:
    """The first day of the period after the one that begins then."""
    return start + dt.timedelta(days=7) if step == "week" else add_months(start, 1)


def _up(day: dt.date, step: str) -> dt.date:
    """The first day, from `day` on, on which a period begins."""
    start = first_of(day, step)
    return start if start == day else next_of(start, step)


def windows(plan: Initiative, *, data_from: dt.date, seen_until: dt.date) -> InitiativeWindows:
    """The whole periods before and after, as far as the data go and the plan bounds them."""
    step = plan.step
    begin, end = _up(data_from, step), first_of(seen_until + ONE_DAY, step)
    until = first_of(plan.go_live - dt.timedelta(days=plan.anticipation_days), step)
    since = begin
    if plan.before_months is not None:
        since = max(begin, _up(add_months(until, -plan.before_months), step))
    start = _up(plan.go_live + dt.timedelta(days=plan.ramp_up_days), step)
    planned = None
    if plan.after_months is not None:
        planned = first_of(add_months(start, plan.after_months), step)
    if plan.ends is not None:
        ended = first_of(plan.ends + ONE_DAY, step)
        planned = ended if planned is None else min(planned, ended)
    soonest = start
    for _ in range(FEWEST_AFTER[step]):
        soonest = next_of(soonest, step)
    too_short = planned is not None and soonest > planned
    stop = end if planned is None else min(end, planned)
    start = max(start, begin)
    still = planned is not None and planned > end
    return InitiativeWindows(
        Window(since, min(until, end) - ONE_DAY) if since < min(until, end) else None,
        Window(start, stop - ONE_DAY) if start < stop else None,
        plan.go_live,
        seen_until,
        step,
        planned - ONE_DAY if planned is not None and still else None,
        planned is not None and not still,
        None if too_short or soonest <= end else soonest,
        too_short,
    )


# ---- who belongs to which unit ------------------------------------------------------------------


def by_place(days: ir.Table, place: str) -> ir.Table:
    """customer_id and unit: the place of the first order date, "" where none is known."""
    first = days.filter(days.day_rank == 1)
    return first.select("customer_id", unit=first[place].cast("string").fill_null(""))


def by_label(days: ir.Table, labels: ir.Table) -> ir.Table:
    """customer_id and unit: the label of a table with one row a customer, "" where none."""
    first = days.filter(days.day_rank == 1).select("customer_id")
    found = first.left_join(labels.select("customer_id", "label"), "customer_id")
    return found.select("customer_id", unit=found.label.cast("string").fill_null(""))


def by_chance(days: ir.Table, treated: ir.Table, controls: ir.Table | None) -> ir.Table:
    """customer_id and unit: "treated 07" or "control 93", a hundred groups a side by chance.

    The tables have a customer_id; whoever is in both was treated, and `controls` None means all
    others. Who is in neither has unit "". The groups depend on the id alone, so a customer stays
    in his from month to month.
    """
    first = days.filter(days.day_rank == 1).select("customer_id")
    told = treated.filter(treated.customer_id.notnull()).select("customer_id").distinct()
    found = first.left_join(told.mutate(is_treated=True), "customer_id").drop("customer_id_right")
    if controls is None:
        found = found.mutate(is_control=True)
    else:
        other = controls.filter(controls.customer_id.notnull()).select("customer_id").distinct()
        found = found.left_join(other.mutate(is_control=True), "customer_id")
        found = found.drop("customer_id_right")
    digits = "0123456789abcdef"
    hexed = found.customer_id.hexdigest("md5")
    number = sum(
        (ibis.literal(digits).find(hexed.substr(i, 1)) * 16**i for i in range(6)), ibis.literal(0)
    )
    group = (number % CUSTOMER_GROUPS).cast("string").lpad(2, "0")
    unit = ibis.cases(
        (found.is_treated.fill_null(False), ibis.literal(f"{TREATED} ") + group),
        (found.is_control.fill_null(False), ibis.literal(f"{CONTROL} ") + group),
        else_="",
    )
    return found.select("customer_id", unit=unit)


# ---- counting -----------------------------------------------------------------------------------


def cells(days: ir.Table, units: ir.Table, *, step: str) -> pd.DataFrame:
    """What the customers of each unit did in each period from the first to the last with an order.

    Columns: unit, start, members, orders, revenue, margin, buyers, newcomers as in
    `InitiativePanel`, and orders_with_margin.
    """
    joined = days.inner_join(units.select("customer_id", "unit"), "customer_id")
    start = joined.order_date.truncate("W" if step == "week" else "M").cast("date")
    began = joined.first_date.truncate("W" if step == "week" else "M").cast("date")
    joined = joined.mutate(start=start, again=start > began)
    again = joined.again
    found = joined.group_by("unit", "start").aggregate(
        orders=flag(again).sum(),
        revenue=joined.net_revenue.sum(where=again).cast("float64"),
        margin=joined.net_margin.sum(where=again).cast("float64"),
        orders_with_margin=joined.net_margin.count(where=again),
        buyers=joined.customer_id.nunique(where=again),
        newcomers=flag(joined.day_rank == 1).sum(),
    )
    return _filled(found.to_pandas(), step)


def _filled(found: pd.DataFrame, step: str) -> pd.DataFrame:
    """A row for each unit and period, with the members; what did not happen is 0."""
    if found.empty:
        return found.assign(members=pd.Series(dtype=float))
    found["start"] = [pd.Timestamp(v).date() for v in found["start"]]
    starts = [min(found["start"])]
    while starts[-1] < max(found["start"]):
        starts.append(next_of(starts[-1], step))
    units = sorted(set(found["unit"]))
    grid = pd.MultiIndex.from_product([units, starts], names=["unit", "start"])
    full = found.set_index(["unit", "start"]).reindex(grid).fillna(0.0).astype(float)
    full = full.reset_index().sort_values(["unit", "start"], kind="stable", ignore_index=True)
    so_far = full.groupby("unit")["newcomers"].cumsum()
    full["members"] = so_far - full["newcomers"]
    return full


def known_orders(orders: ir.Table, place: str, *, step: str) -> pd.DataFrame:
    """unit, start, identified (orders at the place with a known customer) and all_orders."""
    bought = orders.filter(orders.is_purchase)
    start = bought.order_date.truncate("W" if step == "week" else "M").cast("date")
    found = bought.group_by(unit=bought[place].cast("string").fill_null(""), start=start).aggregate(
        identified=bought.customer_id.count().cast("float64"),
        all_orders=bought.count().cast("float64"),
    )
    frame = found.to_pandas()
    frame["start"] = [pd.Timestamp(v).date() for v in frame["start"]]
    return frame


# ---- the panel of one initiative ----------------------------------------------------------------


def groups(plan: Initiative, units: Collection[str]) -> dict[str, str]:
    """The group of each unit by the plan's labels; a unit without a label is in neither."""
    if plan.unit == "customer" and plan.treated is not None:
        return {u: u.partition(" ")[0] if u else OTHER for u in units}
    treated, controls = plan.treated, plan.controls
    found = {}
    for unit in units:
        if not unit or unit in plan.except_for:
            found[unit] = OTHER
        elif treated is None or unit in treated.labels:
            found[unit] = TREATED
        elif controls is None or unit in controls.labels:
            found[unit] = CONTROL
        else:
            found[unit] = OTHER
    return found


def build(
    plan: Initiative,
    counted: pd.DataFrame,
    told: InitiativeWindows,
    known: pd.DataFrame | None = None,
    ages: pd.DataFrame | None = None,
) -> InitiativePanel:
    """The panel from the cells of its units; only whole periods that the data cover.

    With `ages` (`initiative_ages.by_age`) it knows what customers of the same age brought before.
    """
    first, last = _span(told)
    by_unit = groups(plan, sorted(set(counted["unit"])))
    frame = counted.copy()
    frame["group"] = frame["unit"].map(by_unit)
    frame["phase"] = [_phase(start, told) for start in frame["start"]]
    if ages is None or frame.empty:
        frame[EXPECTED] = np.nan
    else:
        learnt = frame["group"].isin([TREATED, CONTROL]) & (frame["phase"] == "before")
        frame[EXPECTED] = initiative_ages.expected(frame, ages, learnt, told.step)
    frame = frame[(frame["start"] >= first) & (frame["start"] < last)].copy()
    without = frame["orders"] - frame["orders_with_margin"]
    frame.loc[without > MOST_UNKNOWN * frame["orders"], "margin"] = np.nan
    seen = frame["group"].isin([TREATED, CONTROL]) & frame["phase"].isin(["before", "after"])
    all_orders = float(frame.loc[seen, "orders"].sum())
    unknown = float(without[seen].sum())
    margin_known = all_orders > 0 and unknown <= MOST_UNKNOWN * all_orders
    if known is None:
        frame["identified"], frame["all_orders"] = np.nan, np.nan
    else:
        frame = frame.merge(known, on=["unit", "start"], how="left")
        frame[["identified", "all_orders"]] = frame[["identified", "all_orders"]].fillna(0.0)
    columns = ["unit", "group", "start", "phase", *COUNTED, *EXPECTED, "identified", "all_orders"]
    frame = frame[columns].sort_values(["unit", "start"], kind="stable", ignore_index=True)
    there = {u for u in by_unit if u}
    absent = tuple(label for label in _labels(plan) if label not in there)
    return InitiativePanel(frame, told, plan.unit, margin_known, absent)


def _labels(plan: Initiative) -> tuple[str, ...]:
    told = [g.labels for g in (plan.treated, plan.controls) if g is not None]
    return tuple(dict.fromkeys([label for labels in (*told, plan.except_for) for label in labels]))


def _span(told: InitiativeWindows) -> tuple[dt.date, dt.date]:
    """From the first day of either window to the day after the last."""
    both = [w for w in (told.before, told.after) if w is not None]
    if not both:
        return told.go_live, told.go_live
    return min(w.start for w in both), max(w.end for w in both) + ONE_DAY


def _phase(start: dt.date, told: InitiativeWindows) -> str:
    for name, window in (("before", told.before), ("after", told.after)):
        if window is not None and window.start <= start <= window.end:
            return name
    return "left_out"


def stats_panel(panel: InitiativePanel, outcome: str) -> Panel | None:
    """The treated and the controls as the statistics take them; None where a window is missing.

    The outcome ("margin", "revenue", "orders") of one member in one period; units in the order of
    their labels. Where it is known what customers of the same ages brought before, it is the
    difference from that, at the level of the treated before: so ageing customers are no change.
    """
    frame = panel.frame[panel.frame["group"].isin([TREATED, CONTROL])]
    phases = set(frame.loc[frame["group"] == TREATED, "phase"])
    if not {"before", "after"} <= phases:
        return None
    values = frame.pivot(index="unit", columns="start", values=outcome).sort_index()
    members = frame.pivot(index="unit", columns="start", values="members").reindex(values.index)
    total, weight = values.to_numpy(float), np.nan_to_num(members.to_numpy(float))
    total = total - _aged(frame, outcome, values, members.to_numpy(float))
    weight = np.where(np.isnan(total), 0.0, weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.where(weight > 0, total / weight, np.nan)
    phase = frame.drop_duplicates("start").set_index("start")["phase"].reindex(values.columns)
    group = frame.drop_duplicates("unit").set_index("unit")["group"].reindex(values.index)
    ever = (weight > 0).any(axis=1)
    # in a period in which nobody was a customer yet, nothing was there to be seen
    lived = (weight > 0).any(axis=0)
    return Panel(
        y[ever],
        weight[ever],
        (group == TREATED).to_numpy()[ever],
        (phase == "before").to_numpy() & lived,
        (phase == "after").to_numpy() & lived,
        SEASON[panel.windows.step],
    )


def of_equal_age(panel: InitiativePanel) -> bool:
    """Whether the statistics hold customers against those of the same age before."""
    return EXPECTED[0] in panel.frame and bool(panel.frame[EXPECTED[0]].notna().any())


def _aged(
    frame: pd.DataFrame, outcome: str, values: pd.DataFrame, members: Floats
) -> Floats | float:
    """What customers of the same ages brought before, over the level of the treated before."""
    column = f"expected_{outcome}"
    if column not in frame or frame[column].isna().all():
        return 0.0
    wide = frame.pivot(index="unit", columns="start", values=column).reindex(values.index)
    own = frame[(frame["group"] == TREATED) & (frame["phase"] == "before")].dropna(subset=[outcome])
    mass = float(own["members"].sum())
    level = float(own[outcome].sum()) / mass if mass else 0.0
    return np.asarray(wide.to_numpy(float) - level * members)


def units_of(panel: InitiativePanel) -> tuple[list[str], list[dt.date]]:
    """The labels of the units and the first days of the periods of `stats_panel`."""
    frame = panel.frame[panel.frame["group"].isin([TREATED, CONTROL])]
    seen = frame.groupby("unit")["members"].max()
    return [str(u) for u in sorted(seen.index[seen > 0])], sorted(set(frame["start"]))

