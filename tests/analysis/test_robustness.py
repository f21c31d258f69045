"""The change by a dozen definitions, on six buyers that a pencil can count.

September 2025, buyers a to f; a, c and f had bought before it.

a   2024-05-01 S1          2025-09-05 S1 (a promotion day)
b   2025-09-03 S1          2025-09-20 S1
c   2025-08-10 S1          2025-09-10 S1, marketplace; a company
d   2025-09-08 S1, two orders
e   2025-07-01 S1, returned in full   2025-09-09 S1
f   2025-01-01 S1          2025-09-01 S2 (open since 2025), the largest sum
"""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import retention, robustness
from repurchase.analysis.windows import windows_of
from repurchase.period import Period

DAY = dt.date.fromisoformat
SIX = (
    ("a", "2024-05-01", "S1", "shop", 1, 10), ("a", "2025-09-05", "S1", "shop", 1, 10),
    ("b", "2025-09-03", "S1", "shop", 1, 10), ("b", "2025-09-20", "S1", "shop", 1, 10),
    ("c", "2025-08-10", "S1", "shop", 1, 10), ("c", "2025-09-10", "S1", "marketplace", 1, 10),
    ("d", "2025-09-08", "S1", "shop", 2, 10), ("e", "2025-09-09", "S1", "shop", 1, 10),
    ("f", "2025-01-01", "S1", "shop", 1, 10), ("f", "2025-09-01", "S2", "shop", 1, 100),
)  # fmt: skip
RETURNED = (("e", "2025-07-01", 10.0, 10.0),)


def _table(rows, **types):
    frame = pd.DataFrame(rows, columns=list(types))
    return ibis.memtable(frame, schema=types)


def customer_days(rows):
    """Customer days from (customer, date, store, channel, orders, revenue); half is margin."""
    frame = pd.DataFrame(
        [(c, DAY(d), *rest) for c, d, *rest in rows],
        columns=["customer_id", "order_date", "store_id", "channel", "orders", "net_revenue"],
    ).sort_values(["customer_id", "order_date"])
    by = frame.groupby("customer_id")["order_date"]
    frame["day_rank"] = by.cumcount() + 1
    frame["first_date"] = by.transform("min")
    frame["previous_date"] = by.shift()
    frame["net_margin"] = frame["net_revenue"] / 2
    types = dict.fromkeys(("customer_id", "store_id", "channel"), "string")
    types |= dict.fromkeys(("order_date", "first_date", "previous_date"), "date")
    types |= dict.fromkeys(("orders", "day_rank"), "int64")
    types |= dict.fromkeys(("net_revenue", "net_margin"), "float64")
    table = ibis.memtable(frame, schema={c: types[c] for c in frame.columns})
    return table.mutate(
        net_revenue=table.net_revenue.cast("decimal(18, 4)"),
        net_margin=table.net_margin.cast("decimal(18, 4)"),
    )


def orders_of(rows, returned=RETURNED):
    """One order a customer day, and the orders that were returned in full."""
    made = [(c, DAY(d), s, ch, "sale", True, float(m), 0.0) for c, d, s, ch, _, m in rows]
    made += [(c, DAY(d), "S1", "shop", "sale", False, n, r) for c, d, n, r in returned]
    return _table(
        made, customer_id="string", order_date="date", store_id="string", channel="string",
        kind="string", is_purchase="boolean", net_amount="float64", refund_amount="float64",
    )  # fmt: skip


def other_money(rows=()):
    table = _table(
        rows, customer_id="string", order_date="date", assigned_date="date",
        net_revenue="float64", net_margin="float64",
    )  # fmt: skip
    return table.mutate(
        net_revenue=table.net_revenue.cast("decimal(18, 4)"),
        net_margin=table.net_margin.cast("decimal(18, 4)"),
    )


def asked(rows=SIX, *, data_from="2020-01-01", tables=True, country=None, period="2025-09",
          returned=RETURNED, **options):  # fmt: skip
    """The robustness of a little company; without `tables` it has orders only."""
    windows = windows_of(Period.parse(period), country=country, data_from=DAY(data_from))
    days = customer_days(rows)
    figures = retention.headline_figures(
        days, other_money(), windows, activity_months=12, cohort_months=12, targets={}
    )
    company = robustness.Company(days, other_money(), orders_of(rows, returned))
    if tables:
        company = robustness.Company(
            days, other_money(), orders_of(rows, returned),
            _table([("c", "company"), ("a", "person")], customer_id="string", kind="string"),
            _table([("S1", DAY("2023-01-01"), None), ("S2", DAY("2025-01-01"), None)],
                   store_id="string", opened_on="date", closed_on="date"),
        )  # fmt: skip
    return robustness.robustness(
        company, windows, figures, activity_months=12, identification_limit=0.03, **options
    )


@pytest.fixture(scope="module")
def six():
    """The six buyers, with a promotion on 5 September."""
    return asked(promotion_dates=frozenset({DAY("2025-09-05")}))


def level(result, name):
    """Numerator and n of a definition."""
    record = next(r for r in result.records if r.dimensions == f"definition={name}")
    return record.numerator, record.n


@pytest.mark.parametrize(
    ("name", "numerator", "n"),
    [
        ("plain", 3, 6),  # a, c, f
        ("whole_weeks", 2, 5),  # 3 to 30 September: f bought on the 1st
        ("fully_returned", 4, 6),  # e's returned order counts as an earlier one
        ("each_order", 5, 8),  # a, b's second, c, d's second of the day, f of 8 orders
        ("activity_window", 2, 6),  # a's earlier order is sixteen months old
        ("comparable_stores", 2, 5),  # S2 was not open a year ago: without f
        ("without_promotions", 2, 5),  # without a
        ("without_marketplace", 2, 5),  # without c
        ("without_largest", 2, 5),  # one buyer at least: f, who paid 100
        ("people_only", 2, 5),  # without c
        ("repeat_revenue", 130, 160),  # a 10, b 10, c 10, f 100 of all
        ("repeat_margin", 65, 80),  # half of it
    ],
)
def test_each_definition_by_pencil(six, name, numerator, n):
    """Numerator and denominator of every definition for September 2025."""
    assert (numerator, n) == level(six, name)


def test_a_definition_that_counts_nothing_otherwise_is_named_not_counted():
    """Without promotion days in the windows that definition is the printed one."""
    frame = asked().frame.set_index("definition")

    assert "nothing is counted otherwise" in frame.loc["without_promotions", "year_reason"]
    assert not frame.loc["without_promotions", "year_sound"]


def test_what_the_tables_cannot_tell_is_named():
    """Without stores and customers nobody knows what is comparable or a company."""
    frame = asked(tables=False).frame.set_index("definition")

    assert "no store has an opening date" == frame.loc["comparable_stores", "year_reason"]
    assert "people from companies" in frame.loc["people_only", "year_reason"]


def test_fully_returned_orders_are_taken_out_where_they_count():
    """Where the profile counts them the other definition leaves them out."""
    rows = (*SIX, ("e", "2025-07-01", "S1", "shop", 1, 10))
    result = asked(rows, count_fully_returned=True, returned=())

    # every order of these tables was kept, so nothing is counted otherwise
    frame = result.frame.set_index("definition")
    assert "nothing is counted otherwise" in frame.loc["fully_returned", "year_reason"]


def test_a_returned_order_of_an_old_customer_counts_as_a_return():
    """g bought in 2022 and sent all of September's order back: a returning buyer all the same."""
    rows = (*SIX, ("g", "2022-05-01", "S1", "shop", 1, 10))
    result = asked(rows, returned=(*RETURNED, ("g", "2025-09-09", 10.0, 10.0)))

    assert (5, 7) == level(result, "fully_returned")


def _fallen(then=40, now=10):
    """Forty buyers a September: all had bought before then, ten had now; others in between."""
    rows = []
    for i in range(40):
        old = f"o{i:02}"
        rows += [(old, "2023-01-10", "S1", "shop", 1, 10)] if i < then else []
        rows += [(old, "2024-09-10", "S1", "shop", 1, 10)]
        new = f"n{i:02}"
        rows += [(new, "2025-02-10", "S1", "shop", 1, 10)] if i < now else []
        rows += [(new, "2025-09-10", "S1", "shop", 1, 10)]
    return rows


def test_a_real_fall_shows_in_every_definition():
    """From 40 of 40 to 10 of 40: every definition that differs falls, and none rises."""
    result = asked(_fallen(), returned=())
    frame = result.frame.set_index("definition")

    assert -0.75 == pytest.approx(frame.loc["plain", "year_change"])
    sound = frame[frame["year_sound"].astype(bool)]
    # an earlier order within a year: nobody of 2024 had one, ten of 2025 had
    assert {"activity_window": 1} == {
        name: way for name, way in sound["year_moved"].items() if way != -1
    }
    agreement = result.one("definitions_agreeing", dimensions="against=year_ago")
    assert (len(sound) - 1, len(sound)) == (agreement.value, agreement.n)


def test_a_short_history_makes_no_definition_sound():
    """Data of seventeen months: a year ago had five months before it, so nothing is claimed."""
    rows = [r for r in _fallen() if r[1] > "2024-04"]
    result = asked(rows, data_from="2024-04-01", returned=())

    assert not result.frame["year_sound"].any()
    assert [] == [r for r in result.records if r.metric == "definitions_agreeing"]


def test_near_the_festival_the_printed_change_is_the_aligned_one():
    """In February the year ago is the aligned window, and the other calendar the same dates."""
    rows = [("a", "2024-02-10", "S1", "shop", 1, 10), ("a", "2025-02-10", "S1", "shop", 1, 10)]
    result = asked(rows, country="CN", period="2025-02", returned=())

    kinds = {r.compare_to for r in result.records if r.dimensions == "definition=plain"}
    assert {"none", "previous", "year_ago_aligned"} == kinds
