"""BG/NBD on simulated customers: make FOLDER NUMBER, or TASK WAY FOLDER (fit | score).

`library` or `lifetimes`. Customers joined over three years; times are whole days, as orders have
them. Only numpy is shared, so that lifetimes may stand in an environment of its own.
"""

import json
import sys
import warnings
from pathlib import Path

from benchmarks.measure import clocked

FILE = "customers.npz"
TRUTH = {"r": 0.6, "alpha": 45.0, "a": 0.8, "b": 2.5}
SEED, DAYS = 1, 1096
# a year's value in twelve months of thirty days, as lifetimes counts them
MONTH, MONTHS, MONTHLY_DISCOUNT, HORIZON = 30.0, 12, 0.01, 365.0


def main() -> None:
    if sys.argv[1] == "make":
        said = make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        task, way, folder = sys.argv[1:4]
        customers = read(Path(folder))
        said = {"library": library, "lifetimes": lifetimes}[way](task, *customers)
    print(json.dumps(said))


def make(folder: Path, number: int) -> dict:
    """Writes histories and each customer's expected spend."""
    import numpy as np
    from repurchase.stats.btyd.purchases import PurchaseModel
    from repurchase.stats.btyd.value import simulate_histories

    rng = np.random.default_rng(SEED)
    model = PurchaseModel(*TRUTH.values(), False, 0.0, float(number), np.eye(4))
    age = rng.integers(1, DAYS, number).astype(float)
    found = simulate_histories(model, age, seed=SEED + 1)
    recency = np.minimum(np.ceil(found.recency), age)
    frequency = np.minimum(found.frequency, recency)  # at most one order date a day
    spend = rng.gamma(6.0, 15.0, number)
    np.savez(folder / FILE, frequency=frequency, recency=recency, age=age, spend=spend)
    return {"customers": number}


def read(folder: Path) -> tuple:
    import numpy as np

    with np.load(folder / FILE) as found:
        return tuple(found[name] for name in ("frequency", "recency", "age", "spend"))


def library(task: str, frequency, recency, age, spend) -> dict:
    """The parameters (fit), or expected purchases and the value of twelve months (score)."""
    from repurchase.stats.btyd import purchases
    from repurchase.stats.btyd.value import discounted_value

    if task == "fit":
        with clocked() as figures:
            model = purchases.fit_purchases(purchases.histories(frequency, recency, age))
        return figures | {"found": model.parameters.tolist()}
    import numpy as np

    model = purchases.PurchaseModel(
        *TRUTH.values(), False, 0.0, float(len(age)), np.eye(4)
    )
    with clocked() as figures:
        customers = purchases.histories(frequency, recency, age)
        expected = purchases.expected_purchases(model, customers, HORIZON)
        value = discounted_value(
            model, customers, spend, month=MONTH, months=MONTHS,
            annual_discount=(1 + MONTHLY_DISCOUNT) ** 12 - 1,
        )  # fmt: skip
    return figures | {"found": told(expected, value)}


def lifetimes(task: str, frequency, recency, age, spend) -> dict:
    """The same by lifetimes, as its documentation has it."""
    warnings.simplefilter("ignore")
    try:
        import lifetimes as package
        import pandas as pd
        from lifetimes.utils import _customer_lifetime_value
    except Exception as error:
        return {"skip": f"lifetimes cannot be imported ({type(error).__name__}: {error})"}
    if task == "fit":
        with clocked() as figures:
            model = package.BetaGeoFitter().fit(frequency, recency, age)
        return figures | {"found": [float(model.params_[name]) for name in TRUTH]}
    model = package.BetaGeoFitter()
    model.params_ = pd.Series(TRUTH)
    model.predict = model.conditional_expected_number_of_purchases_up_to_time
    with clocked() as figures:
        columns = [pd.Series(c) for c in (frequency, recency, age)]
        expected = model.predict(HORIZON, *columns)
        value = _customer_lifetime_value(
            model, *columns, pd.Series(spend), MONTHS, MONTHLY_DISCOUNT, freq="D"
        )
    return figures | {"found": told(expected.to_numpy(), value.to_numpy())}


def told(*columns) -> list[float]:
    """Sums over all customers, and some customers' own figures."""
    some = slice(None, None, max(1, len(columns[0]) // 1000))
    return [x for c in columns for x in (float(c.sum()), *c[some].tolist())]


if __name__ == "__main__":
    main()
