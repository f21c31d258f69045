import re
from decimal import Decimal
from types import SimpleNamespace

import pandas as pd
import pytest
from repurchase import show
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell
from repurchase.show.data import NOTES, row_reason
from repurchase.sources.excel import ERRORS


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def test_rows_add_up_under_each_table(context_of):
    """The bold line counts every row read; outcomes stand beneath, each reason once."""
    frame = pd.DataFrame(
        [
            ("orders", "quarantined", "missing_order_id", "sale", 1, Decimal("3.00")),
            ("orders", "loaded", None, "sale", 6, Decimal("60.00")),
            ("orders", "loaded", None, "return", 2, Decimal("-5.00")),
            ("orders", "excluded", "test_orders", "sale", 1, None),
        ],
        columns=["table", "outcome", "reason", "kind", "rows", "amount"],
    )

    table = show.load_report(Result(frame, context=context_of()))

    assert [
        ["orders", "read", "", "10", "¥58.00"],
        ["", "loaded", "", "8", "¥55.00"],
        ["", "excluded", "test_orders", "1", ""],
        ["", "set aside", "order_id is empty", "1", "¥3.00"],
    ] == [[text(c) for c in row] for row in table.rows]


def test_a_load_report_without_money_has_no_money_column(context_of):
    """Where no row has an amount, no empty column is printed."""
    frame = pd.DataFrame(
        {"table": ["stores"], "outcome": ["loaded"], "reason": [""], "rows": [5], "amount": [None]}
    )

    table = show.load_report(Result(frame, context=context_of()))

    assert 4 == len(table.columns)
    assert ["stores", "all loaded", "", "5"] == [text(c) for c in table.rows[0]]
    assert 1 == len(table.rows)


def test_each_step_of_the_bridge_is_worded(context_of):
    """Codes of the model become words; an amount that cannot be known says why."""
    frame = pd.DataFrame(
        [
            ("source", "source_sales", Decimal("100.00"), 10, None, False, None),
            ("source", "excluded", Decimal("-5.00"), 1, "staff", False, None),
            ("source", "analysed", Decimal("95.00"), None, None, True, None),
            ("finance: ERP", "finance_total", Decimal("96.00"), None, None, False, None),
            ("finance: ERP", "tax", None, None, None, False, "tax_not_given"),
        ],
        columns=["bridge", "code", "amount", "rows", "name", "total", "reason"],
    )

    table = show.money_bridge(Result(frame, context=context_of("zh-CN")))

    rows = [[text(c) for c in row] for row in table.rows]
    assert ["已排除：staff", "1", "−¥5.00"] == rows[1]
    assert ["", "", ""] == rows[3]
    assert "财务总额：ERP" == rows[4][0]
    assert ["税（订单中没有税额）", "", "–"] == [
        rows[5][0].replace(" (", "（").replace(")", "）"),
        *rows[5][1:],
    ]


def test_files_show_how_they_were_read(context_of):
    """Columns that the reader did not fill are left out; delimiters have names."""
    frame = pd.DataFrame(
        {"table": ["orders"], "file": ["orders.csv"], "encoding": ["gb18030"], "delimiter": ["\t"],
         "sheet": [None], "rows": [1200]}
    )  # fmt: skip

    table = show.sources(Result(frame, context=context_of()))

    assert ["Table", "File", "Encoding", "Delimiter", "Rows"] == [c.label for c in table.columns]
    assert ("orders", "orders.csv", "gb18030", "tab", "1,200") == table.rows[0]


def test_files_that_were_read_alike_share_a_line(context_of):
    """Thirty monthly files are one line with their rows together; another encoding is its own."""
    frame = pd.DataFrame(
        {"table": "orders", "file": ["o/2025-01.csv", "o/2025-02.csv", "o/2025-03.csv"],
         "encoding": ["gb18030", "gb18030", "utf-8"], "delimiter": "comma", "rows": [10, 5, 1]}
    )  # fmt: skip

    table = show.sources(Result(frame, context=context_of()))

    assert [
        ("orders", "2 files, o/2025-01.csv to 2025-02.csv", "gb18030", "comma", "15"),
        ("orders", "o/2025-03.csv", "utf-8", "comma", "1"),
    ] == list(table.rows)
    assert 4 == table.csv.count("\n")


def test_the_whole_source_is_told_apart_from_the_period(context_of):
    """Only figures of the whole source are listed, the share to two digits."""
    records = (
        Record("customers", 4338.0, "count", "span=source"),
        Record("repeat_customer_share", 0.6432, "share", "span=source"),
        Record("customers", 4297.0, "count", "span=history"),
    )

    table = show.whole_source(Result(None, records, context=context_of()))

    assert [("Customers", "4,338"), ("of whom with a second order date", "64.32%")] == list(
        table.rows
    )


def test_notes_are_worded_and_unknown_codes_left_out(context_of):
    """A note carries its own numbers; a code that nobody words is not printed raw."""
    snapshot = SimpleNamespace(
        meta={
            "notes": [
                {"code": "no_exchange_rate", "table": "orders", "value": "USD", "rows": 12},
                {"code": "something_new"},
            ]
        }
    )

    block = show.notes(snapshot, context=context_of())

    assert ["12 orders in USD have no exchange rate: they count as orders, not as money."] == [
        item.title for item in block.items
    ]


def test_a_value_never_seen_before_is_named(context_of):
    """A store whose first order lies in the period is new; one that was there before is not."""
    first = {"store_id": {"S1": "2023-05-01", "S9": "2025-09-12"}, "channel": {"app": "2023-04-01"}}
    block = show.notes(SimpleNamespace(meta={"first_seen": first}), context=context_of())

    assert ["Never seen before: Store S9, first order on 12 Sep 2025."] == [
        item.title for item in block.items
    ]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("repeated_row", "the same row again"),
        ("repeated_ordered_at", "ordered_at lies in an hour that daylight saving repeats"),
        ("skipped_ordered_at", "ordered_at lies in an hour that daylight saving skips"),
        ("unreadable_net_amount", "net_amount cannot be read"),
        ("my own reason", "my own reason"),
    ],
)
def test_every_rule_of_a_row_is_worded(context_of, code, said):
    """A rule's code is never printed raw; a profile's own name stands."""
    assert said == row_reason(context_of().words, code)


def test_error_cells_of_a_workbook_are_told(context_of):
    """The reader's note, in the reader's language; other notes of a file are not for print."""
    said = ERRORS.format(file="a (1).xlsx", count=2, kinds="#REF! 1, #N/A 1", first="B3")
    sources = [{"notes": ["a.xlsx: hidden sheets not read: b"]}, {"notes": [said]}, {}]
    snapshot = SimpleNamespace(meta={"sources": sources})

    (item,) = show.notes(snapshot, context=context_of()).items
    assert said in (item.title, item.text)
    (item,) = show.notes(snapshot, context=context_of(language="zh-CN")).items
    assert "#REF! 1" in item.title and "cells" not in item.title


def test_every_note_of_the_model_is_worded(root):
    """A note that the model leaves and nobody words would be lost on the data page."""
    source = "".join(
        path.read_text(encoding="utf-8") for path in (root / "lib/repurchase/model").glob("*.py")
    )
    codes = set(re.findall(r"""note(?:_rows)?\(\s*["'](\w+)["']""", source))

    assert {"merged_customers", "no_exchange_rate"} <= codes
    assert codes <= set(NOTES)
