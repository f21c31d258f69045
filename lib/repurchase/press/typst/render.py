"""Blocks as Typst: each function returns one call of a function of `review.typ`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from repurchase.press.fonts import text_width_em
from repurchase.press.formula import drawn
from repurchase.press.typst.assets import AssetStore
from repurchase.press.typst.mend import alt_text, typst_string
from repurchase.show import blocks as b

LOG = logging.getLogger("repurchase.press")

FULL_MM = 170.0
GUTTER_MM = 8.0
MM_PER_PT = 25.4 / 72
WIDEST_INLINE_PT = 140 / MM_PER_PT
MARK_EM = 0.9
SEMIBOLD = 1.06
KPI_PT, SMALLEST_KPI_PT = 21.0, 11.0
KPIS_A_ROW = 5
# Printed sizes of tables, largest first. Below the last, columns wrap or go to a second panel.
TABLE_SIZES = {"normal": (8.5, 8.0, 7.5, 7.0), "small": (7.5, 7.0, 6.5)}
NARROWEST_PT = 6.5
CELL_PAD_PT = 4.0
WIDEST_WORD_EM = 14.0
PROSE_COLUMN_EM = 11.0
MOST_SPARE_PT = 26.0
# A table up to this size is not torn apart at a page's end.
SHORT_ROWS, SHORT_CHARACTERS = 18, 1000
# Words of introduction up to this length stay with their table or exhibit.
PROSE, LONGEST_LEAD = "prose(", 900


@dataclass
class Context:
    """What the rendering of one notebook carries along."""

    assets: AssetStore
    language: str = "en"
    figure_word: str = "Figure"
    log: logging.Logger = LOG
    pictures: int = 0
    seen: list[str] = field(default_factory=list)

    def next_picture(self) -> int:
        """The running number of the next picture, from 1."""
        self.pictures += 1
        return self.pictures

    def missed(self, message: str, *values: object) -> None:
        """One log line for content that could not be set as it is."""
        self.seen.append(message % values if values else message)
        self.log.warning(message, *values)


def optional(text: str | None) -> str:
    """A string literal, or `none`."""
    return typst_string(text) if text else "none"


def lines(text: str) -> str:
    """A text of several lines as one Typst expression."""
    return typst_string(text)


def render_block(block: b.Block, context: Context, *, width_mm: float = FULL_MM) -> str:
    """The block as a Typst expression, set into a column of `width_mm`."""
    match block:
        case b.Headline():
            return (
                f"headline({typst_string(block.text)}, tone: {_tone(block.tone)}, "
                f"detail: {optional(block.detail)})"
            )
        case b.Kpis():
            return _kpis(block, width_mm=width_mm)
        case b.Figure():
            return _figure(block, context)
        case b.Table():
            return table(block, width_mm=width_mm)
        case b.Note():
            return (
                f"note({typst_string(block.text)}, tone: {_tone(block.tone)}, "
                f"title: {optional(block.title)})"
            )
        case b.ListBlock():
            return _ranked(block)
        case b.Text():
            return _text(block, width_mm=width_mm)
        case b.Row():
            return _row(block, context, width_mm=width_mm)
    raise b.BlockError(f"block of kind {block.kind!r} has no print")


def _tone(tone: b.Tone) -> str:
    return f'"{tone}"'


def _kpis(block: b.Kpis, *, width_mm: float) -> str:
    count = len(block.items)
    if not count:
        return "none"
    rows = -(-count // KPIS_A_ROW)
    columns = -(-count // rows)
    card_mm = (width_mm - 6 * (columns - 1)) / columns
    # One size for the row: cards of different sizes would look like a ranking.
    widest = max(text_width_em(item.value) for item in block.items) * SEMIBOLD
    size = KPI_PT if not widest else min(KPI_PT, card_mm / MM_PER_PT / widest)
    cards = ", ".join(_kpi(item, size=max(size, SMALLEST_KPI_PT)) for item in block.items)
    return f"kpis(columns: {columns}, {cards})"


def _kpi(item: b.Kpi, *, size: float) -> str:
    deltas = "".join(
        f"delta-line({typst_string(d.label)}, {typst_string(d.text)}, {_tone(d.tone)}), "
        for d in item.deltas
    )
    return (
        f"kpi({typst_string(item.label)}, {typst_string(item.value)}, "
        f"detail: {typst_string(item.detail or '')}, deltas: ({deltas}), "
        f"tone: {_tone(item.tone)}, note: {optional(item.note)}, size: {size:.2f}pt)"
    )


def _figure(block: b.Figure, context: Context) -> str:
    number = context.next_picture()
    alt = alt_text(block.alt, block.caption, block.title, number=number, word=context.figure_word)
    name = None
    if block.svg:
        name = context.assets.add_svg(block.svg)
    if name is None and block.png:
        name = context.assets.add_base64(block.png)
    if name is None:
        context.missed("exhibit %s has no readable picture; its words are printed", block.id)
        body = f"missing-picture({typst_string(alt)})"
    else:
        height = f"{block.height_mm:g}mm" if block.height_mm else "none"
        body = f'picture("{name}", {typst_string(alt)}, height: {height})'
    return (
        f"exhibit(id: {optional(block.id)}, title: {optional(block.title)}, "
        f"caption: {optional(block.caption)}, {body})"
    )


def formula(source: str, context: Context, *, display: bool) -> str:
    """A LaTeX formula as a picture with its source as alternative text, or as its source."""
    found = drawn(source, display=display)
    name = context.assets.add_svg(found.svg) if found else None
    if found is None or name is None:
        context.missed("formula %r cannot be drawn; its source is printed", source[:80])
        return f"{'formula-block' if display else 'formula'}({typst_string(source)})"
    sizes = f"width: {found.width:.3f}pt, height: {found.height:.3f}pt"
    if display or found.width > WIDEST_INLINE_PT:
        return f'formula-display("{name}", {typst_string(source)}, {sizes})'
    depth = f"depth: {found.depth:.3f}pt"
    return f'formula-inline("{name}", {typst_string(source)}, {sizes}, {depth})'


def plain_picture(name: str, alt: str, context: Context, *, width_mm: float | None = None) -> str:
    """A picture without a block around it, at its own size or smaller."""
    number = context.next_picture()
    spoken = alt_text(alt, number=number, word=context.figure_word)
    width = f"{width_mm:.2f}mm" if width_mm else "none"
    return f'exhibit(picture("{name}", {typst_string(spoken)}, natural: true, width: {width}))'


def _ranked(block: b.ListBlock) -> str:
    if not block.items:
        return "none"
    entries = ", ".join(
        f"entry({typst_string(item.title)}, {typst_string(item.text or '')}, "
        f"meta: {optional(item.meta)}, tone: {_tone(item.tone)})"
        for item in block.items
    )
    return f"ranked(ordered: {str(block.ordered).lower()}, {entries})"


def _text(block: b.Text, *, width_mm: float) -> str:
    paragraphs = [part.strip() for part in block.text.split("\n\n") if part.strip()]
    if not paragraphs:
        return "none"
    name = {"lead": "lead", "small": "small", "body": "para"}[block.style]
    return prose("{" + "; ".join(f"{name}({typst_string(p)})" for p in paragraphs) + "}", width_mm)


def prose(expression: str, width_mm: float = FULL_MM) -> str:
    """Running text, held to a readable measure where the column is wider than that."""
    return f"{PROSE}{expression})" if width_mm >= FULL_MM else expression


def is_lead(expression: str) -> bool:
    """Whether it is running text that says what comes next, as a heading does."""
    return expression.startswith(f"{PROSE}{{lead(")


def leading(expression: str) -> str:
    """The same; running text that is short stays on the page of what follows it."""
    if not expression.startswith(PROSE) or len(expression) > LONGEST_LEAD:
        return expression
    return f"{PROSE}sticky: true, {expression.removeprefix(PROSE)}"


def _row(block: b.Row, context: Context, *, width_mm: float) -> str:
    count = len(block.blocks)
    if not count:
        return "none"
    column_mm = (width_mm - GUTTER_MM * (count - 1)) / count
    cells = ", ".join(render_block(each, context, width_mm=column_mm) for each in block.blocks)
    # What may be higher than a page would be set over the foot of it and beyond.
    whole = all(not isinstance(each, b.Table) or _is_short(each) for each in block.blocks)
    return f"side-by-side(breakable: {str(not whole).lower()}, {cells})"


# --- tables --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """How a table goes into its column: type size, padding, and a Typst width a column."""

    size_pt: float
    pad_pt: float
    widths: tuple[str, ...]


def table(block: b.Table, *, width_mm: float = FULL_MM) -> str:
    """The table as Typst; one that is too wide even at the smallest size becomes panels, each
    with the first column again. Nothing is clipped.
    """
    if not block.columns:
        return "none"
    panels = _panels(block, width_mm=width_mm)
    return "{" + "; ".join(_panel(panel, width_mm=width_mm) for panel in panels) + "}"


def _panel(block: b.Table, *, width_mm: float) -> str:
    fit = fitted(block, width_mm=width_mm)
    extra = max(0, block.header_rows - 1)
    head = [typst_string(column.label) for column in block.columns]
    head += [typst_string(_cell(cell).text) for row in block.rows[:extra] for cell in row]
    cells = [_cell_call(cell) for row in block.rows[extra:] for cell in row]
    return (
        f"data-table(id: {optional(block.id)}, title: {optional(block.title)}, "
        f"caption: {optional(block.caption)}, size: {fit.size_pt:g}pt, pad: {fit.pad_pt:g}pt, "
        f"columns: ({', '.join(fit.widths)},), "
        f"align: ({', '.join(column.align for column in block.columns)},), "
        f"breakable: {str(not _is_short(block)).lower()}, "
        f"header-rows: {extra + 1}, header: ({', '.join(head)},), {', '.join(cells)})"
    )


def _is_short(block: b.Table) -> bool:
    """Whether the table may stand on one page whole; certain to be lower than a page."""
    text = sum(len(_cell(cell).text) for row in block.rows for cell in row)
    return len(block.rows) <= SHORT_ROWS and text <= SHORT_CHARACTERS


def _cell(cell: str | b.Cell) -> b.Cell:
    return cell if isinstance(cell, b.Cell) else b.Cell(cell)


def _cell_call(cell: str | b.Cell) -> str:
    if isinstance(cell, str):
        return typst_string(cell)
    options = ""
    if cell.tone and cell.text:
        options += f", tone: {_tone(cell.tone)}"
    if cell.fill is not None:
        background, ink = b.heat_colours(cell.fill)
        options += f', fill: rgb("{background}"), ink: rgb("{ink}")'
    options += ", bold: true" if cell.bold else ""
    options += ", muted: true" if cell.muted else ""
    return f"c({typst_string(cell.text)}{options})" if options else typst_string(cell.text)


def fitted(block: b.Table, *, width_mm: float) -> Fit:
    """Type size and column widths with which the table fits, wrapping where it must.

    Each size is tried first without wrapping, then with the columns of words wrapped; the
    largest that fits is taken.
    """
    room = width_mm / MM_PER_PT
    natural, least = _column_widths_em(block)
    one_line = [max(w, text_width_em(c.label) * SEMIBOLD) for w, c in _pairs(natural, block)]
    sizes = TABLE_SIZES[block.size]
    stretches = [column.width == "fr" for column in block.columns]
    for size, widths in ((size, widths) for size in sizes for widths in (one_line, natural)):
        for pad in (CELL_PAD_PT, CELL_PAD_PT / 2):
            needed = [width * size + 2 * pad for width in widths]
            if sum(needed) <= room:
                return Fit(size, pad, _stretched(needed, stretches, room))
    for size in (*sizes, NARROWEST_PT):
        pad = CELL_PAD_PT if size == sizes[0] else CELL_PAD_PT / 2
        floor = [width * size + 2 * pad for width in least]
        if sum(floor) <= room or size == NARROWEST_PT:
            return Fit(size, pad, _wrapped(floor, natural, size, pad, room))
    raise AssertionError("the last size always fits")


def _pairs(widths: Sequence[float], block: b.Table) -> Iterable[tuple[float, b.Column]]:
    return zip(widths, block.columns, strict=True)


def _column_widths_em(block: b.Table) -> tuple[list[float], list[float]]:
    """For each column, its width on one line, and the least width before its words break."""
    natural, least = [], []
    extra = max(0, block.header_rows - 1)
    for number, column in enumerate(block.columns):
        heads = [column.label, *(_cell(row[number]).text for row in block.rows[:extra])]
        cells = [_cell(row[number]) for row in block.rows[extra:]]
        head_words = max((_longest_word_em(head) for head in heads), default=0.0) * SEMIBOLD
        body = max((_cell_em(cell) for cell in cells), default=0.0)
        words = max((_longest_word_em(cell.text) for cell in cells), default=0.0)
        head = max((text_width_em(head) for head in heads), default=0.0) * SEMIBOLD
        # A heading may wrap where the body is narrow; figures never do.
        natural.append(max(body, min(head, max(head_words, 7.0))) + 0.1)
        floor = body if column.align == "right" else min(body, max(words, PROSE_COLUMN_EM))
        least.append(min(max(floor, head_words), WIDEST_WORD_EM) + 0.1)
    return natural, least


def _cell_em(cell: b.Cell) -> float:
    width = max((text_width_em(line) for line in cell.text.split("\n")), default=0.0)
    return width * (SEMIBOLD if cell.bold else 1) + (MARK_EM if cell.tone else 0)


def _longest_word_em(text: str) -> float:
    if len(text) > 400:
        return WIDEST_WORD_EM
    words = text.replace("-", "- ").split()
    return max((min(text_width_em(word), _cjk_cap(word)) for word in words), default=0.0)


def _cjk_cap(word: str) -> float:
    """Chinese breaks between any two characters: four together read well enough."""
    return 4.0 if any(ord(character) > 0x2E80 for character in word) else WIDEST_WORD_EM


def _stretched(needed: Sequence[float], stretches: Sequence[bool], room: float) -> tuple[str, ...]:
    """Widths of a table with room to spare: `fr` columns take it, else all share it, up to a
    limit, since columns torn apart are hard to read along.
    """
    share = 0.0 if any(stretches) else min((room - sum(needed)) / len(needed), MOST_SPARE_PT)
    return tuple(
        f"{width:.2f}fr" if stretch else f"{width + share:.2f}pt"
        for width, stretch in zip(needed, stretches, strict=True)
    )


def _wrapped(
    floor: Sequence[float], natural: Sequence[float], size: float, pad: float, room: float
) -> tuple[str, ...]:
    """Widths of a table that must wrap: each its least, the rest in proportion to the want."""
    spare = room - sum(floor)
    if spare < 0:
        return tuple(f"{width / sum(floor) * room:.2f}pt" for width in floor)
    wants = [
        max(0.0, want * size + 2 * pad - least) for want, least in zip(natural, floor, strict=True)
    ]
    capped = [min(want, room) for want in wants]
    total = sum(capped) or 1.0
    return tuple(
        f"{least + spare * want / total:.2f}pt" for least, want in zip(floor, capped, strict=True)
    )


def _panels(block: b.Table, *, width_mm: float) -> list[b.Table]:
    """The table cut into as many panels of columns as its least widths ask for."""
    room = width_mm / MM_PER_PT
    least = [width * NARROWEST_PT + CELL_PAD_PT for width in _column_widths_em(block)[1]]
    if sum(least) <= room or len(least) < 3:
        return [block]
    groups: list[list[int]] = [[]]
    used = least[0]
    for number in range(1, len(least)):
        if groups[-1] and used + least[number] > room:
            groups.append([])
            used = least[0]
        groups[-1].append(number)
        used += least[number]
    return [_columns_of(block, [0, *group], first=not n) for n, group in enumerate(groups)]


def _columns_of(block: b.Table, numbers: Sequence[int], *, first: bool) -> b.Table:
    return b.Table(
        columns=tuple(block.columns[number] for number in numbers),
        rows=tuple(tuple(row[number] for number in numbers) for row in block.rows),
        id=block.id,
        title=block.title if first else None,
        caption=block.caption,
        header_rows=block.header_rows,
        size=block.size,
    )
