"""One month from files to a pack in its place."""

from __future__ import annotations

import csv
import shutil
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
from repurchase.press import bind, chapters, collect, gate, pack, pages, provenance
from repurchase.press.chapters import Ran
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


def monthly_report(params: Params, *, say: Say) -> Outcome:
    """Prepares the data, runs every chapter, binds the pack and puts it in its place.

    Raises ReviewError if it cannot; then what stood in its place before still does.
    """
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
    try:
        with pack.aside(reports) as folder:
            outcome = _bound(params, snapshot, wanted, folder, reports, say)
    except ReviewError as error:
        _write_failure(reports, params, period, error)
        raise
    (reports / f"{period.label}-failed.html").unlink(missing_ok=True)
    _write_archive(reports, params)
    for reason in outcome.reasons:
        say(f"  draft: {reason}")
    shown = f"reports/{params.name}/{period.label}/review.pdf"
    say(f"{outcome.status}: {shown}")
    return outcome


def _bound(
    params: Params,
    snapshot: Snapshot,
    wanted: tuple[chapters.Chapter, ...],
    folder: Path,
    reports: Path,
    say: Say,
) -> Outcome:
    assert params.period is not None
    words = Words(params.language)
    ran, records, findings = _run_chapters(params, snapshot, wanted, folder, say)
    bridge = money_bridge(snapshot, params)
    verdict = gate.verdict(params, snapshot, bridge, words)
    manifest = provenance.manifest(
        params, snapshot, wanted, status=verdict.status, reasons=verdict.reasons
    )
    by_name = {r.chapter.name: bind.translated(r, words) for r in ran}
    main = [by_name["summary"]]
    main += [r for name, r in by_name.items() if name not in chapters.ALWAYS]
    back = [by_name["data"], *bind.appendix(params, words, manifest)]
    say("binding")
    volume = bind.book(
        main, back, params, words, data_through=snapshot.data_through, verdict=verdict
    )
    printed = bind.pdf(volume, data_through=snapshot.data_through)
    (folder / "review.pdf").write_bytes(printed)
    pages.write_pages(
        folder, main, back, params, words, data_through=snapshot.data_through, verdict=verdict
    )
    bind.write_figures((*main, *back), folder / "figures")
    _write_results(folder, records, findings)
    _write_restricted(folder, snapshot)
    manifest["files"] = {
        name: digest
        for name, digest in pack.hashes(folder).items()
        if not name.startswith("restricted/")
    }
    pack.write_json(folder / "manifest.json", manifest)
    link = pack.place(folder, reports, params.period)
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
        ran.append(chapters.run(chapter, params, run_file, notebooks / f"{chapter.name}.ipynb"))
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
    pack.write_text(reports / f"{period.label}-failed.html", text)


def _write_archive(reports: Path, params: Params) -> None:
    text = pages.archive_page(params, pack.manifests(reports))
    pack.write_text(reports / "index.html", text)
    for left in (reports / pack.PACKS).glob("new-*"):
        shutil.rmtree(left, ignore_errors=True)
