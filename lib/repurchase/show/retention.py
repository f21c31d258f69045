"""The retention chapter's one page: what caused it, what was lost, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from repurchase.context import Context
from repurchase.records import Finding, Result
from repurchase.show.blocks import ListBlock, ListItem, Row
from repurchase.show.bridge import bridge, lost_item
from repurchase.show.mix import cause_item, drivers
from repurchase.show.summary import ranked


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
    items = [cause_item(mixed), lost_item(lost)]
    # the cause is nearest to what can be done; else the weightiest message
    first = sorted(ranked(findings), key=lambda f: not f.id.startswith("retention.cause."))
    action = next((f.suggested_action for f in first if f.suggested_action), None)
    if action:
        items.append(ListItem(words._("What to do: {action}", action=words._(action))))
    return ListBlock(tuple(items), ordered=False)
