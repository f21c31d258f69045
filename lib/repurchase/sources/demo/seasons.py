"""How busy each day is, by store: weekday, month, Spring Festival, 618, 11.11, closed days."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from repurchase.sources.demo import plan
from repurchase.sources.demo.draws import Floats

_WEEKDAY = {
    "store": (0.86, 0.84, 0.88, 0.92, 1.08, 1.28, 1.20),
    "app": (1.02, 1.00, 1.00, 1.03, 1.05, 0.94, 0.96),
    "marketplace": (1.04, 1.02, 1.00, 1.00, 0.97, 0.95, 1.02),
    "wechat": (0.96, 0.95, 0.98, 1.02, 1.10, 1.04, 0.95),
}
_MONTH = (1.02, 0.92, 0.98, 1.00, 1.04, 1.00, 0.93, 0.95, 1.03, 1.02, 1.06, 1.08)


def _festival(day: date, channel: str) -> float:
    """A run-up of 18 days, four closed days for the tills, and a slow return."""
    for new_year in plan.SPRING_FESTIVALS:
        gap = (day - new_year).days
        if -18 <= gap <= -2:
            return 1.25 + 0.035 * (gap + 18)
        if -1 <= gap <= 2:
            return 0.0 if channel == "store" else 0.30
        if 3 <= gap <= 10:
            return 0.45 + 0.06 * (gap - 3)
    return 1.0


def _promotion(day: date, channel: str) -> float:
    """618 and 11.11: strongest on the marketplace, weakest in stores, with a dip afterwards."""
    peak = {"store": 1.25, "app": 1.7, "marketplace": 3.2, "wechat": 1.6}[channel]
    if day.month == 6:
        if 16 <= day.day <= 18:
            return peak * 0.85
        return 0.80 if 19 <= day.day <= 27 else 1.0 + 0.1 * (peak - 1) * (day.day < 16)
    if day.month == 11:
        if day.day in (1, 2, 3, 9, 10):
            return 1 + 0.6 * (peak - 1)
        if day.day == 11:
            return peak * 1.2
        return 0.78 if 12 <= day.day <= 22 else 1.0
    return 1.0


def _golden_week(day: date, channel: str) -> float:
    if day.month == 10 and day.day <= 7:
        return 1.35 if channel == "store" else 0.8
    if day.month == 5 and day.day <= 3:
        return 1.3 if channel == "store" else 0.85
    return 1.0


def channel_day(days: int) -> Floats:
    """Factor on purchase intensity, channel x day, about 1 on an ordinary day; 0 = closed."""
    table = np.ones((len(plan.CHANNELS), days))
    for offset in range(days):
        day = plan.START + timedelta(days=offset)
        for row, channel in enumerate(plan.CHANNELS):
            table[row, offset] = (
                _WEEKDAY[channel][day.weekday()]
                * _MONTH[day.month - 1]
                * _festival(day, channel)
                * _promotion(day, channel)
                * _golden_week(day, channel)
            )
    return table


def store_day(days: int) -> Floats:
    """The same by store, with its loyalty; after a store has closed its customers half go on."""
    by_channel = channel_day(days)
    table = np.empty((len(plan.STORES), days))
    for row, store in enumerate(plan.STORES):
        table[row] = by_channel[max(row - plan.OWN_STORES + 1, 0)] * store.loyalty
        if store.closed_on is not None:
            closed = plan.day_of(store.closed_on) + 1
            table[row, closed:] = by_channel[1, closed:] * 0.5
    return table


def gift_day(days: int) -> Floats:
    """Factor for those who buy gifts: near nothing but before the feasts and the sales."""
    table = np.full(days, 0.10)
    feasts = [(day, 20) for day in plan.SPRING_FESTIVALS] + [(day, 18) for day in plan.MID_AUTUMNS]
    for year in range(plan.START.year, plan.END.year + 1):
        feasts += [(date(year, 11, 12), 12), (date(year, 6, 19), 8), (date(year, 12, 26), 10)]
        feasts += [(date(year, 5, 21), 6)]
    for day, run_up in feasts:
        last = plan.day_of(day)
        table[max(last - run_up, 0) : max(last, 0)] = 3.4
    return table
