from dataclasses import replace

import pytest
from repurchase import show
from repurchase.records import Record, Result
from repurchase.show import sentences

UP = (0.021, 0.003, 0.039)
DOWN = (-0.021, -0.039, -0.003)
FLAT = (0.010, -0.008, 0.028)


def test_a_detectable_rise_is_said_with_its_size(context_of, chapter, figure_of):
    """The headline says that the share rose, by how much, and that the rest is undecided."""
    told = chapter(context_of(), figure_of(year_ago=UP, previous=FLAT))

    block = show.headline(**told)

    assert (
        "Customers come back more: 62.0% of the buyers of September 2025 had bought before; +2.1 pp"
        " on a year ago; no detectable change on the previous period; no target is set (certainty"
        " high)."
    ) == block.text
    assert "good" == block.tone
    assert "+2.1 pp on a year ago (95% interval +0.3 to +3.9 pp)" in block.detail


def test_an_interval_that_covers_zero_is_no_change(context_of, chapter, figure_of):
    """Nothing is claimed where the interval of the change covers 0, not even its direction."""
    block = show.headline(**chapter(context_of(), figure_of(year_ago=FLAT, previous=FLAT)))

    assert (
        "Customers come back neither more nor less, as far as can be told: 62.0% of the buyers of"
        " September 2025 had bought before; no detectable change on a year ago, nor on the previous"
        " period; no target is set (certainty high)."
    ) == block.text
    assert "neutral" == block.tone


def test_a_fall_and_a_missed_target_are_bad(context_of, chapter, figure_of):
    """The target is named with the distance to it."""
    told = chapter(
        context_of(), figure_of(year_ago=DOWN, previous=DOWN, target=(-0.03, -0.05, -0.01))
    )

    block = show.headline(**told)

    assert block.text.startswith("Customers come back less: 62.0%")
    assert block.text.endswith("; 3.0 pp below the target of 65.0% (certainty high).")
    assert "bad" == block.tone


def test_opposite_movements_make_no_verdict(context_of, chapter, figure_of):
    """Up on a year ago and down on the previous period is neither a rise nor a fall."""
    block = show.headline(**chapter(context_of(), figure_of(year_ago=UP, previous=DOWN)))

    assert block.text.startswith("Customers come back neither clearly more nor clearly less")
    assert "neutral" == block.tone


def test_a_short_history_forbids_the_comparison(context_of, chapter, figure_of):
    """A share that rises with the length of the data alone is not said to have risen."""
    reason = "only 11 months of history: the share rises with its length alone"
    told = chapter(context_of(), figure_of(previous=UP, status="provisional", reason=reason))

    block = show.headline(**told)

    assert f"no comparison is fair yet ({reason})." in block.text
    assert "unsure" == block.tone
    assert "rose" not in block.text


@pytest.mark.parametrize("identified", [0.031, -0.031])
def test_moving_identification_takes_the_headline_over(context_of, chapter, figure_of, identified):
    """Beyond the limit the headline says so, and gives the figure where identification held."""
    target = (-0.03, -0.05, -0.01)
    told = chapter(context_of(), figure_of(year_ago=UP, previous=UP, target=target), identified)

    block = show.headline(**told)

    assert "+2.1 pp on a year ago" in block.detail
    assert "; 3.0 pp below the target of 65.0%; certainty low" in block.detail
    assert (
        "(+2.1 pp on the previous period), but this may be identification, not behaviour"
        in block.text
    )
    assert "whose identification held it is 63.5% (no detectable change on" in block.text
    assert "unsure" == block.tone
    assert "certainty low" in block.detail


def test_identification_within_its_limit_is_left_out(context_of, chapter, figure_of):
    """A move of exactly the limit is still within it."""
    told = chapter(context_of(), figure_of(year_ago=UP, previous=UP), 0.03)

    assert "identification" not in show.headline(**told).text


def test_a_figure_that_cannot_be_computed_says_why(context_of, chapter, figure_of):
    """No value, no claim: the reason is the sentence."""
    headline = figure_of(value=None, status="not_computed", reason="nobody to count in the period")

    block = show.headline(**chapter(context_of(), headline))

    assert "cannot be said: nobody to count in the period." in block.text


def test_near_the_spring_festival_the_aligned_year_counts(context_of, chapter, figure_of):
    """In February the change that the headline gives is the one aligned on the festival.

    It is one only if the same dates show it too: one of the two alone is feast or season.
    """
    told, alone = (
        chapter(
            context_of(period="2025-02"), figure_of(year_ago=y, year_ago_aligned=UP, previous=FLAT)
        )
        for y in (UP, FLAT)
    )

    assert "+2.1 pp on a year ago, aligned on the Spring Festival" in show.headline(**told).text
    assert "+2.1 pp" not in show.headline(**alone).text


def test_the_headline_in_chinese_says_percentage_points(context_of, chapter, figure_of):
    """Points are 个百分点, a year ago is 同比, the previous period 环比."""
    told = chapter(context_of("zh-CN"), figure_of(year_ago=UP, previous=FLAT))

    assert (
        "回头的客户多了：2025年9月的购买者中62.0%以前买过；同比+2.1个百分点，环比无显著变化，未设目标"
        "（把握程度高）。"
        == show.headline(**told).text
    )


def test_a_card_colours_only_what_is_detectable(context_of, chapter, figure_of):
    """A change whose interval covers 0 stays neutral and says so; one that does not is toned."""
    told = chapter(context_of(), figure_of(year_ago=UP, previous=FLAT))

    card = show.scorecard(told["figures"], told["identification"]).items[0]

    assert ("on the previous period", "+1.0 pp, not detectable", "neutral") == (
        card.deltas[0].label,
        card.deltas[0].text,
        card.deltas[0].tone,
    )
    assert ("+2.1 pp", "good") == (card.deltas[1].text, card.deltas[1].tone)
    assert "60.0–64.0%, n=1,000" == card.detail


@pytest.mark.parametrize(
    ("period", "changes", "tone"),
    [
        ("2025-09", {"previous": UP, "year_ago": FLAT}, "neutral"),
        ("2025-09", {"previous": UP, "year_ago": DOWN}, "neutral"),
        ("2025-09", {"previous": UP, "year_ago": UP}, "good"),
        ("2025-09", {"previous": UP}, "good"),
        ("2025-02", {"previous": UP, "year_ago_aligned": UP}, "neutral"),
    ],
)
def test_a_card_takes_no_season_for_a_change(context_of, chapter, figure_of, period, changes, tone):
    """A change on the previous period is coloured if a year ago agrees or cannot be had."""
    told = chapter(context_of(period=period), figure_of(**changes))

    card = show.scorecard(told["figures"], told["identification"]).items[0]

    assert tone == card.deltas[0].tone


def test_a_seasonal_rise_gives_no_verdict(context_of, chapter, figure_of):
    """Up on the previous period alone, the year ago flat: the headline stays without colour."""
    told = chapter(context_of(), figure_of(previous=UP, year_ago=FLAT))

    assert "neutral" == show.headline(**told).tone


def test_no_card_is_coloured_while_identification_moves(context_of, chapter, figure_of):
    """Beyond the limit a change may be identification: unsure, neither good nor bad."""
    told = chapter(context_of(), figure_of(previous=UP, year_ago=UP, target=DOWN), 0.05)

    card = show.scorecard(told["figures"], told["identification"]).items[0]

    assert ["unsure"] * 3 == [delta.tone for delta in card.deltas]
    assert "unsure" == card.tone


def test_a_card_that_cannot_be_read_yet_names_the_day(context_of, chapter, figure_of):
    """An immature figure is blank with its date, never 0."""
    young = Record("retention_rate", None, "share", status="immature", readable_from="2025-12-01")
    told = chapter(context_of(), figure_of())
    kept = [r for r in told["figures"].records if r.metric != "retention_rate"]
    figures = replace(told["figures"], records=(*kept, young))

    card = show.scorecard(figures, told["identification"]).items[3]

    assert "" == card.value
    assert "can be read from 1 Dec 2025" == card.detail


def test_a_card_not_computed_says_why(context_of, chapter, figure_of):
    """The reason stands on the card, in the reader's language and with the day written out."""
    reason = "the data begin on 2025-01-01, within the activity window of 12 months"
    none = Record("retention_rate", None, "share", status="not_computed", reason=reason)
    told = chapter(context_of("zh-CN"), figure_of())
    kept = [r for r in told["figures"].records if r.metric != "retention_rate"]
    figures = replace(told["figures"], records=(*kept, none))

    card = show.scorecard(figures, told["identification"]).items[3]

    assert "–" == card.value
    assert "数据始于2025年1月1日，落在12个月的活跃窗口之内" == card.note


def test_few_buyers_lower_the_certainty(context_of, chapter, figure_of):
    """Under 400 buyers the certainty is medium and the note says how few they are."""
    told = chapter(context_of(), figure_of(year_ago=FLAT, n=399.0))

    note = show.certainty(told["figures"], told["identification"])

    assert "Certainty: medium" == note.title
    assert "only 399 buyers" in note.text


def test_a_certainty_without_doubts_is_a_line(context_of, chapter, figure_of):
    """High, and nothing against it: one small line, no box."""
    told = chapter(context_of(), figure_of(year_ago=FLAT))

    line = show.certainty(told["figures"], told["identification"])

    assert "small" == line.style
    assert line.text.startswith("Certainty: high. 90.0% of the orders have a known customer")


def test_causes_rule_out_what_did_not_move(context_of, chapter, figure_of):
    """Identification within its limit is said to have stayed there, and other days are named."""
    told = chapter(context_of(), figure_of(year_ago=UP))

    items = show.causes(**told).items

    assert items[0].title.startswith("Identification stayed within its limit: 90.0%")
    assert "8 weekend days (then 9)" in items[-1].title


def test_a_small_change_gets_the_digit_that_it_needs(context_of):
    """A detectable change of .04 points is not printed as 0.0."""
    words = context_of().words

    assert "+0.04 pp" == sentences.points(words, 0.0004)
    assert "0.0 pp" == sentences.points(words, 0.0)
    assert "3.0 pp" == sentences.distance(words, -0.03)


def test_results_without_changes_are_left_alone(context_of, chapter, figure_of):
    """With nothing to compare with, the headline says so of each comparison."""
    told = chapter(context_of(), figure_of())
    told["identification"] = Result(
        None, tuple(figure_of("identified_order_share", 0.9)), context=told["figures"].context
    )

    assert (
        "Whether customers come back more or less cannot be said yet: 62.0% of the buyers of"
        " September 2025 had bought before; a year ago cannot be compared; the previous period"
        " cannot be compared; no target is set (certainty medium)."
    ) == show.headline(**told).text


def test_a_move_since_the_previous_period_alone_may_be_the_season(context_of, chapter, figure_of):
    """The year ago decides; what only the previous period shows is said with its doubt."""
    told = chapter(context_of(), figure_of(year_ago=FLAT, previous=UP))

    text = show.headline(**told).text

    assert text.startswith("Customers come back neither more nor less, as far as can be told")
    assert "+2.1 pp on the previous period, which may be the season" in text
