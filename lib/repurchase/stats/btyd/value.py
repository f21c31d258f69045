"""What customers are expected to bring, and how surely: discounted value, draws, intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from repurchase.stats.btyd.purchases import (
    Histories,
    PurchaseModel,
    alive,
    expected_by_step,
    expected_purchases,
    fit_purchases,
    histories,
)
from repurchase.stats.btyd.spend import SpendModel, expected_spend, fit_spend
from repurchase.stats.fitting import Floats, NotFitted
from repurchase.stats.proportion import Estimate


def discounted_value(
    model: PurchaseModel,
    customers: Histories,
    spend: ArrayLike,
    *,
    month: float,
    months: int = 12,
    annual_discount: float = 0.0,
) -> Floats:
    """Money to be expected of each customer within `months`, discounted to today.

    `spend` is expected per purchase (revenue, or margin: then the value is a margin); `month` is a
    month in the unit of time of the histories (365.25 / 12 for days). A month's purchases are
    discounted as if all came at its end, at (1 + annual_discount) ** (1 / 12) a month.

    Raises ValueError unless months >= 1, month > 0, annual_discount > -1.
    """
    if months < 1 or not month > 0 or not annual_discount > -1:
        raise ValueError(
            f"months == {months}, month == {month}, annual_discount == {annual_discount}, "
            "must be months >= 1, month > 0, annual_discount > -1"
        )
    by_end = expected_by_step(model, customers, month * np.arange(1, months + 1))
    monthly = np.diff(by_end, axis=0, prepend=0.0)
    factor = (1 + annual_discount) ** (-np.arange(1, months + 1) / 12)
    return np.asarray(spend, dtype=float) * np.einsum("ij,i->j", monthly, factor)


def simulate_histories(model: PurchaseModel, age: ArrayLike, *, seed: int) -> Histories:
    """New customers of the model, observed for `age` each."""
    rng = np.random.default_rng(seed)
    t = np.asarray(age, dtype=float)
    rate = rng.gamma(model.r, 1 / model.alpha, len(t))
    bought, left_after = rng.poisson(rate * t), _leaves_after(model, rng, len(t))
    x = np.minimum(bought, left_after)
    # the x-th of n uniform moments
    place = rng.beta(np.maximum(x, 1), bought - x + 1.0)
    return histories(x, np.where(x > 0, place * t, 0.0), t)


def simulate_purchases(
    model: PurchaseModel, customers: Histories, horizon: float, *, seed: int
) -> Floats:
    """One possible future of each customer (count 1): purchases within `horizon`."""
    rng = np.random.default_rng(seed)
    x, t, n = customers.frequency, customers.age, len(customers)
    stays = rng.random(n) < alive(model, customers)
    rate = rng.gamma(model.r + x, 1 / (model.alpha + t))
    leaving = rng.beta(model.a, model.b + x + model.leaves_at_once)
    left_after = rng.geometric(np.clip(leaving, 1e-12, 1.0))
    return np.where(stays, np.minimum(rng.poisson(rate * horizon), left_after), 0).astype(float)


def simulate_spend(
    model: SpendModel, frequency: ArrayLike, mean_spend: ArrayLike, purchases: Floats, *, seed: int
) -> Floats:
    """Money that each customer spends at so many purchases, in one possible future."""
    rng = np.random.default_rng(seed)
    x, z = np.asarray(frequency, dtype=float), np.asarray(mean_spend, dtype=float)
    spent = np.where(x > 0, x * z, 0.0)
    rate = rng.gamma(model.p * x + model.q, 1 / (model.gamma + spent))
    paid = rng.gamma(np.where(purchases > 0, model.p * purchases, 1.0)) / rate
    return np.where(purchases > 0, paid, 0.0)


def draw_parameters(model: PurchaseModel | SpendModel, *, draws: int, seed: int) -> Floats:
    """Parameters as sure as the data make them: one row a draw, normal in the logarithms.

    This is what refitting simulated customers gives in the limit of many; with few hundred
    customers `bootstrap_parameters` is the better, slower way.
    """
    rng = np.random.default_rng(seed)
    logs = np.log(model.parameters)
    found = rng.multivariate_normal(logs, model.covariance, size=draws, method="eigh")
    return np.exp(np.clip(found, logs - 5, logs + 5))


def bootstrap_parameters(
    model: PurchaseModel, customers: Histories, *, draws: int, seed: int
) -> Floats:
    """Parametric bootstrap: the parameters of customers simulated from the model, refitted.

    One row a draw. A sample without a maximum is left out; if more than one in ten is, the data do
    not carry an interval.

    Raises NotFitted (`flat`) then.
    """
    seeds = np.random.SeedSequence(seed).generate_state(draws)
    age = np.repeat(customers.age, customers.count.astype(int))
    found = []
    for each in seeds.tolist():
        try:
            sample = simulate_histories(model, age, seed=each)
            fitted = fit_purchases(sample, leaves_at_once=model.leaves_at_once)
        except NotFitted:
            continue
        found.append(fitted.parameters)
    if len(found) < 0.9 * draws:
        raise NotFitted("flat", f"{draws - len(found)} of {draws} bootstrap samples")
    return np.array(found)


def bootstrap_spend(model: SpendModel, frequency: ArrayLike, *, draws: int, seed: int) -> Floats:
    """Parametric bootstrap of spend: customers with so many counted purchases, refitted.

    One row a draw. A sample without a maximum is left out; if more than one in ten is, the data do
    not carry an interval.

    Raises NotFitted (`flat`) then.
    """
    x = np.asarray(frequency, dtype=float)
    x = x[x > 0]
    found = []
    for each in np.random.SeedSequence(seed).generate_state(draws).tolist():
        rng = np.random.default_rng(each)
        rate = rng.gamma(model.q, 1 / model.gamma, len(x))
        try:
            found.append(fit_spend(x, rng.gamma(model.p * x) / (rate * x)).parameters)
        except (NotFitted, ValueError):  # a mean may underflow to 0
            continue
    if len(found) < 0.9 * draws:
        raise NotFitted("flat", f"{draws - len(found)} of {draws} bootstrap samples")
    return np.array(found)


def total_purchases(
    model: PurchaseModel,
    customers: Histories,
    horizon: float,
    *,
    parameters: Floats,
    seed: int,
) -> Estimate:
    """Purchases to be expected of all customers (count 1) together, with a 95 % interval.

    The interval holds what the parameters (rows of draws) leave open and the chance in what
    customers then do; not that the model may be wrong, which only a back-test shows.
    """
    expected = expected_purchases(model, customers, horizon)
    future = simulate_purchases(model, customers, horizon, seed=seed)
    some = _sample(len(customers), seed)
    part, base = _rows(customers, some), expected[some].sum()
    ratios = [expected_purchases(model.at(row), part, horizon).sum() / base for row in parameters]
    return _total(expected, future, np.array(ratios), seed)


def total_spend(
    model: PurchaseModel,
    spend: SpendModel,
    customers: Histories,
    mean_spend: ArrayLike,
    horizon: float,
    *,
    counted: ArrayLike | None = None,
    parameters: Floats,
    spend_parameters: Floats,
    seed: int,
) -> Estimate:
    """Money to be expected of all customers (count 1) together, with a 95 % interval.

    `mean_spend` is over `counted` purchases of each (the repeat purchases, unless given). As
    `total_purchases` says of its interval; a discounted total is as sure, relatively.
    """
    x = customers.frequency if counted is None else np.asarray(counted, dtype=float)
    z = np.asarray(mean_spend, dtype=float)
    expected = expected_purchases(model, customers, horizon) * expected_spend(spend, x, z)
    bought = simulate_purchases(model, customers, horizon, seed=seed)
    future = simulate_spend(spend, x, z, bought, seed=seed + 1)
    some = _sample(len(customers), seed)
    part, base = _rows(customers, some), expected[some].sum()
    ratios = [
        (
            expected_purchases(model.at(row), part, horizon)
            * expected_spend(spend.at(money), x[some], z[some])
        ).sum()
        / base
        for row, money in zip(parameters, spend_parameters, strict=True)
    ]
    return _total(expected, future, np.array(ratios), seed)


def _sample(n: int, seed: int, most: int = 20_000) -> Any:
    """Rows that show how a total moves with the parameters."""
    if n <= most:
        return slice(None)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _rows(customers: Histories, some: Any) -> Histories:
    return Histories(
        customers.frequency[some], customers.recency[some], customers.age[some],
        customers.count[some],
    )  # fmt: skip


def _total(expected: Floats, future: Floats, ratios: Floats, seed: int) -> Estimate:
    """Sum, and the middle 95 % of it over draws of the parameters and of what happens."""
    rng = np.random.default_rng(seed + 2)
    value = float(expected.sum())
    chance = float(np.sqrt(((future - expected) ** 2).sum()))
    totals = value * ratios + chance * rng.standard_normal(len(ratios))
    low, high = np.quantile(totals, [0.025, 0.975]).tolist()
    return Estimate(value, max(0.0, low), high)


def _leaves_after(model: PurchaseModel, rng: np.random.Generator, n: int) -> Floats:
    """After how many repeat purchases each leaves."""
    leaving = np.clip(rng.beta(model.a, model.b, n), 1e-12, 1.0)
    return (rng.geometric(leaving) - model.leaves_at_once).astype(float)
