"""Funnel counts made by hand for the tests of leaks."""

from collections.abc import Callable, Mapping

import pandas as pd
from repurchase.analysis.leak_readings import Counted
from repurchase.period import Period

STEPS = ("Contact", "Interest", "Repurchase", "After-service")
ORDERS = (False, False, True, False)
NOW = Period.parse("2025-09")
Shape = Mapping[str, tuple[int, tuple[float, ...]]]

# who is contacted on a channel in a window, and how many of those at a step take it
CHANNELS: Shape = {
    "wechat": (20_000, (0.20, 0.20, 0.5)),
    "sms": (10_000, (0.10, 0.20, 0.5)),
    "email": (10_000, (0.10, 0.10, 0.5)),
}


def counted(
    rate: Callable[[str, str, int, float], float] = lambda period, label, step, usual: usual,
    *,
    channels: Shape = CHANNELS,
    windows: int = 20,
    now: Period = NOW,
    key: str = "main",
    orders: tuple[bool, ...] = ORDERS,
    entered: Callable[[str, str, int], int] = lambda period, label, usual: usual,
) -> Counted:
    """A funnel by channel that is the same in every window but for what `rate` and `entered` say.

    `rate` is asked for the conversion of a window (label), channel and step.
    """
    rows = []
    for back in range(windows):
        period = now.shifted(-back).label
        whole = {step: [0, 0] for step in (1, 2, 3)}
        for label, (contacts, rates) in channels.items():
            units = entered(period, label, contacts)
            for step, usual in enumerate(rates, start=1):
                came = round(units * rate(period, label, step, usual))
                rows.append((period, "channel", label, step, units, came))
                whole[step][0] += units
                whole[step][1] += came
                units = came
        rows += [(period, "", "", step, *sums) for step, sums in whole.items()]
    columns = ["period", "cut", "label", "step", "reached", "converted"]
    return Counted(key, key, STEPS, orders, pd.DataFrame(rows, columns=columns), days=30)


def broken(
    label: str | None, step: int, loss: float, *, since: str = "2025-09", until: str = "9999"
) -> Callable[[str, str, int, float], float]:
    """One step of one channel (of all for None) loses that share of its conversions."""

    def rate(period: str, where: str, at: int, usual: float) -> float:
        hit = label in (None, where) and at == step and since <= period <= until
        return usual * (1 - loss) if hit else usual

    return rate
