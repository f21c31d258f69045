"""The seven checks as one table, and the causes they and the funnel's leaks make."""

from __future__ import annotations

from collections.abc import Sequence

from repurchase.analysis.causes import finding_of
from repurchase.analysis.verdicts import CHECKS, Answer, Check, Verdict
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.show.blocks import Cell, Column, Table, Tone
from repurchase.show.summary import claim_text
from repurchase.words import N_

CHECK_NAMES: dict[Check, str] = {
    "reach": N_("Reach"),
    "tiers": N_("Segmentation"),
    "cadence": N_("Cadence"),
    "content": N_("Content"),
    "delay": N_("Data delay"),
    "path": N_("Path"),
    "use": N_("Use of the system"),
}
ANSWER_NAMES: dict[Answer, str] = {
    "ok": N_("ok"),
    "watch": N_("watch"),
    "act": N_("act"),
    "not_computable": N_("not computable"),
}
TONES: dict[Answer, Tone] = {
    "ok": "good", "watch": "unsure", "act": "bad", "not_computable": "neutral"
}  # fmt: skip


def verdicts(found: Sequence[Verdict], *, context: Context, id: str) -> Table:
    """One row a check, in their order: its verdict, what was found or why it cannot be told."""
    words = context.words
    by_check = {v.check: v for v in found}
    rows = []
    for number, check in enumerate(CHECKS):
        verdict = by_check[check]
        muted = verdict.answer == "not_computable"
        said = (
            worded(words, verdict.reason or "")
            if muted
            else claim_text(words, finding_of(verdict), currency=context.currency)
        )
        answer = words._(ANSWER_NAMES[verdict.answer])
        tone = None if muted else TONES[verdict.answer]
        name = f"{number} {words._(CHECK_NAMES[check])}"
        rows.append(
            (
                Cell(name, muted=muted),
                Cell(answer, tone=tone, bold=verdict.answer == "act", muted=muted),
                Cell(said, muted=muted),
            )
        )
    columns = (
        Column(words._("Check")),
        Column(words._("Verdict")),
        Column(words._("What was found"), "left", "fr"),
    )
    title = words._("Seven checks: is it the reach, the tool, the data or the people?")
    return Table(columns, tuple(rows), id=id, title=title, size="small")
