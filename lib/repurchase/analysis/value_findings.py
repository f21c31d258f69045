"""What the chapter on customer value has to say, as messages that rest on records.

Counts of customers who moved are complete counts under a rule, not estimates: they are said with
the confidence that the rule deserves, which is medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from repurchase.analysis.findings import moved, record_key
from repurchase.analysis.products import STANDS
from repurchase.records import Finding, Record, Result
from repurchase.words import N_

CLAIMS = {
    "high_slid_margin": N_(
        "{moved_count} customers of the high tier fell out of their rhythm in {in_period} (later"
        " than nine of ten of their own gaps, or lapsed), with {worth_margin_money} of margin in"
        " the {months_count} months before"
    ),
    "high_slid_revenue": N_(
        "{moved_count} customers of the high tier fell out of their rhythm in {in_period} (later"
        " than nine of ten of their own gaps, or lapsed), with {worth_money} of net revenue in the"
        " {months_count} months before"
    ),
    "tenth_margin": N_(
        "The best tenth of the active customers brought {value_share} of the margin; last year's"
        " best tenth brings {kept_share} now: few of the best stay the best"
    ),
    "tenth_revenue": N_(
        "The best tenth of the active customers brought {value_share} of the net revenue; last"
        " year's best tenth brings {kept_share} now: few of the best stay the best"
    ),
    "category_more": N_(
        "Buyers of {name_text} order anything again within 90 days more often than buyers of other"
        " categories: {value_share}, {change_points} against the others"
    ),
    "category_less": N_(
        "Buyers of {name_text} order anything again within 90 days less often than buyers of other"
        " categories: {value_share}, {change_points} against the others"
    ),
}
ACTIONS = {
    "high_slid": N_(
        "Contact those of them first whom the lists for sales name; whoever is left out there is"
        " so for a reason."
    ),
    "tenth": N_(
        "See by name who of last year's best has stopped ordering. Part of the fall is chance:"
        " whoever is picked for one good year mostly does less well in the next."
    ),
    "category_more": N_("Try it as the second purchase offered to new customers, with a hold-out."),
    "category_less": N_("Look at what its buyers are offered next."),
}
# A share that halves within a year is said on the summary.
KEPT_FEW = 0.5


def value_findings(
    flows: Result, concentration: Result, products: Result, *, exhibits: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The chapter's messages; none where nothing stands."""
    period = flows.context.period.label
    found = (
        _slid(flows, period, exhibits["flow"]),
        _tenth(concentration, exhibits["top_tenth"]),
        _category(products, exhibits["product"]),
    )
    return tuple(f for f in found if f is not None)


def _record(result: Result, metric: str, dimensions: str) -> Record | None:
    return next(
        (r for r in result.records if (r.metric, r.dimensions) == (metric, dimensions)), None
    )


def _slid(flows: Result, period: str, exhibit: str) -> Finding | None:
    if flows.frame.empty:
        return None
    row = flows.frame.set_index("flow").loc["slid"]
    record = _record(flows, "flow_customers", "flow=slid")
    if record is None or not row["high"]:
        return None
    margin = _record(flows, "flow_margin", "flow=slid") is not None
    worth = None if pd.isna(row["high_worth"]) else round(float(row["high_worth"]), 2)
    if worth is None:
        return None
    change = next(
        (r for r in flows.records if (r.metric, r.compare_to) == ("slid_share", "previous")), None
    )
    return Finding(
        id="customer_value.high_tier.slid",
        claim=CLAIMS["high_slid_margin" if margin else "high_slid_revenue"],
        values={
            "moved_count": float(row["high"]),
            "months_count": float(row["months"]),
            "in_period": period,
            "worth_margin_money" if margin else "worth_money": worth,
            "money_kind": "margin" if margin else "revenue",
        },
        records=(record_key(record), *([record_key(change)] if change else [])),
        tone="bad" if moved(change) > 0 else "neutral",
        confidence="medium",
        money=worth,
        suggested_action=ACTIONS["high_slid"],
        exhibit=exhibit,
    )


def _tenth(concentration: Result, exhibit: str) -> Finding | None:
    for measure in ("margin", "revenue"):
        where = f"measure={measure}"
        now = _record(concentration, "top_tenth_share", where)
        then = _record(concentration, "former_top_tenth_share", where)
        if now is None or then is None or now.value is None or then.value is None:
            continue
        if then.value > KEPT_FEW * now.value:
            return None
        return Finding(
            id="customer_value.best_tenth.left",
            claim=CLAIMS[f"tenth_{measure}"],
            values={"value_share": now.value, "kept_share": then.value},
            records=(record_key(now), record_key(then)),
            tone="neutral",
            confidence="high",
            suggested_action=ACTIONS["tenth"],
            exhibit=exhibit,
        )
    return None


def _category(products: Result, exhibit: str) -> Finding | None:
    """The category that stands farthest from the others."""
    frame = products.frame
    if frame.empty:
        return None
    sure = frame[(frame["kind"] == "category") & (frame["mark"] == STANDS)]
    if sure.empty:
        return None
    row: Mapping[Any, Any] = sure.loc[sure["any_change"].abs().idxmax()].to_dict()
    record = next(
        r
        for r in products.records
        if r.metric == "any_again_90d" and r.numerator == row["any_90"] and r.n == row["n_90"]
    )
    way = "category_more" if row["any_change"] > 0 else "category_less"
    return Finding(
        id=f"customer_value.{way}",
        claim=CLAIMS[way],
        values={
            "name_text": str(row["name"]),
            "value_share": record.value,
            "change_points": round(float(row["any_change"]), 6),
        },
        records=(record_key(record),),
        tone="neutral",
        confidence="low",
        suggested_action=ACTIONS[way],
        exhibit=exhibit,
    )
