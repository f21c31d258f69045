"""Headings as people write them, made into names that can be matched."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

RESERVED = ("_file", "_row", "_total", "_problem", "_raw")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))


def clean_heading(text: str) -> str:
    """`text` in NFKC, stripped, with every inner run of white space as one space.

    >>> clean_heading(' 订单\\u3000编号（ＩＤ） ')
    '订单 编号(ID)'
    """
    return " ".join(unicodedata.normalize("NFKC", text).translate(_INVISIBLE).split())


def joined_headings(rows: Sequence[Sequence[str]], *, filled: bool) -> list[str]:
    """One heading a column from one or two heading rows.

    Two rows become "upper lower", or one of them where they are equal or one is empty. With
    `filled`, an empty upper cell repeats its left neighbour, as merged cells do in a text export;
    a workbook tells which cells are merged and needs no such guess.
    """
    cleaned = [[clean_heading(cell) for cell in row] for row in rows]
    if len(cleaned) < 2:
        return cleaned[0] if cleaned else []
    upper, lower = cleaned
    width = max(len(upper), len(lower))
    upper = upper + [""] * (width - len(upper))
    lower = lower + [""] * (width - len(lower))
    if filled:
        for i in range(1, width):
            if not upper[i] and lower[i]:
                upper[i] = upper[i - 1]
    pairs = zip(upper, lower, strict=True)
    return [up if up == low or not low else f"{up} {low}".strip() for up, low in pairs]


def unique_names(headings: Iterable[str]) -> list[str]:
    """Names that a table can carry: an empty heading is "column_N", a repeated one gets " (2)".

    Names that differ only in case count as repeated, since SQL does not tell them apart.

    >>> unique_names(["id", "", "ID", "_row"])
    ['id', 'column_2', 'ID (2)', '_row (2)']
    """
    used = {name.casefold() for name in RESERVED}
    names: list[str] = []
    for position, heading in enumerate(headings, start=1):
        base = heading or f"column_{position}"
        name, again = base, 2
        while name.casefold() in used:
            name, again = f"{base} ({again})", again + 1
        used.add(name.casefold())
        names.append(name)
    return names
