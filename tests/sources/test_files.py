"""Files as companies export them become raw tables of text, or one clear refusal each."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json
import zipfile
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlwt
from repurchase.errors import SourceError
from repurchase.sources import encodings
from repurchase.sources.files import FileSpec, RawTable, lossy_ids, read_files, read_source
from repurchase.sources.headings import clean_heading, unique_names

HEAD = "订单编号,客户,金额\n"
ROWS = "001,张三,￥12.50\n002,李四,3\n"
EXPECTED = [("001", "张三", "￥12.50"), ("002", "李四", "3")]


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def read(con, folder: Path, *patterns: str, **options) -> RawTable:
    return read_source(con, FileSpec(patterns or ("*",), **options), table="raw", root=folder)


def rows(con, extra: str = "") -> list[tuple]:
    """The source's cells, in the order of the files."""
    cells = f"* EXCLUDE (_file, _row, _total, _problem, _raw){extra}"
    return con.execute(f"SELECT {cells} FROM raw ORDER BY _file, _row").fetchall()


def put(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def refusal(con, folder: Path, *patterns: str, **options) -> str:
    with pytest.raises(SourceError) as caught:
        read(con, folder, *patterns, **options)
    assert caught.value.where and caught.value.rule and caught.value.remedy
    return caught.value.what


# --- encodings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_tells_the_encoding(con, tmp_path, codec, found, newline):
    """Chinese text in each encoding gives the same cells, and the encoding is named."""
    put(tmp_path, "a.csv", (HEAD + ROWS).replace("\n", newline).encode(codec))

    raw = read(con, tmp_path)

    assert EXPECTED == rows(con)
    assert (("订单编号", "客户", "金额"), found) == (raw.columns, raw.files[0].encoding)


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "gbk", "utf-16", "utf-8-sig"])
def test_reads_a_declared_encoding(con, tmp_path, codec):
    """A declared encoding is used."""
    put(tmp_path, "a.csv", (HEAD + ROWS).encode(codec))

    read(con, tmp_path, encoding=codec)

    assert EXPECTED == rows(con)


def test_reads_western_text_when_declared(con, tmp_path):
    """A Windows code page is read if the profile says so."""
    put(tmp_path, "a.csv", "id,name\n1,Müller é\n".encode("cp1252"))

    read(con, tmp_path, encoding="cp1252")

    assert [("1", "Müller é")] == rows(con)


@pytest.mark.parametrize("text", ["1,Müllerström\n2,Désirée Lefèvre\n", "1,naïve café \n"])
def test_western_text_is_not_taken_for_chinese(con, tmp_path, text):
    """Bytes that GB18030 would accept as rare characters are refused, with their place."""
    put(tmp_path, "a.csv", ("id,name\n" + text).encode("cp1252"))

    assert "The file's encoding could not be told." == refusal(con, tmp_path)


def test_a_wrong_byte_late_in_a_file_is_found_with_its_place(con, tmp_path):
    """The whole file is checked; the message names the first offending byte and line."""
    text = "id,name\n" + "1,abc\n" * 100_000
    put(tmp_path, "a.csv", text.encode() + b"2,\xff\xff\n")

    with pytest.raises(SourceError, match="byte 600010, line 100002"):
        read(con, tmp_path)


@pytest.mark.parametrize(
    ("codec", "declared"),
    [("gb18030", "utf-8"), ("utf-8", "gb18030"), ("utf-8", "utf-16"), ("utf-16", "utf-8")],
)
def test_a_wrong_declared_encoding_is_refused(con, tmp_path, codec, declared):
    """No text is garbled because the profile names the wrong encoding."""
    put(tmp_path, "a.csv", (HEAD + ROWS).encode(codec))

    what = refusal(con, tmp_path, encoding=declared)

    assert f"The file is not in the declared encoding {declared}." == what


def test_utf8_that_would_pass_as_gb18030_is_not_garbled(con, tmp_path):
    """The bytes are valid in the declared encoding, but they are UTF-8."""
    text = "id,中文\n1,订单\n".encode()
    put(tmp_path, "a.csv", text)

    assert "订单" not in text.decode("gb18030")
    assert "The file is not in the declared encoding gbk." == refusal(con, tmp_path, encoding="gbk")


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_where_a_file_is_cut_into_chunks_does_not_matter(tmp_path, monkeypatch, chunk, codec):
    """A character, a quoted value or a gap that spans two chunks counts as in one."""
    path = put(tmp_path, "a", '编号,x\r\n1,"a\n\n张"\r\n\r\n2,李\n\n\n'.encode(codec))
    monkeypatch.setattr(encodings, "CHUNK", chunk)

    file = encodings.as_utf8(path, shown="a", declared=codec, scratch=tmp_path / "b")

    assert (6, 4, True, True) == (file.lines, file.records, file.blanks, file.gaps)


def test_empty_lines_inside_quotes_are_no_gap(tmp_path):
    """Only a gap between records makes the numbering of rows the careful reader's work."""
    path = put(tmp_path, "a", 'id,x\n1,"a\n\nb"\n2,c\n\n\n')

    file = encodings.as_utf8(path, shown="a", declared="auto", scratch=tmp_path / "b")

    assert (5, 3, True, False) == (file.lines, file.records, file.blanks, file.gaps)


@pytest.mark.parametrize("codec", ["utf-16", "utf-32"])
def test_a_file_without_the_declared_order_mark_is_refused(con, tmp_path, codec):
    """Bytes that are no UTF-16 have no order mark; that is a message, not a traceback."""
    put(tmp_path, "a.csv", "id,name\n1,é\n".encode("cp1252"))
    what = refusal(con, tmp_path, encoding=codec)
    assert f"The file is not in the declared encoding {codec}." == what


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_an_order_mark_is_read_when_declared(con, tmp_path, codec):
    """The place of the NUL bytes tells the order, as it does where nothing is declared."""
    put(tmp_path, "a.csv", "id,name\n1,Wang\n".encode(codec))
    read(con, tmp_path, encoding="utf-16")
    assert [("1", "Wang")] == rows(con)


def test_an_unknown_encoding_is_refused(con, tmp_path):
    """A misspelt encoding is named."""
    put(tmp_path, "a.csv", HEAD + ROWS)

    assert "The encoding 'utf8000' is not known." == refusal(con, tmp_path, encoding="utf8000")


def test_binary_data_named_csv_are_refused(con, tmp_path):
    """NUL bytes that are no UTF-16 are not read as text."""
    put(tmp_path, "a.csv", b"id,name\n" + bytes(range(256)) * 20)

    assert "The file holds NUL bytes and is not text." == refusal(con, tmp_path)


# --- delimiters and records -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")]
)
def test_tells_the_delimiter(con, tmp_path, delimiter, name):
    """Each delimiter is told from the file, though others stand in quoted cells."""
    cells = [("id", "amount", "note"), ("1", '"1.234,50"', '"a; b"'), ("2", '"5,0"', '"x | y"')]
    put(tmp_path, "a.csv", "\n".join(delimiter.join(row) for row in cells))

    raw = read(con, tmp_path)

    assert [("1", "1.234,50", "a; b"), ("2", "5,0", "x | y")] == rows(con)
    assert name == raw.files[0].delimiter


def test_decimal_commas_do_not_win_over_semicolons(con, tmp_path):
    """Unquoted decimal commas are as regular as the real delimiter, which the heading decides."""
    put(tmp_path, "a.csv", "id;amount;tax\n1;1,50;0,10\n2;2,50;0,20\n")

    read(con, tmp_path)

    assert [("1", "1,50", "0,10"), ("2", "2,50", "0,20")] == rows(con)


def test_white_space_between_columns(con, tmp_path):
    """Runs of white space separate columns; ids keep their zeros."""
    put(tmp_path, "a.txt", " id  date  amount\r\n 00001 19970101  1.50\r\n 00002 19970102 22\r\n")

    raw = read(con, tmp_path)

    assert [("00001", "19970101", "1.50"), ("00002", "19970102", "22")] == rows(con)
    assert ("whitespace", "white space") == (raw.files[0].format, raw.files[0].delimiter)


def test_a_line_for_spreadsheets_names_the_delimiter(con, tmp_path):
    """`sep=;` is an instruction, not a row."""
    put(tmp_path, "a.csv", "sep=;\r\nid;name\r\n1;a,b\r\n")

    read(con, tmp_path)

    assert [("1", "a,b", 2)] == rows(con, ", _row")


@pytest.mark.parametrize("declared", [",", "comma", "\t"])
def test_a_wrong_delimiter_is_refused(con, tmp_path, declared):
    """One column where another delimiter clearly gives several is an error."""
    put(tmp_path, "a.csv", "id;name;amount\n1;a;2\n2;b;3\n")

    assert refusal(con, tmp_path, delimiter=declared).startswith("The delimiter is not ")


def test_a_delimiter_of_two_characters_is_refused(con, tmp_path):
    """A delimiter is one character."""
    put(tmp_path, "a.csv", HEAD + ROWS)

    assert "The delimiter '||' is not one character." == refusal(con, tmp_path, delimiter="||")


def test_one_column_is_a_table(con, tmp_path):
    """A list of ids has no delimiter, and needs none."""
    put(tmp_path, "a.csv", "id\n1\n2\n")

    read(con, tmp_path)

    assert [("1",), ("2",)] == rows(con)


def test_quotes_hold_delimiters_line_ends_and_quotes(con, tmp_path):
    """A quoted value may hold anything; a row counts once, however many lines it takes."""
    put(tmp_path, "a.csv", 'id,note\n1,"a, b"\n2,"line 1\nline 2"\n3,"say ""hi"""\n4,5" pipe\n')

    read(con, tmp_path)

    expected = [("1", "a, b", 2), ("2", "line 1\nline 2", 3), ("3", 'say "hi"', 4)]
    assert [*expected, ("4", '5" pipe', 5)] == rows(con, ", _row")


def test_a_heading_of_two_lines_is_one_row(con, tmp_path):
    """A line end in a heading is a space, and the data begin after it."""
    put(tmp_path, "a.csv", '"下单\n时间",id\n2025-09-01,1\n')

    raw = read(con, tmp_path)

    assert (("下单 时间", "id"), [("2025-09-01", "1", 2)]) == (raw.columns, rows(con, ", _row"))


RAGGED = "id,name,amount\n1,a,10\n2,b\n3,c,30,x\n4,d,40\n"


def test_ragged_rows_are_kept_with_their_problem(con, tmp_path):
    """No row is lost: one with too many or too few fields carries a reason and its text."""
    put(tmp_path, "a.csv", RAGGED)

    raw = read(con, tmp_path)
    found = con.execute("SELECT id, _row, _problem, _raw FROM raw ORDER BY _row").fetchall()

    assert 4 == raw.rows
    assert [
        ("1", 2, None, None),
        ("2", 3, "2 fields where the heading has 3", "2,b"),
        ("3", 4, "4 fields where the heading has 3", "3,c,30,x"),
        ("4", 5, None, None),
    ] == found


def test_ragged_rows_of_white_space_are_kept_with_their_problem(con, tmp_path):
    """The same where white space separates."""
    put(tmp_path, "a.txt", "id name\n1 a\n\n2 b c\n3 d\n")

    raw = read(con, tmp_path, format="whitespace")
    found = con.execute("SELECT id, name, _row, _problem, _raw FROM raw ORDER BY _row").fetchall()

    problem = "3 fields where the heading has 2"
    assert [("1", "a", 2, None, None), ("2", "b", 4, problem, "2 b c")] == found[:2]
    assert (("3", "d", 5, None, None), 3, 1) == (found[2], raw.rows, raw.files[0].blank_rows)


@pytest.mark.parametrize(
    ("next_line", "problem"),
    [
        ("3,fine", "a quote is opened and never closed"),
        ('3,"fine"', "text follows a closing quote"),
    ],
)
def test_a_quote_that_is_never_closed_costs_one_row(con, tmp_path, next_line, problem):
    """The rows after it are read; the broken one carries its text."""
    lines = "".join(f"{i},x\n" for i in range(4, 1004))
    put(tmp_path, "a.csv", f'id,name\n1,a\n2,"b\n{next_line}\n{lines}')

    raw = read(con, tmp_path)
    problems = con.execute("SELECT _row, _problem, _raw FROM raw WHERE _problem IS NOT NULL")

    assert ([(3, problem, '2,"b')], 1003) == (problems.fetchall(), raw.rows)
    assert [("3", "fine", 4), ("4", "x", 5)] == rows(con, ", _row")[2:4]


def test_delimiters_at_the_end_of_rows_are_no_problem(con, tmp_path):
    """Empty fields beyond the heading are dropped, and empty unnamed columns."""
    put(tmp_path, "a.csv", "id,name\n1,a,\n2,b,,\n3,c\n")

    raw = read(con, tmp_path)

    assert [("1", "a"), ("2", "b"), ("3", "c")] == rows(con)
    assert ("id", "name") == raw.columns
    assert (0,) == con.execute("SELECT count(_problem) FROM raw").fetchone()


def test_a_heading_with_fewer_fields_than_the_rows_is_refused(con, tmp_path):
    """Values would stand under the wrong heading (as with the row names of R)."""
    put(tmp_path, "a.csv", "id,name\n1,7,a\n2,8,b\n")

    assert "The heading has 2 field(s), the rows have 3." == refusal(con, tmp_path)


def test_a_title_above_the_heading_is_refused_and_can_be_skipped(con, tmp_path):
    """Rows above the heading are passed over with `skip_rows`."""
    put(tmp_path, "a.csv", "Orders of September\nid,name\n1,a\n2,b\n")

    assert "The heading has 1 field(s), the rows have 2." == refusal(con, tmp_path, delimiter=",")
    read(con, tmp_path, skip_rows=1)
    assert [("1", "a", 3), ("2", "b", 4)] == rows(con, ", _row")


def test_blank_rows_are_counted_and_keep_the_numbering(con, tmp_path):
    """A row without content is no row, is counted, and the next keep their numbers."""
    put(tmp_path, "a.csv", "\nid,name\n1,a\n\n,\n2,b\n\n\n")

    raw = read(con, tmp_path)

    assert [("1", "a", 3), ("2", "b", 6)] == rows(con, ", _row")
    assert (2, 1) == (raw.rows, raw.files[0].blank_rows)
    assert "a.csv: 1 row(s) without any content" in raw.notes


@pytest.mark.parametrize("ending", ["\r", "\r\n", "\n"])
def test_each_line_ending_is_read(con, tmp_path, ending):
    """Old and new line endings, and none after the last row."""
    put(tmp_path, "a.csv", ending.join(["id,name", "1,a", "2,b"]))

    read(con, tmp_path)

    assert [("1", "a"), ("2", "b")] == rows(con)


def test_mixed_line_endings_lose_nothing(con, tmp_path):
    """Files put together by hand have both."""
    put(tmp_path, "a.csv", "id,name\n1,a\r\n2,b\n3,c\r\n")

    assert 3 == read(con, tmp_path).rows


def test_empty_cells_are_null(con, tmp_path):
    """An empty cell and an empty quoted cell are NULL; a space is a text."""
    put(tmp_path, "a.csv", 'id,a,b,c\n1,,"", \n')

    read(con, tmp_path)

    assert [("1", None, None, " ")] == rows(con)


def test_nothing_is_typed(con, tmp_path):
    """Zeros, exponents, dates and words like null stay as written."""
    put(tmp_path, "a.csv", "a,b,c,d,e\n007,1e5,2025-9-1,NULL,true\n")

    read(con, tmp_path)

    assert [("007", "1e5", "2025-9-1", "NULL", "true")] == rows(con)


# --- headings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        (" 收货地址 ", "收货地址"), ("订单\u3000编号", "订单 编号"), ("ＩＤ（新）", "ID(新)"),
        ("a \n b", "a b"), ("\ufeffid\u200b", "id"), ("Amount\u00a0", "Amount"),
    ],
)  # fmt: skip
def test_cleans_a_heading(heading, expected):
    """Headings are compared without stray spaces and full width."""
    assert expected == clean_heading(heading)


def test_headings_become_names_of_their_own(con, tmp_path):
    """Repeated, empty and reserved headings get names that can be told apart."""
    put(tmp_path, "a.csv", "id,,ID,amount ,amount,_row\n1,2,3,4,5,6\n")

    raw = read(con, tmp_path)

    assert ("id", "column_2", "ID (2)", "amount", "amount (2)", "_row (2)") == raw.columns
    assert [("1", "2", "3", "4", "5", "6")] == rows(con)


def test_two_heading_rows_are_joined(con, tmp_path):
    """Upper and lower heading; merged upper cells repeat, equal ones are written once."""
    put(tmp_path, "a.csv", "订单,,客户,备注,日期\n编号,金额,姓名,,日期\n1,2,a,x,d\n")

    raw = read(con, tmp_path, header_rows=2)

    assert ("订单 编号", "订单 金额", "客户 姓名", "备注", "日期") == raw.columns
    assert [("1", "2", "a", "x", "d", 3)] == rows(con, ", _row")


def test_no_heading_row(con, tmp_path):
    """Without a heading the columns are numbered."""
    put(tmp_path, "a.csv", "1,a\n2,b\n")

    raw = read(con, tmp_path, header_rows=0)

    assert (("column_1", "column_2"), [("1", "a", 1), ("2", "b", 2)]) == (
        raw.columns,
        rows(con, ", _row"),
    )


def test_unique_names_never_clash():
    """A name made up for a repeated heading is not one that is there."""
    assert ["a", "a (2)", "a (2) (2)"] == unique_names(["a", "a", "a (2)"])


# --- totals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        "合计,,3,¥60.00", "合 计：,,3,60", "总计,,,60", ",小计,3,60", "Total,,3,60.00",
        "TOTAL:,,,60", "Grand Total,-,3,60", ",,合计,60", "共计,,3笔,60元", "合计,3,3,60",
    ],
)  # fmt: skip
def test_marks_a_row_of_totals(con, tmp_path, row):
    """A total among the first cells is flagged, not dropped."""
    put(tmp_path, "a.csv", f"id,name,n,amount\n1,a,1,20\n{row}\n2,b,2,40\n")

    read(con, tmp_path, total_rows=("合计", "小计", "总计", "共计", "Total", "Grand total"))
    found = con.execute("SELECT _row, _total FROM raw ORDER BY _row").fetchall()

    assert [(2, False), (3, True), (4, False)] == found


@pytest.mark.parametrize(
    "row", ["9,Total,2025-09-01,60", "9,合计,文具,60", "9,a,合计数,60", "1001,x,3,总计"]
)
def test_a_customer_called_total_is_no_total(con, tmp_path, row):
    """A row with a date or other words, or with the word elsewhere, is data."""
    put(tmp_path, "a.csv", f"id,name,what,amount\n{row}\n")

    read(con, tmp_path)

    assert (False,) == con.execute("SELECT _total FROM raw").fetchone()


# --- workbooks ------------------------------------------------------------------------------------


def workbook(path: Path, *sheets: list[list]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, cells in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in cells:
            sheet.append(row)
    book.save(path)
    return book


def test_a_workbook_gives_what_its_user_reads(con, tmp_path):
    """Whole numbers without .0, dates as ISO text, times only where the column has some."""
    cells = [
        ["id", "amount", "day", "at", "flag", "none"],
        [17850, 0.1 + 0.2, dt.date(2025, 9, 1), dt.datetime(2025, 9, 1, 13, 5, 7), True, None],
        ["00012", 12.5, dt.datetime(2025, 9, 2), dt.datetime(2025, 9, 2), False, None],
    ]
    workbook(tmp_path / "a.xlsx", cells)

    raw = read(con, tmp_path)

    assert [
        ("17850", "0.3", "2025-09-01", "2025-09-01 13:05:07", "TRUE", None, 2),
        ("00012", "12.5", "2025-09-02", "2025-09-02 00:00:00", "FALSE", None, 3),
    ] == rows(con, ", _row")
    assert ("xlsx", "Sheet1") == (raw.files[0].format, raw.files[0].sheet)


def test_an_old_workbook_is_read(con, tmp_path):
    """.xls as well."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("订单")
    date = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for column, (heading, value) in enumerate([("编号", 17850.0), ("金额", 1.5), ("客户", "张三")]):
        sheet.write(0, column, heading)
        sheet.write(1, column, value)
    sheet.write(0, 3, "日期")
    sheet.write(1, 3, dt.date(2025, 9, 1), date)
    book.save(str(tmp_path / "a.xls"))

    raw = read(con, tmp_path)

    assert [("17850", "1.5", "张三", "2025-09-01")] == rows(con)
    assert (("编号", "金额", "客户", "日期"), "xls") == (raw.columns, raw.files[0].format)


def test_text_named_xls_is_read_as_text(con, tmp_path):
    """Many systems write GBK text with tabs under that name."""
    put(tmp_path, "a.xls", (HEAD + ROWS).replace(",", "\t").encode("gbk"))

    raw = read(con, tmp_path)

    assert EXPECTED == rows(con)
    assert ("a.xls: named .xls, read as text",) == raw.notes


def test_a_workbook_named_xls_is_read_as_what_it_is(con, tmp_path):
    """A new workbook under an old name."""
    workbook(tmp_path / "b.xlsx", [["id"], [1]])
    (tmp_path / "b.xlsx").rename(tmp_path / "b.xls")

    read(con, tmp_path)

    assert [("1",)] == rows(con)


def test_merged_headings_of_a_workbook(con, tmp_path):
    """The merge tells which columns an upper heading is for, so a gap is not filled."""
    book = workbook(
        tmp_path / "a.xlsx",
        [["订单", None, None, "客户"], ["编号", "金额", "备注", None], [1, 2, "x", "a"]],
    )
    book["Sheet1"].merge_cells("A1:B1")
    book["Sheet1"].merge_cells("D1:D2")
    book.save(tmp_path / "a.xlsx")

    raw = read(con, tmp_path, header_rows=2)

    assert ("订单 编号", "订单 金额", "备注", "客户") == raw.columns
    assert [("1", "2", "x", "a", 3)] == rows(con, ", _row")


def test_merged_cells_among_the_data_are_noted(con, tmp_path):
    """Their value stands in the first cell only, and that is said."""
    book = workbook(tmp_path / "a.xlsx", [["id", "line"], [1, "a"], [None, "b"]])
    book["Sheet1"].merge_cells("A2:A3")
    book.save(tmp_path / "a.xlsx")

    raw = read(con, tmp_path)

    assert [("1", "a"), (None, "b")] == rows(con)
    assert ("a.xlsx: 1 merged range(s), their first cell has the value",) == raw.notes


def test_blank_rows_of_a_workbook_keep_the_numbering(con, tmp_path):
    """Row numbers are those that the spreadsheet shows, from a title above to gaps between."""
    workbook(tmp_path / "a.xlsx", [["Orders"], [None], ["id", "n"], [1, 2], [None, None], [3, 4]])

    raw = read(con, tmp_path, skip_rows=2)

    assert [("1", "2", 4), ("3", "4", 6)] == rows(con, ", _row")
    assert 1 == raw.files[0].blank_rows


def test_error_cells_of_a_workbook_are_named(con, tmp_path):
    """They are read as empty, and the load report says how many, of which kind, and where."""
    book = workbook(tmp_path / "a.xlsx", [["x"]], [["id", "n"], [1, 2], [3, "#REF!"], ["#N/A", 4]])
    sheet = book["Sheet2"]
    for address in ("B3", "A4"):
        sheet[address].data_type = "e"
    sheet["A3"] = "#N/A"  # typed in as a text is no error of the spreadsheet's
    sheet["A3"].data_type = "s"
    book.save(tmp_path / "a.xlsx")
    raw = read(con, tmp_path, sheet="Sheet2")

    assert [("1", "2"), ("#N/A", None), (None, "4")] == rows(con)
    assert (
        "a.xlsx: 2 cells hold an error of the spreadsheet and are read as empty"
        " (#REF! 1, #N/A 1; the first is B3)",
    ) == raw.notes


def test_several_sheets_ask_for_one(con, tmp_path):
    """Which sheet is meant is not guessed; hidden and empty ones do not count."""
    book = workbook(tmp_path / "a.xlsx", [["id"], [1]], [["id"], [2]], [])

    assert "The workbook has several sheets with content." == refusal(con, tmp_path)
    read(con, tmp_path, sheet="Sheet2")
    assert [("2",)] == rows(con)

    book["Sheet2"].sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    con.execute("DROP TABLE raw")
    raw = read(con, tmp_path)
    assert ([("1",)], ("a.xlsx: hidden sheets not read: Sheet2",)) == (rows(con), raw.notes)


@pytest.mark.parametrize(
    ("sheet", "expected"), [("Other", "The workbook has no sheet 'Other'."), (None, None)]
)
def test_a_sheet_that_is_not_there_is_refused(con, tmp_path, sheet, expected):
    """The message names the sheets; a workbook without content has its own."""
    workbook(tmp_path / "a.xlsx", [])

    what = refusal(con, tmp_path, sheet=sheet)

    assert (expected or "The workbook has no visible sheet with content.") == what


def test_ids_that_a_workbook_has_rounded_are_found(con, tmp_path):
    """19 digits typed as a number have lost the last; as text they have not."""
    cells = [["number", "text"], [1234567890123456789, "1234567890123456789"]]
    workbook(tmp_path / "a.xlsx", cells)

    read(con, tmp_path)

    assert [("1.23456789012346E+18", "1234567890123456789")] == rows(con)
    assert (1, 0) == (lossy_ids(con, "raw", "number"), lossy_ids(con, "raw", "text"))


def test_ids_that_a_spreadsheet_saved_as_csv_has_rounded_are_found(con, tmp_path):
    """Shown with an exponent, or with zeros where digits were; honest ids are left alone."""
    put(
        tmp_path,
        "a.csv",
        "shown,stored,honest,chance\n"
        "1.23457E+18,1234567890123450000,1234567890123456789,1234567890123450\n"
        "1.23457E+18,9876543210987650000,1234567890123450000,9876543210987654\n",
    )

    raw = read(con, tmp_path)

    assert [2, 2, 0, 0] == [lossy_ids(con, "raw", column) for column in raw.columns]


# --- Parquet and JSON lines -----------------------------------------------------------------------


def test_parquet_values_are_exact_text(con, tmp_path):
    """Integers as digits, whole floats without .0, decimals exact, times with their zone."""
    stamp = dt.datetime(2025, 9, 1, 13, 5, 7)
    table = pa.table(
        {
            "big": pa.array([1234567890123456789], pa.int64()),
            "id": pa.array([17850.0], pa.float64()),
            "price": pa.array([2.55], pa.float64()),
            "small": pa.array([0.00001], pa.float64()),
            "huge": pa.array([1.2345678901234568e18], pa.float64()),
            "money": pa.array([Decimal("12.50")], pa.decimal128(12, 2)),
            "at": pa.array([stamp], pa.timestamp("us")),
            "utc": pa.array([stamp], pa.timestamp("us", tz="UTC")),
            "day": pa.array([dt.date(2025, 9, 1)]),
            "flag": pa.array([True]),
            "list": pa.array([["a", "b"]]),
            "bytes": pa.array(["张三".encode()], pa.binary()),
            "nan": pa.array([float("nan")]),
            "empty": pa.array([""]),
            "null": pa.array([None], pa.string()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")

    read(con, tmp_path)

    assert [
        (
            "1234567890123456789", "17850", "2.55", "0.00001", "1.2345678901234568e+18", "12.50",
            "2025-09-01 13:05:07", "2025-09-01 13:05:07+00:00", "2025-09-01", "true", '["a","b"]',
            "张三", None, None, None, 1,
        )
    ] == rows(con, ", _row")  # fmt: skip


def test_json_lines_are_exact_text(con, tmp_path):
    """19 digits stay, nested values are JSON, a missing key is NULL, a later key is a column."""
    put(
        tmp_path,
        "a.jsonl",
        '{"id": 1234567890123456789, "name": "张三", "tags": ["a", {"b": 1}], "ok": true}\n'
        '{"name": "", "id": "x", "extra": 2.50, "none": null}\n',
    )

    raw = read(con, tmp_path)

    assert ("id", "name", "tags", "ok", "extra", "none") == raw.columns
    assert [
        ("1234567890123456789", "张三", '["a",{"b":1}]', "true", None, None, 1),
        ("x", None, None, None, "2.5", None, 2),
    ] == rows(con, ", _row")


def test_a_line_that_is_no_json_object_is_kept_with_its_problem(con, tmp_path):
    """Broken lines carry their text; empty ones are counted and keep the numbering."""
    put(tmp_path, "a.jsonl", '{"id": 1}\n\n{"id": 2\n[3]\n{"id": 4}\n')

    raw = read(con, tmp_path)
    found = con.execute("SELECT id, _row, _problem, _raw FROM raw ORDER BY _row").fetchall()

    assert [("1", 1, None, None), (None, 3, "not a JSON object", '{"id": 2')] == found[:2]
    assert [(None, 4, "not a JSON object", "[3]"), ("4", 5, None, None)] == found[2:]
    assert (4, 1) == (raw.rows, raw.files[0].blank_rows)


def test_an_array_of_json_objects_is_read(con, tmp_path):
    """One array in a .json file is as good as lines."""
    put(tmp_path, "a.json", json.dumps([{"id": 1}, {"id": 2, "x": "é"}], indent=1))

    read(con, tmp_path)

    assert [("1", None), ("2", "é")] == rows(con)


def test_json_keys_that_differ_in_case_are_two_columns(con, tmp_path):
    """The engine does not tell such names apart; we do."""
    put(tmp_path, "a.jsonl", '{"id": 1, "ID": 2, "a/b": 3}\n')

    raw = read(con, tmp_path)

    assert (("id", "ID (2)", "a/b"), [("1", "2", "3")]) == (raw.columns, rows(con))


def test_json_in_a_chinese_encoding(con, tmp_path):
    """Encodings are told for JSON lines as for CSV."""
    put(tmp_path, "a.jsonl", '{"客户": "张三"}\n'.encode("gb18030"))

    assert (("客户",), 1) == (read(con, tmp_path).columns, 1)
    assert [("张三",)] == rows(con)


def test_text_that_is_no_json_is_refused(con, tmp_path):
    """A .jsonl without a single object."""
    put(tmp_path, "a.jsonl", "id,name\n1,a\n")

    assert "No line of the file is a JSON object." == refusal(con, tmp_path)


# --- several files, gz and zip --------------------------------------------------------------------


def test_files_are_united_by_heading(con, tmp_path):
    """Order of columns may differ; a missing one is NULL and noted; files come sorted."""
    put(tmp_path, "orders_2.csv", "name,id\nb,2\n")
    put(tmp_path, "orders_1.csv", "id,name,Extra\n1,a,x\n")
    put(tmp_path, "other.csv", "id\n9\n")

    raw = read(con, tmp_path, "orders_*.csv")

    assert [("1", "a", "x", "orders_1.csv"), ("2", "b", None, "orders_2.csv")] == rows(
        con, ", _file"
    )
    assert ("orders_2.csv: without the column(s) Extra",) == raw.notes
    assert [("orders_1.csv", 1), ("orders_2.csv", 1)] == [(f.path, f.rows) for f in raw.files]


def test_each_file_has_its_own_encoding_and_delimiter(con, tmp_path):
    """What is told from a file is told for that file."""
    put(tmp_path, "1.csv", (HEAD + ROWS).encode("gbk"))
    put(tmp_path, "2.csv", (HEAD + ROWS).replace(",", ";"))

    raw = read(con, tmp_path)

    assert EXPECTED * 2 == rows(con)
    assert [("gb18030", "comma"), ("utf-8", "semicolon")] == [
        (f.encoding, f.delimiter) for f in raw.files
    ]


def test_a_file_named_twice_is_read_once(con, tmp_path):
    """Two patterns that meet one file."""
    put(tmp_path, "a.csv", HEAD + ROWS)

    assert 2 == read(con, tmp_path, "*.csv", "a.*").rows


def test_patterns_reach_into_folders_and_may_be_absolute(con, tmp_path):
    """`**` as usual; the name shown is relative to the root."""
    put(tmp_path, "2025/09/a.csv", HEAD + ROWS)

    assert "2025/09/a.csv" == read(con, tmp_path, "**/*.csv").files[0].path
    con.execute("DROP TABLE raw")
    assert 2 == read(con, tmp_path / "2025", str(tmp_path / "2025" / "09" / "a.csv")).rows


def test_a_name_with_brackets_and_quotes_is_a_name(con, tmp_path):
    """Characters of a pattern or of SQL in a file's name mean themselves."""
    for name in ("orders [1].csv", "it's *.csv"):
        put(tmp_path, name, HEAD + ROWS)

    assert 4 == read(con, tmp_path, "orders [1].csv", "it's *.csv").rows


def test_text_in_cells_is_never_sql(con, tmp_path):
    """Headings and cells with quotes are text."""
    put(tmp_path, "a.csv", 'id,"a""; DROP TABLE raw; --"\n1,\'; DROP TABLE raw; --\n2,\n')

    raw = read(con, tmp_path)

    assert ("id", 'a"; DROP TABLE raw; --') == raw.columns
    assert [("1", "'; DROP TABLE raw; --"), ("2", None)] == rows(con)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv.gz", "a.jsonl.gz"])
def test_gz_is_read(con, tmp_path, name):
    """A packed file of any text kind."""
    text = {"csv": "id,x\n1,2\n", "tsv": "id\tx\n1\t2\n", "jsonl": '{"id":1,"x":2}\n'}
    put(tmp_path, name, gzip.compress(text[name.split(".")[1]].encode()))

    assert name == read(con, tmp_path).files[0].path
    assert [("1", "2")] == rows(con)


def test_every_table_of_a_zip_is_read(con, tmp_path):
    """Tables in folders of the zip, Chinese names of Windows, and what is no table left out."""
    workbook(tmp_path / "b.xlsx", [["id"], [3]])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/订单.csv", "id\n1\n")
        archive.writestr("x/readme.md", "# no table")
        archive.writestr("__MACOSX/x/._订单.csv", b"\0\1")
        archive.write(tmp_path / "b.xlsx", "b.xlsx")

    raw = read(con, tmp_path, "a.zip")

    assert ["a.zip/b.xlsx", "a.zip/x/订单.csv"] == [f.path for f in raw.files]
    assert [("3",), ("1",)] == rows(con)


def test_a_zip_cannot_write_outside(con, tmp_path):
    """Names inside an archive never become paths."""
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "a.zip", "w") as archive:
        archive.writestr("../../evil.csv", "id\n1\n")
        archive.writestr("/tmp/evil_absolute.csv", "id\n2\n")

    assert 2 == read(con, tmp_path / "in").rows
    assert not list(tmp_path.rglob("evil*")) and not Path("/tmp/evil_absolute.csv").exists()


def test_an_archive_that_unpacks_to_too_much_is_stopped(con, tmp_path):
    """What is written is counted, not what the archive says of itself."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "id\n" + "1\n" * 500_000)
    put(tmp_path, "b.csv.gz", gzip.compress(b"id\n" + b"1\n" * 500_000))

    for name in ("a.zip", "b.csv.gz"):
        with pytest.raises(SourceError, match="Unpacking would write more than 100,000 bytes"):
            read_files(
                con, [(tmp_path / name, name)], FileSpec((name,)), table="raw",
                max_unpacked_bytes=100_000,
            )  # fmt: skip


def test_no_copy_stays_behind(con, tmp_path):
    """Unpacked and transcoded copies are removed, after success and after failure."""
    (tmp_path / "in").mkdir()
    (tmp_path / "scratch").mkdir()
    good = put(tmp_path / "in", "a.csv", (HEAD + ROWS).encode("gbk"))
    bad = put(tmp_path / "in", "b.csv", b"id\n1\n\xe9\n")

    read_files(con, [(good, "a")], FileSpec(()), table="raw", scratch=tmp_path / "scratch")
    with pytest.raises(SourceError):
        read_files(con, [(bad, "b")], FileSpec(()), table="raw2", scratch=tmp_path / "scratch")

    assert [] == list((tmp_path / "scratch").iterdir())


# --- refusals -------------------------------------------------------------------------------------


def lfs() -> bytes:
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n"


def parquet(tmp_path: Path) -> bytes:
    pq.write_table(pa.table({"id": list(range(10_000))}), tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    (tmp_path / "whole").unlink()
    return data


REFUSED = [
    ("a.csv", b"", "The file is empty."),
    ("a.csv", b"\xef\xbb\xbf", "The file is empty."),
    ("a.csv", b"\n\n\n", "The file has no heading row."),
    ("a.csv.gz", gzip.compress(b"", mtime=0), "The file is empty."),
    ("a.csv", b"<html><body><table><tr><td>1</table>",
     "The file is a web page (HTML), whatever its name says."),
    ("a.xls", b"\n <!DOCTYPE html>\n<html>",
     "The file is a web page (HTML), whatever its name says."),
    ("a.xls", "<table><tr><td>订单</td></tr></table>".encode("utf-16"),
     "The file is a web page (HTML), whatever its name says."),
    ("a.xls", b"<?xml version='1.0'?><Workbook></Workbook>",
     "The file is an XML spreadsheet or other XML."),
    ("a.csv", lfs(), "The file is a Git LFS pointer, not the data."),
    ("a.parquet", lfs(), "The file is a Git LFS pointer, not the data."),
    ("a.csv", b"PK\x03\x04abc",
     "The file is a zip or an .xlsx workbook, but was to be read as csv."),
    ("a.csv", b"PAR1abc", "The file is Parquet, but was to be read as csv."),
    ("a.csv", b"\x1f\x8babc", "The file is packed with gzip, but was to be read as csv."),
    ("a.xlsx", b"id,name\n1,a\n", "The file is plain text, but was to be read as xlsx."),
    ("a.xlsx", b"PK\x03\x04 cut short", "The workbook is damaged or cut short."),
    ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut", "The workbook is damaged or cut short."),
    ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
     "The workbook is locked with a password."),
    ("a.parquet", b"id,name\n1,a\n", "The Parquet file is cut short or damaged."),
    ("a.csv.gz", gzip.compress(b"id\n" + bytes(range(256)) * 99, mtime=0)[:200],
     "The gz archive is damaged or cut short."),
    ("a.csv.gz", b"not gz", "The gz archive is damaged or cut short."),
    ("a.zip", b"PK\x03\x04 cut", "The zip archive is damaged or cut short."),
    ("a.pdf", b"%PDF", "The ending of 'a.pdf' says no known format."),
    ("a.csv.bz2", bz2.compress(b"id\n1\n"), "The ending of 'a.csv.bz2' says no known format."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "expected"), REFUSED, ids=[f"{name}: {what}" for name, _, what in REFUSED]
)
def test_each_mistake_has_its_message(con, tmp_path, name, data, expected):
    """What cannot be read is refused in words of its own, with place, rule and remedy."""
    put(tmp_path, name, data)

    assert expected == refusal(con, tmp_path)


def test_a_parquet_file_cut_short_is_refused(con, tmp_path):
    """A copy that was interrupted, and one with damaged pages."""
    data = parquet(tmp_path)
    put(tmp_path, "a.parquet", data[: len(data) // 2])
    assert "The Parquet file is cut short or damaged." == refusal(con, tmp_path)

    put(tmp_path, "a.parquet", data[:1000] + bytes(2000) + data[3000:])
    assert "The Parquet file is cut short or damaged." == refusal(con, tmp_path)


def test_a_zip_without_a_table_is_refused(con, tmp_path):
    """The message names what the zip holds."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.md", "# no table")

    with pytest.raises(SourceError, match=r"The zip holds no table(.|\n)*readme\.md"):
        read(con, tmp_path)


def test_no_file_is_refused_with_what_is_there(con, tmp_path):
    """A pattern that meets nothing names the folder's files."""
    put(tmp_path, "order.csv", HEAD + ROWS)

    with pytest.raises(SourceError, match=r"No file matches 'orders\.csv'(.|\n)*order\.csv"):
        read(con, tmp_path, "orders.csv")


@pytest.mark.parametrize("address", ["https://example.com/a.csv", "s3://bucket/a.csv"])
def test_nothing_is_fetched(con, tmp_path, address):
    """An address is refused before anything is opened."""
    assert f"{address!r} is an address, not a file." == refusal(con, tmp_path, address)


def test_the_engine_fetches_no_extension(con, tmp_path):
    """Reading switches off the engine's downloads."""
    put(tmp_path, "a.csv", HEAD + ROWS)
    read(con, tmp_path)

    assert ("false",) == con.execute(
        "SELECT current_setting('autoinstall_known_extensions')::VARCHAR"
    ).fetchone()


def test_a_heading_without_rows_is_a_table_with_a_note(con, tmp_path):
    """A month without orders is no error."""
    put(tmp_path, "a.csv", HEAD)
    workbook(tmp_path / "b.xlsx", [["订单编号"]])

    raw = read(con, tmp_path)

    assert (0, ("订单编号", "客户", "金额")) == (raw.rows, raw.columns)
    assert {"a.csv: a heading and no rows", "b.xlsx: a heading and no rows"} < set(raw.notes)


# --- the engine's way and the careful way ---------------------------------------------------------


def test_both_ways_of_reading_give_the_same(con, tmp_path):
    """A file that the engine reads, and the same with one bad row, have equal good rows."""
    lines = [f'{i},"n ""{i}""","a{chr(10)}b",{i / 4}' for i in range(2000)]
    put(tmp_path, "a.csv", "id,name,note,amount\n" + "\n".join(lines) + "\n")
    put(tmp_path, "b.csv", "id,name,note,amount\n" + "\n".join([*lines, "x,y"]) + "\n")

    raw = read(con, tmp_path)
    good = con.execute(
        "SELECT id, name, note, amount, _row FROM raw WHERE _file = 'a.csv' EXCEPT"
        " SELECT id, name, note, amount, _row FROM raw WHERE _file = 'b.csv'"
    ).fetchall()

    assert ([], [2000, 2001]) == (good, [f.rows for f in raw.files])


# --- real data ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "count", "columns"),
    [
        ("online_retail/online_retail.parquet", 541_909, 8),
        ("cdnow/CDNOW_master.txt", 69_659, 4),
        ("zh_tmall_orders/tmall_order_report.csv", 28_010, 7),
        ("olist_sample/olist_order_reviews_dataset.csv", 8_225, 7),
        ("hillstrom/hillstrom.csv", 64_000, 12),
    ],
)
def test_real_files_are_read_whole(con, shared_data, pattern, count, columns):
    """Every row of the real files is there, and none has a problem."""
    raw = read(con, shared_data, pattern)
    problems = con.execute("SELECT count(_problem), count(*) FILTER (_total) FROM raw").fetchone()

    assert (count, columns, (0, 0)) == (raw.rows, len(raw.columns), problems)


def test_real_ids_are_text(con, shared_data):
    """Float ids have no .0, CDNOW's keep their zeros, Tmall's headings lose their spaces."""
    read(con, shared_data, "online_retail/*.parquet")
    ids = con.execute('SELECT min("CustomerID"), max("CustomerID") FROM raw').fetchone()
    con.execute("DROP TABLE raw")
    read(con, shared_data, "cdnow/CDNOW_master.txt")
    first = con.execute("SELECT * FROM raw WHERE _row = 2").fetchone()
    con.execute("DROP TABLE raw")

    assert (("12346", "18287"), ("00001", "19970101", "1", "11.77")) == (ids, first[:4])
    assert {"收货地址", "订单付款时间"} < set(read(con, shared_data, "zh_tmall_orders/*").columns)
