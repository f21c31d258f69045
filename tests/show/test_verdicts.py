"""The seven checks as one table."""

from repurchase.analysis.verdicts import CHECKS, Verdict
from repurchase.records import Finding, Record, Result
from repurchase.show.verdicts import first_steps, funnel_headline, verdicts


def found(**given):
    absent = "There is no such table"
    return [given.get(c, Verdict(c, "not_computable", reason=absent)) for c in CHECKS]


def test_each_check_has_one_row_in_its_order(context_of):
    """Verdict and sentence; numbered from 0."""
    reach = Verdict("reach", "act", "{few_share} can be reached", {"few_share": 0.25})
    table = verdicts(found(reach=reach), context=context_of(), id="F-7")

    assert ["0 Reach", "1 Segmentation", "2 Cadence", "3 Content", "4 Data delay", "5 Path",
            "6 Use of the system"] == [row[0].text for row in table.rows]  # fmt: skip
    first, second = table.rows[0], table.rows[1]
    assert ("act", "bad", "25.0% can be reached") == (first[1].text, first[1].tone, first[2].text)
    assert ("not computable", None, True) == (second[1].text, second[1].tone, second[1].muted)
    assert "There is no such table" == second[2].text


JUDGED = Result(None, (Record("leak_places", 12.0, "count", "funnel=a"),))


def cause(id="leak", tone="bad", money=900.0, action="Mend it.", exhibit="F-6"):
    return Finding(id, "{where_place} leaks", {"where_place": "channel=app"}, (), tone, "high",
                   money=money, money_low=100.0, money_high=2000.0, suggested_action=action,
                   exhibit=exhibit)  # fmt: skip


def test_the_headline_is_the_first_cause_with_its_money(context_of):
    """And how many more call for action."""
    told = [cause(), cause("b"), cause("c", "unsure")]
    head = funnel_headline(told, found(), JUDGED, context=context_of())

    assert ("Channel: app leaks", "bad") == (head.text, head.tone)
    assert "¥900" in head.detail and "¥100 to ¥2.0k" in head.detail
    assert "1 more to act on below" in head.detail


def test_without_a_cause_nothing_is_called_bad(context_of):
    """What was checked and what is to be watched is said; nothing checked is no good news."""
    fine = {c: Verdict(c, "ok", "fine") for c in CHECKS}
    watched = fine | {"use": Verdict("use", "watch", "not used")}
    quiet = funnel_headline([], found(**watched), JUDGED, context=context_of())
    silent = funnel_headline([], found(), JUDGED, context=context_of())

    assert ("good", "to be watched: 1 of seven checks") == (quiet.tone, quiet.detail)
    assert "neutral" == silent.tone and "can be computed" in silent.text


def test_the_same_next_step_is_said_once(context_of):
    """It names the exhibits of all its causes; what is only to be watched has no next step."""
    told = [cause(), cause("b", exhibit="F-15"), cause("c", "unsure", action="Look.")]
    block = first_steps(told, context=context_of())

    (item,) = block.items
    assert ("Mend it.", "see F-6, F-15") == (item.title, item.meta)
    assert "" == first_steps([], context=context_of()).text


def test_where_no_place_could_be_judged_nothing_is_said_of_leaks(context_of):
    """Too short a history is no clean bill."""
    fine = {c: Verdict(c, "ok", "fine") for c in CHECKS}
    empty = Result(None, (Record("leak_places", None, "count", "funnel=a", status="not_computed",
                                 reason="too short"),))  # fmt: skip
    head = funnel_headline([], found(**fine), empty, context=context_of())

    assert ("neutral", "no check calls for action") == (head.tone, head.detail)
    assert "Whether a step of the funnel leaks in September 2025 cannot be told" == head.text
    assert funnel_headline([], found(), empty, context=context_of()).detail is None
