"""Answers as bytes: what comes back is what was written, and reading runs nothing."""

import datetime as dt
import decimal
import io
import os
import pickle
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from repurchase import pickled
from repurchase.analysis.standing import Known
from repurchase.context import Context
from repurchase.params import FunnelStep
from repurchase.records import Record, Result

FRAME = pd.DataFrame(
    {
        "text": ["a", None],
        "day": [dt.date(2025, 9, 30), None],
        "money": [decimal.Decimal("1.20"), None],
        "moment": pd.to_datetime(["2025-09-30", None]),
        "flag": [True, False],
        "maybe": pd.array([True, None], "boolean"),
        "count": pd.array([1, None], "Int64"),
        "share": pd.array([0.5, None], "Float64"),
        "number": [1.5, float("nan")],
        "class": pd.Categorical(["a", "b"]),
        "span": pd.to_timedelta([1, 2], unit="D"),
        "mixed": [(1, "a"), [2.0]],
    }
).rename_axis(columns="SAMPLE 5%")


def written(value, context=None):
    """The value's bytes."""
    file = io.BytesIO()
    pickled.write(value, file, context)
    return file.getvalue()


def context_of():
    """A context; whose company it is makes no difference here."""
    return Context(params=None, period=None, windows=None, words=None)


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        FRAME.iloc[:0],
        FRAME.set_index(["text", "flag"]),
        FRAME.T,
        pd.DataFrame({"a": [1]}, index=pd.CategoricalIndex(["x"], name="i")),
        pd.DataFrame({"a": pd.Series(["x", None], dtype=pd.StringDtype("python"))}),
        pd.DataFrame(index=pd.DatetimeIndex(["2025-09-30"])),
    ],
)
def test_a_frame_comes_back_as_it_was(frame):
    """Values, kinds of columns, missing ones, index and the mark of a sample."""
    found = pickled.read(written(frame), None)

    pd.testing.assert_frame_equal(frame, found, check_freq=True)
    assert frame.columns.name == found.columns.name


def test_values_of_every_plain_kind_come_back():
    """Also numbers of numpy, missing ones, and what the library itself is made of."""
    value = (
        {"a": [1, 2.5, "x", None, True], 2: {3}, "frozen": frozenset({"y"})},
        dt.datetime(2025, 9, 30, 12, tzinfo=dt.UTC),
        dt.timedelta(days=1),
        pd.Timestamp("2025-09-30"),
        pd.Timedelta(days=1),
        np.float64(0.1),
        np.int64(2),
        Known("no revenue", None, None),
        Record("buyers", 1.0, "count", n=2.0),
        FunnelStep.model_validate({"name": "Contact", "events": ["call"]}),
    )
    found = pickled.read(written((*value, pd.NA, pd.NaT, np.array([1, 2]))), None)

    assert value == found[:-3]
    assert [type(one) for one in value] == [type(one) for one in found[:-3]]
    assert found[-3] is pd.NA and found[-2] is pd.NaT
    assert [1, 2] == found[-1].tolist()


def test_a_result_gets_the_context_of_whoever_reads_it():
    """Not the one it was written with, which may be of another day's parameters."""
    here, there = context_of(), context_of()
    content = written((Result(FRAME, sql="SELECT 1", context=here), {"told": here}), here)
    result, rest = pickled.read(content, there)

    assert result.context is there and rest["told"] is there
    assert "SELECT 1" == result.sql


@pytest.mark.parametrize(
    "value",
    [
        lambda: None,
        os.system,
        Path("x"),
        pd.read_pickle,
        pickled.write,
        ibis.table({"a": "int64"}, name="t"),
        {"frame": ibis.memtable({"a": [1]})},
        Result(ibis.table({"a": "int64"}, name="t").count()),
        context_of(),
        pd.Series([1], index=pd.period_range("2025-09", periods=1, freq="M")),
    ],
)
def test_what_is_no_plain_data_is_refused_when_it_is_written(value):
    """Functions, lazy tables, paths, another review's context, and what nobody has listed."""
    with pytest.raises(pickled.ForeignError):
        written(value, context_of())


class Calls:
    """Pickles as a call of something."""

    def __init__(self, function, *words):
        self.call = function, words

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "call",
    [
        (os.system, "touch {}"),
        (eval, "open('{}', 'w')"),
        (exec, "open('{}', 'w')"),
        (Path.touch, Path("{}")),
        (pd.read_csv, "{}"),
        (getattr, dt.date, "today"),
        (io.open, "{}", "w"),
    ],
)
def test_a_foreign_file_runs_nothing(call, tmp_path):
    """What a pickle names is refused by its name, before it is called."""
    told = tmp_path / "told"
    function, *words = call
    filled = [type(w)(str(w).format(told)) if isinstance(w, str | Path) else w for w in words]
    content = pickle.dumps([Calls(function, *filled)])

    with pytest.raises(pickled.ForeignError):
        pickled.read(content, None)
    assert not told.exists()


def test_a_function_of_the_library_is_as_foreign_as_any():
    """Its classes that hold data are known, what does something is not."""
    content = pickle.dumps(Calls(pickled.read, b"", None))

    with pytest.raises(pickled.ForeignError, match=r"repurchase\.pickled\.read"):
        pickled.read(content, None)
