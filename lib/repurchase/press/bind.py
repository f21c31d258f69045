"""Binds executed chapters into a book, pages and figures; every word in the pack's language."""

from __future__ import annotations

import base64
import copy
import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import nbformat

from repurchase.definitions import METRICS
from repurchase.params import Params
from repurchase.press.chapters import Ran
from repurchase.press.gate import Verdict
from repurchase.press.pack import write_text
from repurchase.press.typst.assets import AssetStore
from repurchase.press.typst.book import Book, PartName, Section, compile_book
from repurchase.press.typst.notebook import Part, notebook_title, notebook_to_typst
from repurchase.show import blocks
from repurchase.show.appendix import definitions_table, provenance_table
from repurchase.words import N_, Words

BLOCK = blocks.BLOCK_MIME
LABELS = {
    "product": N_("Repurchase review"),
    "contents": N_("Contents"),
    "page_of": N_("Page {page} of {pages}"),
    "part_a": N_("Part A · What to decide"),
    "part_b": N_("Part B · The evidence"),
    "back": N_("Definitions and data"),
    "draft": N_("DRAFT"),
    "status_candidate": N_("Candidate, not yet signed"),
    "status_draft": N_("Draft"),
    "status_signed": N_("Signed"),
    "figure": N_("Figure"),
}


def labels(words: Words) -> dict[str, str]:
    return {key: words._(text) for key, text in LABELS.items()}


def translated(ran: Ran, words: Words) -> Ran:
    """The chapter with its Markdown in the reader's language; what is unknown stays as it is."""
    notebook = copy.copy(ran.notebook)
    notebook.cells = [
        type(cell)(cell, source=words.paragraph(cell.source))
        if cell.cell_type == "markdown"
        else cell
        for cell in notebook.cells
    ]
    return Ran(ran.chapter, notebook)


def appendix(params: Params, words: Words, manifest: dict[str, Any]) -> list[Ran]:
    """Definitions and provenance, as notebooks so that print and pages treat them alike."""
    assert params.period is not None
    return [
        _page("definitions", words._(N_("Definitions")), definitions_table(words, METRICS)),
        _page(
            "provenance", words._(N_("Where this comes from")), *provenance_table(words, manifest)
        ),
    ]


def _page(name: str, title: str, *shown: blocks.Block) -> Ran:
    from repurchase.press.chapters import Chapter

    cells = [nbformat.v4.new_markdown_cell(f"# {title}", metadata={"tags": ["part-b"]})]
    for block in shown:
        output = nbformat.v4.new_output("display_data", data=block._repr_mimebundle_())
        cells.append(nbformat.v4.new_code_cell("", outputs=[output], metadata={"tags": ["part-b"]}))
    notebook = nbformat.v4.new_notebook(cells=cells)
    return Ran(Chapter(name, Path(f"{name}.ipynb"), own=False), notebook)


class Sections:
    """Chapters as they are printed, each part of one made once, and the pictures of all."""

    def __init__(self, words: Words) -> None:
        self.assets = AssetStore()
        self._words = words
        self._made: dict[tuple[str, PartName], tuple[Ran, Section | None]] = {}

    def of(self, ran: Ran, part: PartName, tag: Part) -> Section | None:
        """The part of that executed chapter; None where it has none."""
        key = (ran.chapter.name, part)
        before, found = self._made.get(key, (None, None))
        if before is not ran:
            found = _section(ran, part, tag, self.assets, self._words)
            self._made[key] = (ran, found)
        return found


def book(
    chapters: Sequence[Ran],
    back: Sequence[Ran],
    params: Params,
    words: Words,
    *,
    data_through: dt.date,
    verdict: Verdict,
    sections: Sections | None = None,
) -> Book:
    """Summary and chapters as Part A, their evidence as Part B, data and definitions behind.

    `chapters` are in print order (summary first), `back` likewise; all are translated. `sections`
    are those of a book that has been bound before.
    """
    assert params.period is not None
    made = sections or Sections(words)
    parts: tuple[tuple[PartName, Part, Sequence[Ran]], ...] = (
        ("a", "a", chapters),
        ("b", "b", chapters),
        ("back", "b", back),
    )
    found = [made.of(ran, part, tag) for part, tag, members in parts for ran in members]
    profile = params.profile
    return Book(
        title=params.company,
        subtitle=words.period(params.period),
        sections=tuple(section for section in found if section),
        assets=made.assets,
        language=words.language,
        data_through=words._(N_("Data through {day}"), day=words.day(data_through)),
        status=verdict.status,
        reasons=verdict.reasons,
        cover_lines=(
            (words._(N_("Period")), words.days(params.period.start, params.period.end)),
            (words._(N_("Data through")), words.day(data_through)),
            (words._(N_("What counts as an order")), params.said(profile.order_definition)),
            (words._(N_("Currency")), profile.currency),
            (words._(N_("Time zone")), profile.time_zone),
        ),
        labels=labels(words),
    )


def _section(
    ran: Ran, part: PartName, tag: Part, assets: AssetStore, words: Words
) -> Section | None:
    nb = {**ran.notebook, "cells": [c for c in ran.notebook.cells if _tagged(c, tag)]}
    typst = notebook_to_typst(
        nb, part=tag, assets=assets, language=words.language, figure_word=words._(LABELS["figure"])
    )
    if not typst.strip():
        return None
    title = notebook_title(nb) or notebook_title(ran.notebook) or ran.chapter.name
    return Section(title=title, level=1, part=part, typst=typst)


def _tagged(cell: Any, tag: str) -> bool:
    return f"part-{tag}" in cell.metadata.get("tags", ())


def pdf(book_: Book, *, data_through: dt.date) -> bytes:
    """The pack's PDF; its time stamp is the data's last day, so that equal packs are equal."""
    moment = dt.datetime.combine(data_through, dt.time(), tzinfo=dt.UTC)
    return compile_book(book_, timestamp=moment)


def write_figures(chapters: Iterable[Ran], folder: Path) -> list[str]:
    """Each exhibit as SVG, PNG and its data as CSV, named by its id; returns the ids."""
    ids = []
    for block in _blocks(chapters):
        name = block.get("id")
        if not name or name in ids:
            continue
        ids.append(name)
        folder.mkdir(parents=True, exist_ok=True)
        if block.get("svg"):
            write_text(folder / f"{name}.svg", block["svg"])
        if block.get("png"):
            (folder / f"{name}.png").write_bytes(base64.b64decode(block["png"]))
        if block.get("csv"):
            write_text(folder / f"{name}.csv", "\ufeff" + block["csv"])
    return ids


def _blocks(chapters: Iterable[Ran]) -> Iterable[dict[str, Any]]:
    for ran in chapters:
        for cell in ran.notebook.cells:
            for output in cell.get("outputs", ()):
                block = output.get("data", {}).get(BLOCK)
                if block:
                    yield from _flat(block)


def _flat(block: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if block["kind"] == "row":
        for inner in block["blocks"]:
            yield from _flat(inner)
    else:
        yield block
