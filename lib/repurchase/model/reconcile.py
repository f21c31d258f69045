"""Rows in = rows out, and money in = money out: what the data page prints.

load_report(snapshot)           every row that was read, by table, outcome and reason
money_bridge(snapshot, params)  from what the files hold to the revenue that is analysed,
                                and from the finance department's figure to the same
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from repurchase.errors import DataError, ParameterError
from repurchase.model.snapshot import Snapshot
from repurchase.params import ControlTotal, Params
from repurchase.period import Period

if TYPE_CHECKING:
    import pandas as pd

ZERO = Decimal(0)
RETURN_KINDS = ("return", "adjustment")


@dataclass(frozen=True)
class Step:
    """One line of a bridge: a code that is worded where it is shown, and an amount to add.

    `name` is the profile's own name of an exclusion. `amount` None: it cannot be known, `reason`
    says why. `total` lines are sums of what stands above, not added themselves.
    """

    bridge: str
    code: str
    amount: Decimal | None
    rows: int | None = None
    name: str | None = None
    total: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class MoneyBridge:
    """The steps, and whether any unexplained money exceeds the profile's share."""

    steps: tuple[Step, ...]
    unexplained_share: Decimal | None
    exceeded: bool

    def frame(self) -> pd.DataFrame:
        """One row a step, amounts as Decimal."""
        import pandas as pd

        return pd.DataFrame([vars(s) for s in self.steps])

    def amount(self, code: str, *, bridge: str = "source") -> Decimal | None:
        """The sum of the steps of that code; None if one of them cannot be known."""
        amounts = [s.amount for s in self.steps if (s.bridge, s.code) == (bridge, code)]
        return None if None in amounts else sum((a for a in amounts if a is not None), ZERO)


def load_report(snapshot: Snapshot) -> pd.DataFrame:
    """Rows and money of the whole source: table, outcome, reason, kind, identified, rows, amount.

    `reason` is missing for loaded rows, `kind` for tables other than orders; `amount` is missing
    where no row has an amount. Counts everything that was read, also after the period's end.
    """
    with snapshot.connect() as con:
        frame: pd.DataFrame = con.execute("""
            SELECT "table", outcome, reason, kind, identified,
              CAST(sum(rows) AS BIGINT) AS rows, sum(amount) AS amount,
              CAST(sum(rows_without_amount) AS BIGINT) AS rows_without_amount
            FROM row_ledger GROUP BY ALL
            ORDER BY "table", outcome DESC, reason, kind, identified""").df()
    return frame


def money_bridge(snapshot: Snapshot, params: Params, period: Period | None = None) -> MoneyBridge:
    """From the money in the files to the net revenue of known customers, in one period.

    All amounts are of rows dated in the period (`params.period` unless given), in the reporting
    currency. Rows without a readable date lie in no period: step `undated`, not part of the sum.
    Without orders there are no steps. Raises DataError if the steps do not add up to the cent.
    """
    period = period or params.period
    if period is None:
        raise ValueError("period is None, a bridge needs one")
    if "orders" not in snapshot.tables:
        _refuse_totals(params, period)
        return MoneyBridge((), None, False)
    facts = _facts(snapshot, period)
    steps = _source_steps(facts)
    finance: list[Step] = []
    shares: list[Decimal] = []
    for total in params.period_file.control_totals:
        more, share = _finance_steps(total, facts)
        finance += more
        shares += [share] if share is not None else []
    worst = max(shares, default=None)
    exceeded = worst is not None and worst > Decimal(str(params.profile.max_unexplained_share))
    return MoneyBridge((*steps, *finance), worst, exceeded)


def _refuse_totals(params: Params, period: Period) -> None:
    """Raises ParameterError for a finance total that no order stands against."""
    if params.period_file.control_totals:
        raise ParameterError(
            "control_totals are given, and there are no orders",
            where=f"params/{params.name}/{period.label}.yaml",
            rule="a finance total is held against the orders' money",
            remedy="add sources.orders, or take control_totals out",
        )


@dataclass(frozen=True)
class _Facts:
    """Sums of the ledger and the orders of one period; an amount is ZERO where no row has one."""

    ledger: tuple[tuple[str, str | None, str | None, bool, int, Decimal], ...]
    undated: tuple[int, Decimal]
    orders: Mapping[str, Decimal | None]


def _facts(snapshot: Snapshot, period: Period) -> _Facts:
    days = [period.start, period.end]
    with snapshot.connect() as con:
        ledger = con.execute("""
            SELECT outcome, reason, kind, identified, CAST(sum(rows) AS BIGINT),
              coalesce(sum(amount), 0)
            FROM row_ledger
            WHERE "table" = 'orders' AND business_date BETWEEN ? AND ?
            GROUP BY ALL ORDER BY ALL""", days).fetchall()  # fmt: skip
        undated = con.execute("""
            SELECT coalesce(CAST(sum(rows) AS BIGINT), 0), coalesce(sum(amount), 0)
            FROM row_ledger WHERE "table" = 'orders' AND business_date IS NULL""").fetchone()
        cursor = con.execute("""
            SELECT
              sum(net_amount) FILTER (customer_id IS NOT NULL) AS net_known,
              sum(net_amount) FILTER (customer_id IS NULL) AS net_anonymous,
              sum(refund_amount) FILTER (customer_id IS NOT NULL AND net_amount IS NOT NULL)
                AS refunds_known,
              sum(refund_amount) FILTER (customer_id IS NULL AND net_amount IS NOT NULL)
                AS refunds_anonymous,
              sum(net_amount) FILTER (customer_id IS NOT NULL AND kind IN ('return', 'adjustment'))
                AS returns_known,
              sum(net_amount) FILTER (customer_id IS NULL AND kind IN ('return', 'adjustment'))
                AS returns_anonymous,
              sum(tax) FILTER (customer_id IS NOT NULL) AS tax_known,
              sum(tax) FILTER (customer_id IS NULL) AS tax_anonymous,
              sum(net_revenue) FILTER (customer_id IS NOT NULL) AS analysed
            FROM orders WHERE order_date BETWEEN ? AND ?""", days)  # fmt: skip
        names = [column[0] for column in cursor.description]
        orders = dict(zip(names, cursor.fetchone(), strict=True))
    return _Facts(tuple(ledger), undated, orders)


def _source_steps(facts: _Facts) -> list[Step]:
    """source_sales + returns - quarantined - excluded... - anonymous - refunds = analysed."""
    sales = [r for r in facts.ledger if r[2] not in RETURN_KINDS]
    returns = [r for r in facts.ledger if r[2] in RETURN_KINDS]
    steps = [
        Step("source", "source_sales", _money(sales), _rows(sales)),
        Step("source", "returns", _money(returns), _rows(returns)),
    ]
    quarantined = [r for r in facts.ledger if r[0] == "quarantined"]
    steps.append(Step("source", "quarantined", -_money(quarantined), _rows(quarantined)))
    reasons = dict.fromkeys(str(r[1]) for r in facts.ledger if r[0] == "excluded")
    for reason in reasons:
        rows = [r for r in facts.ledger if (r[0], r[1]) == ("excluded", reason)]
        steps.append(Step("source", "excluded", -_money(rows), _rows(rows), name=reason))
    anonymous = _amount(facts, "net_anonymous")
    rows_anonymous = [r for r in facts.ledger if r[0] == "loaded" and not r[3]]
    steps.append(Step("source", "anonymous", -anonymous, _rows(rows_anonymous)))
    steps.append(Step("source", "refunds", -_amount(facts, "refunds_known")))
    analysed = _amount(facts, "analysed")
    found = sum((s.amount for s in steps if s.amount is not None), ZERO)
    if found != analysed:
        raise DataError(
            f"the files' money comes to {found:,.2f}, the analysed revenue is {analysed:,.2f}",
            rule="sales + returns - quarantined - excluded - anonymous - refunds = analysed",
            remedy="this is a fault of the program; please report it with the profile",
        )
    steps.append(Step("source", "analysed", analysed, total=True))
    steps.append(Step("source", "undated", facts.undated[1], facts.undated[0], total=True))
    return steps


def _finance_steps(total: ControlTotal, facts: _Facts) -> tuple[list[Step], Decimal | None]:
    """finance_total less what it holds and the analysis does not = expected; the rest unexplained.

    `includes` says what the finance figure holds: tax on top, sales before returns and refunds are
    taken off, sales without a customer, test orders. Quarantined sales are in any finance figure.
    The share is of the finance total, None if that is 0.
    """
    name = f"finance: {total.source}"
    start = Decimal(str(total.amount))
    with_anonymous = "anonymous" in total.includes
    steps = [Step(name, "finance_total", start)]
    if "tax" in total.includes:
        steps.append(_tax_step(name, facts, with_anonymous))
    if "returns" in total.includes:
        groups = ("known", "anonymous") if with_anonymous else ("known",)
        back = sum((_amount(facts, f"returns_{g}") - _amount(facts, f"refunds_{g}")
                    for g in groups), ZERO)  # fmt: skip
        steps.append(Step(name, "returns", back))
    if with_anonymous:
        net = _amount(facts, "net_anonymous") - _amount(facts, "refunds_anonymous")
        steps.append(Step(name, "anonymous", -net))
    if "test" in total.includes:
        tests = [r for r in facts.ledger if r[0] == "excluded" and is_test_reason(str(r[1]))]
        steps.append(Step(name, "test", -_money(tests), _rows(tests)))
    quarantined = [r for r in facts.ledger if r[0] == "quarantined"]
    steps.append(Step(name, "quarantined", -_money(quarantined), _rows(quarantined)))
    expected = sum((s.amount for s in steps if s.amount is not None), ZERO)
    unexplained = _amount(facts, "analysed") - expected
    steps.append(Step(name, "unexplained", unexplained))
    steps.append(Step(name, "analysed", _amount(facts, "analysed"), total=True))
    return steps, abs(unexplained / start) if start else None


def _tax_step(name: str, facts: _Facts, with_anonymous: bool) -> Step:
    known, anonymous = facts.orders["tax_known"], facts.orders["tax_anonymous"]
    if known is None and anonymous is None:
        return Step(name, "tax", None, reason="tax_not_given")
    tax = (known or ZERO) + ((anonymous or ZERO) if with_anonymous else ZERO)
    return Step(name, "tax", -tax)


def is_test_reason(reason: str) -> bool:
    """Whether an exclusion's name says that it leaves out test orders.

    >>> is_test_reason("test_orders"), is_test_reason("staff_test"), is_test_reason("latest")
    (True, True, False)
    """
    return "test" in reason.lower().split("_") or "测试" in reason


def _amount(facts: _Facts, name: str) -> Decimal:
    value = facts.orders[name]
    return ZERO if value is None else value


def _money(rows: list[tuple[str, str | None, str | None, bool, int, Decimal]]) -> Decimal:
    return sum((row[5] for row in rows), ZERO)


def _rows(rows: list[tuple[str, str | None, str | None, bool, int, Decimal]]) -> int:
    return sum(row[4] for row in rows)
