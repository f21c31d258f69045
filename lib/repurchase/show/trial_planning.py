"""Before a test: what size an effect needs, and the lists of who is put into which arm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from repurchase.analysis.trial_draw import COLUMNS, STRATUM
from repurchase.cells import inert_table
from repurchase.context import Context
from repurchase.records import Result
from repurchase.show.blocks import Cell, Column, Several, Table, Text
from repurchase.show.sentences import DASH, points
from repurchase.show.trials import METRICS
from repurchase.show.worklists import Sheets
from repurchase.words import Words

NAME = "assignments"
# a test of more years than this is none: what is asked has changed by then
LONGEST = 2


def trial_planning(planning: Result, *, id: str) -> Table | Text:
    """Customers and days that a wanted effect needs, a row an effect."""
    context: Context = planning.context
    words, frame = context.words, planning.frame
    if frame.empty:
        return Text(
            words._("Without orders of known customers the size of a test cannot be told.")
        )
    columns = (
        Column(words._("What decides"), "left", "fr"),
        Column(words._("Wanted effect"), "right"),
        Column(words._("A customer"), "right"),
        Column(words._("Customers needed"), "right"),
        Column(words._("Days until the answer"), "right"),
    )
    rows: list[tuple[str | Cell, ...]] = []
    for metric, part in frame.groupby("metric", sort=False):
        for i, row in enumerate(part.to_dict("records")):
            first = words._(METRICS[str(metric)]) if i == 0 else ""
            rows.append((first, *_needed(context, str(metric), row)))
    return Table(
        columns,
        tuple(rows),
        id=id,
        title=words._("How large the next test must be"),
        caption=_caption(words, frame),
        size="small",
    )


def _needed(context: Context, metric: str, row: Mapping[Any, Any]) -> tuple[str, ...]:
    words = context.words
    if metric == "repurchase":
        effect = points(words, row["effect"])
    elif metric == "orders":
        effect = words.plus(row["effect"], 3)
    else:
        effect = f"+{words.money(row['effect'], context.currency, whole=False)}"
    if math.isnan(row["days"]):
        days = DASH
    elif row["days"] > LONGEST * 365:
        days = words._("over {years} years", years=words.count(LONGEST))
    else:
        days = words.count(int(row["days"]))
    wanted = words.share(row["relative"], 0)
    return f"+{wanted}", effect, words.count(int(row["customers"])), days


def _caption(words: Words, frame: pd.DataFrame) -> str:
    one = frame.iloc[0]
    told = [
        words._(
            "{name}: {share} of the spread is known from the days before",
            name=words._(METRICS[str(metric)]),
            share=words.share(part["explained"].iloc[0], 0),
        )
        for metric, part in frame.groupby("metric", sort=False)
    ]
    return words._(
        "From what {n} customers did in the last {days} days, who had ordered before them"
        " ({known}); {treated} of the customers treated; 5% on both sides, found four times in"
        " five. Days: until enough new customers have joined, at {joining} a day, and {days} more.",
        n=words.count(int(one["eligible"])),
        days=words.count(int(one["horizon"])),
        known=words.listed(told),
        treated=words.share(one["share"], 0),
        joining=words.number(one["joining_a_day"], 1),
    )


def drawn_lists(drawn: Mapping[str, pd.DataFrame], *, context: Context, id: str) -> Table | Several:
    """How many customers of each list of an upcoming test are in each arm; nothing without one."""
    words = context.words
    if not drawn:
        return Several(())
    rows: list[tuple[str | Cell, ...]] = []
    for experiment, frame in drawn.items():
        strata = words.count(frame[STRATUM].nunique())
        for i, (arm, n) in enumerate(frame["arm"].value_counts(sort=False).sort_index().items()):
            share = words.share(n / len(frame))
            first = (experiment, strata) if i == 0 else ("", "")
            rows.append((*first, str(arm), words.count(int(n)), share))
    return Table(
        (
            Column(words._("Test to come"), "left", "fr"),
            Column(words._("Strata"), "right"),
            Column(words._("Arm")),
            Column(words._("Customers"), "right"),
            Column(words._("Share"), "right"),
        ),
        tuple(rows),
        id=id,
        title=words._("Drawn and handed out"),
        caption=words._(
            "Drawn by chance within the strata; the lists are in restricted/. Each row carries a"
            " code of its customer and arm, by which it is checked when it comes back."
        ),
        size="small",
    )


def assignment_sheets(drawn: Mapping[str, pd.DataFrame], *, context: Context) -> Sheets:
    """The drawn lists as sheets to be handed out, with the columns that experiments are read by.

    One sheet of all tests, and a file a test. No cell can become a formula.
    """
    frames = list(drawn.values())
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))
    rows["assigned_at"] = rows["assigned_at"].map(lambda day: day.isoformat())
    safe = inert_table(rows).astype({"exposed_at": "object"})
    title = context.words._("Assignments")
    labels = tuple(rows["experiment_id"].astype(str))
    return Sheets({title: safe}, title, labels, context.period.end, NAME)
