"""Expressions of a profile compute, and can do nothing else."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repurchase.errors import ParameterError
from repurchase.model.expression import compile_expression

KINDS = {
    "order_id": "id", "quantity": "number", "unit_price": "money", "ordered_at": "time",
    "x_note": "text", "x_qty": "text",
}  # fmt: skip
ENGINE = duckdb.connect()


def compiled(text: str) -> str:
    return compile_expression(text, KINDS, where="exclude.a")


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        (
            "quantity <= 0 and not order_id like 'C%'",
            "\"quantity\" <= 0 AND NOT \"order_id\" LIKE 'C%'",
        ),
        ("QUANTITY * unit_price", '"quantity" * "unit_price"'),
        ("x_note in ('a', 'it''s')", "\"x_note\" IN ('a', 'it''s')"),
        ("quantity between 1 and 3", '"quantity" BETWEEN 1 AND 3'),
        ("ordered_at < date '2020-01-01'", "\"ordered_at\" < CAST('2020-01-01' AS DATE)"),
        ("starts_with(order_id, 'C') -- why", "STARTS_WITH(\"order_id\", 'C')"),
        ("coalesce(lower(x_note), '') = ''", "COALESCE(LOWER(\"x_note\"), '') = ''"),
        ("number(x_qty) > 2", 'TRY_CAST("x_qty" AS DECIMAL(18, 6)) > 2'),
        ("x_note is null", '"x_note" IS NULL'),
    ],
)  # fmt: skip
def test_what_is_on_the_list_is_written_anew_with_quoted_names(text: str, sql: str) -> None:
    """Columns are quoted, literals escaped, comments gone."""
    assert sql == compiled(text)


@pytest.mark.parametrize(
    "text",
    [
        "read_csv('/etc/passwd') is null",
        "getenv('HOME') = 'a'",
        "current_setting('access_mode') = 'a'",
        "(select 1) = 1",
        "quantity in (select 1)",
        "exists (select 1)",
        "quantity > 0; drop table orders",
        "quantity::integer > 1",
        "cast(x_note as json) is null",
        "sum(quantity) > 1",
        "row_number() over () = 1",
        "columns('.*') is null",
        "list_transform([1], x -> x) is null",
        "orders.quantity > 1",
        "$1 = 1",
        "? = 1",
        "*",
        "x_note similar to 'a'",
        "order_id[1] = 'C'",
        "",
        "quantity >",
        "quantity + " * 700 + "1",
        "(" * 900 + "1" + ")" * 900,
    ],
)
def test_what_is_not_on_the_list_is_refused(text: str) -> None:
    """No query, function, cast or statement off the list passes, and no traceback appears."""
    with pytest.raises(ParameterError, match=r"exclude\.a"):
        compiled(text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("x_note = ", "something is missing or too much at or after '='"),
        ("x_note 'gold'", "something is missing or too much at or after \"'gold'\""),
        ("(x_note = 'a'", "something is missing or too much at or after \"'a'\""),
        ("x_note = 'gold", "each quotation mark is closed by another one"),
        ("(" * 900 + "1" + ")" * 900, "it is nested too deep"),
    ],
)
def test_what_breaks_off_is_told_without_the_parsers_words(text: str, rule: str) -> None:
    """Place, rule and remedy; nothing of the parser's classes, and no wall of text."""
    with pytest.raises(ParameterError) as caught:
        compiled(text)
    error = caught.value

    assert (rule, "exclude.a") == (error.rule, error.where)
    assert "cannot be read as an expression" in error.what
    assert "single quotes" in error.remedy
    assert "sqlglot" not in str(error) and "Line 1" not in str(error)
    assert 500 > len(str(error))


def test_a_text_without_quotes_is_taken_for_a_column_and_told_so() -> None:
    """Who writes x_note = gold means a text."""
    with pytest.raises(ParameterError, match="'gold'") as caught:
        compiled("x_note = gold")
    assert "a text stands in single quotes" in caught.value.remedy


def test_an_unknown_column_is_named_with_the_nearest_one() -> None:
    """A misspelt column stops the run and shows the right name."""
    with pytest.raises(ParameterError, match="did you mean 'quantity'"):
        compiled("quantitty > 1")


def test_an_unknown_function_is_named_with_the_nearest_one() -> None:
    """A misspelt function shows the right name."""
    with pytest.raises(ParameterError, match=r"did you mean length\(\)"):
        compiled("lenght(order_id) = 3")


@pytest.mark.parametrize("text", ["x_qty > 2", "x_qty * 2 = 4", "x_qty in (1, 2)", "-1 < x_qty"])
def test_text_used_as_a_number_is_refused_before_the_engine_stumbles(text: str) -> None:
    """Comparing text with a number names the function that reads it as one."""
    with pytest.raises(ParameterError, match=r"number\(x_qty\)"):
        compiled(text)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_in_a_literal_stays_that_text(text: str) -> None:
    """A literal cannot end early, whatever it holds."""
    if "\0" in text:
        return
    literal = "'" + text.replace("'", "''") + "'"
    sql = compiled(f"x_note = {literal}")
    row = ENGINE.execute(f"SELECT {sql} FROM (SELECT ? AS x_note)", [text]).fetchone()
    assert (True,) == row
