"""What the initiatives have to say on the first page, as messages that rest on records."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from repurchase.analysis.findings import record_key
from repurchase.analysis.initiative_reading import Reading, cashed, change_said
from repurchase.analysis.initiative_records import records
from repurchase.initiatives import Initiative
from repurchase.records import Finding
from repurchase.words import N_

CLAIMS = {
    "roi_paid": N_(
        "{name_text} has paid: by {until_day} it brought {benefit_money} of margin for"
        " {cost_money} of cost"
    ),
    "roi_not_paid": N_(
        "{name_text} has not paid so far: by {until_day} it brought {benefit_money} of margin for"
        " {cost_money} of cost"
    ),
    "roi_paid_saving": N_(
        "{name_text} has paid: by {until_day} it brought {benefit_money} of margin and saved"
        " {saved_money} in cash for {cost_money} of cost"
    ),
    "roi_not_paid_saving": N_(
        "{name_text} has not paid so far: by {until_day} it brought {benefit_money} of margin and"
        " saved {saved_money} in cash for {cost_money} of cost"
    ),
    "roi_not_shown": N_(
        "{name_text}: whether it has paid cannot be told yet; by {until_day} its net value lies"
        " between {low_money} and {high_money}"
    ),
    "roi_change_only": N_(
        "{name_text}: what is seen is a change, not an effect; it cost {cost_money}, and has paid"
        " if it caused at least {needed_share} of the change"
    ),
    "roi_change_too_small": N_(
        "{name_text}: it cost {cost_money}, and the whole change would not pay for it, even if it"
        " had caused all of it"
    ),
    "roi_change_short": N_(
        "{name_text}: it cost {cost_money}, and the whole change, as read, is less than what would"
        " pay for it"
    ),
    "roi_change_within_chance": N_(
        "{name_text}: it cost {cost_money}, and no rise beyond chance is seen of which a part could"
        " pay for it"
    ),
    "roi_change_fell": N_(
        "{name_text}: it cost {cost_money}, and margin a customer fell: there is no gain of which a"
        " part could pay for it"
    ),
    "roi_change_saved": N_(
        "{name_text}: it cost {cost_money}, which its savings in cash cover; what it did to margin"
        " besides no comparison tells"
    ),
    "roi_change_nothing_spent": N_(
        "{name_text}: nothing was spent on it so far, and no comparison tells what it brought"
    ),
    "roi_no_rise": N_(
        "{name_text}: it cost {cost_money}, and no comparison tells what it brought"
    ),
    "roi_no_cost": N_(
        "{name_text}: no cost of it is booked, so nothing can be said of whether it has paid"
    ),
}
TONES = {
    "roi_paid": "good", "roi_not_paid": "bad", "roi_not_shown": "unsure",
    "roi_paid_saving": "good", "roi_not_paid_saving": "bad",
    "roi_change_only": "unsure", "roi_change_too_small": "bad", "roi_change_short": "unsure",
    "roi_change_within_chance": "unsure", "roi_change_fell": "bad", "roi_change_saved": "unsure",
    "roi_change_nothing_spent": "unsure", "roi_no_rise": "unsure", "roi_no_cost": "unsure",
}  # fmt: skip
HOLD_OUT = N_("Leave the customers on the list without it from the day named there.")
FORWARD = {
    "continue": N_("Continue it: what is still to come pays for what it still costs."),
    "extend": N_("Extend it to those who are without it, and keep some without."),
    "stop": N_("Stop it: what is still to come does not pay for what it still costs."),
    "wait": N_("Decide when more months have been seen; spend nothing more than is agreed."),
}


def initiative_findings(
    readings: Sequence[Reading], *, said: Callable[[Initiative], str], exhibit: str
) -> tuple[Finding, ...]:
    """A message for each initiative that can be read; `said` gives its name for the reader."""
    return tuple(f for r in readings if (f := _finding(r, said(r.plan), exhibit)) is not None)


def _finding(reading: Reading, name: str, exhibit: str) -> Finding | None:
    key = claim_of(reading)
    if key is None:
        return None
    money, net = reading.money, reading.money.net
    told = None if net is None else net
    bounded = told is not None and math.isfinite(told.low) and math.isfinite(told.high)
    own = {"roi_cost", "roi_net", "roi_ratio", "roi_break_even_share"}
    return Finding(
        id=f"roi_before_after.{reading.plan.id}.{key}",
        claim=CLAIMS[key],
        values={
            "name_text": name,
            "until_day": money.until.isoformat(),
            "cost_money": money.total_cost,
            "benefit_money": None if money.incremental is None else money.incremental.value,
            "low_money": told.low if told and bounded else None,
            "high_money": told.high if told and bounded else None,
            "needed_share": money.break_even_share,
            "saved_money": cashed(money),
            "money_kind": "net",
        },
        records=tuple(record_key(r) for r in records(reading) if r.metric in own),
        tone=TONES[key],  # type: ignore[arg-type]
        confidence=reading.certainty,
        money=told.value if told else None,
        money_low=told.low if told and bounded else None,
        money_high=told.high if told and bounded else None,
        suggested_action=_action(reading),
        exhibit=exhibit,
    )


def claim_of(reading: Reading) -> str | None:
    """Which claim it makes; None where there is nothing to say yet."""
    if not reading.is_readable:
        return None
    if reading.money.total_cost is None:
        return "roi_no_cost"
    if reading.verdict == "change_not_effect":
        said = change_said(reading.money)
        short = {"unknown": "roi_no_rise", "share": "roi_change_only"}
        return short.get(said, f"roi_change_{said}")
    net = reading.money.net
    if reading.verdict == "not_shown" and (
        net is None or not (math.isfinite(net.low) and math.isfinite(net.high))
    ):
        return "roi_no_rise"
    saving = reading.verdict in ("paid", "not_paid") and cashed(reading.money) > 0
    return f"roi_{reading.verdict}{'_saving' if saving else ''}"


def _action(reading: Reading) -> str | None:
    if reading.rung is None:
        return HOLD_OUT if reading.learn is not None else None
    return FORWARD.get(reading.money.forward.decision)
