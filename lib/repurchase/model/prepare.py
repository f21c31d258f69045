"""From the files that a profile names to a snapshot of trusted tables.

    prepare(params, cache=...)  ->  Snapshot

Read, map, type, judge each row, follow merged customers, convert money, write Parquet. All of it
runs inside DuckDB; Python only writes the SQL and reads counts.
"""

from __future__ import annotations

import difflib
import shutil
import tempfile
from pathlib import Path

from repurchase.errors import ParameterError
from repurchase.locks import locked
from repurchase.model.fingerprint import FileMemory, snapshot_id
from repurchase.model.locate import SourceFile, files_of, put_in_place
from repurchase.model.snapshot import META, Snapshot
from repurchase.params import Params

Files = dict[str, tuple[tuple[SourceFile, ...], ...]]


def prepare(params: Params, *, cache: Path) -> Snapshot:
    """The snapshot of the profile's data; made now if anything has changed, else found.

    It lies in `<cache>/snapshots/<profile>/v=<id>/` (mode 700). What is quarantined can be read in
    `<cache>/<profile>/quarantine.csv` (mode 600) when too much of it stops the run.
    Raises SourceError for what cannot be read, DataError for what must not be reported,
    ParameterError for a profile that does not fit its files.
    """
    home = cache / "snapshots" / params.name
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(home / ".lock", what=f"the data of {params.name}", wait=None):
        for left in home.glob(".new-*"):  # of a run that was killed: nobody else is at work here
            shutil.rmtree(left, ignore_errors=True)
        snapshot = _prepared(params, home, cache=cache)
    _check_contact_columns(params, snapshot)
    return snapshot


def _check_contact_columns(params: Params, snapshot: Snapshot) -> None:
    """Raises ParameterError for a contact column of lists or channels that no customer has."""
    told = {
        "lists.contact_columns": tuple(params.profile.lists.contact_columns),
        "funnel_rules.addresses": tuple(params.profile.funnel_rules.addresses.values()),
    }
    for key, wanted in told.items():
        if wanted:
            _check_columns(snapshot, wanted, f"params/{params.name}.yaml, {key}")


def _check_columns(snapshot: Snapshot, wanted: tuple[str, ...], where: str) -> None:
    if "customers" not in snapshot.tables:
        raise ParameterError("there is no table of customers", where=where)
    mapped = {*snapshot.meta["columns"]["customers"], *snapshot.meta["extra"].get("customers", ())}
    if mapped.issuperset(wanted):  # told without a quarter of a second of imports
        return
    import pyarrow.parquet as pq

    known = pq.read_schema(snapshot.file("customers")).names
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ParameterError(
                f"customers have no column {name!r}",
                where=where,
                remedy=f"{hint}there are: {', '.join(known)}",
            )


def _prepared(params: Params, home: Path, *, cache: Path) -> Snapshot:
    files = found_files(params, cache=cache)
    memory = FileMemory(home / "files.json")
    name = snapshot_id(params, files, memory)
    memory.save()
    folder = home / f"v={name}"
    if (folder / META).is_file():
        return Snapshot.open(folder)
    aside = Path(tempfile.mkdtemp(dir=home, prefix=".new-"))
    try:
        from repurchase.model.build import build

        build(params, files, aside, name, cache=cache)
        put_in_place(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Snapshot.open(folder)


def found_files(params: Params, *, cache: Path) -> Files:
    """The files of every source of every table, nothing of them read."""
    return {
        table: tuple(files_of(spec, params, cache=cache) for spec in specs)
        for table, specs in params.profile.sources.items()
    }
