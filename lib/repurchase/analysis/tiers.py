"""Do the tiers in use tell who orders again, and how far from what RFM tells: check 1.

Customers stand as of a day ninety days before the period's end, and are held against who ordered
in the ninety days after. RFM is made from what was known on that day. The customer file says only
what tier a customer has today: a level that is earned by buying has then seen the orders it is
asked to foretell, and looks better than it is. What it does not tell even so, it does not tell.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.findings import record_key
from repurchase.analysis.verdicts import Verdict
from repurchase.params import FunnelRules
from repurchase.reasons import (
    AS_OF_TODAY,
    FEW_CAME_BACK,
    FEW_TO_SCORE,
    NO_TIER,
    NOT_ORDERED,
    ONE_TIER,
    reason,
)
from repurchase.records import Confidence, Record, Result, dimensions
from repurchase.stats.multiplicity import p_of_interval
from repurchase.stats.proportion import change_of, wilson
from repurchase.stats.rank import auc, auc_difference, part_lift
from repurchase.words import N_

HORIZON_DAYS = 90
# Fewer of a tier, or fewer who ordered or did not, leave it to chance.
FEWEST, FEWEST_EACH = 30, 30
MOST_TIERS = 50
# So much less than RFM is worth a look.
MATERIAL_AUC = 0.05
TOO_LOW, TOO_HIGH = "too_low", "too_high"
SURE = 0.05
CLAIMS = {
    "blind": N_(
        "The tiers ({by_cut}) do not tell who orders again: AUC {tier_auc}, a coin gives 0.5"
    ),
    "worse": N_(
        "The tiers ({by_cut}) tell less well who orders again than recency, frequency and money:"
        " AUC {tier_auc} against {rfm_auc}"
    ),
    "worse_counted": N_(
        "The tiers ({by_cut}) tell less well who orders again than recency, frequency and money:"
        " AUC {tier_auc} against {rfm_auc}; {low_count} customers stand in too low a tier"
    ),
    "reversed": N_(
        "The tiers ({by_cut}) are out of order: of {upper_label_text} {upper_share} ordered again"
        " within 90 days, of {lower_label_text} below it {lower_share}"
    ),
    "ok": N_(
        "The tiers ({by_cut}) tell who orders again: AUC {tier_auc}, where recency, frequency and"
        " money reach {rfm_auc}"
    ),
    "ok_alone": N_("The tiers ({by_cut}) tell who orders again: AUC {tier_auc}"),
}
ACTIONS = {
    "blind": N_(
        "Choose whom to contact by recency, frequency and money until the tiers are redone."
    ),
    "worse": N_("Redo the tiers by recency, frequency and money, and look at who stands too low."),
    "reversed": N_("Ask by what rule these two tiers are given, and whether it is still kept."),
}


@dataclass(frozen=True)
class Seen:
    """The active customers of a day: who has which tier, and who ordered in the 90 days after.

    `frame` has one row a customer: customer_id, ordered (flag), rfm (3..15; NaN where no money is
    known) and a text column a tiering (missing: no tier).
    """

    day: dt.date
    frame: pd.DataFrame


def seen_on(
    customers: ir.Table, days: ir.Table, labels: Mapping[str, ir.Table], *, day: dt.date
) -> Seen:
    """What is known of the customers of a day, and who ordered within ninety days of it.

    `customers` comes from `rfm.scored` (or `standing`, where no money is known), `labels` are
    tables with customer_id and label.
    """
    until = day + dt.timedelta(days=HORIZON_DAYS)
    later = days.filter((days.order_date > day) & (days.order_date <= until))
    bought = later.select("customer_id").distinct()
    active = customers.filter(customers.active)
    known = "r" in active.columns
    rows = active.select(
        "customer_id", rfm=(active.r + active.f + active.m) if known else active.since * 0
    )
    for number, table in enumerate(labels.values()):
        told = table.select(**{f"id_{number}": table.customer_id, f"label_{number}": table.label})
        rows = rows.left_join(told, rows.customer_id == told[f"id_{number}"])
    frame = rows.order_by("customer_id").to_pandas()
    frame["ordered"] = frame["customer_id"].isin(bought.to_pandas()["customer_id"])
    frame["rfm"] = frame["rfm"].astype(float) if known else np.nan
    names = {f"label_{number}": name for number, name in enumerate(labels)}
    return Seen(day, frame[["customer_id", "ordered", "rfm", *names]].rename(columns=names))


@dataclass(frozen=True)
class Scale:
    """The labels of a tiering from low to high; `learnt`: from the ninety days before."""

    labels: tuple[str, ...]
    learnt: bool


def scale_of(
    name: str, stated: Sequence[str], now: Seen, before: Seen | None
) -> Scale | None:
    """The order of a tiering's labels: as stated, else by who ordered in the ninety days before.

    None where it is neither stated nor can be learnt. Labels with fewer than 30 customers then,
    and those that are new, are not part of a learnt order.
    """
    if stated and set(stated) & set(now.frame[name].dropna()):
        return Scale(tuple(stated), learnt=False)
    if before is None:
        return None
    groups = before.frame.dropna(subset=[name]).groupby(name)["ordered"].agg(["size", "mean"])
    groups = groups[groups["size"] >= FEWEST].reset_index()
    order = groups.sort_values(["mean", name])[name]
    return Scale(tuple(str(label) for label in order), learnt=True)


def separation(
    now: Seen | str,
    before: Seen | None,
    *,
    stated: Sequence[str] = (),
    main: str | None,
    names: Sequence[str],
    fixed: bool = False,
    data_from: dt.date,
) -> Result:
    """How each tiering separates who ordered within ninety days, beside RFM on the same customers.

    `now` is what was known at the day of the test, or why nothing is; `before` the same ninety
    days earlier, to learn an order from. `main` is the tiering to check, whose order may be
    `stated`; `fixed`: it does not change after joining. Columns: tiering, label (low to high), n,
    numerator, value, low, high (share who ordered, Wilson), lift, lift_low, lift_high (over that
    of all with a tier), turned (ordered surely less than the tier below), learnt, day, until.
    Records: `tiering_auc`, `tiering_rfm_auc`, `tiering_gain` by `segment=`; `tiering_order_share`
    and `tiering_lift` by `label=` and `segment=`. All are provisional unless `fixed`.
    """
    if isinstance(now, str) or main is None:
        return _none(now if isinstance(now, str) else NO_TIER)
    rows: list[pd.DataFrame] = []
    records: list[Record] = []
    for name in dict.fromkeys([main, *names]):
        scale = scale_of(name, stated if name == main else (), now, before)
        if scale is None:
            made = _not_separated(name, reason(NOT_ORDERED, day=data_from.isoformat()))
        else:
            frame, made = _separated(name, scale, now)
            rows.append(frame)
        care = None if fixed and name == main else AS_OF_TODAY
        records += [_cared(r, care) for r in made]
    frame = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["tiering"])
    until = now.day + dt.timedelta(days=HORIZON_DAYS)
    return Result(frame.assign(day=now.day, until=until, fixed=fixed), tuple(records))


def _none(why: str) -> Result:
    record = Record("tiering_auc", None, "ratio", status="not_computed", reason=why)
    return Result(pd.DataFrame(columns=["tiering"]), (record,))


def _not_separated(name: str, why: str) -> list[Record]:
    where = dimensions(segment=name)
    return [Record("tiering_auc", None, "ratio", where, status="not_computed", reason=why)]


def _cared(record: Record, care: str | None) -> Record:
    if care is None or record.value is None:
        return record
    return replace(record, status="provisional", reason=care)


def _separated(name: str, scale: Scale, now: Seen) -> tuple[pd.DataFrame, list[Record]]:
    places = {label: place for place, label in enumerate(scale.labels)}
    known = now.frame[now.frame[name].isin(scale.labels)]
    sizes = known[name].value_counts()
    came = int(known["ordered"].sum())
    empty = pd.DataFrame(columns=["tiering"])
    if int((sizes >= FEWEST).sum()) < 2:
        return empty, _not_separated(name, reason(ONE_TIER, fewest=FEWEST))
    if min(came, len(known) - came) < FEWEST_EACH:
        return empty, _not_separated(name, reason(FEW_CAME_BACK, fewest=FEWEST_EACH))
    frame = _by_tier(name, known, scale)
    score = known[name].map(places).to_numpy(dtype=float)
    return frame, [*_areas(name, score, known), *_tier_records(frame)]


def _by_tier(name: str, known: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """One row a label, low to high, with its share, its lift and whether it is out of order."""
    groups = known.groupby(name)["ordered"].agg(["size", "sum"])
    rows = []
    for label in scale.labels:
        if label not in groups.index:
            continue
        n, hits = (float(groups[c].to_dict()[label]) for c in ("size", "sum"))
        share = wilson(hits, n)
        lift = part_lift(hits, n, float(known["ordered"].sum()), float(len(known)))
        rows.append(
            {
                "tiering": name, "label": label, "n": n, "numerator": hits, **share._asdict(),
                "lift": lift.value, "lift_low": lift.low, "lift_high": lift.high,
                "learnt": scale.learnt,
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.assign(turned=_turned(frame))


def _turned(frame: pd.DataFrame) -> list[bool]:
    """Whether each label ordered less than the one below it, surely, with all steps looked at."""
    shares = [wilson(k, n) for k, n in zip(frame["numerator"], frame["n"], strict=True)]
    steps = max(len(shares) - 1, 1)
    found = [False]
    for below, label, n in zip(shares, shares[1:], frame["n"].iloc[1:], strict=False):
        change = change_of(label, below)
        p = p_of_interval(*change) if change.low < change.high else 1.0
        found.append(change.value < 0 and p * steps < SURE and n >= FEWEST)
    return found


def _areas(name: str, score: np.ndarray, known: pd.DataFrame) -> list[Record]:
    where, n = dimensions(segment=name), float(len(known))
    came = known["ordered"].to_numpy()
    own = auc(score, came)
    made = [_area("tiering_auc", where, own, n)]
    rfm = known["rfm"].to_numpy(dtype=float)
    if np.isnan(rfm).any():
        why = reason(FEW_TO_SCORE, fewest=FEWEST)
        return [
            *made,
            Record("tiering_gain", None, "ratio", where, status="not_computed", reason=why),
        ]
    gain = auc_difference(score, rfm, came)
    made.append(_area("tiering_rfm_auc", where, auc(rfm, came), n))
    made.append(
        Record("tiering_gain", gain.value, "ratio", where, low=gain.low, high=gain.high, n=n)
    )
    return made


def _area(metric: str, where: str, found: tuple[float, float, float], n: float) -> Record:
    value, low, high = (None if math.isnan(x) else x for x in found)
    return Record(metric, value, "ratio", where, low=low, high=high, n=n)


def _tier_records(frame: pd.DataFrame) -> list[Record]:
    made = []
    for row in frame.to_dict("records"):
        where = dimensions(segment=row["tiering"], label=row["label"])
        made.append(
            Record(
                "tiering_order_share", row["value"], "share", where, low=row["low"],
                high=row["high"], numerator=row["numerator"], n=row["n"],
            )
        )
        made.append(_area("tiering_lift", where, (row["lift"], row["lift_low"],
                                                  row["lift_high"]), row["n"]))  # fmt: skip
    return made


# ---- who stands in the wrong one ---------------------------------------------------------------


def misplaced(place: np.ndarray, rfm: np.ndarray) -> np.ndarray:
    """Whether each customer stands too low (-1), too high (1) or right (0) by RFM.

    `place` counts the tiers from low to high. RFM cuts the customers into tiers of the sizes in
    use. Where a cut falls among equal scores, each tier it touches is right for them; who stands
    outside of those is misplaced.
    """
    tiers, sizes = np.unique(place, return_counts=True)
    edges = np.cumsum(sizes)  # positions from the lowest score
    order = np.sort(rfm)
    first = np.searchsorted(order, rfm, side="left")
    last = np.searchsorted(order, rfm, side="right") - 1
    lowest = tiers[np.searchsorted(edges, first, side="right")]
    highest = tiers[np.searchsorted(edges, last, side="right")]
    return np.where(place < lowest, -1, np.where(place > highest, 1, 0))


def wrong_tiers(
    today: pd.DataFrame | str, scale: Scale | None, *, name: str, worth: str
) -> Result:
    """Customers who stand in a tier that RFM would not give them, as of the period's end.

    `today` has one row an active customer: customer_id, rfm, tier, money (of `worth`, in the
    activity window), or is the reason why not; nor is there an answer with fewer than two tiers in
    an order. Columns: customer_id, tier, way (TOO_LOW,
    TOO_HIGH), rfm, money; for programs and restricted lists, never for print. Records:
    `tiering_wrong` and `tiering_wrong_<worth>` by `way=`.
    """
    if isinstance(today, str) or scale is None:
        return _none_wrong(today if isinstance(today, str) else NO_TIER)
    known = today[today["tier"].isin(scale.labels)].reset_index(drop=True)
    if known.empty or len(scale.labels) < 2:
        return _none_wrong(reason(ONE_TIER, fewest=FEWEST))
    places = {label: place for place, label in enumerate(scale.labels)}
    wrong = misplaced(
        known["tier"].map(places).to_numpy(dtype=int), known["rfm"].to_numpy(dtype=float)
    )
    way = np.select([wrong < 0, wrong > 0], [TOO_LOW, TOO_HIGH], "")
    frame = known.assign(way=way)[way != ""].reset_index(drop=True)
    records = []
    for one in (TOO_LOW, TOO_HIGH):
        part, where = frame[frame["way"] == one], dimensions(segment=name, way=one)
        n = float(len(known))
        records.append(Record("tiering_wrong", float(len(part)), "count", where, n=n))
        money = float(part["money"].sum())
        records.append(Record(f"tiering_wrong_{worth}", money, "money", where, n=n))
    columns = ["customer_id", "tier", "way", "rfm", "money"]
    return Result(frame[columns], tuple(records))


def _none_wrong(why: str) -> Result:
    record = Record("tiering_wrong", None, "count", dimensions(way=TOO_LOW),
                    status="not_computed", reason=why)  # fmt: skip
    return Result(pd.DataFrame(columns=["customer_id", "way"]), (record,))


# ---- what it says ------------------------------------------------------------------------------


def verdict(
    found: Result, wrong: Result, rules: FunnelRules, *, main: str | None, exhibit: str
) -> Verdict:
    """Whether the segmentation is a cause: never more than "watch", since nobody was randomised.

    "watch": the tiers' AUC cannot be told from a coin, lies surely more than MATERIAL_AUC under
    that of RFM, or a tier ordered surely less than the one below. Where the tier is known as of
    today only, "ok" is of low confidence.
    """
    where = dimensions(segment=main) if main else ""
    areas = [r for r in found.records if r.metric == "tiering_auc"]
    own = next(r for r in areas if r.dimensions in (where, ""))
    if own.value is None or main is None:
        return Verdict("tiers", "not_computable", reason=own.reason)
    rfm, gain = (
        next((r for r in found.records if (r.metric, r.dimensions) == (m, where)), None)
        for m in ("tiering_rfm_auc", "tiering_gain")
    )
    values: dict[str, str | float | int | None] = {"by_cut": main, "tier_auc": own.value}
    keys = [record_key(own)]
    level: Confidence = "high" if rules.tier_fixed else "medium"
    if own.low is None or own.low <= 0.5:
        return Verdict("tiers", "watch", CLAIMS["blind"], values, tuple(keys), exhibit=exhibit,
                       action=ACTIONS["blind"], confidence=level)  # fmt: skip
    if rfm is not None and gain is not None and rfm.value is not None:
        keys += [record_key(rfm), record_key(gain)]
        values["rfm_auc"] = rfm.value
        if gain.high is not None and gain.high < -MATERIAL_AUC:
            low, claim = _low(wrong), "worse"
            if low is not None and (low.value or 0) >= rules.material_customers:
                keys.append(record_key(low))
                values["low_count"], claim = low.value, "worse_counted"
            return Verdict("tiers", "watch", CLAIMS[claim], values, tuple(keys), exhibit=exhibit,
                           action=ACTIONS["worse"], confidence=level)  # fmt: skip
    turned = _first_turned(found.frame, main)
    if turned is not None:
        return Verdict("tiers", "watch", CLAIMS["reversed"], {"by_cut": main, **turned},
                       tuple(keys[:1]), exhibit=exhibit, action=ACTIONS["reversed"],
                       confidence=level)  # fmt: skip
    claim = "ok" if "rfm_auc" in values else "ok_alone"
    return Verdict("tiers", "ok", CLAIMS[claim], values, tuple(keys), exhibit=exhibit,
                   confidence="high" if rules.tier_fixed else "low")  # fmt: skip


def _low(wrong: Result) -> Record | None:
    found = [
        r for r in wrong.records if r.metric == "tiering_wrong" and f"way={TOO_LOW}" in r.dimensions
    ]
    return found[0] if found and found[0].value is not None else None


def _first_turned(frame: pd.DataFrame, main: str) -> dict[str, str | float] | None:
    rows = frame[frame["tiering"] == main].to_dict("records")
    for lower, upper in itertools.pairwise(rows):
        if upper["turned"]:
            return {
                "upper_label_text": str(upper["label"]), "upper_share": float(upper["value"]),
                "lower_label_text": str(lower["label"]), "lower_share": float(lower["value"]),
            }  # fmt: skip
    return None
