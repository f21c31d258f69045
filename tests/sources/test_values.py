"""Texts as exports write them, read as ids, amounts, times, flags and tags."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
import pytest
from repurchase.sources import values


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def got(con: duckdb.DuckDBPyConnection, parsed: values.Parsed, text: str | None) -> tuple:
    """The value and whether the text is unreadable."""
    sql = f"SELECT {parsed.value}, {parsed.unreadable} FROM (SELECT ?::VARCHAR AS x)"
    return con.execute(sql, [text]).fetchone()


def moment(con: duckdb.DuckDBPyConnection, text: str | None, **options) -> tuple:
    """UTC time, business date and reason."""
    told = {"zone": "Asia/Shanghai", "business_zone": "Asia/Shanghai"} | options
    m = values.date_time('"a column"', **told)
    sql = (
        f'SELECT {m.utc}, {m.date}, {m.reason}, {m.unreadable} FROM (SELECT ?::VARCHAR "a column")'
    )
    utc, date, reason, unreadable = con.execute(sql, [text]).fetchone()
    assert unreadable == (reason is not None)
    return utc, date, reason


SEPTEMBER = dt.date(2025, 9, 1)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("2025-09-01 13:05", "13:05:00"),
        ("2025-09-01 13:05:07", "13:05:07"),
        ("2025-09-01 13:05:07.123", "13:05:07.123"),
        ("2025-09-01T13:05:07", "13:05:07"),
        ("2025/9/1 13:05", "13:05:00"),
        ("2025/09/01 13:05:07", "13:05:07"),
        ("2025.09.01 13:05:07", "13:05:07"),
        ("2025-9-1 9:05", "09:05:00"),
        ("20250901130507", "13:05:07"),
        ("202509011305", "13:05:00"),
        ("20250901 13:05:07", "13:05:07"),
        ("2025年9月1日 13时05分", "13:05:00"),
        ("2025年09月01日 13时05分07秒", "13:05:07"),
        ("2025年9月1日13:05", "13:05:00"),
        ("2025年9月1日13时", "13:00:00"),
        ("2025年9月1日 下午1:05", "13:05:00"),
        ("2025年9月1日 上午9:05", "09:05:00"),
        ("2025/9/1 上午12:05", "00:05:00"),
        ("2025/9/1 下午12:05", "12:05:00"),
        ("2025-09-01 晚上8点", "20:00:00"),
        ("2025-09-01 1:05 PM", "13:05:00"),
        ("2025-09-01 1:05:07 am", "01:05:07"),
        ("２０２５－０９－０１　１３：０５", "13:05:00"),
        (" 2025-09-01 13:05\u00a0", "13:05:00"),
        ("45901.5451388889", "13:05:00"),
        ("2025-09-01T05:05:07Z", "13:05:07"),
        ("2025-09-01T13:05:07+08:00", "13:05:07"),
        ("2025-09-01T13:05:07.5+0800", "13:05:07.5"),
        ("2025-09-01 01:05:00 -0400", "13:05:00"),
        ("2025-09-01 10:35:00 +0530", "13:05:00"),
        ("2025/09/01 05:05 UTC", "13:05:00"),
    ],
)
def test_reads_a_time_on_the_clocks_of_its_zone(con, text, local):
    """A time in any year-first writing is the same UTC moment, on the same business date."""
    expected = dt.datetime.fromisoformat(f"2025-09-01 {local}") - dt.timedelta(hours=8)

    assert (expected, SEPTEMBER, None) == moment(con, text)


@pytest.mark.parametrize(
    "text",
    ["2025-09-01", "2025/9/1", "2025.09.01", "20250901", "2025年9月1日", "2025年9月1号", "45901"],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_a_date_without_time_never_shifts(con, text, zone):
    """A date is the company's own date, whatever clocks the source's times are on."""
    midnight = dt.datetime(2025, 8, 31, 16)

    assert (midnight, SEPTEMBER, None) == moment(con, text, zone=zone)


def test_a_leap_day_is_read(con):
    """29 February is a date in a leap year only."""
    assert dt.date(2024, 2, 29) == moment(con, "2024-02-29")[1]
    assert (None, None, "unreadable") == moment(con, "2025-02-29")


@pytest.mark.parametrize(
    "text",
    [
        "01/09/2025", "9/1/2025 13:05", "9月1日", "09-01", "25-09-01", "2025-13-01", "2025-09-32",
        "2025-09-01 25:00", "2025-09-01 13", "2025-09", "1756700000123", "2025-09-01 上午13:05",
        "Sep 1, 2025", "soon", "2025-09-01 13:05 x",
    ],
)  # fmt: skip
def test_a_date_that_could_be_guessed_at_is_not(con, text):
    """Day or month first, without a year, impossible: no value, and said to be unreadable."""
    assert (None, None, "unreadable") == moment(con, text)


@pytest.mark.parametrize("text", [None, "", "  ", "-", "—", "/", "无", "N/A", "null", "#N/A"])
def test_an_empty_time_is_no_fault(con, text):
    """A mark that means empty is empty, and readable."""
    assert (None, None, None) == moment(con, text)


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("01/09/2025", ("%d/%m/%Y",), "2025-09-01"),
        ("01/09/2025", ("%m/%d/%Y",), "2025-01-09"),
        ("01/09/2025 13:05", ("%d/%m/%Y", "%d/%m/%Y %H:%M"), "2025-09-01"),
        ("Sep 1, 2025", ("%b %d, %Y", "auto"), "2025-09-01"),
        ("2025-09-01", ("%b %d, %Y", "auto"), "2025-09-01"),
        ("2025-09-01 20:00 +0000", ("%Y-%m-%d %H:%M %z",), "2025-09-02"),
        ("45901", ("excel",), "2025-09-01"),
        ("1756742400123", ("epoch_ms",), "2025-09-02"),
        ("1756742399", ("epoch_s",), "2025-09-01"),
    ],
)
def test_declared_formats_are_read(con, text, formats, expected):
    """What a profile declares is read, in the order declared."""
    assert dt.date.fromisoformat(expected) == moment(con, text, formats=formats)[1]


def test_a_declared_format_is_the_only_one(con):
    """A text in another format than the declared one is unreadable."""
    assert (None, None, "unreadable") == moment(con, "2025-09-01", formats=("%d/%m/%Y",))


def test_epoch_milliseconds_are_utc(con):
    """1756742400123 ms is 2025-09-01 16:00 UTC, midnight in Shanghai."""
    expected = dt.datetime(2025, 9, 1, 16, 0, 0, 123000)

    assert expected == moment(con, "1756742400123", formats=("epoch_ms",))[0]


def test_the_last_minute_of_a_month_in_utc_is_the_next_day_in_beijing(con):
    """The business date is that of the company's time zone."""
    expected = (dt.datetime(2025, 8, 31, 23, 59), SEPTEMBER, None)

    assert expected == moment(con, "2025-08-31 23:59", zone="UTC")


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2025-03-30 01:30", "Europe/London", "skipped"),
        ("2025-03-30 00:59", "Europe/London", None),
        ("2025-03-30 02:00", "Europe/London", None),
        ("2025-10-26 01:30", "Europe/London", "repeated"),
        ("2025-10-26 00:59", "Europe/London", None),
        ("2025-10-26 02:00", "Europe/London", None),
        ("2025-11-02 01:30", "America/New_York", "repeated"),
        ("2025-03-09 02:30", "America/New_York", "skipped"),
        ("2025-04-06 01:45", "Australia/Lord_Howe", "repeated"),
        ("2025-10-26 01:30", "Asia/Shanghai", None),
    ],
)
def test_a_time_that_clocks_skip_or_show_twice_has_no_value(con, text, zone, expected):
    """Where daylight saving begins or ends, a naive time is not guessed; before and after it is."""
    utc, date, reason = moment(con, text, zone=zone, business_zone=zone)

    assert (expected, expected is None) == (reason, utc is not None and date is not None)


def test_summer_time_is_known(con):
    """13:05 in London is 12:05 UTC in July and 13:05 UTC in January."""
    told = {"zone": "Europe/London", "business_zone": "Europe/London"}

    assert dt.datetime(2025, 7, 1, 12, 5) == moment(con, "2025-07-01 13:05", **told)[0]
    assert dt.datetime(2025, 1, 1, 13, 5) == moment(con, "2025-01-01 13:05", **told)[0]


def test_shanghai_kept_summer_time_until_1991(con):
    """A zone that is fixed today is still read by its past: UTC+9 in July 1990."""
    assert dt.datetime(1990, 7, 1, 4) == moment(con, "1990-07-01 13:00")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1234.50", "1234.50"), ("¥1,234.50", "1234.50"), ("￥1,234.50", "1234.50"),
        ("1,234,567.8", "1234567.8"), ("1 234.5", "1234.5"), ("1'234.50", "1234.50"),
        ("CNY 12", "12"), ("12元", "12"), ("$12.00", "12"), ("€12", "12"), ("12 €", "12"),
        ("£0.99", "0.99"), ("R$ 5", "5"), ("１，２３４．５", "1234.5"), ("1.2万", "12000"),
        ("¥1.2万", "12000"), ("1.2万元", "12000"), ("3.2亿", "320000000"), ("5千万", "50000000"),
        ("1,234.5万", "12345000"), ("-¥1.2万", "-12000"), ("(123.45)", "-123.45"),
        ("（123.45）", "-123.45"), ("123.45-", "-123.45"), ("-123.45", "-123.45"),
        ("¥-5", "-5"), ("−5", "-5"), ("+5", "5"), (".5", "0.5"), ("5.", "5"), ("0.0", "0"),
        ("12.34567", "12.3457"), ("99999999999999", "99999999999999"),
    ],
)  # fmt: skip
def test_reads_an_amount(con, text, expected):
    """Money in the ways that exports write it."""
    assert (Decimal(expected), False) == got(con, values.number("x", money=True), text)


@pytest.mark.parametrize(
    "text",
    ["abc", "1,23", "1,2345", "12,34.5", "85%", "1.5e3", "1.2.3", "--5", "-5-", "(5", "(-5)",
     "1.2万万", "999999999999999", "2025-09-01", "5 apples", "¥"],
)  # fmt: skip
def test_does_not_guess_an_amount(con, text):
    """What is not an amount, or could be two, is unreadable."""
    assert (None, True) == got(con, values.number("x", money=True), text)


@pytest.mark.parametrize("text", [None, "", " ", "-", "—", "/", "无", "N/A", "NULL", "#N/A", "　"])
def test_an_empty_amount_is_no_fault(con, text):
    """A mark that means empty is NULL, never zero and never unreadable."""
    assert (None, False) == got(con, values.number("x", money=True), text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("85%", "0.85"), ("85.5％", "0.855"), ("100%", "1"), ("-5%", "-0.05"), ("1.5e3", "1500"),
     ("2E-3", "0.002"), ("1,234", "1234"), ("12", "12")],
)  # fmt: skip
def test_reads_a_plain_number(con, text, expected):
    """A share keeps its meaning: 85% is 0.85."""
    assert (Decimal(expected), False) == got(con, values.number("x"), text)


def test_a_plain_number_knows_no_chinese_unit(con):
    """万 counts only in columns declared money."""
    assert (None, True) == got(con, values.number("x"), "1.2万")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.234,50", "1234.50"), ("1234,5", "1234.5"), ("1.234", "1234"), ("1 234,50", "1234.50"),
     ("-1.234.567,8 €", "-1234567.8"), ("(1,5)", "-1.5"), ("12", "12")],
)  # fmt: skip
def test_reads_a_decimal_comma(con, text, expected):
    """`1.234,50` is read where the comma is the decimal mark."""
    parsed = values.number("x", decimal=",", money=True)

    assert (Decimal(expected), False) == got(con, parsed, text)


def test_a_point_that_is_no_group_is_unreadable_with_a_decimal_comma(con):
    """12.5 in a column with decimal commas is another format, not 125."""
    assert (None, True) == got(con, values.number("x", decimal=",", money=True), "12.5")


def test_the_scale_can_be_chosen(con):
    """Six places where the caller asks for them."""
    assert (Decimal("0.123457"), False) == got(con, values.number("x", scale=6), "0.1234567")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1.234,50", "1.234"], ","),
        (["1,234.50", "1,234"], "."),
        (["12,5"], ","),
        (["12.5"], "."),
        (["1.234.567"], ","),
        (["1,234,567"], "."),
        (["0,125"], ","),
        (["1234,567"], ","),
        (["1,234", "5,678"], "ambiguous"),
        (["1.234"], "ambiguous"),
        (["12.5", "12,5"], "ambiguous"),
        (["12", "-", None], "."),
        (["¥1,234.50元"], "."),
        (["１，２３４．５"], "."),
    ],
)
def test_tells_the_decimal_mark_of_a_column(con, texts, expected):
    """A mark is told by proof in the column; without proof, or with both, it must be declared."""
    con.execute("CREATE OR REPLACE TABLE t (x VARCHAR, _file VARCHAR)")
    con.executemany("INSERT INTO t VALUES (?, 'a')", [(text,) for text in texts])

    assert expected == values.number_format(con, "t", "x")


def test_tells_the_decimal_mark_by_file(con):
    """Each file may have its own."""
    con.execute("CREATE OR REPLACE TABLE t AS FROM (VALUES ('1,5', 'a'), ('1.5', 'b')) v(x, _file)")

    assert [",", "."] == [values.number_format(con, "t", "x", file=f) for f in "ab"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("¥1,234", "¥"), ("12元", "¥"), ("CNY 5", "¥"), ("$5", "$"), ("usd 5", "$"), ("12 €", "€"),
     ("￥5", "¥"), ("5", None), (None, None)],
)  # fmt: skip
def test_names_the_currency_that_is_written(con, text, expected):
    """Mixed currencies in one column can be seen."""
    sql = f"SELECT {values.currency_mark('x')} FROM (SELECT ?::VARCHAR AS x)"

    assert (expected,) == con.execute(sql, [text]).fetchone()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00001", "00001"), ("'0123", "0123"), ('="00123"', "00123"), (" A1\t", "A1"),
        ("Ａ１２", "A12"), ("\u200bA1\ufeff", "A1"), ("\u00a0A1\u3000", "A1"), ("5E3", "5E3"),
        ("1234567890123456789", "1234567890123456789"), ("001xx000003DGb2", "001xx000003DGb2"),
        ("-", None), ("", None), ("无", None), (None, None), ("张三", "张三"),
    ],
)  # fmt: skip
def test_an_id_stays_text(con, text, expected):
    """Zeros, case and 19 digits are kept; what a spreadsheet puts around an id is not."""
    assert (expected, False) == got(con, values.text_id("x"), text)


@pytest.mark.parametrize("text", ["1.23457E+18", "1.2345678901234568e+18", "1E+15"])
def test_an_id_that_became_a_number_is_unreadable(con, text):
    """Digits that are lost are not made up."""
    assert (None, True) == got(con, values.text_id("x"), text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(" 王 小明 ", "王 小明"), ("（株）Ｘ", "（株）Ｘ"), ("无", None), ("", None), (None, None)],
)
def test_a_text_keeps_its_characters(con, text, expected):
    """Only the space around a name is dropped."""
    sql = f"SELECT {values.text('x')} FROM (SELECT ?::VARCHAR AS x)"

    assert (expected,) == con.execute(sql, [text]).fetchone()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("是", True), ("否", False), ("Y", True), ("n", False), ("TRUE", True), ("false", False),
     ("1", True), ("0", False), ("√", True), ("Yes", True), ("", None), ("-", None)],
)  # fmt: skip
def test_reads_a_flag(con, text, expected):
    """Flags in both languages."""
    assert (expected, False) == got(con, values.boolean("x"), text)


def test_another_word_is_no_flag(con):
    """A word that is neither is unreadable, until it is declared."""
    assert (None, True) == got(con, values.boolean("x"), "已退订")
    assert (True, False) == got(con, values.boolean("x", true=("已退订",)), "已退订")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b, c", ["a", "b", "c"]),
        ("VIP、新客|老客", ["VIP", "新客", "老客"]),
        ("a；b，c", ["a", "b", "c"]),
        ('["a, b", "c", 1]', ["a, b", "c", "1"]),
        ("[not json]", ["[not json]"]),
        (";;", None),
        ("", None),
    ],
)
def test_splits_tags(con, text, expected):
    """Tags in the order written, without empty ones."""
    assert (expected, False) == got(con, values.tags("x"), text)


def test_ten_thousand_texts_are_read_in_one_query(con):
    """The readings are vectorised: every row of a column with mixed writings has its value."""
    con.execute(
        "CREATE OR REPLACE TABLE t AS SELECT CASE i % 3 WHEN 0 THEN '2025-09-01 13:05'"
        " WHEN 1 THEN '2025年9月1日 下午1:05' ELSE '45901.5451388889' END AS x"
        " FROM range(9999) r(i)"
    )
    m = values.date_time("x", zone="UTC", business_zone="UTC")
    rows = con.execute(f"SELECT {m.utc}, {m.date}, count(*) FROM t GROUP BY ALL").fetchall()

    assert [(dt.datetime(2025, 9, 1, 13, 5), SEPTEMBER, 9999)] == rows
