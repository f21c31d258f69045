"""Results on their way to a reader: one small frozen class for each kind of block.

A block holds plain text, never markup. It travels in a notebook's output three times: as
`text/html` for the lab and the pages, as `text/plain`, and as plain JSON under `BLOCK_MIME`,
from which the PDF is set. `to_json` and `from_json` are inverse to each other.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from html import escape
from typing import Any, ClassVar, Literal

Tone = Literal["good", "bad", "neutral", "unsure"]
Json = dict[str, Any]

BLOCK_MIME = "application/vnd.repurchase.block+json"
RECORDS_MIME = "application/vnd.repurchase.records+json"

TONES: tuple[Tone, ...] = ("good", "bad", "neutral", "unsure")
TONE_COLOURS: Mapping[Tone, str] = {
    "good": "#1b7f79",
    "bad": "#b5442e",
    "neutral": "#44546a",
    "unsure": "#8a6d1d",
}
# A mark beside the colour, so that a tone survives grey printing. It must not look like a
# direction: a falling figure may be good. Each mark is a character of both bundled fonts.
TONE_MARKS: Mapping[Tone, str] = {"good": "✓", "bad": "!", "neutral": "", "unsure": "?"}
HEAT = (0x1F, 0x3A, 0x5F)
# A darker shade would ask for white text, and dark and white text in one table read as two kinds.
DARKEST_HEAT = 0.62
# A cell up to this length (a month, a code, a figure) stays on one line on a narrow screen.
LONGEST_UNWRAPPED = 14


class BlockError(ValueError):
    """A block's JSON that is not what its kind prescribes."""


@dataclass(frozen=True)
class Block:
    """What `show` returns; the subclasses are the kinds."""

    kind: ClassVar[str] = ""

    def to_json(self) -> Json:
        """The block as plain JSON, every key of its kind present."""
        return {"kind": self.kind, **_plain(self)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Block:
        """The block that `to_json` gave. Raises BlockError for an unknown kind or wrong value."""
        return block_from_json(data)

    def to_html(self) -> str:
        """An HTML fragment: semantic, escaped, styled by the classes that start with `rr-`."""
        raise BlockError(f"block of kind {self.kind!r} has no HTML")

    def to_text(self) -> str:
        """The block's words as plain text, one line a thought."""
        raise BlockError(f"block of kind {self.kind!r} has no text")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Json:
        return {
            BLOCK_MIME: self.to_json(),
            "text/html": _lab_style() + self.to_html(),
            "text/plain": self.to_text(),
        }


@dataclass(frozen=True)
class Headline(Block):
    """One claim in a sentence, large; `detail` is the small line below it (n, interval)."""

    kind: ClassVar[str] = "headline"
    text: str
    tone: Tone = "neutral"
    detail: str | None = None

    def __post_init__(self) -> None:
        _check_tone(self.tone)

    def to_html(self) -> str:
        detail = f'<p class="rr-detail">{escape(self.detail)}</p>' if self.detail else ""
        return (
            f'<div class="rr-headline rr-{self.tone}"><p class="rr-claim">'
            f"{escape(self.text)}</p>{detail}</div>"
        )

    def to_text(self) -> str:
        return _lines(self.text, self.detail)


@dataclass(frozen=True)
class Delta:
    """One comparison of a figure: against what (`label`), by how much (`text`), how to take it."""

    label: str
    text: str
    tone: Tone = "neutral"

    def __post_init__(self) -> None:
        _check_tone(self.tone)


@dataclass(frozen=True)
class Kpi:
    """One figure card: what it is, its value, n or interval, comparisons, a caveat."""

    label: str
    value: str
    detail: str = ""
    deltas: tuple[Delta, ...] = ()
    tone: Tone = "neutral"
    note: str | None = None

    def __post_init__(self) -> None:
        _check_tone(self.tone)
        _freeze(self, "deltas")


@dataclass(frozen=True)
class Kpis(Block):
    """A row of two to five figure cards."""

    kind: ClassVar[str] = "kpis"
    items: tuple[Kpi, ...]

    def __post_init__(self) -> None:
        _freeze(self, "items")

    def to_html(self) -> str:
        return '<div class="rr-kpis">' + "".join(map(_kpi_html, self.items)) + "</div>"

    def to_text(self) -> str:
        return "\n".join(
            _lines(
                f"{item.label}: {item.value}" + (f" ({item.detail})" if item.detail else ""),
                *(f"  {delta.label}: {delta.text}" for delta in item.deltas),
                f"  {item.note}" if item.note else None,
            )
            for item in self.items
        )


@dataclass(frozen=True)
class Figure(Block):
    """Exactly one exhibit; the title is its claim or question.

    `svg` is the picture's source text, `png` its bytes in base64: one of the two. `csv` is the
    text of the data behind it. `height_mm` bounds the printed height; None lets it be natural.
    """

    kind: ClassVar[str] = "figure"
    id: str
    title: str
    caption: str = ""
    alt: str = ""
    svg: str | None = None
    png: str | None = None
    csv: str = ""
    width: Literal["full", "half", "wide"] = "full"
    height_mm: float | None = None

    def __post_init__(self) -> None:
        if self.width not in ("full", "half", "wide"):
            raise BlockError(f"width == {self.width!r}, must be 'full', 'half' or 'wide'")

    def to_html(self) -> str:
        return (
            f'<figure class="rr-figure rr-{self.width}"{_anchor(self.id)}>'
            f"{_exhibit_head(self.id, self.title)}{self._image_html()}"
            f"{_caption_html(self.caption)}</figure>"
        )

    def to_text(self) -> str:
        return _lines(f"{self.id}  {self.title}".strip(), self.alt, self.caption)

    def _image_html(self) -> str:
        # As an image, an SVG runs no script and its ids meet no other picture's.
        if self.svg:
            uri = "data:image/svg+xml;base64," + base64.b64encode(self.svg.encode()).decode()
        elif self.png:
            uri = "data:image/png;base64," + _checked_base64(self.png)
        else:
            return f'<p class="rr-detail">{escape(self.alt)}</p>' if self.alt else ""
        alt = escape(self.alt or self.caption or self.title)
        # On a narrow screen a wide chart scrolls in its box, so that its words stay legible.
        return f'<div class="rr-scroll" tabindex="0"><img src="{uri}" alt="{alt}"></div>'


@dataclass(frozen=True)
class Column:
    """A table's column: heading, alignment, and whether it takes the space left over (`fr`)."""

    label: str
    align: Literal["left", "right", "center"] = "left"
    width: Literal["auto", "fr"] = "auto"

    def __post_init__(self) -> None:
        if self.align not in ("left", "right", "center"):
            raise BlockError(f"align == {self.align!r}, must be 'left', 'right' or 'center'")
        if self.width not in ("auto", "fr"):
            raise BlockError(f"width == {self.width!r}, must be 'auto' or 'fr'")


@dataclass(frozen=True)
class Cell:
    """A table's cell with a look. `fill` is a heat shade 0..1; empty text = not observed."""

    text: str
    tone: Tone | None = None
    fill: float | None = None
    bold: bool = False
    muted: bool = False

    def __post_init__(self) -> None:
        if self.tone is not None:
            _check_tone(self.tone)
        if self.fill is not None and not 0 <= self.fill <= 1:
            raise BlockError(f"fill == {self.fill!r}, must be between 0 and 1")


@dataclass(frozen=True)
class Table(Block):
    """A table. A cell is a str or a Cell. The column labels are the first heading row; with
    `header_rows` n, the first n - 1 of `rows` are heading rows too. Headings stand again on each
    page. With an `id` the table is an exhibit.
    """

    kind: ClassVar[str] = "table"
    columns: tuple[Column, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    id: str | None = None
    title: str | None = None
    caption: str | None = None
    header_rows: int = 1
    csv: str | None = None
    size: Literal["normal", "small"] = "normal"

    def __post_init__(self) -> None:
        _freeze(self, "columns")
        rows = tuple(tuple("" if cell is None else cell for cell in row) for row in self.rows)
        object.__setattr__(self, "rows", rows)
        for number, row in enumerate(rows):
            if len(row) != len(self.columns):
                raise BlockError(
                    f"row {number} has {len(row)} cells, must have {len(self.columns)}, "
                    "one for each column"
                )
        if self.size not in ("normal", "small"):
            raise BlockError(f"size == {self.size!r}, must be 'normal' or 'small'")

    def to_html(self) -> str:
        extra = max(0, self.header_rows - 1)
        labels = [[column.label for column in self.columns], *self.rows[:extra]]
        head = "".join(f"<tr>{self._head_html(row)}</tr>" for row in labels)
        body = "".join(f"<tr>{self._row_html(row)}</tr>" for row in self.rows[extra:])
        label = escape(self.title or self.caption or "")
        named = f' aria-label="{label}"' if label else ""
        # The scrolling box can be reached by keyboard, hence tabindex.
        return (
            f'<figure class="rr-table rr-{self.size}"{_anchor(self.id)}>'
            f"{_exhibit_head(self.id, self.title)}"
            f'<div class="rr-scroll" tabindex="0" role="region"{named}><table>'
            f"<thead>{head}</thead><tbody>{body}</tbody></table></div>"
            f"{_caption_html(self.caption)}</figure>"
        )

    def to_text(self) -> str:
        head = "\t".join(column.label for column in self.columns)
        rows = ("\t".join(_cell_text(cell) for cell in row) for row in self.rows)
        title = f"{self.id or ''}  {self.title or ''}".strip()
        return _lines(title, head, *rows, self.caption)

    def _head_html(self, row: Sequence[str | Cell]) -> str:
        return "".join(
            f'<th scope="col" class="rr-{column.align}">{escape(_cell_text(cell))}</th>'
            for cell, column in zip(row, self.columns, strict=True)
        )

    def _row_html(self, row: Sequence[str | Cell]) -> str:
        first = self.columns[0].align == "left" if self.columns else False
        return "".join(
            _cell_html(cell, column, is_row_head=first and number == 0)
            for number, (cell, column) in enumerate(zip(row, self.columns, strict=True))
        )


@dataclass(frozen=True)
class Note(Block):
    """A boxed remark: a caveat, or what was not computed, and why."""

    kind: ClassVar[str] = "note"
    text: str
    tone: Tone = "neutral"
    title: str | None = None

    def __post_init__(self) -> None:
        _check_tone(self.tone)

    def to_html(self) -> str:
        title = f'<p class="rr-note-title">{escape(self.title)}</p>' if self.title else ""
        return (
            f'<div class="rr-note rr-{self.tone}" role="note">{title}'
            f"<p>{escape(self.text)}</p></div>"
        )

    def to_text(self) -> str:
        return _lines(self.title, self.text)


@dataclass(frozen=True)
class ListItem:
    """One entry: a short title, its text, and a small line (money, confidence, exhibit)."""

    title: str
    text: str = ""
    meta: str | None = None
    tone: Tone = "neutral"

    def __post_init__(self) -> None:
        _check_tone(self.tone)


@dataclass(frozen=True)
class ListBlock(Block):
    """Ranked findings or actions."""

    kind: ClassVar[str] = "list"
    items: tuple[ListItem, ...]
    ordered: bool = True

    def __post_init__(self) -> None:
        _freeze(self, "items")

    def to_html(self) -> str:
        tag = "ol" if self.ordered else "ul"
        items = "".join(map(_item_html, self.items))
        return f'<{tag} class="rr-list">{items}</{tag}>'

    def to_text(self) -> str:
        return "\n".join(
            _lines(
                f"{number}. {item.title}" if self.ordered else f"- {item.title}",
                f"   {item.text}" if item.text else None,
                f"   {item.meta}" if item.meta else None,
            )
            for number, item in enumerate(self.items, start=1)
        )


@dataclass(frozen=True)
class Text(Block):
    """A paragraph; an empty line in the text begins a new one."""

    kind: ClassVar[str] = "text"
    text: str
    style: Literal["lead", "body", "small"] = "body"

    def __post_init__(self) -> None:
        if self.style not in ("lead", "body", "small"):
            raise BlockError(f"style == {self.style!r}, must be 'lead', 'body' or 'small'")

    def to_html(self) -> str:
        paragraphs = (part.strip() for part in self.text.split("\n\n"))
        return "".join(
            f'<p class="rr-text rr-{self.style}">{escape(part)}</p>' for part in paragraphs if part
        )

    def to_text(self) -> str:
        return self.text


@dataclass(frozen=True)
class Row(Block):
    """Blocks side by side, as a rule two figures; on a narrow screen one below the other."""

    kind: ClassVar[str] = "row"
    blocks: tuple[Block, ...] = field(default=())

    def __post_init__(self) -> None:
        _freeze(self, "blocks")

    def to_html(self) -> str:
        cells = "".join(f"<div>{block.to_html()}</div>" for block in self.blocks)
        return f'<div class="rr-row">{cells}</div>'

    def to_text(self) -> str:
        return "\n\n".join(block.to_text() for block in self.blocks)


@dataclass(frozen=True)
class Several:
    """Blocks one below the other, as many as there are; each is an output of its own."""

    blocks: tuple[Block, ...]

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for block in self.blocks:
            display(block)

    def to_text(self) -> str:
        return "\n\n".join(block.to_text() for block in self.blocks)


KINDS: Mapping[str, type[Block]] = {
    kind.kind: kind for kind in (Headline, Kpis, Figure, Table, Note, ListBlock, Text, Row)
}


def block_from_json(data: Mapping[str, Any]) -> Block:
    """The block that `to_json` gave. Raises BlockError for an unknown kind or wrong value."""
    kind = KINDS.get(str(data.get("kind")))
    if kind is None:
        raise BlockError(f"kind == {data.get('kind')!r}, must be one of {', '.join(KINDS)}")
    values = {name: value for name, value in data.items() if name != "kind"}
    try:
        if kind is Kpis:
            return Kpis(tuple(map(_kpi_from_json, values.pop("items"))), **values)
        if kind is ListBlock:
            return ListBlock(tuple(ListItem(**item) for item in values.pop("items")), **values)
        if kind is Table:
            return _table_from_json(values)
        if kind is Row:
            return Row(tuple(map(block_from_json, values["blocks"])))
        return kind(**values)
    except (TypeError, KeyError, AttributeError) as error:
        raise BlockError(f"block of kind {kind.kind!r}: {error}") from error


def _kpi_from_json(data: Mapping[str, Any]) -> Kpi:
    return Kpi(**{**data, "deltas": tuple(Delta(**delta) for delta in data.get("deltas") or ())})


def _table_from_json(values: Json) -> Table:
    columns = tuple(Column(**column) for column in values.pop("columns"))
    rows = tuple(
        tuple(Cell(**cell) if isinstance(cell, Mapping) else cell for cell in row)
        for row in values.pop("rows")
    )
    return Table(columns, rows, **values)


def _plain(value: Any) -> Any:
    """A dataclass, tuple or scalar as JSON has it; blocks inside keep their kind."""
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _nested(getattr(value, f.name)) for f in fields(value)}
    return value


def _nested(value: Any) -> Any:
    if isinstance(value, Block):
        return value.to_json()
    if isinstance(value, tuple | list):
        return [_nested(item) for item in value]
    return _plain(value)


def _freeze(holder: Any, name: str) -> None:
    object.__setattr__(holder, name, tuple(getattr(holder, name)))


def _check_tone(tone: str) -> None:
    if tone not in TONES:
        raise BlockError(f"tone == {tone!r}, must be one of {', '.join(TONES)}")


def _checked_base64(text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode("".join(text.split()), validate=True)).decode()
    except (binascii.Error, ValueError) as error:
        raise BlockError(f"png is not base64: {error}") from error


def _lines(*parts: str | None) -> str:
    return "\n".join(part for part in parts if part)


def _cell_text(cell: str | Cell) -> str:
    return cell.text if isinstance(cell, Cell) else cell


def _mark(tone: Tone) -> str:
    mark = TONE_MARKS[tone]
    return f'<span class="rr-mark">{escape(mark)}</span> ' if mark else ""


def _anchor(exhibit: str | None) -> str:
    return f' id="{escape(exhibit)}"' if exhibit else ""


def _exhibit_head(exhibit: str | None, title: str | None) -> str:
    number = f'<span class="rr-id">{escape(exhibit)}</span> ' if exhibit else ""
    words = f'<span class="rr-title">{escape(title)}</span>' if title else ""
    return f'<p class="rr-exhibit">{number}{words}</p>' if number or words else ""


def _caption_html(caption: str | None) -> str:
    return f"<figcaption>{escape(caption)}</figcaption>" if caption else ""


def _kpi_html(item: Kpi) -> str:
    deltas = "".join(
        f'<li class="rr-{delta.tone}"><span class="rr-delta">{_mark(delta.tone)}'
        f"{escape(delta.text)}</span> {escape(delta.label)}</li>"
        for delta in item.deltas
    )
    return (
        f'<section class="rr-kpi rr-{item.tone}"><p class="rr-label">{escape(item.label)}</p>'
        f'<p class="rr-value">{escape(item.value)}</p>'
        + (f'<p class="rr-detail">{escape(item.detail)}</p>' if item.detail else "")
        + (f'<ul class="rr-deltas">{deltas}</ul>' if deltas else "")
        + (f'<p class="rr-kpi-note">{escape(item.note)}</p>' if item.note else "")
        + "</section>"
    )


def _item_html(item: ListItem) -> str:
    return (
        f'<li class="rr-{item.tone}"><p class="rr-item-title">{_mark(item.tone)}'
        f"{escape(item.title)}</p>"
        + (f"<p>{escape(item.text)}</p>" if item.text else "")
        + (f'<p class="rr-detail">{escape(item.meta)}</p>' if item.meta else "")
        + "</li>"
    )


def _cell_html(cell: str | Cell, column: Column, *, is_row_head: bool) -> str:
    look = cell if isinstance(cell, Cell) else Cell(cell)
    names = [f"rr-{column.align}"]
    names += [f"rr-{look.tone}"] if look.tone else []
    names += ["rr-bold"] if look.bold else []
    names += ["rr-muted"] if look.muted else []
    names += ["rr-short"] if len(look.text) <= LONGEST_UNWRAPPED else []
    style = f' style="{_heat_css(look.fill)}"' if look.fill is not None else ""
    mark = _mark(look.tone) if look.tone and look.text else ""
    opening = '<th scope="row"' if is_row_head else "<td"
    closing = "</th>" if is_row_head else "</td>"
    return f'{opening} class="{" ".join(names)}"{style}>{mark}{escape(look.text)}{closing}'


def heat_colours(fill: float) -> tuple[str, str]:
    """Background and text colour of a heat cell, as `#rrggbb`, at least 4.5 : 1 apart."""
    share = DARKEST_HEAT * fill
    red, green, blue = (round(255 - (255 - part) * share) for part in HEAT)
    return f"#{red:02x}{green:02x}{blue:02x}", "#1a1a1a"


def _heat_css(fill: float) -> str:
    background, text = heat_colours(fill)
    return f"background:{background};color:{text}"


def _lab_style() -> str:
    """The few rules that make a block readable in a notebook, where no page style is loaded."""
    return f"<style>{LAB_CSS}</style>"


def tone_css(selectors: Iterable[Tone] = TONES) -> str:
    """One rule a tone: the custom property `--tone` that every block's style draws on."""
    return "".join(f".rr-{tone}{{--tone:{TONE_COLOURS[tone]}}}" for tone in selectors)


LAB_CSS = (
    tone_css() + ".rr-claim{font-size:1.25em;font-weight:600;color:var(--tone);margin:.2em 0}"
    ".rr-detail,.rr-caption,.rr-figure figcaption,.rr-table figcaption"
    "{color:#5c6672;font-size:.85em;margin:.2em 0}"
    ".rr-kpis,.rr-row{display:flex;flex-wrap:wrap;gap:1em}.rr-row>div{flex:1 1 18em}"
    ".rr-kpi{flex:1 1 10em;border-top:3px solid var(--tone);padding:.3em 0}"
    ".rr-kpi p,.rr-kpi ul{margin:.1em 0;padding:0;list-style:none}"
    ".rr-value{font-size:1.6em;font-weight:600}.rr-delta,.rr-mark{color:var(--tone)}"
    ".rr-delta{font-weight:600}.rr-figure,.rr-table{margin:1em 0}.rr-figure img{max-width:100%}"
    ".rr-id{color:#1f3a5f;font-weight:600;margin-right:.4em}.rr-title{font-weight:600}"
    ".rr-exhibit{margin:.2em 0}.rr-scroll{overflow-x:auto}"
    ".rr-table th.rr-right,.rr-table td.rr-right{text-align:right}"
    ".rr-table th.rr-left,.rr-table td.rr-left{text-align:left}"
    ".rr-table td.rr-center,.rr-table th.rr-center{text-align:center}"
    ".rr-bold{font-weight:600}.rr-muted{color:#6b7480}"
    ".rr-note{border-left:4px solid var(--tone);padding:.3em .8em;margin:.8em 0}"
    ".rr-note p,.rr-list p{margin:.1em 0}.rr-note-title,.rr-item-title{font-weight:600}"
)
