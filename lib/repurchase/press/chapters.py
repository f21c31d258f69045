"""Finds a pack's notebooks, holds their parameters against what is passed, and runs them."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repurchase import scrub
from repurchase.context import CHAPTER, RUN
from repurchase.errors import ChapterError, ParameterError, Parts, told_elsewhere
from repurchase.params import Params
from repurchase.press import quick
from repurchase.strict import NAME

if TYPE_CHECKING:
    import nbformat

    from repurchase.press.kernels.provisioner import Launch

PARAMETERS = {"profile": str, "period": str}
# a socket's name may not be longer; what Jupyter adds to the connection file's takes ten of them
LONGEST_SOCKET = 103 - 10
ALWAYS = ("data", "summary")  # what was read, and what the other chapters found
WITHOUT_ORDERS = (*ALWAYS, "ab_review")  # of the release's chapters those that can do without
STUB = (
    "from repurchase import open_review, show\n\nreview = open_review(profile, period)",
    "show.without_orders(context=review.context)",
)


@dataclass(frozen=True)
class Chapter:
    """One notebook of the pack; `own` is True for a profile's own or changed one.

    `left_out`: it needs orders and there are none. It keeps its title and says so in a line.
    """

    name: str
    path: Path
    own: bool
    left_out: bool = False


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
            left_out = "orders" not in params.profile.sources and name not in WITHOUT_ORDERS
            return Chapter(name, ours, own=False, left_out=left_out)
    known = sorted(p.stem for p in (params.root / "notebooks").glob("*.ipynb"))
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
    notebook = read(chapter.path)
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


class FailedChapterError(ChapterError):
    """One chapter that did not run to its end; `tail` are the last lines of what it said."""

    def __init__(
        self,
        what: str,
        *,
        chapter: str,
        where: str,
        rule: str = "",
        remedy: str,
        tail: Sequence[str] = (),
    ) -> None:
        self.chapter, self.tail = chapter, tuple(map(scrub.scrubbed, tail))
        super().__init__(what, where=where, rule=rule, remedy=remedy)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  | {line}" for line in self.tail)])


class FailedChaptersError(ChapterError):
    """All that is wrong with the chapters of one run, in their order."""

    def __init__(self, failures: Sequence[FailedChapterError]) -> None:
        self.failures = tuple(failures)
        names = ", ".join(f.chapter for f in self.failures)
        super().__init__(f"{len(self.failures)} chapters failed: {names}")

    def __str__(self) -> str:
        return "\n".join([self.what, *map(str, self.failures)])


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook in that file."""
    quick.nbformat_comes_quickly()
    import nbformat

    return nbformat.read(path, as_version=4)


def run(
    chapter: Chapter,
    params: Params,
    run_file: Path,
    output: Path,
    *,
    memory: int | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Runs one notebook through papermill on a kernel of its own, with `env` in its environment.

    `memory` bytes and `timeout` seconds are what the chapter may take, None: without limit.
    Raises FailedChapterError naming the cell and its error; `output` keeps the partial notebook
    then. Several may run at once, each in a thread.
    """
    from repurchase.press.kernels.provisioner import Launch, launching

    with tempfile.TemporaryDirectory(prefix="k-") as own, scrub.scrubbing(output):
        told = {RUN: str(run_file), CHAPTER: chapter.name, "IPYTHONDIR": str(Path(own, "ipython"))}
        launched = launching(Launch(env=told | dict(env or {}), memory=memory))
        shown = _stub(chapter, Path(own)) if chapter.left_out else chapter
        with launched as launch, _ended_after(launch, timeout) as late:
            _execute(shown, params, output, launch, late, timeout, _connection(Path(own)))
            if late.is_set():  # it ended in the same moment
                what, remedy = _too_late(timeout)
                raise _failure(chapter, Place(), what, remedy=remedy)
    executed = read(output)
    _check_ran(chapter, executed)
    return Ran(chapter, executed)


def _stub(chapter: Chapter, folder: Path) -> Chapter:
    """What stands for a chapter that needs orders: its title, and why there is no more."""
    quick.nbformat_comes_quickly()
    from nbformat import v4, write

    notebook = read(chapter.path)
    told, shown = STUB
    titles = [c for c in notebook.cells if c.cell_type == "markdown" and c.source.startswith("# ")]
    notebook.cells = [
        *titles[:1],
        *(c for c in notebook.cells if "parameters" in c.metadata.get("tags", ())),
        v4.new_code_cell(told, id="open"),
        v4.new_code_cell(shown, id="line", metadata={"tags": ["part-a"]}),
    ]
    path = folder / "notebooks" / chapter.path.name
    path.parent.mkdir()
    write(notebook, path)
    return replace(chapter, path=path)


def _execute(
    chapter: Chapter,
    params: Params,
    output: Path,
    launch: Launch,
    late: threading.Event,
    timeout: float | None,
    connection: dict[str, str],
) -> None:
    quick.nbformat_comes_quickly()
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillException, PapermillExecutionError
    from traitlets.config import Config

    from repurchase.press import engine
    from repurchase.press.kernels import plain, provisioner

    assert params.period is not None
    provisioner.register()
    try:
        papermill.execute_notebook(
            str(chapter.path),
            str(output),
            parameters={"profile": params.name, "period": params.period.label},
            engine_name=engine.NAME,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            log_output=False,
            cwd=str(params.root),
            config=Config({"KernelManager": connection}),
            extra_arguments=list(plain.ARGUMENTS),
        )
    except PapermillExecutionError as error:
        place = Place(_number(chapter, error.cell_index), error.source)
        own = told_elsewhere(error.ename, error.evalue)
        if own is not None:
            raise _mistaken(chapter, place, own) from None
        tail = _last_lines("\n".join(error.traceback))
        raise _failure(chapter, place, f"{error.ename}: {error.evalue}", tail=tail) from None
    except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
        what, remedy = _ended(error, launch, late, timeout)
        place = _reached(output)
        raise _failure(chapter, place, what, remedy=remedy, tail=place.tail) from None
    except PapermillException as error:
        raise _failure(chapter, Place(), f"{type(error).__name__}: {error}") from None


def _connection(folder: Path) -> dict[str, str]:
    """How to speak with a kernel: its messages carry company data, so by sockets in a folder that
    nobody else may enter; by ports only where there are none or their names would be too long."""
    file = str(folder / "k.json")
    sockets = os.name != "nt" and len(file) <= LONGEST_SOCKET
    return {"connection_file": file, "transport": "ipc" if sockets else "tcp"}


@contextlib.contextmanager
def _ended_after(launch: Launch, timeout: float | None) -> Iterator[threading.Event]:
    """Ends the kernel when its time is over, counted from its start; the event then is set."""
    late = threading.Event()

    def end() -> None:
        late.set()
        launch.end()

    timer = threading.Timer(timeout or threading.TIMEOUT_MAX, end)
    timer.daemon = True
    if timeout:
        launch.started = timer.start
    try:
        yield late
    finally:
        timer.cancel()


def _ended(
    error: Exception, launch: Launch, late: threading.Event, timeout: float | None
) -> tuple[str, str]:
    """Why a kernel is no more, and what can be done."""
    if late.is_set():
        return _too_late(timeout)
    code = launch.exit_code
    if code is None:
        return f"{type(error).__name__}: {error}", ""
    if code < 0:
        return (
            f"its kernel was killed by signal {-code}",
            "if memory ran out: fewer at once with --jobs=1; else open it with make lab",
        )
    return f"its kernel ended with exit code {code}", ""


def _too_late(timeout: float | None) -> tuple[str, str]:
    return (
        f"it ran longer than {timeout:.0f} s and was ended",
        "give it more time with --timeout=SECONDS, or make the cell faster",
    )


def _check_ran(chapter: Chapter, notebook: nbformat.NotebookNode) -> None:
    """A kernel that exits by sys.exit(0) leaves cells that look run and are not."""
    for number, cell in enumerate(_written(notebook.cells), 1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        exited = any(o.get("ename") == "SystemExit" for o in cell.outputs)
        if exited or cell.execution_count is None:
            place = Place(number, cell.source)
            raise _failure(chapter, place, "SystemExit: the cell ended the run")


@dataclass(frozen=True)
class Place:
    """A cell, counted from 1 as in the notebook's file, and what it said last."""

    cell: int | None = None
    source: str = ""
    tail: tuple[str, ...] = ()


def _number(chapter: Chapter, index: int) -> int:
    """A cell's place in the notebook's file, from its index in papermill's, which has one more."""
    cells = read(chapter.path).cells
    tagged = [i for i, c in enumerate(cells) if "parameters" in c.metadata.get("tags", ())]
    return index if tagged and index > tagged[0] else index + 1


def _reached(output: Path) -> Place:
    """The last cell that was begun in a partial notebook."""
    try:
        cells = _written(read(output).cells)
    except (OSError, ValueError):
        return Place()
    begun = [
        (number, cell)
        for number, cell in enumerate(cells, 1)
        if cell.cell_type == "code" and cell.metadata.get("papermill", {}).get("start_time")
    ]
    if not begun:
        return Place()
    number, cell = begun[-1]
    said = "".join(str(o.get("text", "")) for o in cell.outputs if o.output_type == "stream")
    return Place(number, cell.source, _last_lines(said))


def _written(cells: Sequence[Any]) -> list[Any]:
    """The cells without the one that papermill puts in."""
    return [c for c in cells if "injected-parameters" not in c.metadata.get("tags", ())]


ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TAIL_LINES = 8


def _last_lines(text: str) -> tuple[str, ...]:
    # before anything is cut: of a secret that is cut in two neither part would be known as one
    lines = [line.rstrip() for line in scrub.scrubbed(ESCAPE.sub("", text)).splitlines()]
    return tuple(line[:200] for line in lines if line)[-TAIL_LINES:]


def _failure(
    chapter: Chapter,
    place: Place,
    what: str,
    *,
    remedy: str = "",
    tail: Sequence[str] = (),
) -> FailedChapterError:
    at = f", cell {place.cell}" if place.cell is not None else ""
    first = next((line for line in place.source.splitlines() if line.strip()), "")
    return FailedChapterError(
        f"chapter {chapter.name} failed: {what}".rstrip(": "),
        chapter=chapter.name,
        where=f"{chapter.path.parent.name}/{chapter.path.name}{at}"
        + (f": {first.strip()}" if first else ""),
        remedy=remedy or "open it with make lab, run it to the failing cell, mend it, run again",
        tail=tail,
    )


def _mistaken(chapter: Chapter, place: Place, own: Parts) -> FailedChapterError:
    """What a chapter refuses in parameters or data: it says itself where and what to do, and no
    line of the notebook has anything to do with it."""
    found = _failure(chapter, place, own["what"], remedy=own["remedy"])
    return FailedChapterError(
        found.what,
        chapter=chapter.name,
        where=own["where"] or found.where,
        rule=own["rule"],
        remedy=found.remedy,
    )


def write_run_file(
    path: Path,
    params: Params,
    snapshot: Path,
    *,
    told: tuple[list[dict[str, Any]], list[dict[str, Any]]] | None = None,
    beside: bool = False,
    asks_only: Sequence[str] = (),
) -> None:
    """What a kernel of the press must know beside its two parameters.

    `told` is what the other chapters recorded and found; without it the pack in place is read.
    `beside` is for a chapter that runs beside the others and cannot be told anything. `asks_only`
    are the chapters that do nothing but ask the library: these may use and keep its answers.
    """
    assert params.period is not None
    run = {
        "profile": params.name,
        "period": params.period.label,
        "root": str(params.root),
        "data": params.data,
        "language": params.profile.language,
        "allow_incomplete": params.profile.allow_incomplete or None,
        "looks": params.looks.to_json(),
        "snapshot": str(snapshot),
        "records": told[0] if told else None,
        "findings": told[1] if told else None,
        "beside": beside,
        "asks_only": list(asks_only),
    }
    path.write_text(json.dumps(run, ensure_ascii=False), encoding="utf-8")
