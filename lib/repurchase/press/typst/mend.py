"""What PDF/UA-1 and a typesetter refuse, mended before it is set.

PDF/UA-1 refuses ordinary content: an image without alternative text, a skipped heading level,
no title, a character that no font covers. A pack never fails for its content; what is changed
is visible in print and one line in the log.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence

from repurchase.press import fonts

LOG = logging.getLogger("repurchase.press")

# Beyond this length a run without a place to break would leave its column.
LONGEST_RUN = 24
# a line breaks after a hyphen already, but not before a digit
_UNBROKEN = r"[^\s\-\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]|-(?![A-Za-z])"
_LONG_RUN = re.compile(rf"(?:{_UNBROKEN}){{{LONGEST_RUN + 1},}}")
_PLAIN = re.compile(r"[\x20-\x7e\n]*\Z")
ZERO_WIDTH_SPACE = "\u200b"


def visible(text: str) -> str:
    """The text as it can be printed: every character either has a glyph or stands as `[U+1F600]`.

    Control and format characters (also those that reverse the direction of reading) are made
    visible the same way; tabs and the kinds of line end become one space and one newline. What
    was replaced is logged.
    """
    if _PLAIN.match(text):
        return text
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    replaced: dict[str, str] = {}
    result = "".join(_visible_character(character, replaced) for character in text)
    if replaced:
        LOG.warning("printed by number, no glyph: %s", " ".join(sorted(replaced.values())))
    return result


def _visible_character(character: str, replaced: dict[str, str]) -> str:
    if character == "\n" or " " <= character <= "~":
        return character
    if character in "\t\x0b\x0c\u0085\u2028\u2029\u00a0\u202f":
        return "\u00a0" if character in "\u00a0\u202f" else " "
    if "\ufe00" <= character <= "\ufe0f":
        return ""  # variation selectors choose a look of the character before them
    category = unicodedata.category(character)
    if category[0] != "C" and fonts.is_covered(character):
        return character
    return replaced.setdefault(character, f"[U+{ord(character):04X}]")


def breakable(text: str) -> str:
    """The text with places to break inside runs that are longer than a narrow column."""
    return _LONG_RUN.sub(lambda run: _with_breaks(run.group()), text)


def _with_breaks(run: str) -> str:
    step = 8
    return ZERO_WIDTH_SPACE.join(run[start : start + step] for start in range(0, len(run), step))


def typst_string(text: str) -> str:
    """The text as a Typst string literal, the only door through which text enters Typst.

    Inside a literal nothing is syntax: `#`, `$`, `*`, `@`, `<` and comments are characters.
    """
    escaped = breakable(visible(text)).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n") + '"'


def heading_levels(levels: Sequence[int], *, base: int) -> list[int]:
    """The levels of a run of headings without a gap: the first is `base`, none skips a level.

    Headings that were equally deep under the same parent stay so.
    """
    result: list[int] = []
    open_levels: list[int] = []
    for level in levels:
        while open_levels and open_levels[-1] >= level:
            open_levels.pop()
        open_levels.append(level)
        result.append(base + len(open_levels) - 1)
    return result


def alt_text(*candidates: str | None, number: int, word: str = "Figure") -> str:
    """Alternative text of a picture: the first candidate that says something, else "Figure n"."""
    spoken = (" ".join(candidate.split()) for candidate in candidates if candidate)
    return next((text for text in spoken if text), f"{word} {number}")


def title_from_name(name: str) -> str:
    """A document's title out of its file's name: `my_notebook` -> `My notebook`."""
    words = re.sub(r"[_\-\s]+", " ", name).strip()
    return words[:1].upper() + words[1:] if words else "Untitled"


def first_words(texts: Iterable[str], default: str) -> str:
    """The first text that is not blank."""
    return next((text for text in texts if text.strip()), default)
