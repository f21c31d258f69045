"""Markdown cells as Typst. Text stays text: no markup of Typst can be written in a cell.

Pictures come out of the cell's attachments or out of `data:` addresses, never from the net. A
file beside the notebook is opened only for an analyst's own notebook (`folder`), never for a pack.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from repurchase.press.typst import render
from repurchase.press.typst.assets import picture_file
from repurchase.press.typst.mend import heading_levels, typst_string
from repurchase.press.typst.render import Context
from repurchase.press.typst.tables import tables_in_html, text_of_html
from repurchase.show.blocks import Column, Table

Token = Mapping[str, Any]

DEEPEST = 8
URL_SAFE = "%/:?#[]@!$&'()*+,;=~-._"
LINKED = ("https://", "http://", "mailto:")
_BREAK = re.compile(r"<br\s*/?>\Z", re.IGNORECASE)
_FORMATTING = re.compile(
    r"</?(b|i|em|strong|u|s|small|span|font|center|mark|div|p|sub|sup|a|kbd|code)\b[^<>]*>\Z",
    re.IGNORECASE,
)
_FORMATTED = re.compile(r"<(table|div|p|center|span|b|i|h[1-6]|ul|ol|br|hr|img|details)\b", re.I)
_DATA = re.compile(r"data:image/[\w.+-]+(?:;[\w=.-]+)*;base64,", re.IGNORECASE)
_DATA_SVG = "data:image/svg+xml;base64,"


def formulas(markdown: Any) -> None:
    """A mistune plugin: formulas as Jupyter reads them, also an environment on lines of its own.

    A dollar behind a space ends none: `$5, or $10` are two prices.
    """
    from mistune.plugins import math

    math.math(markdown)
    inline = math.INLINE_MATH_PATTERN.replace(r"+?)\$(?!\d)", r"+?)(?<!\s)\$(?!\d)")
    markdown.inline.register("inline_math", inline, math.parse_inline_math, before="codespan")

    def parse(_: Any, found: re.Match[str], state: Any) -> int:
        state.append_token({"type": "block_math", "raw": found.group("latex")})
        return found.end()

    pattern = (
        r"^ {0,3}(?P<latex>\\begin\{(?P<latex_name>[a-z]+\*?)\}"
        r"[\s\S]+?\\end\{(?P=latex_name)\})[ \t]*(?:\n|$)"
    )
    markdown.block.register("environment", pattern, parse, before="list")


PLUGINS: tuple[Any, ...] = ("table", "strikethrough", "url", formulas, "task_lists", "footnotes")


@lru_cache(maxsize=1)
def _parser() -> Callable[[str], Any]:
    import mistune

    return mistune.create_markdown(renderer=None, plugins=PLUGINS)


def parsed(source: str) -> list[Token]:
    """The tokens of a Markdown text."""
    tokens = _parser()(source)
    return list(tokens) if isinstance(tokens, list) else []


def heading_depths(tokens: Sequence[Token]) -> list[int]:
    """The levels of the headings at the top of a text, in order."""
    return [int(token["attrs"]["level"]) for token in tokens if token["type"] == "heading"]


def plain_text(tokens: Sequence[Token]) -> str:
    """The words of inline tokens, without their looks."""
    parts = []
    for token in tokens:
        if token["type"] in ("softbreak", "linebreak"):
            parts.append(" ")
        elif "children" in token:
            parts.append(plain_text(token["children"]))
        else:
            parts.append(str(token.get("raw", "")))
    return "".join(parts)


class MarkdownRenderer:
    """Renders the tokens of one cell; `levels` gives each heading's level in the book."""

    def __init__(
        self,
        context: Context,
        *,
        attachments: Mapping[str, Mapping[str, str]] | None = None,
        levels: Sequence[int] = (),
        folder: Path | None = None,
    ) -> None:
        self.context = context
        self.folder = folder
        self.attachments = attachments or {}
        self.levels = iter(levels)

    def blocks(self, tokens: Sequence[Token], *, depth: int = 0) -> list[str]:
        """Typst expressions, one a block."""
        rendered = (self.block(token, depth=depth) for token in tokens)
        return [expression for expression in rendered if expression]

    def block(self, token: Token, *, depth: int = 0) -> str:
        """One block token as a Typst expression; empty for what prints nothing."""
        if depth > DEEPEST:
            return f"para({typst_string(plain_text([token]))})"
        kind = str(token["type"])
        method = getattr(self, f"_{kind}", None)
        if method is not None:
            return str(method(token, depth))
        if kind == "blank_line":
            return ""
        self.context.missed("Markdown %s is printed as its text", kind)
        return f"para({typst_string(plain_text([token]))})"

    def _paragraph(self, token: Token, depth: int) -> str:
        children = token["children"]
        pictures = [child for child in children if child["type"] == "image"]
        if pictures and all(
            child["type"] in ("image", "softbreak", "linebreak") or not plain_text([child]).strip()
            for child in children
        ):
            return "{" + "; ".join(self._picture(picture) for picture in pictures) + "}"
        return f"para({self.inline(children)})"

    def _block_text(self, token: Token, depth: int) -> str:
        return self.inline(token["children"])

    def _heading(self, token: Token, depth: int) -> str:
        level = next(self.levels, None) if depth == 0 else None
        words = plain_text(token["children"]).strip()
        if not words:
            return ""
        if level is None:
            return f"para(strong-text({self.inline(token['children'])}))"
        return f"heading(level: {level}, {self.inline(token['children'])})"

    def _thematic_break(self, token: Token, depth: int) -> str:
        return "rule()"

    def _block_code(self, token: Token, depth: int) -> str:
        return f"code-block({typst_string(str(token['raw']).rstrip())})"

    def _block_quote(self, token: Token, depth: int) -> str:
        return f"quotation({self._joined(token['children'], depth)})"

    def _block_math(self, token: Token, depth: int) -> str:
        return render.formula(str(token["raw"]).strip(), self.context, display=True)

    def _block_html(self, token: Token, depth: int) -> str:
        source = str(token["raw"]).strip()
        if source.startswith("<!--") and source.endswith("-->"):
            return ""
        if not _FORMATTED.match(source) or "<script" in source.lower():
            return f"para({typst_string(source)})"
        found = [render.table(table) for table in tables_in_html(source)]
        words = text_of_html(source)
        return "{" + "; ".join(found) + "}" if found else f"para({typst_string(words)})"

    def _list(self, token: Token, depth: int) -> str:
        attrs = token.get("attrs", {})
        items = ", ".join(
            self._task_list_item(item, depth)
            if item["type"] == "task_list_item"
            else self._joined(item["children"], depth)
            for item in token["children"]
        )
        if not items:
            return ""
        tight = f"tight: {str(bool(token.get('tight', True))).lower()}"
        if attrs.get("ordered"):
            return f"enum({tight}, start: {int(attrs.get('start', 1))}, {items})"
        return f"list({tight}, {items})"

    def _task_list_item(self, token: Token, depth: int) -> str:
        mark = "[x] " if token["attrs"].get("checked") else "[ ] "
        return f"seq({typst_string(mark)}, {self._joined(token['children'], depth)})"

    def _table(self, token: Token, depth: int) -> str:
        head, body = token["children"][0], token["children"][1:]
        labels = [plain_text(cell["children"]) for cell in head["children"]]
        aligns: list[Any] = [cell["attrs"].get("align") or "left" for cell in head["children"]]
        rows = [
            tuple(plain_text(cell["children"]) for cell in row["children"])
            for part in body
            for row in part["children"]
        ]
        columns = tuple(Column(label, align) for label, align in zip(labels, aligns, strict=True))
        return render.table(Table(columns, tuple(rows)))

    def _footnotes(self, token: Token, depth: int) -> str:
        return "small({" + "; ".join(self.blocks(token["children"], depth=depth + 1)) + "})"

    def _footnote_item(self, token: Token, depth: int) -> str:
        number = int(token["attrs"]["index"])
        return f"enum(start: {number}, {self._joined(token['children'], depth)})"

    def _joined(self, tokens: Sequence[Token], depth: int) -> str:
        parts = self.blocks(tokens, depth=depth + 1)
        return "{" + "; ".join(parts) + "}" if parts else '""'

    # --- inside a line -----------------------------------------------------------------------

    def inline(self, tokens: Sequence[Token], *, depth: int = 0) -> str:
        """Inline tokens as one Typst expression."""
        parts = [self._inline(token, depth) for token in tokens]
        return f"seq({', '.join(parts)})" if parts else '""'

    def _inline(self, token: Token, depth: int) -> str:
        kind = token["type"]
        if depth > DEEPEST:
            return typst_string(plain_text([token]))
        children = token.get("children", ())
        if kind in ("strong", "emphasis", "strikethrough"):
            name = {"strong": "strong-text", "emphasis": "emph", "strikethrough": "strike"}[kind]
            return f"{name}({self.inline(children, depth=depth + 1)})"
        if kind == "codespan":
            return f"code-inline({typst_string(str(token['raw']))})"
        if kind in ("inline_math", "block_math"):
            source = str(token["raw"]).strip()
            return render.formula(source, self.context, display=kind == "block_math")
        if kind == "linebreak":
            return "linebreak()"
        if kind == "softbreak":
            return '" "'
        if kind == "link":
            return self._link(token, depth)
        if kind == "image":
            return typst_string(f"[{plain_text(children) or token['attrs'].get('url', '')}]")
        if kind == "footnote_ref":
            return f"super({typst_string(str(token['attrs']['index']))})"
        if kind == "inline_html":
            return self._inline_html(str(token["raw"]))
        return typst_string(plain_text([token]))

    def _inline_html(self, source: str) -> str:
        if _BREAK.match(source):
            return "linebreak()"
        return '""' if _FORMATTING.match(source) else typst_string(source)

    def _link(self, token: Token, depth: int) -> str:
        words = self.inline(token["children"], depth=depth + 1)
        url = str(token["attrs"].get("url", ""))
        if not url.lower().startswith(LINKED) or not plain_text(token["children"]).strip():
            return words
        # An address must reach the reader unchanged: escaped only, nothing mended in it.
        return f'link("{quote(url, safe=URL_SAFE)}", {words})'

    def _picture(self, token: Token) -> str:
        url = str(token["attrs"].get("url", ""))
        alt = plain_text(token["children"]) or str(token["attrs"].get("title") or "")
        name = self._stored(url)
        if name is None:
            self.context.missed("picture %r is not in the notebook; its text is printed", url[:80])
            return f"missing-picture({typst_string(f'[{alt or url[:200]}]')})"
        return render.plain_picture(name, alt, self.context)

    def _stored(self, url: str) -> str | None:
        if url.startswith("attachment:"):
            bundle = self.attachments.get(url.removeprefix("attachment:"), {})
            return picture_of(bundle, self.context)
        if url.lower().startswith(_DATA_SVG):
            try:
                source = base64.b64decode(url[len(_DATA_SVG) :]).decode(errors="replace")
            except ValueError:
                return None
            return self.context.assets.add_svg(source)
        found = _DATA.match(url)
        if not found and self.folder is not None:
            content = picture_file(url, self.folder)
            if content is None:
                return None
            text = content.decode(errors="replace")
            return self.context.assets.add_bytes(content) or self.context.assets.add_svg(text)
        return self.context.assets.add_base64(url[found.end() :]) if found else None


def picture_of(bundle: Mapping[str, Any], context: Context) -> str | None:
    """The stored name of the best picture of a MIME bundle, or None where it has none."""
    svg = bundle.get("image/svg+xml")
    name = context.assets.add_svg(_joined_text(svg)) if svg else None
    for mime in ("image/png", "image/jpeg", "image/webp", "image/gif"):
        if name is None and bundle.get(mime):
            name = context.assets.add_base64(_joined_text(bundle[mime]))
    return name


def _joined_text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def markdown_to_typst(
    source: str,
    context: Context,
    *,
    base_level: int = 3,
    attachments: Mapping[str, Mapping[str, str]] | None = None,
) -> list[str]:
    """A Markdown text on its own as Typst expressions, its headings from `base_level` down."""
    tokens = parsed(source)
    levels = heading_levels(heading_depths(tokens), base=base_level)
    return MarkdownRenderer(context, attachments=attachments, levels=levels).blocks(tokens)
