"""What a cell records is told at once, and once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from repurchase.records import MIME, Record
from repurchase.review import Recorded


@pytest.fixture
def shell() -> Iterator[Any]:
    """A running notebook's shell, gone after the test."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def recorded(metric: str) -> Recorded:
    return Recorded(records=[Record(metric, 1.0, "count")], findings=[])


def outputs(shell: Any, source: str, **names: Any) -> list[str]:
    """The metrics in each output of a cell."""
    shell.user_ns |= names
    with capture_output(stdout=False, stderr=False, display=True) as caught:
        shell.run_cell(source)
    bundles = [one.data if hasattr(one, "data") else one["data"] for one in caught.outputs]
    return [row["metric"] for bundle in bundles for row in bundle.get(MIME, {})["records"]]


def test_every_record_of_a_cell_becomes_an_output(shell: Any) -> None:
    """Two in one cell, and one that is no cell's last line; the last is not told twice."""
    a, b = recorded("buyers"), recorded("orders")

    assert ["buyers", "orders"] == outputs(shell, "a.published()\nb.published()", a=a, b=b)
    assert ["rows"] == outputs(shell, "c.published()\nx = 1", c=recorded("rows"))


def test_outside_a_notebook_it_is_only_a_value() -> None:
    """In a script nothing is shown."""
    one = recorded("buyers")

    assert one is one.published()
    assert not one._is_published
