"""While the chapters run: imports, reads and sets what will bind them, so that nobody waits."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repurchase.params import Params
    from repurchase.press.chapters import Chapter, Ran
    from repurchase.press.volume import Volume


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
    same, then takes a tenth of the time. `after` is joined first, and brings what binds.
    """

    params: Params
    data_through: dt.date
    after: threading.Thread
    _thread: threading.Thread | None = None

    @functools.cached_property
    def volume(self) -> Volume:
        """What binds the pack; waits until everything is imported."""
        self.after.join()
        from repurchase.press.volume import Volume

        return Volume(self.params, self.data_through)

    def begin(self, ran: Sequence[Ran], summary: Chapter) -> None:
        """Starts with these executed chapters, and the summary's notebook as it is in its file."""
        told = (self.volume, list(ran), summary)
        self._thread = threading.Thread(target=self._set, args=told, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Waits until the book is set, if that was begun."""
        if self._thread is not None:
            self._thread.join()

    @staticmethod
    def _set(volume: Volume, ran: Sequence[Ran], summary: Chapter) -> None:
        with contextlib.suppress(Exception):  # the pack's own setting tells what is wrong
            volume.set_ahead(ran, summary)
