"""One month from files to a pack in its place."""

from __future__ import annotations

import csv
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repurchase.errors import ReviewError
from repurchase.model.prepare import prepare
from repurchase.model.reconcile import money_bridge
from repurchase.model.snapshot import Snapshot
from repurchase.params import Params
from repurchase.period import Period
from repurchase.press import chapters, collect, gate, pack, pages, provenance, stopping
from repurchase.press.chapters import Ran
from repurchase.press.volume import write_volume
from repurchase.review import at_period
from repurchase.words import Words

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a run ended with: the pack's status and where it stands."""

    status: gate.Status
    reasons: tuple[str, ...]
    path: Path
    exit_code: int


def monthly_report(
    params: Params, *, say: Say, wait: float = 0.0, republish: bool = False
) -> Outcome:
    """Prepares the data, runs every chapter, binds the pack and puts it in its place.

    `wait` is how many seconds another run of the period is waited for; `republish` makes the
    candidate for another edition of a signed period, beside it. Raises ReviewError if it cannot;
    then what stood in its place before still does. A stop (Ctrl-C, SIGTERM) raises
    KeyboardInterrupt and leaves no process and no file.
    """
    with stopping.stoppable():
        return _monthly_report(params, say, wait, republish)


def _monthly_report(params: Params, say: Say, wait: float, republish: bool) -> Outcome:
    asked = params.period
    snapshot = prepare(params, cache=params.root / ".cache")
    params = at_period(params, snapshot)
    period = params.period
    assert period is not None
    because = "" if asked else ", the last complete month of the data"
    say(f"{params.name} {period.label}{because}; data through {snapshot.data_through.isoformat()}")
    gate.check_complete(params, snapshot)
    wanted = chapters.chapters_of(params)
    for chapter in wanted:
        chapters.check_parameters(chapter)
    reports = params.root / "reports" / params.name
    with pack.held(reports, period, wait=wait, say=say):
        beside = republish and pack.signed_edition(reports, period) is not None
        if not beside:
            pack.check_unsigned(reports, period)
        try:
            with pack.aside(reports, period) as folder:
                outcome = _bound(params, snapshot, wanted, folder, reports, say, beside)
        except ReviewError as error:
            _write_failure(reports, params, period, error)
            raise
        (reports / f"{period.label}-failed.html").unlink(missing_ok=True)
        pack.write_indexes(reports, functools.partial(pages.archive_page, params))
    for reason in outcome.reasons:
        say(f"  draft: {reason}")
    shown = outcome.path.relative_to(params.root).as_posix()
    say(f"{outcome.status}: {shown}/review.pdf")
    return outcome


def _bound(
    params: Params,
    snapshot: Snapshot,
    wanted: tuple[chapters.Chapter, ...],
    folder: Path,
    reports: Path,
    say: Say,
    beside: bool,
) -> Outcome:
    assert params.period is not None
    words = Words(params.language)
    ran, records, findings = _run_chapters(params, snapshot, wanted, folder, say)
    bridge = money_bridge(snapshot, params)
    verdict = gate.verdict(params, snapshot, bridge, words, records=records)
    manifest = provenance.manifest(
        params, snapshot, wanted, status=verdict.status, reasons=verdict.reasons
    )
    manifest["reason_codes"] = list(verdict.codes)
    say("binding")
    write_volume(folder, ran, params, manifest, verdict)
    _write_results(folder, records, findings)
    _write_restricted(folder, snapshot)
    manifest["files"] = pack.delivered(folder)
    pack.write_json(folder / "manifest.json", manifest)
    link = pack.place(folder, reports, params.period, beside=beside)
    return Outcome(verdict.status, verdict.reasons, link, gate.EXIT_CODES[verdict.status])


def _run_chapters(
    params: Params,
    snapshot: Snapshot,
    wanted: tuple[chapters.Chapter, ...],
    folder: Path,
    say: Say,
) -> tuple[list[Ran], list[dict[str, Any]], list[dict[str, Any]]]:
    """Runs the chapters in turn and the summary last, from what the others recorded."""
    notebooks = folder / pack.RESTRICTED / "notebooks"
    notebooks.mkdir(parents=True)
    run_file = folder / "run.json"
    chapters.write_run_file(run_file, params, snapshot.path)
    ran: list[Ran] = []
    for chapter in wanted:
        say(f"running {chapter.name}")
        if chapter.name == "summary":
            told = collect.collected(ran)
            chapters.write_run_file(run_file, params, snapshot.path, told=told)
        output = notebooks / f"{chapter.name}.ipynb"
        ran.append(stopping.in_thread(chapters.run, chapter, params, run_file, output))
    run_file.unlink()
    records, findings = collect.collected(ran)
    return ran, records, findings


def _write_results(
    folder: Path, records: list[dict[str, Any]], findings: list[dict[str, Any]]
) -> None:
    import pyarrow.parquet as pq

    pack.write_json(folder / "results.json", records)
    pack.write_json(folder / "findings.json", findings)
    pq.write_table(collect.records_table(records), folder / "results.parquet")


def _write_restricted(folder: Path, snapshot: Snapshot) -> None:
    """Rows that were set aside; names and phones may stand in them."""
    import pyarrow.parquet as pq

    target = folder / pack.RESTRICTED / "quarantine.csv"
    read = pq.read_table(snapshot.file("quarantine"))
    names, rows = read.column_names, read.to_pylist()
    with target.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, names)
        writer.writeheader()
        writer.writerows([{k: _inert(v) for k, v in row.items()} for row in rows])


def _inert(value: Any) -> str:
    """A cell that a spreadsheet cannot take for a formula."""
    text = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "'" + text if text[:1] in "=+-@\t\r" else text


def _write_failure(reports: Path, params: Params, period: Period, error: ReviewError) -> None:
    reports.mkdir(parents=True, exist_ok=True)
    text = pages.failure_page(params, period, error)
    pack.swap_text(reports / f"{period.label}-failed.html", text)
