"""An initiative's units, period by period: what its customers did, before and after."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from repurchase.calendar import Window


@dataclass(frozen=True)
class InitiativeWindows:
    """The windows of one initiative, in whole periods of its step.

    `before` ends before the anticipation begins, `after` starts when the ramp-up is over; either is
    None where the data hold no whole period of it. `complete_from` is the first day after which the
    after-window holds as many periods as were planned (None: already, or nothing was planned).
    """

    before: Window | None
    after: Window | None
    go_live: dt.date
    seen_until: dt.date
    step: str
    complete_from: dt.date | None = None


@dataclass(frozen=True)
class InitiativePanel:
    """Units x periods, long.

    `frame` columns: unit (text), group ("treated", "control", "other"), start (first day of the
    period), phase ("before", "left_out", "after"), members (customers whose first order date lies
    before the period), orders (order dates of those, so all repeat), revenue, margin (of those
    order dates; margin missing where it is not known of more than 1 %), buyers, newcomers (first
    order dates of the period), identified, all_orders (orders of the unit with a known customer,
    and all; missing where units are no places).
    """

    frame: pd.DataFrame
    windows: InitiativeWindows
    unit: str
    margin_known: bool
