"""The pages at the back say what made the pack, nested parameters too."""

import pytest
from repurchase.show.appendix import LONGEST_TEXT, provenance_table
from repurchase.words import Words


def settings(period_file=None, **profile):
    """The rows of the table of parameters."""
    manifest = {
        "profile": "demo", "period": "2025-09", "revision": "abc", "snapshot": "0", "python": "3",
        "data_from": "2024-01-01", "data_through": "2025-09-30", "libraries": {}, "chapters": [],
        "parameters": {"profile": profile, "period_file": period_file or {}},
    }  # fmt: skip
    _, table = provenance_table(Words("en"), manifest)
    return dict(table.rows)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"en": "Paid orders", "zh-CN": "已付款"}, "Paid orders"), ({"zh-CN": "已付款"}, "已付款"),
        ([{"name": "618", "day": "06-16", "days": 3}, {"name": "双11", "day": "11-09", "days": 1}],
         "name: 618, day: 06-16, days: 3; name: 双11, day: 11-09, days: 1"),
        ({"joined through": "source_channel"}, "joined through: source_channel"),
        ({"from": "2025", "to": None, "text": {"en": "Late"}}, "from: 2025, text: Late"),
        ({"a": {"b": 1, "c": [2, 3]}}, "a: {b: 1, c: 2, 3}"),
        (["retention", "funnel"], "retention; funnel"),
        (False, "false"), (0, "0"), (0.005, "0.005"),
    ],
)  # fmt: skip
def test_a_parameter_is_printed_on_one_line(value, text):
    """Lists, pairs and texts in two languages, as short as a profile writes them."""
    assert {"it": text} == settings(it=value)


def test_what_is_not_given_is_left_out():
    """None, and what is empty; both files are told."""
    assert {"a": "1", "incidents": "text: Late"} == settings(
        {"incidents": [{"text": "Late"}], "commentary": {}}, a=1, b=None, c=[], d={}, e=""
    )


def test_a_long_text_ends_in_an_ellipsis():
    """The manifest has it whole."""
    (text,) = settings(commentary={"retention": "x" * 1000}).values()

    assert text.endswith("x…")
    assert LONGEST_TEXT + len("retention: ") == len(text)
