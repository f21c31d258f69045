"""The same figure cut by store, by channel and by the profile's own segments.

A buyer counts in each store and channel that he bought from in the period, and in the one segment
that the customer table puts him in. Whether he returned is asked of all his order dates, wherever
they were. Many cuts make some change look sure by chance: what stands does so among all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import Pair, Sums, figure_records, flag, sums_by
from repurchase.analysis.retention import care_for, reasons_for
from repurchase.analysis.windows import Windows
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.stats.multiplicity import benjamini_hochberg, p_of_interval

METRIC = "returning_buyer_share"
COMPARED: tuple[CompareTo, ...] = ("previous", "year_ago")
PLACES = ("store_id", "channel")  # cuts that an order carries; every other one is a segment
MOST_LABELS = 50
FALSE_DISCOVERIES = 0.05
TEXTS = ("cut", "label", "best_label", "step", "funnel")
STANDS, EXPLORATORY = "stands", "exploratory"


def labelled_days(days: ir.Table, segments: Mapping[str, ir.Table]) -> dict[str, ir.Table]:
    """Customer days with a text column `label`, by cut; "" where there is no value.

    `segments` have one row a customer: customer_id, label. A store or channel that no order has
    is no cut.
    """
    found = {}
    for place in PLACES:
        if place in days.columns:
            found[place] = days.mutate(label=days[place].fill_null(""))
    for name, labels in segments.items():
        joined = days.left_join(labels.select("customer_id", "label"), "customer_id")
        found[name] = joined.mutate(label=joined.label.fill_null(""))
    return found


def returning_by_cut(
    cuts: Mapping[str, ir.Table], windows: Windows, *, activity_months: int
) -> Result:
    """Returning-buyer share of the period by each label of each cut, largest first.

    Columns: cut, label ("" where none is known), n (buyers), numerator, value, low, high, and for
    each of `previous` and `year_ago`: `<w>_change`, `<w>_low`, `<w>_high` (paired on the
    customers, missing where not computed), `<w>_p` (Benjamini-Hochberg over all labels of all
    cuts asked for, both comparisons together), `<w>_mark`: "stands" if that is below 5 %,
    "exploratory" if only the single interval excludes 0, "" otherwise. Labels without a buyer in
    the period are left out, and so is a cut with no label at all.
    """
    reasons = reasons_for(METRIC, windows, activity_months, 12)
    care = care_for(METRIC, windows, activity_months, 12)
    records: list[Record] = []
    rows: list[dict[str, Any]] = []
    for cut, days in cuts.items():
        by_label = _sums(days, windows)
        order = sorted(by_label, key=lambda label: (-by_label[label].moments["none"].b, label))
        buying = [label for label in order if by_label[label].moments["none"].b > 0]
        if buying in ([], [""]):
            continue
        for label in buying:
            made = figure_records(
                METRIC,
                by_label[label],
                binary=True,
                reasons=reasons,
                provisional=care,
                dimensions=_dimensions(cut, label),
            )
            records += made
            rows.append(_row(cut, label, made))
    frame = pd.DataFrame(rows, columns=_columns())
    return Result(judged(frame, COMPARED), tuple(records))


def _sums(days: ir.Table, windows: Windows) -> dict[str, Sums]:
    wanted: dict[CompareTo, Any] = {w: windows.days[w] for w in ("none", *COMPARED)}
    seen = {
        f"{name} buyer": days.order_date.between(window.start, window.end).any()
        for name, window in wanted.items()
    }
    units = days.group_by("customer_id", "label").aggregate(first=days.first_date.min(), **seen)
    pairs = {
        METRIC: {
            name: Pair(
                flag(units[f"{name} buyer"] & (units["first"] < window.start)),
                flag(units[f"{name} buyer"]),
            )
            for name, window in wanted.items()
        }
    }
    return {label: found[METRIC] for label, found in sums_by(units, pairs, by="label").items()}


def _dimensions(cut: str, label: str) -> str:
    """`channel=app`, or `label=gold;segment=level` for a segment of the profile."""
    if cut in PLACES:
        return dimensions(**{cut: label})
    return dimensions(segment=cut, label=label)


def _columns() -> list[str]:
    parts = [f"{w}_{part}" for w in COMPARED for part in ("change", "low", "high", "p", "mark")]
    return ["cut", "label", "n", "numerator", "value", "low", "high", *parts]


def _row(cut: str, label: str, made: tuple[Record, ...]) -> dict[str, Any]:
    level = made[0]
    row: dict[str, Any] = {"cut": cut, "label": label, "n": level.n, "numerator": level.numerator}
    row |= {name: getattr(level, name) for name in ("value", "low", "high")}
    for record in made[1:]:
        window = record.compare_to
        row[f"{window}_change"] = record.change
        row[f"{window}_low"], row[f"{window}_high"] = record.change_low, record.change_high
    return row


def judged(frame: pd.DataFrame, comparisons: Sequence[str]) -> pd.DataFrame:
    """The frame with <w>_p (Benjamini-Hochberg) and <w>_mark; one family over all its changes.

    Of each comparison w it has <w>_change, <w>_low, <w>_high.
    """
    frame = frame.copy()
    numbers = [c for c in frame.columns if not c.endswith("mark") and c not in TEXTS]
    frame[numbers] = frame[numbers].astype("float64")
    family = [
        (index, window, p_of_interval(change, low, high))
        for window in comparisons
        for index, change, low, high in frame[
            [f"{window}_change", f"{window}_low", f"{window}_high"]
        ].itertuples(name=None)
        if not math.isnan(change)
    ]
    for window in comparisons:
        frame[f"{window}_p"], frame[f"{window}_mark"] = np.nan, ""
    adjusted = benjamini_hochberg([p for _, _, p in family])
    for (index, window, single), p in zip(family, adjusted, strict=True):
        frame.loc[index, f"{window}_p"] = p
        if p < FALSE_DISCOVERIES:
            frame.loc[index, f"{window}_mark"] = STANDS
        elif single < FALSE_DISCOVERIES:
            frame.loc[index, f"{window}_mark"] = EXPLORATORY
    return frame
