"""The canonical tables: what every chapter may rely on, whatever system the rows came from.

Ids are always text. Times are UTC, with a business date in the company's time zone beside them.
Money is DECIMAL(18, 4) in the reporting currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "text", "money", "number", "integer", "time", "date", "flag", "tags"]


@dataclass(frozen=True)
class Table:
    """Columns with their kinds; `required` ones must be mapped, `key` names a row."""

    columns: dict[str, Kind]
    required: tuple[str, ...]
    key: tuple[str, ...]
    time: str | None = None  # rows after the period's end in this column are not visible


def _columns(**kinds: str) -> dict[str, Kind]:
    """One keyword a kind, its value the column names of that kind."""
    return {name: kind for kind, names in kinds.items() for name in names.split()}  # type: ignore[misc]


TABLES: dict[str, Table] = {
    "orders": Table(
        _columns(
            id="order_id customer_id store_id rep_id campaign_id coupon_code",
            time="ordered_at loaded_at",
            money="net_amount gross discount tax shipping refund_amount margin_amount",
            number="fx_rate",
            text="currency status kind channel source_system",
            flag="is_test",
        ),
        required=("customer_id", "ordered_at"),
        key=("order_id",),
        time="ordered_at",
    ),
    "order_lines": Table(
        _columns(
            id="order_id line_no product_id return_of_line",
            number="quantity",
            money="unit_price line_net line_cost",
            flag="is_gift",
        ),
        required=("order_id", "product_id"),
        key=("order_id", "line_no"),
    ),
    "customers": Table(
        _columns(
            id="customer_id owner_rep_id merged_into_id",
            text="name kind segment level industry region source_channel",
            time="created_at",
            tags="tags",
            flag="opt_out_email opt_out_sms do_not_call is_test is_internal",
            money="receivable_amount",
            integer="overdue_days",
            date="renewal_date",
        ),
        required=("customer_id",),
        key=("customer_id",),
        time="created_at",
    ),
    "events": Table(
        _columns(
            id="event_id customer_id rep_id template_id campaign_id",
            time="occurred_at next_at loaded_at",
            text="type channel outcome stage",
            flag="is_personalised is_bot",
        ),
        required=("customer_id", "occurred_at", "type"),
        key=("event_id",),
        time="occurred_at",
    ),
    "experiments": Table(
        _columns(
            id="experiment_id customer_id",
            text="arm assignment_source",
            time="assigned_at exposed_at",
            number="planned_share",
        ),
        required=("experiment_id", "customer_id", "arm", "assigned_at"),
        # a unit that was given two arms has two rows: the chapter must see it
        key=("experiment_id", "customer_id", "arm"),
        time="assigned_at",
    ),
    "costs": Table(
        _columns(
            id="cost_id initiative_id",
            date="period_start period_end",
            text="category channel",
            money="amount",
            flag="recurring",
            number="hours hourly_rate",
        ),
        required=("period_start", "period_end", "category", "amount"),
        key=("cost_id",),
        time="period_start",
    ),
    "surveys": Table(
        _columns(
            id="response_id customer_id order_id",
            time="answered_at",
            text="instrument channel text",
            number="score scale_min scale_max",
        ),
        required=("answered_at", "instrument"),
        key=("response_id",),
        time="answered_at",
    ),
    "tickets": Table(
        _columns(
            id="ticket_id customer_id",
            time="opened_at first_reply_at closed_at",
            text="channel priority category",
            flag="reopened action_logged",
        ),
        required=("opened_at",),
        key=("ticket_id",),
        time="opened_at",
    ),
    # the lists for sales as they come back, filled in
    "list_results": Table(
        _columns(
            id="customer_id",
            text="list_period outcome reason note",
            date="contacted_on",
        ),
        required=("customer_id", "list_period"),
        key=("list_period", "customer_id"),
        time="contacted_on",
    ),
    "reps": Table(
        _columns(
            id="rep_id manager_id",
            text="name team target_period",
            date="active_from active_to",
            money="target_repeat_amount",
        ),
        required=("rep_id",),
        key=("rep_id",),
    ),
    "stores": Table(
        _columns(
            id="store_id",
            text="name city region format channel_kind",
            date="opened_on closed_on",
        ),
        required=("store_id",),
        key=("store_id",),
    ),
    "products": Table(
        _columns(
            id="product_id",
            text="name category brand",
            money="list_price unit_cost",
            date="launch_date",
            integer="expected_cycle_days",
        ),
        required=("product_id",),
        key=("product_id",),
    ),
}

ORDER_KINDS = ("sale", "renewal", "return", "gift", "adjustment")
PURCHASE_KINDS = ("sale", "renewal")
