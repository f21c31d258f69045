"""Reach, segmentation and use on a whole company, in both languages, and on orders alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from repurchase import show
from repurchase.analysis import tiers
from repurchase.benches.funnel_diagnosis import FunnelDiagnosisBench
from repurchase.errors import ParameterError
from repurchase.params import FunnelRules
from repurchase.records import Result
from repurchase.review import Review, open_review
from repurchase.words import Words


@pytest.fixture(scope="module")
def review(little_company: Path) -> Iterator[Review]:
    """The little company in September."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REPURCHASE_ROOT", str(little_company))
        # three hundred customers are too few for what is asked of a real company
        patched.setattr(tiers, "FEWEST", 5)
        patched.setattr(tiers, "FEWEST_EACH", 5)
        yield open_review("little", "2025-09")


@pytest.fixture(scope="module")
def orders_only(review: Review, little_company: Path) -> Review:
    """The same company of which nothing but orders is known."""
    text = (little_company / "params" / "little.yaml").read_text(encoding="utf-8")
    for key in ("segments", "lists", "funnel_rules", "funnels"):
        text = re.sub(rf"(?ms)^{key}:\n(?:[ #].*?\n|\n)*(?=\S)", "", text)
    text = text.split("  order_lines:\n")[0]
    text = "".join(
        line for line in text.splitlines(keepends=True)
        if not re.match(r" +(channel|store_id|rep_id|loaded_at|margin_amount|campaign_id): ", line)
    )  # fmt: skip
    (little_company / "params" / "orders.yaml").write_text(text, encoding="utf-8")
    return open_review("orders", "2025-09")


def blocks(review: Review, language: str = "en") -> list[str]:
    funnel = review.funnel_diagnosis
    context = replace(review.context, words=Words(language))

    def told(*results: Result) -> list[Result]:
        return [replace(r, context=context) for r in results]

    work = told(funnel.use_effect(), funnel.entered(), funnel.promises(), funnel.logins())
    shown = (
        show.reach(*told(funnel.reach()), id="F-10"),
        show.due_contacted(*told(funnel.due_contacted()), id="F-11"),
        show.tiers(*told(funnel.tiers(), funnel.wrong_tiers()), id="F-12"),
        show.system_use(*told(funnel.system_use()), id="F-13"),
        show.use_work(*work, id="F-14"),
    )
    return [block.to_text() for block in shown]


def ruled(review: Review, **rules: Any) -> FunnelDiagnosisBench:
    """The checks of the same review by other rules."""
    bench = FunnelDiagnosisBench(review)
    bench._params = bench._params.model_copy(update={"funnel_rules": FunnelRules(**rules)})
    return bench


def test_each_exhibit_stands_and_adds_up(review: Review) -> None:
    """Everyone due has one fate, and those on the lists are those of the month before."""
    funnel = review.funnel_diagnosis
    due = review.at("2025-08").worklists.due()
    wanted = due[~due["outcome"].isin(["internal", "lapsed"])]
    texts = blocks(review)

    assert ["F-10", "F-11", "F-12", "F-13", "F-14"] == [text[:4] for text in texts]
    assert len(wanted) == funnel.due_contacted().frame["customers"].sum()
    assert (due["outcome"] == "listed").sum() == funnel.system_use().one("due_touched_share").n
    listed = due.loc[due["outcome"] == "listed", "customer_id"]
    touched = set(
        review.sql(
            "select customer_id from events where rep_id is not null and not is_bot"
            " and type in ('call', 'visit', 'wechat', 'sms', 'email_sent')"
            " and coalesce(outcome, '') <> 'failed'"
            " and occurred_date between '2025-09-01' and '2025-09-14'"
        )["customer_id"]
    )
    assert listed.isin(touched).sum() == funnel.system_use().one("due_touched_share").numerator
    assert "F-12  Do the tiers in use tell who orders again?\nTier, from low to high" in texts[2]


def test_no_customer_stands_on_a_page(review: Review) -> None:
    """Neither in the tables nor in the data beneath them."""
    funnel = review.funnel_diagnosis
    tables = [
        show.tiers(funnel.tiers(), funnel.wrong_tiers(), id="F-12"),
        show.due_contacted(funnel.due_contacted(), id="F-11"),
    ]
    ids = set(review.customers.select("customer_id").to_pandas()["customer_id"])
    written = " ".join(f"{t.to_text()} {getattr(t, 'csv', '')}" for t in tables)

    assert set() == ids & set(re.findall(r"\w+", written))
    assert ids >= set(funnel.wrong_tiers().frame["customer_id"])


def test_the_pages_are_read_in_chinese(review: Review) -> None:
    """Titles, rows and reasons."""
    texts = blocks(review, "zh-CN")

    assert "究竟能联系到谁" in texts[0]
    assert "可联系而未联系" in texts[1]
    assert "承诺跟进的兑现率" in texts[4]


def test_orders_alone_give_a_reason_for_each_check(orders_only: Review) -> None:
    """Nothing crashes, nothing is made up."""
    funnel = orders_only.funnel_diagnosis
    verdicts = (funnel.reach_verdict(), funnel.tiers_verdict(), funnel.use_verdict())

    assert ["not_computable"] * 3 == [v.answer for v in verdicts]
    assert [
        "the profile names no source for events", "the profile names no source for customers",
        "the profile names no source for events",
    ] == [v.reason for v in verdicts]  # fmt: skip
    assert all(text.startswith("Not computed: ") for text in blocks(orders_only)[:4])


def test_the_first_month_has_reasons_too(review: Review) -> None:
    """Nobody can be due before the data begin; a tier of today says nothing of then."""
    first = review.at("2023-04")
    funnel = first.funnel_diagnosis
    blocks(first)

    assert "cannot be told" in (funnel.due_contacted().records[0].reason or "")
    assert "not_computable" == funnel.use_verdict().answer
    assert "long after the period" in (funnel.tiers_verdict().reason or "")
    assert "ok" == funnel.reach_verdict().answer


def test_a_stated_rule_that_is_missed_is_acted_on(review: Review) -> None:
    """All due customers contacted, all on the lists touched: nobody does that."""
    own = review.funnel_diagnosis
    strict = ruled(review, due_contacted_share=1, due_touched_share=1, material_customers=5)

    assert ("act", "act") == (strict.reach_verdict().answer, strict.use_verdict().answer)
    assert "act" not in (own.reach_verdict().answer, own.use_verdict().answer)


def test_a_tier_that_is_none_stops_with_the_right_names(review: Review) -> None:
    """The profile's own segments may be checked, too."""
    with pytest.raises(ParameterError, match="level, segment, joined through"):
        ruled(review, tier="grade").tiers()
    assert "joined through" == ruled(review, tier="joined through").tiers().frame["tiering"].iloc[0]
