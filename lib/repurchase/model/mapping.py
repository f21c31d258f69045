"""From headings to canonical columns: which raw column, constant or expression fills which.

Nothing is guessed. A canonical column is filled only by what the profile says; a heading that the
profile does not name is kept as text under `x_<name>`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from repurchase.errors import DataError, ParameterError, SourceError
from repurchase.model.schema import TABLES, Kind
from repurchase.params import ColumnSpec, SourceSpec
from repurchase.sources.headings import clean_heading


@dataclass(frozen=True)
class Mapped:
    """Where each canonical column of one source comes from.

    `headings` maps a canonical column to the raw column that fills it, `constants` to a value,
    `expressions` to text of the profile, in the profile's order; `numbered` are filled by the
    row's place (file:row). `extra` maps every x_ name to its raw column, `kept` are those of them
    that nothing else uses, with the x_ columns that the profile itself makes.
    """

    table: str
    spec: SourceSpec
    headings: Mapping[str, str]
    constants: Mapping[str, str]
    expressions: Mapping[str, str]
    extra: Mapping[str, str]
    kept: tuple[str, ...]
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    numbered: tuple[str, ...] = ()

    def has(self, column: str) -> bool:
        return column in self.kinds

    @property
    def by_line(self) -> bool:
        return self.spec.grain == "line"


def mapped(table: str, spec: SourceSpec, headings: Sequence[str], *, where: str) -> Mapped:
    """What fills the columns of `table`, given the headings that the source has.

    Raises SourceError for a heading that is not there or ambiguous, DataError for orders without
    a customer column, ParameterError for a mapping that contradicts itself.
    """
    _check_mapping(table, spec, headings, where)
    kinds = canonical_kinds(table, spec)
    found: dict[str, str] = {}
    constants: dict[str, str] = {}
    expressions: dict[str, str] = {}
    numbered: list[str] = []
    for column, told in spec.columns.items():
        if told.row_number:
            numbered.append(column)
        elif told.expression is not None:
            expressions[column] = told.expression
        elif told.value is not None:
            constants[column] = _constant(told.value)
        else:
            found[column] = find_heading(told.heading, headings, column=column, where=where)
    extra = {x: h for x, h in extra_names(headings).items() if x not in spec.columns}
    used = set(found.values())
    kept = [name for name, heading in extra.items() if heading not in used]
    filled = (*numbered, *found, *constants, *expressions)
    return Mapped(
        table, spec, found, constants, expressions, extra,
        kept=(*kept, *(c for c in filled if c.startswith("x_"))),
        kinds={c: kinds.get(c) or spec.columns[c].kind or "text" for c in filled},
        numbered=tuple(numbered),
    )  # fmt: skip


def canonical_kinds(table: str, spec: SourceSpec) -> dict[str, Kind]:
    """The columns that a source of this table may fill, with their kinds."""
    kinds = dict(TABLES[table].columns)
    if spec.grain == "line":
        kinds |= TABLES["order_lines"].columns
    return kinds


def _check_mapping(table: str, spec: SourceSpec, headings: Sequence[str], where: str) -> None:
    for column, told in spec.columns.items():
        ways = [bool(told.heading), told.value is not None, told.expression is not None,
                bool(told.row_number)]  # fmt: skip
        if sum(ways) != 1:
            raise ParameterError(
                f"{column} must come from exactly one of: a heading (from), a value, an expression,"
                " the row_number",
                where=where,
            )
        if told.row_number and canonical_kinds(table, spec).get(column) != "id":
            raise ParameterError(
                f"{column} cannot be the row_number",
                where=where,
                rule="only an id can be the row's place in its file",
            )
    if table == "orders" and "customer_id" not in spec.columns:
        raise _no_customer(headings, where)
    required = [c for c in TABLES[table].required if c not in spec.columns]
    if required:
        raise ParameterError(
            f"{', '.join(required)} must be mapped",
            where=where,
            rule=f"{table} cannot be read without",
            remedy=f"columns: {{{required[0]}: <heading>}}; headings here: {_listed(headings)}",
        )
    if spec.grain == "line":
        _check_lines(table, spec, where)
    for name in ("statuses", "kinds"):
        if getattr(spec, name) and table != "orders":
            raise ParameterError(f"{name} belongs to orders only", where=where)


def _check_lines(table: str, spec: SourceSpec, where: str) -> None:
    if table != "orders":
        raise ParameterError("grain: line belongs to orders only", where=where)
    for column in ("order_id", "line_net"):
        if column not in spec.columns:
            raise ParameterError(
                f"{column} must be mapped where a row is an order line (grain: line)",
                where=where,
                remedy="line_net: {expression: quantity * unit_price}"
                if column == "line_net"
                else "order_id: <heading of the order's number>",
            )
    if "net_amount" in spec.columns:
        raise ParameterError(
            "net_amount must not be mapped where a row is an order line (grain: line)",
            where=where,
            rule="an order's net amount is the sum of its lines' line_net",
        )


def _no_customer(headings: Sequence[str], where: str) -> DataError:
    return DataError(
        "repurchase cannot be computed without a customer: these orders have no customer column",
        where=where,
        rule="orders need a customer_id; it may be empty on some rows, not on all",
        remedy="export the orders with the buyer's id, member number or phone and map it: "
        f"columns: {{customer_id: <heading>}}. Headings here: {_listed(headings)}",
    )


def find_heading(
    aliases: Sequence[str], headings: Sequence[str], *, column: str, where: str
) -> str:
    """The one heading that an alias names, compared in NFKC, without case or outer blanks."""
    folded = {_folded(h): h for h in reversed(headings)}
    hits = list(dict.fromkeys(folded[_folded(a)] for a in aliases if _folded(a) in folded))
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise SourceError(
            f"{column} could come from {' and from '.join(map(repr, hits))}",
            where=where,
            rule="one column of the file fills one column of the table",
            remedy=f"keep one of them under columns.{column}.from",
        )
    near = difflib.get_close_matches(_folded(aliases[0]), list(folded), 1, 0.5)
    hint = f"did you mean {folded[near[0]]!r}? " if near else ""
    raise SourceError(
        f"there is no heading {' or '.join(map(repr, aliases))} (for {column})",
        where=where,
        remedy=f"{hint}headings here: {_listed(headings)}",
    )


def extra_names(headings: Sequence[str]) -> dict[str, str]:
    """`x_` names for raw headings: lower case, anything but letters and digits as one _.

    >>> extra_names(["Lineitem SKU", "地址", "lineitem-sku"])
    {'x_lineitem_sku': 'Lineitem SKU', 'x_地址': '地址', 'x_lineitem_sku_2': 'lineitem-sku'}
    """
    names: dict[str, str] = {}
    for heading in headings:
        base = "x_" + re.sub(r"\W+", "_", _folded(heading)).strip("_")
        name, again = base, 2
        while name in names:
            name, again = f"{base}_{again}", again + 1
        names[name] = heading
    return names


def _folded(heading: str) -> str:
    return clean_heading(heading).casefold()


def _constant(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(headings: Sequence[str]) -> str:
    shown = ", ".join(headings[:40])
    return shown + (f" and {len(headings) - 40} more" if len(headings) > 40 else "")


def told(spec: SourceSpec, column: str) -> ColumnSpec:
    """What the profile says of a column; an empty statement if nothing."""
    return spec.columns.get(column, ColumnSpec())
