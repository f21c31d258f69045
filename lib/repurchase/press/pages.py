"""The pack as HTML: an index, a page a chapter, the list of periods, a failure's page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repurchase.errors import ReviewError
from repurchase.params import Params
from repurchase.period import Period
from repurchase.press.chapters import FailedChapterError, FailedChaptersError, Ran
from repurchase.press.gate import Verdict
from repurchase.press.html.pages import ArchiveRow, archive_html, chapter_html, page_html
from repurchase.press.pack import write_text
from repurchase.press.typst.notebook import notebook_title
from repurchase.show.blocks import Block, ListBlock, ListItem, Note
from repurchase.words import N_, Words

LABELS = {
    "part_b": N_("Part B · The evidence"),
    "draft": N_("DRAFT"),
    "chapters": N_("Chapters"),
    "status_candidate": N_("Candidate, not yet signed"),
    "status_draft": N_("Draft"),
    "status_signed": N_("Signed"),
    "status_failed": N_("Failed"),
    "period": N_("Period"),
    "status": N_("Status"),
    "data_through": N_("Data through"),
    "files": N_("Files"),
}


def write_pages(
    folder: Path,
    main: Sequence[Ran],
    back: Sequence[Ran],
    params: Params,
    words: Words,
    *,
    data_through: dt.date,
    verdict: Verdict,
) -> None:
    """`index.html` is the summary; every other chapter is a page of its own name."""
    assert params.period is not None
    every = [*main, *back]
    names = {ran.chapter.name: _address(ran) for ran in every}
    titles = {ran.chapter.name: _title(ran) for ran in every}
    for ran in every:
        nav = [(titles[n], names[n], n == ran.chapter.name) for n in names]
        nav.append((words._(N_("Print (PDF)")), "review.pdf", False))
        text = chapter_html(
            ran.notebook,
            title=titles[ran.chapter.name],
            language=words.language,
            nav=nav,
            labels=_labels(words),
            status=verdict.status,
            reasons=verdict.reasons,
            company=params.company,
            period=words.period(params.period),
            foot=words._(N_("Data through {day}"), day=words.day(data_through)),
            figures="figures",
        )
        write_text(folder / names[ran.chapter.name], text)


def archive_page(params: Params, manifests: Sequence[Mapping[str, Any]]) -> str:
    """The list of a profile's periods, newest first."""
    words = Words(params.language)
    rows = [
        ArchiveRow(
            period=words.period(Period.parse(m["period"])),
            href=f"{m['address']}/index.html",
            status=m["status"],
            data_through=words.day(dt.date.fromisoformat(m["data_through"])),
            links=(("PDF", f"{m['address']}/review.pdf"),),
        )
        for m in manifests
    ]
    title = words._(N_("Repurchase reviews"))
    return archive_html(
        title, rows, language=words.language, labels=_labels(words), company=params.company
    )


def failure_page(params: Params, period: Period, error: ReviewError) -> str:
    """What stopped the run, for whoever looks into the reports folder first."""
    words = Words(params.language)
    several = isinstance(error, FailedChaptersError)
    title = words._(N_("The review of {period} was not made"), period=words.period(period))
    blocks: list[Block] = []
    for one in error.failures if isinstance(error, FailedChaptersError) else (error,):
        blocks += _told(one, words)
    if several:
        blocks.insert(0, Note(text=error.what, tone="bad"))
    blocks.append(Note(text=words._(N_("What stood here before is untouched."))))
    return page_html(
        title,
        blocks,
        language=words.language,
        labels=_labels(words),
        status="failed",
        company=params.company,
        period=words.period(period),
    )


def _told(error: ReviewError, words: Words) -> list[Block]:
    """One fault: what, where, which rule, the last lines that were said, what to do."""
    tail = error.tail if isinstance(error, FailedChapterError) else ()
    facts = (
        (words._(N_("Where")), error.where),
        (words._(N_("Rule")), error.rule),
        (words._(N_("Last lines")), "\n".join(tail)),
        (words._(N_("What to do")), error.remedy),
    )
    items = tuple(ListItem(title=name, text=text) for name, text in facts if text)
    return [Note(text=error.what, tone="bad"), *([ListBlock(items=items)] if items else [])]


def _address(ran: Ran) -> str:
    return "index.html" if ran.chapter.name == "summary" else f"{ran.chapter.name}.html"


def _title(ran: Ran) -> str:
    return notebook_title(ran.notebook) or ran.chapter.name


def _labels(words: Words) -> dict[str, str]:
    return {key: words._(text) for key, text in LABELS.items()}
