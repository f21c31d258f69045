"""The data page: what was read, what became of every row, and the money behind it.

The model names outcomes, rules and steps by codes; they are worded here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from repurchase.context import Context
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Column, ListBlock, ListItem, Table, Text
from repurchase.show.sentences import DASH, paragraph
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened, value_name
from repurchase.sources.excel import ERRORS
from repurchase.words import N_, Words

Row = dict[Hashable, Any]

OUTCOMES = {
    "loaded": N_("loaded"),
    "excluded": N_("excluded"),
    "quarantined": N_("set aside"),
}
TABLES = {
    "orders": N_("orders"),
    "order_lines": N_("order lines"),
    "customers": N_("customers"),
    "events": N_("events"),
    "experiments": N_("experiments"),
    "costs": N_("costs"),
    "surveys": N_("surveys"),
    "tickets": N_("tickets"),
    "reps": N_("sales representatives"),
    "stores": N_("stores"),
    "products": N_("products"),
}
# Rules of the model by their code; `missing_x` and `unreadable_x` name their column.
RULES = {
    "ragged_row": N_("more or fewer fields than headings"),
    "total_row": N_("a line of totals, no row"),
    "repeated_row": N_("the same row again"),
    "repeated_key": N_("its number was there before"),
    "unknown_kind": N_("an unknown kind of order"),
    "date_out_of_range": N_("a date that cannot be"),
    "date_far_after_all_others": N_("dated long after all others"),
    "after_data_through": N_("dated after the last complete day"),
    "order_has_two_customers": N_("one order of two customers"),
    "order_values_differ": N_("an order's amount differs between its lines"),
    "merged_in_a_circle": N_("merged into each other in a circle"),
}
MISSING = N_("{column} is empty")
UNREADABLE = N_("{column} cannot be read")
SKIPPED = N_("{column} lies in an hour that daylight saving skips")
REPEATED = N_("{column} lies in an hour that daylight saving repeats")

STEPS = {
    "source_sales": N_("Sales in the files"),
    "finance_total": N_("Total of finance: {name}"),
    "returns": N_("Returns and cancellations"),
    "quarantined": N_("Rows set aside"),
    "excluded": N_("Excluded: {name}"),
    "anonymous": N_("Sales without a known customer"),
    "refunds": N_("Refunds"),
    "tax": N_("Tax"),
    "test": N_("Test orders"),
    "unexplained": N_("Unexplained"),
    "analysed": N_("Net revenue of identified customers, as analysed"),
    "undated": N_("Without a readable date, in no period"),
}
STEP_REASONS = {"tax_not_given": N_("the orders give no tax")}

NOTES = {
    "merged_customers": N_("{rows} customer numbers were joined with others, as the data say."),
    "rows_of_merged_customers": N_("{rows} rows of {table} were moved to the joined customer."),
    "no_exchange_rate": N_(
        "{rows} orders in {value} have no exchange rate: they count as orders, not as money."
    ),
    "returns_turned_negative": N_(
        "{rows} returns in {table} were written with positive amounts; they are taken off."
    ),
    "negative_sales": N_(
        "{rows} sales in {table} have a negative amount: they count as money, not as purchases."
    ),
    "unknown_products": N_(
        "{rows} rows of {table} name products that the table of products does not have ({count} of"
        " them; in brackets what is written alike): {value}. They have no name and no category."
    ),
    "ids_as_fractions": N_("Ids in {value} were written like 17850.0 and read as 17850."),
}


PREFIXES = {
    "missing_": MISSING,
    "unreadable_": UNREADABLE,
    "skipped_": SKIPPED,
    "repeated_": REPEATED,
}


def row_reason(words: Words, code: str) -> str:
    """A rule in words; an exclusion's name stands as the profile gives it."""
    if code in RULES:
        return words._(RULES[code])
    for prefix, message in PREFIXES.items():
        if code.startswith(prefix):
            return words._(message, column=shortened(code.removeprefix(prefix)))
    return shortened(code)


def table_name(words: Words, name: str) -> str:
    return words._(TABLES[name]) if name in TABLES else name


# ---- rows -------------------------------------------------------------------------------------


def load_report(result: Result, *, id: str | None = None) -> Table:
    """Every row of the source by table, outcome and reason; the bold lines are all rows read.

    A table whose rows were all loaded has one line.
    """
    context: Context = result.context
    words = context.words
    frame = _summed(result.frame)
    has_money = bool(frame["amount"].notna().any())
    rows: list[tuple[str | Cell, ...]] = []
    for table, part in frame.groupby("table", sort=False):
        name = table_name(words, str(table))
        whole = set(part["outcome"]) == {"loaded"}
        rows.append(_total_line(words, context, name, part, has_money, whole=whole))
        if not whole:
            lines = part.to_dict("records")
            rows += [_outcome_line(words, context, row, has_money) for row in lines]
    columns = [
        Column(words._("Table"), "left"),
        Column(words._("What became of it"), "left"),
        Column(words._("Reason"), "left", "fr"),
        Column(words._("Rows"), "right"),
    ]
    if has_money:
        columns.append(Column(words._("Amount"), "right"))
    return Table(
        tuple(columns), tuple(rows), id=id,
        title=words._("Every row read is loaded, excluded or set aside") if id else None,
        csv=csv_text(result.frame), size="small",
    )  # fmt: skip


def _summed(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a table, outcome and reason, however finely the ledger was counted."""
    whole = frame.assign(reason=frame["reason"].fillna(""))
    if "amount" not in whole:
        whole["amount"] = None
    whole["amount"] = whole["amount"].astype("float64")
    whole["rank"] = whole["outcome"].map({name: i for i, name in enumerate(OUTCOMES)})
    keys = ["table", "rank", "outcome", "reason"]
    grouped = whole.groupby(keys, sort=True, dropna=False)
    return grouped.agg(
        rows=("rows", "sum"), amount=("amount", lambda a: a.sum(min_count=1))
    ).reset_index()


def _total_line(
    words: Words, context: Context, name: str, part: pd.DataFrame, has_money: bool, *, whole: bool
) -> tuple[str | Cell, ...]:
    cells: list[str | Cell] = [
        Cell(name, bold=True),
        Cell(words._("all loaded") if whole else words._("read"), bold=True),
        "",
        Cell(words.count(float(part["rows"].sum())), bold=True),
    ]
    if has_money:
        total = part["amount"].sum(min_count=1)
        cells.append(Cell(_money(context, total), bold=True))
    return tuple(cells)


def _outcome_line(
    words: Words, context: Context, row: Row, has_money: bool
) -> tuple[str | Cell, ...]:
    outcome = str(row["outcome"])
    cells: list[str | Cell] = [
        "",
        words._(OUTCOMES[outcome]) if outcome in OUTCOMES else outcome,
        row_reason(words, str(row["reason"])),
        words.count(float(row["rows"])),
    ]
    return (*cells, _money(context, row["amount"])) if has_money else tuple(cells)


def _money(context: Context, amount: Any) -> str:
    if amount is None or pd.isna(amount):
        return ""
    return context.words.money(float(amount), context.currency, whole=False)


def without_orders(*, context: Context) -> Text:
    """The line of a chapter that needs orders where there are none."""
    return Text(context.words._("These data hold no orders, so nothing here is computed."), "lead")


def whole_source(*results: Result, id: str | None = None) -> Table | Text:
    """What the whole source holds, also after the period's end: customers, orders, money, rows.

    Without orders a line that says so.
    """
    context: Context = results[0].context
    words = context.words
    records = {r.metric: r for one in results for r in one.records if r.dimensions == "span=source"}
    if not records:
        return Text(words._("No orders were read, so there are no customers with orders to count."))
    lines = {
        "customers": N_("Customers"),
        "repeat_customer_share": N_("of whom with a second order date"),
        "orders": N_("Orders"),
        "net_revenue": N_("Net revenue"),
        "gross_revenue": N_("Gross revenue"),
        "rows_without_customer": N_("Order rows without a customer"),
        "rows_of_returns": N_("Order rows that are returns or cancellations"),
    }
    rows = [
        (words._(label), _amount(context, records[name]))
        for name, label in lines.items()
        if name in records and records[name].value is not None
    ]
    columns = (
        Column(words._("The whole source"), "left", "fr"),
        Column(words._("Value"), "right"),
    )
    caption = words._(
        "All that was read, also after {day}; the chapters see nothing of that.",
        day=words.day(context.period.end),
    )
    return Table(columns, tuple(rows), id=id, caption=caption)


def _amount(context: Context, record: Record) -> str:
    if record.unit == "share":
        return context.words.share(record.value, 2)
    if record.unit == "money":
        return _money(context, record.value)
    return context.words.count(record.value)


# ---- money ------------------------------------------------------------------------------------


def money_bridge(result: Result, *, id: str | None = None) -> Table | Text:
    """From the money in the files, and from finance's total, to the revenue analysed.

    Without orders a line that says so.
    """
    context: Context = result.context
    words = context.words
    frame: pd.DataFrame = result.frame
    if frame.empty:
        return Text(words._("No orders were read, so there is no revenue to trace to the files."))
    rows: list[tuple[str | Cell, ...]] = []
    for number, (_, part) in enumerate(frame.groupby("bridge", sort=False)):
        if number:
            rows.append(("", "", ""))
        rows += [
            _step_line(context, row, first=place == 0)
            for place, row in enumerate(part.to_dict("records"))
        ]
    columns = (
        Column(words._("Step"), "left", "fr"),
        Column(words._("Rows"), "right"),
        Column(words._("Amount"), "right"),
    )
    caption = words._("Rows and orders dated from {days}.", days=words.days(*context.windows.now))
    return Table(
        columns, tuple(rows), id=id,
        title=words._("From the money in the source to the revenue analysed") if id else None,
        caption=caption,
        csv=csv_text(frame),
    )  # fmt: skip


def _step_line(context: Context, row: Row, *, first: bool) -> tuple[str | Cell, ...]:
    words, code = context.words, str(row["code"])
    name = row["name"] if isinstance(row["name"], str) else ""
    if code == "finance_total":
        name = str(row["bridge"]).removeprefix("finance: ")
    label = words._(STEPS[code], name=shortened(name)) if code in STEPS else shortened(code)
    reason = row["reason"]
    if isinstance(reason, str) and reason in STEP_REASONS:
        label = words._("{step} ({reason})", step=label, reason=words._(STEP_REASONS[reason]))
    aside = code == "undated"
    bold = (first or bool(row["total"]) or code == "unexplained") and not aside
    count = row["rows"]
    known = count is not None and not pd.isna(count)
    return (
        Cell(label, bold=bold, muted=aside),
        Cell(words.count(float(count)) if known else "", muted=True),
        Cell(_money(context, row["amount"]) or DASH, bold=bold, muted=aside),
    )


# ---- files and notes --------------------------------------------------------------------------

HEADINGS = {
    "table": N_("Table"),
    "file": N_("File"),
    "sheet": N_("Sheet"),
    "format": N_("Format"),
    "encoding": N_("Encoding"),
    "delimiter": N_("Delimiter"),
    "rows": N_("Rows"),
}
# The reader names a delimiter or gives the character itself.
DELIMITERS = {
    ",": N_("comma"),
    ";": N_("semicolon"),
    "\t": N_("tab"),
    "|": N_("bar"),
    " ": N_("space"),
    "whitespace": N_("space"),
}


def sources(result: Result, *, id: str | None = None) -> Table:
    """The files that were read, how they were read, and how many rows each gave.

    Files that follow each other and were read alike share a line; the data name each one.
    """
    words = result.context.words
    frame: pd.DataFrame = result.frame
    names = [n for n in HEADINGS if n in frame.columns and frame[n].fillna("").ne("").any()]
    columns = tuple(
        Column(
            words._(HEADINGS[name]),
            "right" if name == "rows" else "left",
            "fr" if name == "file" else "auto",
        )
        for name in names
    )
    rows = [_files_line(words, names, group) for group in _alike(frame[names])]
    return Table(columns, tuple(rows), id=id, csv=csv_text(frame[names]), size="small")


def _alike(frame: pd.DataFrame) -> list[list[Row]]:
    """Neighbouring rows that differ in nothing but the file and its number of rows."""
    groups: list[list[Row]] = []
    for row in frame.to_dict("records"):
        same = {k: v for k, v in row.items() if k not in ("file", "rows")}
        last = groups[-1][0] if groups else None
        if last is not None and all(last[k] == v for k, v in same.items()):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _files_line(words: Words, names: Sequence[str], group: Sequence[Row]) -> tuple[str, ...]:
    """One file, or how many there are from which to which; their rows together."""
    cells = {name: _file_cell(words, name, group[0][name]) for name in names}
    if len(group) > 1:
        cells["file"] = words._(
            "{count} files, {first} to {last}",
            count=words.count(len(group)),
            first=shortened(str(group[0]["file"])),
            last=shortened(str(group[-1]["file"]).rsplit("/", 1)[-1]),
        )
        cells["rows"] = words.count(sum(float(row["rows"]) for row in group))
    return tuple(cells[name] for name in names)


def _file_cell(words: Words, name: str, value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    if name == "delimiter":
        value = DELIMITERS.get(str(value), str(value))
        return words._(value)
    if name == "table":
        return table_name(words, str(value))
    return words.count(float(value)) if name == "rows" else shortened(str(value))


class Prepared(Protocol):
    """A snapshot, of which only its description is read here."""

    @property
    def meta(self) -> Mapping[str, Any]: ...


CUTS = {"channel": N_("Channel"), "store_id": N_("Store")}


def _new_values(first_seen: Mapping[str, Mapping[str, str]], context: Context) -> list[ListItem]:
    """Channels and stores with their first order in the period, unless the data begin in it."""
    words, period = context.words, context.period
    if period.start <= context.windows.data_from:
        return []
    new = [
        (cut, value, dt.date.fromisoformat(day))
        for cut, values in first_seen.items()
        for value, day in sorted(values.items())
        if period.start <= dt.date.fromisoformat(day) <= period.end
    ]
    return [
        ListItem(
            words._(
                "Never seen before: {cut} {value}, first order on {day}.",
                cut=words._(CUTS[cut]), value=shortened(value_name(words, cut, value)),
                day=words.day(day),
            )
        )
        for cut, value, day in new
    ]  # fmt: skip


def _error_cells(snapshot: Prepared, words: Words) -> list[str]:
    """The workbooks in whose cells an error stood, in the reader's language."""
    parts = re.split(r"\{(\w+)\}", ERRORS)
    pattern = "".join(
        f"(?P<{part}>.+)" if number % 2 else re.escape(part) for number, part in enumerate(parts)
    )
    told = (note for source in snapshot.meta.get("sources", ()) for note in source.get("notes", ()))
    found = (re.fullmatch(pattern, note) for note in told)
    return [
        words._(ERRORS, **{name: shortened(text) for name, text in match.groupdict().items()})
        for match in found
        if match
    ]


def notes(snapshot: Prepared, *, context: Context) -> ListBlock | Text:
    """What a reader of the data should know besides; nothing if there is nothing."""
    words = context.words
    found = []
    for note in snapshot.meta.get("notes", ()):
        message = NOTES.get(note["code"])
        if message is None:
            continue
        values = {
            "rows": words.count(note.get("rows")),
            "count": words.count(note.get("count")),
            "table": table_name(words, str(note.get("table", ""))),
            "value": shortened(str(note.get("value", ""))) or words._("(not given)"),
        }
        gaps = set(re.findall(r"{(\w+)}", message))
        text = words._(message, **{k: v for k, v in values.items() if k in gaps})
        found.append(ListItem(paragraph(words, [text])))
    found += [ListItem(paragraph(words, [text])) for text in _error_cells(snapshot, words)]
    found += _new_values(snapshot.meta.get("first_seen", {}), context)
    return ListBlock(tuple(found), ordered=False) if found else Text("")
