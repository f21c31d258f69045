"""Products in tables: who comes back, what is new, what goes together."""

import math

import pandas as pd
from repurchase import show
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Note, Text


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def product_rows(*rows):
    columns = ["kind", "name", "n_90", "n_180", "same_180", "any_change", "mark", "launched"]
    shares = {
        f"{what}_{part}": value
        for what in ("same", "any")
        for part, value in (("value", 0.25), ("low", 0.2), ("high", 0.31))
    }
    return pd.DataFrame(rows, columns=columns).assign(**shares, p=0.01)


def test_a_change_that_stands_is_bold(context_of) -> None:
    """Exploratory ones say so; products with few buyers are left to the exhibit's data."""
    frame = product_rows(
        ("category", "咖啡豆", 100.0, 80.0, 40.0, 0.066, "stands", None),
        ("category", "杯具", 90.0, 20.0, 9.0, -0.05, "exploratory", None),
        ("product", "P1", 40.0, 40.0, 10.0, 0.001, "", None),
        ("product", "P2", 29.0, 29.0, 9.0, math.nan, "", None),
    )
    table = show.product_table(Result(frame, context=context_of()), id="V-8")
    cells = [[text(c) for c in row] for row in table.rows]
    assert ["Categories", "咖啡豆", "杯具", "Products with most buyers", "P1"] == [
        row[0] for row in cells
    ]
    assert ["100", "25.0% (20.0–31.0%)", "50.0%", "25.0% (20.0–31.0%)", "+6.6"] == cells[1][1:]
    assert table.rows[1][5].bold
    assert ("–", "−5.0, exploratory") == (cells[2][3], cells[2][5])
    assert table.rows[4][5].muted
    assert "1 with fewer than 30" in table.caption
    assert "3 Jul 2024 to 2 Jul 2025" in table.caption


def test_no_lines_no_table(context_of) -> None:
    """The reason stands in its place, in the reader's language."""
    why = "the profile names no source for order_lines"
    record = Record("same_again_90d", None, "share", status="not_computed", reason=why)
    result = Result(pd.DataFrame(), (record,), context=context_of("zh-CN"))
    block = show.product_table(result, id="V-8")
    assert isinstance(block, Note)
    assert "order_lines" in block.text
    assert "the profile" not in block.text
    assert Text("") == show.pair_table(result, id="V-9")


def test_new_products_are_a_table_or_a_sentence(context_of) -> None:
    """Too few buyers are counted and not judged; none launched is said."""
    context = context_of()
    frame = product_rows(
        ("product", "滤纸", 29.0, 0.0, 0.0, math.nan, "", "2025-01-05"),
        ("product", "新豆", 30.0, 0.0, 0.0, math.nan, "", "2025-03-01"),
    )
    table = show.new_product_table(Result(frame, context=context))
    assert ["滤纸", "5 Jan 2025", "29", "–", "–"] == [text(c) for c in table.rows[0]]
    assert "25.0% (20.0–31.0%)" == text(table.rows[1][3])
    none = Result(pd.DataFrame(), (Record("new_products", 0.0, "count"),), context=context)
    assert Text("No product was launched in the last twelve months.") == (
        show.new_product_table(none)
    )
    unknown = Record("new_products", None, "count", status="not_computed", reason="x")
    assert Text("") == show.new_product_table(Result(pd.DataFrame(), (unknown,), context=context))


def test_only_pairs_above_chance_are_shown(context_of) -> None:
    """With lift, interval and both confidences; how many were possible stands beneath."""
    row = {
        "a_name": "滤杯", "b_name": "滤纸", "count": 30, "b_given_a": 0.75, "a_given_b": 0.5,
        "lift": 1.875, "low": 1.4, "high": 2.51, "stands": True, "baskets": 100, "tested": 3,
    }  # fmt: skip
    frame = pd.DataFrame([row, {**row, "a_name": "x", "stands": False}])
    table = show.pair_table(Result(frame, context=context_of()), id="V-9")
    assert [["滤杯", "滤纸", "30", "75.0%", "50.0%", "1.88 (1.40–2.51)"]] == [
        [text(c) for c in r] for r in table.rows
    ]
    assert "among the 3 pairs possible" in table.caption
