"""Words and numbers in the reader's language.

Messages stand in `locale/<language>/LC_MESSAGES/repurchase.po`; English is the message itself.
A paragraph of a notebook is a message too. Numbers, dates and money follow the language:
percentage points are 个百分点 in Chinese, large money 万 and 亿.
"""

from __future__ import annotations

import datetime as dt
import functools
import gettext
import io
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from importlib.resources import files
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, get_currency_symbol

from repurchase.period import Period

MINUS = "\u2212"


# Lines up to the next empty one.
PARAGRAPH = re.compile(r"\S(?:.|\n(?!\s*\n))*")


def N_(message: str) -> str:
    """Marks a message for the catalogue without translating it yet."""
    return message


class Words:
    """Translations and formats of one language.

    >>> Words("en").share(0.80589)
    '80.6%'
    >>> Words("zh-CN").points(-0.0123)
    '−1.2个百分点'
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = Locale.parse(language.replace("-", "_"))
        self._translations = translations(language)

    def _(self, message: str, **values: object) -> str:
        """The message in this language, its named gaps filled."""
        text = self._translations.gettext(message) if message else ""
        return text.format(**values) if values else text

    def paragraph(self, text: str) -> str:
        """A Markdown cell, translated paragraph by paragraph."""
        return PARAGRAPH.sub(lambda m: self._(m[0].rstrip()), text)

    def number(self, value: float | None, digits: int = 0) -> str:
        if value is None:
            return ""
        amount = _half_up(value, digits)
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return _signed(format_decimal(amount, format=pattern, locale=self.locale))

    def count(self, value: float | None) -> str:
        return self.number(value, 0)

    def share(self, value: float | None, digits: int = 1) -> str:
        """A share 0..1 as per cent."""
        return "" if value is None else self.number(value * 100, digits) + "%"

    def points(self, value: float | None, digits: int = 1) -> str:
        """A difference of shares in percentage points, always signed."""
        if value is None:
            return ""
        text = self.plus(value * 100, digits)
        return f"{text}个百分点" if self._chinese else f"{text} pp"

    def plus(self, value: float, digits: int = 0) -> str:
        text = self.number(value, digits)
        return text if text.startswith(MINUS) or not _half_up(value, digits) else f"+{text}"

    def money(
        self, value: float | None, currency: str, *, whole: bool = True, digits: int = 1
    ) -> str:
        """Money with its symbol; `whole` shortens large amounts (万/亿, thousand/million).

        A shortened amount has `digits` after the point, two of them with 亿.
        """
        if value is None:
            return ""
        symbol = get_currency_symbol(currency, locale=self.locale)
        symbol = {"CN¥": "¥"}.get(symbol, symbol)
        sign, amount = (MINUS if value < 0 else ""), abs(value)
        if not whole:
            text = format_currency(
                _half_up(amount, 2), currency, format="¤#,##0.00", locale=self.locale
            )
            return sign + text.replace("CN¥", "¥")
        for size, unit in ((1e8, "亿"), (1e4, "万")) if self._chinese else ((1e6, "m"), (1e3, "k")):
            if amount >= size:
                shown = self.number(amount / size, 2 if size == 1e8 else digits)
                return f"{sign}{symbol}{shown}{unit}"
        return f"{sign}{symbol}{self.number(amount, 0)}"

    def interval(self, low: str, high: str) -> str:
        """Two formatted bounds as a range."""
        return f"{low}{'至' if self._chinese else ' to '}{high}" if low and high else ""

    def day(self, day: dt.date) -> str:
        return format_date(day, "y年M月d日" if self._chinese else "d MMM y", locale=self.locale)

    def month(self, day: dt.date) -> str:
        """A month for an axis or a table."""
        return format_date(day, "y年M月" if self._chinese else "MMM y", locale=self.locale)

    def period(self, period: Period) -> str:
        if period.unit == "month":
            return format_date(
                period.start, "y年M月" if self._chinese else "MMMM y", locale=self.locale
            )
        if period.unit == "quarter":
            quarter = (period.start.month + 2) // 3
            year = period.start.year
            return f"{year}年第{quarter}季度" if self._chinese else f"Q{quarter} {year}"
        return f"{period.start.year}年" if self._chinese else f"{period.start.year}"

    def days(self, first: dt.date, last: dt.date) -> str:
        return self.interval(self.day(first), self.day(last))

    def listed(self, items: list[str]) -> str:
        return ("、" if self._chinese else ", ").join(items)

    @property
    def _chinese(self) -> bool:
        return self.language.startswith("zh")


def _half_up(value: float, digits: int) -> Decimal:
    """Rounded as a person does: 0.5 goes up, so that print and pencil agree."""
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) + 0


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def catalogue_path(language: str) -> Any:
    """The catalogue of a language inside the package."""
    name = language.replace("-", "_")
    return files("repurchase") / "locale" / name / "LC_MESSAGES" / "repurchase.po"


@functools.cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; the empty one for English."""
    path = catalogue_path(language)
    if language == "en" or not path.is_file():
        return gettext.NullTranslations()
    with path.open("rb") as handle:
        catalogue = read_po(handle, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def paragraphs(text: str) -> list[str]:
    """The messages of a Markdown cell: its paragraphs, a heading being one."""
    return [match[0].rstrip() for match in PARAGRAPH.finditer(text) if match[0].strip()]


def fill(words: Words, claim: str, values: Mapping[str, object]) -> str:
    """A finding's sentence: the claim's message with its values, formatted beforehand."""
    return words._(claim, **values)
