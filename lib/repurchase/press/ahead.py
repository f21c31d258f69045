"""While the chapters run: imports, reads and sets what will bind them, so that nobody waits."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repurchase.params import Params
    from repurchase.press.chapters import Chapter, Ran


def begin(*, pages: bool) -> threading.Thread:
    """A thread that does so; join it before anything is bound. `pages`: for HTML too."""
    thread = threading.Thread(target=_prepare, args=(pages,), daemon=True)
    thread.start()
    return thread


def _prepare(pages: bool) -> None:
    with contextlib.suppress(Exception):  # what is wrong is told when it is used
        from repurchase.press import bind, fonts, gate  # noqa: F401
        from repurchase.press.typst.markdown import parsed

        parsed("**a** `b` [c](d)\n\n| e |\n|---|\n| f |\n")
        fonts.text_width_em("a")
        fonts.is_covered("一")
        fonts.compiler()
        if pages:
            import repurchase.press.html.exporter
            import repurchase.press.volume  # noqa: F401


@dataclass
class Typesetter:
    """Sets the book in a thread of its own once only the summary's pages are missing.

    Typst remembers what it has set within a process: the whole book, whose other pages are the
    same, then takes a tenth of the time. `after` is joined first.
    """

    params: Params
    data_through: dt.date
    after: threading.Thread
    _thread: threading.Thread | None = None

    def begin(self, ran: Sequence[Ran], summary: Chapter) -> None:
        """Starts with these executed chapters, and the summary's notebook as it is in its file."""
        self._thread = threading.Thread(target=self._set, args=(list(ran), summary), daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Waits until everything is imported, and set if it was begun."""
        self.after.join()
        if self._thread is not None:
            self._thread.join()

    def _set(self, ran: Sequence[Ran], summary: Chapter) -> None:
        self.after.join()
        with contextlib.suppress(Exception):  # the pack's own setting tells what is wrong
            from repurchase.press import volume

            volume.set_ahead(ran, summary, self.params, data_through=self.data_through)
