"""What the check of paths says: the step that leaks, or the commonest way back.

"act" rests on the leaks alone, a step against its own past; what customers did on the way
describes them and proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repurchase.analysis.findings import record_key
from repurchase.analysis.path import OTHERS, longest
from repurchase.analysis.verdicts import Verdict
from repurchase.records import Record, Result, dimensions
from repurchase.words import N_

CLAIMS = {
    "leak": N_(
        "The step from {from_step} to {to_step} leaks: {now_share} of {units_count} customers took"
        " it, {level_share} did before"
    ),
    "leak_place": N_(
        "The step from {from_step} to {to_step} leaks, {where_place}: {now_share} of {units_count}"
        " customers took it, {level_share} did before"
    ),
    "ok": N_(
        "No step lies below its own level; of those who came back {way_share} came by the way"
        " {way_path}"
    ),
    "ok_time": N_(
        "No step lies below its own level; of those who came back {way_share} came by the way"
        " {way_path}, and {time_share} of their time passed between {start_event} and {end_event}"
    ),
}
ACTION = N_("Look at that step first, where it leaks most, before changing any other.")


def verdict(
    paths: Result, transitions: Result, leaks: Callable[[], Result],
    steps: Mapping[str, Sequence[str]], *, exhibit: str | None = None,
) -> Verdict:  # fmt: skip
    """The check's answer; `steps` are the names of each funnel's steps, by the funnel's key.

    `leaks` is asked only where there are ways.
    """
    why = next((r.reason for r in paths.records if r.status == "not_computed"), None)
    if paths.frame.empty:
        return Verdict("path", "not_computable", reason=why)
    told = leaks()
    found = told.frame[told.frame["status"] == "leak"].sort_values("rank")
    if len(found):
        return _leaking(found.iloc[0].to_dict(), steps, exhibit)
    judged = [r for r in told.records if r.metric == "leak_places"]
    if not any(r.status != "not_computed" for r in judged):
        return Verdict("path", "not_computable", reason=judged[0].reason if judged else why)
    return _steady(paths, transitions, exhibit)


def _leaking(
    row: Mapping[Any, Any], steps: Mapping[str, Sequence[str]], exhibit: str | None
) -> Verdict:
    names, step = steps[row["funnel"]], int(row["step"])
    values: dict[str, Any] = {
        "from_step": names[step - 1], "to_step": names[step], "now_share": float(row["now"]),
        "level_share": float(row["level"]), "units_count": float(row["units"]),
    }  # fmt: skip
    claim = CLAIMS["leak"]
    if row["cut"]:
        claim = CLAIMS["leak_place"]
        values["where_place"] = dimensions(**{row["cut"]: row["label"]})
    told = {k: row[k] for k in ("funnel", "step", "cut", "label") if row[k] != ""}
    key = record_key(Record("leak_conversion", None, "share", dimensions(**told)))
    return Verdict(
        "path", "act", claim, values, (key,), action=ACTION, confidence="high", exhibit=exhibit
    )


def _steady(paths: Result, transitions: Result, exhibit: str | None) -> Verdict:
    told = paths.frame[paths.frame["path"] != OTHERS]
    if told.empty:
        told = paths.frame
    way = told.loc[told["came"].idxmax()]
    values: dict[str, Any] = {"way_share": float(way["came_share"]), "way_path": str(way["path"])}
    key = record_key(
        Record("path_of_returned", None, "share", dimensions(path=way["path"] or "other"))
    )
    most = longest(transitions.frame)
    if most is None or way["came_share"] != way["came_share"]:
        values = {k: v if v == v else None for k, v in values.items()}
        return Verdict("path", "ok", CLAIMS["ok"], values, (key,), exhibit=exhibit)
    values |= {"time_share": float(most["time_share"]), "start_event": most["start"],
               "end_event": most["end"]}  # fmt: skip
    return Verdict("path", "ok", CLAIMS["ok_time"], values, (key,), exhibit=exhibit)
