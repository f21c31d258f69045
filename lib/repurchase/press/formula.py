r"""LaTeX formulas as pictures, drawn by matplotlib's own typesetter: no LaTeX, no network.

It knows the mathematics that a review prints, not all of LaTeX. What it does not know is told by
None, and the caller prints the source.
"""

from __future__ import annotations

import io
import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

POINTS = 10.0
LONGEST = 2_000
FINE = 20  # measured so much larger: the typesetter rounds to whole pixels
LINE_GAP = 0.45
COLOUR = "#1d2329"
# LaTeX's words that the typesetter spells otherwise, or that ask for what it does anyway
SPELLING = {
    r"\displaystyle": "", r"\textstyle": "", r"\limits": "", r"\nolimits": "", r"\nonumber": "",
    r"\le": r"\leq", r"\ge": r"\geq", r"\ne": r"\neq", r"\tfrac": r"\frac", r"\dfrac": r"\frac",
    r"\lvert": r"\vert", r"\rvert": r"\vert", r"\lVert": r"\Vert", r"\rVert": r"\Vert",
    r"\bigl": "", r"\bigr": "", r"\big": "", r"\Bigl": "", r"\Bigr": "", r"\Big": "",
    r"\biggl": "", r"\biggr": "", r"\colon": ":", r"\dotsc": r"\ldots", r"\dots": r"\ldots",
    r"\land": r"\wedge", r"\lor": r"\vee", r"\iff": r"\Longleftrightarrow", r"\mathbin": "",
    r"\implies": r"\Longrightarrow", r"\textrm": r"\text", r"\mbox": r"\text",
    r"\operatorname*": r"\operatorname",
}  # fmt: skip
LINES = frozenset({"equation", "align", "aligned", "gather", "gathered", "split", "multline"})
FENCES = {
    "cases": ("{", "."), "matrix": (".", "."), "pmatrix": ("(", ")"), "bmatrix": ("[", "]"),
    "vmatrix": ("|", "|"), "array": (".", "."),
}  # fmt: skip
_WORD = re.compile(r"\\(?:operatorname\*|[A-Za-z]+)")
_BARE = re.compile(r"\\(mathbf|mathrm|mathit|mathcal|mathbb|boldsymbol|text|dfrac|sqrt)\s+(\w)")
_INNER = re.compile(
    r"\\begin\{(?P<name>cases|matrix|pmatrix|bmatrix|vmatrix|array)\}(?:\{[lcr| ]*\})?"
    r"(?P<body>(?:(?!\\begin).)*?)\\end\{(?P=name)\}",
    re.DOTALL,
)
_OUTER = re.compile(r"\\begin\{(\w+)\*?\}(.*)\\end\{\1\*?\}\Z", re.DOTALL)
_WRAPPED = re.compile(r"\$\$(.*)\$\$\Z|\$(.*)\$\Z|\\\[(.*)\\\]\Z|\\\((.*)\\\)\Z", re.DOTALL)


@dataclass(frozen=True)
class Formula:
    """A formula's picture, for text of ten points; `depth` reaches below the line of the text."""

    svg: str
    width: float
    height: float
    depth: float


@lru_cache(maxsize=256)
def drawn(source: str, *, display: bool = False) -> Formula | None:
    """The formula of a LaTeX source, with or without its dollars; None if it cannot be drawn.

    `display`: for a line of its own, with fractions at full size. Equal sources, equal bytes.
    """
    if len(source) > LONGEST:
        return None
    rows = [row for row in _rows(_bare(source)) if any(part.strip() for part in row)]
    if display:
        rows = [[_full_size(part) for part in row] for row in rows]
    try:
        return _drawn(rows) if rows else None
    except (ValueError, RecursionError, RuntimeError, KeyError, IndexError):
        return None


def _bare(source: str) -> str:
    text = source.strip()
    found = _WRAPPED.match(text)
    return next((g for g in found.groups() if g is not None), "").strip() if found else text


def _rows(text: str) -> list[list[str]]:
    """The lines of a formula, each of them cut where lines are aligned."""
    text = re.sub(r"\\(?:label\{[^{}]*\}|notag\b)", "", text)
    text = re.sub(r"\\tag\{([^{}]*)\}", r"\\qquad(\1)", text)
    while inner := _INNER.search(text):
        text = text[: inner.start()] + _stack(inner["name"], inner["body"]) + text[inner.end() :]
    outer = _OUTER.match(text.strip())
    several = outer is not None and outer[1] in LINES
    lines = re.split(r"\\\\(?:\[[^\]]*\])?", outer[2]) if outer and several else [text]
    return [[_spelled(part) for part in re.split(r"(?<!\\)&", line, maxsplit=1)] for line in lines]


def _stack(name: str, body: str) -> str:
    rows = [row.strip() for row in body.split(r"\\") if row.strip()]
    stacked = r"\\".join(re.sub(r"\s*(?<!\\)&\s*", r"\\quad ", row) for row in rows)
    before, after = FENCES[name]
    escape = "\\" if before == "{" else ""
    if before == after == ".":
        return rf"\substack{{{stacked}}}"
    return rf"\left{escape}{before}\substack{{{stacked}}}\right{after}"


def _spelled(text: str) -> str:
    text = _BARE.sub(r"\\\1{\2}", " ".join(text.replace("&", " ").split()))
    text = re.sub(r"\\([dt]?frac)\s*(\d)\s*(\d)", r"\\frac{\2}{\3}", text).replace("~", r"\;")
    return _WORD.sub(lambda word: SPELLING.get(word.group(), word.group()), text)


def _full_size(text: str) -> str:
    """Fractions that stand in no other fraction, root or index at their full size."""
    depth, pieces = 0, []
    for piece in re.split(r"(\\frac(?![A-Za-z])|\\.|[{}])", text):
        depth += (piece == "{") - (piece == "}")
        pieces.append(r"\dfrac" if piece == r"\frac" and depth == 0 else piece)
    return "".join(pieces)


def _drawn(rows: list[list[str]]) -> Formula | None:
    import matplotlib as mpl
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    style: dict[Any, Any] = {"mathtext.fontset": "stix", "svg.fonttype": "path"}
    style["svg.hashsalt"] = "formula"
    with mpl.rc_context(style), _Glyphs() as missing:
        prop = FontProperties(family="STIXGeneral", size=POINTS)
        parser = MathTextParser("path")
        measured = [[_measured(parser, part.strip(), prop) for part in row] for row in rows]
        return None if missing else _set(rows, measured, prop)


def _measured(parser: Any, part: str, prop: Any) -> tuple[float, ...]:
    """Width, height and depth in points."""
    if not part:
        return (0.0, 0.0, 0.0)
    sizes = parser.parse(f"${part}$", dpi=72 * FINE, prop=prop)[:3]
    return tuple(float(size) / FINE for size in sizes)


def _set(rows: list[list[str]], measured: list[list[Any]], prop: Any) -> Formula:
    """The lines below one another, aligned where they are cut."""
    from matplotlib.figure import Figure

    lefts = [sizes[0][0] if len(sizes) > 1 else 0.0 for sizes in measured]
    edge = max(lefts)
    heights = [max(size[1] for size in sizes) for sizes in measured]
    depths = [max(size[2] for size in sizes) for sizes in measured]
    tall = sum(heights) + LINE_GAP * POINTS * (len(rows) - 1)
    wide = max(
        edge - left + sum(size[0] for size in sizes)
        for left, sizes in zip(lefts, measured, strict=True)
    )
    wide, tall = max(wide, 1.0) + 1.0, max(tall, 1.0) + 1.0  # half a point of air for the strokes
    figure = Figure(figsize=(wide / 72, tall / 72))
    top = tall - 0.5
    for row, sizes, left, height, depth in zip(
        rows, measured, lefts, heights, depths, strict=True
    ):
        base, x = top - height + depth, 0.5 + edge - left
        for part, size in zip(row, sizes, strict=True):
            if part.strip():
                figure.text(x / wide, base / tall, f"${part.strip()}$", fontproperties=prop,
                            color=COLOUR, va="baseline")  # fmt: skip
            x += size[0]
        top -= height + LINE_GAP * POINTS
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return Formula(text[text.index("<svg") :], wide, tall, depths[-1] + 0.5)


class _Glyphs(logging.Handler):
    """What the typesetter says of characters that its fonts lack."""

    def __init__(self) -> None:
        super().__init__()
        self.missing: list[str] = []
        self._log = logging.getLogger("matplotlib.mathtext")

    def emit(self, record: logging.LogRecord) -> None:
        self.missing.append(record.getMessage())

    def __enter__(self) -> list[str]:
        self._before = self._log.propagate
        self._log.propagate = False
        self._log.addHandler(self)
        return self.missing

    def __exit__(self, *_: object) -> None:
        self._log.removeHandler(self)
        self._log.propagate = self._before
