"""What is told while a pack is made: a bar on a terminal, plain lines in a log, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

Say = Callable[[str], None]


class Progress:
    """Plain lines: one when a chapter begins and one, with its seconds, when it ends."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self._since: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def expect(self, steps: int) -> None:
        """So many steps lie ahead."""

    def begin(self, name: str) -> None:
        self._since[name] = time.monotonic()
        self.say(f"running {name}")

    def end(self, name: str, *, note: str = "") -> None:
        """A step is over; `note` says if it was not simply done."""
        since = self._since.pop(name, None)
        took = f" {time.monotonic() - since:.1f} s" if since is not None else ""
        self.say(f"  {name}{took}{f': {note}' if note else ''}")

    def tick(self) -> None:
        """Called several times a second while chapters run."""


class Bar(Progress):
    """One line on a terminal: how far, how long, and which chapters are waited for."""

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(file=sys.stdout),
            transient=True,
        )
        self._task: Any = self._rich.add_task("", total=None)

    def __enter__(self) -> Self:
        self._rich.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rich.stop()

    def expect(self, steps: int) -> None:
        self._rich.update(self._task, total=steps)

    def begin(self, name: str) -> None:
        self._since[name] = time.monotonic()
        self.tick()

    def end(self, name: str, *, note: str = "") -> None:
        super().end(name, note=note)
        self._rich.advance(self._task)
        self.tick()

    def tick(self) -> None:
        now = time.monotonic()
        waiting = [f"{name} {now - since:.0f} s" for name, since in self._since.items()]
        self._rich.update(self._task, description=", ".join(waiting))


def progress(say: Say, *, quiet: bool = False) -> Progress:
    """The bar where a person looks on, lines in a log, silence when asked for."""
    if quiet:
        return Progress(lambda _: None)
    if sys.stdout.isatty():
        return Bar(say)
    return Progress(say)
