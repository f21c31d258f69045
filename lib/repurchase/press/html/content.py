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
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from repurchase.press.formula import POINTS, drawn
from repurchase.press.typst.assets import AssetStore, picture_file
from repurchase.press.typst.markdown import PLUGINS
from repurchase.press.typst.mend import heading_levels
from repurchase.press.typst.notebook import words_of
from repurchase.press.typst.tables import around_tables, tables_in_html
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
# where a formula's picture goes: characters that nobody's text needs
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"
_DRAWING = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_PICTURE_FILE = re.compile(r"""(!\[[^\]\n]*\]\()([^()\s"']+)((?:\s+"[^"\n]*")?\))""")
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


def markdown_html(
    cell: Mapping[str, Any], *, first_level: int, seen: list[int], folder: Path | None = None
) -> str:
    """A Markdown cell as HTML, headings renumbered below the page's own.

    `seen` collects the levels of earlier cells, so that none is skipped across cells. `folder` is
    that of an analyst's own notebook, whose pictures may lie beside it; None: none is opened.
    """
    import mistune

    source = _joined(cell.get("source", ""))
    for name, bundle in (cell.get("attachments") or {}).items():
        source = source.replace(f"attachment:{name}", _data_uri(bundle) or "")
    renderer = mistune.HTMLRenderer(escape=False, allow_harmful_protocols=True)
    if folder is not None:
        source = _PICTURE_FILE.sub(lambda found: _embedded(found, folder), source)
    markdown = mistune.create_markdown(renderer=renderer, plugins=PLUGINS)
    renderer.register("task_list_item", _task)
    drawings: list[str] = []

    def placed(text: str, *, display: bool) -> str:
        drawings.append(formula_html(text.strip(), display=display))
        return f"{_OPEN}{len(drawings) - 1}{_CLOSE}" + ("\n" if display else "")

    renderer.register("inline_math", lambda _, text: placed(text, display=False))
    renderer.register("block_math", lambda _, text: placed(text, display=True))
    html = clean(str(markdown(source.replace(_OPEN, "").replace(_CLOSE, ""))))
    # Put in behind the cleaning, which lets no style through.
    html = _DRAWING.sub(lambda found: drawings[int(found.group(1))], html)
    html = html.replace("<table>", '<div class="rr-scroll" tabindex="0"><table>')
    return _renumbered(html.replace("</table>", "</table></div>"), first_level, seen)


def _embedded(picture: re.Match[str], folder: Path) -> str:
    content = picture_file(picture.group(2), folder)
    if content is None:
        return picture.group()
    mime = "image/svg+xml" if b"<svg" in content[:2000] else "image/png"
    encoded = base64.b64encode(content).decode()
    return f"{picture.group(1)}data:{mime};base64,{encoded}{picture.group(3)}"


def _task(_: Any, text: str, checked: bool = False) -> str:
    """An item of a list of tasks, without a form's box."""
    return f"<li>{'[x]' if checked else '[ ]'} {text}</li>\n"


def formula_html(source: str, *, display: bool) -> str:
    """A LaTeX formula as a picture with its source as alternative text, or as its source."""
    found = drawn(source, display=display)
    if found is None:
        LOG.warning("formula %r cannot be drawn; its source is shown", source[:80])
        return f"<code>{escape(visible_controls(source))}</code>"
    uri = base64.b64encode(found.svg.encode()).decode()
    em = POINTS * (1 if display else 1.05)
    sizes = f"width:{found.width / em:.3f}em;vertical-align:{-found.depth / em:.3f}em"
    kind = "rr-formula rr-display" if display else "rr-formula"
    alt = escape(visible_controls(source))
    return f'<img class="{kind}" src="data:image/svg+xml;base64,{uri}" alt="{alt}" style="{sizes}">'


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
            before, after = (_paragraph(text) for text in around_tables(html))
            return "".join([before, *found, after])
    if "text/markdown" in data:
        return markdown_html({"source": data["text/markdown"]}, first_level=3, seen=[])
    if "text/latex" in data:
        source = _joined(data["text/latex"]).strip()
        if drawn(source) or not plain.strip() or plain.startswith("<"):
            return f"<p>{formula_html(source, display=True)}</p>"
        LOG.warning("formula %r cannot be drawn; its text is shown", source[:80])
        return _pre(plain)
    rich = sorted(mime for mime in data if mime != "text/plain")
    if rich:
        LOG.warning("output of type %s is shown as text", ", ".join(rich))
    return _pre(words_of(data))


def _paragraph(text: str) -> str:
    return f"<p>{escape(visible_controls(text))}</p>" if text else ""


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
    folder: Path | None = None,
) -> Markup:
    """A whole cell, safe to be put into a page as it is."""
    if cell["cell_type"] == "markdown":
        seen = seen if seen is not None else []
        text = markdown_html(cell, first_level=first_level, seen=seen, folder=folder)
        return Markup(text)
    source = _joined(cell.get("source", ""))
    if cell["cell_type"] != "code":
        return Markup(_pre(source))
    shown = _pre(source) if show_code else ""
    outputs = (output_html(output, figures=figures) for output in cell.get("outputs", ()))
    return Markup(shown + "".join(outputs))
