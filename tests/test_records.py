"""Records and their texts."""

import pytest
from repurchase.records import COLUMNS, Record, dimensions, parse_dimensions, record_rows, rounded


def test_dimensions_are_sorted_and_can_be_read_back():
    """Separators inside a value survive the round trip."""
    text = dimensions(store="A;B=C%", age=2)

    assert "age=2;store=A%3BB%3DC%25" == text
    assert {"age": "2", "store": "A;B=C%"} == parse_dimensions(text)


def test_rows_have_the_published_columns_in_order():
    """Other programs read these columns; their order is part of the promise."""
    row = record_rows([Record("buyers", 3.0, "count")])[0]

    assert list(COLUMNS) == list(row)
    assert ("profile", "reason") == (COLUMNS[0], COLUMNS[-1])


def test_rounding_touches_values_and_bounds_only():
    """A figure is rounded once, before anything is printed or stored."""
    record = Record("x", 0.12345678, "share", low=0.1, numerator=1.23456789, n=10)

    assert 0.123457 == rounded(record, 6).value
    assert 1.23456789 == rounded(record, 6).numerator


def test_a_value_that_is_not_finite_cannot_be_recorded():
    """NaN means nothing to a reader; None and a reason do."""
    with pytest.raises(ValueError, match="finite"):
        rounded(Record("x", float("nan"), "share"), 6)
