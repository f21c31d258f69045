"""Contact in tables: what is counted, what is compared, what is withheld and why."""

import datetime as dt
import math

import pandas as pd
import pytest
from repurchase import show
from repurchase.analysis.contact_counts import FACTS
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Note


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def cells_of(table):
    return [[text(c) for c in row] for row in table.rows]


SHARES = {"value": 0.25, "low": 0.2, "high": 0.31}


def changed(outcome, change, half, mark):
    bounds = {"change": change, "change_low": change - half, "change_high": change + half}
    return {f"{outcome}_{p}": v for p, v in {**SHARES, **bounds, "mark": mark}.items()}


def test_counts_stand_with_their_base_and_change(context_of) -> None:
    """What is not counted says why; a limit that the profile does not state is the release's."""
    rows = [(fact, 12.0, 400.0, 0.03, 15.0, -3.0, "") for fact in FACTS[:-1]]
    why = "the profile names no source for list_results"
    rows.append((FACTS[-1], *[math.nan] * 5, why))
    columns = ["fact", "value", "n", "share", "previous", "change", "missing"]
    result = Result(pd.DataFrame(rows, columns=columns), context=context_of())
    table = show.contact_counts(result, id="F-15")
    cells = cells_of(table)

    assert "More than 12 contacts in the last 30 days" == cells[0][0]
    assert ["12", "400 customers contacted in those days", "3.0%", "−3"] == cells[0][1:]
    assert ["–", why, "", ""] == cells[-1][1:]
    assert "12 contacts in 30 days is the release's" in table.caption
    chinese = show.contact_counts(
        Result(result.frame, context=context_of("zh-CN")), id="F-15"
    )
    assert "最近30天触达超过12次" == cells_of(chinese)[0][0]


def test_doses_stand_beside_their_reference(context_of) -> None:
    """Fewer than 30 customers have no share; the days of contacts and of outcomes are named."""
    kinds = ((0, 0, 500, False), (1, 1, 400, True), (2, 3, 29, False), (13, math.nan, 40, False))
    rows = [
        {"low": low, "high": high, "customers": n, "reference": reference,
         **changed("repurchase", -0.03, 0.01, "stands"), **changed("opt_out", 0.02, 0.03, "")}
        for low, high, n, reference in kinds
    ]  # fmt: skip
    table = show.dose_response(Result(pd.DataFrame(rows), context=context_of()), id="F-16")
    cells = cells_of(table)

    assert ["0", "1", "2–3", "13+"] == [row[0] for row in cells]
    assert ("25.0% (20.0–31.0%)", "reference") == (cells[1][2], cells[1][3])
    assert ("–", "−3.0 (−4.0 to −2.0)") == (cells[2][2], cells[3][3])
    assert table.rows[3][3].bold
    assert table.rows[3][5].muted
    assert "2 Aug 2025 to 31 Aug 2025" in table.caption
    assert "1 Sep 2025 to 30 Sep 2025" in table.caption


def one_test(**told):
    row = {
        "experiment": "x", "arm": "new", "against": "old", "assigned_on": dt.date(2025, 8, 1),
        "n": 200.0, "other_n": 210.0, "touches": 1.5, "other_touches": 0.5, "touch_change": 1.0,
        "touches_differ": True, "content_differs": True, "missing": "",
        "repurchase_other_value": 0.2, **changed("repurchase", 0.05, 0.02, "stands"),
        **changed("opt_out", 0.01, 0.02, ""),
    }  # fmt: skip
    return row | told


def test_a_test_is_shown_or_withheld(context_of) -> None:
    """Sizes, contacts and shares of both arms; a broken split shows its reason and no figure."""
    why = "the arms are not of the planned sizes (p = 2.5e-10): the assignment is broken"
    nothing = {"repurchase_change": math.nan, "opt_out_change": math.nan}
    frame = pd.DataFrame([one_test(), one_test(missing=why, **nothing)])
    table = show.contact_tests(Result(frame, context=context_of()), id="F-17")
    sound, broken = cells_of(table)

    expected = ["x: new against old", "1 Aug 2025", "200 / 210", "1.5 / 0.5", "25.0% / 20.0%"]
    assert [*expected, "+5.0 (+3.0 to +7.0)"] == sound[:6]
    assert ("–", f"withheld: {why}", "") == tuple(broken[4:])
    assert "25.0%" not in "".join(broken)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "differ in how often they were contacted"),
        ({"content_differs": False}, "the same templates"),
    ],
)
def test_where_no_test_tells_content_it_is_said(told, words, context_of) -> None:
    """More contacts, or nothing that differs in content."""
    frame = pd.DataFrame([one_test(**told)])
    note = show.content_tests(Result(frame, context=context_of()), id="F-19")

    assert isinstance(note, Note)
    assert words in note.text
    clean = pd.DataFrame([one_test(touches_differ=False, touch_change=0.1)])
    table = show.content_tests(Result(clean, context=context_of()), id="F-19")
    assert "What content does, where chance decided who got it" == table.title


def test_templates_with_too_few_are_named(context_of) -> None:
    """A name of the data stands as it is; a message without a link has no share of clicks."""
    none = {f"click_{p}": math.nan for p in SHARES} | {"click_change": math.nan, "click_mark": ""}
    none |= {"click_change_low": math.nan, "click_change_high": math.nan}
    order = changed("order", -0.02, 0.01, "exploratory")
    rows = [
        {"kind": "personalised", "key": "personalised", "customers": 300.0, **order, **none},
        {"kind": "template", "key": "欢迎 <b>", "customers": 200.0, **order, **none},
        {"kind": "template", "key": "T99", "customers": 99.0, **order, **none},
    ]
    table = show.content(Result(pd.DataFrame(rows), context=context_of()), id="F-18")
    cells = cells_of(table)

    assert ["Personalised against generic", "Personalised", "Templates, most customers first",
            "欢迎 <b>"] == [row[0] for row in cells]  # fmt: skip
    assert "−2.0 (−3.0 to −1.0), exploratory" == cells[3][3]
    assert ["–", "–"] == cells[3][4:]
    assert "Too few customers to judge (fewer than 100): T99." in table.caption
    assert "up to 31 Aug 2025" in table.caption


def test_credits_by_three_rules_beside_their_cost(context_of) -> None:
    """A channel without a cost is named; orders without a contact and all of them stand below."""
    rows = []
    for channel, orders, cost in (("sms", 2.5, 10.0), ("phone", 1.0, math.nan),
                                  ("", 4.0, math.nan), ("all", 7.5, math.nan)):  # fmt: skip
        row = {"channel": channel, "cost": cost, "missing": ""}
        for rule in ("first", "last", "even"):
            row |= {f"{rule}_orders": orders, f"{rule}_worth": 10 * orders,
                    f"{rule}_cost": cost / orders}  # fmt: skip
        rows.append(row)
    rows[1]["missing"] = "no cost of contact names the channel phone"
    margin = Record("attributed_margin", 25.0, "money", "channel=sms;rule=even")
    result = Result(pd.DataFrame(rows), (margin,), context=context_of())
    table = show.attribution(result, id="F-20")
    cells = cells_of(table)

    assert ["SMS", "phone", "No contact in those days", "All repeat orders"] == [
        row[0] for row in cells
    ]
    assert ["2.5", "2.5", "2.5", "¥10.00", "¥10", "¥4.00 · ¥4.00 · ¥4.00"] == cells[0][1:]
    assert ["–", "–"] == cells[1][5:]
    assert "Without a cost: no cost of contact names the channel phone." in table.caption
    assert "no return on the cost" in table.caption


def test_nothing_to_show_says_why(context_of) -> None:
    """The reason stands once: what follows from it stays silent, another reason does not."""
    why = "the profile names no source for events"
    records = tuple(
        Record(m, None, "share", status="not_computed", reason=why)
        for m in ("dose_repurchase", "dose_opt_out")
    )
    result = Result(pd.DataFrame(), records, context=context_of())
    blocks = [
        draw(result, id="F-1")
        for draw in (show.contact_counts, show.contact_tests, show.content, show.attribution)
    ]

    assert {f"Not computed: {why}."} == {block.text for block in blocks}
    assert "" == show.dose_response(result, id="F-1").text
    assert "" == show.content_tests(result, id="F-1").text
    other = (Record("dose_repurchase", None, "share", status="not_computed", reason="nobody"),)
    told = show.dose_response(Result(pd.DataFrame(), other, context=context_of()), id="F-1")
    assert "Not computed: nobody." == told.text
