"""What the review says of a company that sends: its leaks, and how often they are right."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from repurchase.analysis.leak_findings import leak_findings
from repurchase.analysis.leak_readings import Counted
from repurchase.analysis.leak_worth import Worth
from repurchase.analysis.leaks import LEAK, former_leaks, leaks
from repurchase.period import Period
from repurchase.records import Finding, Result

from truth.sender import MONTHS, REGIONS, STEPS, Sender, Sent, Units, live, units

WORTH = Worth("margin", 100.0, 2.0)
ORDERS = (False, False, True, False)


@dataclass(frozen=True)
class Told:
    """A company as it was lived, counted by window, and what is said of it."""

    company: Sender
    units: Units
    counted: Counted

    @functools.cached_property
    def leaks(self) -> Result:
        return leaks([self.counted], Period.parse(self.company.period), WORTH)

    @functools.cached_property
    def findings(self) -> tuple[Finding, ...]:
        former = former_leaks([self.counted], Period.parse(self.company.period), WORTH)
        return leak_findings(self.leaks, former, exhibits={"leak": "", "former_leak": ""})

    @property
    def first(self) -> dict[str, object] | None:
        """The leak that is ranked first."""
        found = self.leaks.frame
        found = found[found["status"] == LEAK]
        return None if found.empty else found.iloc[0].to_dict()


def tell(company: Sender) -> Told:
    sent = live(company)
    found = units(company, sent)
    return Told(company, found, counted(company, sent, found))


def counted(company: Sender, sent: Sent, found: Units) -> Counted:
    """Counts by window, step, channel, store, region and where customers joined."""
    last = Period.parse(company.period)
    labels = [last.shifted(n + 1 - MONTHS).label for n in range(MONTHS)]
    store = sent.store[found.customer]
    cuts = {
        "": (np.zeros_like(store), [""]),
        "channel": (found.channel, [f"C{i}" for i in range(len(company.channels))]),
        "store_id": (store, [f"S{i:02d}" for i in range(company.stores)]),
        "region": (store % REGIONS, [f"R{i}" for i in range(REGIONS)]),
        "joined through": (
            sent.joined[found.customer], [f"J{i}" for i in range(len(company.channels))]
        ),
    }  # fmt: skip
    came = np.isfinite(found.times)
    parts = []
    for cut, (code, names) in cuts.items():
        cell = code * MONTHS + found.window
        sums = [np.bincount(cell[here], minlength=len(names) * MONTHS) for here in came]
        for step in range(1, len(STEPS)):
            parts.append(
                pd.DataFrame(
                    {
                        "period": np.tile(labels, len(names)), "cut": cut,
                        "label": np.repeat(names, MONTHS), "step": step,
                        "reached": sums[step - 1], "converted": sums[step],
                    }
                )
            )  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    return Counted("main", "main", STEPS, ORDERS, frame[frame["reached"] > 0])


def replayed(told: Told) -> tuple[float, float]:
    """Conversions of the step that broke, had it not, and repurchases lost: lived without it."""
    company, broken = told.company, told.units
    what = company.broken
    assert what is not None
    mended = replace(company, broken=None)
    whole = units(mended, live(mended))
    last = [u.window == MONTHS - 1 for u in (whole, broken)]
    there = last[0] & (whole.channel == what.channel)
    usual = float(np.isfinite(whole.times[what.step][there]).sum())
    bought = [float(np.isfinite(u.times[2][now]).sum()) for u, now in zip((whole, broken), last,
                                                                          strict=True)]  # fmt: skip
    return usual, bought[0] - bought[1]


SIZES = ((0, 250), (250, 500), (500, 1000), (1000, 2000), (2000, 10**9))


def size_of(conversions: float) -> str:
    """How many conversions a month the broken step has there, for the lines of the table."""
    low, high = next(s for s in SIZES if s[0] <= conversions < s[1])
    return f"{low:,} and more" if high == SIZES[-1][1] else f"{low:,} to {high:,}"


def acts(told: Told) -> bool:
    """Whether anything is said that asks to act."""
    return any(f.tone == "bad" for f in told.findings)
