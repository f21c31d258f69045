"""How charts look: the bundled fonts, the colour language, sizes on the print grid.

A chart is drawn inside `house(words)`, which sets matplotlib's parameters for that block only,
and leaves as a `Figure` block through `exhibit`. No pyplot: nothing piles up in a long kernel.
The same data give the same bytes on each machine: fonts are files of our own packages, ids are
salted with a constant, and no time is written.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import functools
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import matplotlib
import pandas as pd
from babel.dates import format_date
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Picture
from matplotlib.rcsetup import cycler
from matplotlib.text import Text

from repurchase.cells import inert_table
from repurchase.context import PRINT_ONLY
from repurchase.period import Period
from repurchase.show.blocks import Figure
from repurchase.words import Words

# The colour language of every chapter; the tones themselves are blocks.TONE_COLOURS.
ACTUAL = "#1f3a5f"
COMPARISON = "#9aa3ad"
COMPARISON_TEXT = "#6b7480"
PLAN = "#222222"
LIGHT = "#c3cfdd"
GRID = "#d9dee4"
INK = "#1a1a1a"
MUTED = "#5c6672"

TEXT_WIDTH_MM = 170.0
HALF_WIDTH_MM = 81.0
LATIN, CJK = "Source Sans Pro", "Noto Sans CJK JP"
TEXT_PT, SMALL_PT = 8.0, 7.0
PNG_DPI = 200
_MM = 1 / 25.4

Width = Literal["full", "half"]

SEABORN_DEEP = (
    "#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#8c8c8c",
    "#ccb974", "#64b5cd",
)  # fmt: skip
# What seaborn.set_theme(context="paper", style="whitegrid") sets: to import seaborn and its scipy
# takes longer than to draw a chapter. A test holds it against seaborn.
SEABORN: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": ".8",
    "axes.grid": True,
    "axes.labelcolor": ".15",
    "axes.labelsize": 12 * 0.8,
    "axes.linewidth": 1.25 * 0.8,
    "axes.prop_cycle": cycler(color=SEABORN_DEEP),
    "axes.titlesize": 12 * 0.8,
    "font.size": 12 * 0.8,
    "grid.color": ".8",
    "grid.linewidth": 1 * 0.8,
    "legend.fontsize": 11 * 0.8,
    "legend.title_fontsize": 12 * 0.8,
    "lines.linewidth": 1.5 * 0.8,
    "lines.markersize": 6 * 0.8,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "patch.linewidth": 1 * 0.8,
    "text.color": ".15",
    "xtick.bottom": False,
    "xtick.color": ".15",
    "xtick.labelsize": 11 * 0.8,
    "xtick.major.size": 6 * 0.8,
    "xtick.major.width": 1.25 * 0.8,
    "xtick.minor.size": 4 * 0.8,
    "xtick.minor.width": 1 * 0.8,
    "ytick.color": ".15",
    "ytick.labelsize": 11 * 0.8,
    "ytick.left": False,
    "ytick.major.size": 6 * 0.8,
    "ytick.major.width": 1.25 * 0.8,
    "ytick.minor.size": 4 * 0.8,
    "ytick.minor.width": 1 * 0.8,
}


@functools.cache
def register_fonts() -> tuple[str, str]:
    """The two families, from the packages' files alone, whatever the machine has installed."""
    latin = _package_folder("font_source_sans_pro") / "files"
    files = [latin / f"SourceSansPro-{face}.otf" for face in ("Regular", "Semibold")]
    files.append(_package_folder("notojp_matplotlib") / "fonts" / "NotoSansCJKjp-Regular.otf")
    manager = font_manager.fontManager
    manager.ttflist = [entry for entry in manager.ttflist if entry.name not in (LATIN, CJK)]
    for file in files:
        manager.addfont(file)
    # Chinese has one weight; said to have the other too, or each label would log a warning.
    only = [entry for entry in manager.ttflist if entry.name == CJK]
    manager.ttflist += [dataclasses.replace(entry, weight=600) for entry in only]
    return LATIN, CJK


def _package_folder(package: str) -> Path:
    """A package's folder without importing it: notojp_matplotlib changes settings on import."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise ModuleNotFoundError(f"package {package!r} is not installed; run the set-up again")
    return Path(places[0])


def settings(words: Words) -> dict[str, Any]:
    """Matplotlib's parameters for one language."""
    found: dict[str, Any] = {
        **SEABORN,
        "font.family": list(register_fonts()),
        "font.size": TEXT_PT,
        "text.color": INK,
        "axes.edgecolor": GRID,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.unicode_minus": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelsize": SMALL_PT + 0.5,
        "ytick.labelsize": SMALL_PT + 0.5,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.major.pad": 4,
        "ytick.major.pad": 3,
        "lines.solid_capstyle": "round",
        "lines.solid_joinstyle": "round",
        "svg.fonttype": "path",
        "svg.hashsalt": "repurchase",
        "path.simplify": False,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
    }
    # The Chinese font is drawn for Japanese; told the language, it takes the Chinese forms.
    if "text.language" in matplotlib.rcParams:
        found["text.language"] = words.language
    return found


@contextmanager
def house(words: Words) -> Iterator[None]:
    """The house style for all that is drawn and saved inside."""
    chosen: Any = settings(words)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(chosen)
        yield


def axes(
    *, height_mm: float, width: Width = "full", left: float = 11, right: float = 4,
    top: float = 7, bottom: float = 10,
) -> tuple[Picture, Axes]:  # fmt: skip
    """A picture of the print grid with one plot; margins in mm, `top` holds the unit note."""
    width_mm = TEXT_WIDTH_MM if width == "full" else HALF_WIDTH_MM
    picture = Picture(figsize=(width_mm * _MM, height_mm * _MM), dpi=PNG_DPI)
    FigureCanvasAgg(picture)
    box = (
        left / width_mm,
        bottom / height_mm,
        (width_mm - left - right) / width_mm,
        (height_mm - top - bottom) / height_mm,
    )
    return picture, picture.add_axes(box)


def picture_of(ax: Axes) -> Picture:
    """The whole picture that a plot stands in."""
    picture = ax.get_figure(root=True)
    assert isinstance(picture, Picture)
    return picture


def unit_note(ax: Axes, text: str) -> None:
    """What the vertical axis counts, at the top left of the picture."""
    picture = picture_of(ax)
    width, height = picture.get_size_inches() / _MM
    picture.text(0.4 / width, 1 - 0.6 / height, text, size=SMALL_PT + 0.5, color=MUTED, va="top")


def text_mm(texts: Sequence[str], *, size: float = TEXT_PT, weight: str = "normal") -> float:
    """The width of the widest of these texts; call it inside `house`."""
    picture = Picture(dpi=72)
    renderer = FigureCanvasAgg(picture).get_renderer()
    found = [0.0]
    for text in texts:
        label = Text(0, 0, text, size=size, weight=weight)
        label.set_figure(picture)
        found.append(label.get_window_extent(renderer).width / 72 / _MM)
    return max(found)


def spread(places: Sequence[float], *, gap: float) -> list[float]:
    """The places moved apart, as little as need be, until they are `gap` from each other.

    >>> spread([1.0, 1.1, 5.0], gap=1.0)
    [0.55, 1.55, 5.0]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    groups: list[tuple[float, list[int]]] = []
    for index in order:
        groups.append((places[index], [index]))
        while len(groups) > 1 and _overlap(groups[-2], groups[-1], gap):
            (_, second), (_, first) = groups.pop(), groups.pop()
            members = first + second
            groups.append((sum(places[i] for i in members) / len(members), members))
    found = [0.0] * len(places)
    for centre, members in groups:
        for rank, index in enumerate(members):
            found[index] = round(centre + (rank - (len(members) - 1) / 2) * gap, 12)
    return found


def _overlap(lower: tuple[float, list[int]], upper: tuple[float, list[int]], gap: float) -> bool:
    top = lower[0] + (len(lower[1]) - 1) / 2 * gap
    bottom = upper[0] - (len(upper[1]) - 1) / 2 * gap
    return bottom - top < gap


def month_labels(starts: Sequence[dt.date], words: Words) -> list[str]:
    """Short month names, the year below the first and below each January."""
    found = []
    for number, start in enumerate(starts):
        name = format_date(start, "MMM", locale=words.locale)
        year = number == 0 or start.month == 1
        found.append(f"{name}\n{_year(start, words)}" if year else name)
    return found


def period_labels(periods: Sequence[Period], words: Words) -> list[str]:
    """Axis labels of consecutive periods of one length."""
    if not periods or periods[0].unit == "month":
        return month_labels([p.start for p in periods], words)
    if periods[0].unit == "year":
        return [_year(p.start, words) for p in periods]
    found = []
    for number, p in enumerate(periods):
        name = p.label[-2:]
        year = number == 0 or name == "Q1"
        found.append(f"{name}\n{_year(p.start, words)}" if year else name)
    return found


def _year(start: dt.date, words: Words) -> str:
    return f"{start.year}年" if words.language.startswith("zh") else f"{start.year}"


def exhibit(
    picture: Picture, *, id: str, title: str, caption: str, alt: str, data: pd.DataFrame,
    width: Width = "full",
) -> Figure:  # fmt: skip
    """The finished picture as a block: SVG for print and page, PNG and CSV for the archive.

    Where only a PDF is made the PNG is left out.
    """
    height_mm = round(float(picture.get_size_inches()[1]) / _MM, 1)
    svg = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    picture.savefig(svg, format="svg", metadata=nothing)
    png = None if os.environ.get(PRINT_ONLY) else _png(picture)
    picture.clear()
    return Figure(
        id=id,
        title=title,
        caption=caption,
        alt=alt,
        svg=svg.getvalue(),
        png=png,
        csv=csv_text(data),
        width=width,
        height_mm=height_mm,
    )


def _png(picture: Picture) -> str:
    png = io.BytesIO()
    picture.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return base64.b64encode(png.getvalue()).decode()


def csv_text(data: pd.DataFrame) -> str:
    """The data behind an exhibit, one line a row, floats to six digits after the point.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    named = any(name is not None for name in data.index.names)
    table = data.reset_index() if named else data
    table = inert_table(table.round(6))
    return table.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")
