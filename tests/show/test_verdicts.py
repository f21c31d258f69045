"""The seven checks as one table."""

from repurchase.analysis.verdicts import CHECKS, Verdict
from repurchase.show.verdicts import verdicts


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
