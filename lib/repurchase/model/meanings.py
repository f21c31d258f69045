"""What each column of the trusted tables means, in one place, and which ones name a person.

`MEANINGS` has one line for a column that means the same in every table, and one for `table.column`
where it does not.
"""

from __future__ import annotations

import re

from repurchase.words import N_

MEANINGS: dict[str, str] = {
    "order_id": N_("The order's number."),
    "customer_id": N_("The customer's number; empty where nobody was known."),
    "customers.customer_id": N_("The customer's number."),
    "original_customer_id": N_("The number in the source, before merged customers were joined."),
    "store_id": N_("The store's number."),
    "rep_id": N_("The sales person's number."),
    "campaign_id": N_("The campaign's number."),
    "coupon_code": N_("The coupon that was used."),
    "ordered_at": N_("When the order was made, in UTC."),
    "order_date": N_("The day of the order, in the company's time zone."),
    "loaded_at": N_("When the row reached the source system."),
    "net_amount": N_("Money paid after discounts, before refunds."),
    "net_revenue": N_("Money paid after discounts, refunds and returns."),
    "gross": N_("Money before discounts."),
    "discount": N_("Discount given."),
    "tax": N_("Tax in the amount."),
    "shipping": N_("Shipping charged."),
    "refund_amount": N_("Money given back on this order."),
    "margin_amount": N_("Margin of the order, after what was refunded."),
    "net_margin": N_(
        "Margin after refunds: the order's own, or net revenue less the cost of its lines."
    ),
    "discounted": N_("Whether there was a discount or a coupon."),
    "currency": N_("Currency of the source's amounts."),
    "fx_rate": N_("Units of the reporting currency for one of the source's."),
    "orders.status": N_("The order's status, as the source words it."),
    "orders.kind": N_("Sale, renewal, return, gift or adjustment."),
    "channel": N_("The channel."),
    "source_system": N_("The system that the row comes from."),
    "is_test": N_("A test row."),
    "source_rows": N_("How many source rows became this one."),
    "is_purchase": N_("Whether it counts as an order."),
    "assigned_date": N_("The day that money given back is charged to."),
    "experiments.assigned_date": N_("The day of assignment, in the company's time zone."),
    "line_no": N_("The line's number in its order."),
    "product_id": N_("The product's number."),
    "return_of_line": N_("The line that this one returns."),
    "quantity": N_("How many."),
    "unit_price": N_("Price of one."),
    "line_net": N_("Money paid for the line, after discounts."),
    "line_cost": N_("Cost of the line's goods."),
    "is_gift": N_("A gift, not paid for."),
    "name": N_("The name."),
    "customers.kind": N_("Person or company."),
    "segment": N_("The segment, as the source words it."),
    "level": N_("The membership level."),
    "industry": N_("The industry."),
    "region": N_("The region."),
    "source_channel": N_("The channel that the customer came from."),
    "created_at": N_("When the customer was registered, in UTC."),
    "created_date": N_("The day of registration, in the company's time zone."),
    "tags": N_("Tags, a list."),
    "owner_rep_id": N_("The sales person in charge."),
    "opt_out_email": N_("Wants no mail."),
    "opt_out_sms": N_("Wants no text messages."),
    "do_not_call": N_("Wants no calls."),
    "is_internal": N_("The company's own staff."),
    "receivable_amount": N_("Money owed."),
    "overdue_days": N_("Days since the money was due."),
    "renewal_date": N_("The day on which a contract is to be renewed."),
    "merged_into_id": N_("The number that this one was merged into."),
    "is_merged": N_("Whether the number was merged into another."),
    "kept_id": N_("The number that is counted."),
    "orders": N_("Orders of the day."),
    "day_rank": N_("1 for the customer's first order date, 2 for the second, and so on."),
    "first_date": N_("The customer's first order date."),
    "previous_date": N_("The order date before; empty for the first."),
    "next_date": N_("The order date after; empty if there is none up to the period's end."),
    "event_id": N_("The event's number."),
    "template_id": N_("The message's template."),
    "occurred_at": N_("When it happened, in UTC."),
    "occurred_date": N_("The day on which it happened, in the company's time zone."),
    "next_at": N_("When the next step is due."),
    "events.type": N_("What happened: call, visit, email_open, web_view and so on."),
    "outcome": N_("What came of it."),
    "stage": N_("The stage of the sale."),
    "is_personalised": N_("Whether the message was personal."),
    "is_bot": N_("Done by a machine."),
    "experiment_id": N_("The test's number."),
    "arm": N_("The arm of the test."),
    "assignment_source": N_("What assigned the arm."),
    "assigned_at": N_("When the arm was assigned, in UTC."),
    "exposed_at": N_("When the customer first saw it, in UTC."),
    "planned_share": N_("The share that the arm was planned to have."),
    "cost_id": N_("The cost's number."),
    "initiative_id": N_("The project that the money was spent on."),
    "period_start": N_("First day that the cost is for."),
    "period_end": N_("Last day that the cost is for."),
    "category": N_("The category."),
    "amount": N_("Money spent."),
    "recurring": N_("Whether the cost comes again."),
    "hours": N_("Hours worked."),
    "hourly_rate": N_("Money for an hour."),
    "response_id": N_("The answer's number."),
    "answered_at": N_("When it was answered, in UTC."),
    "answered_date": N_("The day of the answer, in the company's time zone."),
    "instrument": N_("The kind of survey: nps, csat, ces or review."),
    "text": N_("What was written."),
    "score": N_("The score given."),
    "scale_min": N_("The lowest score possible."),
    "scale_max": N_("The highest score possible."),
    "ticket_id": N_("The ticket's number."),
    "opened_at": N_("When it was opened, in UTC."),
    "opened_date": N_("The day on which it was opened, in the company's time zone."),
    "first_reply_at": N_("When it was first answered, in UTC."),
    "closed_at": N_("When it was closed, in UTC."),
    "priority": N_("How urgent."),
    "reopened": N_("Opened again after it was closed."),
    "action_logged": N_("Whether an action was noted."),
    "list_period": N_("The review period whose list the customer was on, such as 2025-09."),
    "contacted_on": N_("The day on which the customer was contacted; empty: not contacted."),
    "reason": N_("Why the customer did not order, in the company's words."),
    "note": N_("What the sales person noted."),
    "manager_id": N_("The sales person's manager."),
    "team": N_("The team."),
    "active_from": N_("First day at work."),
    "active_to": N_("Last day at work; empty: still there."),
    "target_repeat_amount": N_("Target of repeat revenue."),
    "target_period": N_("What the target is for."),
    "city": N_("The city."),
    "format": N_("The store's format."),
    "channel_kind": N_("Own, franchise or online."),
    "opened_on": N_("The day of opening."),
    "closed_on": N_("The day of closing; empty: open."),
    "brand": N_("The brand."),
    "list_price": N_("The list price."),
    "unit_cost": N_("Cost of one."),
    "launch_date": N_("First day on sale."),
    "expected_cycle_days": N_("Days until one is bought again, as expected."),
}
UNMAPPED = N_("A column of the source that is mapped to nothing.")

# Where a person's name or words stand; stores and products have names too, and those are no secret.
PERSONAL = frozenset({"customers.name", "reps.name", "surveys.text", "list_results.note"})
PERSONAL_HEADING = re.compile(
    r"name|phone|mobile|tel|e?-?mail|address|birth|passport|id_?card|wechat|remark|note|comment"
    r"|姓名|名字|称呼|昵称|手机|电话|邮箱|邮件|地址|生日|身份证|微信|备注|联系",
    re.IGNORECASE,
)


def meaning(table: str, column: str) -> str:
    """The English message for a column; the same one for all columns that are mapped to nothing."""
    return MEANINGS.get(f"{table}.{column}") or MEANINGS.get(column) or UNMAPPED


def is_personal(table: str, column: str) -> bool:
    """Whether a column may hold a name, a number to call, or a person's own words.

    Of a column that the model does not know, its heading decides.
    """
    if column.startswith("x_"):
        return bool(PERSONAL_HEADING.search(column.removeprefix("x_")))
    return f"{table}.{column}" in PERSONAL
