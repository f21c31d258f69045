"""Parts that do not add up to their total, among the records of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CENT = 0.01
Row = Mapping[str, Any]
Figure = tuple[str, str]  # a metric and the column of its row


@dataclass(frozen=True)
class Gap:
    """A total and the sum of its parts, which differ."""

    figure: str
    total: float
    parts: float


# (metric, the dimension along which its rows add up, those that go with it)
ALONG: tuple[tuple[str, str, frozenset[str]], ...] = (("rows", "outcome", frozenset({"reason"})),)

# (the total, its parts): figures of the period that every definition makes equal
EQUAL: tuple[tuple[Figure, tuple[Figure, ...]], ...] = (
    (("buyers", "value"), (("returning_buyer_share", "n"),)),
    (("orders", "value"), (("identified_order_share", "n"),)),
    (("net_revenue", "value"), (("repeat_revenue_share", "n"),)),
    (("customers_at_start", "value"), (("retention_rate", "n"),)),
    (
        ("customers_at_end", "value"),
        (("retention_rate", "numerator"), ("customers_joined", "value")),
    ),
)


def gaps(records: Iterable[Row]) -> list[Gap]:
    """The totals that are not the sum of their parts; none if every part or total is missing.

    A total is compared only where it and all its parts were recorded with a value. Counts must be
    equal; money may differ by half a cent a figure, since records are rounded to the cent.
    """
    plain = [row for row in records if row["compare_to"] == "none"]
    return [*_along(plain), *_equal(plain)]


def _along(rows: list[Row]) -> Iterator[Gap]:
    for metric, cut, beside in ALONG:
        wholes: dict[str, Row] = {}
        parts: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if row["metric"] != metric:
                continue
            where = _where(row["dimensions"])
            rest = _text({k: v for k, v in where.items() if k != cut and k not in beside})
            if cut in where:
                parts[rest].append(row)
            elif not beside & set(where):
                wholes[rest] = row
        for rest, members in parts.items():
            if rest in wholes:
                name = f"{metric} {rest}".strip()
                yield from _gap(
                    name, wholes[rest], "value", [(member, "value") for member in members]
                )


def _equal(rows: list[Row]) -> Iterator[Gap]:
    found = {row["metric"]: row for row in rows if not row["dimensions"]}
    for (metric, column), parts in EQUAL:
        if metric in found and all(name in found for name, _ in parts):
            members = [(found[name], part) for name, part in parts]
            yield from _gap(metric, found[metric], column, members)


def _gap(name: str, whole: Row, column: str, parts: list[tuple[Row, str]]) -> Iterator[Gap]:
    total, values = whole[column], [row[part] for row, part in parts]
    if total is None or any(value is None for value in values):
        return
    money = "money" in {whole["unit"], *(row["unit"] for row, _ in parts)}
    allowed = CENT / 2 * (1 + len(values)) + 1e-9 if money else 1e-9
    if abs(total - sum(values)) > allowed:
        yield Gap(name, float(total), float(sum(values)))


def _where(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split(";") if "=" in pair)


def _text(where: Mapping[str, str]) -> str:
    return ";".join(f"{key}={where[key]}" for key in sorted(where))
