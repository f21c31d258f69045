"""What the customers of today are expected to bring in twelve months, and how far to trust it.

Purchases by BG/NBD, money per purchase by Gamma-Gamma (`stats.btyd`). The forecast stands beside
its back-test: the same models, fitted on what was known a test period ago, against what those
customers then bought. What the test found is said, never corrected for.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import cents
from repurchase.analysis.standing import Known
from repurchase.reasons import (
    FEW_CUSTOMERS,
    FORECAST_TOO_HIGH,
    FORECAST_TOO_LOW,
    NO_THIRD_ORDER,
    NOT_FITTED,
    NOT_TESTED_YET,
    SHORT_DATA,
    reason,
)
from repurchase.records import Record, Result, Unit, dimensions
from repurchase.stats import rhythm
from repurchase.stats.btyd.purchases import (
    Histories,
    PurchaseModel,
    expected_purchases,
    fit_purchases,
    histories,
)
from repurchase.stats.btyd.spend import SpendModel, expected_spend, fit_spend
from repurchase.stats.btyd.value import (
    bootstrap_parameters,
    bootstrap_spend,
    discounted_value,
    draw_parameters,
    total_purchases,
    total_spend,
)
from repurchase.stats.fitting import Floats, NotFitted
from repurchase.stats.proportion import Z95, Estimate, Moments, ratio
from repurchase.stats.rank import mean_ranks

FEWEST_CUSTOMERS = 500
FEWEST_DAYS = 180
YEAR_DAYS = 365
MONTH = YEAR_DAYS / 12
SHORTEST_TEST = 60
DRAWS = 100
MOST_FITTED = 200_000
# Up to here parameters are refitted on simulated customers; of more the curvature says the same.
MOST_REFITTED = 3_000
DECILES = 10
# A correlation of frequency and spend beyond this moves a forecast of money noticeably.
WEAK = 0.1
MONEY = ("predicted_revenue", "predicted_margin")


class Book(NamedTuple):
    """Customers as of a day, in the order of their ids, as the models count them.

    `counted` is how many repeat order dates `mean_spend` is taken over; both are 0 for who has
    none with a known amount, and for the `left_out` whose mean is not positive.
    """

    ids: pd.Series
    histories: Histories
    counted: Floats
    mean_spend: Floats
    left_out: int


class Models(NamedTuple):
    """The fitted models of a day, or in `missing` why there are none (of money: `no_money`)."""

    book: Book
    purchases: PurchaseModel | None
    spend: SpendModel | None
    missing: str | None
    no_money: str | None


class Rate(NamedTuple):
    """Margin as a share of the revenue of repeat order dates of the last year."""

    value: Estimate
    margin: float
    customers: float


def book(summary: ir.Table, day: dt.date) -> Book:
    """The customers of a summary of `day`."""
    columns = ("order_days", "repeat_money_days", "repeat_revenue")
    rows = summary.order_by("customer_id").select(
        "customer_id", "first_date", "last_date",
        **{c: summary[c].cast("float64").fill_null(0.0) for c in columns},
    )  # fmt: skip
    frame = rows.to_pandas()
    first, last = (pd.to_datetime(frame[c]) for c in ("first_date", "last_date"))
    made = histories(
        frame["order_days"] - 1, (last - first).dt.days, (pd.Timestamp(day) - first).dt.days
    )
    counted = frame["repeat_money_days"].to_numpy()
    mean = np.divide(
        frame["repeat_revenue"].to_numpy(), counted, out=np.zeros(len(frame)), where=counted > 0
    )
    bad = (counted > 0) & (mean <= 0)
    return Book(
        frame["customer_id"], made, np.where(bad, 0.0, counted), np.where(bad, 0.0, mean),
        int(bad.sum()),
    )  # fmt: skip


def models(
    summary: ir.Table, *, day: dt.date, data_from: dt.date, no_money: str | None
) -> Models:
    """Both models as of `day`, from the customer summary of that day.

    Gates: 500 customers, 180 days of data, one customer with three order dates; a likelihood
    without a maximum is a reason too. `no_money` says why there is no amount to model.
    """
    held = book(summary, day)
    why = _gate(held, (day - data_from).days + 1)
    if why:
        return Models(held, None, None, why, why)
    try:
        purchases = fit_purchases(held.histories, limits=True)
    except NotFitted:
        return Models(held, None, None, NOT_FITTED, NOT_FITTED)
    if no_money:
        return Models(held, purchases, None, None, no_money)
    try:
        spend = fit_spend(held.counted, held.mean_spend)
    except NotFitted:
        return Models(held, purchases, None, None, NOT_FITTED)
    return Models(held, purchases, spend, None, None)


def _gate(held: Book, days: int) -> str | None:
    customers = len(held.ids)
    if customers < FEWEST_CUSTOMERS:
        return reason(FEW_CUSTOMERS, customers=customers, fewest=FEWEST_CUSTOMERS)
    if days < FEWEST_DAYS:
        return reason(SHORT_DATA, days=days, fewest=FEWEST_DAYS)
    if not (held.histories.frequency > 1).any():
        return NO_THIRD_ORDER
    return None


# ---- the forecast -------------------------------------------------------------------------------


def margin_rate(days: ir.Table, *, end: dt.date) -> Rate | None:
    """What of repeat revenue is margin, over order dates after the first of the last 365 days.

    Only order dates of which both are known; None where there is no such revenue, or one customer.
    """
    since = end - dt.timedelta(days=YEAR_DAYS)
    rows = days.filter(
        (days.day_rank > 1) & (days.order_date > since)
        & days.net_margin.notnull() & days.net_revenue.notnull()
    )  # fmt: skip
    each = rows.group_by("customer_id").aggregate(
        a=cents(rows.net_margin).sum(), b=cents(rows.net_revenue).sum()
    )
    each = each.mutate(a=each.a.cast("decimal(18, 2)"), b=each.b.cast("decimal(18, 2)"))
    sums = {
        "n": each.count(), "a": each.a.sum(), "b": each.b.sum(), "aa": (each.a * each.a).sum(),
        "ab": (each.a * each.b).sum(), "bb": (each.b * each.b).sum(),
    }  # fmt: skip
    totals = each.aggregate(**{name: total.cast("float64") for name, total in sums.items()})
    row = {k: float(v or 0) for k, v in totals.to_pyarrow().to_pylist()[0].items()}
    if row["n"] < 2 or row["b"] <= 0:
        return None
    return Rate(ratio(Moments(**row)), row["a"], row["n"])


def predicted_value(
    found: Models,
    days: ir.Table,
    *,
    day: dt.date,
    known: Known,
    annual_discount: float,
    seed: int = 1,
) -> Result:
    """What the customers of `day` will bring in the next 365 days, in all and each.

    One row: customers, left_out, horizon_days, annual_discount, refitted (whether the interval
    comes from refitting simulated customers; else from the curvature of the likelihood), draws,
    open (parameters that the data leave open, comma-separated), parameters of both models.
    Records: `predicted_purchases`, `predicted_revenue`, `predicted_margin` and the last two
    `_per_customer`, with 95 % intervals; `repeat_margin_rate`; `spend_correlation`;
    `spend_left_out` (customers whose mean repeat spend is not positive).
    Money is discounted at `annual_discount`, month by month; of newcomers nothing is said.
    """
    if found.purchases is None:
        names = ("predicted_purchases", *MONEY)
        return Result(pd.DataFrame(), tuple(_missing(n, found.missing or "") for n in names))
    drawn = _drawn(found, seed)
    n = len(found.book.ids)
    bought = total_purchases(
        found.purchases, found.book.histories, YEAR_DAYS, parameters=drawn.purchases, seed=seed
    )
    records = [_record("predicted_purchases", "count", bought, n)]
    records += _money_records(found, drawn, days, day, known, annual_discount, seed)
    row = _facts(found, drawn) | {"horizon_days": YEAR_DAYS, "annual_discount": annual_discount}
    return Result(pd.DataFrame([row]), tuple(records))


def expected_of_each(found: Models, *, annual_discount: float) -> pd.DataFrame:
    """One row a customer: what to expect in the next 365 days.

    Columns: customer_id, expected_purchases, expected_order (money a purchase), expected_revenue
    (discounted). The last two are missing without a model of money; all rows are without any.
    """
    columns = ["customer_id", "expected_purchases", "expected_order", "expected_revenue"]
    if found.purchases is None:
        return pd.DataFrame(columns=columns)
    held = found.book
    frame = pd.DataFrame({
        "customer_id": held.ids,
        "expected_purchases": expected_purchases(found.purchases, held.histories, YEAR_DAYS),
        "expected_order": math.nan,
        "expected_revenue": math.nan,
    })  # fmt: skip
    if found.spend is not None:
        each = expected_spend(found.spend, held.counted, held.mean_spend)
        frame["expected_order"] = each
        frame["expected_revenue"] = _discounted(found, each, annual_discount)
    return frame


class Drawn(NamedTuple):
    """Rows of parameters, as sure as the data make them."""

    purchases: Floats
    spend: Floats
    refitted: bool


def _drawn(found: Models, seed: int) -> Drawn:
    """Parametric bootstrap for few customers; the normal law that it tends to for many.

    Where the data leave a parameter open, or too many samples have no maximum, only the second
    has an answer; the page says which was taken.
    """
    assert found.purchases is not None
    held, few = found.book, len(found.book.ids) <= MOST_REFITTED
    if few and not found.purchases.open:
        try:
            bought = bootstrap_parameters(
                found.purchases, held.histories, draws=DRAWS, seed=seed
            )
            spent = _spend_drawn(found, len(bought), seed, refitted=True)
            many = min(len(bought), len(spent))
            return Drawn(bought[:many], spent[:many], True)
        except NotFitted:
            pass
    bought = draw_parameters(found.purchases, draws=DRAWS, seed=seed)
    return Drawn(bought, _spend_drawn(found, DRAWS, seed, refitted=False), False)


def _spend_drawn(found: Models, draws: int, seed: int, *, refitted: bool) -> Floats:
    if found.spend is None:
        return np.full((draws, 3), np.nan)
    if refitted:
        return bootstrap_spend(found.spend, found.book.counted, draws=draws, seed=seed + 1)
    drawn = draw_parameters(found.spend, draws=4 * draws, seed=seed + 1)
    # without q > 1 there is no mean spend: such a draw cannot be a forecast
    return drawn[drawn[:, 1] > 1][:draws]


def _money_records(
    found: Models, drawn: Drawn, days: ir.Table, day: dt.date, known: Known,
    annual_discount: float, seed: int,
) -> list[Record]:  # fmt: skip
    left = Record("spend_left_out", float(found.book.left_out), "count", n=len(found.book.ids))
    if found.spend is None:
        return [*(_missing(name, found.no_money or "") for name in MONEY), left]
    held, n = found.book, len(found.book.ids)
    plain = _total_money(found, drawn, YEAR_DAYS, seed)
    each = expected_spend(found.spend, held.counted, held.mean_spend)
    less = float(_discounted(found, each, annual_discount).sum()) / plain.value
    revenue = _times(plain, less)
    records = [_record("predicted_revenue", "money", revenue, n), _mean("revenue", revenue, n)]
    rate = None if known.margin else margin_rate(days, end=day)
    if rate is None:
        records.append(_missing("predicted_margin", known.margin or NOT_FITTED))
    else:
        margin = _product(revenue, rate.value)
        records += [
            _record("predicted_margin", "money", margin, n), _mean("margin", margin, n),
            replace(_record("repeat_margin_rate", "share", rate.value, rate.customers),
                    numerator=rate.margin),
        ]  # fmt: skip
    tied = found.spend.correlation
    if math.isnan(tied.value):
        return [*records, left]
    return [*records, _record("spend_correlation", "ratio", tied, found.spend.customers), left]


def _total_money(found: Models, drawn: Drawn, horizon: int, seed: int) -> Estimate:
    assert found.purchases is not None and found.spend is not None
    many = min(len(drawn.purchases), len(drawn.spend))
    return total_spend(
        found.purchases, found.spend, found.book.histories, found.book.mean_spend, horizon,
        counted=found.book.counted, parameters=drawn.purchases[:many],
        spend_parameters=drawn.spend[:many], seed=seed,
    )  # fmt: skip


def _discounted(found: Models, each: Floats, annual_discount: float) -> Floats:
    assert found.purchases is not None
    if annual_discount == 0:
        return expected_purchases(found.purchases, found.book.histories, YEAR_DAYS) * each
    return discounted_value(
        found.purchases, found.book.histories, each, month=MONTH, annual_discount=annual_discount
    )


def _times(total: Estimate, factor: float) -> Estimate:
    return Estimate(*(bound * factor for bound in total))


def _product(total: Estimate, rate: Estimate) -> Estimate:
    """A total times a rate that is not known exactly either: relative errors add in squares."""
    value = total.value * rate.value
    bounds = []
    for sign, one, other in ((-1, total.low, rate.low), (1, total.high, rate.high)):
        reach = math.hypot(rate.value * (one - total.value), total.value * (other - rate.value))
        bounds.append(value + sign * reach)
    return Estimate(value, *bounds)


def _record(name: str, unit: Unit, found: Estimate, n: float) -> Record:
    low, high = (None if math.isnan(bound) else bound for bound in found[1:])
    return Record(name, found.value, unit, low=low, high=high, n=float(n))


def _mean(what: str, total: Estimate, n: int) -> Record:
    record = _record(f"predicted_{what}_per_customer", "money", _times(total, 1 / n), n)
    return replace(record, numerator=total.value)


def _missing(name: str, why: str) -> Record:
    unit: Unit = "money" if name in MONEY else "count"
    return Record(name, None, unit, status="not_computed", reason=why)


def _facts(found: Models, drawn: Drawn) -> dict[str, object]:
    assert found.purchases is not None
    row: dict[str, object] = {
        "customers": len(found.book.ids), "left_out": found.book.left_out,
        "refitted": drawn.refitted, "draws": len(drawn.purchases),
        "open": ",".join(found.purchases.open),
    }  # fmt: skip
    row |= dict(zip(("r", "alpha", "a", "b"), found.purchases.parameters.tolist(), strict=True))
    spend = [math.nan] * 3 if found.spend is None else found.spend.parameters.tolist()
    return row | dict(zip(("p", "q", "gamma"), spend, strict=True))


def never_returning(summary: ir.Table, *, day: dt.date) -> Result:
    """The share of all customers who are expected never to order again, by own rhythm.

    Record: `never_again` of the whole base; no BG/NBD, for which nobody with one order leaves. Of
    more than 200,000 customers every k-th by id is taken; n says how many.
    """
    columns = ("order_days", "log_gap_sum", "log_gap_squares")
    rows = summary.order_by("customer_id").select(
        "last_date", **{c: summary[c].cast("float64").fill_null(0.0) for c in columns}
    )
    frame = rows.to_pandas()
    frame = frame.iloc[:: -(-max(len(frame), 1) // MOST_FITTED)]
    elapsed = (pd.Timestamp(day) - pd.to_datetime(frame["last_date"])).dt.days
    customers = rhythm.gaps(
        frame["order_days"] - 1, frame["log_gap_sum"], frame["log_gap_squares"], elapsed
    )
    try:
        share = rhythm.never_returning(rhythm.fit_rhythm(customers), customers)
    except NotFitted:
        record = Record("never_again", None, "share", status="not_computed", reason=NOT_FITTED)
        return Result(pd.DataFrame(), (record,))
    record = _record("never_again", "share", share, len(frame))
    return Result(pd.DataFrame([share._asdict()]), (record,))


# ---- the back-test ------------------------------------------------------------------------------


def span_of_test(data_from: dt.date, end: dt.date) -> int:
    """How long a back-test the data allow: a year, or half of them, leaving 180 days to learn.

    0 if that would be under 60 days.

    >>> span_of_test(dt.date(1997, 1, 1), dt.date(1998, 6, 30))
    273
    """
    days = (end - data_from).days + 1
    found = min(YEAR_DAYS, days // 2, days - FEWEST_DAYS)
    return found if found >= SHORTEST_TEST else 0


def tested(
    found: Models, days: ir.Table, *, cut: dt.date, end: dt.date, seed: int = 1
) -> Result:
    """The forecast made on `cut` against what those customers bought up to `end`.

    `found` are the models of `cut`, `days` the customer days up to `end`. One row a tenth of the
    customers by what was predicted of each, fewest first (who are predicted alike stay together):
    part, customers; predicted_purchases, purchases, purchases_low, purchases_high;
    predicted_revenue, revenue, revenue_low, revenue_high: all means of a customer, the intervals of
    what came; first, last (dates of the test). Revenue is missing where it is not modelled.
    Records: `tested_purchases` and `tested_revenue` with dimensions kind=predicted (with interval)
    and kind=real; `forecast_error` of both (predicted / real - 1), 0 within its interval where the
    truth lay within that of the forecast.
    """
    if found.purchases is None:
        return untested(found.missing or "")
    horizon = (end - cut).days
    real = _real(found.book, days, cut, end)
    drawn = _drawn(found, seed)
    bought = total_purchases(
        found.purchases, found.book.histories, horizon, parameters=drawn.purchases, seed=seed
    )
    expected = expected_purchases(found.purchases, found.book.histories, horizon)
    said: dict[str, Floats] = {"purchases": expected}
    records = _compared("purchases", "count", bought, real["purchases"])
    if found.spend is not None:
        each = expected_spend(found.spend, found.book.counted, found.book.mean_spend)
        said["revenue"] = expected * each
        total = _total_money(found, drawn, horizon, seed)
        records += _compared("revenue", "money", total, real["revenue"])
    else:
        records.append(_no_error("revenue", found.no_money or ""))
    frame = _parts(said, real).assign(first=cut + dt.timedelta(days=1), last=end)
    return Result(frame, tuple(records))


def untested(why: str) -> Result:
    """What `tested` returns where no test can be made."""
    return Result(pd.DataFrame(), tuple(_no_error(of, why) for of in ("purchases", "revenue")))


def _no_error(of: str, why: str) -> Record:
    where = dimensions(of=of)
    return Record("forecast_error", None, "ratio", where, status="not_computed", reason=why)


def _real(held: Book, days: ir.Table, cut: dt.date, end: dt.date) -> dict[str, Floats]:
    """Order dates and net revenue of each customer of the book, after `cut` up to `end`."""
    later = days.filter((days.order_date > cut) & (days.order_date <= end))
    each = later.group_by("customer_id").aggregate(
        purchases=later.count().cast("float64"),
        revenue=cents(later.net_revenue).sum().cast("float64"),
    )
    frame = each.to_pandas().set_index("customer_id").reindex(held.ids).fillna(0.0)
    return {name: frame[name].to_numpy(dtype=float) for name in ("purchases", "revenue")}


def _compared(of: str, unit: Unit, said: Estimate, real: Floats) -> list[Record]:
    came, n = float(real.sum()), float(len(real))
    records = [
        Record(f"tested_{of}", said.value, unit, dimensions(kind="predicted"), low=said.low,
               high=said.high, n=n),
        Record(f"tested_{of}", came, unit, dimensions(kind="real"), n=n),
    ]  # fmt: skip
    if came <= 0:
        return [*records, _no_error(of, NOT_TESTED_YET)]
    low, value, high = (bound / came - 1 for bound in (said.low, said.value, said.high))
    error = Record("forecast_error", value, "ratio", dimensions(of=of), low=low, high=high,
                   numerator=said.value, n=came)  # fmt: skip
    return [*records, error]


def _parts(said: Mapping[str, Floats], real: Mapping[str, Floats]) -> pd.DataFrame:
    """Means by tenth of the prediction: of money where it is modelled, else of purchases."""
    order = said.get("revenue", said["purchases"])
    n = len(order)
    # the mean rank of ties decides where all of them go
    part = np.minimum((mean_ranks(order) - 0.5) * DECILES // n, DECILES - 1).astype(int)
    rows = []
    for index in np.unique(part).tolist():
        inside = part == index
        row: dict[str, float] = {"part": index + 1, "customers": int(inside.sum())}
        for of in ("purchases", "revenue"):
            row |= _means(of, said.get(of), real[of], inside)
        rows.append(row)
    return pd.DataFrame(rows)


def _means(of: str, said: Floats | None, real: Floats, inside: Floats) -> dict[str, float]:
    names = (f"predicted_{of}", of, f"{of}_low", f"{of}_high")
    if said is None:
        return dict.fromkeys(names, math.nan)
    values = real[inside]
    mean = float(values.mean())
    half = math.nan
    if len(values) > 1:
        half = Z95 * float(values.std(ddof=1)) / math.sqrt(len(values))
    found = (float(said[inside].mean()), mean, mean - half, mean + half)
    return dict(zip(names, found, strict=True))


def labelled(forecast: Result, test: Result) -> Result:
    """The forecast, called provisional where its test missed or could not be made, with by how
    much and in which direction; the figures stay as they are."""
    if test.frame.empty:
        day = None
    else:
        day = (test.frame["first"].iloc[0] - dt.timedelta(days=1)).isoformat()
    said = {of: _verdict(test.records, of, day) for of in ("purchases", "revenue")}
    records = []
    for record in forecast.records:
        of = "purchases" if record.metric == "predicted_purchases" else "revenue"
        why = said[of]
        if record.value is None or not record.metric.startswith("predicted_") or why is None:
            records.append(record)
        else:
            records.append(replace(record, status="provisional", reason=why))
    return replace(forecast, records=tuple(records))


def _verdict(records: Sequence[Record], of: str, day: str | None) -> str | None:
    """What the test has against the forecast; None if nothing."""
    where = dimensions(of=of)
    error = next(r for r in records if (r.metric, r.dimensions) == ("forecast_error", where))
    if error.value is None or error.low is None or error.high is None:
        return NOT_TESTED_YET
    if error.low <= 0 <= error.high:
        return None
    template = FORECAST_TOO_LOW if error.value < 0 else FORECAST_TOO_HIGH
    return reason(template, day=day, percent=f"{abs(100 * error.value):.1f}")
