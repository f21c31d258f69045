"""Before a test: how many customers and days it takes, and who is put into which arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from repurchase.analysis.worklists import drawn
from repurchase.stats.trial import Sums, units_for_effect


@dataclass(frozen=True)
class Spread:
    """What the company's own customers did in a stretch of the horizon's length, a customer.

    `mean` and `deviation` of the metric over `customers` eligible ones; `explained` is the share
    of the variance that the stretch before it explains (what CUPED would take away), 0..1.
    """

    metric: str
    horizon: int
    customers: int
    mean: float
    deviation: float
    explained: float


def spread(sums: Sums, metric: str, *, horizon: int) -> Spread:
    """From sums over the eligible customers of `metric` and `before_<metric>`.

    Raises ValueError for fewer than two customers.
    """
    if sums.n < 2:
        raise ValueError(f"n == {sums.n}, must be at least 2")
    before = f"before_{metric}"
    variance = sums.covariance(metric, metric)
    known = sums.covariance(before, before)
    shared = sums.covariance(metric, before) ** 2
    explained = shared / (variance * known) if variance > 0 and known > 0 else 0.0
    return Spread(metric, horizon, sums.n, sums.mean(metric), math.sqrt(max(0.0, variance)),
                  min(1.0, explained))  # fmt: skip


def needed(
    spread: Spread,
    effects: Sequence[float],
    *,
    treated_share: float = 0.5,
    joining_a_day: float = 0.0,
    adjusted: bool = True,
) -> pd.DataFrame:
    """A row an effect: customers needed in all arms, and days until the answer.

    Columns: effect (a customer, in the metric's unit), relative (to the mean; missing if that is
    0), customers, enough (today's eligible customers suffice), days (those until enough have
    joined, and the horizon; missing where nobody joins). `adjusted` counts on CUPED. 5 % two-sided,
    found four times in five.
    """
    kept = 1 - spread.explained if adjusted else 1.0
    deviation = spread.deviation * math.sqrt(kept)
    rows = []
    for effect in effects:
        wanted = math.ceil(units_for_effect(effect, deviation, share=treated_share))
        missing = max(0, wanted - spread.customers)
        wait = 0.0 if not missing else missing / joining_a_day if joining_a_day > 0 else math.nan
        relative = effect / spread.mean if spread.mean else math.nan
        days = math.nan if math.isnan(wait) else math.ceil(wait) + spread.horizon
        rows.append((effect, relative, wanted, not missing, days))
    return pd.DataFrame(rows, columns=["effect", "relative", "customers", "enough", "days"])


def assigned(
    customers: pd.DataFrame, arms: Mapping[str, float], *, experiment_id: str, seed: int = 1
) -> pd.DataFrame:
    """Each customer with an arm: by chance within strata, the same in every run.

    `customers` has one row a customer: customer_id (text, distinct) and stratum (text). `arms` maps
    names to shares. In each stratum each arm gets its share to within one customer; which arm gets
    what is left over is drawn too. Columns: experiment_id, customer_id, stratum, arm; sorted by
    customer_id. Raises ValueError for fewer than two arms, a share that is not positive, or a
    customer on two rows.
    """
    if len(arms) < 2 or any(not share > 0 for share in arms.values()):
        raise ValueError(f"arms == {dict(arms)}, must be two or more with shares > 0")
    if customers["customer_id"].duplicated().any():
        raise ValueError("customers has a customer_id on two rows")
    salt = f"{experiment_id}:{seed}"
    total = sum(arms.values())
    # by name, so that the order in which a profile lists them draws nobody otherwise
    shares = {arm: arms[arm] / total for arm in sorted(arms)}
    rows = []
    for stratum, part in customers.groupby("stratum", sort=True):
        ids = sorted(part["customer_id"], key=lambda c: (drawn(str(c), salt), c))
        rows += [
            (experiment_id, customer, stratum, arm)
            for customer, arm in zip(ids, _arms(len(ids), shares, f"{salt}:{stratum}"), strict=True)
        ]
    names = ["experiment_id", "customer_id", "stratum", "arm"]
    return pd.DataFrame(rows, columns=names).sort_values("customer_id", ignore_index=True)


def _arms(n: int, shares: Mapping[str, float], salt: str) -> list[str]:
    """`n` arms, each its whole share, what is left over to arms drawn by their fractions."""
    whole = {arm: math.floor(n * share + 1e-9) for arm, share in shares.items()}
    left = n - sum(whole.values())
    over = {arm: n * share - whole[arm] for arm, share in shares.items()}
    # the larger the fraction, the likelier: -log(u) / weight is the order of a weighted draw
    order = sorted(
        (arm for arm in shares if over[arm] > 1e-9),
        key=lambda arm: (-math.log(max(drawn(arm, salt), 1e-300)) / over[arm], arm),
    )
    for arm in order[:left]:
        whole[arm] += 1
    return [arm for arm, count in whole.items() for _ in range(count)]
