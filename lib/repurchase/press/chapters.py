"""Finds a pack's notebooks, holds their parameters against what is passed, and runs them."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from repurchase.errors import ChapterError, ParameterError
from repurchase.params import NAME, Params
from repurchase.review import RUN

PARAMETERS = {"profile": str, "period": str}
# a kernel's messages carry company data: over a socket file of the user's, not over a port
TRANSPORT = "tcp" if os.name == "nt" else "ipc"
ALWAYS = ("data", "summary")  # what was read, and what the other chapters found


@dataclass(frozen=True)
class Chapter:
    """One notebook of the pack; `own` is True for a profile's own or changed one."""

    name: str
    path: Path
    own: bool


@dataclass(frozen=True)
class Ran:
    """An executed notebook, held in memory: its cells and outputs."""

    chapter: Chapter
    notebook: nbformat.NotebookNode


def chapters_of(params: Params) -> tuple[Chapter, ...]:
    """The notebooks to run, in order: the profile's chapters, then data, then summary.

    A notebook in `params/<profile>/` shadows the release's one of the same name.
    Raises ParameterError if one does not exist.
    """
    wanted = [c for c in params.profile.chapters if c not in ALWAYS]
    return tuple(_chapter(params, name) for name in (*dict.fromkeys(wanted), *ALWAYS))


def _chapter(params: Params, name: str) -> Chapter:
    own = params.root / "params" / params.name / f"{name}.ipynb"
    ours = params.root / "notebooks" / f"{name}.ipynb"
    if NAME.fullmatch(name):
        if own.is_file():
            return Chapter(name, own, own=True)
        if ours.is_file():
            return Chapter(name, ours, own=False)
    known = sorted(p.stem for p in ours.parent.glob("*.ipynb"))
    raise ParameterError(
        f"there is no chapter {name!r}",
        where=f"params/{params.name}.yaml, chapters",
        remedy=f"chapters here: {', '.join(k for k in known if k not in ALWAYS)}",
    )


def check_parameters(chapter: Chapter) -> None:
    """Raises ParameterError unless the one `parameters` cell assigns profile and period, as text.

    papermill itself only warns of a parameter that the notebook does not have, and a cell
    without the tag overwrites what was injected; both would report the wrong month.
    """
    where = f"{chapter.path.parent.name}/{chapter.path.name}"
    notebook = nbformat.read(chapter.path, as_version=4)
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    if len(tagged) != 1:
        raise ParameterError(
            f"{len(tagged)} cells are tagged 'parameters'",
            where=where,
            rule="exactly one cell is, and it assigns profile and period",
            remedy="tag the cell that assigns them (View, Cell Toolbar, Tags)",
        )
    found = _assigned(tagged[0].source, where)
    if set(found) != set(PARAMETERS):
        raise ParameterError(
            f"the parameters cell assigns {', '.join(sorted(found)) or 'nothing'}",
            where=where,
            rule=f"it must assign {', '.join(PARAMETERS)} and nothing else",
            remedy="mend the names in the parameters cell",
        )
    for name, kind in PARAMETERS.items():
        if not isinstance(found[name], kind):
            raise ParameterError(
                f"{name} == {found[name]!r} in the parameters cell, must be text",
                where=where,
                remedy=f'write {name} = "..."',
            )
    later = [
        name
        for cell in notebook.cells
        if cell.cell_type == "code" and cell is not tagged[0]
        for name in PARAMETERS
        if re.search(rf"^\s*{name}\s*=[^=]", cell.source, re.MULTILINE)
    ]
    if later:
        raise ParameterError(
            f"{later[0]} is assigned again outside the parameters cell",
            where=where,
            rule="what is passed must not be overwritten",
        )


def _assigned(source: str, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        for node in ast.parse(source).body:
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                raise ValueError("only plain assignments belong here")
            found[node.targets[0].id] = ast.literal_eval(node.value)
    except (SyntaxError, ValueError) as error:
        raise ParameterError(
            f"the parameters cell cannot be read: {error}",
            where=where,
            rule="one plain literal a line",
        ) from None
    return found


def run(chapter: Chapter, params: Params, run_file: Path, output: Path) -> Ran:
    """Runs one notebook through papermill on a kernel of its own.

    Raises ChapterError naming the cell and its error; `output` keeps the partial notebook then.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillException, PapermillExecutionError
    from traitlets.config import Config

    assert params.period is not None
    with _environment({RUN: str(run_file), "REPURCHASE_CHAPTER": chapter.name}):
        try:
            papermill.execute_notebook(
                str(chapter.path),
                str(output),
                parameters={"profile": params.name, "period": params.period.label},
                kernel_name="python3",
                language="python",
                progress_bar=False,
                log_output=False,
                cwd=str(params.root),
                config=Config({"KernelManager": {"transport": TRANSPORT}}),
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
            )
        except PapermillExecutionError as error:
            raise _failure(
                chapter, error.exec_count, error.source, error.ename, error.evalue
            ) from None
        except (DeadKernelError, CellTimeoutError) as error:
            raise _failure(chapter, None, "", type(error).__name__, "the kernel stopped") from None
        except PapermillException as error:
            raise _failure(chapter, None, "", type(error).__name__, str(error)) from None
    executed = nbformat.read(output, as_version=4)
    _check_ran(chapter, executed)
    return Ran(chapter, executed)


def _check_ran(chapter: Chapter, notebook: nbformat.NotebookNode) -> None:
    """A kernel that exits by sys.exit(0) leaves cells that look run and are not."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        exited = any(o.get("ename") == "SystemExit" for o in cell.outputs)
        if exited or cell.execution_count is None:
            raise _failure(chapter, number, cell.source, "SystemExit", "the cell ended the run")


def _failure(chapter: Chapter, cell: int | None, source: str, name: str, text: str) -> ChapterError:
    at = f", cell {cell}" if cell is not None else ""
    first = next((line for line in source.splitlines() if line.strip()), "")
    return ChapterError(
        f"chapter {chapter.name} failed: {name}: {text}".rstrip(": "),
        where=f"{chapter.path.parent.name}/{chapter.path.name}{at}"
        + (f": {first.strip()}" if first else ""),
        remedy="open it with make lab, run it to the failing cell, mend it, run again",
    )


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def write_run_file(
    path: Path,
    params: Params,
    snapshot: Path,
    *,
    told: tuple[list[dict[str, Any]], list[dict[str, Any]]] | None = None,
) -> None:
    """What a kernel of the press must know beside its two parameters."""
    assert params.period is not None
    run = {
        "profile": params.name,
        "period": params.period.label,
        "root": str(params.root),
        "data": params.data,
        "language": params.profile.language,
        "allow_incomplete": params.profile.allow_incomplete or None,
        "snapshot": str(snapshot),
        "records": told[0] if told else None,
        "findings": told[1] if told else None,
    }
    path.write_text(json.dumps(run, ensure_ascii=False), encoding="utf-8")
