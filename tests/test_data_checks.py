"""The checks of data delay and path where there is little to tell from."""

import copy
import json

import pytest
from repurchase import show
from repurchase.model.prepare import prepare
from repurchase.params import Params, Profile, load_params
from repurchase.period import Period
from repurchase.reasons import NO_LOADED, NOBODY
from repurchase.review import Review

KEPT = ("company", "time_zone", "currency", "country", "order_definition", "generator")


@pytest.fixture(scope="module")
def review_of(little_company, tmp_path_factory):
    """Reviews of the little demo company with some of its tables, and no May 2025."""
    cache = tmp_path_factory.mktemp("cache")
    whole = load_params("little", root=little_company).profile
    told = json.loads(whole.model_dump_json(by_alias=True, exclude_defaults=True))

    def make(period, *tables, without=()):
        sources = copy.deepcopy({name: told["sources"][name] for name in tables})
        for source in sources["orders"]:
            source["columns"] = {k: v for k, v in source["columns"].items() if k not in without}
            source["exclude"] = {"may": "year(ordered_at) = 2025 and month(ordered_at) = 5"}
        profile = Profile.model_validate({**{k: told[k] for k in KEPT}, "sources": sources})
        params = Params("bare", profile, little_company, Period.parse(period))
        return Review(params, prepare(params, cache=cache))

    return make


def printed(review):
    """The texts of the exhibits of both checks, and both verdicts."""
    funnel = review.funnel_diagnosis
    blocks = (
        show.arrivals(funnel.delay(), funnel.outages(), funnel.stale_touches(), id="F-21"),
        show.delay_days(funnel.delay_by_day(), funnel.outages(), id="F-22"),
        show.completeness(funnel.completeness(), funnel.last_weeks(), id="F-23"),
        show.freshness(funnel.freshness(), id="F-24"),
        show.paths(funnel.paths(), id="F-25"),
        show.transitions(funnel.transitions(), id="F-26"),
        show.campaign_answers(funnel.campaign_answers(), id="F-27"),
    )
    verdicts = funnel.delay_verdict(), funnel.path_verdict()
    review.record(
        funnel.delay(), funnel.stale_touches(), funnel.completeness(), funnel.last_weeks(),
        funnel.freshness(), funnel.paths(), funnel.transitions(), funnel.campaign_answers(),
    )  # fmt: skip
    return [block.to_text() for block in blocks], verdicts


def test_orders_alone_name_what_cannot_be_told(review_of):
    """No time of loading, no events: a reason for each, and no crash."""
    review = review_of("2025-06", "orders", without=("loaded_at", "source_system"))
    texts, (delay, path) = printed(review)

    events = "the profile names no source for events"
    assert f"Not computed: {NO_LOADED}." == texts[0]
    assert ["", ""] == [texts[1], texts[3]]
    assert "fewer than 100 orders have a time of loading" in texts[2]
    assert {f"Not computed: {events}."} == set(texts[4:])
    assert (("not_computable", NO_LOADED), ("not_computable", events)) == (
        (delay.answer, delay.reason), (path.answer, path.reason)
    )  # fmt: skip


def test_a_month_without_orders_is_told_by_those_before(review_of):
    """May has contacts and no order: delays of the weeks before, nobody in May."""
    texts, (delay, _) = printed(review_of("2025-05", "orders", "events"))

    assert "nobody to count in the period" in texts[0] or "events" in texts[0]
    assert "Of the whole period: 0 (0 to 0), 0 are there." in texts[2]
    assert ("not_computable", NOBODY) == (delay.answer, delay.reason)


def test_a_month_with_orders_and_events_has_its_verdicts(review_of):
    """The same company in June."""
    texts, (delay, path) = printed(review_of("2025-06", "orders", "events"))

    assert "orders: POS" in texts[3] and "events" in texts[3]
    assert "ok" == delay.answer
    assert path.answer in {"ok", "not_computable"}
