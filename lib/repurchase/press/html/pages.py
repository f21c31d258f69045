"""Pages of a pack: a chapter, any page of our own (index, failure), the list of periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from repurchase.press.html.content import block_html, visible_controls
from repurchase.show.blocks import Block

Nav = Sequence[tuple[str, str, bool]]

STATUS_TONES = {"candidate": "neutral", "draft": "bad", "signed": "good", "failed": "bad"}
DEFAULT_LABELS: Mapping[str, str] = {
    "part_b": "Part B · The evidence",
    "draft": "DRAFT",
    "chapters": "Chapters",
    "status_candidate": "Candidate, not yet signed",
    "status_draft": "Draft",
    "status_signed": "Signed",
    "status_failed": "Failed",
    "period": "Period",
    "status": "Status",
    "data_through": "Data through",
    "files": "Files",
}


@lru_cache(maxsize=1)
def style() -> Markup:
    """The style that every page carries."""
    source = files("repurchase.press.html").joinpath("review/style.css")
    return Markup(source.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Page:
    """What the page around any content says; all texts plain, `body` trusted HTML."""

    title: str
    language: str = "en"
    css: Markup = field(default_factory=style)
    company: str = ""
    period: str = ""
    nav: Nav = ()
    nav_label: str = "Chapters"
    status_label: str = ""
    status_tone: str = "neutral"
    reasons: tuple[str, ...] = ()
    watermark: str = ""
    foot: str = ""
    body: Markup = field(default_factory=Markup)
    part_b: str = DEFAULT_LABELS["part_b"]
    figures: str | None = None


@dataclass(frozen=True)
class ArchiveRow:
    """One period in the list: where its pages are, its state, and links to its files."""

    period: str
    href: str
    status: str
    data_through: str = ""
    links: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader

    return Environment(
        loader=PackageLoader("repurchase.press.html", "review"), autoescape=True, trim_blocks=True
    )


def _page(
    title: str,
    *,
    language: str,
    nav: Nav,
    labels: Mapping[str, str] | None,
    status: str | None,
    reasons: Sequence[str],
    company: str,
    period: str,
    foot: str,
    body: str = "",
    figures: str | None = None,
) -> Page:
    words = {**DEFAULT_LABELS, **(labels or {})}
    plain = visible_controls
    return Page(
        title=plain(title),
        language=language,
        company=plain(company),
        period=plain(period),
        nav=tuple((plain(label), href, current) for label, href, current in nav),
        nav_label=words["chapters"],
        status_label=words[f"status_{status}"] if status else "",
        status_tone=STATUS_TONES.get(status or "", "neutral"),
        reasons=tuple(map(plain, reasons)),
        watermark=words["draft"] if status == "draft" else "",
        foot=plain(foot),
        body=Markup(body),
        part_b=words["part_b"],
        figures=figures,
    )


def chapter_html(
    nb: Mapping[str, Any],
    *,
    title: str,
    language: str,
    nav: Nav = (),
    labels: Mapping[str, str] | None = None,
    status: str | None = None,
    reasons: Sequence[str] = (),
    company: str = "",
    period: str = "",
    foot: str = "",
    figures: str | None = None,
) -> str:
    """A chapter's page: Part A, then Part B in a section that folds.

    `nav` holds label, address and whether it is this page. `figures` is the address of the folder
    with the exhibits' CSV, linked beside each title; None: no links.
    """
    page = _page(
        title,
        language=language,
        nav=nav,
        labels=labels,
        status=status,
        reasons=reasons,
        company=company,
        period=period,
        foot=foot,
        figures=figures,
    )
    return str(_exporter().from_notebook_node(nb, resources={"rr_page": page})[0])


@lru_cache(maxsize=1)
def _exporter() -> Any:
    from repurchase.press.html.exporter import ReviewHtmlExporter

    return ReviewHtmlExporter()


def page_html(
    title: str,
    body_html: str | Iterable[Block],
    *,
    language: str = "en",
    nav: Nav = (),
    labels: Mapping[str, str] | None = None,
    status: str | None = None,
    reasons: Sequence[str] = (),
    company: str = "",
    period: str = "",
    foot: str = "",
    figures: str | None = None,
) -> str:
    """A page of our own around trusted HTML or around blocks."""
    page = _page(
        title,
        language=language,
        nav=nav,
        labels=labels,
        status=status,
        reasons=reasons,
        company=company,
        period=period,
        foot=foot,
        body=body_html
        if isinstance(body_html, str)
        else "".join(block_html(block, figures=figures) for block in body_html),
    )
    return str(_environment().get_template("shell.html.j2").render(page=page))


def archive_html(
    title: str,
    rows: Iterable[ArchiveRow],
    *,
    language: str = "en",
    labels: Mapping[str, str] | None = None,
    company: str = "",
    foot: str = "",
) -> str:
    """The list of periods of one profile, in the order given."""
    words = {**DEFAULT_LABELS, **(labels or {})}
    names = [words[key] for key in ("period", "status", "data_through", "files")]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(_archive_row(row, words) for row in rows)
    table = (
        f'<figure class="rr-table"><div class="rr-scroll" tabindex="0" role="region" '
        f'aria-label="{escape(title)}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></figure>"
    )
    return page_html(title, table, language=language, labels=labels, company=company, foot=foot)


def _archive_row(row: ArchiveRow, words: Mapping[str, str]) -> str:
    tone = STATUS_TONES.get(row.status, "neutral")
    status = escape(words.get(f"status_{row.status}", row.status))
    links = " · ".join(
        f'<a href="{escape(href)}">{escape(visible_controls(label))}</a>'
        for label, href in row.links
    )
    return (
        f'<tr><th scope="row"><a href="{escape(row.href)}">'
        f"{escape(visible_controls(row.period))}</a></th>"
        f'<td class="rr-{tone}">{status}</td>'
        f"<td>{escape(row.data_through)}</td><td>{links}</td></tr>"
    )
