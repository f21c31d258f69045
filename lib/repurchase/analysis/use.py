"""Is the system used, and does using it do anything: check 6.

The work is the lists: who was due at the period's start and on one of them. A touch in time is a
contact by a sales person within the rule's days of the start. Whom a sales person touches is his
choice, so touched against not touched is no effect, however alike they are made; listed against
withheld by chance is one.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.clock import local_day
from repurchase.analysis.findings import record_key
from repurchase.analysis.list_results import FEWEST
from repurchase.analysis.verdicts import Answer, Verdict
from repurchase.params import FunnelRules
from repurchase.reasons import (
    FEW_TO_COMPARE,
    NO_LISTED,
    NO_LISTS_BACK,
    NO_LOADED_AT,
    NO_LOGINS,
    NO_PROMISES,
    TOO_LATE_TO_SEE,
    reason,
)
from repurchase.records import Confidence, Record, Result, dimensions
from repurchase.stats.multiplicity import benjamini_hochberg
from repurchase.stats.proportion import Estimate, change_of, wilson
from repurchase.stats.stratified import Stratum, mantel_haenszel
from repurchase.words import N_

TOUCHED, KEPT = "due_touched_share", "promise_kept_share"
PROMISES = ("kept", "ordered", "open", "broken")
LOGIN = "login"
# Under this share touched in time the lists are hardly used; over these it is worth a look.
HARDLY, MOST_LATE, FEWEST_KEPT = 0.1, 0.2, 0.5
# An effect under so much of the customers is none that pays for the work.
MATERIAL_EFFECT = 0.02
# From so many groups on they are held against those of about their own size.
FEWEST_GROUPS = 9
SURE = 0.05
WORSE, BETTER = "worse", "better"
MEASURES = ("touched", "entered", "kept", "logged")
METRICS_OF = {
    "touched": TOUCHED, "entered": "entered_late_share", "kept": KEPT, "logged": "login_day_share"
}  # fmt: skip
# Fewer entries, promises or days say nothing of a group.
FEWEST_DONE = 10
# A place that is off by so many of the measures does not use the system.
ENOUGH_SIGNS = 2
SECONDS = 86_400
CLAIMS = {
    "rule": N_(
        "Of {n_count} customers on the lists at the start of {in_period}, sales touched"
        " {value_share} within {within_count} days; the rule is {rule_share}"
    ),
    "place": N_(
        "The system is not used everywhere ({where_place}): {off_count} of {known_count} signs"
        " (touches in time, late entries, promises, logins) are surely worse there"
    ),
    "places": N_(
        "The system is not used everywhere ({where_place}, and {more_count} more): {off_count} of"
        " {known_count} signs (touches in time, late entries, promises, logins) are surely worse"
        " there"
    ),
    "not_used": N_(
        "The lists are hardly used: of {n_count} customers on them at the start of {in_period},"
        " sales touched {value_share} within {within_count} days; what they could bring cannot be"
        " told"
    ),
    "no_effect_random": N_(
        "The lists are worked and bring nothing: {gap_points} more of those on them were touched"
        " than of those withheld by chance, and their orders differ by {effect_points}"
    ),
    "no_effect": N_(
        "The lists are used, but those touched in time ordered no more than others as likely to:"
        " {effect_points}; they were not chosen by chance"
    ),
    "late": N_(
        "{value_share} of what sales entered in {in_period} came more than {within_count} days"
        " late, so that lists and triggers rest on old news"
    ),
    "promises": N_(
        "Of {n_count} follow-ups promised for {in_period}, {value_share} were kept"
    ),
    "effect": N_(
        "The lists are used: of {n_count} customers on them sales touched {value_share} within"
        " {within_count} days, and those ordered more than others as likely to: {effect_points};"
        " they were not chosen by chance"
    ),
    "effect_random": N_(
        "The lists are used and work: of those on them {effect_points} more ordered than of those"
        " withheld by chance"
    ),
    "ok": N_(
        "The lists are used: of {n_count} customers on them at the start of {in_period}, sales"
        " touched {value_share} within {within_count} days; whether it does anything cannot be told"
    ),
}
ACTIONS = {
    "rule": N_(
        "Ask the teams with the lowest shares what keeps them; look at the size of the books."
    ),
    "place": N_("Ask there what keeps them from it, before anything is changed for all stores."),
    "not_used": N_("Have the lists worked for a month before changing the system or the lists."),
    "no_effect": N_(
        "Withhold a tenth of the lists by chance, to learn whether contact does anything."
    ),
    "no_effect_random": N_(
        "Change what is said or offered, or whom the lists name, before more calls."
    ),
    "late": N_("Enter contacts on the day: at the till or on the phone, not in the evening."),
    "promises": N_("Put promised follow-ups at the top of the next lists."),
}


def owners(listed: pd.DataFrame, reps: pd.DataFrame | None, *, day: dt.date) -> pd.DataFrame:
    """The rows with `rep` as of `day`, "" where there is none.

    `listed` has owner_rep_id and last_rep_id, `reps` rep_id, active_from, active_to (None: no
    table of sales people, so all are taken to have been there). Whose they are: the owner that the
    customer file names today, if there already and still that day; else who served the last order
    before it, likewise.
    """
    names = ("owner_rep_id", "last_rep_id")
    owner, server = (listed[c].astype("object").where(listed[c].notna(), "") for c in names)
    if reps is None:
        return listed.assign(rep=owner.where(owner != "", server))
    here = set(reps.loc[present(reps, day=day), "rep_id"])
    owner, server = (who.where(who.isin(here), "") for who in (owner, server))
    rep = owner.where(owner != "", server)
    return listed.assign(rep=rep)


def teams_of(reps: pd.DataFrame) -> dict[str, str]:
    """The team of each sales person who is in one."""
    known = reps.dropna(subset=["team"])
    return dict(zip(known["rep_id"], known["team"], strict=True))


def present(reps: pd.DataFrame, *, day: dt.date) -> pd.Series:
    """Which of the sales people were there that day; one without a date always was."""
    begin, end = (pd.to_datetime(reps[c]) for c in ("active_from", "active_to"))
    at = pd.Timestamp(day)
    return (begin.isna() | (begin <= at)) & (end.isna() | (end > at))


def nothing(metric: str, why: str) -> Result:
    """A share that cannot be computed."""
    record = Record(metric, None, "share", status="not_computed", reason=why)
    return Result(pd.DataFrame(), (record,))


def rep_touches(events: ir.Table, rules: FunnelRules) -> ir.Table:
    """Contacts by a sales person that did not fail: customer_id, rep_id, touched_at, touched_on."""
    rows = events.filter(
        events.type.isin(rules.touches)
        & events.rep_id.notnull()
        & ~events.is_bot.fill_null(False)
        & ~events.outcome.isin(rules.failed_outcomes).fill_null(False)
    )
    return rows.select(
        "customer_id", "rep_id", touched_at=rows.occurred_at, touched_on=rows.occurred_date
    )


def touched_in_time(
    due: pd.DataFrame, touches: pd.DataFrame | str, *, last: dt.date, first: dt.date
) -> pd.DataFrame | str:
    """The customers on the lists or withheld from them, with `touched` (flag).

    `touches` has customer_id and touched_on, those noted on returned lists among them.
    """
    if isinstance(touches, str):
        return touches
    rows = due[due["outcome"].isin(["listed", "withheld"])]
    day = pd.to_datetime(touches["touched_on"])
    inside = touches[(day >= pd.Timestamp(first)) & (day <= pd.Timestamp(last))]
    return rows.assign(touched=rows["customer_id"].isin(inside["customer_id"])).reset_index(
        drop=True
    )


class Work(NamedTuple):
    """What sales people did, a frame a measure; what is not known of any of them is empty.

    `listed`: a row a customer on the lists, with rep ("": nobody's) and touched (flag). The others
    have a row a sales person: rep, n and k (entered: rows, those late; kept: promises kept or
    broken, those kept; logged: days of the period, those with a login). `ever` are those who have
    ever logged in (None: no logins are known), `places` and `teams` tell where each belongs.
    """

    listed: pd.DataFrame
    entered: pd.DataFrame
    kept: pd.DataFrame
    logged: pd.DataFrame
    ever: frozenset[str] | None
    places: Mapping[str, str]
    teams: Mapping[str, str]


def worked(told: Work | str, rules: FunnelRules) -> Result:
    """How the lists are worked, in all, by team, by store and by sales person.

    `told` is the reason why it cannot be said, if it cannot. Columns: by ("", "system": those who
    have ever logged in, "team", "store", "rep"), label, and for each of MEASURES: <m>_n, <m>_k,
    <m>_share, <m>_low, <m>_high (Wilson), <m>_peers (the share of the others, with lists of about
    that length), <m>_mark (WORSE or BETTER: surely off it; "" otherwise); worse (how many measures
    are), alike (groups that are too small for a share of their own, put together under the label
    ""). Held against each other are those on the system: who has never logged in is not. Records:
    `due_touched_share` in all, by `system=`, `team=`, `store_id=`, `rep=`; `entered_late_share`,
    `promise_kept_share` and `login_day_share` by `team=` and `store_id=`.
    """
    if isinstance(told, str) or told.listed.empty:
        why = told if isinstance(told, str) else NO_LISTED
        record = Record(TOUCHED, None, "share", status="not_computed", reason=why)
        return Result(pd.DataFrame(columns=["by"]), (record,))
    counts = _counts(told)
    everyone = counts[[c for c in counts if c != "rep"]].sum()
    parts = [pd.DataFrame([{"by": "", "label": "", **everyone}])]
    here = np.ones(len(counts), dtype=bool)
    if told.ever is not None:
        here = counts["rep"].isin(told.ever).to_numpy()
        on = counts[here].drop(columns="rep").sum()
        parts.append(pd.DataFrame([{"by": "system", "label": "yes", **on}]))
    for by, places in (("team", told.teams), ("store", told.places), ("rep", None)):
        label = counts["rep"]
        if places is not None:
            label = pd.Series([places.get(rep, "") for rep in counts["rep"]])
        if set(label) != {""}:
            groups = counts.assign(label=label, here=here).drop(columns="rep")
            parts.append(_judged(groups, rules.fewest_due).assign(by=by))
    frame = _with_shares(pd.concat(parts, ignore_index=True))
    return Result(frame, tuple(_work_records(frame)))


def _counts(told: Work) -> pd.DataFrame:
    """One row a sales person (and one for nobody): n and k of each measure."""
    listed = told.listed.groupby("rep")["touched"].agg(["size", "sum"]).reset_index()
    table = listed.set_axis(["rep", "touched_n", "touched_k"], axis="columns")
    for name in MEASURES[1:]:
        part = getattr(told, name)[["rep", "n", "k"]]
        part = part.set_axis(["rep", f"{name}_n", f"{name}_k"], axis="columns")
        table = table.merge(part, on="rep", how="outer")
    numbers = table.drop(columns="rep").fillna(0).astype(float)
    return pd.concat([table["rep"].astype(str), numbers], axis="columns")


def _judged(parts: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """The groups with a share of their own, each held against the others; the rest as one row.

    All looks at all measures are one family (Benjamini-Hochberg).
    """
    groups = parts.groupby("label").agg(
        {c: "sum" for c in parts.columns if c not in ("label", "here")} | {"here": "max"}
    )
    large = groups[(groups["touched_n"] >= fewest) & (groups.index != "")].reset_index()
    large = large.sort_values(["touched_n", "label"], ascending=[False, True], ignore_index=True)
    small = groups[~groups.index.isin(large["label"])]
    family: list[tuple[int, str, float, float]] = []
    for name, least in zip(MEASURES, (fewest, *(FEWEST_DONE,) * 3), strict=True):
        large[f"{name}_peers"], large[f"{name}_mark"] = np.nan, ""
        chosen = large[large["here"] & (large[f"{name}_n"] >= least)]
        if len(chosen) < 2:
            continue
        peers, z = _off_peers(chosen[f"{name}_n"], chosen[f"{name}_k"])
        large.loc[chosen.index, f"{name}_peers"] = peers
        family += [(i, name, x, math.erfc(abs(x) / math.sqrt(2)))
                   for i, x in zip(chosen.index, z, strict=True)]  # fmt: skip
    adjusted = benjamini_hochberg([p for *_, p in family])
    for (index, name, x, _), q in zip(family, adjusted, strict=True):
        if q < SURE:
            bad = (x > 0) == (name == "entered")
            large.loc[index, f"{name}_mark"] = WORSE if bad else BETTER
    rest = small.drop(columns="here").sum().to_dict()
    named = float((small.index != "").sum())
    last = pd.DataFrame([{"label": "", **rest, "alike": named}])
    found = pd.concat([large, last[last["touched_n"] > 0]], ignore_index=True)
    return found.drop(columns="here")


def _off_peers(n: pd.Series, k: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """What the others of about the same size have, and how far off it each is (z).

    From nine groups on in thirds by size, so that long lists are held against long ones. The z is
    divided by the spread that groups have anyway (Spiegelhalter 2005, Statistics in Medicine 24:
    the over-dispersion of a funnel plot), so that it is more than the usual difference.
    """
    count = len(n)
    order = np.argsort(np.argsort(-n.to_numpy(), kind="stable"), kind="stable")
    third = order * 3 // count if count >= FEWEST_GROUPS else np.zeros(count, dtype=int)
    # what the others have: one's own share is not held against itself
    others_n = n.groupby(third).transform("sum") - n
    others_k = k.groupby(third).transform("sum") - k
    pooled = (others_k + k) / (others_n + n)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / others_n)).to_numpy()
    peers = (others_k / others_n).to_numpy()
    gap = (k / n).to_numpy() - peers
    z = np.divide(gap, error, out=np.zeros(count), where=error > 0)
    low, high = np.quantile(z, [0.1, 0.9])
    spread = max(1.0, float((np.clip(z, low, high) ** 2).mean()))
    return peers, z / math.sqrt(spread)


def _with_shares(frame: pd.DataFrame) -> pd.DataFrame:
    columns = ["by", "label"]
    for name in MEASURES:
        n, k = frame[f"{name}_n"], frame[f"{name}_k"]
        levels = [wilson(b, a) if a > 0 else Estimate(math.nan, math.nan, math.nan)
                  for a, b in zip(n, k, strict=True)]  # fmt: skip
        for part, column in zip(Estimate._fields, ("share", "low", "high"), strict=True):
            frame[f"{name}_{column}"] = [getattr(x, part) for x in levels]
        columns += [f"{name}_{c}" for c in ("n", "k", "share", "low", "high", "peers", "mark")]
    frame = frame.reindex(columns=[*columns, "alike"])
    for name in MEASURES:
        frame[f"{name}_mark"] = frame[f"{name}_mark"].fillna("")
    marks = frame[[f"{name}_mark" for name in MEASURES]]
    return frame.assign(worse=(marks == WORSE).sum(axis="columns"))


def _work_records(frame: pd.DataFrame) -> list[Record]:
    made = []
    for row in frame.to_dict("records"):
        by, label = str(row["by"]), str(row["label"])
        if by and not label:
            continue
        where = dimensions(**{{"store": "store_id"}.get(by, by): label}) if by else ""
        measures = MEASURES if by in ("team", "store") else MEASURES[:1]
        made += [
            Record(
                METRICS_OF[name], row[f"{name}_share"], "share", where, low=row[f"{name}_low"],
                high=row[f"{name}_high"], numerator=row[f"{name}_k"], n=row[f"{name}_n"],
            )
            for name in measures
            if row[f"{name}_n"] > 0
        ]  # fmt: skip
    return made


# ---- does it do anything -----------------------------------------------------------------------


def effect(
    rows: pd.DataFrame | str,
    ordered: pd.DataFrame,
    *,
    last: dt.date,
    end: dt.date,
    lists_back: bool,
    randomised: Record,
) -> Result:
    """Touched in time against not, among customers equally due; listed against withheld.

    `rows` as in `touched`; `ordered` has customer_id and order_date, the order dates of the period;
    `last` is the last day of a touch in time, `end` the last day seen. Compared are those on the
    lists who had not ordered by then, by whether they ordered afterwards: who orders early needs no
    touch any more, and would make touching look useless. Strata: the state (due, overdue, at risk)
    and thirds of the probability to order. `randomised` is the lists' own result; it counts only if
    lists came back (`lists_back`), since otherwise nobody knows that they went out.
    Columns: group ("touched", "not_touched", "listed", "withheld"), n, numerator, value, low, high.
    Records: `touch_difference` (observational, Mantel-Haenszel), `list_touch_gain` (listed less
    withheld who were touched), `list_order_gain`.
    """
    if isinstance(rows, str):
        missing = [
            Record(m, None, "share", status="not_computed", reason=rows)
            for m in ("touch_difference", "list_touch_gain", "list_order_gain")
        ]
        return Result(pd.DataFrame(columns=["group"]), tuple(missing))
    seen, record = _observed(rows, ordered, last=last, end=end)
    listed = rows["outcome"] == "listed"
    sizes = {"listed": rows[listed], "withheld": rows[~listed]}
    both = [_row(name, part["touched"]) for name, part in sizes.items() if len(part)]
    gain = _touch_gain(rows, lists_back=lists_back)
    order = replace(randomised, metric="list_order_gain", dimensions="")
    if not lists_back:
        order = Record("list_order_gain", None, "share", status="not_computed",
                       reason=NO_LISTS_BACK)  # fmt: skip
    columns = ["group", "n", "numerator", "value", "low", "high"]
    return Result(pd.DataFrame([*seen, *both], columns=columns), (record, gain, order))


def _row(name: str, hit: pd.Series) -> dict[str, object]:
    n, k = float(len(hit)), float(hit.sum())
    return {"group": name, "n": n, "numerator": k, **wilson(k, n)._asdict()}


def _observed(
    rows: pd.DataFrame, ordered: pd.DataFrame, *, last: dt.date, end: dt.date
) -> tuple[list[dict[str, object]], Record]:
    metric = "touch_difference"
    if last >= end:
        days = (last - end).days
        why = reason(TOO_LATE_TO_SEE, days=max(days, 0))
        return [], Record(metric, None, "share", status="not_computed", reason=why)
    day = pd.to_datetime(ordered["order_date"])
    early = ordered.loc[day <= pd.Timestamp(last), "customer_id"]
    late = ordered.loc[day > pd.Timestamp(last), "customer_id"]
    still = rows[(rows["outcome"] == "listed") & ~rows["customer_id"].isin(early)]
    still = still.assign(came=still["customer_id"].isin(late))
    parts = {"touched": still[still["touched"]], "not_touched": still[~still["touched"]]}
    table = [_row(name, part["came"]) for name, part in parts.items() if len(part)]
    if min(len(part) for part in parts.values()) < FEWEST:
        why = reason(FEW_TO_COMPARE, fewest=FEWEST)
        return table, Record(metric, None, "share", status="not_computed", reason=why)
    found = mantel_haenszel(_strata(still))
    if found is None:
        why = reason(FEW_TO_COMPARE, fewest=FEWEST)
        return table, Record(metric, None, "share", status="not_computed", reason=why)
    return table, Record(metric, found.value, "share", low=found.low, high=found.high,
                         n=float(len(still)))  # fmt: skip


def _strata(still: pd.DataFrame) -> list[Stratum]:
    # who is equally likely stands in one stratum, whatever the order of the rows
    chance = still["returns"].astype(float).rank(method="average")
    third = np.ceil(chance / len(still) * 3)
    found = []
    for _, part in still.groupby([still["state"], third], sort=True):
        one, other = part[part["touched"]]["came"], part[~part["touched"]]["came"]
        found.append(Stratum(len(one), float(one.sum()), len(other), float(other.sum())))
    return found


def _touch_gain(rows: pd.DataFrame, *, lists_back: bool) -> Record:
    metric = "list_touch_gain"
    if not lists_back:
        return Record(metric, None, "share", status="not_computed", reason=NO_LISTS_BACK)
    parts = [rows[rows["outcome"] == name]["touched"] for name in ("listed", "withheld")]
    if min(map(len, parts)) < FEWEST:
        why = reason(FEW_TO_COMPARE, fewest=FEWEST)
        return Record(metric, None, "share", status="not_computed", reason=why)
    now, then = (wilson(float(p.sum()), float(len(p))) for p in parts)
    change = change_of(now, then)
    return Record(metric, change.value, "share", low=change.low, high=change.high,
                  n=float(sum(map(len, parts))))  # fmt: skip


# ---- how it is used ----------------------------------------------------------------------------


def entered(
    tables: Mapping[str, ir.Table], *, first: dt.date, last: dt.date, rules: FunnelRules
) -> Result:
    """How long after the fact sales people's own rows of the period were loaded.

    `tables` are events and orders that have rep_id, loaded_at, the time and its day, named
    `happened_at` and `happened_on`. Columns: table, rows, late, value, low, high (share later than
    `entry_days`, Wilson), p50, p95 (days), without (rows that do not say). Records:
    `entered_late_share`, in all and by `table=`; what has not arrived yet is in none of them.
    """
    limit = rules.entry_days * SECONDS
    found = []
    for name, table in tables.items():
        rows = table.filter(table.rep_id.notnull() & table.happened_on.between(first, last))
        wait = (rows.loaded_at.epoch_seconds() - rows.happened_at.epoch_seconds()).cast("int64")
        row = rows.aggregate(
            rows=rows.loaded_at.count(),
            late=(wait > limit).sum(),
            p50=wait.quantile(0.5),
            p95=wait.quantile(0.95),
            without=rows.loaded_at.isnull().sum(),
        ).to_pyarrow().to_pylist()[0]  # fmt: skip
        if row["rows"]:
            found.append({"table": name, **{k: float(v or 0) for k, v in row.items()}})
    if not found:
        record = Record("entered_late_share", None, "share", status="not_computed",
                        reason=NO_LOADED_AT)  # fmt: skip
        return Result(pd.DataFrame(columns=["table"]), (record,))
    frame = pd.DataFrame(found)
    levels = [wilson(k, n) for k, n in zip(frame["late"], frame["rows"], strict=True)]
    frame = frame.assign(**{name: [getattr(x, name) for x in levels] for name in levels[0]._fields})
    frame[["p50", "p95"]] = frame[["p50", "p95"]] / SECONDS
    n, late = float(frame["rows"].sum()), float(frame["late"].sum())
    whole = wilson(late, n)
    records = [
        Record("entered_late_share", whole.value, "share", low=whole.low, high=whole.high,
               numerator=late, n=n)
    ]  # fmt: skip
    for row in frame.to_dict("records"):
        where = dimensions(table=row["table"])
        records.append(
            Record("entered_late_share", row["value"], "share", where, low=row["low"],
                   high=row["high"], numerator=row["late"], n=row["rows"])
        )  # fmt: skip
    return Result(frame, tuple(records))


def entered_of_each(
    table: ir.Table, *, first: dt.date, last: dt.date, rules: FunnelRules
) -> pd.DataFrame:
    """One row a sales person: rep, n (own rows of the period that say when loaded), k (late)."""
    rows = table.filter(
        table.rep_id.notnull()
        & table.loaded_at.notnull()
        & table.happened_on.between(first, last)
    )
    wait = rows.loaded_at.epoch_seconds() - rows.happened_at.epoch_seconds()
    late = (wait > rules.entry_days * SECONDS).sum()
    found = rows.group_by(rep=rows.rep_id).aggregate(n=rows.count(), k=late)
    return found.order_by("rep").to_pandas()


def logins_of_each(events: ir.Table, *, first: dt.date, last: dt.date) -> pd.DataFrame:
    """One row a sales person who has ever logged in: rep, n (days of the period), k (with one)."""
    rows = events.filter((events.type == LOGIN) & events.rep_id.notnull())
    inside = rows.occurred_date.between(first, last)
    found = rows.group_by(rep=rows.rep_id).aggregate(
        k=rows.occurred_date.nunique(where=inside), n=ibis.literal((last - first).days + 1)
    )
    return found.order_by("rep").select("rep", "n", "k").to_pandas()


def places_of(orders: ir.Table) -> dict[str, str]:
    """The store in which each sales person has most orders; of equals the first by name."""
    rows = orders.filter(orders.rep_id.notnull() & orders.store_id.notnull())
    counted = rows.group_by(["rep_id", "store_id"]).aggregate(n=rows.count())
    first = ibis.window(group_by="rep_id", order_by=[counted.n.desc(), counted.store_id])
    placed = counted.mutate(place=ibis.row_number().over(first))
    found = placed.filter(placed.place == 0).select("rep_id", "store_id").to_pandas()
    return dict(zip(found["rep_id"], found["store_id"], strict=True))


def logins(events: ir.Table, *, first: dt.date, last: dt.date, reps: int | None) -> Result:
    """How many sales people logged in during the period; not computed where none ever does.

    `reps` is how many there are (None: not known). Columns: reps, days (rep-days with a login).
    """
    rows = events.filter((events.type == LOGIN) & events.rep_id.notnull())
    inside = rows.filter(rows.occurred_date.between(first, last))
    row = ibis.union(
        rows.aggregate(n=rows.rep_id.nunique(), place=ibis.literal(0)),
        inside.aggregate(n=inside.rep_id.nunique(), place=ibis.literal(1)),
    ).to_pandas().set_index("place")["n"]  # fmt: skip
    if not row[0]:
        record = Record("rep_login_share", None, "share", status="not_computed", reason=NO_LOGINS)
        return Result(pd.DataFrame(columns=["reps"]), (record,))
    n, k = float(max(reps or 0, row[0])), float(row[1])
    found = wilson(k, n)
    record = Record("rep_login_share", found.value, "share", low=found.low, high=found.high,
                    numerator=k, n=n)  # fmt: skip
    return Result(pd.DataFrame([{"reps": n, "logged_in": k}]), (record,))


def promised(
    events: ir.Table,
    touches: ir.Table,
    days: ir.Table,
    *,
    first: dt.date,
    last: dt.date,
    zone: str,
    rules: FunnelRules,
) -> pd.DataFrame:
    """Follow-ups that sales people promised for a day of the period: event_id, rep, fate.

    `touches` comes from `rep_touches`, `days` has a row a customer and order date. A promise is
    kept by a later touch of the customer up to `promise_days` after its day, whoever makes it;
    settled where the customer ordered meanwhile; open where it may still be kept after `last`;
    else broken (PROMISES).
    """
    rows = events.filter(events.rep_id.notnull() & events.next_at.notnull())
    rows = rows.mutate(next_on=local_day(rows.next_at, zone, first, last))
    rows = rows.filter(rows.next_on.between(first, last) & (rows.next_at > rows.occurred_at))
    rows = rows.select(
        "event_id", "customer_id", "occurred_at", "occurred_date", rep=rows.rep_id,
        until=(rows.next_on + ibis.interval(days=rules.promise_days)).cast("date"),
    )  # fmt: skip
    made_touches = touches.select(other_id=touches.customer_id, at="touched_at", on="touched_on")
    touched = rows.inner_join(made_touches, rows.customer_id == made_touches.other_id)
    touched = touched.filter((touched["at"] > touched.occurred_at) & (touched.on <= touched.until))
    orders = days.select(other_id=days.customer_id, on="order_date")
    bought = rows.inner_join(orders, rows.customer_id == orders.other_id)
    bought = bought.filter((bought.on > bought.occurred_date) & (bought.on <= bought.until))
    made = rows.order_by("event_id").select("event_id", "rep", "until").to_pandas()
    kept, ordered = (set(t.select("event_id").to_pandas()["event_id"]) for t in (touched, bought))
    fate = np.select(
        [
            made["event_id"].isin(kept),
            made["event_id"].isin(ordered),
            pd.to_datetime(made["until"]) > pd.Timestamp(last),
        ],
        PROMISES[:-1],
        PROMISES[-1],
    )
    return made[["event_id", "rep"]].assign(fate=fate)


def kept_of_each(made: pd.DataFrame) -> pd.DataFrame:
    """One row a sales person with promises kept or broken: rep, n (both), k (kept)."""
    told = made[made["fate"].isin(["kept", "broken"])]
    found = (told["fate"] == "kept").groupby(told["rep"]).agg(["size", "sum"]).reset_index()
    return found.set_axis(["rep", "n", "k"], axis="columns")


def promises(made: pd.DataFrame) -> Result:
    """What became of the follow-ups of `promised`.

    Columns: fate (PROMISES), promises. Record: `promise_kept_share` (kept, of kept and broken).
    """
    counts = {name: int((made["fate"] == name).sum()) for name in PROMISES}
    n = counts["kept"] + counts["broken"]
    frame = pd.DataFrame({"fate": list(counts), "promises": list(counts.values())})
    if not n:
        record = Record(KEPT, None, "share", status="not_computed", reason=NO_PROMISES)
        return Result(frame, (record,))
    found = wilson(counts["kept"], n)
    record = Record(KEPT, found.value, "share", low=found.low, high=found.high,
                    numerator=float(counts["kept"]), n=float(n))  # fmt: skip
    return Result(frame, (record,))


# ---- what it says ------------------------------------------------------------------------------


class Findings(NamedTuple):
    """The parts of the check, as the functions above return them."""

    touched: Result
    effect: Result
    entered: Result
    promises: Result


def verdict(
    parts: Findings, rules: FunnelRules, *, period: str, exhibits: Mapping[str, str]
) -> Verdict:
    """Whether the system is not used, or used without effect.

    "act": a stated rule of the profile is missed by a complete count; or lists that went out are
    worked and, against customers withheld by chance, surely bring less than MATERIAL_EFFECT.
    "watch": a store is off by several measures at once; under a tenth of what those on the system
    have on their lists is touched in time; touched ones order no more than others as likely to
    (observational, so never more than that); much is entered late; promises are not kept.
    """
    share = parts.touched.one(TOUCHED)
    if share.value is None or share.n is None:
        return Verdict("use", "not_computable", reason=share.reason)
    values: dict[str, Value] = {
        "n_count": share.n, "in_period": period, "value_share": share.value,
        "within_count": rules.touch_days,
    }  # fmt: skip
    desk = _Desk(values, period, rules, exhibits)
    for found in (
        _ruled(desk, share),
        _unused_place(desk, parts.touched.frame),
        _unused(desk, parts.touched),
        _by_chance(desk, parts.effect),
        _watched(desk, parts, share),
    ):
        if found is not None:
            return found
    return desk.verdict("ok", "ok", (share,), "touched")


Value = str | float | int | None


class _Desk(NamedTuple):
    """What every verdict of the check is written with."""

    values: dict[str, Value]
    period: str
    rules: FunnelRules
    exhibits: Mapping[str, str]

    def verdict(
        self, answer: Answer, claim: str, records: tuple[Record, ...], exhibit: str,
        *, confidence: Confidence = "high", action: str | None = None, **more: Value,
    ) -> Verdict:  # fmt: skip
        text = CLAIMS[claim]
        values = {k: v for k, v in (self.values | more).items() if f"{{{k}}}" in text}
        return Verdict(
            "use", answer, text, values, tuple(record_key(r) for r in records),
            action=ACTIONS[action] if action else None, confidence=confidence,
            exhibit=self.exhibits[exhibit],
        )  # fmt: skip


def _ruled(desk: _Desk, share: Record) -> Verdict | None:
    rule, rules = desk.rules.due_touched_share, desk.rules
    if rule is None or share.value is None or share.value >= rule:
        return None
    if (rule - share.value) * (share.n or 0) < rules.material_customers:
        return None
    return desk.verdict("act", "rule", (share,), "touched", action="rule", rule_share=rule)


def _unused_place(desk: _Desk, frame: pd.DataFrame) -> Verdict | None:
    """A store that is off by several measures while others work with the system."""
    if "worse" not in frame:
        return None
    found = frame[(frame["by"] == "store") & (frame["worse"] >= ENOUGH_SIGNS)]
    if found.empty:
        return None
    row = found.sort_values(["touched_n", "label"], ascending=[False, True]).iloc[0].to_dict()
    where = dimensions(store_id=row["label"])
    signs = [name for name in MEASURES if row[f"{name}_mark"] == WORSE]
    record = Record(METRICS_OF[signs[0]], row[f"{signs[0]}_share"], "share", where)
    return desk.verdict(
        "watch", "place" if len(found) == 1 else "places", (record,), "touched", action="place",
        confidence="medium", where_place=where, off_count=len(signs), more_count=len(found) - 1,
        known_count=sum(not math.isnan(row[f"{name}_peers"]) for name in MEASURES),
    )  # fmt: skip


def _unused(desk: _Desk, touched: Result) -> Verdict | None:
    """Whether those on the system, or all where logins are not known, hardly work the lists."""
    on = [r for r in touched.records if r.dimensions == dimensions(system="yes")]
    share = on[0] if on else touched.one(TOUCHED)
    few = (share.n or 0) < desk.rules.material_customers
    if few or share.value is None or share.value >= HARDLY:
        return None
    return desk.verdict("watch", "not_used", (share,), "touched", action="not_used",
                        value_share=share.value, n_count=share.n)  # fmt: skip


def _by_chance(desk: _Desk, effects: Result) -> Verdict | None:
    """What listed against withheld says; None where it says nothing sure."""
    gap, order = effects.one("list_touch_gain"), effects.one("list_order_gain")
    if order.value is None or order.low is None or order.high is None:
        return None
    if order.low > 0:
        return desk.verdict("ok", "effect_random", (order,), "effect", effect_points=order.value)
    used = gap.low is not None and gap.low > desk.rules.material_points
    if not used or order.high >= MATERIAL_EFFECT:
        return None
    return desk.verdict(
        "act", "no_effect_random", (gap, order), "effect", action="no_effect_random",
        gap_points=gap.value, effect_points=order.value,
    )  # fmt: skip


def _watched(desk: _Desk, parts: Findings, share: Record) -> Verdict | None:
    """What observation and the way of working say, the weightier first."""
    seen = parts.effect.one("touch_difference")
    if seen.high is not None and seen.high < MATERIAL_EFFECT:
        return desk.verdict(
            "watch", "no_effect", (share, seen), "effect", confidence="low", action="no_effect",
            effect_points=seen.value,
        )  # fmt: skip
    late = parts.entered.one("entered_late_share")
    if late.value is not None and late.value > MOST_LATE and _many(desk, late.numerator):
        return desk.verdict(
            "watch", "late", (late,), "work", action="late", value_share=late.value,
            within_count=desk.rules.entry_days,
        )  # fmt: skip
    kept = parts.promises.one(KEPT)
    if kept.value is not None and kept.value < FEWEST_KEPT and _many(desk, kept.n):
        return desk.verdict(
            "watch", "promises", (kept,), "work", action="promises", value_share=kept.value,
            n_count=kept.n,
        )  # fmt: skip
    if seen.low is not None and seen.low > 0:
        return desk.verdict(
            "ok", "effect", (share, seen), "effect", confidence="low", effect_points=seen.value
        )
    return None


def _many(desk: _Desk, count: float | None) -> bool:
    return (count or 0) >= desk.rules.material_customers
