"""The funnel against a plain one: random logs, and tables that a pencil can check."""

import datetime as dt
import random
import zoneinfo

import ibis
import pandas as pd
import pytest
from repurchase.analysis import funnel as engine
from repurchase.analysis import funnel_steps
from repurchase.errors import ParameterError
from repurchase.params import FunnelSpec
from repurchase.period import Period
from repurchase.words import Words

DAY = dt.date.fromisoformat
RANKS = {"first": {1}, "second": {2}, "third": {3}, "repeat": range(2, 99), "any": range(1, 99)}
ZONES = (
    "Asia/Shanghai", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Pacific/Auckland",
)  # fmt: skip


# ---- the plain funnel -------------------------------------------------------------------------


def business_day(at, zone):
    """The day of a naive UTC time in a zone."""
    return at.replace(tzinfo=dt.UTC).astimezone(zoneinfo.ZoneInfo(zone)).date()


def plain_steps(log, spec, zone, until, whole):
    """Of each step its happenings: (customer, time, day, no time of day, what, row's id, where)."""
    order_days = {}
    for row in log["orders"]:
        day = business_day(row["ordered_at"], zone)
        if row["is_purchase"] and row["customer_id"]:
            order_days.setdefault(row["customer_id"], set()).add(day)
    found = []
    for step in spec.steps:
        rows = []
        for row in log["events"]:
            if row["type"] in step.events and not row["is_bot"]:
                rows.append(("events", row, row["occurred_at"], ("event", row["event_id"])))
        for row in log["orders"]:
            if step.orders and row["is_purchase"] and row["customer_id"]:
                day = business_day(row["ordered_at"], zone)
                rank = sorted(order_days[row["customer_id"]]).index(day) + 1
                if rank in RANKS[step.orders]:
                    rows.append(("orders", row, row["ordered_at"], ("order", day)))
        for row in log["tickets"]:
            name = {"opened": "opened_at", "replied": "first_reply_at", "closed": "closed_at"}
            if step.tickets and row[name[step.tickets]] is not None:
                what = ("ticket", row["ticket_id"], step.tickets)
                rows.append(("tickets", row, row[name[step.tickets]], what))
        for row in log["surveys"]:
            if step.surveys:
                rows.append(("surveys", row, row["answered_at"], ("survey", row["response_id"])))
        found.append([
            (
                row["customer_id"], at, business_day(at, zone), table in whole, what,
                str(next(iter(row.values()))), tuple(row.get(c) for c in engine.PLACES),
            )
            for table, row, at, what in rows
            if row["customer_id"] and business_day(at, zone) <= until
        ])  # fmt: skip
    return found


def plain_funnel(steps, spec, periods, ripe_until):
    """(period, customer) to times of the steps reached and where she entered."""
    found = {}
    for period in periods:
        back = dt.timedelta(days=spec.window_days)
        first, last = period.start - back, min(period.end - back, ripe_until)
        entries = {}
        for row in steps[0]:
            if first <= row[2] <= last:
                entries.setdefault(row[0], []).append(row)
        for customer, rows in entries.items():
            entry = min(rows, key=lambda row: (row[1], row[5]))
            times = walk(entry, [[r for r in s if r[0] == customer] for s in steps[1:]], spec)
            found[period.label, customer] = ([entry[1], *times], entry[6])
    return found


def candidates(rows, entry, clock, taken, spec):
    """Happenings of a step that may come next; `clock` is the time and day of the step before."""
    last = entry[2] + dt.timedelta(days=spec.window_days)
    for row in rows:
        later = row[2] >= clock[1] if row[3] else row[1] >= clock[0]
        if later and row[2] <= last and row[4] not in taken:
            yield row


def walk(entry, steps, spec):
    """The times of the steps after the entry, as far as the customer came."""
    clock, taken, times = (entry[1], entry[2]), {entry[4]}, []
    for rows in steps:
        found = list(candidates(rows, entry, clock, taken, spec))
        if not found:
            return times
        row = min(found, key=lambda row: (max(row[1], clock[0]), row[5]))
        times.append(max(row[1], clock[0]))
        taken.add(row[4])
        if spec.order == "ordered":
            clock = (times[-1], row[2])
    return times


def furthest(entry, steps, spec, clock, taken):
    """How many steps can be reached by any choice of happenings: all are tried."""
    if not steps:
        return 0
    best = 0
    for row in candidates(steps[0], entry, clock, taken, spec):
        now = (max(row[1], clock[0]), row[2]) if spec.order == "ordered" else clock
        best = max(best, 1 + furthest(entry, steps[1:], spec, now, taken | {row[4]}))
    return best


# ---- random logs ------------------------------------------------------------------------------


def moment(rng, zone, first, last):
    """A time between two days: often at midnight, when clocks change, or just when another is."""
    day = first + dt.timedelta(days=rng.randrange((last - first).days + 1))
    clock = zoneinfo.ZoneInfo(zone)
    if rng.random() < 0.3:  # around midnight of the zone, where a day changes
        local = dt.datetime.combine(day, dt.time(), clock)
        at = local.astimezone(dt.UTC) + dt.timedelta(seconds=rng.choice([-1, 0, 0, 1, 3599, -3600]))
    else:  # few hours, so that ties are common
        at = dt.datetime.combine(day, dt.time(rng.randrange(0, 24, 3)), dt.UTC)
    return at.replace(tzinfo=None)


def midnight(at, zone):
    """The beginning of a time's day in the zone."""
    local = dt.datetime.combine(business_day(at, zone), dt.time(), zoneinfo.ZoneInfo(zone))
    return local.astimezone(dt.UTC).replace(tzinfo=None)


def random_log(rng, zone, whole, *, customers=40):
    """Rows of the four tables; some have no customer, some are bots', some no purchases."""
    first, last = DAY("2024-02-20"), DAY("2024-07-31")
    known = {}

    def whose_and_when(table, column):
        """A customer, seldom nobody, and a time: often one at which more happened to him."""
        customer = None if rng.random() < 0.02 else f"c{rng.randrange(customers)}"
        at = moment(rng, zone, first, last)
        mine = known.setdefault(customer, [at])
        again = rng.choice(mine)
        if rng.random() < 0.4 and again.year == 2024:  # the same moment, or whole days later
            at = again + dt.timedelta(days=rng.choice([0, 0, 1, 7, 30, 45]))
        mine.append(at)
        return {"customer_id": customer, column: midnight(at, zone) if table in whole else at}

    log = {"events": [], "orders": [], "tickets": [], "surveys": []}
    for n in range(customers * 25):
        log["events"].append({
            "event_id": f"e{rng.randrange(10**6)}-{n}",
            **whose_and_when("events", "occurred_at"), "type": rng.choice("abcd"),
            "is_bot": rng.choice([None, False, False, False, True]),
            "channel": rng.choice(["x", "y", None]), "campaign_id": rng.choice(["k", None]),
            "rep_id": None,
        })  # fmt: skip
    for n in range(customers * 8):
        log["orders"].append({
            "order_id": f"o{rng.randrange(10**6)}-{n}",
            **whose_and_when("orders", "ordered_at"), "is_purchase": rng.random() < 0.9,
            "channel": rng.choice(["x", "z"]), "campaign_id": None, "rep_id": "r", "store_id": "s",
        })  # fmt: skip
    for n in range(customers * 4):
        opened = whose_and_when("tickets", "opened_at")
        closed = opened["opened_at"] + dt.timedelta(days=rng.randrange(40))
        log["tickets"].append({
            "ticket_id": f"t{n}", **opened,
            "first_reply_at": rng.choice([None, opened["opened_at"]]),
            "closed_at": rng.choice([None, closed, closed]), "channel": "x",
        })  # fmt: skip
        log["surveys"].append({
            "response_id": f"s{n}", **whose_and_when("surveys", "answered_at"),
            "channel": None,
        })  # fmt: skip
    return log


def random_spec(rng, *, apart):
    """Two to four steps told in every way there is; `apart`: no two by the same event type."""
    types = list("abcd")
    rng.shuffle(types)
    steps = []
    for n in range(rng.choice([2, 3, 3, 4])):
        told = {"name": f"step {n}"}
        chosen = [types[n]] if apart else rng.sample("abcd", rng.randint(1, 2))
        kind = rng.random()
        if kind < 0.45:
            told["events"] = chosen
        elif kind < 0.75:
            told["orders"] = rng.choice(["any", "first", "second", "third", "repeat", "repeat"])
        else:
            told["tickets"] = rng.choice(["opened", "replied", "closed", "closed"])
        if rng.random() < 0.2:
            told["surveys"] = "answered"
        if rng.random() < 0.2:
            told["events"] = chosen
        steps.append(told)
    days = rng.choice([1, 7, 30, 30, 45])
    order = rng.choice(["ordered", "any"])
    return FunnelSpec.model_validate({
        "name": "f", "window_days": days, "order": order, "steps": steps,
    })  # fmt: skip


# ---- the engine's funnel ----------------------------------------------------------------------

TEXT = dict.fromkeys(
    "event_id customer_id type channel campaign_id rep_id store_id order_id ticket_id"
    " response_id label".split(), "string",
)  # fmt: skip
COLUMNS = {
    "events": "event_id customer_id occurred_at occurred_date type is_bot channel campaign_id"
    " rep_id",
    "orders": "order_id customer_id ordered_at order_date is_purchase channel campaign_id rep_id"
    " store_id",
    "tickets": "ticket_id customer_id opened_at opened_date first_reply_at closed_at channel",
    "surveys": "response_id customer_id answered_at answered_date channel",
    "days": "customer_id order_date day_rank next_date store_id",
}
HELD = []
DATED = {"events": "occurred", "orders": "order", "tickets": "opened", "surveys": "answered"}
TIME = {"events": "occurred_at", "orders": "ordered_at", "tickets": "opened_at",
        "surveys": "answered_at"}  # fmt: skip


def memtable(name, rows):
    def kind(column):
        if column in TEXT:
            return "string"
        if column == "day_rank":
            return "int64"
        if column in ("is_bot", "is_purchase"):
            return "boolean"
        return "date" if column.endswith("_date") else "timestamp(6)"

    columns = COLUMNS[name].split()
    frame = pd.DataFrame([{c: row.get(c) for c in columns} for row in rows], columns=columns)
    return ibis.memtable(frame.astype(object), schema={c: kind(c) for c in columns})


def tables_of(log, zone, whole=()):
    """What the steps are told from, as the model gives it."""
    found = {}
    for name, stem in DATED.items():
        rows = [
            {**row, f"{stem}_date": business_day(row[TIME[name]], zone)} for row in log[name]
        ]
        found[name] = memtable(name, rows)
    order_days = {}
    for row in log["orders"]:
        if row["is_purchase"] and row["customer_id"]:
            day = business_day(row["ordered_at"], zone)
            order_days.setdefault(row["customer_id"], {})[day] = row.get("store_id")
    days = []
    for customer, known in order_days.items():
        dates = sorted(known)
        for n, date in enumerate(dates):
            later = dates[n + 1] if n + 1 < len(dates) else None
            days.append({"customer_id": customer, "order_date": date, "day_rank": n + 1,
                         "next_date": later, "store_id": known[date]})  # fmt: skip
    return funnel_steps.Tables(
        found, memtable("days", days), zone, DAY("2024-01-01"), set(whole), lambda *_: None
    )


def funnel_of(spec):
    names = tuple(str(step.name) for step in spec.steps)
    return engine.Funnel(spec.key, spec.key, names, spec.window_days, spec.order, "profile", spec)


@pytest.fixture(autouse=True)
def _held():
    yield
    HELD.clear()


def units_of(
    log, spec, zone, periods, *, whole=(), until=None, ripe_until=None, by_days=False
):
    """The unit table as a frame."""
    tables = tables_of(log, zone, whole)
    until = until or periods[-1].end
    ripe_until = ripe_until or until - dt.timedelta(days=spec.window_days)
    steps = [
        funnel_steps.happenings(tables, step, where="here", until=until) for step in spec.steps
    ]

    def hold(rows):  # cached tables last as long as somebody holds them
        HELD.append(rows.cache())
        return HELD[-1]

    return engine.units(
        steps, funnel_of(spec), wanted=periods, ripe_until=ripe_until,
        days=tables.first_days if by_days else None, hold=hold,
    )  # fmt: skip


def frame_of(table):
    """(period, customer) to times and places, as the plain funnel gives them."""
    frame = table.to_pandas()
    times = [c for c in frame.columns if c.startswith("t_")]
    found = {}
    for row in frame.to_dict("records"):
        known = [row[t].to_pydatetime() for t in times if not pd.isna(row[t])]
        assert len(known) == row["reached"]
        places = tuple(None if pd.isna(row[c]) else row[c] for c in engine.PLACES)
        found[row["period"], row["customer_id"]] = (known, places)
    assert len(found) == len(frame)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_a_plain_funnel_gives_the_same_units(seed) -> None:
    """On random logs: ties, repeats, one type in two steps, midnights, changes of the clock."""
    rng = random.Random(seed)
    zone = ZONES[seed % len(ZONES)]
    whole = {t for t in DATED if rng.random() < 0.25}
    log, spec = random_log(rng, zone, whole), random_spec(rng, apart=seed % 2 == 0)
    last = Period.parse(rng.choice(["2024-05", "2024-07", "2024-Q2", "2024"]))
    periods = [last.shifted(-n) for n in range({"month": 4, "quarter": 2, "year": 1}[last.unit])]
    periods.reverse()
    until = rng.choice([last.end, last.end - dt.timedelta(days=9)])
    ripe = until - dt.timedelta(days=spec.window_days)

    steps = plain_steps(log, spec, zone, until, whole)
    expected = plain_funnel(steps, spec, periods, ripe)
    table = units_of(log, spec, zone, periods, whole=whole, until=until)

    assert expected
    assert expected == frame_of(table)
    counted = engine.counts(
        table.mutate(channel=table.channel.fill_null("")), steps=len(spec.steps), cuts=["channel"]
    )
    assert plain_counts(expected, len(spec.steps)) == {
        tuple(row[:4]): tuple(row[4:]) for row in counted.itertuples(index=False)
    }


def plain_counts(units, steps):
    """(period, cut, label, step) to (reached, converted)."""
    found = {}
    for (period, _), (times, places) in units.items():
        for cut, label in (("", ""), ("channel", places[0] or "")):
            for step in range(1, steps):
                here = found.setdefault((period, cut, label, step), [0, 0])
                here[0] += len(times) >= step
                here[1] += len(times) >= step + 1
    if {key[2] for key in found if key[1]} == {""}:
        found = {key: value for key, value in found.items() if not key[1]}
    return {key: tuple(value) for key, value in found.items()}


@pytest.mark.parametrize("seed", range(4))
def test_no_other_choice_of_happenings_comes_further(seed) -> None:
    """Where no two steps share a row, taking the earliest is the best that can be done."""
    rng = random.Random(1000 + seed)
    zone = ZONES[seed % len(ZONES)]
    log = random_log(rng, zone, set(), customers=15)
    spec = FunnelSpec.model_validate({
        "name": "f", "window_days": 30, "order": rng.choice(["ordered", "any"]),
        "steps": [{"name": t, "events": [t]} for t in "abcd"],
    })  # fmt: skip
    periods = [Period.parse("2024-05"), Period.parse("2024-06")]
    steps = plain_steps(log, spec, zone, periods[-1].end, set())
    found = frame_of(units_of(log, spec, zone, periods))

    assert found
    for (_, customer), (times, _) in found.items():
        mine = [[row for row in s if row[0] == customer] for s in steps]
        entry = min((r for r in mine[0] if r[1] == times[0]), key=lambda row: row[5])
        best = furthest(entry, mine[1:], spec, (entry[1], entry[2]), frozenset({entry[4]}))
        assert 1 + best == len(times)


# ---- what a pencil can check -------------------------------------------------------------------


def spec_of(*steps, **told):
    return FunnelSpec.model_validate({
        "name": "f", "steps": [{"name": str(n), **step} for n, step in enumerate(steps)], **told,
    })  # fmt: skip


def log_of(*events, orders=()):
    """Events from (customer, time in Shanghai, type), orders from (customer, time, store)."""
    def utc(text):
        return dt.datetime.fromisoformat(text) - dt.timedelta(hours=8)

    return {
        "events": [
            {"event_id": f"e{n}", "customer_id": c, "occurred_at": utc(t), "type": k}
            for n, (c, t, k) in enumerate(events)
        ],
        "orders": [
            {"order_id": f"o{n}", "customer_id": c, "ordered_at": utc(t), "is_purchase": True,
             "store_id": s}
            for n, (c, t, s) in enumerate(orders)
        ],
        "tickets": [], "surveys": [],
    }  # fmt: skip


def test_the_window_ends_with_its_last_day_in_the_companys_zone() -> None:
    """Entered 2 June: 2 July 23:59:59 in Shanghai counts (still 2 July in UTC), midnight not."""
    spec = spec_of({"events": "a"}, {"events": "b"})
    log = log_of(
        ("in", "2024-06-02 00:00:00", "a"), ("in", "2024-07-02 23:59:59", "b"),
        ("out", "2024-06-02 00:00:00", "a"), ("out", "2024-07-03 00:00:00", "b"),
    )  # fmt: skip
    found = frame_of(units_of(log, spec, "Asia/Shanghai", [Period.parse("2024-07")]))

    assert {("2024-07", "in"): 2, ("2024-07", "out"): 1} == {k: len(v[0]) for k, v in found.items()}


def test_the_contact_windows_of_successive_periods_meet() -> None:
    """31 May belongs to June's window, 1 June to July's: each day of entry to one only."""
    spec = spec_of({"events": "a"}, {"events": "b"})
    log = log_of(("c", "2024-05-31 23:00:00", "a"), ("c", "2024-06-01 01:00:00", "a"))
    periods = [Period.parse("2024-06"), Period.parse("2024-07")]
    found = frame_of(units_of(log, spec, "Asia/Shanghai", periods))

    assert {("2024-06", "c"), ("2024-07", "c")} == set(found)


def test_a_ticket_closed_after_local_midnight_is_of_the_next_day() -> None:
    """20:00 in UTC is 4 o'clock of the day after in Shanghai: too late for a window of a day."""
    spec = spec_of({"events": "a"}, {"tickets": "closed"}, window_days=1)
    log = log_of(("c", "2024-06-10 12:00:00", "a"), ("d", "2024-06-10 12:00:00", "a"))
    at = dt.datetime.fromisoformat
    log["tickets"] = [
        {"ticket_id": "t", "customer_id": "c", "opened_at": at("2024-06-01 00:00:00"),
         "closed_at": at("2024-06-11 20:00:00")},
        {"ticket_id": "u", "customer_id": "d", "opened_at": at("2024-06-01 00:00:00"),
         "closed_at": at("2024-06-11 15:00:00")},
    ]  # fmt: skip
    found = frame_of(units_of(log, spec, "Asia/Shanghai", [Period.parse("2024-06")]))

    assert [1, 2] == [len(found["2024-06", c][0]) for c in "cd"]


def test_the_store_is_that_of_the_last_order_before_entry() -> None:
    """Not of an order on the day of entry, which may be what the contact brought."""
    spec = spec_of({"events": "a"}, {"orders": "repeat"})
    log = log_of(
        ("c", "2024-06-10 12:00:00", "a"), ("new", "2024-06-10 12:00:00", "a"),
        orders=[("c", "2024-05-01 09:00:00", "S1"), ("c", "2024-06-01 09:00:00", "S2"),
                ("c", "2024-06-10 13:00:00", "S3"), ("c", "2024-06-20 09:00:00", "S4")],
    )  # fmt: skip
    units = units_of(log, spec, "Asia/Shanghai", [Period.parse("2024-07")], by_days=True)
    labels = ibis.memtable(pd.DataFrame({"customer_id": ["c"], "label": ["华东"]}))
    found = engine.with_cuts(units, labels={"region": labels})
    rows = found.to_pandas().set_index("customer_id")

    assert ["S2", "华东"] == rows.loc["c", ["store_id", "region"]].tolist()
    assert ["", ""] == rows.loc["new", ["store_id", "region"]].tolist()
    assert 2 == rows.loc["c", "reached"]


def test_the_order_rank_funnel_enters_by_the_first_order_and_keeps_its_store() -> None:
    """Two orders on one day are one; the second order date is the next day that has one."""
    spec = funnel_steps.order_rank_spec(Words("en"))
    log = log_of(orders=[
        ("c", "2024-06-10 09:00:00", "S1"), ("c", "2024-06-10 10:00:00", "S9"),
        ("c", "2024-07-10 09:00:00", "S2"),
    ])  # fmt: skip
    units = units_of(log, spec, "Asia/Shanghai", [Period.parse("2024-12")])
    rows = engine.with_cuts(units, labels={}).to_pandas()

    assert [("c", 2, "S1")] == [(r.customer_id, r.reached, r.store_id) for r in rows.itertuples()]


def test_a_cut_that_nobody_has_a_label_of_is_not_counted() -> None:
    """All by nobody's channel is all once more; one with a channel makes it a cut."""
    rows = [("2025-09", "c", 2, "", "x"), ("2025-09", "d", 1, "", "")]
    frame = pd.DataFrame(rows, columns=["period", "customer_id", "reached", "channel", "region"])
    found = engine.counts(ibis.memtable(frame), steps=2, cuts=["channel", "region"])

    assert [("", "", 2, 1), ("region", "", 1, 0), ("region", "x", 1, 1)] == list(
        found[["cut", "label", "reached", "converted"]].itertuples(index=False, name=None)
    )


def test_periods_begin_with_the_first_contact_window_inside_the_data() -> None:
    """June's window begins on 2 May; a year and a half back at most."""
    june = Period.parse("2024-06")

    def labels(day):
        return [p.label for p in engine.periods(june, days=30, data_from=DAY(day))]

    assert ["2024-05", "2024-06"] == labels("2024-04-01")
    assert ["2024-06"] == labels("2024-05-02")
    assert [] == labels("2024-05-03")
    sure = engine.periods(june, days=30, data_from=DAY("2024-01-01"), sure_from=DAY("2025-01-01"))
    assert ["2024-06"] == [p.label for p in sure]
    assert 19 == len(labels("2010-01-01"))


def test_midnights_are_those_of_the_zone() -> None:
    """Shanghai's midnight is 16:00 in UTC; one time of day among them and they are times."""
    at = dt.datetime.fromisoformat
    midnight = (DAY("2024-06-02"), at("2024-06-01 16:00"), at("2024-06-01 16:00"))
    noon = (DAY("2024-06-03"), at("2024-06-02 16:00"), at("2024-06-03 04:00"))

    assert funnel_steps.only_midnights([midnight], "Asia/Shanghai")
    assert not funnel_steps.only_midnights([midnight, noon], "Asia/Shanghai")
    assert not funnel_steps.only_midnights([midnight], "UTC")
    assert not funnel_steps.only_midnights([], "UTC")


def test_an_unknown_event_type_is_named_with_the_nearest_known_one() -> None:
    """The place in the profile, what is wrong, and what there is."""
    step = spec_of({"events": "wechat_clik"}, {"orders": "repeat"}).steps[0]
    with pytest.raises(ParameterError) as caught:
        funnel_steps.check_types(step, {"sms", "wechat_click"}, where="funnels.0.steps.0")

    for said in ("wechat_clik", "did you mean 'wechat_click'?", "sms", "funnels.0.steps.0"):
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("types", "tables", "events", "last"),
    [
        ({"sms", "cart", "call"}, {"tickets"}, [("sms", "call"), ("cart",), (), ("call",)],
         "closed"),
        ({"sms", "web_view"}, set(), [("sms",), ("web_view",), ()], None),
        ({"sms", "email_open"}, set(), None, None),
        ({"cart"}, {"surveys"}, None, None),
    ],
)  # fmt: skip
def test_the_default_funnel_is_told_from_what_there_is(types, tables, events, last) -> None:
    """Without contact or interest there is none; an open is no interest."""
    spec = funnel_steps.default_spec(Words("en"), tables=tables, types=types, outcomes=False)

    if events is None:
        assert spec is None
        return
    assert events == [step.events for step in spec.steps]
    assert last == spec.steps[-1].tickets
    assert "repeat" == spec.steps[2].orders
