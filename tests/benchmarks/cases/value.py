"""Customer value's and the headline's heavy tables against SQL and pandas written by hand."""

from __future__ import annotations

from functools import partial

from benchmarks.cases.retention import CPU_BUDGET, JUDGED_FROM, WAYS, Same, measured, row
from benchmarks.registry import Budget, Setting, Sheet, Way, case
from benchmarks.rounds import times
from benchmarks.workers.value import SUBJECTS

# as retention's, with all columns of customer days
PANDAS_MIB = 600
# the library sums logarithms as decimals of nine digits, which a hand does not
WITHIN = 1e-8


@case("value", "Customer value and headline figures, by three ways")
def value(setting: Setting) -> Sheet:
    """The same tables from the same prepared files, asserted equal."""
    ways: dict[str, Way] = {}
    budgets: list[Budget] = []
    notes = [
        "summary: the customer summary on four days, written as Parquet; standing: recency, orders"
        " and money, scores, tiers and stages on the four days, and who moved; figures: the"
        " headline shares of four windows with what their intervals need; gaps: days to the next"
        " order date by rank, and each customer's own median gap now and a year ago",
        "the tables of all ways are asserted equal; the days of the windows and the rhythm that is"
        " fitted to a sample of customers are the library's in all three, which also makes the"
        " records with their intervals; cohorts are in the case above",
        "SQL and the library read the files for each subject, pandas once, in summary",
    ]
    for orders in setting.orders:
        company = setting.company(orders)
        notes.append(company.note)
        same = Same(within=WITHIN)
        for way, name in WAYS.items():
            ways[row(orders, name)] = partial(
                measured, "value.py", way, company, same, orders, PANDAS_MIB
            )
        ours, sql, pandas = (row(orders, name) for name in WAYS.values())
        at_most = CPU_BUDGET if orders >= JUDGED_FROM else None
        judged = (("", "cpu"), *((f"{name}, ", f"{name} CPU s") for name in SUBJECTS))
        for what, figure in judged:
            says = f"{orders:,} orders, {what}CPU against DuckDB SQL by hand"
            budgets.append(Budget(says, times(ours, sql, figure), at_most=at_most))
        for other, figure in ((sql, "peak"), (pandas, "cpu"), (pandas, "peak")):
            what = "CPU" if figure == "cpu" else "peak memory"
            says = f"{orders:,} orders, {what} against {other.partition(': ')[2]}"
            budgets.append(Budget(says, times(ours, other, figure)))
    return Sheet(ways, tuple(budgets), tuple(notes))
