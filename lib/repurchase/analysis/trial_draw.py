"""Lists of customers drawn into the arms of a test: handed out, and checked when they come back.

Each row carries a code that ties customer and arm together, and how many were drawn. So what comes
back is held against what was drawn without the list having been kept, whatever became of the data.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.params import ExperimentPlan

CODE, SIZE, STRATUM = "draw_code", "draw_size", "stratum"
# what a source calls a heading that is not mapped
OWN = "x_"
SOURCE = "drawn"
LENGTH = 10
# letters alone: a spreadsheet would take 12345e6789 for a number; no vowels: nor is it a word
DIGITS, LETTERS = "0123456789abcdef", "bcdfghjklmnpqrst"
COLUMNS = (
    "experiment_id", "customer_id", "arm", "assigned_at", "exposed_at", "planned_share",
    "assignment_source", STRATUM, CODE, SIZE,
)  # fmt: skip


def code(plan: ExperimentPlan, customer_id: str, arm: str) -> str:
    """What ties a customer and an arm of a draw together; another seed gives others."""
    told = f"{_salt(plan)}{arm}:{customer_id}".encode()
    digest = hashlib.md5(told, usedforsecurity=False).hexdigest()[:LENGTH]
    return digest.translate(str.maketrans(DIGITS, LETTERS))


def _salt(plan: ExperimentPlan) -> str:
    if plan.assignment is None:
        raise ValueError(f"{plan.id} has no assignment to draw")
    return f"{plan.id}:{plan.assignment.seed}:"


def handed(plan: ExperimentPlan, drawn: pd.DataFrame) -> pd.DataFrame:
    """The list as it is handed out: the canonical columns of `experiments`, and our own (COLUMNS).

    `drawn` is as `trial_plan.assigned` gives it. assigned_at is the first day of the test;
    exposed_at is empty, for who sends the messages to fill in.
    """
    total = sum(float(p.share) for p in plan.arms.values())
    shares = {arm: float(p.share) / total for arm, p in plan.arms.items()}
    pairs = zip(drawn["customer_id"], drawn["arm"], strict=True)
    made = drawn.assign(
        assigned_at=plan.start,
        exposed_at=None,
        planned_share=drawn["arm"].map(shares),
        assignment_source=SOURCE,
    )
    made[CODE] = [code(plan, str(c), str(a)) for c, a in pairs]
    made[SIZE] = len(drawn)
    return made[list(COLUMNS)].astype({"exposed_at": "object"})


@dataclass(frozen=True)
class CameBack:
    """Of a drawn list: rows that came back, those whose customer or arm is not what was drawn,
    and customers drawn who are not among the rest (None: the list's size did not come back)."""

    rows: int
    otherwise: int
    missing: int | None


def came_back(plan: ExperimentPlan, assigned: ir.Table) -> CameBack | None:
    """What the logged assignments say of the draw; None where no codes came back.

    `assigned` is as `trial_units.assignments` gives it, with the columns of our own.
    """
    code_back, size_back = OWN + CODE, OWN + SIZE
    if plan.assignment is None or code_back not in assigned.columns:
        return None
    told = (ibis.literal(_salt(plan)) + assigned.arm + ":" + assigned.customer_id).hexdigest("md5")
    expected = told.substr(0, LENGTH).translate(DIGITS, LETTERS)
    columns = {
        # what is no code at all is as wrong as another one's
        "right": (assigned[code_back].cast("string") == expected).fill_null(False),
        "code": assigned[code_back],
        "customer_id": assigned.customer_id,
        "size": assigned[size_back].cast("string").try_cast("int64")
        if size_back in assigned.columns
        else ibis.null("int64"),
    }
    rows = assigned.select(**columns)
    found = rows.aggregate(
        n=rows.count(),
        codes=rows.code.count(),
        wrong=(~rows.right).cast("int64").sum(),
        customers=rows.customer_id.nunique(where=rows.right),
        size=rows["size"].max(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    if not found["codes"]:
        return None
    size = found["size"]
    missing = None if size is None else max(0, int(size) - int(found["customers"]))
    return CameBack(int(found["n"]), int(found["wrong"] or 0), missing)
