"""Where customers stand in their life with the company, and who moved between two days.

A customer's rhythm is the centre of the logarithms of the days between the order dates, drawn
towards that of all customers the more the fewer gaps there are (`stats.rhythm`; gaps that have not
ended count as longer than they are by now). A customer is late once nine of ten such gaps would
have ended. SOURCES rows 28 and 45.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import rfm
from repurchase.analysis.ratios import FEWEST_UNITS
from repurchase.analysis.standing import (
    THEN,
    Known,
    Stretch,
    money_of,
    running,
    standing,
)
from repurchase.analysis.windows import Windows
from repurchase.reasons import (
    BEFORE_UNKNOWN,
    FEW_REPEATERS,
    FEW_TO_SCORE,
    NOBODY,
    TOO_FEW,
    TOO_SHORT_FOR_STAGES,
    reason,
)
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.stats.fitting import NotFitted
from repurchase.stats.proportion import change_of, wilson
from repurchase.stats.rhythm import Rhythm, fit_rhythm, gaps

STAGES = ("new", "growing", "loyal", "at_risk", "single", "lapsed")
ALIVE = ("new", "growing", "loyal")
JOINING = "joining"
BEFORE = "before"
LOYAL_FROM = 4
FEWEST_REPEATERS = 30
Z90 = 1.2815515655446004
MOST_FITTED = 200_000


def rhythm_of(customers: ir.Table, *, most: int = MOST_FITTED) -> Rhythm | None:
    """The rhythm of all customers; None for fewer than 30 with a second order date, or no fit.

    `customers` comes from `standing`. Of more customers than `most` every k-th by number is taken:
    the five figures of the rhythm are sure long before.
    """
    row = customers.aggregate(n=customers.count(), again=(customers.order_days > 1).sum())
    found = row.to_pyarrow().to_pylist()[0]
    if int(found["again"] or 0) < FEWEST_REPEATERS:
        return None
    step = -(-int(found["n"]) // most)
    place = ibis.row_number().over(order_by=customers.customer_id)
    columns = ("order_days", "log_gap_sum", "log_gap_squares", "since")
    taken = customers.select("customer_id", *columns, place=place)
    taken = taken.filter(taken.place % step == 0)
    rows = taken.order_by("customer_id").select(
        **{c: taken[c].cast("float64").fill_null(0.0) for c in columns}
    )
    frame = rows.to_pandas()
    ended, total, squares, since = (frame[c].to_numpy() for c in columns)
    try:
        return fit_rhythm(gaps(ended - 1, total, squares, since))
    except NotFitted:
        return None


def late_after(rhythm: Rhythm, customers: ir.Table) -> ir.FloatingValue:
    """Whole days since the last order date after which each customer is late."""
    within, between = rhythm.within**2, rhythm.between**2
    ended = (customers.order_days - 1).cast("float64")
    own = customers.log_gap_sum.cast("float64").fill_null(0.0)
    whole = within + ended * between
    centre = (math.log(rhythm.typical) * within + between * own) / whole
    spread = (within * between / whole + within).sqrt()
    return (centre + Z90 * spread).exp().floor()


def staged(customers: ir.Table, rhythm: Rhythm) -> ir.Table:
    """The customers with `stage`.

    new: one order date, not late. growing: two or three, not late. loyal: four or more, not late.
    at_risk: two or more, late. single: one, late. lapsed: no order date in the stretch, whatever
    the rhythm.
    """
    late = customers.since > late_after(rhythm, customers)
    once = customers.order_days == 1
    stage = ibis.cases(
        (~customers.active, "lapsed"),
        (once & late, "single"),
        (late, "at_risk"),
        (once, "new"),
        (customers.order_days < LOYAL_FROM, "growing"),
        else_="loyal",
    )
    return customers.mutate(stage=stage)


class Standings(NamedTuple):
    """What the chapter rests on: the counts between the days, and with what rod.

    `cube` has a row for each way that a customer can stand on both days: against (previous,
    year_ago or none: on the period's end alone; before: the previous period's end against the one
    before it), then_stage, then_tier ("joining": not a customer
    then), stage, tier, customers, bought (with an order date in the period), revenue and margin of
    the stretch before the period's end, then_revenue and then_margin of that before the other day;
    `sql` is what the engine ran for it, `running` why a period that has not ended must be read with
    care. Sums over it are sums over customers; nobody is missing
    and nobody counts twice.
    """

    cube: pd.DataFrame
    limits: rfm.Limits | None
    rhythm: Rhythm | None
    stretch: Stretch
    known: Known
    missing: str | None
    sql: str | None = None
    running: str | None = None


def standings(
    summaries: Mapping[str, ir.Table],
    days: ir.Table,
    other_money: ir.Table,
    windows: Windows,
    stretch: Stretch,
    known: Known,
) -> Standings:
    """Every customer's stage and tier at the period's end and on the days it is compared with.

    `summaries` are customer summaries of the stretch's days by name, and "before" if it has one.
    """
    if not stretch.months:
        return Standings(
            _no_cube(), None, None, stretch, known,
            reason(TOO_SHORT_FOR_STAGES, day=windows.data_from.isoformat()),
        )  # fmt: skip
    money = money_of(days, other_money)
    ends = {str(name): day for name, day in stretch.days.items()}
    if stretch.before:
        ends[BEFORE] = stretch.before
    tables = {
        name: standing(summaries[name], money, day, months=stretch.months)
        for name, day in ends.items()
    }
    # asked for many times, so made once; let go before the cubes, which need the memory
    with tables["none"].cache() as now:
        limits = None if known.revenue else rfm.limits_of(now, worth=known.worth)
        rhythm = rhythm_of(now)
        if rhythm is None:
            return Standings(
                _no_cube(), limits, None, stretch, known,
                reason(FEW_REPEATERS, fewest=FEWEST_REPEATERS),
            )  # fmt: skip
        kept = _placed(now, rhythm, limits, known).cache()
    with kept as at_end:
        past = {
            name: _placed(table, rhythm, limits, known)
            for name, table in tables.items()
            if name != "none"
        }
        cube = _cubes(at_end, past, windows)
    return Standings(cube, limits, rhythm, stretch, known, None, running=running(windows))


def _cubes(now: ir.Table, past: Mapping[str, ir.Table], windows: Windows) -> pd.DataFrame:
    parts = [_cube(now, now, "none", windows)]
    parts += [_cube(now, past[name], name, windows) for name in THEN if name in past]
    if BEFORE in past:
        parts.append(_cube(past["previous"], past[BEFORE], BEFORE, windows))
    return pd.concat(parts, ignore_index=True)


def placed(found: Standings, summary: ir.Table, money: ir.Table) -> ir.Table | None:
    """The customers at the period's end, one row each, with `stage` and, where money is known,
    `tier`, as they were counted in `found`; None where they could not be."""
    if found.missing or found.rhythm is None:
        return None
    day, months = found.stretch.days["none"], found.stretch.months
    return _placed(standing(summary, money, day, months=months), found.rhythm, found.limits,
                   found.known)  # fmt: skip


def _placed(table: ir.Table, rhythm: Rhythm, limits: rfm.Limits | None, known: Known) -> ir.Table:
    table = staged(table, rhythm)
    if limits is None:
        return table.mutate(tier=ibis.literal(""))
    return rfm.scored(table, limits, worth=known.worth)


KEYS = ["then_stage", "then_tier", "stage", "tier"]
SUMS = ["customers", "bought", "revenue", "margin", "then_revenue", "then_margin"]


def _no_cube() -> pd.DataFrame:
    return pd.DataFrame(columns=["against", *KEYS, *SUMS])


def _cube(now: ir.Table, then: ir.Table, name: str, windows: Windows) -> pd.DataFrame:
    before = then.select(
        "customer_id", then_stage=then.stage, then_tier=then.tier,
        then_revenue=then.revenue, then_margin=then.margin,
    )  # fmt: skip
    joined = now.left_join(before, "customer_id")
    joined = joined.mutate(
        then_stage=joined.then_stage.fill_null(JOINING),
        then_tier=joined.then_tier.fill_null(JOINING),
        in_period=ibis.cases((joined.last_date >= windows.period.start, 1), else_=0),
    )
    counted = joined.group_by(KEYS).aggregate(
        customers=joined.count(),
        bought=joined.in_period.sum(),
        **{c: joined[c].sum().cast("float64") for c in SUMS[2:]},
    )
    frame = counted.order_by(KEYS).to_pandas()
    numbers = frame[SUMS].astype("float64").fillna(0.0)
    return frame.assign(against=name, **{c: numbers[c] for c in SUMS})[["against", *KEYS, *SUMS]]


# ---- what is printed --------------------------------------------------------------------------


def stages(found: Standings) -> Result:
    """The stages at the period's end: one row each, in the order of a customer's life.

    Columns: stage, customers, change (on the previous period's end), revenue, margin (of the
    stretch; missing where unknown), customer_share, worth_share, then and then_worth (customers
    and their money at the previous period's end), bought (of whom with an order date in the
    period), value, low, high (that share, Wilson), months (of the stretch).
    """
    return _table(found, "stage", STAGES)


def tiers(found: Standings) -> Result:
    """The tiers likewise, best first; columns as of `stages`, the first one `tier`."""
    if found.missing is None and found.limits is None:
        why = found.known.revenue or reason(FEW_TO_SCORE, fewest=rfm.FEWEST_SCORED)
        return _blank("tier", why)
    return _table(found, "tier", rfm.TIERS)


def _blank(by: str, why: str) -> Result:
    record = Record(f"{by}_customers", None, "count", status="not_computed", reason=why)
    return Result(pd.DataFrame(columns=[by]), (record,))


def _table(found: Standings, by: str, names: tuple[str, ...]) -> Result:
    if found.missing:
        return _blank(by, found.missing)
    known, cube = found.known, found.cube
    before = cube[cube["against"] == "previous"]
    end, then = (
        part.groupby(key)[SUMS].sum().reindex(names, fill_value=0.0).to_dict("index")
        for part, key in ((cube[cube["against"] == "none"], by), (before, f"then_{by}"))
    )
    total = sum(row["customers"] for row in end.values())
    worth = sum(row[known.worth] for row in end.values())
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for name in names:
        row = _row(end[name], then[name] if len(before) else None, known, total, worth)
        rows.append({by: name, **row, "months": found.stretch.months})
        made = _level_records(by, rows[-1], known, total, worth)
        records += [_cared(r, found) if r.unit == "share" else r for r in made]
    return Result(pd.DataFrame(rows), tuple([*records, *_missing_records(by, found)]))


def _row(
    now: Mapping[Any, float], then: Mapping[Any, float] | None, known: Known, total: float,
    worth: float,
) -> dict[str, float]:  # fmt: skip
    """One stage or tier: how many, what they brought, and how many of then's bought."""
    n = float(now["customers"])
    row = {"customers": n, "customer_share": n / total if total else math.nan}
    row["revenue"] = math.nan if known.revenue else float(now["revenue"])
    row["margin"] = math.nan if known.margin else float(now["margin"])
    valued = worth > 0 and not known.revenue
    row["worth_share"] = float(now[known.worth]) / worth if valued else math.nan
    names = ("change", "then", "then_worth", "bought", "value", "low", "high")
    if then is None:
        return row | dict.fromkeys(names, math.nan)
    size, bought = float(then["customers"]), float(then["bought"])
    money = math.nan if known.revenue else float(then[f"then_{known.worth}"])
    estimate = wilson(bought, size) if size else (math.nan, math.nan, math.nan)
    return row | dict(zip(names, (n - size, size, money, bought, *estimate), strict=True))


def _level_records(
    by: str, row: Mapping[str, Any], known: Known, total: float, worth: float
) -> list[Record]:
    where = dimensions(**{by: row[by]})
    change = None if math.isnan(row["change"]) else row["change"]
    made = [Record(f"{by}_customers", row["customers"], "count", where, n=total)]
    if change is not None:
        made.append(
            Record(
                f"{by}_customers", row["customers"], "count", where, n=total,
                compare_to="previous", change=change, change_method="complete count",
            )
        )  # fmt: skip
    for name, why in (("revenue", known.revenue), ("margin", known.margin)):
        if why is None:
            care = known.care if name == "margin" else None
            made.append(
                Record(
                    f"{by}_{name}", row[name], "money", where, numerator=row[name],
                    n=worth if name == known.worth else None,
                    status="provisional" if care else "final", reason=care,
                )
            )  # fmt: skip
    if not math.isnan(row["value"]):
        made.append(
            Record(
                f"{by}_buying_share", row["value"], "share", where, low=row["low"],
                high=row["high"], numerator=row["bought"], n=row["then"],
            )
        )  # fmt: skip
    return made


def _missing_records(by: str, found: Standings) -> list[Record]:
    """What of the table cannot be computed, once each."""
    known, missing = found.known, found.stretch.missing
    made = [
        Record(f"{by}_{name}", None, "money", status="not_computed", reason=why)
        for name, why in (("revenue", known.revenue), ("margin", known.margin))
        if why
    ]
    made += [
        Record(f"{by}_flow", None, "count", compare_to=name, status="not_computed", reason=why)
        for name, why in missing.items()
    ]
    return made


def score_limits(found: Standings) -> Result:
    """What it takes to have each score, as values of the limits.

    One row a score, best first. Columns: score, since_from, since_to (days since the last order
    date, both included), days_from, days_to (order dates), money_above, money_to. Bounds are
    missing where there is none; a row is missing where no value has that score. Empty where the
    tiers are not computed.
    """
    if found.missing or found.limits is None:
        return Result(pd.DataFrame())
    limits = found.limits
    rows = []
    for score in range(rfm.FIFTHS, 0, -1):
        below, above = score - 2, score - 1  # the limits at either side of the score
        late, early = rfm.FIFTHS - score - 1, rfm.FIFTHS - score
        rows.append(
            {
                "score": score,
                "since_from": limits.recency[late] + 1 if late >= 0 else 0.0,
                "since_to": limits.recency[early] if early < len(limits.recency) else math.nan,
                "days_from": limits.frequency[below] + 1 if below >= 0 else 1.0,
                "days_to": limits.frequency[above] if above < len(limits.frequency) else math.nan,
                "money_above": limits.money[below] if below >= 0 else math.nan,
                "money_to": limits.money[above] if above < len(limits.money) else math.nan,
            }
        )
    return Result(pd.DataFrame(rows))


def migration(found: Standings, *, by: str, against: CompareTo) -> Result:
    """Who stood where then and where now, as counts that add up.

    `by` is "stage" or "tier". Index: where they stood then, and "joining" for those who were not
    customers; columns: where they stand now. Row sums are the customers of then, column sums those
    of now. Empty where one of the days cannot be measured.
    """
    names = list(STAGES if by == "stage" else rfm.TIERS)
    if found.missing or against not in found.stretch.days or (by == "tier" and not found.limits):
        return Result(pd.DataFrame(columns=names))
    cube = found.cube[found.cube["against"] == against]
    counts = cube.pivot_table(
        index=f"then_{by}", columns=by, values="customers", aggfunc="sum"
    )
    counts = counts.reindex(index=[*names, JOINING], columns=names).astype("float64").fillna(0.0)
    records = tuple(
        Record(
            f"{by}_flow", float(value), "count",
            dimensions(against=against, come_from=str(then), go_to=str(now)),
        )
        for then, row in counts.iterrows()
        for now, value in row.items()
    )  # fmt: skip
    return Result(counts, records)


# The flows that matter, and which way: (name, from, to, money of which day).
FLOWS: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...] = (
    ("slid", ("growing", "loyal"), ("at_risk", "lapsed"), "then"),
    ("given_up", ("at_risk",), ("lapsed",), "then"),
    ("not_again", ("new",), ("single", "lapsed"), "then"),
    ("second", ("new", "single"), ("growing",), "now"),
    ("back", ("at_risk", "lapsed"), ("growing", "loyal"), "now"),
    ("joined", (JOINING,), STAGES, "now"),
)


def flows(found: Standings) -> Result:
    """The moves since the previous period's end that matter, with their money.

    Columns: flow, customers, base (customers who could have moved), worth (money of the stretch
    before the move for losses, before the period's end for gains; missing where unknown), loss
    (whether it is one), high (customers of the high tier at the previous period's end among them).
    months (of the stretch). Records: each flow's customers and money, and `slid_share`: of the
    growing and loyal of then, the share that slid, with its change on the previous period, measured
    with the same rod. Empty where they cannot be measured.
    """
    columns = ["flow", "customers", "base", "worth", "loss", "high", "high_worth", "months"]
    if found.missing or "previous" not in found.stretch.days:
        return Result(pd.DataFrame(columns=columns))
    cube = found.cube[found.cube["against"] == "previous"]
    rows = []
    for name, sources, targets, day in FLOWS:
        base = cube[cube["then_stage"].isin(sources)]
        moved = base[base["stage"].isin(targets)]
        column = f"then_{found.known.worth}" if day == "then" else found.known.worth
        high = moved[moved["then_tier"] == "high"]
        unknown = found.known.revenue is not None
        worth, high_worth = (
            math.nan if unknown else float(part[column].sum()) for part in (moved, high)
        )
        rows.append(
            (name, float(moved["customers"].sum()), float(base["customers"].sum()), worth,
             day == "then", float(high["customers"].sum()), high_worth, found.stretch.months)
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    records = [r for row in frame.to_dict("records") for r in _flow_records(row, found.known)]
    records += _slid_share(found)
    return Result(frame, tuple(_cared(r, found) for r in records))


def _cared(record: Record, found: Standings) -> Record:
    """The record as it must be read while the period is still running."""
    if found.running is None or record.status != "final":
        return record
    return replace(record, status="provisional", reason=found.running)


def _slid_share(found: Standings) -> list[Record]:
    """How many of those in their rhythm fell out of it, now and in the previous period."""
    now, then = (_slid(found.cube, name) for name in ("previous", BEFORE))
    if not now[1]:
        return [Record("slid_share", None, "share", status="not_computed", reason=NOBODY)]
    level = wilson(*now)
    base = Record(
        "slid_share", level.value, "share", low=level.low, high=level.high, numerator=now[0],
        n=now[1],
    )  # fmt: skip
    if found.running or min(now[1], then[1]) < FEWEST_UNITS:
        why = found.running or reason(TOO_FEW, fewest=FEWEST_UNITS)
        if found.running is None and found.stretch.before is None:
            why = BEFORE_UNKNOWN
        return [base, replace(base, compare_to="previous", status="not_computed", reason=why)]
    change = change_of(level, wilson(*then))
    return [
        base,
        replace(
            base, compare_to="previous", change=change.value, change_low=change.low,
            change_high=change.high, change_method="independent shares, Newcombe",
        ),
    ]  # fmt: skip


def _slid(cube: pd.DataFrame, against: str) -> tuple[float, float]:
    """Who slid, and who could have."""
    _, sources, targets, _ = FLOWS[0]
    base = cube[(cube["against"] == against) & cube["then_stage"].isin(sources)]
    moved = base[base["stage"].isin(targets)]
    return float(moved["customers"].sum()), float(base["customers"].sum())


def _flow_records(row: Mapping[Any, Any], known: Known) -> list[Record]:
    where = dimensions(flow=row["flow"])
    made = [Record("flow_customers", row["customers"], "count", where, n=row["base"])]
    if not math.isnan(row["worth"]):
        made.append(Record(f"flow_{known.worth}", row["worth"], "money", where, n=row["customers"]))
    return made
