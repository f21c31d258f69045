"""Are the customers won lately as good as those before them were at the same age?"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.cuts import EXPLORATORY, FALSE_DISCOVERIES, STANDS
from repurchase.analysis.ratios import FEWEST_UNITS, cents, flag
from repurchase.analysis.windows import ONE_DAY, Windows
from repurchase.calendar import Window
from repurchase.period import add_months
from repurchase.reasons import (
    FEW_NEWCOMERS,
    NO_COLUMN_CAMPAIGN,
    NO_COLUMN_CHANNEL,
    NO_COLUMN_DISCOUNT,
    NO_MARGIN,
    NO_MONEY,
    NOT_FOLLOWED,
    reason,
)
from repurchase.records import Record, Result, Unit, dimensions
from repurchase.stats.multiplicity import benjamini_hochberg, p_of_interval
from repurchase.stats.proportion import (
    Estimate,
    Moments,
    change_of,
    ratio,
    wilson,
)

AGES = (30, 60, 90)
NEWEST_MONTHS = 3
MOST_CAMPAIGNS = 8
CUTS = {"all": None, "channel": NO_COLUMN_CHANNEL, "campaign": NO_COLUMN_CAMPAIGN,
        "discount": NO_COLUMN_DISCOUNT}  # fmt: skip


@dataclass(frozen=True)
class Joiners:
    """The newest and the earlier newcomers who have reached an age, by first order date."""

    age: int
    newest: Window
    earlier: Window


def joiners_of(windows: Windows, age: int) -> Joiners:
    """The newest who have reached that age, and those who joined in the same months a year ago.

    The newest are those of the last three months that have reached the highest age, and whoever
    has joined since and reached this one. A year lies between the groups, so that no season does.
    """
    oldest = windows.seen_until - dt.timedelta(days=max(AGES))
    first = add_months(oldest, -NEWEST_MONTHS) + ONE_DAY
    last = windows.seen_until - dt.timedelta(days=age)
    return Joiners(age, Window(first, last), Window(add_months(first, -12), add_months(last, -12)))


def is_sound(windows: Windows) -> bool:
    """Whether a year of data lies before the earlier newcomers, so that they are newcomers."""
    return add_months(windows.data_from, 12) <= joiners_of(windows, max(AGES)).earlier.start


def newest_customers(days: ir.Table, windows: Windows) -> Result:
    """The share back and the money of the newest newcomers against earlier ones at the same age.

    `days` needs customer_id, order_date, first_date, day_rank, net_revenue, net_margin, channel,
    campaign_id and discounted; what its first order date says of a customer is his for good. Every
    customer counted is old enough (see `joiners_of`), so that Kaplan-Meier is the plain share.

    A channel and a discount are held against newcomers of a year ago with the same one; a campaign
    against all of them, since it has none of its own. Columns: cut (all, channel,
    campaign, discount), label, last_joined (date), figure ("back" or "margin", "revenue" where no
    margin is known: money a newcomer up to that age, the first order date included; the spread of
    money among few newest customers is taken to be at least that among the earlier ones), age, n,
    value, low, high, earlier_n, earlier, change, change_low, change_high (independent customers),
    p (Benjamini-Hochberg, over the rows of all newcomers and over all others), mark ("stands",
    "exploratory" or "").
    Records: repurchase_<age>d and newcomer_margin or newcomer_revenue, `joined=newest` and
    `joined=earlier`.
    """
    joiners = [joiners_of(windows, age) for age in AGES]
    counted = _counted(days, joiners).to_pandas()
    money, missing = _money_known(counted)
    records: list[Record] = list(missing)
    rows: list[dict[str, Any]] = []
    for cut, unknown in CUTS.items():
        labels = _labels(counted, cut)
        if unknown is not None and not any(labels):
            records.append(_nothing(cut, unknown))
            continue
        for label in labels:
            part = counted if cut == "all" else counted[counted[cut] == label]
            against = counted if cut in ("all", "campaign") else part
            for who in joiners:
                rows += _rows(cut, label, who, part, against, money, windows, records)
    frame = _judged(pd.DataFrame(rows, columns=_COLUMNS), sound=is_sound(windows))
    return Result(frame, tuple(records))


_COLUMNS = [
    "cut", "label", "last_joined", "figure", "age", "n", "value", "low", "high", "earlier_n",
    "earlier", "change", "change_low", "change_high", "p", "mark",
]  # fmt: skip


def _counted(days: ir.Table, joiners: list[Joiners]) -> ir.Table:
    """Counts and sums by what the first order date says, for each age and group of joiners."""
    first, last = min(j.earlier.start for j in joiners), max(j.newest.end for j in joiners)
    oldest = max(AGES)
    age = days.order_date.delta(days.first_date, unit="day")
    kept = days.mutate(age=age).filter(
        days.first_date.between(first, last), lambda t: t.age <= oldest
    )
    begin = kept.day_rank == 1
    money = {w: cents(kept[f"net_{w}"].sum()) for w in ("revenue", "margin")}
    units = kept.group_by("customer_id").aggregate(
        first=kept.first_date.min(),
        second=kept.age.min(where=kept.day_rank == 2),
        channel=kept.channel.max(where=begin),
        campaign=kept.campaign_id.max(where=begin),
        discount=kept.discounted.cast("string").max(where=begin),
        revenue_known=kept.net_revenue.count(),
        margin_known=kept.net_margin.count(),
        **money,
    )
    columns: dict[str, ir.Scalar] = {
        "last_joined": units["first"].max(),
        "revenue_known": units.revenue_known.sum(),
        "margin_known": units.margin_known.sum(),
    }
    for j in joiners:
        for name, window in (("newest", j.newest), ("earlier", j.earlier)):
            inside = units["first"].between(window.start, window.end)
            columns[f"{name} {j.age} n"] = flag(inside).sum()
            columns[f"{name} {j.age} back"] = flag(inside & (units.second <= j.age)).sum()
            for what in ("revenue", "margin") if j.age == oldest else ():
                amount = units[what]
                columns[f"{name} {j.age} {what}"] = amount.sum(where=inside).cast("float64")
                square = (amount * amount).sum(where=inside)
                columns[f"{name} {j.age} {what} sq"] = square.cast("float64")
    keys = {k: units[k].fill_null("") for k in ("channel", "campaign", "discount")}
    return units.group_by(**keys).aggregate(**columns).order_by("channel", "campaign", "discount")


def _money_known(counted: pd.DataFrame) -> tuple[str | None, list[Record]]:
    """Margin where any is known, else revenue; the record of what is missing."""
    has = {what: counted[f"{what}_known"].sum() > 0 for what in ("revenue", "margin")}
    if has["margin"]:
        return "margin", []
    few = reason(FEW_NEWCOMERS, fewest=FEWEST_UNITS) if counted.empty else None
    missing = [
        Record("newcomer_margin", None, "money", status="not_computed", reason=few or NO_MARGIN)
    ]
    if has["revenue"]:
        return "revenue", missing
    nothing = replace(missing[0], metric="newcomer_revenue", reason=few or NO_MONEY)
    return None, [*missing, nothing]


def _labels(counted: pd.DataFrame, cut: str) -> list[str]:
    """What there is to look at: every label, of campaigns the last ones with enough newcomers."""
    if cut == "all":
        return [""]
    labels = sorted(set(counted[cut]) - {""})
    if cut != "campaign":
        return [*labels, *([""] if "" in set(counted[cut]) and labels else [])]
    by = counted[counted["campaign"] != ""].groupby("campaign")
    n = by[[f"newest {age} n" for age in AGES]].sum().max(axis=1)
    last = by["last_joined"].max()
    enough = [label for label in labels if n[label] >= FEWEST_UNITS]
    return sorted(enough, key=lambda label: (last[label], label), reverse=True)[:MOST_CAMPAIGNS]


def _nothing(cut: str, why: str) -> Record:
    where = dimensions(cut=cut, joined="newest")
    return Record("repurchase_90d", None, "share", where, status="not_computed", reason=why)


def _rows(
    cut: str, label: str, who: Joiners, part: pd.DataFrame, against: pd.DataFrame,
    money: str | None, windows: Windows, records: list[Record],
) -> list[dict[str, Any]]:  # fmt: skip
    """The share back at this age, and at the highest age the money; records are added."""
    n, then_n = _sum(part, f"newest {who.age} n"), _sum(against, f"earlier {who.age} n")
    where = {} if cut == "all" else {cut: label}
    metric = f"repurchase_{who.age}d"
    if who.newest.start < windows.data_from or n < FEWEST_UNITS:
        short = who.newest.start < windows.data_from
        why = (
            reason(NOT_FOLLOWED, day=windows.data_from.isoformat())
            if short
            else reason(FEW_NEWCOMERS, fewest=FEWEST_UNITS)
        )
        if cut != "campaign":  # a campaign too young for an age is blank: see `next_readable`
            place = dimensions(joined="newest", **where)
            records.append(
                Record(metric, None, "share", place, n=n, status="not_computed", reason=why)
            )
        return []
    compared = who.earlier.start >= windows.data_from and then_n >= FEWEST_UNITS
    row = {"cut": cut, "label": label, "age": who.age, "n": n, "earlier_n": then_n}
    row["last_joined"] = _day(part["last_joined"].max())
    found = [_back(row, who, part, against, compared)]
    if money and who.age == max(AGES):
        found.append(_money(row, who, part, against, compared, money))
    for one in found:
        unit: Unit = "share" if one["figure"] == "back" else "money"
        name = metric if unit == "share" else f"newcomer_{money}"
        records.append(
            Record(name, one["value"], unit, dimensions(joined="newest", **where),
                   low=one["low"], high=one["high"], numerator=one.pop("a"), n=n)
        )  # fmt: skip
        if not math.isnan(one["earlier"]):
            records.append(
                Record(name, one["earlier"], unit, dimensions(joined="earlier", **where),
                       low=one.pop("e_low"), high=one.pop("e_high"), n=then_n)
            )  # fmt: skip
    return found


def next_readable(frame: pd.DataFrame) -> dt.date | None:
    """The next day on which a campaign shown reaches an age that is still blank; None if none."""
    found = []
    campaigns = frame[(frame["cut"] == "campaign") & (frame["figure"] == "back")]
    for _, part in campaigns.groupby("label"):
        left = [age for age in AGES if age > part["age"].max()]
        found += [_day(part["last_joined"].iloc[0]) + dt.timedelta(days=age) for age in left[:1]]
    return min(found, default=None)


def _day(value: Any) -> dt.date:
    return pd.Timestamp(value).date()


def _sum(frame: pd.DataFrame, column: str) -> float:
    return float(frame[column].sum())


def _back(
    row: dict[str, Any], who: Joiners, part: pd.DataFrame, against: pd.DataFrame, compared: bool
) -> dict[str, Any]:
    back = _sum(part, f"newest {who.age} back")
    now = wilson(back, row["n"])
    found = {**row, "figure": "back", "a": back, **_bounds(now)}
    if not compared:
        return found | _NO_CHANGE
    then_back = _sum(against, f"earlier {who.age} back")
    then = wilson(then_back, row["earlier_n"])
    return found | _against(then, change_of(now, then))


def _money(
    row: dict[str, Any], who: Joiners, part: pd.DataFrame, against: pd.DataFrame, compared: bool,
    what: str,
) -> dict[str, Any]:  # fmt: skip
    def mean(frame: pd.DataFrame, name: str, n: float) -> Estimate:
        a, aa = (_sum(frame, f"{name} {who.age} {what}{s}") for s in ("", " sq"))
        return ratio(Moments(n, a, n, aa, a, n))

    now = mean(part, "newest", row["n"])
    total = _sum(part, f"newest {who.age} {what}")
    found = {**row, "figure": what, "a": total, **_bounds(now)}
    if not compared:
        return found | _NO_CHANGE
    then = mean(against, "earlier", row["earlier_n"])
    # a few customers without a large order among them would look surer than they are
    least = (then.high - then.value) * math.sqrt(row["earlier_n"] / row["n"])
    wide = max(now.high - now.value, least)
    change = change_of(Estimate(now.value, now.value - wide, now.value + wide), then)
    return found | _against(then, change)


_NO_CHANGE = dict.fromkeys(("earlier", "change", "change_low", "change_high"), np.nan)


def _bounds(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _against(then: Estimate, change: Estimate) -> dict[str, float]:
    return {
        "earlier": then.value, "e_low": then.low, "e_high": then.high, "change": change.value,
        "change_low": change.low, "change_high": change.high,
    }  # fmt: skip


def _judged(frame: pd.DataFrame, *, sound: bool) -> pd.DataFrame:
    """The frame with adjusted p-values and marks.

    The comparisons of all newcomers are planned and are one family, all those of cuts another.
    Where the data begin too late for the earlier newcomers to be sure ones, nothing stands.
    """
    frame = frame.copy()
    frame["p"], frame["mark"] = np.nan, ""
    judged = frame["change_low"].astype(float) < frame["change_high"].astype(float)
    for family in (frame["cut"] == "all", frame["cut"] != "all"):
        _judge(frame, frame.index[judged & family], sound=sound)
    return frame


def _judge(frame: pd.DataFrame, known: pd.Index, *, sound: bool) -> None:
    """Write p and mark of these rows, which are judged together."""
    single = [
        p_of_interval(*(float(v) for v in frame.loc[i, ["change", "change_low", "change_high"]]))
        for i in known
    ]
    for i, alone, p in zip(known, single, benjamini_hochberg(single), strict=True):
        frame.loc[i, "p"] = p
        if p < FALSE_DISCOVERIES and sound:
            frame.loc[i, "mark"] = STANDS
        elif alone < FALSE_DISCOVERIES:
            frame.loc[i, "mark"] = EXPLORATORY
