"""Who or where: the change of the returning-buyer share, split by store, channel, region, segment.

Each cut puts every buyer of a window into exactly one place, that of the first order date in the
window, so that the parts add up to the change. Mix: the buyers are others; rate: the same kind of
buyers return otherwise (METHODS, "change decomposition": midpoint, two-factor Shapley).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import FEWEST_UNITS, cents, flag
from repurchase.analysis.retention import care_for, reasons_for
from repurchase.analysis.windows import Windows, year_window
from repurchase.calendar import Window
from repurchase.reasons import (
    NEGATIVE_MONEY,
    NOBODY,
    NOBODY_THEN,
    ONE_LABEL,
    TOO_FEW,
    reason,
)
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.stats.decompose import (
    MixRate,
    Overlap,
    RatioOverlap,
    RatioSegments,
    Segments,
    mix_and_rate,
    parts,
    ratio_mix_and_rate,
    segments,
)
from repurchase.stats.multiplicity import benjamini_hochberg, p_of_interval

METRIC = "returning_buyer_share"
Side = Literal["year_ago", "previous"]
SIDES: tuple[Side, ...] = ("year_ago", "previous")
# The cuts that an order carries; every other one is a segment of the profile.
PLACES = ("store_id", "channel", "region", "category")
SMALLER = "\u2026"  # the label of what is too small to stand alone
MOST_LABELS = 300
FALSE_DISCOVERIES = 0.05

FRAME = [
    "against", "cut", "label", "n_then", "n", "share_then", "share", "value_then", "value",
    "mix", "rate", "part", "low", "high", "beyond", "beyond_low", "beyond_high", "p", "stands",
]  # fmt: skip


@dataclass(frozen=True)
class Places:
    """What tells a buyer's place: tables that may be missing, and customers by segment.

    `segments`: for each of the profile's segments one row a customer, customer_id and label.
    """

    days: ir.Table
    orders: ir.Table
    segments: Mapping[str, ir.Table]
    stores: ir.Table | None = None
    order_lines: ir.Table | None = None
    products: ir.Table | None = None


def mix(places: Places, windows: Windows, *, activity_months: int) -> Result:
    """The change on a year ago and on the previous period, split by each cut.

    A year ago is aligned where a moving feast is near. The frame has one row a comparison, cut
    and label: against (`year_ago`, `previous`), cut, label ("" where none is known; "…" for those
    with fewer than 30 buyers in both windows together), n_then, n (buyers), share_then, share (of
    all buyers), value_then, value (returning share, missing without buyers), mix, rate, part
    (their sum, with low and high), beyond (the part less the segment's share of the change; with
    low and high), p (of `beyond`, Benjamini-Hochberg over all labels of all cuts of both
    comparisons), stands (p below 5 %). Within a comparison and cut the parts add up to the
    change. Records: `mix_part` and `rate_part` of the change by `by=<cut>`, with interval;
    `change_part` by label. A cut with one label only is no cut.
    """
    rows: list[pd.DataFrame] = []
    records: list[Record] = []
    for side in SIDES:
        window: CompareTo = year_window(windows) if side == "year_ago" else side
        why = _why_not(windows, window, activity_months)
        if why:
            records.append(Record("rate_part", None, "share", dimensions(against=side),
                                  status="not_computed", reason=why))  # fmt: skip
            continue
        buyers = _buyers(places, windows, window).cache()
        for cut in _cuts(places):
            made = _split(buyers, cut, side)
            if isinstance(made, str):
                records.append(Record("rate_part", None, "share",
                                      dimensions(against=side, by=cut), status="not_computed",
                                      reason=made))  # fmt: skip
                continue
            split, frame = made
            rows.append(frame)
            where = dimensions(against=side, by=cut)
            records += _parts_of(split, where, float(frame["n"].sum()))
    frame = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=FRAME)
    return Result(_judged(frame), (*_corrected(records), *_part_records(frame)))


def _why_not(
    windows: Windows, window: CompareTo, activity_months: int, metric: str = METRIC
) -> str | None:
    reasons = reasons_for(metric, windows, activity_months, 12)
    care = care_for(metric, windows, activity_months, 12)
    return reasons["none"] or reasons[window] or care["none"] or care[window]


def _cuts(places: Places) -> tuple[str, ...]:
    found = ["store_id", "channel"]
    if places.stores is not None:
        found.append("region")
    if places.order_lines is not None and places.products is not None:
        found.append("category")
    return (*found, *places.segments)


def _buyers(places: Places, windows: Windows, window: CompareTo) -> ir.Table:
    """One row a buyer of either window: whether in each, returned, and the place by each cut."""
    now, then = (
        _first_days(places, stretch, suffix)
        for stretch, suffix in ((windows.now, "now"), (windows.days[window], "then"))
    )
    both = now.join(then, "customer_id", how="outer")
    both = both.mutate(
        customer_id=ibis.coalesce(both.customer_id, both.customer_id_right),
        in_now=both.in_now.fill_null(False),
        in_then=both.in_then.fill_null(False),
    ).drop("customer_id_right")
    for number, labels in enumerate(places.segments.values()):
        name = f"segment_{number}"
        one = labels.group_by("customer_id").aggregate(**{name: labels.label.max()})
        both = both.left_join(one, "customer_id").drop("customer_id_right")
        both = both.mutate(**{f"{name} now": both[name], f"{name} then": both[name]}).drop(name)
    names = {f"segment_{i}": cut for i, cut in enumerate(places.segments)}
    return both.rename(
        {f"{cut} {x}": f"{name} {x}" for name, cut in names.items() for x in ("now", "then")}
    )


def _first_days(places: Places, window: Window, suffix: str) -> ir.Table:
    """Each buyer's first order date in the window, with its place by each cut."""
    days = places.days
    inside = days.filter(days.order_date.between(window.start, window.end))
    place = ibis.row_number().over(group_by="customer_id", order_by="order_date")
    first = inside.mutate(_place=place).filter(lambda t: t._place == 0)
    back = flag(first.first_date < window.start)
    first = first.select("customer_id", "order_date", "store_id", "channel", back=back)
    if places.stores is not None:
        stores = places.stores.select("store_id", "region")
        first = first.left_join(stores, "store_id").drop("store_id_right")
    if places.order_lines is not None and places.products is not None:
        categories = _categories(places, window)
        first = first.left_join(categories, ["customer_id", "order_date"])
        first = first.drop("customer_id_right", "order_date_right")
    cuts = [c for c in PLACES if c in first.columns]
    return first.select(
        "customer_id",
        **{f"in_{suffix}": ibis.literal(True), f"back_{suffix}": first.back},
        **{f"{cut} {suffix}": first[cut] for cut in cuts},
    )


def _categories(places: Places, window: Window) -> ir.Table:
    """The category on which a customer spent most on a day; of equal ones the first by name."""
    assert places.order_lines is not None and places.products is not None
    orders = places.orders.filter(
        places.orders.is_purchase
        & places.orders.customer_id.notnull()
        & places.orders.order_date.between(window.start, window.end)
    ).select("order_id", "customer_id", "order_date")
    products = places.products.select("product_id", "category")
    lines = places.order_lines.select("order_id", "product_id", "line_net")
    rows = lines.inner_join(orders, "order_id").left_join(products, "product_id")
    spent = rows.group_by("customer_id", "order_date", "category").aggregate(
        spent=rows.line_net.fill_null(0).sum()
    )
    place = ibis.row_number().over(
        group_by=["customer_id", "order_date"],
        order_by=[ibis.desc("spent"), spent.category.fill_null("")],
    )
    return (
        spent.mutate(_place=place)
        .filter(lambda t: t._place == 0)
        .select("customer_id", "order_date", "category")
    )


def _split(buyers: ir.Table, cut: str, side: Side) -> tuple[MixRate, pd.DataFrame] | str:
    """The change split by one cut, or the reason why it cannot be."""
    cells = _cells(buyers, cut)
    now, then = cells[cells["in_now"]], cells[cells["in_then"]]
    if now.empty or then.empty:
        return NOBODY if now.empty else NOBODY_THEN
    sizes = {x: int(t["units"].sum()) for x, t in (("now", now), ("then", then))}
    if min(sizes.values()) < FEWEST_UNITS:
        return reason(TOO_FEW, fewest=FEWEST_UNITS)
    labels = _labels(now, then)
    cells = cells.assign(
        now=cells["now"].where(cells["now"].isin(labels), SMALLER),
        then=cells["then"].where(cells["then"].isin(labels), SMALLER),
    )
    used = {*cells.loc[cells["in_now"], "now"], *cells.loc[cells["in_then"], "then"]}
    labels = [label for label in (*labels, SMALLER) if label in used]
    if len(labels) < 2:
        return ONE_LABEL
    past, present = (
        _window(cells[cells[f"in_{x}"]], labels, x, f"back_{x}") for x in ("then", "now")
    )
    overlap = _overlap(cells[cells["in_now"] & cells["in_then"]], labels)
    split = mix_and_rate(past, present, overlap=overlap)
    return split, _frame(split, past, present, overlap, labels, cut, side)


def _cells(buyers: ir.Table, cut: str) -> pd.DataFrame:
    """Buyers by their place then and now: units, returning then, now, and in both."""
    then, now = (buyers[f"back_{x}"].fill_null(0) for x in ("then", "now"))
    found = buyers.group_by(
        in_then=buyers.in_then,
        in_now=buyers.in_now,
        then=buyers[f"{cut} then"].fill_null(""),
        now=buyers[f"{cut} now"].fill_null(""),
    ).aggregate(
        units=buyers.count(), back_then=then.sum(), back_now=now.sum(), both=(then * now).sum()
    )
    return found.to_pandas().sort_values(["in_then", "in_now", "then", "now"])


def _labels(now: pd.DataFrame, then: pd.DataFrame) -> list[str]:
    """Labels with at least thirty buyers in both windows together, the largest first."""
    size = now.groupby("now")["units"].sum().add(then.groupby("then")["units"].sum(), fill_value=0)
    kept = size[size >= FEWEST_UNITS]
    order = sorted(kept.index, key=lambda label: (-kept[label], label))
    return [str(label) for label in order[:MOST_LABELS]]


def _window(cells: pd.DataFrame, labels: list[str], side: str, back: str) -> Segments:
    by = cells.groupby(side)[["units", back]].sum().reindex(labels, fill_value=0)
    return segments(by["units"].to_numpy(dtype=float), by[back].to_numpy(dtype=float))


def _overlap(cells: pd.DataFrame, labels: list[str]) -> Overlap:
    """Buyers of both windows as matrices, place then by place now."""
    size = len(labels)
    at = {label: number for number, label in enumerate(labels)}
    rows = cells["then"].map(at).to_numpy(dtype=int)
    columns = cells["now"].map(at).to_numpy(dtype=int)
    found = []
    for name in ("units", "back_then", "back_now", "both"):
        matrix = np.zeros((size, size))
        np.add.at(matrix, (rows, columns), cells[name].to_numpy(dtype=float))
        found.append(matrix)
    return Overlap(*found)


def _frame(
    split: MixRate, then: Segments, now: Segments, overlap: Overlap, labels: list[str],
    cut: str, side: Side,
) -> pd.DataFrame:  # fmt: skip
    each = parts(then, now, overlap=overlap)
    frame = pd.DataFrame({
        "against": side, "cut": cut, "label": labels, "n_then": then.n, "n": now.n,
        "share_then": then.n / then.n.sum(), "share": now.n / now.n.sum(),
        "value_then": _divided(then), "value": _divided(now),
        "mix": split.mix_by, "rate": split.rate_by, "part": split.mix_by + split.rate_by,
        "low": [part.low for part, _ in each], "high": [part.high for part, _ in each],
        "beyond": [more.value for _, more in each],
        "beyond_low": [more.low for _, more in each],
        "beyond_high": [more.high for _, more in each],
    })  # fmt: skip
    return frame


def _divided(window: Segments) -> np.ndarray:
    return np.divide(window.y, window.n, out=np.full_like(window.n, np.nan), where=window.n > 0)


def _judged(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with adjusted p-values; one family over all labels of all cuts."""
    frame = frame.copy()
    known = [
        (index, p_of_interval(value, low, high))
        for index, value, low, high in frame[["beyond", "beyond_low", "beyond_high"]].itertuples(
            name=None
        )
        if low < high
    ]
    frame["p"] = np.nan
    for (index, _), p in zip(known, benjamini_hochberg([p for _, p in known]), strict=True):
        frame.loc[index, "p"] = p
    frame["stands"] = frame["p"] < FALSE_DISCOVERIES
    return frame[FRAME]


def _parts_of(split: MixRate, where: str, n: float) -> list[Record]:
    """Mix and rate with their intervals, and whether they disagree with the total."""
    return [
        Record(name, part.value, "share", where, low=part.low, high=part.high, n=n)
        for name, part in (("mix_part", split.mix), ("rate_part", split.rate))
    ] + [Record("sign_disagreement", float(split.rate_against), "count", where, n=n)]


def _corrected(records: list[Record]) -> list[Record]:
    """Sign disagreements only where the rate part stands among all cuts (Benjamini-Hochberg)."""
    rates = [r for r in records if r.metric == "rate_part" and r.value is not None]
    p = benjamini_hochberg([_p(r) for r in rates])
    stands = {r.dimensions: value < FALSE_DISCOVERIES for r, value in zip(rates, p, strict=True)}
    found = []
    for record in records:
        if record.metric == "sign_disagreement":
            said = bool(record.value) and stands[record.dimensions]
            record = Record("sign_disagreement", float(said), "count", record.dimensions,
                            n=record.n)  # fmt: skip
        found.append(record)
    return found


def _p(record: Record) -> float:
    assert record.value is not None and record.low is not None and record.high is not None
    if not record.low < record.high:
        return 1.0
    return p_of_interval(record.value, record.low, record.high)


def _part_records(frame: pd.DataFrame) -> list[Record]:
    """The parts by label, without those that no printed table shows."""
    return [
        Record(
            "change_part",
            float(row["part"]),
            "share",
            dimensions(against=row["against"], by=row["cut"], label=row["label"]),
            low=float(row["low"]),
            high=float(row["high"]),
            n=float(row["n"]),
        )
        for row in frame.to_dict("records")
    ]


REVENUE = "repeat_revenue_share"
REVENUE_FRAME = [
    "against", "cut", "label", "revenue_then", "revenue", "value_then", "value", "mix", "rate",
    "part",
]  # fmt: skip


def revenue_mix(
    places: Places, other_money: ir.Table, windows: Windows, *, activity_months: int
) -> Result:
    """The change of the repeat share of revenue, split into mix and rate by each cut.

    A customer's money of a window, documents without a purchase too, counts in the place of the
    first order date in it. The frame has one row a comparison, cut and
    label with money in either window: revenue_then, revenue, value_then, value (repeat share),
    mix, rate, part. Records as of `mix`, with `of=repeat_revenue_share`; labels
    with fewer than 30 customers or with negative money, and returns of who bought nothing in the
    window, stand together, with the next smallest where that would be negative.
    """
    rows: list[pd.DataFrame] = []
    records: list[Record] = []
    for side in SIDES:
        window: CompareTo = year_window(windows) if side == "year_ago" else side
        where = {"against": side, "of": REVENUE}
        why = _why_not(windows, window, activity_months, REVENUE)
        if why:
            records.append(_not_split(where, why))
            continue
        spent = _spent(places, other_money, windows, window).cache()
        for cut in _cuts(places):
            made = _revenue_split(spent, cut, side)
            if isinstance(made, str):
                records.append(_not_split({**where, "by": cut}, made))
                continue
            split, frame = made
            rows.append(frame)
            n = float(frame["revenue"].sum())
            records += _parts_of(split, dimensions(**where, by=cut), n)
    frame = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=REVENUE_FRAME)
    return Result(frame, tuple(_corrected(records)))


def _not_split(where: Mapping[str, str], why: str) -> Record:
    return Record(
        "rate_part", None, "share", dimensions(**where), status="not_computed", reason=why
    )


def _spent(
    places: Places, other_money: ir.Table, windows: Windows, window: CompareTo
) -> ir.Table:
    """One row a customer: place by each cut, and repeat and all revenue of both windows."""
    spans = {"then": windows.days[window], "now": windows.now}
    days, either = places.days, ibis.or_
    inside = days.filter(either(*(days.order_date.between(*s) for s in spans.values())))
    first = days.filter(days.day_rank == 1).select("customer_id", "first_date")
    other = other_money.filter(
        either(*(other_money.order_date.between(*s) for s in spans.values()))
    ).left_join(first, "customer_id")
    rows = ibis.union(
        inside.select("customer_id", "order_date", amount=cents(inside.net_revenue),
                      again=inside.day_rank > 1),
        other.select("customer_id", "order_date", amount=cents(other.net_revenue),
                     again=(other.assigned_date > other.first_date).fill_null(False)),
    )  # fmt: skip
    columns = {}
    for x, span in spans.items():
        here = rows.order_date.between(*span)
        columns[f"b_{x}"] = cents(rows.amount.sum(where=here))
        columns[f"a_{x}"] = cents(rows.amount.sum(where=here & rows.again))
    money = rows.group_by("customer_id").aggregate(**columns)
    buyers = _buyers(places, windows, window)
    return money.left_join(buyers, "customer_id").drop("customer_id_right")


def _revenue_split(spent: ir.Table, cut: str, side: Side) -> tuple[MixRate, pd.DataFrame] | str:
    cells = _money_cells(spent, cut)
    cells, labels, sums = _pooled_money(cells, _money_labels(cells))
    if len(labels) < 2:
        return ONE_LABEL
    if any((sums[x][f"b_{x}"] < 0).any() or sums[x][f"b_{x}"].sum() <= 0 for x in sums):
        return NEGATIVE_MONEY
    windows = [
        RatioSegments(*(sums[x][f"{k}_{x}"].to_numpy(dtype=float) for k in "b a bb ab aa".split()))
        for x in ("then", "now")
    ]
    past, present = windows
    pairs = (_matrix(cells, labels, k) for k in ("aa", "ab", "ba", "bb"))
    split = ratio_mix_and_rate(past, present, RatioOverlap(*pairs))
    frame = pd.DataFrame({
        "against": side, "cut": cut, "label": labels,
        "revenue_then": past.b, "revenue": present.b,
        "value_then": _quotient(past), "value": _quotient(present),
        "mix": split.mix_by, "rate": split.rate_by, "part": split.mix_by + split.rate_by,
    })  # fmt: skip
    # who bought in one window only has no place in the other, and no money there
    return split, frame[(frame["revenue_then"] != 0) | (frame["revenue"] != 0)]


def _money_cells(spent: ir.Table, cut: str) -> pd.DataFrame:
    """Sums of both windows' money, its squares and products by place then and now."""
    columns: dict[str, ir.Value] = {"customers": spent.count()}
    for x in ("then", "now"):
        a, b = spent[f"a_{x}"], spent[f"b_{x}"]
        columns |= {f"a_{x}": a.sum(), f"b_{x}": b.sum(), f"aa_{x}": (a * a).sum(),
                    f"ab_{x}": (a * b).sum(), f"bb_{x}": (b * b).sum()}  # fmt: skip
    for k in ("aa", "ab", "ba", "bb"):
        columns[k] = (spent[f"{k[0]}_then"] * spent[f"{k[1]}_now"]).sum()
    found = spent.group_by(
        then=spent[f"{cut} then"].fill_null(""), now=spent[f"{cut} now"].fill_null("")
    ).aggregate(**{k: v.cast("float64") for k, v in columns.items()})
    return found.to_pandas().sort_values(["then", "now"]).reset_index(drop=True)


def _money_labels(cells: pd.DataFrame) -> list[str]:
    """Labels with thirty customers in both windows together and no negative money, by size."""
    by = {x: cells.groupby(x).sum(numeric_only=True) for x in ("then", "now")}
    size = by["then"]["customers"].add(by["now"]["customers"], fill_value=0)
    below = {str(label) for x in by for label in by[x].index[by[x][f"b_{x}"] < 0]}
    kept = {str(k): v for k, v in size.items() if v >= FEWEST_UNITS and str(k) not in below}
    return sorted(kept, key=lambda label: (-kept[label], label))[:MOST_LABELS]


def _pooled_money(
    cells: pd.DataFrame, labels: list[str]
) -> tuple[pd.DataFrame, list[str], dict[str, pd.DataFrame]]:
    """All other labels as one; where its money is negative it takes the smallest label in too.

    Negative money without a purchase in the window, such as a return, has no place of its own.
    """
    while True:
        pooled = cells.assign(
            **{x: cells[x].where(cells[x].isin(labels), SMALLER) for x in ("then", "now")}
        )
        used = {*pooled["then"], *pooled["now"]}
        shown = [label for label in (*labels, SMALLER) if label in used]
        sums = {
            x: pooled.groupby(x).sum(numeric_only=True).reindex(shown, fill_value=0.0)
            for x in ("then", "now")
        }
        below = any((sums[x][f"b_{x}"] < 0).any() for x in sums)
        if not below or len(labels) < 2:
            return pooled, shown, sums
        labels = labels[:-1]


def _matrix(cells: pd.DataFrame, labels: list[str], column: str) -> np.ndarray:
    at = {label: number for number, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)))
    rows, columns = (cells[x].map(at).to_numpy(dtype=int) for x in ("then", "now"))
    np.add.at(matrix, (rows, columns), cells[column].to_numpy(dtype=float))
    return matrix


def _quotient(window: RatioSegments) -> np.ndarray:
    return np.divide(window.a, window.b, out=np.full_like(window.b, np.nan), where=window.b > 0)


@dataclass(frozen=True)
class Cause:
    """The one segment that moved most beyond its size, among those that stand."""

    against: Side
    cut: str
    label: str
    part: float
    low: float
    high: float
    beyond: float
    value_then: float
    value: float
    change: float  # of the whole, of which `part` is the segment's

    @property
    def rest(self) -> float:
        """What all other segments of the cut give together."""
        return self.change - self.part

    @property
    def record_key(self) -> str:
        """How a finding names the record of the part."""
        where = dimensions(against=self.against, by=self.cut, label=self.label)
        return "|".join(("change_part", where, "none"))


def cause(result: Result, *, basis: str) -> Cause | None:
    """The segment whose part of the change is farthest beyond its share of the buyers.

    Only one that stands among all that were looked at. Of the change on a year ago; on the
    previous period only where that cannot be split, and never near the Spring Festival, which moves
    stores and categories unequally (`basis` is that of the windows). Of equal ones the smaller,
    since all others together mirror it. None if there is none.
    """
    frame = result.frame
    for side in SIDES[:1] if basis == "spring_festival" else SIDES:
        every = frame[frame["against"] == side]
        if every.empty:
            continue
        here = every[every["stands"].astype(bool)]
        here = here[~here["label"].isin(("", SMALLER)) & here["value"].notna()]
        here = here[here["value_then"].notna()]
        if here.empty:
            return None
        order = sorted(
            here.to_dict("records"),
            key=lambda r: (-round(abs(r["beyond"]), 9), r["share"], r["cut"], r["label"]),
        )
        first: Mapping[Any, Any] = order[0]
        own = every[every["cut"] == first["cut"]]
        change = math.fsum(own["part"])
        names = "part low high beyond value_then value".split()
        return Cause(side, first["cut"], first["label"],
                     **{k: float(first[k]) for k in names}, change=change)  # fmt: skip
    return None
