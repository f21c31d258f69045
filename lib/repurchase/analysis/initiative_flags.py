"""What could make an initiative's figures say something else than they seem to."""

from __future__ import annotations

import datetime as dt
import difflib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.initiative_panel import CONTROL, TREATED, InitiativePanel, stats_panel
from repurchase.analysis.ratios import flag
from repurchase.initiatives import Initiative
from repurchase.period import add_months
from repurchase.stats.difference import NotComparable, by_t
from repurchase.stats.panel import Effect, Flags, Floats, Panel
from repurchase.stats.proportion import Z95
from repurchase.stats.reversion import reversion

FlagName = Literal[
    "regression_to_mean", "chosen_unknown", "anticipation", "spill_over", "other_initiatives",
    "incomplete_after", "mix_change", "identification_change", "costs_missing", "labels_unknown",
    "tries",
]  # fmt: skip
# of ten sound initiatives with three such tests each, fewer than one is suspected for nothing
SUSPECT_P = 0.01
# the stretch before the go-live in which the treated are chosen for how they do: a quarter
CHOSEN_IN = {"month": 3, "week": 13}
# the stretch in which who knows what is coming waits or hurries: a month
FORESEEN_IN = {"month": 1, "week": 4}
# an expected change below this part of the effect decides nothing
NEGLIGIBLE = 0.25
# what part of the controls' orders more at treated places than before means that they were reached
MOST_SPILLED = 0.02
# newcomers order more often than old customers: so much of a change in their share moves the mean
MOST_MIXED = 0.05
# the panel compares with the same season only where it holds a whole year of it
FULL_CYCLE = {"month": 12, "week": 52}


@dataclass(frozen=True)
class Flag:
    """One warning. `raised` False: looked for and not found; None: cannot be told.

    `values` fill the sentence: shares, counts, days, names. `refuses` says that no rung may be
    stood on while it is raised.
    """

    name: FlagName
    raised: bool | None
    values: Mapping[str, float | str | None] = field(default_factory=dict)
    refuses: bool = False


class Crossed(NamedTuple):
    """Order dates of the controls' customers, and how many of them at treated places."""

    before: float
    before_crossed: float
    after: float
    after_crossed: float


def crossed(
    days: ir.Table, units: ir.Table, place: str, panel: InitiativePanel
) -> Crossed | None:
    """How often the controls' customers bought where the initiative was; None without controls.

    `units` are as `initiative_panel.by_place` gives them.
    """
    named = panel.frame.drop_duplicates("unit").set_index("unit")["group"]
    treated = [str(u) for u in named.index[named == TREATED]]
    controls = [str(u) for u in named.index[named == CONTROL]]
    told = panel.windows
    if not controls or not treated or told.before is None or told.after is None:
        return None
    joined = days.inner_join(units.select("customer_id", "unit"), "customer_id")
    joined = joined.filter(joined.unit.isin(controls) & (joined.day_rank > 1))
    there = joined[place].isin(treated)
    sums = {}
    for name, window in (("before", told.before), ("after", told.after)):
        inside = joined.order_date.between(window.start, window.end)
        sums[name] = flag(inside).sum()
        sums[f"{name}_crossed"] = flag(inside & there).sum()
    (row,) = joined.aggregate(**sums).to_pyarrow().to_pylist()
    return Crossed(**{name: float(row[name] or 0) for name in Crossed._fields})


def spill_over(panel: InitiativePanel, outcome: str, counts: Crossed | None) -> Flag:
    """Whether the controls' customers went to the treated places more than they used to.

    values: share (of their orders, after), before (the same before), change (what the controls
    themselves changed, a member and period). What reaches controls in other ways is not seen.
    """
    change = _own_change(panel, outcome, CONTROL)
    if counts is None or not counts.before or not counts.after:
        return Flag("spill_over", None, {"change": change, "share": None})
    before, after = counts.before_crossed / counts.before, counts.after_crossed / counts.after
    values = {"change": change, "share": after, "before": before}
    return Flag("spill_over", after - before > MOST_SPILLED, values)


def _own_change(panel: InitiativePanel, outcome: str, group: str) -> float | None:
    """What a group's mean changed, a member and period."""
    own = panel.frame[panel.frame["group"] == group]
    means = {}
    for phase in ("before", "after"):
        part = own[own["phase"] == phase].dropna(subset=[outcome])
        members = float(part["members"].sum())
        if not members:
            return None
        means[phase] = float(part[outcome].sum()) / members
    return means["after"] - means["before"]


# ---- how the treated were chosen ----------------------------------------------------------------


def regression_to_mean(
    plan: Initiative, panel: InitiativePanel, outcome: str, effect: Effect | None
) -> Flag:
    """Whether the treated were chosen for doing badly or well, and what that alone would change.

    Raised where the profile says so, or where the treated fell or rose against the others in the
    quarter before as they hardly would by chance. Refuses where what is to be expected is not
    small beside the effect. values: expected, low, high (a member and period), p of that quarter.
    """
    told = stats_panel(panel, outcome)
    if plan.treated is None or plan.chosen_by == "chance":
        return Flag("regression_to_mean", False)
    if told is None or told.treated.all():
        return Flag("regression_to_mean", True if plan.chosen_by == "outcome" else None)
    dip = _last_against_rest(told, CHOSEN_IN[panel.windows.step])
    seen = dip is not None and dip.p is not None and dip.p < SUSPECT_P
    expected = expected_reversion(told)
    values: dict[str, float | str | None] = {
        "expected": None if expected is None else expected.value,
        "low": None if expected is None else expected.low,
        "high": None if expected is None else expected.high,
        "dip": None if dip is None else dip.value,
        "p": None if dip is None else dip.p,
    }
    raised = plan.chosen_by == "outcome" or seen
    return Flag("regression_to_mean", raised, values, refuses=raised and _weighs(expected, effect))


def _weighs(expected: Effect | None, effect: Effect | None) -> bool:
    """Whether the expected change is worth a quarter of the effect, as far as one can tell."""
    if expected is None or effect is None:
        return True
    reach = max(abs(expected.low), abs(expected.high))
    return not reach < NEGLIGIBLE * abs(effect.value)


def expected_reversion(told: Panel) -> Effect | None:
    """What the treated would change without any effect; None where it cannot be told."""
    try:
        return reversion(told).expected
    except NotComparable:
        return None


def chosen_unknown(plan: Initiative) -> Flag:
    """Whether nobody knows how the treated were chosen.

    Customers picked one by one are picked for what they do: no comparison tells their own course
    from the effect, so it refuses, unless chance picked them.
    """
    if plan.treated is None or plan.chosen_by == "chance":
        return Flag("chosen_unknown", False)
    one_by_one = plan.unit == "customer"
    raised = plan.chosen_by == "unknown" or one_by_one
    return Flag("chosen_unknown", raised, {"chosen_by": plan.chosen_by}, refuses=one_by_one)


def anticipation(panel: InitiativePanel, outcome: str) -> Flag:
    """Whether the treated moved against the controls in the last month before.

    values: change (a member and period), p.
    """
    told = stats_panel(panel, outcome)
    found = None if told is None else _last_against_rest(told, FORESEEN_IN[panel.windows.step])
    if found is None or found.p is None:
        return Flag("anticipation", None, {"change": None if found is None else found.value})
    return Flag("anticipation", found.p < SUSPECT_P, {"change": found.value, "p": found.p})


def _last_against_rest(told: Panel, periods: int) -> Effect | None:
    """How the treated moved against the controls in the last periods of the before window.

    Over units: Welch's test of their changes. None where either side has fewer than two units.
    """
    before = np.flatnonzero(told.before)
    if len(before) <= periods:
        return None
    last, rest = np.zeros((2, told.y.shape[1]), dtype=bool)
    last[before[-periods:]], rest[before[:-periods]] = True, True
    sides = [_changes(told, rest, last, told.treated == side) for side in (True, False)]
    if min(len(values) for values, _ in sides) < 2:
        return None
    return difference_of_means(*sides)


def _changes(told: Panel, rest: Flags, last: Flags, units: Flags) -> tuple[Floats, Floats]:
    """Each unit's mean in the last less that in the rest, and its members in the last."""
    y, w = np.nan_to_num(told.y[units]), told.weight[units]
    masses = [w[:, side].sum(axis=1) for side in (rest, last)]
    use = (masses[0] > 0) & (masses[1] > 0)
    means = [
        (y * w)[use][:, side].sum(axis=1) / mass[use]
        for side, mass in zip((rest, last), masses, strict=True)
    ]
    return means[1] - means[0], masses[1][use]


def difference_of_means(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Effect:
    """The weighted mean of one less that of the other, Welch's interval over units."""
    parts = []
    for values, mass in (one, other):
        share = mass / mass.sum()
        mean, n = float(share @ values), len(values)
        variance = float(((share * (values - mean)) ** 2).sum()) * n / (n - 1)
        parts.append((mean, variance, n))
    (a, va, na), (b, vb, nb) = parts
    total = va + vb
    if not total > 0:
        return by_t(a - b, 0.0, na + nb - 2)
    df = total**2 / (va**2 / (na - 1) + vb**2 / (nb - 1))
    return by_t(a - b, math.sqrt(total), df)


# ---- what else happened -------------------------------------------------------------------------


def other_initiatives(names: Sequence[str]) -> Flag:
    """Other initiatives and incidents that fell on the same customers in the same window."""
    values: dict[str, float | str | None] = {"count": float(len(names)), "names": ", ".join(names)}
    return Flag("other_initiatives", bool(names), values)


def incomplete_after(panel: InitiativePanel) -> Flag:
    """Whether the after-window is shorter than planned, or than the year that holds every season.

    values: seen (periods), planned (a year where nothing is planned), complete_from (ISO day of
    what is planned), whole_on (ISO day on which either is seen).
    """
    told, frame = panel.windows, panel.frame
    seen = frame.loc[frame["phase"] == "after", "start"].nunique()
    planned, day, whole = float(FULL_CYCLE[told.step]), None, None
    if told.after is not None:
        whole = (add_months(told.after.start, 12) - dt.timedelta(days=1)).isoformat()
    if told.complete_from is not None:
        start = told.after.start if told.after else told.go_live
        per = 7 if told.step == "week" else 365.25 / 12
        planned = float(round(((told.complete_from - start).days + 1) / per))
        day = whole = told.complete_from.isoformat()
    raised = told.complete_from is not None or seen < planned
    values: dict[str, float | str | None] = {
        "seen": float(seen), "planned": planned, "complete_from": day, "whole_on": whole,
    }  # fmt: skip
    return Flag("incomplete_after", raised, values)


def mix_change(panel: InitiativePanel) -> Flag:
    """Whether the part of newcomers changed among the treated otherwise than among the controls.

    values: before, after (newcomers for each customer and newcomer of the treated), change (against
    the controls, or on its own where there are none).
    """
    shares = _shares(panel.frame, "newcomers", ("members", "newcomers"))
    return _moved("mix_change", shares, MOST_MIXED)


def identification_change(
    panel: InitiativePanel, limit: float, effect: Effect | None
) -> Flag:
    """Whether more orders got a known customer at the treated places than at the controls'.

    Then customers seem to return who always did. But who orders more makes the share rise too, so
    it refuses only where orders without a known customer became fewer than the controls' tell: as
    many as that may be known customers' now, and they must not be a quarter of the effect, in
    repeat orders a member and period (`effect`).

    values: before, after (shares of the treated's orders), change (against the controls), shifted
    (orders a member and period that may only have become known), certain (1: beyond chance).
    """
    if panel.frame["all_orders"].isna().all():
        return Flag("identification_change", None)
    shares = _shares(panel.frame, "identified", ("all_orders",))
    found = _moved("identification_change", shares, limit)
    shifted = _shifted(panel)
    if not found.raised or shifted is None:
        return found
    orders, certain = shifted
    size = 0.0 if effect is None else abs(effect.value)
    refuses = certain and orders >= NEGLIGIBLE * size
    values = {**found.values, "shifted": orders, "certain": float(certain)}
    return Flag(found.name, True, values, refuses=refuses)


def _shifted(panel: InitiativePanel) -> tuple[float, bool] | None:
    """Orders a member and period that vanished among those of nobody known at the treated places,
    against the controls' course; and whether that is more than chance."""
    frame = panel.frame
    unknown = (frame["all_orders"] - frame["identified"]).groupby([frame["group"], frame["phase"]])
    counts = unknown.sum()
    keys = [(g, p) for g in (TREATED, CONTROL) for p in ("before", "after")]
    if any(key not in counts.index or not counts[key] > 0 for key in keys):
        return None
    tb, ta, cb, ca = (float(counts[key]) for key in keys)
    growth = math.log(ta / tb) - math.log(ca / cb)
    # orders of one unit come in bunches: twice the variance of counts
    error = math.sqrt(2 * (1 / tb + 1 / ta + 1 / cb + 1 / ca))
    after = frame[(frame["group"] == TREATED) & (frame["phase"] == "after")]
    vanished = ta * (math.exp(-growth) - 1)
    return vanished / max(float(after["members"].sum()), 1.0), growth < -Z95 * error


Shares = Mapping[tuple[str, str], float]


def _shares(frame: pd.DataFrame, part: str, whole: Sequence[str]) -> Shares:
    found: dict[tuple[str, str], float] = {}
    for group in (TREATED, CONTROL):
        for phase in ("before", "after"):
            rows = frame[(frame["group"] == group) & (frame["phase"] == phase)]
            total = float(rows[list(whole)].sum().sum())
            if total > 0:
                found[group, phase] = float(rows[part].sum()) / total
    return found


def _moved(name: FlagName, shares: Shares, limit: float) -> Flag:
    own = [shares.get((TREATED, phase)) for phase in ("before", "after")]
    other = [shares.get((CONTROL, phase)) for phase in ("before", "after")]
    before, after = own
    if before is None or after is None:
        return Flag(name, None, {"before": before, "after": after})
    change = after - before
    if other[0] is not None and other[1] is not None:
        change -= other[1] - other[0]
    values = {"before": before, "after": after, "change": change}
    return Flag(name, abs(change) > limit, values)


def costs_missing(
    missing: Sequence[str],
    unknown: Sequence[str] = (),
    known: Collection[str] = (),
    *,
    negative: tuple[int, float] = (0, 0.0),
    aside: int = 0,
    others: Sequence[str] = (),
) -> Flag:
    """Costs that were expected and never booked, or not read: it cost more than is counted.

    `missing` are categories, `unknown` names by which no cost is booked, of those `known` to the
    table of costs. `negative` is how many booked rows are below 0 and their sum, `aside` how many
    rows of the costs could not be read. `others` are booked categories that no plan can expect:
    told where one is missing, as it may be a misspelt one. values: names (categories), ids (those
    names), nearest (what they may mean, at most three each), others, negative and below (a count
    and its money), aside.
    """
    count, below = negative
    values: dict[str, float | str | None] = {
        "names": ", ".join(missing),
        "ids": ", ".join(unknown),
        "nearest": ", ".join(_nearest(unknown, known)),
        "others": ", ".join(others) if missing else "",
        "negative": float(count),
        "below": below,
        "aside": float(aside),
    }
    return Flag("costs_missing", bool(missing or unknown or count or aside), values)


def labels_unknown(
    absent: Sequence[str], known: Collection[str], groups: Sequence[str] = ()
) -> Flag:
    """Labels of the plan that no customer has: who was treated is not who was meant.

    `known` are labels that exist without a customer of their own: such a one is only named. Where
    nobody knows it, or a whole group of the plan is empty (`groups`), it refuses: a misspelt store
    is counted among the others. values: names, nearest, empty, groups.
    """
    there = set(known)
    unknown = [label for label in absent if label not in there]
    values = {
        "names": ", ".join(unknown),
        "nearest": ", ".join(_nearest(unknown, known)),
        "empty": ", ".join(label for label in absent if label in there),
        "groups": ", ".join(groups),
    }
    refuses = bool(unknown or groups)
    return Flag("labels_unknown", bool(absent or groups), values, refuses=refuses)


def _nearest(names: Sequence[str], known: Collection[str]) -> list[str]:
    """At most three of `known` for each name, whatever their capitals."""
    spelt = {label.casefold(): label for label in known}
    near = [m for n in names for m in difflib.get_close_matches(n.casefold(), spelt, 3, 0.6)]
    return sorted({spelt[m] for m in near})


def tries(count: int) -> Flag:
    """How often it was read with other windows or controls: the best of many reads is chance."""
    return Flag("tries", count > 0, {"count": float(count)})
