import datetime as dt
from types import SimpleNamespace

from repurchase import show
from repurchase.analysis.findings import ACTIONS, CLAIMS
from repurchase.params import Incident
from repurchase.reasons import NO_TABLE, reason
from repurchase.records import Finding, Record, finding_rows, record_rows
from repurchase.show import summary


def finding(name="a", **values):
    given = dict(claim=CLAIMS["nothing"], values={"in_period": "2025-09"}, records=(),
                 tone="neutral", confidence="high")  # fmt: skip
    return Finding(id=name, **(given | values))


def told(records=(), found=()):
    return SimpleNamespace(records=record_rows(records), findings=finding_rows(found))


def test_what_hurts_comes_first_then_what_is_worth_more():
    """Headline, tone, money, confidence, name: a total order, so every run ranks alike."""
    found = [
        finding("z"),
        finding("good", tone="good", money=9e9),
        finding("bad-1-small", tone="bad", money=-10.0),
        finding("bad-2-large", tone="bad", money=-5000.0),
        finding("a"),
        finding("head", headline=True),
    ]

    assert ["head", "bad-2-large", "bad-1-small", "good", "a", "z"] == [
        f.id for f in summary.ranked(found)
    ]
    assert summary.ranked(found) == summary.ranked(reversed(found))


def test_a_finding_is_said_in_the_readers_language(context_of):
    """Raw values are formatted by what their names end in."""
    fell = finding(
        claim=CLAIMS["fell"],
        values={
            "about_metric": "repurchase_90d",
            "value_share": 0.481,
            "in_period": "2025-09",
            "change_points": -0.021,
            "against_label": "year_ago_aligned:spring_festival",
        },
        tone="bad",
        suggested_action=ACTIONS["fell"],
        money=-123456.0,
        money_low=-200000.0,
        money_high=-50000.0,
        exhibit="R-4",
    )

    english = show.findings(told(found=[fell]), context=context_of()).items[0]
    chinese = show.findings(told(found=[fell]), context=context_of("zh-CN")).items[0]

    assert (
        "Repurchase within 90 days fell to 48.1% in September 2025: −2.1 pp on a year ago, aligned"
        " on the Spring Festival"
    ) == english.title
    assert "−¥123.5k of revenue (95% interval −¥200.0k to −¥50.0k); confidence high; see R-4" == (
        english.meta
    )
    assert "2025年9月90天复购率降至48.1%：农历对齐同比−2.1个百分点" == chinese.title
    assert "涉及收入−¥12.3万（95%置信区间−¥20.0万至−¥5.0万），可信度高，见R-4" == chinese.meta


def test_the_verdict_repeats_the_chapters_headline(context_of, chapter, figure_of):
    """The summary words the recorded figures as the chapter did; it computes nothing."""
    context = context_of()
    moved = (0.02, 0.01, 0.03)
    results = chapter(context, figure_of(year_ago=moved, previous=moved), 0.05)
    records = [r for result in results.values() for r in result.records]

    assert show.headline(**results) == show.verdict(told(records), context=context)


def test_key_figures_stand_in_a_line_each(context_of, figure_of):
    """Value, interval, n, both changes and the target; without records there is nothing."""
    records = figure_of(
        year_ago=(0.02, 0.01, 0.03), previous=(0.01, -0.01, 0.03), target=(-0.03, -0.05, -0.01)
    )
    context = context_of()

    table = show.key_figures(told(records), context=context)

    assert table.caption.endswith("What each figure means stands at the end, under Definitions.")
    (row,) = table.rows
    assert ["Returning-buyer share", "62.0%", "60.0–64.0%", "1,000", "+2.0", "+1.0",
            "65.0% (−3.0)"] == [getattr(cell, "text", cell) for cell in row]  # fmt: skip
    assert [None, "good", None, "bad"] == [None, *(cell.tone for cell in row[4:])]
    assert "" == show.key_figures(told(), context=context).text


def test_without_retention_the_weightiest_finding_speaks(context_of):
    """A pack without that chapter still has a first sentence."""
    block = show.verdict(told(found=[finding(tone="unsure")]), context=context_of())

    assert ("No repurchase figure changed detectably in September 2025", "unsure") == (
        block.text,
        block.tone,
    )


def test_the_weightiest_few_are_shown_and_the_others_are_pointed_to(context_of):
    """Eight findings: five in full, three by their exhibits; with five there is nothing to add."""
    eight = [finding(f"f{i}", exhibit=f"R-{i % 7}") for i in range(8)]
    items = show.findings(told(found=eight), context=context_of()).items
    rest = show.further_findings(told(found=eight), context=context_of())

    assert 5 == len(items)
    assert "3 more stand in the chapters: see R-5, R-6, R-0." == rest.text
    assert "" == show.further_findings(told(found=eight[:5]), context=context_of()).text


def test_each_chapter_is_heard_on_the_first_page(context_of):
    """What is worth most speaks for a chapter that has nothing among the five; else its rank."""
    found = [
        *(finding(f"r{i}", chapter="retention", tone="bad", exhibit="R-1") for i in range(6)),
        finding("x-broken", chapter="ab_review", tone="unsure", exhibit="X-2"),
        finding("x-adopt", chapter="ab_review", tone="good", money=9e5, exhibit="X-1"),
        finding("i-open", chapter="roi_before_after", tone="unsure", money=-2e5, exhibit="I-1"),
        finding("v-b", chapter="customer_value", tone="neutral", exhibit="V-2"),
        finding("v-a", chapter="customer_value", tone="unsure", exhibit="V-1"),
    ]
    table = show.further_findings(told(found=found), context=context_of())

    assert ["X-1", "I-1", "V-1"] == [row[1].rsplit(" ", 1)[1] for row in table.rows]
    assert ["good", "unsure", "unsure"] == [row[0].tone for row in table.rows]
    assert "confidence high; see X-1" == table.rows[0][1]
    assert "3 more stand in the chapters: see R-1, X-2, V-2." == table.caption


def test_what_no_chapter_could_compute_stands_with_its_reason(context_of):
    """Each reason once; parts of a figure are their chapter's own."""
    context = context_of()
    missing = [
        Record(metric, None, "share", part, status="not_computed",
               reason=reason(NO_TABLE, table="surveys"))
        for metric, part in (("repurchase_30d", ""), ("repurchase_90d", ""),
                             ("repurchase_180d", "channel=web"))
    ]  # fmt: skip

    assert (
        "Not computed: Repurchase within 30 days, Repurchase within 90 days (the profile names"
        " no source for surveys)."
    ) == show.not_computed_of(told(missing), context=context).text
    assert "" == show.not_computed_of(told(), context=context).text


def test_nothing_found_is_said(context_of):
    """An empty list would look like a fault."""
    assert (
        "The chapters found nothing to report."
        == show.findings(told(), context=context_of()).to_text()
    )


def test_what_the_company_wrote_stands_as_it_is(context_of):
    """Markup in a comment is plain text; incidents follow with their days."""
    known = Incident(
        **{"from": dt.date(2025, 9, 3), "to": dt.date(2025, 9, 5), "text": "till <b>down</b>"}
    )

    note = show.commentary(" We moved. ", [known], context=context_of())

    assert "We moved.\n3 Sep 2025 to 5 Sep 2025: till <b>down</b>" == note.text
    assert "<b>" not in note.to_html()


def test_no_comment_is_no_block(context_of):
    """Nothing written, nothing known: nothing printed."""
    assert "" == show.commentary("", (), context=context_of()).to_text()


def test_a_figure_of_the_companys_own_file_is_called_by_its_name(context_of):
    """At stake are so many yuan of it, not of revenue; a customer's gain stands to the cent."""
    found = finding(
        claim="{arm_text} brings {gain_amount} of {figure_text}",
        values={"arm_text": "mail", "gain_amount": 0.77, "figure_text": "spend"},
        money=49_269.0, money_low=28_433.0, money_high=70_105.0,
    )  # fmt: skip

    (item,) = show.findings(told(found=[found]), context=context_of()).items

    assert "mail brings ¥0.77 of spend" == item.title
    assert "¥49.3k of spend (95% interval ¥28.4k to ¥70.1k); confidence high" == item.meta
    net = finding(values={"in_period": "2025-09", "money_kind": "net"}, money=-2e3)
    (item,) = show.findings(told(found=[net]), context=context_of()).items
    assert "−¥2.0k of net value; confidence high" == item.meta
    assert "−¥1.50" == summary.said(context_of().words, "gain_amount", -1.5, "CNY")
