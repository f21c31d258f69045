"""`segments:` of a profile as cuts."""

from dataclasses import replace

import pytest
from repurchase import show
from repurchase.errors import ParameterError
from repurchase.params import load_params
from repurchase.review import Review
from repurchase.words import Words


def with_segments(review: Review, **segments: str) -> Review:
    """The same review with other segments in its profile."""
    profile = review.params.profile.model_copy(update={"segments": segments})
    return Review(replace(review.params, profile=profile), review.snapshot)


def test_a_segment_of_the_profile_is_a_cut(review: Review) -> None:
    """Buyers and returners of a level are those that plain SQL counts."""
    assert ["store_id", "channel", "member level", "a company"] == list(review.cuts)
    frame = review.retention.by_cut().frame
    counted = review.sql(
        "select coalesce(level, '') as label, count(distinct d.customer_id) n,"
        " count(distinct d.customer_id) filter (first_date < date '2025-09-01') back"
        " from customer_days d left join customers c using (customer_id)"
        " where order_date between date '2025-09-01' and date '2025-09-30' group by 1"
    )
    seen = frame[frame["cut"] == "member level"]

    expected = {r.label: (r.n, r.back) for r in counted.itertuples()}
    assert expected == {r.label: (r.n, r.numerator) for r in seen.itertuples()}
    assert {"true", "false"} >= set(frame.loc[frame["cut"] == "a company", "label"])


def test_the_table_names_the_cuts_and_words_conditions(review: Review) -> None:
    """A condition reads yes or no; the caption says how many changes were looked at."""
    block = show.cuts(review.retention.by_cut(), id="R-7")
    text = block.to_text()
    assert "member level" in text and "Store" in text and "\nno\t" in text
    assert "Changes looked at together: " in block.caption


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("levle", "there is no column 'levle'"),
        ("(select 1)", "cannot stand in an expression"),
        ("read_text('/etc/passwd')", "cannot stand in an expression"),
        ("customer_id", "has 324 labels"),
        ("level = ", "cannot be read as an expression"),
        ("renewal_date = 'gold'", "does not fit the columns' kinds"),
    ],
)
def test_an_expression_is_parsed_and_names_nobody(review: Review, expression, said) -> None:
    """Nothing runs that is not on the list, and a cut never lists the customers."""
    with pytest.raises(ParameterError, match=r"segments\.mine") as caught:
        with_segments(review, mine=expression).retention.by_cut()
    assert said in caught.value.what


def test_a_segment_needs_a_name_of_its_own(review: Review, tmp_path) -> None:
    """`channel` is a cut already; the profile is refused with the line."""
    (tmp_path / "params").mkdir()
    text = (review.params.root / "params" / "little.yaml").read_text(encoding="utf-8")
    text = text.replace("  member level: level\n", "  channel: level\n")
    (tmp_path / "params" / "little.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError, match="'channel' is a cut of the release"):
        load_params("little", root=tmp_path)


def test_our_own_channel_words_are_said_in_the_readers_language(review: Review) -> None:
    """A channel that is a canonical word is translated; a store's number stays as it is."""
    chinese = replace(review.context, words=Words("zh-CN"))
    block = show.cuts(replace(review.retention.by_cut(), context=chinese))
    labels = [row[0].text for row in block.rows]

    assert "电商平台" in labels
    assert "E901" in labels
