"""SQL that reads text as ids, amounts, times, flags and tags; all the work is the engine's.

Each function takes the SQL of a text (a quoted column, or any expression) and gives the SQL of
what it says. An empty cell, or a mark that means empty, is NULL and readable; anything else that
cannot be read is NULL and unreadable, and is never guessed at.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

from repurchase.sources.sql import identifier, literal

NULLS = (
    "", "-", "--", "—", "——", "–", "/", "\\", "无", "空", "N/A", "n/a", "NA", "#N/A", "#NULL!",
    "#VALUE!", "#REF!", "#DIV/0!", "null", "NULL", "Null", "(null)", "None", "NaN", "nan", "\\N",
)  # fmt: skip
TRUE = ("true", "t", "yes", "y", "1", "是", "对", "√", "✓", "✔", "真", "on")
FALSE = ("false", "f", "no", "n", "0", "否", "不是", "×", "✗", "✘", "假", "off")
_FULL = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "\u3000\u00a0\u202f\u2007\u2212￥"
_HALF = "".join(chr(code) for code in range(0x21, 0x7F)) + "    -¥"
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\ufeff"
_ODD = f"[\uff01-\uff5e{_FULL[-6:]}{_INVISIBLE}]"
_SPACES = "' ' || chr(9) || chr(10) || chr(13)"


@dataclass(frozen=True)
class Parsed:
    """SQL of a value, and of whether the text holds one that could not be read (never NULL)."""

    value: str
    unreadable: str


@dataclass(frozen=True)
class Moment:
    """SQL of a point in time.

    `utc` is a TIMESTAMP in UTC, `date` the DATE on which it falls in the company's time zone (of
    a date without time, that date). `reason` is NULL, or why the text is not a time: "unreadable",
    "skipped" (no clock showed that time, daylight saving began) or "repeated" (clocks showed it
    twice, daylight saving ended). `unreadable` is true where there is a reason.
    """

    utc: str
    date: str
    unreadable: str
    reason: str


def _let(sql: str, name: str, body: str) -> str:
    """`body`, in which `name` stands for the value of `sql`, computed once."""
    return f"list_transform([{sql}], lambda {name}: {body})[1]"


def half_width(sql: str) -> str:
    """The text with full-width letters, digits, marks and spaces as ASCII, and trimmed.

    The engine makes the table of a translation anew for each row, so only rows that need it pay.
    """
    folded = f"translate({sql}, {literal(_FULL + _INVISIBLE)}, {literal(_HALF)})"
    return (
        f"CASE WHEN strlen({sql}) = length({sql}) OR NOT regexp_matches({sql}, {literal(_ODD)})"
        f" THEN trim({sql}, {_SPACES}) ELSE trim({folded}, {_SPACES}) END"
    )


def text(sql: str, *, nulls: Sequence[str] = NULLS) -> str:
    """The trimmed text, NULL for a mark that means empty; full width is kept, names are names."""
    trimmed = (
        f"trim({sql}, {literal(' 　' + chr(0xA0) + _INVISIBLE)} || chr(9) || chr(10) || chr(13))"
    )
    return _let(trimmed, "_t", f"CASE WHEN _t IN ({_listed(nulls)}) THEN NULL ELSE _t END")


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(literal(text) for text in texts)


def _present(sql: str, nulls: Sequence[str] = NULLS) -> str:
    """The half-width text, NULL for a mark that means empty."""
    return _let(half_width(sql), "_t", f"CASE WHEN _t IN ({_listed(nulls)}) THEN NULL ELSE _t END")


def _read(sql: str, body: str, nulls: Sequence[str] = NULLS) -> Parsed:
    """`body` over the present text `_v`; unreadable where there is a text and no value."""
    present = _present(sql, nulls)
    value = _let(present, "_v", body)
    return Parsed(value, f"coalesce({present} IS NOT NULL AND {value} IS NULL, false)")


def text_id(sql: str, *, nulls: Sequence[str] = NULLS) -> Parsed:
    """An id: half width, trimmed, without a leading apostrophe or an `="..."` around it.

    An id that a spreadsheet has turned into `1.23457E+18` has lost digits and is unreadable.
    """
    bare = (
        "CASE WHEN _v LIKE '=\"%\"' THEN substr(_v, 3, length(_v) - 3)"
        " WHEN starts_with(_v, '''') THEN trim(substr(_v, 2)) ELSE _v END"
    )
    kept = f"CASE WHEN {lossy_id('_v')} THEN NULL ELSE nullif({bare}, '') END"
    present = _present(sql, nulls)
    return Parsed(
        _let(present, "_v", kept), f"coalesce({_let(present, '_v', lossy_id('_v'))}, false)"
    )


def lossy_id(sql: str) -> str:
    """SQL that is true where the text is a number with an exponent, as spreadsheets show long ids.

    Workbooks' and Parquet's numbers of more digits than their type can hold are read in this form.
    """
    return (
        f"coalesce(regexp_full_match({sql}, '\\s*[+-]?\\d(\\.\\d+)?[eE]\\+\\d{{2,}}\\s*'), false)"
    )


# --- numbers --------------------------------------------------------------------------------------

_CURRENCY = (
    "US\\$|HK\\$|NT\\$|A\\$|C\\$|R\\$|[¥$€£₩₹₽฿元圆]|CNY|RMB|USD|EUR|GBP|HKD|TWD|JPY|KRW|SGD|AUD|CAD"
    "|CHF|BRL|INR|人民币|美元|欧元|英镑|港币|港元|日元"
)
_UNITS = {"亿": 10**8, "千万": 10**7, "百万": 10**6, "万": 10**4, "千": 10**3}


def number(
    sql: str,
    *,
    decimal: Literal[".", ","] = ".",
    money: bool = False,
    scale: int = 4,
    nulls: Sequence[str] = NULLS,
) -> Parsed:
    """A DECIMAL(18, scale), rounded to it: amounts with `money`, else counts, ratios and the like.

    Both: full width, thousands in well-formed groups (the other of `.` and `,`, a space or an
    apostrophe), a currency before or after, (123.45) and 123.45- as negative. With `money` also
    万 and 亿; without it `85%` as 0.85 and `1.5e3`, which in an amount would be a slip.
    """
    target = f"DECIMAL(18, {scale})"
    point = "\\." if decimal == "." else ","
    plain = f"[+-]?\\d+(?:{point}\\d+)?" + ("" if money else "(?:[eE][+-]?\\d+)?")
    with_dot = "%s" if decimal == "." else "replace(%s, ',', '.')"
    marked = _marked_number(decimal, money=money, target=target)
    shape = _number_shape(decimal, money=money)
    present = _present(sql, nulls)
    rest = (
        f"CASE WHEN regexp_full_match(_v, {literal(plain)})"
        f" THEN try_cast({with_dot % '_v'} AS {target})"
        f" WHEN regexp_full_match(_v, {literal(shape)}) THEN {marked} END"
    )
    value = (
        f"CASE WHEN regexp_full_match({sql}, {literal(plain)})"
        f" THEN try_cast({with_dot % sql} AS {target}) ELSE {_let(present, '_v', rest)} END"
    )
    return Parsed(value, f"CASE WHEN {value} IS NULL THEN {present} IS NOT NULL ELSE false END")


def _number_shape(decimal: str, *, money: bool) -> str:
    """The pattern of a number with marks around it; at most one of them makes it negative."""
    point, mark = ("\\.", ",") if decimal == "." else (",", "\\.")
    groups = "|".join(f"(?:{each}\\d{{3}})+" for each in (mark, " ", "['’]"))
    core = f"(?:\\d{{1,3}}(?:{groups})(?:{point}\\d+)?|\\d+(?:{point}\\d*)?|{point}\\d+)"
    unit = f" *(?:{'|'.join(_UNITS)})?" if money else ""
    currency = f"(?:{_CURRENCY})?"
    body = f"{currency} *{core}{unit} *{currency}" + ("" if money else " *%?")
    return (
        f"(?i)[+-]? *{body}|(?:{_CURRENCY}) *[+-] *{core}{unit} *{currency}"
        f"|\\( *{body} *\\)|{body} *-"
    )


def _marked_number(decimal: str, *, money: bool, target: str) -> str:
    """The value of a text `_v` of that shape; wide decimals, which are slow, only for 万 and %."""
    point, mark = (".", ",") if decimal == "." else (",", ".")
    core = "regexp_extract(_v, '\\d[\\d., ''’]*|[.,]\\d+', 0)"
    grouped = f"translate({core}, {literal(mark + chr(39) + '’ ')}, '')"
    digits = f"replace({grouped}, {literal(point)}, '.')"
    words = sorted(_UNITS, key=len, reverse=True) if money else ["%"]
    factors = {word: f"{_UNITS[word]}::DECIMAL(9, 0)" for word in words if word in _UNITS}
    whens = " ".join(
        f"WHEN contains(_v, {literal(word)}) THEN try_cast(try_cast({digits} AS DECIMAL(18, 8))"
        f" * {factors.get(word, '0.01')} AS {target})"
        for word in words
    )
    size = f"CASE {whens} ELSE try_cast({digits} AS {target}) END"
    return f"CASE WHEN contains(_v, '-') OR contains(_v, '(') THEN -({size}) ELSE {size} END"


def currency_mark(sql: str) -> str:
    """The currency that an amount names, as written (¥, $, CNY, 元, ...); NULL if it names none.

    More than one in a column of one currency is a mixture; ¥ and 元 are one.
    """
    found = f"regexp_extract(upper({half_width(sql)}), {literal('(' + _CURRENCY + ')')}, 1)"
    return _let(
        found,
        "_m",
        "CASE WHEN _m = '' THEN NULL WHEN _m IN ('元', '圆', 'CNY', 'RMB', '人民币') THEN '¥'"
        " WHEN _m IN ('USD', '美元', 'US$') THEN '$' WHEN _m IN ('EUR', '欧元') THEN '€'"
        " WHEN _m IN ('GBP', '英镑') THEN '£' ELSE _m END",
    )


def number_format(
    con: duckdb.DuckDBPyConnection, table: str, column: str, *, file: str | None = None
) -> Literal[".", ",", "ambiguous"]:
    """The decimal mark of a raw column (of one file), or "ambiguous", which asks for a declaration.

    Proof is: both marks in one number, the last being the decimal one; a mark that is repeated
    groups thousands; a single mark with other than three digits behind it, a zero or more than
    three digits before it, is a decimal one. `1,234` and `1.234` alone prove nothing; proof for
    both marks is ambiguous too. A column without either mark reads with ".".
    """
    where = "WHERE _file = ?" if file is not None else ""
    core = f"regexp_extract({half_width(identifier(column))}, '\\d[\\d.,]*\\d|[.,]\\d+', 0)"
    comma, dot = _decimal_proof("_c", ","), _decimal_proof("_c", ".")
    row = con.execute(
        f"SELECT coalesce(bool_or({comma}), false), coalesce(bool_or({dot}), false),"
        f" coalesce(bool_or(contains(_c, ',') OR contains(_c, '.')), false)"
        f" FROM (SELECT {core} AS _c FROM {identifier(table)} {where})",
        [file] if file is not None else [],
    ).fetchone()
    assert row is not None
    if row[0] != row[1]:
        return "," if row[0] else "."
    return "ambiguous" if row[2] else "."


def _decimal_proof(sql: str, mark: Literal[".", ","]) -> str:
    other = "." if mark == "," else ","
    m, o = f"[{mark}]", f"[{other}]"
    patterns = (
        f"[\\d{mark}{other}]*{o}\\d*{m}\\d*",  # 1.234,50
        f"\\d+({o}\\d{{3}}){{2,}}",  # 1.234.567
        f"\\d*{m}(\\d{{1,2}}|\\d{{4,}})",  # 12,5
        f"(0\\d*|\\d{{4,}}){m}\\d{{3}}",  # 0,125 and 1234,567
    )
    return "(" + " OR ".join(f"regexp_full_match({sql}, {literal(p)})" for p in patterns) + ")"


# --- times ----------------------------------------------------------------------------------------

# What a text is found to be: nothing, a day, a time on the source's clocks, or a point in time.
_NONE, _DAY, _LOCAL, _UTC = 0, 1, 2, 3
# The shapes that exports have most often are matched without groups, which is ten times as fast.
_ISO = "\\d{4}-\\d{2}-\\d{2}(?:[ T]\\d{2}:\\d{2}(?::\\d{2}(?:\\.\\d{1,9})?)?)?"
_ISO_OFFSET = (
    "\\d{4}-\\d{2}-\\d{2}[ T]\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:Z| ?[+-]\\d{2}(?::?\\d{2})?)"
)
_COMMON = (
    "\\d{4}[-/.年]\\d{1,2}[-/.月]\\d{1,2}[日号]?"
    "(?: {0,2}\\d{1,2}[:时]\\d{1,2}(?:[:分]\\d{1,2})?[分秒]?)?"
)
_COMPACT = "^(\\d{4})(\\d{2})(\\d{2})[ T]?(\\d{2}):?(\\d{2}):?(\\d{2})?$"
_HALF_DAY = "上午|下午|凌晨|早上|中午|晚上|[aApP]\\.?[mM]\\.?"
_WRITTEN = (
    "^(\\d{4})(?: ?年 ?| *[-/.] *)(\\d{1,2})(?: ?月 ?| *[-/.] *)(\\d{1,2})(?: ?[日号])?"
    f"(?:(?:[ T]*|, *)({_HALF_DAY})? *(\\d{{1,2}})(?: ?[:时点] ?(\\d{{1,2}}))?"
    f"(?: ?[:分] ?(\\d{{1,2}})(?:[.,](\\d{{1,9}}))?)?(?: ?[时点分秒])? *({_HALF_DAY})?)?"
    "(?: *(Z|z|UTC|GMT|[+-]\\d{2}:?\\d{2}|[+-]\\d{2}))?$"
)
_PARTS = "['y', 'm', 'd', 'before', 'h', 'i', 's', 'f', 'after', 'zone']"
# From here on a zone whose offset has not changed is taken as fixed, which saves half the work.
_FIXED_SINCE = dt.datetime(1992, 1, 1, tzinfo=dt.UTC)
_FIXED_UNTIL = dt.datetime(2050, 1, 1, tzinfo=dt.UTC)


def date_time(
    sql: str,
    *,
    formats: Sequence[str] | Literal["auto"] = "auto",
    zone: str,
    business_zone: str,
    nulls: Sequence[str] = NULLS,
) -> Moment:
    """A point in time; naive ones are on the clocks of `zone`, dates without time on none.

    "auto" reads year-first dates (`2025-09-01`, `2025/9/1 13:05`, `2025.09.01`, `20250901`,
    `2025年9月1日 下午1:05`, ISO with T, Z or an offset) and spreadsheet serials (45901.5).
    Dates with the day or month first, without a year or with two digits of it are not guessed;
    they are read if `formats` holds their strptime format (tried in order; or `epoch_s`,
    `epoch_ms`, `excel`, `auto`). A date is the midnight of `business_zone` and stays that date.
    """
    chosen = ("auto",) if formats == "auto" else tuple(formats)
    tried = [_auto() if name == "auto" else _declared(name) for name in chosen]
    found = tried[0] if len(tried) == 1 else f"coalesce({', '.join(tried)})"
    found = f"CASE WHEN _v IS NULL THEN {_stamp('NULL::TIMESTAMP', _NONE)} ELSE {found} END"
    found = _let(_present(sql, nulls), "_v", found)
    if chosen[0] == "auto":
        found = (
            f"CASE WHEN regexp_full_match({sql}, {literal(_ISO)}) THEN {_iso(sql)} ELSE {found} END"
        )
    moment = _let(found, "_r", _placed(zone, business_zone))
    return Moment(
        f"({moment}).utc",
        f"({moment}).date",
        f"coalesce(({moment}).reason IS NOT NULL, false)",
        f"({moment}).reason",
    )


def _stamp(stamp: str, kind: int | str) -> str:
    return f"{{'t': {stamp}, 'k': {kind}}}"


def _placed(zone: str, business_zone: str) -> str:
    """{utc, date, reason} of the stamp `_r`."""
    utc = (
        f"CASE _r.k WHEN {_LOCAL} THEN {_to_utc('_r.t', zone)} WHEN {_UTC} THEN _r.t"
        f" WHEN {_DAY} THEN {_to_utc('_r.t', business_zone)} END"
    )
    there = _from_utc("_u", business_zone)
    stays = f"_r.k IN ({_DAY}, {_LOCAL})" if zone == business_zone else f"_r.k = {_DAY}"
    date = f"CASE WHEN {stays} THEN _r.t ELSE {there} END::DATE"
    fault = f"CASE WHEN _r.k = {_NONE} THEN NULL WHEN _r.t IS NULL THEN 'unreadable'"
    if _offset(zone) is None:
        # clocks are changed at night
        fault += (
            f" WHEN _r.k = {_LOCAL} AND (hour(_r.t) < 5 OR hour(_r.t) >= 22) THEN CASE"
            f" WHEN {_from_utc('_u', zone)} <> _r.t THEN 'skipped'"
            f" WHEN {_from_utc('_u - INTERVAL 1 HOUR', zone)} = _r.t"
            f" OR {_from_utc('_u - INTERVAL 30 MINUTE', zone)} = _r.t THEN 'repeated' END"
        )
    result = (
        f"CASE WHEN _q IS NULL THEN {{'utc': _u, 'date': {date}, 'reason': _q}}"
        f" ELSE {{'utc': NULL, 'date': NULL, 'reason': _q}} END"
    )
    return _let(utc, "_u", _let(f"{fault} END", "_q", result))


def _to_utc(local: str, zone: str) -> str:
    general = f"timezone('UTC', timezone({literal(zone)}, {local}))"
    return _shifted(local, zone, general, sign="-")


def _from_utc(utc: str, zone: str) -> str:
    general = f"timezone({literal(zone)}, timezone('UTC', {utc}))"
    return _shifted(utc, zone, general, sign="+")


def _shifted(stamp: str, zone: str, general: str, *, sign: Literal["+", "-"]) -> str:
    minutes = _offset(zone)
    if minutes is None:
        return general
    # a day later than where the offset is fixed, so that no zone's own day matters
    return (
        f"CASE WHEN {stamp} >= TIMESTAMP '1992-01-02' THEN {stamp} {sign} INTERVAL {minutes} MINUTE"
        f" ELSE {general} END"
    )


@cache
def _offset(zone: str) -> int | None:
    """The minutes that the zone is ahead of UTC if that has been so since 1992, else None."""
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
    days = (_FIXED_UNTIL - _FIXED_SINCE).days
    offsets = {
        (_FIXED_SINCE + dt.timedelta(days=day)).astimezone(clock).utcoffset()
        for day in range(0, days, 7)
    }
    only = offsets.pop() if len(offsets) == 1 else None
    return None if only is None else round(only.total_seconds() / 60)


def _iso(sql: str) -> str:
    kind = f"CASE WHEN length({sql}) = 10 THEN {_DAY} ELSE {_LOCAL} END"
    return _stamp(f"try_cast({sql} AS TIMESTAMP)", kind)


def _auto() -> str:
    """The stamp of the text `_v`, from the commonest shape to the rarest."""
    common = "rtrim(translate(_v, '/.年月日号时分秒', '----  ::'), ' :')"
    timed = f"CASE WHEN contains(_v, ':') OR contains(_v, '时') THEN {_LOCAL} ELSE {_DAY} END"
    day = "left(_v, 4) || '-' || substr(_v, 5, 2) || '-' || right(_v, 2)"
    compact = f"rtrim(regexp_replace(_v, {literal(_COMPACT)}, '\\1-\\2-\\3 \\4:\\5:\\6'), ':')"
    offset = "timezone('UTC', try_cast(replace(replace(_v, ' -', '-'), ' +', '+') AS TIMESTAMPTZ))"
    serial = f"CASE WHEN contains(_v, '.') THEN {_LOCAL} ELSE {_DAY} END"
    written = _let(f"regexp_extract(_v, {literal(_WRITTEN)}, {_PARTS})", "_p", _from_parts())
    shapes = {
        _ISO: _iso("_v"),
        _COMMON: _stamp(f"try_cast({common} AS TIMESTAMP)", timed),
        "\\d{8}": _stamp(f"try_cast({day} AS TIMESTAMP)", _DAY),
        _ISO_OFFSET: _stamp(offset, _UTC),
        "[2-7]\\d{4}(?:\\.\\d+)?": _stamp(_serial(), serial),
        _COMPACT: _stamp(f"try_cast({compact} AS TIMESTAMP)", _LOCAL),
    }
    whens = " ".join(
        f"WHEN regexp_full_match(_v, {literal(shape)}) THEN {stamp}"
        for shape, stamp in shapes.items()
    )
    return f"CASE {whens} ELSE {written} END"


def _serial() -> str:
    """Days since 1899-12-30, to the millisecond; a spreadsheet keeps no more."""
    milliseconds = "round(try_cast(_v AS DOUBLE) * 86400000)::BIGINT"
    return f"TIMESTAMP '1899-12-30' + to_milliseconds({milliseconds})"


def _from_parts() -> str:
    """The stamp from the parts `_p` of a written date."""
    day = "_p.y || '-' || _p.m || '-' || _p.d"
    clock = (
        f"({_hour()}) || ':' || coalesce(nullif(_p.i, ''), '0') || ':'"
        f" || coalesce(nullif(_p.s, ''), '0') || CASE WHEN _p.f = '' THEN '' ELSE '.' || _p.f END"
    )
    local = f"try_cast({day} || ' ' || {clock} AS TIMESTAMP)"
    ahead = (
        "CASE WHEN regexp_matches(_p.zone, '^[+-]') THEN"
        " (CASE WHEN starts_with(_p.zone, '-') THEN -1 ELSE 1 END)"
        " * (substr(_p.zone, 2, 2)::INT * 60 + coalesce("
        "try_cast(right(replace(substr(_p.zone, 4), ':', ''), 2) AS INT), 0)) ELSE 0 END"
    )
    # a bare number after the date is no time; 13时 and 1 PM are
    bare = "_p.h <> '' AND _p.i = '' AND _p.before || _p.after = ''"
    bare += " AND NOT regexp_matches(_v, '[时点]')"
    return (
        f"CASE WHEN _p.y = '' OR ({bare}) OR (_p.h = '' AND _p.zone <> '')"
        f" THEN {_stamp('NULL::TIMESTAMP', _LOCAL)}"
        f" WHEN _p.h = '' THEN {_stamp(f'try_cast({day} AS TIMESTAMP)', _DAY)}"
        f" WHEN _p.zone = '' THEN {_stamp(local, _LOCAL)}"
        f" ELSE {_stamp(f'{local} - to_minutes({ahead})', _UTC)} END"
    )


def _hour() -> str:
    """The hour 0..24 of the parts `_p`; NULL where the half day and the hour contradict."""
    half = "coalesce(nullif(_p.before, ''), nullif(_p.after, ''))"
    hour = "try_cast(_p.h AS INT)"
    morning, evening = "('上午', '凌晨', '早上')", "('下午', '晚上')"
    return (
        f"CASE WHEN {half} IS NULL THEN {hour}"
        f" WHEN {half} IN {morning} OR lower({half}) LIKE 'a%'"
        f" THEN CASE WHEN {hour} <= 12 THEN {hour} % 12 END"
        f" WHEN {half} IN {evening} OR lower({half}) LIKE 'p%'"
        f" THEN CASE WHEN {hour} = 12 AND {half} <> '晚上' THEN 12 WHEN {hour} BETWEEN 1 AND 11"
        f" THEN {hour} + 12 WHEN {hour} > 12 THEN {hour} END"
        f" WHEN {hour} < 11 THEN {hour} + 12 ELSE {hour} END"
    )


def _declared(name: str) -> str:
    """The stamp of `_v` in a declared format, NULL where it is not in it."""
    timed = f"CASE WHEN contains(_v, '.') THEN {_LOCAL} ELSE {_DAY} END"
    if name == "excel":
        shape, stamp = "\\d{1,6}(?:\\.\\d+)?", _stamp(_serial(), timed)
    elif name in ("epoch_s", "epoch_ms"):
        factor = 1000 if name == "epoch_s" else 1
        since = f"to_milliseconds(round(try_cast(_v AS DOUBLE) * {factor})::BIGINT)"
        shape, stamp = "-?\\d{1,14}(?:\\.\\d+)?", _stamp(f"TIMESTAMP '1970-01-01' + {since}", _UTC)
    else:
        return _strptime(name)
    return f"CASE WHEN regexp_full_match(_v, {literal(shape)}) THEN {stamp} END"


def _strptime(name: str) -> str:
    parsed = f"try_strptime(_v, {literal(name)})"
    if "%z" in name or "%Z" in name:
        stamp = _stamp(f"timezone('UTC', {parsed})", _UTC)
    else:
        timed = any(f"%{code}" in name.replace("%-", "%") for code in "HIcXT")
        stamp = _stamp(parsed, _LOCAL if timed else _DAY)
    return f"CASE WHEN {parsed} IS NOT NULL THEN {stamp} END"


# --- flags and tags -------------------------------------------------------------------------------


def boolean(
    sql: str,
    *,
    true: Sequence[str] = TRUE,
    false: Sequence[str] = FALSE,
    nulls: Sequence[str] = NULLS,
) -> Parsed:
    """A BOOLEAN: 是/否, Y/N, yes/no, true/false, 1/0 and the like, in any case."""
    yes, no = (_listed([text.lower() for text in texts]) for texts in (true, false))
    body = f"CASE WHEN lower(_v) IN ({yes}) THEN true WHEN lower(_v) IN ({no}) THEN false END"
    return _read(sql, body, nulls)


def tags(sql: str, *, nulls: Sequence[str] = NULLS) -> Parsed:
    """A VARCHAR[] of the tags as written: a JSON list, or split at ; , 、 | or a line end.

    Empty tags are left out; a text without any is NULL. Nothing is unreadable.
    """
    split = f"string_split_regex(_v, {literal('[;,、|；，｜' + chr(10) + ']')})"
    listed = (
        f"CASE WHEN starts_with(_v, '[') AND json_valid(_v)"
        f" THEN from_json(_v, '[\"VARCHAR\"]') ELSE {split} END"
    )
    tidy = f"list_filter(list_transform({listed}, lambda _e: trim(_e)), lambda _e: _e <> '')"
    body = _let(tidy, "_l", "CASE WHEN len(_l) = 0 THEN NULL ELSE _l END")
    return Parsed(_let(text(sql, nulls=nulls), "_v", body), "false")
