"""A pack's print, pages and figures, bound from executed chapters; runs nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repurchase.params import Params
from repurchase.press import bind, chapters, pages
from repurchase.press.chapters import Ran
from repurchase.press.gate import Verdict
from repurchase.words import Words


def write_volume(
    folder: Path,
    ran: Sequence[Ran],
    params: Params,
    manifest: Mapping[str, Any],
    verdict: Verdict,
) -> None:
    """Writes `review.pdf`, the pages and `figures/` of these executed notebooks.

    `manifest` is the pack's, as far as it is known: where the data end and where it comes from.
    """
    volume = Volume(params, dt.date.fromisoformat(manifest["data_through"]))
    volume.write_pages(folder, ran, manifest, verdict)
    volume.write_print(folder, ran, manifest, verdict)


class Volume:
    """Binds one pack. What it has made of a chapter it makes once, also for a book set ahead."""

    def __init__(self, params: Params, data_through: dt.date) -> None:
        self._params, self._data_through = params, data_through
        self._words = Words(params.language)
        self._translated: dict[str, tuple[Ran, Ran]] = {}
        self._sections = bind.Sections(self._words)

    def set_ahead(self, ran: Sequence[Ran], summary: chapters.Chapter) -> None:
        """Sets the book with the summary's headings alone and drops it.

        Typst remembers the other pages, so that the whole book is soon set.
        """
        main, data = self._in_print_order([*ran, Ran(summary, chapters.read(summary.path))])
        self._pdf(main, [data], Verdict("candidate", ()))

    def write_pages(
        self, folder: Path, ran: Sequence[Ran], manifest: Mapping[str, Any], verdict: Verdict
    ) -> None:
        """Writes the HTML pages and `figures/`."""
        main, back = self._whole(ran, manifest)
        pages.write_pages(
            folder, main, back, self._params, self._words,
            data_through=self._data_through, verdict=verdict,
        )  # fmt: skip
        bind.write_figures((*main, *back), folder / "figures")

    def write_print(
        self, folder: Path, ran: Sequence[Ran], manifest: Mapping[str, Any], verdict: Verdict
    ) -> None:
        """Writes `review.pdf`."""
        main, back = self._whole(ran, manifest)
        (folder / "review.pdf").write_bytes(self._pdf(main, back, verdict))

    def _pdf(self, main: Sequence[Ran], back: Sequence[Ran], verdict: Verdict) -> bytes:
        through = self._data_through
        book = bind.book(
            main, back, self._params, self._words,
            data_through=through, verdict=verdict, sections=self._sections,
        )  # fmt: skip
        return bind.pdf(book, data_through=through)

    def _whole(
        self, ran: Sequence[Ran], manifest: Mapping[str, Any]
    ) -> tuple[list[Ran], list[Ran]]:
        main, data = self._in_print_order(ran)
        return main, [data, *bind.appendix(self._params, self._words, dict(manifest))]

    def _in_print_order(self, ran: Sequence[Ran]) -> tuple[list[Ran], Ran]:
        """The summary and the chapters, translated; then what was read."""
        by_name = {r.chapter.name: self._in_our_language(r) for r in ran}
        others = [r for name, r in by_name.items() if name not in chapters.ALWAYS]
        return [by_name["summary"], *others], by_name["data"]

    def _in_our_language(self, ran: Ran) -> Ran:
        before, found = self._translated.get(ran.chapter.name, (None, ran))
        if before is not ran:
            found = bind.translated(ran, self._words)
            self._translated[ran.chapter.name] = (ran, found)
        return found
