"""HTML tables, as pandas and Styler write them, read as our table block."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from repurchase.show.blocks import Cell, Column, Table

MOST_SPAN = 200
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_HEX = re.compile(r"#([0-9a-fA-F]{6})\b")
_NUMBER = re.compile(r"[\s\u00a0]*[-+−(]?[\s¥￥€$£]*[\d.,]+\s*[%‰万亿)]*\s*\Z")
_BLANKS = {"", "NaN", "nan", "None", "NaT", "<NA>"}


def tables_in_html(html: str) -> list[Table]:
    """Every outermost table of an HTML text, spans repeated or left blank, shades as heat."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    looks = _looks(" ".join(style.get_text() for style in soup.find_all("style")))
    outermost = [each for each in soup.find_all("table") if each.find_parent("table") is None]
    return [table for each in outermost if (table := _table(each, looks))]


def around_tables(html: str) -> tuple[str, str]:
    """The words before the first table of an HTML text and those behind it, without any table's."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    mark = "\x00"
    for number, table in enumerate(soup.find_all("table")):
        if table.find_parent("table") is None:
            table.replace_with(mark if number == 0 else "")
    before, _, after = soup.get_text(" ").partition(mark)
    return " ".join(before.split()), " ".join(after.split())


def text_of_html(html: str) -> str:
    """The words of an HTML text, without styles and scripts, a line an element."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    # The parser's own text leaves styles and scripts out.
    kept = (line.strip() for line in soup.get_text("\n").splitlines())
    return "\n".join(line for line in kept if line)


def _looks(css: str) -> Mapping[str, Mapping[str, str]]:
    """Declarations by element id: the only selectors that Styler writes for single cells."""
    looks: dict[str, dict[str, str]] = {}
    for selectors, body in _RULE.findall(css):
        pairs = (line.split(":", 1) for line in body.split(";") if ":" in line)
        declared = {name.strip(): value.strip() for name, value in pairs}
        for selector in selectors.split(","):
            if re.fullmatch(r"\s*#[\w-]+\s*", selector):
                looks.setdefault(selector.strip()[1:], {}).update(declared)
    return looks


def _table(element: Any, looks: Mapping[str, Mapping[str, str]]) -> Table | None:
    head_rows = element.select("thead tr")
    rows = [row for row in element.find_all("tr") if row.find_parent("table") is element]
    if not head_rows and rows and all(cell.name == "th" for cell in rows[0].find_all(["th", "td"])):
        head_rows = rows[:1]
    heads = {id(row) for row in head_rows}
    head = _grid([row for row in rows if id(row) in heads], looks)
    body = _grid([row for row in rows if id(row) not in heads], looks)
    width = max((len(row) for row in head + body), default=0)
    if not width:
        return None
    head = [row + [Cell("")] * (width - len(row)) for row in head] or [[Cell("")] * width]
    body = [row + [Cell("")] * (width - len(row)) for row in body]
    caption = element.find("caption")
    columns = tuple(
        Column(head[0][number].text, _alignment([row[number].text for row in body]))
        for number in range(width)
    )
    return Table(
        columns=columns,
        rows=tuple(tuple(row) for row in head[1:] + body),
        title=caption.get_text(" ", strip=True) or None if caption else None,
        header_rows=max(1, len(head)),
    )


def _grid(rows: list[Any], looks: Mapping[str, Mapping[str, str]]) -> list[list[Cell]]:
    """Cells by position. A spanned place is blank, as in pandas' own printing."""
    grid: list[list[Cell]] = []
    pending: dict[tuple[int, int], Cell] = {}
    for y, row in enumerate(rows):
        cells: list[Cell] = []
        for element in row.find_all(["th", "td"], recursive=False):
            while (y, len(cells)) in pending:
                cells.append(pending.pop((y, len(cells))))
            x, wide, tall = len(cells), _span(element, "colspan"), _span(element, "rowspan")
            cells += [_cell(element, looks), *[Cell("")] * (wide - 1)]
            for below in range(1, tall):
                pending.update({(y + below, x + offset): Cell("") for offset in range(wide)})
        while (y, len(cells)) in pending:
            cells.append(pending.pop((y, len(cells))))
        grid.append(cells)
    return grid


def _span(element: Any, name: str) -> int:
    digits = str(element.get(name, "1"))
    return min(max(int(digits), 1), MOST_SPAN) if digits.isdecimal() else 1


def _cell(element: Any, looks: Mapping[str, Mapping[str, str]]) -> Cell:
    look = dict(looks.get(str(element.get("id", "")), {}))
    fill = _shade(look.get("background-color", ""))
    bold = element.name == "th" or look.get("font-weight", "") in ("bold", "600", "700")
    return Cell(element.get_text(" ", strip=True), fill=fill, bold=bold)


def _shade(colour: str) -> float | None:
    """Any background as a shade of our one heat colour, by its darkness (0 white, 1 black)."""
    found = _HEX.search(colour)
    if not found:
        return None
    red, green, blue = (int(found.group(1)[at : at + 2], 16) for at in (0, 2, 4))
    return round(1 - (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255, 3)


def _alignment(texts: list[str]) -> Any:
    shown = [text for text in texts if text not in _BLANKS]
    return "right" if shown and all(_NUMBER.match(text) for text in shown) else "left"
