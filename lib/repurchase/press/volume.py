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
    words = Words(params.language)
    data_through = dt.date.fromisoformat(manifest["data_through"])
    main, data = _in_print_order(ran, words)
    back = [data, *bind.appendix(params, words, dict(manifest))]
    volume = bind.book(main, back, params, words, data_through=data_through, verdict=verdict)
    (folder / "review.pdf").write_bytes(bind.pdf(volume, data_through=data_through))
    pages.write_pages(folder, main, back, params, words, data_through=data_through, verdict=verdict)
    bind.write_figures((*main, *back), folder / "figures")


def set_ahead(
    ran: Sequence[Ran], summary: chapters.Chapter, params: Params, *, data_through: dt.date
) -> None:
    """Sets the book with the summary's headings alone and drops it; Typst remembers the rest."""
    words = Words(params.language)
    main, data = _in_print_order([*ran, Ran(summary, chapters.read(summary.path))], words)
    volume = bind.book(
        main, [data], params, words, data_through=data_through, verdict=Verdict("candidate", ())
    )
    bind.pdf(volume, data_through=data_through)


def _in_print_order(ran: Sequence[Ran], words: Words) -> tuple[list[Ran], Ran]:
    """The summary and the chapters, translated; then what was read."""
    by_name = {r.chapter.name: bind.translated(r, words) for r in ran}
    others = [r for name, r in by_name.items() if name not in chapters.ALWAYS]
    return [by_name["summary"], *others], by_name["data"]
