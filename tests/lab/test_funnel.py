"""`review.funnel_diagnosis`: the funnels of a profile over a company's own tables."""

from dataclasses import replace

import pandas as pd
import pytest
from repurchase.errors import ParameterError
from repurchase.lab.sample import Sample
from repurchase.params import FunnelSpec
from repurchase.review import Review

STEPS = (
    {"name": "told", "events": ["sms", "wechat"], "where": "outcome <> 'failed'"},
    {"name": "basket", "events": "cart"},
)


def with_funnels(review: Review, *steps: dict[str, object], **told: object) -> Review:
    """The same review with one funnel of these steps in its profile, none without steps."""
    spec = {"name": {"en": "f", "zh-CN": "漏斗"}, "steps": steps, **told}
    funnels = (FunnelSpec.model_validate(spec),) if steps else ()
    profile = review.params.profile.model_copy(update={"funnels": funnels})
    return Review(replace(review.params, profile=profile), review.snapshot)


def test_counts_are_those_of_plain_sql(review: Review) -> None:
    """September's contact window, from a query of its own: a basket within 30 days of contact."""
    bench = with_funnels(review, *STEPS).funnel_diagnosis
    (which,) = bench.funnels()
    counts = bench.counts(which)
    found = review.sql("""
        with entered as (
          select customer_id, min(occurred_at) as came, min(occurred_date) as day
          from events where type in ('sms', 'wechat') and outcome <> 'failed' and not is_bot
            and occurred_date between date '2025-08-02' and date '2025-08-31' group by 1),
        later as (
          select distinct e.customer_id from entered e join events v using (customer_id)
          where v.type = 'cart' and not v.is_bot and v.occurred_at >= e.came
            and v.occurred_date <= e.day + 30)
        select count(*) as reached, count(l.customer_id) as converted
        from entered left join later l using (customer_id)""")
    row = counts[(counts["period"] == "2025-09") & (counts["cut"] == "")]

    assert found.iloc[0].tolist() == row[["reached", "converted"]].iloc[0].tolist()
    assert found.iloc[0]["converted"] > 0


def test_each_cut_holds_every_unit_once(review: Review) -> None:
    """Channel, store, region, tier and the profile's segments add up to all who entered."""
    bench = with_funnels(review, *STEPS).funnel_diagnosis
    (which,) = bench.funnels()
    counts = bench.counts(which)
    sums = counts.groupby(["period", "step", "cut"])[["reached", "converted"]].sum().reset_index()

    assert {"", "channel", "store_id", "region", "tier", "member level", "a company"} <= set(
        counts["cut"]
    )
    for _, part in sums.groupby(["period", "step"]):
        assert 1 == len(part[["reached", "converted"]].drop_duplicates())


def test_units_are_made_once_for_a_snapshot(review: Review) -> None:
    """Another review reads the file that the first one wrote; other steps have another file."""
    def files() -> set[str]:
        return {path.name for path in (review.snapshot.path / "at").glob("funnel-*.parquet")}

    first = with_funnels(review, *STEPS).funnel_diagnosis
    first.units(*first.funnels())
    known = files()
    again = with_funnels(review, *STEPS).funnel_diagnosis
    again.units(*again.funnels())
    assert known == files()
    other = with_funnels(review, *STEPS, window_days=7).funnel_diagnosis
    other.units(*other.funnels())
    assert 1 == len(files() - known)


def test_a_sample_has_units_of_its_own(review: Review) -> None:
    """Its customers are some of all, and the file of all is left alone."""
    profile = with_funnels(review, *STEPS).params
    whole = Review(profile, review.snapshot).funnel_diagnosis
    part = Review(profile, review.snapshot, sample=Sample.of(0.5, 1)).funnel_diagnosis
    everyone, some = (
        set(bench.units(*bench.funnels()).customer_id.to_pandas()) for bench in (whole, part)
    )

    assert some < everyone


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"events": "basket_click"}, ["basket_click", "types in the data", "funnels.0.steps.1"]),
        ({"events": "wechat_clik"}, ["did you mean 'wechat_click'?"]),
        ({"events": "cart", "where": "chanel = 'app'"}, ["'chanel'", "did you mean 'channel'?"]),
        ({"events": "cart", "where": "lower(channel)"}, ["true or false"]),
        ({"events": "cart", "where": "occurred_date = 'soon'"}, ["funnels.0.steps.1"]),
        ({"orders": "any", "where": "x_nothing = '1'"}, ["'x_nothing'", "there is no column"]),
    ],
)
def test_a_step_that_cannot_be_told_is_a_mistake_of_the_profile(review, step, said) -> None:
    """What is wrong, where it stands, and the nearest right name."""
    broken = with_funnels(review, STEPS[0], {"name": "next", **step})
    with pytest.raises(ParameterError) as caught:
        bench = broken.funnel_diagnosis
        bench.units(*bench.funnels())

    for words in said:
        assert words in str(caught.value)


def test_without_funnels_contacts_lead_to_after_service(review: Review) -> None:
    """The release's own funnel, in the reader's language."""
    (which,) = with_funnels(review).funnel_diagnosis.funnels()

    assert ("Contact", "Interest", "Repurchase", "After-service") == which.steps
    assert ("contact to repurchase", "default") == (which.key, which.source)


def test_without_events_orders_tell(review: Review) -> None:
    """First, second, third order: the same customers that customer_days counts."""
    bare = with_funnels(review)
    tables = [name for name in bare.snapshot.tables if name != "events"]
    snapshot = replace(bare.snapshot, meta={**bare.snapshot.meta, "tables": tables})
    bench = Review(bare.params, snapshot).funnel_diagnosis
    (which,) = bench.funnels()
    row = bench.counts(which).query("period == '2025-09' and cut == ''")
    days = review.customer_days.to_pandas()
    first = days[days["day_rank"] == 1].set_index("customer_id")["order_date"]
    first = pd.to_datetime(first)
    inside = first[first.between("2025-03-05", "2025-04-03")]
    second = pd.to_datetime(days[days["day_rank"] == 2].set_index("customer_id")["order_date"])
    back = second.reindex(inside.index) - inside <= pd.Timedelta(days=180)

    assert ("order_rank", 180) == (which.source, which.window_days)
    assert (len(inside), back.sum()) == tuple(row.iloc[0][["reached", "converted"]])


def test_a_period_before_any_whole_window_has_no_counts(review: Review) -> None:
    """The data begin on 1 April 2023: April's window would begin in March."""
    early = with_funnels(review, *STEPS).at("2023-04")
    # at() reads the profile's file again, so the funnel is put in once more
    bench = with_funnels(early, *STEPS).funnel_diagnosis
    (which,) = bench.funnels()

    assert bench.counts(which).empty
    assert bench.conversion(which).records[0].value is None
