"""A notebook's cells as a Typst fragment. What cannot be set as it is, is printed as text and
named in the log; nothing is dropped but what says that it is for programs only.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from repurchase.press import formula
from repurchase.press.typst import render
from repurchase.press.typst.assets import AssetStore
from repurchase.press.typst.markdown import (
    MarkdownRenderer,
    heading_depths,
    parsed,
    picture_of,
    plain_text,
)
from repurchase.press.typst.mend import heading_levels, typst_string
from repurchase.press.typst.render import LOG, Context
from repurchase.press.typst.tables import around_tables, tables_in_html, text_of_html
from repurchase.show.blocks import BLOCK_MIME, RECORDS_MIME, BlockError, block_from_json

Part = Literal["a", "b"]

LONGEST_TEXT = 20_000
LONGEST_UNKNOWN = 500
MOST_ROWS = 2_000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]")
_OBJECT = re.compile(r"<[\w.]+[^<>]*>\Z")
HIDDEN_TAGS = frozenset({"remove_cell", "remove-cell"})


@dataclass(frozen=True)
class Fragment:
    """Typst text of some cells, the title found in them, and what was printed as text only."""

    typst: str
    title: str | None
    missed: tuple[str, ...]


def notebook_title(nb: Mapping[str, Any]) -> str | None:
    """The words of the notebook's first heading of level 1, or None."""
    for cell in nb["cells"]:
        if cell["cell_type"] == "markdown":
            for token in parsed(_source(cell)):
                if token["type"] == "heading" and token["attrs"]["level"] == 1:
                    return plain_text(token["children"]).strip() or None
    return None


def notebook_to_typst(
    nb: Mapping[str, Any],
    *,
    part: Part | None,
    assets: AssetStore,
    language: str = "en",
    base_level: int = 3,
    skip_title: bool = True,
    show_code: bool = False,
    figure_word: str = "Figure",
    log: logging.Logger = LOG,
) -> str:
    """The cells of one part ('a', 'b'; None: all cells) as a fragment for `Section.typst`."""
    return notebook_fragment(
        nb,
        part=part,
        assets=assets,
        language=language,
        base_level=base_level,
        skip_title=skip_title,
        show_code=show_code,
        figure_word=figure_word,
        log=log,
    ).typst


def notebook_fragment(
    nb: Mapping[str, Any],
    *,
    part: Part | None,
    assets: AssetStore,
    language: str = "en",
    base_level: int = 3,
    skip_title: bool = True,
    show_code: bool = False,
    figure_word: str = "Figure",
    log: logging.Logger = LOG,
    folder: Path | None = None,
) -> Fragment:
    """Like `notebook_to_typst`, with the title that was skipped and what could not be set.

    `folder` is that of an analyst's own notebook, whose pictures may lie beside it.
    """
    context = Context(assets=assets, language=language, figure_word=figure_word, log=log)
    cells = [cell for cell in nb["cells"] if _is_printed(cell, part)]
    texts = {
        number: parsed(_source(cell))
        for number, cell in enumerate(cells)
        if cell["cell_type"] == "markdown"
    }
    title = _take_title(texts) if skip_title else None
    levels = iter(
        heading_levels(
            [d for tokens in texts.values() for d in heading_depths(tokens)], base=base_level
        )
    )
    pieces: list[str] = []
    for number, cell in enumerate(cells):
        if number in texts:
            here = [next(levels) for _ in heading_depths(texts[number])]
            pieces += _markdown(texts[number], cell, context, here, folder=folder)
        elif cell["cell_type"] == "code":
            shown = [p for p in _code(cell, context, show_code=show_code) if p not in ("", "none")]
            if pieces and shown:
                pieces[-1] = render.leading(pieces[-1])
            pieces += [render.leading(p) if render.is_lead(p) else p for p in shown[:-1]]
            pieces += shown[-1:]
        elif _source(cell).strip():
            pieces.append(f"code-block({typst_string(_source(cell))})")
    typst = "\n".join(f"#{piece}" for piece in pieces if piece)
    return Fragment(typst, title, tuple(context.seen))


def _is_printed(cell: Mapping[str, Any], part: Part | None) -> bool:
    tags = set(cell.get("metadata", {}).get("tags", ()))
    if tags & HIDDEN_TAGS:
        return False
    return part is None or f"part-{part}" in tags


def _take_title(texts: Mapping[int, list[Any]]) -> str | None:
    """Removes the first heading where it is of level 1 and nothing of words stands before it."""
    for tokens in texts.values():
        for place, token in enumerate(tokens):
            if token["type"] == "blank_line":
                continue
            if token["type"] != "heading" or token["attrs"]["level"] != 1:
                return None
            del tokens[place]
            return plain_text(token["children"]).strip() or None
    return None


def _markdown(
    tokens: Sequence[Any],
    cell: Mapping[str, Any],
    context: Context,
    levels: Sequence[int],
    *,
    folder: Path | None,
) -> list[str]:
    attached = cell.get("attachments") or {}
    renderer = MarkdownRenderer(context, attachments=attached, levels=levels, folder=folder)
    wide = ("heading", "table", "block_html")
    pieces = []
    for token in tokens:
        expression = renderer.block(token)
        if expression:
            is_wide = token["type"] in wide or "picture(" in expression
            pieces.append(expression if is_wide else render.prose(expression))
    return pieces


def _code(cell: Mapping[str, Any], context: Context, *, show_code: bool) -> list[str]:
    pieces = []
    if show_code and _source(cell).strip():
        pieces.append(f'code-block({typst_string(_source(cell))}, lang: "python")')
    for output in cell.get("outputs", ()):
        pieces += output_to_typst(output, context)
    return pieces


def output_to_typst(output: Mapping[str, Any], context: Context) -> list[str]:
    """One output of a code cell as Typst expressions."""
    kind = output.get("output_type")
    if kind == "stream":
        return _plain(_joined(output.get("text", "")), context)
    if kind == "error":
        trace = _ANSI.sub("", "\n".join(output.get("traceback", ())))
        return [
            f"failure({typst_string(str(output.get('ename', '')))}, "
            f"{typst_string(str(output.get('evalue', '')))}, "
            f"trace: {typst_string(_shortened(trace, context)) if trace else 'none'})"
        ]
    data = output.get("data", {})
    if RECORDS_MIME in data:
        return []
    return bundle_to_typst(data, context, metadata=output.get("metadata", {}))


def bundle_to_typst(
    data: Mapping[str, Any], context: Context, *, metadata: Mapping[str, Any] | None = None
) -> list[str]:
    """A MIME bundle as Typst: the richest form that can be set, else its text with a log line."""
    if BLOCK_MIME in data:
        try:
            return [render.render_block(block_from_json(data[BLOCK_MIME]), context)]
        except BlockError as error:
            context.missed("a block could not be read (%s); its text is printed", error)
            return _plain(_joined(data.get("text/plain", "")), context)
    name = picture_of(data, context)
    if name:
        alt = _alt(metadata or {}, data)
        width = _width_mm(metadata or {})
        return [render.plain_picture(name, alt, context, width_mm=width)]
    html = _joined(data.get("text/html", ""))
    if "<table" in html:
        found = [render.table(_shortened_table(table, context)) for table in tables_in_html(html)]
        if found:
            before, after = ([f"para({typst_string(t)})"] if t else [] for t in around_tables(html))
            return [*map(render.prose, before), *found, *map(render.prose, after)]
    if "text/markdown" in data:
        tokens = parsed(_joined(data["text/markdown"]))
        return [render.prose(each) for each in MarkdownRenderer(context).blocks(tokens)]
    if "text/latex" in data:
        return _formula(data, context)
    return _fallback(data, context)


def _formula(data: Mapping[str, Any], context: Context) -> list[str]:
    """An output that is a formula; one that cannot be drawn as the text that came with it."""
    source, plain = _joined(data["text/latex"]).strip(), _joined(data.get("text/plain", ""))
    if formula.drawn(source) is None and plain.strip() and not plain.startswith("<"):
        context.missed("formula %r cannot be drawn; its text is printed", source[:80])
        return _plain(plain, context)
    return [render.formula(source, context, display=True)]


def _fallback(data: Mapping[str, Any], context: Context) -> list[str]:
    """Text for what has no print. Plain text on its own is ordinary; anything richer is logged."""
    rich = [mime for mime in data if mime != "text/plain"]
    if rich:
        context.missed("output of type %s is printed as text", ", ".join(sorted(rich)))
    return _plain(words_of(data), context)


def words_of(data: Mapping[str, Any]) -> str:
    """What an output says, as text: its own, that of its HTML, a plotly figure's list of traces,
    else the beginning of each of its forms. `<Object at ...>` says nothing.
    """
    plain = _joined(data.get("text/plain", ""))
    if plain.strip() and not _OBJECT.match(plain.strip()):
        return plain
    for mime in data:
        if mime.startswith("application/vnd.plotly") and isinstance(data[mime], Mapping):
            return _plotly(data[mime])
    html = text_of_html(_joined(data.get("text/html", "")))
    forms = [m for m in sorted(data) if m not in ("text/plain", "text/html")]
    return html or "\n".join(f"{m}: {_json(data[m])[:LONGEST_UNKNOWN]}" for m in forms) or plain


def _plotly(figure: Mapping[str, Any]) -> str:
    """Title and traces of a figure that only a script could draw."""
    layout = figure.get("layout")
    title = layout.get("title", "") if isinstance(layout, Mapping) else ""
    title = title.get("text", "") if isinstance(title, Mapping) else title
    lines = [f"plotly figure{f': {title}' if title else ''}"]
    for trace in figure.get("data") or ():
        if isinstance(trace, Mapping):
            lines.append(f"  {trace.get('type', 'scatter')} {trace.get('name') or ''}".rstrip())
    return "\n".join(lines)


def _plain(text: str, context: Context) -> list[str]:
    text = _ANSI.sub("", text).rstrip()
    return [f"code-block({typst_string(_shortened(text, context))})"] if text.strip() else []


def _shortened(text: str, context: Context) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    context.missed("a text of %d characters is printed to its first %d", len(text), LONGEST_TEXT)
    return text[:LONGEST_TEXT] + f"\n… [{len(text) - LONGEST_TEXT}]"


def _shortened_table(table: Any, context: Context) -> Any:
    if len(table.rows) <= MOST_ROWS:
        return table
    from dataclasses import replace

    context.missed("a table of %d rows is printed to row %d", len(table.rows), MOST_ROWS)
    more = f"… {len(table.rows) - MOST_ROWS}"
    last = (more, *[""] * (len(table.columns) - 1))
    return replace(table, rows=(*table.rows[:MOST_ROWS], last))


def _alt(metadata: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    named = metadata.get("alt") or next(
        (
            value["alt"]
            for value in metadata.values()
            if isinstance(value, Mapping) and value.get("alt")
        ),
        "",
    )
    words = _joined(data.get("text/plain", ""))
    # `<Figure size 640x480 with 1 Axes>` says nothing to a listener.
    return str(named) or ("" if words.startswith("<") else words[:300])


def _width_mm(metadata: Mapping[str, Any]) -> float | None:
    """The printed width that a notebook asks for in pixels (96 an inch), or None."""
    for value in metadata.values():
        width = value.get("width") if isinstance(value, Mapping) else None
        if isinstance(width, int | float) and 0 < width < 10_000:
            return float(width) * 25.4 / 96
    return None


def _source(cell: Mapping[str, Any]) -> str:
    return _joined(cell.get("source", ""))


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(map(str, value))
    return value if isinstance(value, str) else repr(value)
