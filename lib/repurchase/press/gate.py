"""Decides what a pack is: a candidate, or a draft with its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from repurchase.errors import DataError
from repurchase.model.reconcile import MoneyBridge
from repurchase.model.snapshot import Snapshot
from repurchase.params import Params
from repurchase.words import N_, Words

Status = Literal["candidate", "draft"]
EXIT_CODES: dict[str, int] = {"candidate": 0, "draft": 3}


@dataclass(frozen=True)
class Verdict:
    """A pack's status and, for a draft, why, as sentences in the reader's language."""

    status: Status
    reasons: tuple[str, ...]


def check_complete(params: Params, snapshot: Snapshot) -> None:
    """Raises DataError if the period is not complete in the data and a draft is not allowed."""
    period = params.period
    assert period is not None
    if period.start > snapshot.data_through or period.end < snapshot.data_from:
        raise DataError(
            f"no data lie in {period.label}: they run from {snapshot.data_from.isoformat()} to"
            f" {snapshot.data_through.isoformat()}",
            remedy="name a PERIOD inside that range",
        )
    if period.end > snapshot.data_through and not params.profile.allow_incomplete:
        raise DataError(
            f"{period.label} is incomplete: the data run through"
            f" {snapshot.data_through.isoformat()}, the period ends on {period.end.isoformat()}",
            where=f"profile {params.name}",
            rule="an incomplete period is not reported as if it were whole",
            remedy="wait for the data; or set allow_incomplete: true (ALLOW_INCOMPLETE=1) for a"
            " draft; or set data_through if the last days truly had no orders",
        )


def verdict(params: Params, snapshot: Snapshot, bridge: MoneyBridge, words: Words) -> Verdict:
    """What this pack is: a draft names its reasons."""
    reasons = []
    assert params.period is not None
    if params.period.end > snapshot.data_through:
        reasons.append(
            words._(
                N_("The period is incomplete: the data run through {day}."),
                day=words.day(snapshot.data_through),
            )
        )
    if bridge.exceeded and bridge.unexplained_share is not None:
        reasons.append(
            words._(
                N_("{share} of a finance total is not explained, more than the limit of {limit}."),
                share=words.share(float(bridge.unexplained_share), 2),
                limit=words.share(params.profile.max_unexplained_share, 2),
            )
        )
    return Verdict("draft" if reasons else "candidate", tuple(reasons))
