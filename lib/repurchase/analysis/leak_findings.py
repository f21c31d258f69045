"""What leaks have to say: the dearest of this period, and whether last period's have closed.

Values are as in `analysis.findings`; `..._text` is printed as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from repurchase.analysis.findings import record_key
from repurchase.analysis.leaks import LASTS, LEAK, RECOVERED, UNKNOWN, key_of, place_of
from repurchase.records import Confidence, Finding, Record, Result, dimensions, parse_dimensions
from repurchase.words import N_

MOST, MOST_FORMER = 3, 2
SURE = 0.01
FULL = 6

CLAIMS = {
    "place": N_(
        "{step_text} leaks at {where_place} since {since_day}: {now_share} take the step, before"
        " it {level_share} did; about {customers_count} repurchases a month are missing for it"
    ),
    "rest": N_(
        "{step_text} leaks since {since_day}, everywhere but in the places named for themselves:"
        " {now_share} take the step, before it {level_share} did; about {customers_count}"
        " repurchases a month are missing for it"
    ),
    "whole": N_(
        "{step_text} leaks as a whole since {since_day}: {now_share} take the step, before it"
        " {level_share} did; about {customers_count} repurchases a month are missing for it"
    ),
    "place_after": N_(
        "{step_text} leaks at {where_place} since {since_day}: {now_share} take the step, before"
        " it {level_share} did"
    ),
    "rest_after": N_(
        "{step_text} leaks since {since_day}, everywhere but in the places named for themselves:"
        " {now_share} take the step, before it {level_share} did"
    ),
    "whole_after": N_(
        "{step_text} leaks as a whole since {since_day}: {now_share} take the step, before it"
        " {level_share} did"
    ),
    "recovered_place": N_(
        "Last period's leak has closed: {step_text}, {where_place}: {now_share} take the step"
        " again; it was {then_share}, and {level_share} before"
    ),
    "recovered_whole": N_(
        "Last period's leak has closed: {step_text}: {now_share} take the step again; it was"
        " {then_share}, and {level_share} before"
    ),
    "lasts_place": N_(
        "Last period's leak has not closed: {step_text}, {where_place}: {now_share} take the step;"
        " it was {then_share}, and {level_share} before"
    ),
    "lasts_whole": N_(
        "Last period's leak has not closed: {step_text}: {now_share} take the step; it was"
        " {then_share}, and {level_share} before"
    ),
    "unknown_place": N_(
        "Whether last period's leak has closed cannot be told: {step_text}, {where_place}:"
        " {now_share} take the step; it was {then_share}, and {level_share} before"
    ),
    "unknown_whole": N_(
        "Whether last period's leak has closed cannot be told: {step_text}: {now_share} take the"
        " step; it was {then_share}, and {level_share} before"
    ),
    "gone_place": N_(
        "Whether last period's leak has closed cannot be told: {step_text}, {where_place}: too few"
        " came to the step"
    ),
    "gone_whole": N_(
        "Whether last period's leak has closed cannot be told: {step_text}: too few came to the"
        " step"
    ),
}
ACTIONS = {
    "place": N_(
        "Find what has changed there since: a page, a form, an offer, a person. Mend it before"
        " contacting more customers that way."
    ),
    "whole": N_(
        "It fell for all, so look first at what all share: the site, prices, stock, the calendar."
    ),
    "lasts": N_(
        "It was known a period ago: ask who has taken it on, what was tried, and by when it will be"
        " mended."
    ),
}
Kind = Literal["place", "rest", "whole"]


def leak_findings(
    found: Result, former: Result, *, exhibits: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The dearest leaks, the largest first, then whether last period's have closed.

    `found` is from `leaks`, `former` from `former_leaks`. A leak of a whole step without a year
    ago to hold it against is unsure: it may be the season. A former leak that lasts is told among
    this period's leaks, unless it is none by its own level any more. `exhibits` names those of
    `leak` and `former_leak`.
    """
    records = {(r.metric, r.dimensions): r for r in (*found.records, *former.records)}
    leaks = found.frame[found.frame["status"] == LEAK].to_dict("records")
    told = [_leak(row, records, exhibits["leak"]) for row in leaks[:MOST]]
    named = {key_of(row) for row in leaks}
    closed = [
        _former(row, records, exhibits["former_leak"])
        for row in former.frame.to_dict("records")
        if key_of(row) not in named
    ]
    return (*told, *closed[:MOST_FORMER])


def kind_of(row: Mapping[Any, Any]) -> Kind:
    """Whether a leak is of one label, of all others of a cut, or of a whole step."""
    return "place" if row["label"] else "rest" if row["cut"] else "whole"


def is_sure(row: Mapping[Any, Any]) -> bool:
    """Whether the season cannot explain a leak: labels are read beside each other."""
    return bool(row["label"]) or bool(row["season_known"])


def _leak(
    row: dict[Any, Any], records: Mapping[tuple[str, str], Record], exhibit: str
) -> Finding:
    kind, where = kind_of(row), key_of(row)
    customers, money = _worth(row, records)
    values: dict[str, str | float | int | None] = {
        "step_text": str(row["step_name"]),
        "since_day": str(row["since_day"]),
        "now_share": round(float(row["now"]), 6),
        "level_share": round(float(row["level"]), 6),
    }
    if kind == "place":
        values["where_place"] = place_of(row)
    if customers is not None:
        values["customers_count"] = float(round(customers.value or 0.0))
    if money is not None:
        values["money_kind"] = parse_dimensions(money.dimensions)["money"]
    keys = [records["leak_conversion", where], records["leak_level", where], customers, money]
    return Finding(
        id=f"funnel_diagnosis.leak.{where}",
        claim=CLAIMS[kind if customers else f"{kind}_after"],
        values=values,
        records=tuple(record_key(r) for r in keys if r),
        tone="bad" if is_sure(row) else "unsure",
        confidence=_confidence(row),
        money=money.value if money else None,
        money_low=money.low if money else None,
        money_high=money.high if money else None,
        suggested_action=_action(row, kind),
        exhibit=exhibit,
    )


def _worth(
    row: dict[Any, Any], records: Mapping[tuple[str, str], Record]
) -> tuple[Record | None, Record | None]:
    """The records of a leak's customers and money, where they are known."""
    names = [("leak_customers", key_of(row))]
    names += [("leak_money", key_of(row, money=kind)) for kind in ("margin", "revenue")]
    found = [records.get(name) for name in names]
    known = [r if r and r.value is not None else None for r in found]
    return known[0], known[1] or known[2]


def _confidence(row: Mapping[Any, Any]) -> Confidence:
    if not is_sure(row):
        return "low"
    full = row["season_known"] and row["windows"] >= FULL
    return "high" if full and row["q"] < SURE else "medium"


def _action(row: Mapping[Any, Any], kind: Kind) -> str:
    if row["lasts"]:
        return ACTIONS["lasts"]
    return ACTIONS["place" if kind == "place" else "whole"]


def _former(
    row: dict[Any, Any], records: Mapping[tuple[str, str], Record], exhibit: str
) -> Finding:
    record = records["former_leak", key_of(row)]
    place = "place" if row["label"] else "whole"
    gone = record.value is None
    values: dict[str, str | float | int | None] = {"step_text": str(row["step_name"])}
    if row["label"]:
        values["where_place"] = dimensions(**{row["cut"]: row["label"]})
    if not gone:
        values |= {
            f"{k}_share": round(float(row[c]), 6)
            for k, c in (("now", "now"), ("then", "then"), ("level", "level"))
        }
    status = str(row["status"])
    tone = {RECOVERED: "good", LASTS: "bad", UNKNOWN: "neutral"}[status]
    return Finding(
        id=f"funnel_diagnosis.former_leak.{key_of(row)}",
        claim=CLAIMS[f"{'gone' if gone else status}_{place}"],
        values=values,
        records=(record_key(record),),
        tone=tone,  # type: ignore[arg-type]
        confidence="medium",
        suggested_action=ACTIONS["lasts"] if status == LASTS else None,
        exhibit=exhibit,
    )
