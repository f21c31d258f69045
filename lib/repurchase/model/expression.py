"""Expressions of a profile: read with a parser, held against a list, written anew as SQL.

A profile may say `exclude: {test_order: "lower(x_tags) like '%test%'"}`. Such text never reaches
the engine: it is parsed, each node and function is held against a list, each column against the
columns that exist, and new SQL is generated from what passed. So an expression can compute, and
can neither read a file nor another table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from repurchase.errors import ParameterError

MAX_LENGTH = 2000
LONGEST_SHOWN = 120
HOW = "write it as level = 'gold' and overdue_days > 30: columns by name, text in single quotes"

_COMPARISONS: tuple[type[exp.Expression], ...] = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ,
    exp.Between, exp.In,
)  # fmt: skip
_ARITHMETIC: tuple[type[exp.Expression], ...] = (
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.Abs, exp.Round,
)  # fmt: skip
_NODES = frozenset({
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Var,
    exp.And, exp.Or, exp.Not, exp.Is, exp.Like, exp.ILike, exp.Escape, exp.Case, exp.If,
    exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Lower, exp.Upper, exp.Trim,
    exp.Substring, exp.Left, exp.Right, exp.Length, exp.StartsWith, exp.EndsWith, exp.Contains,
    exp.RegexpLike, exp.RegexpILike, exp.Concat, exp.DPipe, exp.Replace,
    exp.Year, exp.Month, exp.Day, exp.Floor, exp.Ceil,
    *_COMPARISONS, *_ARITHMETIC,
})  # fmt: skip
FUNCTIONS = (
    "abs", "ceil", "coalesce", "concat", "contains", "day", "ends_with", "floor", "greatest",
    "least", "left", "length", "lower", "month", "nullif", "number", "regexp_matches", "replace",
    "right", "round", "starts_with", "substr", "trim", "upper", "year",
)  # fmt: skip


def compile_expression(text: str, columns: Mapping[str, str], *, where: str) -> str:
    """The DuckDB SQL of a profile's expression over `columns` (name to kind, see `schema.Kind`).

    `number(x_name)` reads a text column as a number (NULL where it is none). `where` names the
    key of the profile in messages. Raises ParameterError for anything off the list.
    """
    tree = _parsed(text, where)
    known = {name.casefold(): name for name in columns}
    for node in tree.walk():
        _check_node(node, where)
        if isinstance(node, exp.Column):
            _check_column(node, known, where)
    _check_kinds(tree, {name.casefold(): kind for name, kind in columns.items()}, where)
    quoted = tree.transform(lambda node: _quoted(node, known))
    return quoted.transform(_number).sql("duckdb", comments=False)


def columns_of(text: str, *, where: str) -> frozenset[str]:
    """The names of the columns that an expression reads, case folded."""
    return frozenset(c.name.casefold() for c in _parsed(text, where).find_all(exp.Column))


def check_readable(text: str, *, where: str) -> None:
    """Raises ParameterError for a text that is no expression; columns are not looked at."""
    _parsed(text, where)


def _parsed(text: str, where: str) -> exp.Expr:
    if not text.strip() or len(text) > MAX_LENGTH:
        raise _refused(text, where, f"an expression has 1 to {MAX_LENGTH} characters")
    try:
        trees = sqlglot.parse(text, dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise _unreadable(text, error, where) from None
    if len(trees) != 1 or trees[0] is None:
        raise _refused(text, where, "one expression, not several statements")
    return trees[0]


def _check_node(node: exp.Expr, where: str) -> None:
    if type(node) in _NODES:
        return
    if isinstance(node, exp.Cast) and _is_date_literal(node):
        return
    if isinstance(node, exp.DataType) and isinstance(node.parent, exp.Cast):
        return
    if isinstance(node, exp.Anonymous) and _is_number_call(node):
        return
    shown = node.name if isinstance(node, exp.Anonymous) else node.sql("duckdb")
    if isinstance(node, exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name().lower()
        near = difflib.get_close_matches(name, FUNCTIONS, 1)
        hint = f"did you mean {near[0]}()? " if near else ""
        raise _refused(f"{name}()", where, f"{hint}functions: {', '.join(FUNCTIONS)}")
    raise _refused(shown, where, "columns, literals, comparisons, arithmetic, case and functions")


def _is_number_call(node: exp.Anonymous) -> bool:
    return node.name.lower() == "number" and len(node.expressions) == 1


def _is_date_literal(node: exp.Cast) -> bool:
    kind = node.to.sql("duckdb").upper()
    inside = node.this
    return kind in {"DATE", "TIMESTAMP"} and isinstance(inside, exp.Literal) and inside.is_string


def _check_column(node: exp.Column, known: Mapping[str, str], where: str) -> None:
    if node.args.get("table") or not isinstance(node.this, exp.Identifier):
        raise _refused(node.sql("duckdb"), where, "a column is one plain name")
    if node.name.casefold() in known:
        return
    near = difflib.get_close_matches(node.name.casefold(), list(known), 1, 0.5)
    text = "" if node.this.quoted else "a text stands in single quotes; "
    hint = f"did you mean {known[near[0]]!r}? " if near else text
    shown = ", ".join(sorted(known.values())[:40])
    raise ParameterError(
        f"there is no column {node.name!r}", where=where, remedy=f"{hint}columns: {shown}"
    )


def _check_kinds(tree: exp.Expr, kinds: Mapping[str, str], where: str) -> None:
    """Text compared with a number would end in an error of the engine at the first odd value."""
    for node in tree.find_all(*_ARITHMETIC):
        for operand in _operands(node):
            if _is_text(operand, kinds):
                raise _text_as_number(operand, where)
    for node in tree.find_all(*_COMPARISONS):
        operands = list(_operands(node))
        if any(_is_numeric(o) for o in operands):
            for operand in operands:
                if _is_text(operand, kinds):
                    raise _text_as_number(operand, where)


def _operands(node: exp.Expr) -> Iterator[exp.Expr]:
    for value in node.args.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, exp.Expression):
                yield part.unnest()


def _is_text(node: exp.Expr, kinds: Mapping[str, str]) -> bool:
    return isinstance(node, exp.Column) and kinds[node.name.casefold()] in {"id", "text"}


def _is_numeric(node: exp.Expr) -> bool:
    inside = node.this if isinstance(node, exp.Neg) else node
    return isinstance(inside, exp.Literal) and not inside.is_string


def _text_as_number(node: exp.Expr, where: str) -> ParameterError:
    return ParameterError(
        f"{node.name} is text and is used as a number",
        where=where,
        remedy=f"number({node.name}) reads it as a number; '...' makes the other side text",
    )


def _quoted(node: exp.Expr, known: Mapping[str, str]) -> exp.Expr:
    if isinstance(node, exp.Column):
        return exp.column(exp.to_identifier(known[node.name.casefold()], quoted=True))
    return node


def _number(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Anonymous):
        return exp.TryCast(this=node.expressions[0], to=exp.DataType.build("DECIMAL(18, 6)"))
    return node


def does_not_fit(detail: str, where: str) -> ParameterError:
    """What the engine says of an expression whose values are not of its columns' kinds."""
    return ParameterError(
        f"the expression does not fit the columns' kinds: {detail}",
        where=where,
        rule="a column is compared with a value of its own kind",
        remedy="text as 'gold', a day as date '2025-01-31', numbers, true and false without quotes",
    )


def _unreadable(text: str, error: SqlglotError | RecursionError, where: str) -> ParameterError:
    """Where an expression breaks off, in words of the profile and not of the parser."""
    if isinstance(error, RecursionError):
        rule = "it is nested too deep"
    elif isinstance(error, ParseError) and error.errors and error.errors[0]["highlight"]:
        rule = f"something is missing or too much at or after {error.errors[0]['highlight']!r}"
    else:
        rule = "each quotation mark is closed by another one"
    return ParameterError(
        f"{_shown(text)} cannot be read as an expression", where=where, rule=rule, remedy=HOW
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")


def _refused(shown: str, where: str, rule: str) -> ParameterError:
    return ParameterError(
        f"{_shown(shown)} cannot stand in an expression of a profile",
        where=where,
        rule=rule,
        remedy=HOW,
    )
