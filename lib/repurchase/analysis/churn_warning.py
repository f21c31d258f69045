"""Who may be lost: which order to warn in, tested on dates gone by, and what is at stake.

The reason for a warning is the customer's own rhythm: later than nine of ten of the own gaps. The
order in which to work through the warned is another question. It is settled by a test: on dates
some months apart each score is made from what was known then, and held against who ordered in the
days after. A score is used only if it orders better than recency alone by more than chance.
P(alive) of BG/NBD is shown as a warning and never used: nobody with one order can have left in it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.predicted_value import FEWEST_CUSTOMERS
from repurchase.analysis.windows import active_at
from repurchase.reasons import FEW_CAME_BACK, TOO_SHORT_TO_TEST, reason
from repurchase.records import Record, Result, dimensions
from repurchase.stats import rhythm
from repurchase.stats.btyd.purchases import (
    alive,
    expected_purchases,
    fit_purchases,
    histories,
)
from repurchase.stats.fitting import Floats, NotFitted
from repurchase.stats.logistic import fit_logistic, probability
from repurchase.stats.proportion import wilson
from repurchase.stats.rank import (
    calibration,
    lift,
    mean_ranks,
    pooled_auc,
    pooled_auc_difference,
)

HORIZON_DAYS = 90
ORIGINS = 6
FEWEST_DAYS = 180
# Fewer who came, or did not, leave an order to chance.
FEWEST_EACH = 30
# Of more customers a seeded sample is tested: the order is sure long before.
MOST_TESTED = 100_000
RECENCY, ALIVE = "recency", "alive"
SCORES = (RECENCY, "frequency", "own_rhythm", "returns", "expected", "combined", ALIVE)
# Those that say how likely an order is, not only who is likelier.
PROBABILITIES = ("returns", "combined")
SURE = 0.05


class Seen(NamedTuple):
    """The active customers of a date, in the order of their ids, and what was known of them."""

    ids: pd.Series
    scores: Mapping[str, Floats]
    traits: Floats
    came: np.ndarray


class Tables(NamedTuple):
    """A date, the customer summary of it, and how long the customers of it stay such."""

    day: dt.date
    summary: ir.Table
    active_months: int


def origins(data_from: dt.date, end: dt.date, *, horizon: int = HORIZON_DAYS) -> list[dt.date]:
    """The dates of prediction, latest first: `horizon` days apart, the last ending with `end`.

    One more than is tested, for the combined score to learn from; each has 180 days before it.
    """
    found = [end - dt.timedelta(days=horizon * k) for k in range(1, ORIGINS + 2)]
    return [day for day in found if (day - data_from).days >= FEWEST_DAYS]


def warning_test(
    dated: Sequence[Tables],
    days: ir.Table,
    *,
    data_from: dt.date,
    end: dt.date,
    horizon: int = HORIZON_DAYS,
    seed: int = 1,
) -> Result:
    """How well each score told who would order within `horizon` days, over the dates of `origins`.

    `dated` are these dates, latest first, with their summaries; the earliest of several only
    teaches. One row a score: score, auc, low, high (mean over the dates), gain, gain_low,
    gain_high, p (over that of recency), gains (whether more than chance, Bonferroni), used; at the
    latest date alone: top, top_low, top_high (share without an order among the tenth most at risk),
    lift, lift_low, lift_high (over that of all), said, slope, slope_low, slope_high (what it
    foretold of all; 1 where its levels spread as what came; missing for a score that is no
    probability), base (without an order, of all), came, customers; tested (customers and dates),
    origins, first, last, horizon.
    Records: `warning_auc`, `warning_gain`, `warning_lift` by score=, `warning_used` (dimension
    score=; 1).
    """
    if not dated:
        needed = FEWEST_DAYS + horizon
        return _untested(reason(TOO_SHORT_TO_TEST, day=data_from.isoformat(), days=needed))
    chosen = _sampled(dated[0].summary, seed)
    seen = [seen_on(t, days, horizon, chosen) for t in dated]
    if any(min(s.came.sum(), (~s.came).sum()) < FEWEST_EACH for s in seen):
        return _untested(reason(FEW_CAME_BACK, fewest=FEWEST_EACH))
    judged = _with_combined(seen)
    return _judged(judged, horizon, end)


def _untested(why: str) -> Result:
    where = dimensions(score=RECENCY)
    record = Record("warning_auc", None, "ratio", where, status="not_computed", reason=why)
    return Result(pd.DataFrame(), (record,))


def _sampled(summary: ir.Table, seed: int) -> pd.Index | None:
    """The customers tested; None: all of them. Those of the latest date include all before."""
    n = int(summary.count().execute())
    if n <= MOST_TESTED:
        return None
    ids = summary.order_by("customer_id").select("customer_id").to_pandas()["customer_id"]
    taken = np.random.default_rng(seed).choice(n, MOST_TESTED, replace=False)
    return pd.Index(ids.iloc[np.sort(taken)])


def seen_on(
    at: Tables, days: ir.Table, horizon: int, chosen: pd.Index | None = None
) -> Seen:
    """The active customers of a date with their scores, and who came within `horizon` days.

    `chosen`: of these customers only. A model that the data do not determine has no score, nor
    has BG/NBD under 500 customers.
    """
    until = at.day + dt.timedelta(days=horizon)
    later = days.filter((days.order_date > at.day) & (days.order_date <= until))
    buyers = later.select("customer_id").distinct().to_pandas()["customer_id"]
    frame = _known(at)
    if chosen is not None:
        frame = frame[frame["customer_id"].isin(chosen)].reset_index(drop=True)
    scores, traits = _scores(frame, horizon)
    begin = pd.Timestamp(active_at(at.day, at.active_months).start)
    keep = (frame["last_date"] >= begin).to_numpy()
    ids = frame["customer_id"][keep].reset_index(drop=True)
    active = {name: values[keep] for name, values in scores.items()}
    return Seen(ids, active, traits[keep], ids.isin(buyers).to_numpy())


def _known(at: Tables) -> pd.DataFrame:
    columns = ("order_days", "log_gap_sum", "log_gap_squares")
    rows = at.summary.order_by("customer_id").select(
        "customer_id", "first_date", "last_date",
        **{c: at.summary[c].cast("float64").fill_null(0.0) for c in columns},
    )  # fmt: skip
    frame = rows.to_pandas()
    day = pd.Timestamp(at.day)
    for name in ("first_date", "last_date"):
        frame[name] = pd.to_datetime(frame[name])
    return frame.assign(
        elapsed=(day - frame["last_date"]).dt.days.astype(float),
        age=(day - frame["first_date"]).dt.days.astype(float),
    )


def _scores(frame: pd.DataFrame, horizon: int) -> tuple[dict[str, Floats], Floats]:
    """Scores (higher: likelier to order) and the traits that the combined score learns from."""
    x, elapsed, age = (frame[c].to_numpy() for c in ("order_days", "elapsed", "age"))
    x = x - 1
    scores: dict[str, Floats] = {RECENCY: -elapsed, "frequency": x}
    late = np.zeros(len(frame))
    customers = rhythm.gaps(x, frame["log_gap_sum"], frame["log_gap_squares"], elapsed)
    try:
        beat = rhythm.fit_rhythm(customers)
        late = rhythm.overdue(beat, customers)
        scores["own_rhythm"] = -late
        scores["returns"] = rhythm.next_purchase(beat, customers, horizon=horizon).returns
    except NotFitted:
        pass
    if len(frame) < FEWEST_CUSTOMERS:
        return scores, _traits(elapsed, x, late, age)
    past = histories(x, age - elapsed, age)
    try:
        model = fit_purchases(past, limits=True)
        scores["expected"] = expected_purchases(model, past, horizon)
        scores[ALIVE] = alive(model, past)
    except NotFitted:
        pass
    return scores, _traits(elapsed, x, late, age)


def _traits(elapsed: Floats, x: Floats, late: Floats, age: Floats) -> Floats:
    return np.c_[np.log1p(elapsed), np.log1p(x), late, np.log1p(age)]


def _with_combined(seen: Sequence[Seen]) -> list[Seen]:
    """The dates that are tested: each with the combined score learnt on all dates before it.

    A single date is tested without one.
    """
    if len(seen) == 1:
        return list(seen)
    tested = []
    for place, now in enumerate(seen[:-1]):
        before = seen[place + 1 :]
        traits = np.concatenate([s.traits for s in before])
        came = np.concatenate([s.came for s in before])
        try:
            found = probability(fit_logistic(traits, came), now.traits)
            tested.append(now._replace(scores={**now.scores, "combined": found}))
        except NotFitted:
            tested.append(now)
    return tested


def _judged(seen: Sequence[Seen], horizon: int, end: dt.date) -> Result:
    came = np.concatenate([s.came for s in seen])
    group = np.concatenate([np.full(len(s.came), i) for i, s in enumerate(seen)])
    unit = np.concatenate([s.ids.to_numpy(dtype=object) for s in seen])
    _, unit = np.unique(unit.astype(str), return_inverse=True)
    names = [name for name in SCORES if all(name in s.scores for s in seen)]
    pooled = {name: np.concatenate([s.scores[name] for s in seen]) for name in names}
    rivals = [name for name in names if name not in (RECENCY, ALIVE)]
    rows = []
    for name in names:
        area = pooled_auc(pooled[name], came, group, unit)
        row: dict[str, object] = {"score": name, "auc": area.value, "low": area.low}
        row |= {"high": area.high, "gains": False}
        if name != RECENCY:
            gain = pooled_auc_difference(pooled[name], pooled[RECENCY], came, group, unit)
            row |= {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high, "p": gain.p}
            # as many scores try, one of them would win by chance
            sure = name in rivals and gain.value > 0 and gain.p * len(rivals) < SURE
            row["gains"] = sure
        rows.append(row | _latest(seen[0], name))
    frame = pd.DataFrame(rows)
    better = frame[frame["gains"]]
    used = RECENCY if better.empty else str(better.sort_values("auc")["score"].iloc[-1])
    first = end - dt.timedelta(days=horizon * len(seen) - 1)
    frame = frame.assign(
        used=frame["score"] == used, tested=len(came), origins=len(seen), first=first, last=end,
        horizon=horizon,
    )  # fmt: skip
    return Result(frame, _records(frame, used))


def _latest(now: Seen, name: str) -> dict[str, float]:
    """Lift and level at the latest date alone, where each customer stands once."""
    score, silent = now.scores[name], ~now.came
    found = lift(-score, silent)
    low, high = wilson(round(found.top.value * found.n), found.n)[1:]
    row = {
        "top": found.top.value, "top_low": low, "top_high": high, "lift": found.value,
        "lift_low": found.low, "lift_high": found.high, "base": found.base.value,
        "came": float(now.came.mean()), "customers": len(silent), "said": math.nan,
        "slope": math.nan, "slope_low": math.nan, "slope_high": math.nan,
    }  # fmt: skip
    if name in PROBABILITIES:
        row["said"] = float(score.mean())
        try:
            slope = calibration(np.clip(score, 1e-9, 1 - 1e-9), now.came).slope
            row |= dict(zip(("slope", "slope_low", "slope_high"), slope, strict=True))
        except NotFitted:
            pass
    return row


def _records(frame: pd.DataFrame, used: str) -> tuple[Record, ...]:
    made = []
    for row in frame.to_dict("records"):
        where = dimensions(score=row["score"])
        n = float(row["tested"])
        for metric, parts in (
            ("warning_auc", ("auc", "low", "high")),
            ("warning_gain", ("gain", "gain_low", "gain_high")),
            ("warning_lift", ("lift", "lift_low", "lift_high")),
        ):
            value, low, high = (row[part] for part in parts)
            if pd.isna(value):
                continue
            low, high = (None if pd.isna(bound) else bound for bound in (low, high))
            count = float(row["customers"]) if metric == "warning_lift" else n
            made.append(Record(metric, value, "ratio", where, low=low, high=high, n=count))
    made.append(Record("warning_used", 1.0, "count", dimensions(score=used)))
    return tuple(made)


def risk_of_each(
    now: Tables, dated: Sequence[Tables], days: ir.Table, *, used: str,
    horizon: int = HORIZON_DAYS,
) -> pd.DataFrame:  # fmt: skip
    """One row an active customer of `now`: customer_id, score (higher: likelier to order), risk.

    `used` is the score that the test settled on; `risk` is the share of the active customers who
    are likelier to order, ties half: 1 is the most at risk. `dated` teach the combined score.
    """
    held = seen_on(now, days, horizon)
    if used == "combined":
        before = [seen_on(t, days, horizon) for t in dated]
        traits = np.concatenate([s.traits for s in before])
        model = fit_logistic(traits, np.concatenate([s.came for s in before]))
        score = probability(model, held.traits)
    else:
        score = held.scores[used]
    risk = (mean_ranks(-score) - 0.5) / max(len(score), 1)
    return pd.DataFrame({"customer_id": held.ids, "score": score, "risk": risk})


# ---- who is warned of, and what is at stake -----------------------------------------------------


def at_risk(
    customers: ir.Table | None, segments: Mapping[str, ir.Table], *, worth: str | None,
    months: int, missing: str | None,
) -> Result:  # fmt: skip
    """The customers at risk by tier and by segment, with what they brought.

    `customers` come from `stages.placed`: stage, tier, active, revenue and margin of the last
    `months` months. `worth` names the money (None: not known). Columns: by ("all", "tier" or a
    segment), label, active, at_risk, share, low, high (at risk of the active with two or more order
    dates, Wilson), worth (what those at risk brought), months. Records: `at_risk_customers` and
    `at_risk_margin` or `at_risk_revenue`.
    """
    columns = ["by", "label", "active", "repeaters", "at_risk", "share", "low", "high", "worth"]
    if customers is None:
        record = Record(
            "at_risk_customers", None, "count", status="not_computed", reason=missing
        )
        return Result(pd.DataFrame(columns=[*columns, "months"]), (record,))
    active = customers.filter(customers.active)
    tables = {"all": active.mutate(label=active.customer_id.substr(0, 0)), "tier": active}
    if worth is not None:
        tables["tier"] = active.mutate(label=active.tier)
    else:
        del tables["tier"]
    for name, segment in segments.items():
        joined = active.left_join(segment, "customer_id")
        tables[name] = joined.mutate(label=joined.label.fill_null(""))
    rows = [
        {"by": by, **row} for by, table in tables.items() for row in _counted(table, worth)
    ]
    frame = pd.DataFrame([r | _share(r) for r in rows], columns=columns).assign(months=months)
    return Result(frame, tuple(_risk_records(frame, worth)))


def _counted(table: ir.Table, worth: str | None) -> list[dict[str, object]]:
    risk = table.stage == "at_risk"
    sums = {
        "active": table.count(),
        "repeaters": (table.order_days > 1).sum(),
        "at_risk": risk.sum(),
    }
    if worth is not None:
        sums["worth"] = table[worth].sum(where=risk).cast("float64")
    found = table.group_by("label").aggregate(**sums).order_by("label").to_pyarrow().to_pylist()
    return [{k: v if k == "label" else float(v or 0) for k, v in row.items()} for row in found]


def _share(row: Mapping[str, object]) -> dict[str, float]:
    risk, n = float(str(row["at_risk"])), float(str(row["repeaters"]))
    if not n:
        return {"share": math.nan, "low": math.nan, "high": math.nan}
    return dict(zip(("share", "low", "high"), wilson(risk, n), strict=True))


def _risk_records(frame: pd.DataFrame, worth: str | None) -> list[Record]:
    made = []
    for row in frame.to_dict("records"):
        where = "" if row["by"] == "all" else dimensions(by=row["by"], label=row["label"])
        made.append(
            Record("at_risk_customers", row["at_risk"], "count", where, n=row["active"])
        )
        if worth is not None:
            made.append(Record(f"at_risk_{worth}", row["worth"], "money", where, n=row["at_risk"]))
    return made
