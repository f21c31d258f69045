"""SQL that reads text as ids, amounts, times, flags and tags; all the work is the engine's.

Each function takes the SQL of a text (a quoted column, or any expression) and gives the SQL of
what it says. An empty cell, or a mark that means empty, is NULL and readable; anything else that
cannot be read is NULL and unreadable, and is never guessed at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

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
    """The text with full-width letters, digits, marks and spaces as ASCII, and trimmed."""
    folded = f"translate({sql}, {literal(_FULL + _INVISIBLE)}, {literal(_HALF)})"
    return (
        f"CASE WHEN strlen({sql}) = length({sql}) THEN trim({sql}, {_SPACES})"
        f" ELSE trim({folded}, {_SPACES}) END"
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
    dot = decimal == "."
    point, mark = ("\\.", ",") if dot else (",", "\\.")
    groups = "|".join(f"(?:{each}\\d{{3}})+" for each in (mark, " ", "['’]"))
    core = f"\\d{{1,3}}(?:{groups})(?:{point}\\d+)?|\\d+(?:{point}\\d*)?|{point}\\d+"
    unit = f"({'|'.join(_UNITS)})?" if money else "()"
    percent = "()" if money else "(%)?"
    pattern = (
        f"(?i)^(\\()? *([+-])? *(?:{_CURRENCY})? *([+-])? *({core}) *{unit} *(?:{_CURRENCY})?"
        f" *{percent} *(-)? *(\\))?$"
    )
    names = "['open', 'sign', 'inner', 'core', 'unit', 'percent', 'tail', 'close']"
    digits = f"replace(translate(_p.core, {literal(',' if dot else '.')} || ' ''’', ''), ',', '.')"
    times = " ".join(f"WHEN {literal(word)} THEN {factor}" for word, factor in _UNITS.items())
    size = (
        f"try_cast({digits} AS DECIMAL(24, 8)) * (CASE _p.unit {times} ELSE 1 END)::DECIMAL(9, 0)"
    )
    signs = (
        "(_p.open = '(')::INT + (_p.sign = '-')::INT + (_p.inner = '-')::INT + (_p.tail = '-')::INT"
    )
    whole = (
        f"CASE WHEN _p.core = '' OR (_p.open = '(') <> (_p.close = ')') OR {signs} > 1"
        f" OR (_p.sign <> '' AND _p.inner <> '') THEN NULL"
        f" ELSE (CASE WHEN {signs} = 1 THEN -1 ELSE 1 END)::DECIMAL(1, 0) * ({size})"
        f" * (CASE WHEN _p.percent = '' THEN 1 ELSE 0.01 END)::DECIMAL(3, 2) END"
    )
    target = f"DECIMAL(18, {scale})"
    plain = "_v" if dot else "replace(_v, ',', '.')"
    marked = _let(f"regexp_extract(_v, {literal(pattern)}, {names})", "_p", whole)
    branches = (
        f"WHEN regexp_full_match(_v, '[+-]?\\d+({point}\\d+)?') THEN try_cast({plain} AS {target})"
    )
    if not money:
        branches += (
            f" WHEN regexp_full_match(_v, '[+-]?\\d+({point}\\d+)?[eE][+-]?\\d+')"
            f" THEN try_cast({plain} AS {target})"
        )
    return _read(sql, f"CASE {branches} ELSE try_cast({marked} AS {target}) END", nulls)


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

_DAY = "(\\d{4})(?: ?年 ?| *[-/.] *)(\\d{1,2})(?: ?月 ?| *[-/.] *)(\\d{1,2})(?: ?[日号])?"
_HALF_DAY = "上午|下午|凌晨|早上|中午|晚上|[aApP]\\.?[mM]\\.?"
_CLOCK = (
    f"(?:(?:[ T]*|, *)({_HALF_DAY})? *(\\d{{1,2}})(?: ?[:时点] ?(\\d{{1,2}}))?"
    f"(?: ?[:分] ?(\\d{{1,2}})(?:[.,](\\d{{1,9}}))?)?(?: ?[时点分秒])? *({_HALF_DAY})?)?"
)
_OFFSET = "(?: *(Z|z|UTC|GMT|[+-]\\d{2}:?\\d{2}|[+-]\\d{2}))?"
_WRITTEN = f"^{_DAY}{_CLOCK}{_OFFSET}$"
_PARTS = "['y', 'm', 'd', 'before', 'h', 'i', 's', 'f', 'after', 'zone']"
_ISO = "\\d{4}-\\d{2}-\\d{2}(?:[ T]\\d{2}:\\d{2}(?::\\d{2}(?:\\.\\d{1,9})?)?)?"
_COMPACT = "^(\\d{4})(\\d{2})(\\d{2})(?:[ T]?(\\d{2}):?(\\d{2})(?::?(\\d{2}))?)?$"
_STRUCT = "{'t': %s, 'k': %s}"


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
    `epoch_ms`, `excel`, `auto`).
    """
    chosen = ("auto",) if formats == "auto" else tuple(formats)
    tried = [_auto() if name == "auto" else _declared(name) for name in chosen]
    found = tried[0] if len(tried) == 1 else f"coalesce({', '.join(tried)})"
    local = f"timezone({literal(zone)}, _r.t)"
    near_switch = "(hour(_r.t) < 5 OR hour(_r.t) >= 22)"
    again = " OR ".join(
        f"timezone({literal(zone)}, {local} {shift}) = _r.t"
        for shift in (
            "- INTERVAL 1 HOUR",
            "+ INTERVAL 1 HOUR",
            "- INTERVAL 30 MINUTE",
            "+ INTERVAL 30 MINUTE",
        )
    )
    fault = (
        f"CASE WHEN timezone({literal(zone)}, {local}) <> _r.t THEN 'skipped'"
        f" WHEN {again} THEN 'repeated' END"
    )
    reason = f"CASE WHEN _r.k = 'local' AND {near_switch} THEN {fault} END"
    utc = (
        f"CASE _r.k WHEN 'local' THEN timezone('UTC', {local}) WHEN 'utc' THEN _r.t"
        f" WHEN 'day' THEN timezone('UTC', timezone({literal(business_zone)}, _r.t)) END"
    )
    away = f"timezone({literal(business_zone)}, %s)::DATE"
    same = "_r.t::DATE" if zone == business_zone else away % local
    date = (
        f"CASE _r.k WHEN 'day' THEN _r.t::DATE WHEN 'local' THEN {same}"
        f" WHEN 'utc' THEN {away % chr(39).join(['timezone(', 'UTC', ', _r.t)'])} END"
    )
    whole = (
        f"CASE WHEN _v IS NULL THEN NULL WHEN _r.t IS NULL"
        f" THEN {{'utc': NULL::TIMESTAMP, 'date': NULL::DATE, 'reason': 'unreadable'}}"
        f" ELSE {_let(reason, '_q', _result(utc, date))} END"
    )
    moment = _let(_present(sql, nulls), "_v", _let(found, "_r", whole))
    return Moment(
        f"({moment}).utc", f"({moment}).date",
        f"coalesce(({moment}).reason IS NOT NULL, false)", f"({moment}).reason",
    )  # fmt: skip


def _result(utc: str, date: str) -> str:
    return (
        f"{{'utc': CASE WHEN _q IS NULL THEN {utc} END,"
        f" 'date': CASE WHEN _q IS NULL THEN {date} END, 'reason': _q}}"
    )


def _auto() -> str:
    """{t, k} of `_v`: the stamp, and whether it is a day, a local or an absolute time."""
    written = _let(f"regexp_extract(_v, {literal(_WRITTEN)}, {_PARTS})", "_p", _from_parts())
    iso = _STRUCT % (
        "try_cast(_v AS TIMESTAMP)",
        "CASE WHEN length(_v) = 10 THEN 'day' ELSE 'local' END",
    )
    serial = _STRUCT % (_serial(), "CASE WHEN contains(_v, '.') THEN 'local' ELSE 'day' END")
    return (
        f"CASE WHEN regexp_full_match(_v, {literal(_ISO)}) THEN {iso}"
        f" WHEN regexp_full_match(_v, '[2-7]\\d{{4}}(\\.\\d+)?') THEN {serial}"
        f" WHEN regexp_full_match(_v, {literal(_COMPACT)}) THEN {_compact()} ELSE {written} END"
    )


def _compact() -> str:
    day = f"regexp_replace(_v, {literal(_COMPACT)}, '\\1-\\2-\\3')"
    full = f"regexp_replace(_v, {literal(_COMPACT)}, '\\1-\\2-\\3 \\4:\\5:\\6')"
    stamp = f"CASE WHEN length(_v) = 8 THEN {day} ELSE rtrim({full}, ':') END"
    return _STRUCT % (
        f"try_cast({stamp} AS TIMESTAMP)",
        "CASE WHEN length(_v) = 8 THEN 'day' ELSE 'local' END",
    )


def _serial() -> str:
    """Days since 1899-12-30, to the millisecond; a spreadsheet keeps no more."""
    milliseconds = "round(try_cast(_v AS DOUBLE) * 86400000)::BIGINT"
    return f"TIMESTAMP '1899-12-30' + to_milliseconds({milliseconds})"


def _from_parts() -> str:
    """The stamp from the parts `_p` of a written date; hours of half days made 0..24."""
    half = "coalesce(nullif(_p.before, ''), nullif(_p.after, ''))"
    h = "try_cast(_p.h AS INT)"
    morning, evening = "('上午', '凌晨', '早上')", "('下午', '晚上')"
    hour = (
        f"CASE WHEN {half} IS NULL THEN {h}"
        f" WHEN {half} IN {morning} OR lower({half}) LIKE 'a%'"
        f" THEN CASE WHEN {h} <= 12 THEN {h} % 12 END"
        f" WHEN {half} IN {evening} OR lower({half}) LIKE 'p%'"
        f" THEN CASE WHEN {h} = 12 AND {half} <> '晚上' THEN 12 WHEN {h} BETWEEN 1 AND 11"
        f" THEN {h} + 12 WHEN {h} > 12 THEN {h} END"
        f" WHEN {h} < 11 THEN {h} + 12 ELSE {h} END"
    )
    clock = (
        f"({hour}) || ':' || coalesce(nullif(_p.i, ''), '0') || ':'"
        f" || coalesce(nullif(_p.s, ''), '0') || CASE WHEN _p.f = '' THEN '' ELSE '.' || _p.f END"
    )
    day = "_p.y || '-' || _p.m || '-' || _p.d"
    offset = (
        "CASE WHEN regexp_matches(_p.zone, '^[+-]') THEN"
        " (CASE WHEN starts_with(_p.zone, '-') THEN -1 ELSE 1 END)"
        " * (substr(_p.zone, 2, 2)::INT * 60"
        " + coalesce(try_cast(right(replace(substr(_p.zone, 4), ':', ''), 2) AS INT), 0)) ELSE 0 END"
    )
    bare = "_p.h <> '' AND _p.i = '' AND NOT regexp_matches(_v, '[时点]') AND _p.before || _p.after = ''"
    return (
        f"CASE WHEN _p.y = '' OR ({bare}) OR (_p.h = '' AND _p.zone <> '') THEN NULL"
        f" WHEN _p.h = '' THEN {_STRUCT % (f'try_cast({day} AS TIMESTAMP)', literal('day'))}"
        f" WHEN _p.zone = ''"
        f" THEN {_STRUCT % (f'''try_cast({day} || ' ' || {clock} AS TIMESTAMP)''', literal('local'))}"
        f" ELSE {_STRUCT % (f'''try_cast({day} || ' ' || {clock} AS TIMESTAMP) - to_minutes({offset})''', literal('utc'))}"
        f" END"
    )


def _declared(name: str) -> str:
    if name in ("epoch_s", "epoch_ms"):
        factor = 1000 if name == "epoch_s" else 1
        shape = "regexp_full_match(_v, '-?\\d{1,14}(\\.\\d+)?')"
        stamp = f"TIMESTAMP '1970-01-01' + to_milliseconds(round(try_cast(_v AS DOUBLE) * {factor})::BIGINT)"
        return f"CASE WHEN {shape} THEN {_STRUCT % (stamp, literal('utc'))} END"
    if name == "excel":
        shape = "regexp_full_match(_v, '\\d{1,6}(\\.\\d+)?')"
        kind = "CASE WHEN contains(_v, '.') THEN 'local' ELSE 'day' END"
        return f"CASE WHEN {shape} THEN {_STRUCT % (_serial(), kind)} END"
    stamp = f"try_strptime(_v, {literal(name)})"
    if "%z" in name or "%Z" in name:
        return _STRUCT % (f"timezone('UTC', {stamp})", literal("utc"))
    timed = any(code in name for code in ("%H", "%-H", "%I", "%-I", "%c", "%X", "%T"))
    return f"CASE WHEN {stamp} IS NOT NULL THEN {_STRUCT % (stamp, literal('local' if timed else 'day'))} END"


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
    """A VARCHAR[] of the tags in the order written: a JSON list, or split at ; , 、 | or a line end.

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
