"""The retention chapter's one page: what caused it, what was lost, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from repurchase.context import Context
from repurchase.records import Finding, Result
from repurchase.show.blocks import ListBlock, ListItem, Row
from repurchase.show.bridge import bridge, lost_item
from repurchase.show.mix import cause_item, drivers
from repurchase.show.summary import ranked

MOVED = "retention.identified_order_share.moved"


def bridge_and_drivers(
    bridged: Result, mixed: Result, *, bridge_id: str, drivers_id: str
) -> Row:
    """Customers and money that came and went, and beside it who or where the change was."""
    return Row(
        (bridge(bridged, id=bridge_id, short=True), drivers(mixed, id=drivers_id, short=True))
    )


def decide(mixed: Result, lost: Result, findings: Sequence[Finding]) -> ListBlock:
    """Who caused it, how many were lost in money, and what to do first."""
    context: Context = mixed.context
    words = context.words
    unsettled = any(f.id == MOVED for f in findings)
    items = [cause_item(mixed, unsettled=unsettled), lost_item(lost)]
    # identification comes before any cause, the cause before the weightiest message
    before = MOVED if unsettled else "retention.cause."
    first = sorted(ranked(findings), key=lambda f: not f.id.startswith(before))
    action = next((f.suggested_action for f in first if f.suggested_action), None)
    if action:
        items.append(ListItem(words._("What to do: {action}", action=words._(action))))
    return ListBlock(tuple(items), ordered=False)
