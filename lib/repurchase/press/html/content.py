"""Cells as safe HTML: what the page shows may come from data, and a page asks nothing of the net.

Blocks bring their own escaped HTML. Tables of pandas are read and written anew. Markdown and all
other HTML pass through a list of allowed elements; whatever is not on it is shown as text.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from repurchase.press.typst.assets import AssetStore
from repurchase.press.typst.mend import heading_levels
from repurchase.press.typst.notebook import LONGEST_UNKNOWN
from repurchase.press.typst.tables import tables_in_html, text_of_html
from repurchase.show.blocks import (
    BLOCK_MIME,
    RECORDS_MIME,
    Block,
    BlockError,
    Note,
    Row,
    block_from_json,
)

LOG = logging.getLogger("repurchase.press")

ALLOWED = frozenset(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption "
    "figure h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p pre s small span strong sub summary sup "
    "table tbody td tfoot th thead tr u ul".split()
)
ATTRIBUTES = frozenset("alt align class colspan rowspan scope start title".split())
SCHEMES = frozenset({"http", "https", "mailto", "data"})
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]+\Z")
PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
_HEADING = re.compile(r"<(/?)h([1-6])\b")
_EMPTY_IMAGE = re.compile(r"<img(?![^>]*\bsrc=)([^>]*)>")
_ALT = re.compile(r'\balt="([^"]*)"')
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]")
_BIDI = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible_controls(text: str) -> str:
    """The text with control characters and those that turn the reading direction as numbers."""
    return _BIDI.sub(lambda found: f"[U+{ord(found.group()):04X}]", text)


def clean(html: str) -> str:
    """HTML of unknown origin, made inert: no script, style, event, form or outside picture."""
    import bleach

    kept = bleach.clean(
        visible_controls(html),
        tags=ALLOWED,
        attributes=_is_allowed,
        protocols=SCHEMES,
        strip_comments=True,
    )
    return _EMPTY_IMAGE.sub(_image_words, kept)


def _is_allowed(tag: str, name: str, value: str) -> bool:
    if tag == "img" and name == "src":
        return bool(PICTURE.match(value))
    if tag == "a" and name == "href":
        return value.lower().startswith(("http://", "https://", "mailto:", "#"))
    return name in ATTRIBUTES


def _image_words(image: re.Match[str]) -> str:
    """A picture that is not in the notebook is not fetched; its words stand for it."""
    alt = _ALT.search(image.group(1))
    return f"<span>[{alt.group(1) if alt else ''}]</span>"


def markdown_html(cell: Mapping[str, Any], *, first_level: int, seen: list[int]) -> str:
    """A Markdown cell as HTML, headings renumbered below the page's own.

    `seen` collects the levels of earlier cells, so that none is skipped across cells.
    """
    import mistune

    source = _joined(cell.get("source", ""))
    for name, bundle in (cell.get("attachments") or {}).items():
        source = source.replace(f"attachment:{name}", _data_uri(bundle) or "")
    plugins = ["table", "strikethrough", "url", "task_lists", "footnotes", "math"]
    renderer = mistune.HTMLRenderer(escape=False, allow_harmful_protocols=True)
    markdown = mistune.create_markdown(renderer=renderer, plugins=plugins)
    # Without a script from the net a formula is best read as its source.
    renderer.register("inline_math", lambda _, text: f"<code>{escape(text)}</code>")
    renderer.register("block_math", lambda _, text: f"<pre>{escape(text.strip())}</pre>\n")
    html = clean(str(markdown(source)))
    html = html.replace("<table>", '<div class="rr-scroll" tabindex="0"><table>')
    return _renumbered(html.replace("</table>", "</table></div>"), first_level, seen)


def _renumbered(html: str, first_level: int, seen: list[int]) -> str:
    opened = [int(level) for closing, level in _HEADING.findall(html) if not closing]
    levels = heading_levels([*seen, *opened], base=first_level)[len(seen) :]
    seen += opened
    numbers = iter(levels)
    current = first_level

    def replaced(tag: re.Match[str]) -> str:
        nonlocal current
        if not tag.group(1):
            current = next(numbers)
        return f"<{tag.group(1)}h{min(current, 6)}"

    return _HEADING.sub(replaced, html)


def output_html(output: Mapping[str, Any], *, figures: str | None = None) -> str:
    """One output of a code cell. `figures` is the folder of the exhibits' data, as an address."""
    kind = output.get("output_type")
    if kind == "stream":
        return _pre(_joined(output.get("text", "")))
    if kind == "error":
        trace = "\n".join(output.get("traceback", ()))
        box = Note(str(output.get("evalue", "")), tone="bad", title=str(output.get("ename", "")))
        return block_html(box) + _pre(trace)
    data = output.get("data", {})
    if RECORDS_MIME in data:
        return ""
    if BLOCK_MIME in data:
        try:
            return block_html(block_from_json(data[BLOCK_MIME]), figures=figures)
        except BlockError as error:
            LOG.warning("a block could not be read (%s); its text is shown", error)
            return _pre(_joined(data.get("text/plain", "")))
    return _bundle_html(data, output.get("metadata", {}))


def block_html(block: Block, *, figures: str | None = None) -> str:
    """A block's HTML, control characters visible, its exhibits linked to their data."""
    html = visible_controls(block.to_html())
    if figures is None:
        return html
    for exhibit in _exhibits(block):
        address = f"{escape(figures.rstrip('/'))}/{quote(exhibit, safe='')}.csv"
        link = f'<a class="rr-data" href="{address}">CSV</a>'
        head = f'<span class="rr-id">{escape(exhibit)}</span> '
        before, found, after = html.partition(head)
        if found:
            title, closing, rest = after.partition("</p>")
            html = before + found + title + link + closing + rest
    return html


def _exhibits(block: Block) -> list[str]:
    if isinstance(block, Row):
        return [exhibit for inner in block.blocks for exhibit in _exhibits(inner)]
    named = getattr(block, "id", None)
    return [named] if named and getattr(block, "csv", None) else []


def _bundle_html(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    uri = _data_uri(data)
    plain = _joined(data.get("text/plain", ""))
    if uri:
        alt = str(metadata.get("alt") or ("" if plain.startswith("<") else plain[:300]) or "Figure")
        return f'<figure><img src="{uri}" alt="{escape(visible_controls(alt))}"></figure>'
    html = _joined(data.get("text/html", ""))
    if "<table" in html:
        found = [block_html(table) for table in tables_in_html(html)]
        if found:
            return "".join(found)
    if "text/markdown" in data:
        return markdown_html({"source": data["text/markdown"]}, first_level=3, seen=[])
    if "text/latex" in data:
        return _pre(_joined(data["text/latex"]))
    rich = sorted(mime for mime in data if mime != "text/plain")
    if rich:
        LOG.warning("output of type %s is shown as text", ", ".join(rich))
    if not plain.strip():
        plain = text_of_html(html) if html else ""
    if not plain.strip():
        plain = "\n".join(f"{mime}: {_joined(data[mime])[:LONGEST_UNKNOWN]}" for mime in rich)
    return _pre(plain)


def _data_uri(bundle: Mapping[str, Any]) -> str | None:
    """The best picture of a bundle as a `data:` address, or None where it has none."""
    for mime in PICTURES:
        if not bundle.get(mime):
            continue
        content = _joined(bundle[mime])
        store = AssetStore()
        if mime == "image/svg+xml":
            if "<svg" in content:
                return f"data:{mime};base64,{base64.b64encode(content.encode()).decode()}"
        elif store.add_base64(content):
            return f"data:{mime};base64,{''.join(content.split())}"
    return None


def _pre(text: str) -> str:
    text = visible_controls(_ANSI.sub("", text).rstrip())
    return f"<pre>{escape(text)}</pre>" if text.strip() else ""


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(map(str, value))
    return value if isinstance(value, str) else repr(value)


def cell_html(
    cell: Mapping[str, Any],
    *,
    show_code: bool = False,
    first_level: int = 2,
    seen: list[int] | None = None,
    figures: str | None = None,
) -> Markup:
    """A whole cell, safe to be put into a page as it is."""
    if cell["cell_type"] == "markdown":
        seen = seen if seen is not None else []
        return Markup(markdown_html(cell, first_level=first_level, seen=seen))
    source = _joined(cell.get("source", ""))
    if cell["cell_type"] != "code":
        return Markup(_pre(source))
    shown = _pre(source) if show_code else ""
    outputs = (output_html(output, figures=figures) for output in cell.get("outputs", ()))
    return Markup(shown + "".join(outputs))
