"""Is a customer contacted too often, or too seldom? The answer of the check of cadence."""

from __future__ import annotations

from typing import Any, NamedTuple

from repurchase.analysis.dose import FEWEST, range_of
from repurchase.analysis.findings import record_key
from repurchase.analysis.judging import STANDS
from repurchase.analysis.verdicts import Answer, Verdict
from repurchase.params import FunnelRules
from repurchase.records import Confidence, Record, Result, dimensions
from repurchase.words import N_

# A randomised finding is something to act on only below this, since many tests are looked at.
SURE = 0.01
# The shares that are worth a look, beside the profile's number of customers.
WORTH_A_LOOK = 0.1
ONE_IN_A_HUNDRED = 0.01

CLAIMS = {
    "over": N_(
        "{over_count} customers got more than {limit_count} contacts in 30 days, {over_share} of"
        " those contacted"
    ),
    "harm": N_(
        "Where chance decided who was contacted more, those contacted more came back less:"
        " {effect_points} within 30 days ({test_name})"
    ),
    "opt_outs": N_(
        "Where chance decided who was contacted more, more of those contacted more asked for no"
        " more contact: {effect_points} within 30 days ({test_name})"
    ),
    "dose": N_(
        "Customers with {dose_range} contacts in 30 days asked for no more contact more often"
        " afterwards than like customers with {reference_range}: {effect_points}; this is no proof"
        " that contact was the cause"
    ),
    "dose_less": N_(
        "Customers with {dose_range} contacts in 30 days bought less in the 30 days after than like"
        " customers with {reference_range}: {effect_points}; this is no proof that contact was the"
        " cause"
    ),
    "forgotten": N_(
        "{forgotten_count} active customers, {forgotten_share} of them, had no contact for"
        " {days_count} days"
    ),
    "collisions": N_(
        "{hit_count} customers, {hit_share} of those contacted, were reached on two channels within"
        " {days_count} days"
    ),
    "late": N_(
        "{late_count} campaign contacts, {late_share} of them, went to customers who had ordered in"
        " the {days_count} days before"
    ),
    "ok": N_(
        "{over_count} of {touched_count} customers contacted were beyond the limit of {limit_count}"
        " contacts in 30 days; nothing speaks for more or for less contact"
    ),
}
ACTIONS = {
    "over": N_(
        "Take the overlap out of the audience lists, and let the limit stop a message before it is"
        " sent."
    ),
    "harm": N_("Stop that contact, and test a lower frequency against it."),
    "opt_outs": N_("Weigh what the contact brings against those it loses, before it is repeated."),
    "dose": N_("Test it: withhold contact from some by chance, and compare."),
    "forgotten": N_("Ask why they are on no list: see the lists for sales for those who are due."),
    "collisions": N_("Let one calendar of contacts serve all channels."),
    "late": N_("Take customers off a campaign's list as soon as their order is in."),
}


class _Said(NamedTuple):
    """A verdict before its words: the claim's name, its values and what it rests on."""

    answer: Answer
    claim: str
    values: dict[str, Any]
    record: str
    confidence: Confidence = "high"


def verdict(
    counts: Result, dose: Result, tests: Result, rules: FunnelRules, *, exhibit: str | None = None
) -> Verdict:
    """The check's answer from `contact_counts.counts`, `dose.dose_response`, `contact_tests.tests`.

    act: customers beyond a limit that the profile states, at least `material_customers` and one in
    a hundred of those contacted; or a randomised comparison that became readable in the period in
    which more contact brought fewer back, by `material_points` or more and p < .01 among all tests.
    watch: the same of a limit that is not stated, or a randomised rise of requests for no more; a
    dose that stands among all; a tenth or more forgotten, hit on two channels or told too late. A
    dose is never acted on.
    """
    if counts.frame.empty:
        return Verdict("cadence", "not_computable", reason=counts.records[0].reason)
    said = (
        _of_tests(tests, rules, "repurchase", "harm", sign=-1)
        or _beyond(counts, rules)
        or _of_tests(tests, rules, "opt_out", "opt_outs", sign=1)
        or _of_dose(dose, "opt_out", "dose", sign=1, least=0.0)
        or _of_dose(dose, "repurchase", "dose_less", sign=-1, least=rules.material_points)
        or _of_shares(counts, rules)
    )
    if said is None:
        return _ok(counts, rules, exhibit)
    return Verdict(
        "cadence", said.answer, CLAIMS[said.claim], said.values, (said.record,),
        action=ACTIONS["dose" if said.claim == "dose_less" else said.claim],
        confidence=said.confidence, exhibit=exhibit,
    )  # fmt: skip


def _by_name(counts: Result) -> dict[str, dict[Any, Any]]:
    return {row["fact"]: row for row in counts.frame.to_dict("records")}


def _key(metric: str, where: str = "") -> str:
    return record_key(Record(metric, None, "count", where))


def _beyond(counts: Result, rules: FunnelRules) -> _Said | None:
    row = _by_name(counts)["over_contacted"]
    if not row["value"] >= rules.material_customers or row["share"] < ONE_IN_A_HUNDRED:
        return None
    stated = "touch_limit" in rules.model_fields_set
    values = {
        "over_count": row["value"],
        "over_share": row["share"],
        "limit_count": rules.touch_limit,
    }
    return _Said("act" if stated else "watch", "over", values, _key("over_contacted"))


def _of_tests(
    tests: Result, rules: FunnelRules, outcome: str, claim: str, *, sign: int
) -> _Said | None:
    """The surest of the period's tests in which more contact did harm."""
    frame = tests.frame
    if frame.empty:
        return None
    read = frame[frame["fresh"] & (frame["touch_change"] > 0)]
    least = rules.material_points if outcome == "repurchase" else 0.0
    harm = read[f"{outcome}_change"] * sign
    sure = read[(harm > 0) & (harm >= least) & (read[f"{outcome}_p"] < SURE)]
    if sure.empty:
        return None
    row = sure.loc[sure[f"{outcome}_p"].idxmin()]
    where = dimensions(arm=row["arm"], experiment=row["experiment"], outcome=outcome)
    values = {"effect_points": float(row[f"{outcome}_change"]), "test_name": row["experiment"]}
    answer: Answer = "act" if outcome == "repurchase" else "watch"
    return _Said(answer, claim, values, _key("contact_effect", where))


def _of_dose(dose: Result, outcome: str, claim: str, *, sign: int, least: float) -> _Said | None:
    """The largest dose above the reference that stands on the wrong side."""
    frame = dose.frame
    if frame.empty or not frame["reference"].any():
        return None
    reference = frame[frame["reference"]].iloc[0]
    above = frame[(frame["low"] > reference["low"]) & (frame["customers"] >= FEWEST)]
    harm = above[f"{outcome}_change"] * sign
    worse = above[(above[f"{outcome}_mark"] == STANDS) & (harm > 0) & (harm >= least)]
    if worse.empty:
        return None
    row = worse.iloc[-1]
    span = range_of(row["low"], row["high"])
    values = {
        "dose_range": span,
        "reference_range": range_of(reference["low"], reference["high"]),
        "effect_points": float(row[f"{outcome}_change"]),
    }
    where = dimensions(contacts=span)
    return _Said("watch", claim, values, _key(f"dose_{outcome}_difference", where), "low")


def _of_shares(counts: Result, rules: FunnelRules) -> _Said | None:
    """The first count that touches a tenth of those it is of."""
    rows = _by_name(counts)
    for fact, claim, name, days in (
        ("two_channels", "collisions", "hit", rules.channel_gap_days),
        ("touched_after_order", "late", "late", rules.after_order_days),
        ("forgotten", "forgotten", "forgotten", rules.forgotten_days),
    ):
        row = rows[fact]
        if row["value"] >= rules.material_customers and row["share"] >= WORTH_A_LOOK:
            values = {
                f"{name}_count": row["value"],
                f"{name}_share": row["share"],
                "days_count": days,
            }
            return _Said("watch", claim, values, _key(fact))
    return None


def _ok(counts: Result, rules: FunnelRules, exhibit: str | None) -> Verdict:
    row = _by_name(counts)["over_contacted"]
    if row["missing"]:
        return Verdict("cadence", "not_computable", reason=row["missing"])
    values = {
        "over_count": row["value"],
        "touched_count": row["n"],
        "limit_count": rules.touch_limit,
    }
    return Verdict(
        "cadence", "ok", CLAIMS["ok"], values, (_key("over_contacted"),), confidence="high",
        exhibit=exhibit,
    )  # fmt: skip
