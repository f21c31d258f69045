"""A whole pack as one PDF: cover, contents, Part A, Part B, back matter."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from repurchase.errors import PressError
from repurchase.press import fonts
from repurchase.press.fonts import text_width_em
from repurchase.press.typst.assets import AssetStore
from repurchase.press.typst.mend import typst_string
from repurchase.press.typst.render import MM_PER_PT

LOG = logging.getLogger("repurchase.press")

Status = Literal["candidate", "draft", "signed"]
PartName = Literal["a", "b", "back"]

STANDARD: Literal["ua-1"] = "ua-1"
TITLE_PT, SMALLEST_TITLE_PT = 34.0, 15.0
# More entries than this do not fit beside the facts on the cover.
ENTRIES_ON_COVER = 22
REPAIRS = 20
_STATUS_TONES = {"candidate": "neutral", "draft": "bad", "signed": "good"}
_UNSEEN = re.compile(r'the text `"(.*)"` could not be displayed', re.DOTALL)
_PICTURE = re.compile(r'picture\("([0-9a-f]{24}\.\w+)", ("(?:[^"\\]|\\.)*")[^()]*(?:\([^()]*\))?')

DEFAULT_LABELS: Mapping[str, str] = {
    "product": "Repurchase review",
    "contents": "Contents",
    "page_of": "Page {page} of {pages}",
    "part_a": "Part A · What to decide",
    "part_b": "Part B · The evidence",
    "back": "Definitions and data",
    "draft": "DRAFT",
    "status_candidate": "Candidate, not yet signed",
    "status_draft": "Draft",
    "status_signed": "Signed",
    "figure": "Figure",
}


@dataclass(frozen=True)
class Section:
    """One chapter of a part: its heading and its fragment from `notebook_to_typst`.

    `level` 1 is a chapter, 2 a section inside the chapter before it. `running_head` stands at
    the top of its pages; empty: the title.
    """

    title: str
    level: int
    part: PartName
    typst: str
    running_head: str = ""


@dataclass(frozen=True)
class Book:
    """Everything that a printed pack says, but for the moment at which it is set.

    `title` is the company, `subtitle` the period, `data_through` a whole sentence for the foot
    of the page, `reasons` why the pack is a draft (or who signed it), `cover_lines` label and
    value, `labels` the translated words of `DEFAULT_LABELS`.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    assets: AssetStore = field(default_factory=AssetStore)
    language: str = "en"
    data_through: str = ""
    status: Status = "candidate"
    reasons: tuple[str, ...] = ()
    cover_lines: tuple[tuple[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def compile_book(book: Book, *, timestamp: datetime) -> bytes:
    """The pack as PDF/UA-1. Equal books and timestamps give equal bytes.

    `timestamp` knows its time zone. A picture that cannot be read is replaced by its words and
    logged. Raises PressError where the typesetter refuses for another reason.
    """
    return compile_source(book_to_typst(book), book.assets, timestamp=timestamp)


def book_to_typst(book: Book) -> str:
    """The pack's Typst source, which `compile_book` sets."""
    labels = {**DEFAULT_LABELS, **book.labels}
    long = _entries(book) > ENTRIES_ON_COVER
    pieces = [_opening(book, labels), _cover(book, labels, with_contents=not long)]
    if long:
        word = typst_string(labels["contents"])
        pieces.append(f"#pagebreak(weak: true)\n#contents({word}, depth: 3)")
    part = None
    for number, section in enumerate(book.sections):
        starts_part = section.part != part
        part = section.part
        pieces.append(_section(section, labels, starts_part=starts_part, first=number == 0))
    return "\n".join(pieces) + "\n"


def _opening(book: Book, labels: Mapping[str, str]) -> str:
    language, _, region = book.language.partition("-")
    draft = book.status == "draft"
    options = {
        "title": typst_string(book.title),
        "subtitle": typst_string(book.subtitle),
        "product": typst_string(labels["product"]),
        "language": f'"{_code(language, "en")}"',
        "region": f'"{_code(region, "")}"' if _code(region, "") else "none",
        "data-through": typst_string(book.data_through),
        "watermark-word": typst_string(labels["draft"]) if draft else "none",
        "page-pattern": typst_string(labels["page_of"]),
        "running": _running(book),
    }
    settings = ", ".join(f"{name}: {value}" for name, value in options.items())
    return f'#import "review.typ": *\n#show: review.with({settings})'


def _running(book: Book) -> str:
    heads = (
        f"{typst_string(section.title)}: {typst_string(section.running_head)}, "
        for section in {section.title: section for section in book.sections}.values()
        if section.running_head
    )
    return f"(: {''.join(heads)})".replace("(: )", "(:)").replace("(: ", "(", 1)


def _code(text: str, default: str) -> str:
    return text.lower() if re.fullmatch(r"[A-Za-z]{2,3}", text) else default


def _cover(book: Book, labels: Mapping[str, str], *, with_contents: bool) -> str:
    facts = "".join(
        f"({typst_string(label)}, {typst_string(value)}), " for label, value in book.cover_lines
    )
    reasons = "".join(f"{typst_string(reason)}, " for reason in book.reasons)
    options = {
        "title": typst_string(book.title),
        "title-size": f"{_title_pt(book.title):.1f}pt",
        "subtitle": typst_string(book.subtitle),
        "product": typst_string(labels["product"]),
        "facts": f"({facts})",
        "status": typst_string(labels[f"status_{book.status}"]),
        "status-tone": f'"{_STATUS_TONES[book.status]}"',
        "reasons": f"({reasons})",
        "contents-word": typst_string(labels["contents"]) if with_contents else "none",
        "contents-depth": "2",
    }
    return "#cover(" + ", ".join(f"{name}: {value}" for name, value in options.items()) + ")"


def _title_pt(title: str) -> float:
    """A size at which the title stands on at most two lines of the cover."""
    two_lines = 2 * 165 / MM_PER_PT
    return max(SMALLEST_TITLE_PT, min(TITLE_PT, two_lines / max(text_width_em(title), 1)))


def _entries(book: Book) -> int:
    chapters = sum(1 for section in book.sections if section.level == 1)
    return chapters + len({section.part for section in book.sections})


def _section(section: Section, labels: Mapping[str, str], *, starts_part: bool, first: bool) -> str:
    lines = []
    # Part A is read a page a chapter; the evidence flows, and the back matter after it.
    if starts_part and section.part == "back" and not first:
        lines.append("#part-break()")
    elif starts_part or (section.part == "a" and section.level == 1):
        lines.append("#pagebreak(weak: true)")
    if starts_part:
        word = labels["back" if section.part == "back" else f"part_{section.part}"]
        lines.append(f"#heading(level: 1, {typst_string(word)})")
        lines.append("#v(-4mm)")
    level = max(1, section.level) + 1
    lines.append(f"#heading(level: {level}, {typst_string(section.title)})")
    lines.append(section.typst)
    return "\n".join(lines)


def template() -> str:
    """The source of the house style."""
    return files("repurchase.press.typst").joinpath("review.typ").read_text(encoding="utf-8")


def compile_source(source: str, assets: AssetStore, *, timestamp: datetime) -> bytes:
    """A Typst source that imports `review.typ` as PDF/UA-1, broken pictures replaced by words."""
    import typst

    if timestamp.tzinfo is None:
        raise ValueError("timestamp has no time zone, must have one")
    with tempfile.TemporaryDirectory(prefix="repurchase-press-") as name:
        folder = Path(name)
        (folder / "review.typ").write_text(template(), encoding="utf-8")
        assets.write(folder)
        for _ in range(REPAIRS):
            main = folder / "main.typ"
            main.write_text(source, encoding="utf-8")
            try:
                return _pdf(main, folder, timestamp)
            except typst.TypstError as error:
                mended = _mended(source, error, assets, folder)
                if mended == source:
                    LOG.warning("printed without PDF/UA-1: %s", _diagnostic(error))
                    break
                source = mended
        try:
            return _pdf(main, folder, timestamp, standards=[])
        except typst.TypstError as error:
            raise PressError(
                "the typesetter refused the pack",
                where=_diagnostic(error),
                remedy="report this: content should never stop a pack",
            ) from error


def _pdf(
    main: Path, root: Path, timestamp: datetime, *, standards: list[Any] | None = None
) -> bytes:
    standards = [STANDARD] if standards is None else standards
    result: Any = fonts.compiler().compile(
        input=main, root=root, format="pdf", pdf_standards=standards, timestamp=timestamp
    )
    return bytes(result)


def _mended(source: str, error: Exception, assets: AssetStore, folder: Path) -> str:
    """The source without what the typesetter named: a character, or pictures that are broken."""
    unseen = _UNSEEN.search(str(error))
    if unseen:
        for character in set(unseen.group(1)):
            if ord(character) > 0x7E:
                LOG.warning("printed by number, no glyph: U+%04X", ord(character))
                number = f"[U+{ord(character):04X}]"
                source = source.replace(character, number)
                assets.replace_in_svg(character, number)
        assets.write(folder)
        return source
    broken = {name for name in assets.files if not _can_be_set(name, folder)}
    for name in sorted(broken):
        LOG.warning("picture %s cannot be read; its words are printed", name)
    return _PICTURE.sub(
        lambda found: (
            f"missing-picture({found.group(2)}" if found.group(1) in broken else found.group()
        ),
        source,
    )


def _can_be_set(name: str, folder: Path) -> bool:
    import typst

    probe = folder / "probe.typ"
    probe.write_text(f'#set document(title: "probe")\n#image("{name}", alt: "probe")\n')
    try:
        fonts.compiler().compile(
            input=probe, root=folder, format="pdf", pdf_standards=[STANDARD], timestamp=0
        )
    except typst.TypstError:
        return False
    return True


def _diagnostic(error: Exception) -> str:
    return (str(getattr(error, "diagnostic", "")) or str(error))[:600]
