"""Whom to ask back, and whom not to: everyone due is on exactly one list or named as left out.

Due is who is expected to order again by `lead_days` after the period's end, or should have done so
already. What is expected comes from `analysis.next_purchase`; here nobody is scored.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from repurchase.period import add_months
from repurchase.records import Record, Result, dimensions

DUE, OVERDUE, AT_RISK = "due", "overdue", "at_risk"
STATES = (DUE, OVERDUE, AT_RISK)
LISTED = "listed"
# In this order: who falls under several is counted under the first. Withheld are drawn among
# those whom nothing else keeps off the lists, so that they can be compared.
EXCLUSIONS = ("internal", "lapsed", "opted_out", "open_complaint", "contacted", "withheld")
NO_LIST = ""
CHANNELS = {"opt_out_email": "email", "opt_out_sms": "sms", "do_not_call": "phone"}


@dataclass(frozen=True)
class Rules:
    """How a month's lists are drawn up; see `lists:` in a profile."""

    period: str
    end: dt.date
    lead_days: int
    quiet_days: int
    activity_months: int
    withheld_share: float
    seed: int
    worth: str = "margin"  # the money at stake: "margin", or "revenue" where no margin is known

    @property
    def last_due(self) -> dt.date:
        """The last day on which somebody expected is due now."""
        return self.end + dt.timedelta(days=self.lead_days)


@dataclass(frozen=True)
class Worklists:
    """A month's lists: who is on them, who is due and is not, what is known of each.

    `lists` has one row a listed customer (see `ranked` and `worklist_facts`), `due` one row a due
    customer with its `outcome`, `history` the last dates and touches of the listed, `interviews`
    the sample of one-time customers.
    """

    lists: pd.DataFrame
    due: pd.DataFrame
    history: pd.DataFrame
    interviews: pd.DataFrame
    rules: Rules
    context: Any

    def __repr__(self) -> str:
        count = self.lists.groupby(["team", "list_rep", "list_store"]).ngroups
        return f"{len(self.due)} customers due, {len(self.lists)} of them on {count} lists"


def due_customers(expected: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The rows of `expected` whose date lies at most `lead_days` after the end, with their state.

    `expected` has one row a customer: customer_id, due_date, due_from, due_until (the expected
    order date and its 80 % interval; dates), among others, which are kept. State: "due" where the
    date is still to come, "overdue" where it has passed, "at_risk" where the interval has too.
    """
    end = pd.Timestamp(rules.end)
    dates = pd.to_datetime(expected["due_date"])
    found = expected[dates <= pd.Timestamp(rules.last_due)].copy()
    late, gone = dates[found.index] <= end, pd.to_datetime(found["due_until"]) < end
    found["state"] = np.select([gone, late], [AT_RISK, OVERDUE], DUE)
    return found.sort_values("customer_id", ignore_index=True)


def listed(due: pd.DataFrame, facts: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Each due customer with `outcome`: "listed" or the first of EXCLUSIONS that holds.

    `facts` has one row a due customer: customer_id, last_date, is_internal (or a test account),
    the flags of CHANNELS (missing: not known, so allowed), open_tickets, last_touch_date.
    """
    known = due.merge(facts, on="customer_id", how="left", validate="one_to_one")
    active_from = pd.Timestamp(add_months(rules.end, -rules.activity_months))
    quiet_from = pd.Timestamp(rules.end - dt.timedelta(days=rules.quiet_days - 1))
    flags = [known[c] for c in CHANNELS if known[c].notna().any()]
    conditions = {
        "internal": known["is_internal"].fillna(False).astype(bool),
        "lapsed": pd.to_datetime(known["last_date"]) <= active_from,
        "opted_out": _all_true(flags, len(known)),
        "open_complaint": known["open_tickets"].fillna(0) > 0,
        "contacted": pd.to_datetime(known["last_touch_date"]) >= quiet_from,
    }
    outcome = np.select(list(conditions.values()), list(conditions), LISTED)
    held = [
        o == LISTED and is_withheld(c, rules)
        for c, o in zip(known["customer_id"], outcome, strict=True)
    ]
    return known.assign(outcome=np.where(held, "withheld", outcome))


def _all_true(flags: list[pd.Series], rows: int) -> pd.Series:
    """Whether every channel that the sources tell of is closed."""
    if not flags:
        return pd.Series(np.zeros(rows, dtype=bool))
    closed = np.ones(rows, dtype=bool)
    for flag in flags:
        closed &= flag.fillna(False).to_numpy(dtype=bool)
    return pd.Series(closed)


def is_withheld(customer_id: str, rules: Rules) -> bool:
    """Whether chance keeps the customer off this period's lists; the same in every run."""
    return drawn(customer_id, f"{rules.seed}:{rules.period}") < rules.withheld_share


def drawn(key: str, salt: str) -> float:
    """A number in [0, 1) that depends on the key and the salt alone.

    >>> round(drawn("0000000018", "1:2025-09"), 6)
    0.044291
    """
    digest = hashlib.blake2b(f"{salt}:{key}".encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 2**56


def with_lists(known: pd.DataFrame, active_reps: frozenset[str] | None) -> pd.DataFrame:
    """Who asks whom: columns `list_rep` and `list_store`, empty text where there is neither.

    The owner, else who served the last order, if still there (`active_reps`; None: no table of
    sales people, so all are taken to be); else the store of the last order.
    """

    def here(column: pd.Series) -> pd.Series:
        ids = column.astype("object").where(column.notna(), NO_LIST)
        return ids if active_reps is None else ids.where(ids.isin(active_reps), NO_LIST)

    owner, server = here(known["owner_rep_id"]), here(known["last_rep_id"])
    rep = owner.where(owner != NO_LIST, server)
    store = known["last_store_id"].astype("object").where(known["last_store_id"].notna(), NO_LIST)
    return known.assign(list_rep=rep, list_store=store.where(rep == NO_LIST, NO_LIST))


def ranked(known: pd.DataFrame) -> pd.DataFrame:
    """The listed ones, list by list, most margin at stake first, who owes money last.

    Adds `do_not_chase` (a debt is overdue) and `rank` (from 1 within a list).
    """
    rows = known[known["outcome"] == LISTED].copy()
    rows["do_not_chase"] = rows["overdue_days"].fillna(0) > 0
    rows["no_team"] = rows["team"] == ""
    order = ["no_team", "team", "list_rep", "list_store", "do_not_chase", "expected_margin",
             "customer_id"]  # fmt: skip
    up = [True, True, True, True, True, False, True]
    rows = rows.sort_values(order, ascending=up, na_position="last", ignore_index=True)
    rows = rows.drop(columns="no_team")
    rows["rank"] = rows.groupby(["team", "list_rep", "list_store"]).cumcount() + 1
    return rows


def counts(known: pd.DataFrame, *, worth: str = "margin") -> Result:
    """How many are due, and what became of them; adds up to all.

    Columns: outcome ("listed", then EXCLUSIONS), due, overdue, at_risk (customers), customers,
    expected_margin (money of `worth`; missing where none is known). Records: `due_customers` in
    all and by `outcome=`, `due_margin` or `due_revenue` likewise.
    """
    rows = []
    for outcome in (LISTED, *EXCLUSIONS):
        part = known[known["outcome"] == outcome]
        by_state = [int((part["state"] == state).sum()) for state in STATES]
        margin = part["expected_margin"].sum(min_count=1) if len(part) else 0.0
        rows.append((outcome, *by_state, len(part), float(margin)))
    columns = ["outcome", *STATES, "customers", "expected_margin"]
    frame = pd.DataFrame(rows, columns=columns)
    records = [Record("due_customers", float(len(known)), "count", n=float(len(known)))]
    for row in frame.to_dict("records"):
        where = dimensions(outcome=row["outcome"])
        records.append(
            Record("due_customers", float(row["customers"]), "count", where, n=float(len(known)))
        )
        if not np.isnan(row["expected_margin"]):
            records.append(Record(f"due_{worth}", row["expected_margin"], "money", where))
    return Result(frame, tuple(records))
