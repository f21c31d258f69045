"""A pack's folder from executed chapters: the heavy part of a run, imported only when it is one."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repurchase import looks
from repurchase.cells import inert
from repurchase.model.reconcile import money_bridge
from repurchase.model.snapshot import Snapshot
from repurchase.params import Params
from repurchase.press import (
    ahead,
    collect,
    gate,
    kept,
    limits,
    lists,
    pack,
    parallel,
    provenance,
)
from repurchase.press.chapters import Chapter
from repurchase.press.progress import Progress
from repurchase.words import Words


@dataclass(frozen=True)
class Order:
    """What is to be made: the company's period, its data and its notebooks with their keys."""

    params: Params
    snapshot: Snapshot
    wanted: tuple[Chapter, ...]
    keys: dict[str, str | None]
    settings: limits.Settings


def make(order: Order, folder: Path, progress: Progress) -> gate.Verdict:
    """Runs what must be run, binds it and writes everything of a pack into `folder`."""
    params, snapshot = order.params, order.snapshot
    notebooks = folder / pack.RESTRICTED / "notebooks"
    notebooks.mkdir(parents=True)
    store = kept.Store(params)
    sheets = lists.Meanwhile(store)
    parallel.import_before_threads()
    setter = ahead.Typesetter(params, snapshot.data_through, ahead.begin(pages=True))
    work = parallel.Work(
        params, snapshot.path, notebooks, order.settings, progress, store,
        seen=sheets.see, meanwhile=setter.begin,
    )  # fmt: skip
    ran, (records, findings) = parallel.run_chapters(work, order.wanted, order.keys)
    progress.begin("binding")
    bridge = money_bridge(snapshot, params)
    verdict = gate.verdict(params, snapshot, bridge, Words(params.language), records=records)
    manifest = provenance.manifest(
        params, snapshot, order.wanted, status=verdict.status, reasons=verdict.reasons
    )
    manifest["reason_codes"] = list(verdict.codes)
    manifest[looks.LOOKS] = looks.recorded(records)
    # while the book is still being set
    setter.volume.write_pages(folder, ran, manifest, verdict)
    _write_results(folder, records, findings)
    _write_restricted(folder, snapshot)
    setter.join()
    setter.volume.write_print(folder, ran, manifest, verdict)
    sheets.write(folder / pack.RESTRICTED)
    manifest["files"] = pack.delivered(folder)
    pack.write_json(folder / "manifest.json", manifest)
    progress.end("binding")
    return verdict


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
    return str(inert("; ".join(map(str, value)) if isinstance(value, list) else str(value)))


