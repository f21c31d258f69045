"""Money in one reporting currency: by the source's own rate, or by a file of dated rates."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from repurchase.errors import DataError, SourceError
from repurchase.model.locate import rates_file
from repurchase.model.mapping import Mapped
from repurchase.model.raw import Raw
from repurchase.model.schema import TABLES
from repurchase.params import Params
from repurchase.sources import values
from repurchase.sources.sql import identifier, literal

RATES = "exchange_rates"


def currencies(con: duckdb.DuckDBPyConnection, rows: str) -> dict[str, int]:
    """How many rows that are not excluded stand in each currency ("" where none is given)."""
    found = con.execute(
        f"SELECT coalesce(upper(trim(currency)), ''), count(*) FROM {rows}"
        " WHERE _excluded IS NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return {str(name): int(n) for name, n in found}


def check_currencies(found: dict[str, int], *, params: Params, has_rate: bool, where: str) -> bool:
    """Whether amounts must be converted.

    Raises DataError if there are amounts in another currency than the profile's and no rate.
    """
    reporting = params.profile.currency
    if set(found) <= {reporting}:
        return False
    if has_rate or params.profile.exchange_rates:
        return True
    shown = ", ".join(f"{name or '(empty)'}: {n:,} rows" for name, n in found.items())
    raise DataError(
        f"the amounts are not all in {reporting}: {shown}",
        where=where,
        rule="amounts in several currencies are never added up",
        remedy="map columns.fx_rate (reporting units for one unit of the row's currency), or name "
        "a file of dated rates: exchange_rates: {file: params/rates.csv} with the columns "
        "currency,date,rate; or exclude the other currencies by name",
    )


# The currencies that an amount's own sign can stand for; any other sign names its currency.
SIGNS = {
    "¥": {"CNY", "JPY"},
    "$": {"USD", "AUD", "CAD", "HKD", "SGD", "TWD", "NZD", "MXN", "BRL", "ARS", "CLP", "COP"},
    "€": {"EUR"},
    "£": {"GBP", "EGP"},
}


def check_signs(con: duckdb.DuckDBPyConnection, m: Mapped, raw: Raw, *, params: Params) -> None:
    """Raises DataError if amounts carry signs of several currencies, or of another one.

    A source that names the currency in a column of its own is judged by that (`check_currencies`).
    """
    if m.has("currency"):
        return
    for column, heading in m.headings.items():
        if m.kinds[column] != "money":
            continue
        name = identifier(heading)
        found = con.execute(
            f"SELECT {values.currency_mark(name)} AS mark, count(*) FROM {raw.table}"
            f" WHERE {name} IS NOT NULL AND NOT regexp_full_match({name}, '[-+0-9.,]*')"
            " GROUP BY 1 HAVING mark IS NOT NULL ORDER BY 1"
        ).fetchall()
        reporting = params.profile.currency
        if len(found) > 1 or any(reporting not in SIGNS.get(s, {s}) for s, _ in found):
            shown = ", ".join(f"{sign}: {n:,} rows" for sign, n in found)
            raise DataError(
                f"the amounts under {heading!r} are not all in {reporting}: {shown}",
                where=f"params/{params.name}.yaml, sources.{m.table}.columns.{column}",
                rule="amounts in several currencies are never added up",
                remedy="export the currency as a column of its own and map columns.currency, "
                "or mend the profile's currency",
            )


def load_rates(con: duckdb.DuckDBPyConnection, params: Params) -> None:
    """Make the table `exchange_rates` (currency, date, rate) of the profile's file, empty if none.

    Raises SourceError for a heading, date or rate that is not right.
    """
    con.execute(f"CREATE TEMP TABLE {RATES} (currency VARCHAR, date DATE, rate DECIMAL(28,12))")
    told, path = params.profile.exchange_rates, rates_file(params)
    if told is None or path is None:
        return
    try:
        con.execute(
            "CREATE TEMP TABLE rates_raw AS SELECT * FROM"
            " read_csv($1, all_varchar = true, header = true, delim = ',')",
            [str(path)],
        )
        wrong = con.execute(
            "SELECT line, currency, date, rate FROM (SELECT row_number() OVER () + 1 AS line, *"
            " FROM rates_raw) WHERE NOT coalesce(regexp_full_match(trim(currency), '[A-Za-z]{3}')"
            " AND try_cast(date AS DATE) IS NOT NULL"
            " AND try_cast(rate AS DECIMAL(28,12)) > 0, false) LIMIT 1"
        ).fetchone()
    except duckdb.Error:
        raise _not_rates(told.file) from None
    if wrong:
        raise _not_rates(f"{told.file}, line {wrong[0]}")
    con.execute(
        f"INSERT INTO {RATES} SELECT upper(trim(currency)), date::DATE, rate::DECIMAL(28,12)"
        " FROM rates_raw"
    )
    twice = con.execute(
        f"SELECT currency, date FROM {RATES} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL"
    ).fetchone()
    if twice:
        raise SourceError(f"two rates for {twice[0]} on {twice[1]}", where=told.file)


def _not_rates(where: str) -> SourceError:
    return SourceError(
        "this is not a file of exchange rates",
        where=where,
        rule="columns currency,date,rate; dates as 2025-09-01; rate above 0, in reporting units "
        "for one unit of the currency",
    )


def converted(rows: str, *, columns: Mapping[str, str], day: str, reporting: str) -> str:
    """A SELECT of the rows with money in the reporting currency, the original amount beside it.

    `columns` are the columns of `rows` and their types. Where no rate is known, money is NULL and
    `_no_rate` true: the row still counts. The last rate on or before the row's day serves.
    """
    currency = "upper(trim(r.currency))"
    own = "r.fx_rate" if "fx_rate" in columns else "NULL"
    factor = f"CASE WHEN {currency} = {literal(reporting)} THEN 1 ELSE coalesce({own}, x.rate) END"
    kept = [c for c in ("net_amount", "line_net") if c in columns]
    original = "".join(f", {identifier(c)} AS original_{c}" for c in kept)
    return (
        f"SELECT * REPLACE ({_times_rate(columns)}){original}, _rate IS NULL AS _no_rate FROM ("
        f"SELECT r.*, {factor} AS _rate FROM {rows} r ASOF LEFT JOIN {RATES} x"
        f" ON x.currency = {currency} AND r.{identifier(day)} >= x.date)"
    )


def converted_lines(rows: str, *, columns: Mapping[str, str]) -> str:
    """A SELECT of order lines with money at the rate of their order, NULL where that is unknown."""
    return (
        f"SELECT * EXCLUDE (_rate) REPLACE ({_times_rate(columns)}) FROM (SELECT r.*, o._rate"
        f" FROM {rows} r LEFT JOIN (SELECT order_id, min(_rate) AS _rate FROM priced_orders"
        " GROUP BY order_id) o USING (order_id))"
    )


def _times_rate(columns: Mapping[str, str]) -> str:
    kinds = TABLES["orders"].columns | TABLES["order_lines"].columns
    return ", ".join(
        f"CAST(round(CAST({identifier(c)} AS DECIMAL(18,4)) * CAST(_rate AS DECIMAL(20,12)), 4)"
        f" AS DECIMAL(18,4)) AS {identifier(c)}"
        for c in columns
        if kinds.get(c) == "money"
    )
