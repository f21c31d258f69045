"""Leaks: where a funnel loses more than it used to, since when, and what that costs a month.

A leak is a step of a funnel, for all or for one label of a cut, whose conversion now lies below its
own level of the six contact windows before by more than chance, by more than the rest of the step
and by more than a year ago (`stats.leak`), among all places looked at (Benjamini-Hochberg), and by
a material share. A fall that lasts would soon be the level itself, so a leak that was found up to
three periods ago is held against the level that it fell from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from repurchase.analysis.leak_readings import Counted, Reading, Span, read_cut, read_whole, span_of
from repurchase.analysis.leak_worth import Worth, onward_to, value
from repurchase.period import MONTHS, Period
from repurchase.reasons import (
    AFTER_REPURCHASE,
    FEW_CONTACT_WINDOWS,
    FEW_TO_CONVERT,
    NO_CONTACT_WINDOW,
    reason,
)
from repurchase.records import Record, Result, dimensions
from repurchase.stats.leak import FEWEST_EXPECTED, FEWEST_WINDOWS
from repurchase.stats.multiplicity import benjamini_hochberg

FALSE_DISCOVERIES = 0.05
# labels that miss at least this share of what their step misses explain it
MOSTLY = 0.5
MATERIAL = 0.05
# for so many periods a leak that lasts is held against its old level
CARRIED = 3

LEAK, OVERLAPS, SMALL, STEADY, UNJUDGED = "leak", "overlaps", "small", "steady", "unjudged"
FRAME = [
    "funnel", "step", "cut", "label", "funnel_name", "step_name", "status", "rank", "found",
    "lasts", "units", "converted", "now", "level", "windows", "season_known", "p", "q", "missing",
    "missing_low", "missing_high", "customers", "customers_low", "customers_high", "money",
    "money_low", "money_high", "since", "since_day", "reason",
]  # fmt: skip
TEXTS = ("funnel", "step", "cut", "label", "funnel_name", "step_name", "status", "found", "since",
         "since_day", "reason", "season_known", "lasts")  # fmt: skip


def leaks(
    funnels: Iterable[Counted], period: Period, worth: Worth, *, material: float = MATERIAL
) -> Result:
    """The leaks of a period's contact window, and everything else that was looked at.

    The frame has a row a place: funnel, step (from this step to the next), cut and label ("" for
    the whole step; a label "" of a cut: all others of it), status (`leak`, `overlaps`: below its
    level too, but explained by a leak of the step in another cut, `small`: less than `material` of
    its conversions, `steady`, `unjudged` with its reason), rank (of leaks, by money, then by
    customers), found (the period in which a leak was found; one that `lasts` is held against the
    six windows before that one), units and converted (of this window), now, level (conversions),
    windows (of the level), season_known (whether a year ago was looked at), p and q
    (Benjamini-Hochberg over all places of all funnels; within a step that stands as a whole over
    its labels), missing (conversions of this window, with 95 % interval), customers (repurchases a
    month that are missing for it, as later steps convert at their level), money (a month), since
    (period of the first contact window of the run that lies nearer to this one than to the level)
    and since_day (its first day). Money and customers are missing for steps after the repurchase.
    A label is read beside the other labels of its cut, so within a step no fall is told twice;
    funnels may tell of the same customers.

    Records: `leak_customers`, `leak_money`, `leak_conversion`, `leak_level` by funnel, step, cut
    and label, for leaks; `leak_places` by funnel.
    """
    told = {c.key: c for c in funnels}
    rows, records = _told_now(told, period, material, carried=CARRIED)
    for row in rows:
        if row["status"] == LEAK:
            span = span_of(period, before=Period.parse(row["found"]))
            value(row, told[row["funnel"]], span, worth, MONTHS[period.unit])
    frame = _ranked(rows)
    return Result(frame, (*records, *_records(frame, told, worth)))


def _told_now(
    told: Mapping[str, Counted], period: Period, material: float, *, carried: int
) -> tuple[list[dict[str, Any]], list[Record]]:
    """All places with their status, not yet valued; those that lasted up to `carried` periods."""
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for counted in told.values():
        why = _why_not(counted, period)
        found = [] if why else _looked_at(counted, period)
        judged = sum(r["reason"] is None for r in found)
        where = dimensions(funnel=counted.key)
        records.append(
            Record("leak_places", None, "count", where, status="not_computed", reason=why) if why
            else Record("leak_places", float(judged), "count", where, n=float(len(found)))
        )  # fmt: skip
        rows += found
    limit = _judge(rows, material)
    for counted in told.values():
        own = [r for r in rows if r["funnel"] == counted.key]
        rows += _settle(own, counted, period, material, limit)
    if carried:
        before, _ = _told_now(told, period.previous(), material, carried=carried - 1)
        for row in (r for r in before if r["status"] == LEAK):
            _carry(rows, told[row["funnel"]], row, period)
    return rows, records


def _carry(
    rows: list[dict[str, Any]], counted: Counted, before: dict[str, Any], period: Period
) -> None:
    """Puts a leak of the period before, if it lasts, in the place of what is told of it now."""
    span = span_of(period, before=Period.parse(before["found"]))
    found, i = _same_place(counted, before, span)
    if found is None or not found.first.enough[i] or not found.missing.low[i] > 0:
        return
    place = {k: before[k] for k in ("step", "cut", "label")}
    row = _row(counted, found, i, span=span, **place)
    kept = {k: before[k] for k in ("found", "q", "since", "since_day")}
    kept |= {"status": LEAK, "lasts": True}
    here = [r for r in rows if (r["funnel"], r["step"]) == (counted.key, row["step"])]
    for other in here:
        if (other["cut"], other["label"]) == (row["cut"], row["label"]):
            rows.remove(other)
    rivals = [r for r in here if r["status"] == LEAK and r["cut"] != row["cut"]]
    if sum(r["missing"] for r in rivals) > row["missing"]:
        kept["status"] = OVERLAPS
    else:
        for other in rivals:
            other["status"] = OVERLAPS
    rows.append(row | kept)


def _why_not(counted: Counted, period: Period) -> str | None:
    span = span_of(period)
    if period.label not in counted.periods:
        return reason(NO_CONTACT_WINDOW, period=period.label)
    if len(set(counted.periods) & set(span.level)) < FEWEST_WINDOWS:
        return reason(FEW_CONTACT_WINDOWS, fewest=FEWEST_WINDOWS)
    return None


def _looked_at(counted: Counted, period: Period) -> list[dict[str, Any]]:
    """A row a place, judged or with the reason why not."""
    span = span_of(period)
    whole = read_whole(counted, span)
    rows = [
        _row(counted, whole, i, step=i + 1, cut="", label="", span=span)
        for i in range(len(counted.steps) - 1)
    ]
    for step in range(1, len(counted.steps)):
        for cut in counted.cuts:
            found = read_cut(counted, cut, step, span)
            if found is None:
                continue
            rows += [
                _row(counted, found, i, step=step, cut=cut, label=label, span=span)
                for i, label in enumerate(found.grid.labels)
                if label and found.grid.n[i, -1] > 0
            ]
    return rows


def _row(
    counted: Counted, found: Reading, i: int, *, step: int, cut: str, label: str, span: Span
) -> dict[str, Any]:
    first, gone = found.first, found.missing
    enough = bool(first.enough[i])
    why = None
    if not enough:
        few = first.windows[i] < FEWEST_WINDOWS
        why = (
            reason(FEW_CONTACT_WINDOWS, fewest=FEWEST_WINDOWS) if few
            else reason(FEW_TO_CONVERT, fewest=round(FEWEST_EXPECTED))
        )  # fmt: skip
    run = min(int(first.run[i]), len(span.level) + 1)
    return {
        "funnel": counted.key, "step": step, "cut": cut, "label": label,
        "funnel_name": counted.name, "step_name": counted.step_name(step),
        "units": first.units[i], "converted": found.grid.y[i, -1], "now": first.now[i],
        "level": first.level[i] if enough else math.nan, "windows": first.windows[i],
        "season_known": bool(found.season_known[i]), "p": found.p[i] if enough else math.nan,
        "missing": gone.value[i] if enough else math.nan,
        "missing_low": gone.low[i] if enough else math.nan,
        "missing_high": gone.high[i] if enough else math.nan,
        "alone": tuple(getattr(found.alone, x)[i] for x in ("value", "low", "high")),
        "since": span.columns[-run] if enough else None, "reason": why, "found": span.judged,
        "since_day": counted.first_day(span.columns[-run]) if enough else None,
        "lasts": False,
        "status": STEADY if enough else UNJUDGED,
    }  # fmt: skip


def _judge(rows: list[dict[str, Any]], material: float) -> float:
    """Writes q and status of all places together; returns the largest p that would stand."""
    judged = [r for r in rows if r["reason"] is None]
    for row, q in zip(judged, benjamini_hochberg([r["p"] for r in judged]), strict=True):
        row["q"] = q
    stands = sum(r["q"] < FALSE_DISCOVERIES for r in judged)
    for row in judged:
        if row["q"] < FALSE_DISCOVERIES:
            _stands(row, material)
    for whole in [r for r in judged if not r["cut"] and r["status"] == LEAK]:
        _localise([r for r in judged if r["cut"] and _same_step(r, whole)], material)
    return FALSE_DISCOVERIES * stands / max(1, len(judged))


def _stands(row: dict[str, Any], material: float) -> None:
    if row["missing"] > 0:
        row["status"] = LEAK if _material(row, material) else SMALL


def _same_step(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["funnel"], one["step"]) == (other["funnel"], other["step"])


def _localise(labels: list[dict[str, Any]], material: float) -> None:
    """In a step that fell, the labels are the only ones left to choose from (Yekutieli 2008)."""
    within = benjamini_hochberg([r["p"] for r in labels])
    for row, q in zip(labels, within, strict=True):
        if q < FALSE_DISCOVERIES and row["status"] == STEADY:
            row["q"] = min(row["q"], q)
            _stands(row, material)


def _material(row: dict[str, Any], material: float) -> bool:
    return bool(row["missing"] >= material * (row["missing"] + row["converted"]))


def _settle(
    rows: list[dict[str, Any]], counted: Counted, period: Period, material: float, limit: float
) -> list[dict[str, Any]]:
    """One explanation a step: the cut whose labels miss most, or the whole step if they miss little
    of what it misses.

    Labels of one cut share no units; those of another cut, and the step as a whole, may be the same
    customers. Returns the rows for what remains of a step whose labels leak.
    """
    more = []
    for step in sorted({r["step"] for r in rows}):
        here = [r for r in rows if r["step"] == step and r["status"] == LEAK]
        labels = [r for r in here if r["cut"]]
        whole = next((r for r in here if not r["cut"]), None)
        if not labels:
            continue
        explained: dict[str, float] = {}
        for row in labels:
            explained[row["cut"]] = explained.get(row["cut"], 0.0) + row["missing"]
        cut = max(explained, key=lambda c: (explained[c], c))
        if whole is not None and explained[cut] < MOSTLY * whole["missing"]:
            cut = ""
        for row in here:
            if row["cut"] != cut:
                row["status"] = OVERLAPS
        if whole is not None and cut:
            chosen = [r for r in labels if r["cut"] == cut]
            more += _rest(chosen, counted, period, material, limit)
    return more


def _rest(
    chosen: list[dict[str, Any]], counted: Counted, period: Period, material: float, limit: float
) -> list[dict[str, Any]]:
    """The rest of a step that fell beside its worst labels, if it leaks too.

    Then the labels miss all that they fall short of their own level, not only of the others.
    """
    step, cut = chosen[0]["step"], chosen[0]["cut"]
    rest = _remainder(counted, period, step, cut, [r["label"] for r in chosen])
    if not rest["reason"] and rest["p"] <= limit:
        _stands(rest, material)
    if rest["status"] != LEAK:
        return []
    for row in chosen:
        row.update(zip(("missing", "missing_low", "missing_high"), row["alone"], strict=True))
    return [rest]


def _remainder(
    counted: Counted, period: Period, step: int, cut: str, labels: list[str]
) -> dict[str, Any]:
    """The step without the labels that leak; its cut is theirs, its label "" (all others)."""
    span = span_of(period)
    found = read_whole(counted, span, without=(cut, labels))
    row = _row(counted, found, step - 1, step=step, cut=cut, label="", span=span)
    return row | {"q": math.nan}


def _ranked(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The frame, leaks first by money, then by customers, then by what is missing."""
    frame = pd.DataFrame(rows).reindex(columns=FRAME)
    numbers = [c for c in FRAME if c not in TEXTS]
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    order = frame.assign(
        leak=frame["status"] != LEAK,
        a=-frame["money"].fillna(-np.inf), b=-frame["customers"].fillna(-np.inf),
        c=-frame["missing"].fillna(-np.inf),
    )  # fmt: skip
    keys = ["leak", "a", "b", "c", "funnel", "step", "cut", "label"]
    frame = frame.loc[order.sort_values(keys).index].reset_index(drop=True)
    leak = frame["status"] == LEAK
    frame.loc[leak, "rank"] = np.arange(1.0, leak.sum() + 1)
    return frame


def place_of(row: dict[Any, Any]) -> str:
    """A leak's place as findings name it: `channel=wechat`, or "" for a whole step."""
    return dimensions(**{row["cut"]: row["label"]}) if row["label"] else ""


def key_of(row: dict[Any, Any], **more: str) -> str:
    """The dimensions under which a leak is recorded."""
    parts = {"funnel": row["funnel"], "step": row["step"]}
    if row["cut"]:
        parts |= {"cut": row["cut"], "label": row["label"]}
    return dimensions(**parts, **more)


def _records(
    frame: pd.DataFrame, funnels: dict[str, Counted], worth: Worth
) -> list[Record]:
    found = []
    for row in frame[frame["status"] == LEAK].to_dict("records"):
        where = key_of(row)
        counts = {"numerator": row["converted"], "n": row["units"]}
        found += [
            Record("leak_conversion", row["now"], "share", where, **counts),
            Record("leak_level", row["level"], "share", where),
        ]
        counted = funnels[row["funnel"]]
        why = AFTER_REPURCHASE if onward_to(counted, row["step"]) is None else None
        found += _worth_records(row, where, why, worth)
    return found


def _worth_records(
    row: dict[Any, Any], where: str, why: str | None, worth: Worth
) -> list[Record]:
    """Customers and money a month, or why they are not known."""
    found = []
    kind = key_of(row, money=worth.kind) if worth.kind else where
    for name, unit, at, missing_because in (
        ("customers", "count", where, why),
        ("money", "money", kind, why or worth.reason),
    ):
        if missing_because:
            found.append(Record(f"leak_{name}", None, unit, at,  # type: ignore[arg-type]
                                status="not_computed", reason=missing_because))  # fmt: skip
        else:
            found.append(
                Record(f"leak_{name}", row[name], unit, at, low=row[f"{name}_low"],  # type: ignore[arg-type]
                       high=row[f"{name}_high"], n=row["units"])
            )  # fmt: skip
    return found


# ---- last period's leaks ------------------------------------------------------------------------

RECOVERED, LASTS, UNKNOWN = "recovered", "lasts", "unknown"
FORMER = [
    "funnel", "step", "cut", "label", "funnel_name", "step_name", "found", "since", "status",
    "level", "then", "now", "units", "share_then", "share", "share_low", "share_high", "reason",
]  # fmt: skip


def former_leaks(
    funnels: Iterable[Counted], period: Period, worth: Worth, *, material: float = MATERIAL
) -> Result:
    """The leaks of the period before, and whether they have closed.

    Each is held against the level that it fell from, that of the six windows before it was found.
    The frame has a row a leak, in their order then: funnel, step, cut, label, found and since
    (periods), level, then and now (conversions), units (now), share_then and share (of its
    conversions that were missing and are missing now, the latter with 95 % interval), status:
    `lasts` (still below that level beyond chance), `recovered` (not so, and surely less than half
    as much is missing as then), `unknown` (neither can be told, or not judged for `reason`).

    Records: `former_leak` by funnel, step, cut and label; by funnel alone, with the reason, where
    that period could not be judged.
    """
    told = {c.key: c for c in funnels}
    before = leaks(told.values(), period.previous(), worth, material=material)
    rows = [
        _followed(told[row["funnel"]], row, period)
        for row in before.frame[before.frame["status"] == LEAK].to_dict("records")
    ]
    frame = pd.DataFrame(rows, columns=FORMER)
    records = [
        Record("former_leak", row["share"], "share", key_of(row), low=row["share_low"],
               high=row["share_high"], n=row["units"]) if row["reason"] is None
        else Record("former_leak", None, "share", key_of(row), status="not_computed",
                    reason=row["reason"])
        for row in frame.to_dict("records")
    ]  # fmt: skip
    unjudged = [
        replace(r, metric="former_leak", unit="share") for r in before.records
        if r.metric == "leak_places" and r.value is None
    ]  # fmt: skip
    return Result(frame, (*records, *unjudged))


def _followed(counted: Counted, row: dict[Any, Any], period: Period) -> dict[str, Any]:
    """A leak of last period against the level that it fell from."""
    span = span_of(period, before=Period.parse(row["found"]))
    found, i = _same_place(counted, row, span)
    share_then = row["missing"] / (row["missing"] + row["converted"])
    told = {
        **{k: row[k] for k in (*FORMER[:8], "level")},
        "then": row["now"], "share_then": share_then,
    }  # fmt: skip
    if found is None or not found.first.enough[i]:
        why = reason(FEW_TO_CONVERT, fewest=round(FEWEST_EXPECTED))
        return told | {"status": UNKNOWN, "reason": why}
    made, gone = found.grid.y[i, -1], found.missing
    share, low, high = (
        float(x[i] / (x[i] + made)) if x[i] + made > 0 else 0.0
        for x in (gone.value, gone.low, gone.high)
    )
    status = LASTS if low > 0 else RECOVERED if high < MOSTLY * share_then else UNKNOWN
    return told | {
        "status": status, "now": found.first.now[i], "units": found.first.units[i],
        "share": share, "share_low": low, "share_high": high, "reason": None,
    }  # fmt: skip


def _same_place(
    counted: Counted, row: dict[Any, Any], span: Span
) -> tuple[Reading | None, int]:
    if row["label"]:
        found = read_cut(counted, row["cut"], row["step"], span)
        if found is None or row["label"] not in found.grid.labels:
            return None, 0
        return found, found.grid.labels.index(row["label"])
    return read_whole(counted, span), row["step"] - 1
