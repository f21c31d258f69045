"""Leaks, what moved the end result, and what became of last period's, on the page."""

from dataclasses import replace

import pytest
from made.funnels import CHANNELS, NOW, broken, counted
from repurchase import show
from repurchase.analysis.end_change import end_change, within_steps
from repurchase.analysis.leak_worth import Worth
from repurchase.analysis.leaks import former_leaks, leaks
from repurchase.show.blocks import Cell, Figure, Note, Table

MARGIN = Worth("margin", 50.0, 1.0)
BROKEN = broken("wechat", 2, 0.25)


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def rows_of(table):
    return [[text(c) for c in row] for row in table.rows]


def found(context, *funnels, worth=MARGIN):
    return replace(leaks(funnels, NOW, worth), context=context)


def test_a_leak_is_one_line_from_place_to_what_to_do(context_of):
    """Where, since when, before and now, repurchases and margin a month with intervals."""
    table = show.leaks(found(context_of(), counted(BROKEN)), id="F-6", short=True)

    (row,) = rows_of(table)
    assert ["Interest → Repurchase; Channel: WeChat", "2 Aug 2025", "20.0% → 15.0%"] == row[:3]
    assert row[3].startswith("200 (") and row[4].startswith("¥10.0k (¥")
    assert "find what changed there" == row[5]
    assert "Margin a month" == table.columns[4].label
    assert "of margin a month" in table.title
    assert ("F-6", "bad") == (table.id, table.rows[0][2].tone)


def test_the_evidence_says_how_many_were_looked_at(context_of):
    """And the first page does not."""
    result = found(context_of(), counted(BROKEN))

    assert "Looked at: 12 of 12 places" in show.leaks(result).caption
    assert "Looked at" not in show.leaks(result, short=True).caption


def test_no_leak_is_a_note_with_how_many_were_looked_at(context_of):
    """An empty table would look like a failure."""
    note = show.leaks(found(context_of(), counted()), id="F-6")

    assert isinstance(note, Note)
    assert ("No leak stands out", True) == (note.title, "12 of 12" in note.text)


def test_too_short_a_history_is_named(context_of):
    """Nothing was looked at, and why."""
    note = show.leaks(found(context_of(), counted(windows=3)))

    assert "Not looked at: main (fewer than 3 contact windows before it)." == note.text
    assert "Whether anything leaks cannot be told" == note.title

    former = replace(former_leaks([counted(windows=3)], NOW, MARGIN), context=context_of())
    assert (
        "What leaked in August 2025 is not known: fewer than 3 contact windows before it."
    ) == show.former_leaks(former, id="F-9").text


def test_what_is_not_valued_says_why(context_of):
    """A step after the repurchase has neither repurchases nor money."""
    table = show.leaks(found(context_of(), counted(broken("wechat", 3, 0.4))))

    assert ["–", "–"] == rows_of(table)[0][3:5]
    assert "Not valued where the step comes after the repurchase." in table.caption
    assert "Money a month" == table.columns[4].label


def test_a_whole_step_that_may_be_the_season_is_unsure(context_of):
    """Without a year ago it is to be checked before it is mended."""
    table = show.leaks(found(context_of(), counted(broken(None, 2, 0.3), windows=7)))

    (row,) = rows_of(table)
    assert "Interest → Repurchase; as a whole" == row[0]
    assert ("unsure", "hold it against a year ago first") == (table.rows[0][2].tone, row[5])


def test_several_funnels_are_named_and_not_added_up(context_of):
    """Each line names its funnel."""
    table = show.leaks(found(context_of(), counted(BROKEN), counted(BROKEN, key="second")))

    assert {"main", "second"} == {row[0].split(":")[0] for row in rows_of(table)}
    assert "do not add them up" in table.caption


def test_chinese_pages_carry_no_english(context_of):
    """Sentences, headings and verdicts are all translated; names of steps are the profile's."""
    context = context_of("zh-CN")
    table = show.leaks(found(context, counted(BROKEN)))
    closed = replace(
        former_leaks([counted(broken("wechat", 2, 0.3, since="2025-08"))], NOW, MARGIN),
        context=context,
    )

    assert "每月毛利" == table.columns[4].label
    assert "2025年8月2日" == rows_of(table)[0][1]
    assert "未堵住" == rows_of(show.former_leaks(closed, id="F-9"))[0][5]


@pytest.mark.parametrize(
    ("until", "tone", "word"), [("9999", "bad", "not closed"), ("2025-08", "good", "closed")]
)
def test_last_periods_leaks_have_a_verdict(context_of, until, tone, word):
    """Before it, then, now, what is still missing."""
    funnel = counted(broken("wechat", 2, 0.3, since="2025-08", until=until))
    result = replace(former_leaks([funnel], NOW, MARGIN), context=context_of())
    table = show.former_leaks(result, id="F-9")

    (row,) = rows_of(table)
    now = "14.0%" if until == "9999" else "20.0%"
    assert ["Interest → Repurchase; Channel: WeChat", "20.0%", "14.0%", now] == row[:4]
    assert (word, tone) == (row[5], table.rows[0][5].tone)
    assert f"Of last period's 1 leaks {int(tone == 'good')} closed" == table.title


def test_no_leak_last_period_is_said(context_of):
    """A note, not an empty table."""
    result = replace(former_leaks([counted()], NOW, MARGIN), context=context_of())

    assert "No leak stood out in August 2025." == show.former_leaks(result, id="F-9").text


def test_the_bridge_goes_from_then_to_now(context_of):
    """1,600 came to the repurchase, 200 fewer by that step; both comparisons are drawn."""
    result = replace(end_change([counted(BROKEN)], NOW), context=context_of())
    figure = show.end_change(result, id="F-7")

    assert isinstance(figure, Figure)
    assert (
        "−200 customers came to the repurchase on a year ago: most by Interest → Repurchase (−200)"
    ) == figure.title
    assert "on the previous period: Contact 0, Contact → Interest 0" in figure.alt
    assert "Interest → Repurchase: −" in figure.caption
    assert figure.svg and "2024-09" not in figure.svg


def test_one_comparison_is_drawn_alone(context_of):
    """A year ago is named as missing."""
    result = replace(end_change([counted(BROKEN, windows=7)], NOW), context=context_of())
    figure = show.end_change(result, id="F-7")

    assert "on the previous period" in figure.title
    assert "the data hold no whole contact window of 2024-09" in figure.caption


def test_each_step_is_split_once_and_where_the_total_misleads(context_of):
    """Three steps on two sides; a reversal is flagged in title and row."""
    plain = replace(within_steps([counted(BROKEN)], NOW), context=context_of())
    table = show.within_steps(plain, id="F-8")
    assert 6 == len(table.rows)
    assert "No total misleads" in table.title

    def entered(period, label, usual):
        return usual * 12 if (period, label) == ("2025-09", "wechat") else usual

    turned = counted(broken(None, 1, 0.2), entered=entered, channels=CHANNELS)
    result = replace(within_steps([turned], NOW), context=context_of())
    table = show.within_steps(result, id="F-8")
    assert isinstance(table, Table)
    assert "In 2 places the total misleads" in table.title
    assert 2 == sum(row[6] == "disagrees" for row in rows_of(table))


def test_without_a_comparison_nothing_is_drawn(context_of):
    """Both exhibits are notes with the reason."""
    short = counted(windows=1)
    for draw, made in ((show.end_change, end_change), (show.within_steps, within_steps)):
        note = draw(replace(made([short], NOW), context=context_of()), id="F-7")
        assert isinstance(note, Note)
        assert "no whole contact window of 2025-08" in note.text


def test_whether_mending_worked_is_one_line_for_who_decides(context_of):
    """What leaked a period ago, by name; or that nothing did."""
    leaking = [counted(broken("wechat", 2, 0.3, since="2025-08"))]
    lasting = replace(former_leaks(leaking, NOW, MARGIN), context=context_of())
    quiet = replace(former_leaks([counted()], NOW, MARGIN), context=context_of())

    told = show.mended(lasting).text
    assert told.startswith("Did last period's mending work? ")
    assert "Channel: WeChat: not closed." in told
    assert show.mended(quiet).text.endswith("No leak stood out in August 2025.")
