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
    by_name = {r.chapter.name: bind.translated(r, words) for r in ran}
    main = [by_name["summary"]]
    main += [r for name, r in by_name.items() if name not in chapters.ALWAYS]
    back = [by_name["data"], *bind.appendix(params, words, dict(manifest))]
    volume = bind.book(main, back, params, words, data_through=data_through, verdict=verdict)
    (folder / "review.pdf").write_bytes(bind.pdf(volume, data_through=data_through))
    pages.write_pages(folder, main, back, params, words, data_through=data_through, verdict=verdict)
    bind.write_figures((*main, *back), folder / "figures")
