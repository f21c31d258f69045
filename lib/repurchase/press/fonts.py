"""The bundled fonts: where they are, which characters they cover, how wide a text is in them.

Two machines make the same bytes only if both take the same font files. The package of Source
Sans carries each face as .otf and as .ttf, and which of two equal faces a typesetter takes
depends on the order in which the file system lists them; so exactly one file a face is offered.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from repurchase.errors import PressError

if TYPE_CHECKING:
    import typst

LATIN_FAMILY = "Source Sans Pro"
CJK_FAMILY = "Noto Sans CJK JP"
MONO_FAMILY = "DejaVu Sans Mono"  # inside the typesetter itself

LATIN_FACES = ("Regular", "It", "Semibold", "SemiboldIt", "Bold", "BoldIt")
CJK_FILE = "NotoSansCJKjp-Regular.otf"
CJK_LATIN_GAP_EM = 0.25


def _package_folder(package: str, folder: str) -> Path:
    """A folder inside an installed package, found without importing the package."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise PressError(
            f"the fonts of package {package!r} are not installed",
            remedy="run the project's set-up again; the package is in requirements.lock",
        )
    return Path(places[0]) / folder


@lru_cache(maxsize=1)
def font_files() -> tuple[Path, ...]:
    """The font files that the pack is set in, one a face. Raises PressError if one is missing."""
    latin = _package_folder("font_source_sans_pro", "files")
    cjk = _package_folder("notojp_matplotlib", "fonts")
    files = (*(latin / f"SourceSansPro-{face}.otf" for face in LATIN_FACES), cjk / CJK_FILE)
    for file in files:
        if not file.is_file():
            raise PressError(
                "a font file is missing",
                where=file.name,
                remedy="install the fonts' packages again from requirements.lock",
            )
    return files


def latin_file(face: str = "Regular") -> Path:
    """The file of one face of Source Sans."""
    return next(file for file in font_files() if file.name == f"SourceSansPro-{face}.otf")


def cjk_file() -> Path:
    """The file of the Chinese font."""
    return font_files()[-1]


@lru_cache(maxsize=1)
def typst_fonts() -> typst.Fonts:
    """The bundled fonts and nothing of the machine, as the typesetter takes them."""
    import typst

    # The typesetter takes folders, not files, and resolves links at once: the folder of links
    # need not outlive this call. Where links cannot be made, the packages' folders must do.
    with tempfile.TemporaryDirectory(prefix="repurchase-fonts-") as folder:
        try:
            for file in font_files():
                os.symlink(file.resolve(), Path(folder) / file.name)
            places = [folder]
        except OSError:
            places = sorted({str(file.parent) for file in font_files()})
        return typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=True, font_paths=list(places)
        )


@lru_cache(maxsize=1)
def compiler() -> typst.Compiler:
    """One typesetter for the process: its memory makes the second pack cheap."""
    import typst

    return typst.Compiler(font_paths=typst_fonts(), ignore_system_fonts=True)


@lru_cache(maxsize=1)
def _latin_metrics() -> tuple[frozenset[int], Mapping[int, float]]:
    from fontTools.ttLib import TTFont

    with TTFont(latin_file(), lazy=True) as font:
        cmap = font.getBestCmap()
        widths, units = font["hmtx"], font["head"].unitsPerEm
        return frozenset(cmap), {code: widths[name][0] / units for code, name in cmap.items()}


@lru_cache(maxsize=1)
def _cjk_characters() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(cjk_file(), lazy=True) as font:
        return frozenset(font.getBestCmap())


def is_covered(character: str) -> bool:
    """Whether one of the bundled fonts has a glyph for the character."""
    code = ord(character)
    return code in _latin_metrics()[0] or code in _cjk_characters()


def text_width_em(text: str) -> float:
    """The width of a line of text in the body face, in em; Chinese characters are 1 em wide.

    Typst puts a quarter of an em between a Chinese character and a Latin letter or digit.
    """
    widths = _latin_metrics()[1]
    gaps = sum(
        a.isalnum() and b.isalnum() and _is_chinese(a) != _is_chinese(b) for a, b in pairwise(text)
    )
    letters = sum(widths.get(ord(character)) or _wide(character) for character in text)
    return letters + gaps * CJK_LATIN_GAP_EM


def _is_chinese(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _wide(character: str) -> float:
    return 1.0 if unicodedata.east_asian_width(character) in "WF" else 0.56
