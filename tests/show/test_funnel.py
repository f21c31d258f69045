"""The funnel in pictures and tables: what they claim, and what they leave blank."""

import datetime as dt
import math
from dataclasses import replace

import pandas as pd
import pytest
from repurchase import show
from repurchase.analysis.funnel import Funnel
from repurchase.params import FunnelSpec
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Figure, Note

STEPS = ({"events": "sms"}, {"events": "cart"}, {"orders": "repeat"}, {"surveys": "answered"})
NAMES = ("Contact", "Interest", "Repurchase", "Care")


def which(source="profile", order="ordered"):
    spec = FunnelSpec.model_validate({
        "name": "f", "order": order,
        "steps": [{"name": n, **s} for n, s in zip(NAMES, STEPS, strict=True)],
    })  # fmt: skip
    return Funnel("f", "Messages", NAMES, 30, order, source, spec)


def step(name, value=0.2, *, level=0.3, change=math.nan, mark="", **more):
    row = {
        "funnel": "f", "step": name, "reached": 1000.0, "converted": value * 1000, "value": value,
        "low": value - 0.02, "high": value + 0.02, "level": level, "level_low": level - 0.01,
        "level_high": level + 0.01, "level_windows": 6,
    }  # fmt: skip
    for window in ("previous", "year_ago"):
        row |= {f"{window}_change": change, f"{window}_low": change - 0.01,
                f"{window}_high": change + 0.01, f"{window}_mark": mark}  # fmt: skip
    return row | more


def conversion(*rows, records=(), context):
    return Result(pd.DataFrame(rows), tuple(records), context=context)


def waiting(count=0):
    day = dt.date.fromisoformat
    return Result(pd.DataFrame([{
        "entered_from": day("2025-08-02"), "entered_to": day("2025-08-31"), "customers": count,
        "first": day("2025-09-01"), "last": day("2025-09-30"),
        "readable_from": day("2025-10-30"),
    }]))  # fmt: skip


@pytest.mark.parametrize("letter", ["W", "很", "👍"])
def test_names_of_sixty_letters_leave_room_for_the_bars(context_of, letter) -> None:
    """The picture cuts them; what it is called has them whole."""
    told = conversion(step("1"), step("2"), step("3"), step("end"), context=context_of("zh-CN"))
    names = tuple(letter * 59 + n for n in "1234")
    block = show.funnel(replace(which(), steps=names), told, waiting(), id="F-1")

    assert isinstance(block, Figure)
    assert names[0] in block.title and "…" not in block.title
    assert "…" in str(block.svg)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (step("end", 0.05, level=0.1), "5.0%, below the own level of 10.0%"),
        (step("end", 0.2, level=0.1), "20.0%, above the own level of 10.0%"),
        (step("end", 0.05, level=0.06), "5.0%, about its own level of 6.0%"),
        (step("end", 0.05, level=math.nan), "5.0%"),
    ],
)
def test_the_title_holds_the_whole_way_against_its_own_level(context_of, end, said) -> None:
    """Below or above only if both intervals say so."""
    told = conversion(step("1"), step("2"), step("3"), end, context=context_of())
    block = show.funnel(which(), told, waiting(), id="F-1")

    assert isinstance(block, Figure)
    assert f"From Contact to Repurchase: {said}" == block.title


def test_the_caption_says_who_is_counted_and_who_waits(context_of) -> None:
    """Days of entry, order of the steps, the mark, and the day for those who are not read yet."""
    told = conversion(step("1"), step("2"), step("3"), step("end"), context=context_of())
    caption = show.funnel(which(), told, waiting(1234), id="F-1").caption

    for said in ("2 Aug 2025 to 31 Aug 2025", "30 days after entry", "Ordered: each step",
                 "own level of the 6 windows", "1,234 customers, all of them from 30 Oct 2025"):
        assert said in caption
    quiet = show.funnel(which(order="any"), told, waiting(), id="F-1").caption
    assert "Any order" in quiet
    assert "not yet readable" not in quiet


def test_a_step_that_nobody_reached_is_not_read_aloud(context_of) -> None:
    """The others are, each with its share; no share is made up for it."""
    nobody = step("3", math.nan) | {"reached": 0.0, "converted": 0.0}
    told = conversion(step("1"), step("2", 0.4), nobody, step("end"), context=context_of())
    block = show.funnel(which(), told, waiting(), id="F-1")

    assert "Contact → Interest 20.0%, Interest → Repurchase 40.0%." in block.alt
    assert "Care" not in block.alt


def test_a_funnel_that_cannot_be_read_says_why(context_of) -> None:
    """No picture of nothing."""
    why = "the data hold no whole contact window of 2025-09"
    record = Record("step_conversion", None, "share", status="not_computed", reason=why)
    told = conversion(step("1", math.nan), records=[record], context=context_of())
    block = show.funnel(which(), told, waiting(), id="F-1")

    assert isinstance(block, Note)
    assert why in block.text


def test_what_is_to_be_read_with_care_says_so(context_of) -> None:
    """A provisional figure carries its reason to the picture and to the table."""
    why = "some first orders may be returns of customers older than the data"
    record = Record("step_conversion", 0.2, "share", status="provisional", reason=why)
    steps = (step("1"), step("2"), step("3"), step("end"))
    told = conversion(*steps, records=[record], context=context_of())

    assert f"To be read with care: {why}." in show.funnel(
        which(), told, waiting(), id="F-1"
    ).caption
    assert "Not computed" not in show.funnel_steps([which()], [told], id="F-2").caption


@pytest.mark.parametrize(("source", "said"), [("order_rank", "orders alone"), ("default", "")])
def test_the_banner_stands_only_where_orders_tell_all(context_of, source, said) -> None:
    """Two months of the same funnel from contacts have none."""
    block = show.funnel_banner(which(source), context=context_of())

    assert said in block.text
    assert isinstance(block, Note) == (source == "order_rank")


def test_changes_that_stand_are_bold_and_the_rest_is_grey(context_of) -> None:
    """The whole way is named; a change that is not known is a dash."""
    told = conversion(
        step("1", change=-0.05, mark="stands"), step("2", change=0.01),
        step("3"), step("end", change=0.02, mark="exploratory"), context=context_of(),
    )  # fmt: skip
    rows = show.funnel_steps([which()], [told], id="F-2").rows

    assert ("−5.0 pp (−6.0 to −4.0)", True, "bad") == (
        rows[0][4].text, rows[0][4].bold, rows[0][4].tone
    )
    assert rows[1][4].muted
    assert "–" == rows[2][5].text
    assert "Contact → Repurchase, the whole way" == rows[3][0].text
    assert "unsure" == rows[3][4].tone


def cut(label, n=100.0, value=0.2, *, step=1, name="channel", best=None, gap=math.nan, mark=""):
    row = {
        "step": step, "cut": name, "label": label, "entered": n, "n": n, "numerator": value * n,
        "value": value, "low": value - 0.02, "high": value + 0.02, "best_label": best,
        "best_change": gap, "best_mark": "stands" if gap < 0 else "",
    }  # fmt: skip
    for window in ("previous", "year_ago"):
        row |= {f"{window}_change": 0.01, f"{window}_low": 0.0, f"{window}_high": 0.02,
                f"{window}_p": 0.2, f"{window}_mark": mark}  # fmt: skip
    return row


def test_few_are_named_and_not_drawn(context_of) -> None:
    """Fewer than thirty entered by phone: the caption has the name, the table no row."""
    rows = [
        row
        for n in (1, 2, 3)
        for row in (
            cut("sms", step=n, best="sms"), cut("wechat", step=n, best="sms", gap=-0.1),
            cut("phone", 12.0, math.nan, step=n),
        )
    ]  # fmt: skip
    told = conversion(*rows, context=context_of())
    table = show.funnel_cuts(which(), told, id="F-3")
    names = [c.text if isinstance(c, Cell) else c for c in (row[0] for row in table.rows)]

    assert ["Channel", "SMS", "WeChat"] == names
    assert (True, False) == (table.rows[1][2].bold, table.rows[2][2].bold)
    assert "Channel: phone" in table.caption
    assert "of 3 others 3 lie below it" in table.caption


def test_changes_by_label_are_the_surest_first(context_of) -> None:
    """Only what is marked and has a name; the number looked at stands beneath."""
    rows = [cut(f"S{i}", name="store_id") for i in range(5)]
    rows[3] |= {"previous_mark": "stands", "previous_p": 0.001}
    rows[1] |= {"year_ago_mark": "exploratory", "year_ago_p": 0.04}
    rows.append(cut("", name="store_id", mark="stands"))
    table = show.funnel_changes(which(), conversion(*rows, context=context_of()), id="F-4")

    assert ["Store: S3", "Store: S1"] == [row[0] for row in table.rows]
    assert "looked at together: 12" in table.caption
    none = show.funnel_changes(
        which(), conversion(cut("S1"), context=context_of()), id="F-4"
    )
    assert "changes looked at: 2" in none.text


def test_times_below_an_hour_are_not_nought_days(context_of) -> None:
    """A basket a minute after the click; a step that few take is blank."""
    row = {"funnel": "f", "step": 1, "reached": 100.0, "taken": 60.0, "within": 0.6,
           "within_low": 0.5, "within_high": 0.7, "median": 0.0, "median_low": 0.0,
           "median_high": 0.0, "p90": 10.0, "p90_low": 8.0, "p90_high": 12.0}  # fmt: skip
    few = row | {"step": 2, "taken": 9.0, "median": math.nan}
    table = show.funnel_times([which()], [conversion(row, few, context=context_of())], id="F-5")

    assert ("the same hour", "10.0 (8.0 to 12.0)") == table.rows[0][3:]
    assert ("9", "", "", "") == table.rows[1][1:]
