"""The work behind `prepare`: one DuckDB database in memory from raw text to Parquet files."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from repurchase.errors import DataError, ParameterError, SourceError
from repurchase.model import checks, derive, identity, money
from repurchase.model.locate import SourceFile
from repurchase.model.mapping import Mapped, mapped, told
from repurchase.model.raw import Raw, numbered_rows, read_raw, reader
from repurchase.model.schema import ORDER_KINDS, PURCHASE_KINDS, TABLES
from repurchase.model.snapshot import META
from repurchase.model.typed import (
    EXCLUDE,
    LATEST,
    ROWS_PER_FILE,
    Zones,
    business_date_of,
    typed_select,
)
from repurchase.params import Params
from repurchase.sources.files import lossy_id, lossy_ids
from repurchase.sources.sql import identifier, literal

SHOWN_STATUSES = 10
SHOWN_PRODUCTS = 3
DECLARED_DAYS = 31  # from the last order to the declared end of the data


@dataclass
class Table:
    """A canonical table on its way: its sources, the judged rows, and what they hold."""

    name: str
    sources: list[tuple[Mapped, Raw]]
    rows: str  # a view of the judged rows of all sources
    columns: dict[str, str] = field(default_factory=dict)

    @property
    def by_line(self) -> bool:
        return any(m.by_line for m, _ in self.sources)

    @property
    def given(self) -> list[str]:
        """The canonical columns that some source fills."""
        return list(dict.fromkeys(c for m, _ in self.sources for c in m.kinds))

    def per_line(self, column: str) -> bool:
        return any(told(m.spec, column).per == "line" for m, _ in self.sources)

    @property
    def extra(self) -> list[str]:
        return list(dict.fromkeys(x for m, _ in self.sources for x in m.kept))


@dataclass
class Work:
    """What is known so far about one run."""

    con: duckdb.DuckDBPyConnection
    params: Params
    folder: Path
    cache: Path
    notes: list[dict[str, Any]] = field(default_factory=list)
    tallies: list[checks.Tally] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    merged: int = 0
    converted: bool = False

    def view(self, name: str, select: str) -> str:
        self.con.execute(f"CREATE TEMP VIEW {name} AS {select}")
        return name

    def headings_of(self, table: str) -> dict[str, str]:
        return {c: h for m, _ in self.tables[table].sources for c, h in m.headings.items()}

    def one(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...]:
        row = self.con.execute(sql, list(parameters)).fetchone()
        assert row is not None
        return row

    def note(self, code: str, **values: Any) -> None:
        """Something a reader of the data page should know; worded there, by its code."""
        self.notes.append({"code": code, **values})

    def note_rows(self, code: str, table: Table, rows: int) -> None:
        if rows:
            self.note(code, table=table.name, rows=rows)

    def describe(self, sql: str) -> dict[str, str]:
        return {n: str(t) for n, t, *_ in self.con.execute(f"DESCRIBE {sql}").fetchall()}


def build(
    params: Params, files: dict[str, tuple[tuple[SourceFile, ...], ...]], folder: Path, name: str,
    *, cache: Path,
) -> None:  # fmt: skip
    """Write the snapshot `name` of these files into `folder`."""
    scratch = folder / ".scratch"
    scratch.mkdir()
    with connected(scratch) as con:
        work = Work(con, params, folder, cache)
        con.execute(
            'CREATE TEMP TABLE quarantined ("table" VARCHAR, rules VARCHAR[], file VARCHAR,'
            " row BIGINT, raw JSON, _place BIGINT)"
        )
        for table in sorted(files, key=lambda t: (t != "customers", list(TABLES).index(t))):
            load_table(work, table, files[table], scratch)
        stop_if_too_many(work)
        if "orders" in work.tables:
            refuse_all_anonymous(work)
            check_declared_end(work)
        note_unknown_products(work)
        derive.write_tables(work)
        write_meta(work, name)
    shutil.rmtree(scratch)


@contextmanager
def connected(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that spills into `scratch` and never fetches anything."""
    con = duckdb.connect()
    try:
        con.execute("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'")
        # in a notebook without ipywidgets the engine cannot even be told to show no bar
        with suppress(duckdb.InvalidInputException):
            con.execute("SET enable_progress_bar = false")
        con.execute(f"SET temp_directory = {literal(str(scratch))}")
        yield con
    finally:
        con.close()


def load_table(work: Work, name: str, files: Sequence[Sequence[SourceFile]], scratch: Path) -> None:
    """Read, type and judge the rows of one canonical table."""
    specs = work.params.profile.sources[name]
    table = Table(name, [], f"judged_{name}")
    work.tables[name] = table
    first = 1
    for number, (spec, found) in enumerate(zip(specs, files, strict=True)):
        where = f"params/{work.params.name}.yaml, sources.{name}"
        where += f"[{number}]" if len(specs) > 1 else ""
        raw = read_raw(
            work.con, spec, found, table=f"raw_{name}_{number}", first_file=first, scratch=scratch
        )
        first += len(raw.files)
        m = mapped(name, spec, raw.headings, where=where)
        table.sources.append((m, raw))
        type_rows(work, m, raw, f"typed_{name}_{number}", where)
    _check_grains(table, work.params.name)
    parts = [f"SELECT * FROM typed_{name}_{i}" for i in range(len(specs))]
    work.con.execute(f"CREATE TEMP VIEW all_{name} AS {' UNION ALL BY NAME '.join(parts)}")
    table.columns = work.describe(f"SELECT * FROM all_{name}")
    judge(work, table)


def _check_grains(table: Table, profile: str) -> None:
    if len({m.spec.grain for m, _ in table.sources}) > 1:
        raise ParameterError(
            "some sources of the orders have a row an order, others a row a line",
            where=f"params/{profile}.yaml, sources.{table.name}",
            rule="all sources of one table have the same grain",
            remedy="export all of them by line, or put the lines under order_lines",
        )


def type_rows(work: Work, m: Mapped, raw: Raw, into: str, where: str) -> None:
    """Make the table `into` with the typed rows of one source, and check it as a whole."""
    _stop_at_lossy_ids(work, m, raw, where)
    plain_ids(work, m, raw)
    repeats = None
    if m.spec.repeated_rows == "drop_identical":
        repeats = f"repeats_{raw.table}"
        _find_repeats(work, raw, repeats)
    zones = Zones(work.params.profile.time_zone, m.spec.time_zone or work.params.profile.time_zone)
    select = typed_select(
        m, numbered_rows(raw), read=reader(work.con, m, raw, zones), describe=work.describe,
        repeats=repeats,
    )  # fmt: skip
    money.check_signs(work.con, m, raw, params=work.params)
    try:
        work.con.execute(f"CREATE TEMP TABLE {into} AS {select}")
    except duckdb.ConversionException:  # its message would show a cell, perhaps a name
        raise DataError(
            "an expression of the profile reads text as something it is not",
            where=where,
            remedy="number(x_name) reads text as a number, and gives nothing where it is none",
        ) from None
    except duckdb.OutOfRangeException:
        raise DataError(
            "an expression of the profile gives a number too large for money",
            where=where,
            remedy="multiply fewer columns, or round() them first",
        ) from None
    if m.table == "orders":
        turned = work.one(f"SELECT count(*) FROM {into} WHERE _turned")[0]
        if turned:
            work.note("returns_turned_negative", table="orders", rows=turned)
    if m.has("status"):
        _check_statuses(work, m, into, where)
    if m.table == "orders" and (amount := next(filter(m.has, ("line_net", "net_amount")), None)):
        _check_amounts(work, m, into, where, amount)


def _find_repeats(work: Work, raw: Raw, into: str) -> None:
    """The rows that equal an earlier one in every column of the source."""
    columns = ", ".join(identifier(h) for h in raw.headings)
    work.con.execute(f"""
        CREATE TEMP TABLE {into} AS SELECT _place FROM (
          SELECT _place, row_number() OVER (PARTITION BY {columns} ORDER BY _place) AS n
          FROM {numbered_rows(raw)} WHERE hash({columns}) IN (
            SELECT hash({columns}) FROM {raw.table} GROUP BY 1 HAVING count(*) > 1))
        WHERE n > 1""")


def _stop_at_lossy_ids(work: Work, m: Mapped, raw: Raw, where: str) -> None:
    for column, heading in m.headings.items():
        if m.kinds[column] != "id" or not (n := lossy_ids(work.con, raw.table, heading)):
            continue
        first = work.con.execute(
            f"SELECT _file || ', row ' || _row FROM {numbered_rows(raw)}"
            f" WHERE {lossy_id(identifier(heading))} ORDER BY _place LIMIT 1"
        ).fetchone()
        raise SourceError(
            f"{n:,} ids in {heading!r} have lost digits: a spreadsheet made numbers of them, such "
            "as 1.23457E+18, and different ids became equal",
            where=f"{first[0]} ({where})" if first else where,
            remedy="export the column as text, straight from the system and not through a "
            "spreadsheet",
        )


def _check_statuses(work: Work, m: Mapped, rows: str, where: str) -> None:
    """Raises DataError if a status stands in the data that the profile does not explain."""
    for status, meaning in m.spec.statuses.items():
        reason = meaning.removeprefix(EXCLUDE).strip()
        if meaning not in ORDER_KINDS and (not meaning.startswith(EXCLUDE) or not reason):
            raise ParameterError(
                f"statuses: {status!r} == {meaning!r}",
                where=where,
                rule=f"a status means one of {', '.join(ORDER_KINDS)}, or exclude:<reason>",
            )
    found = work.con.execute(f"""
        SELECT coalesce(status, ''), count(*) FROM {rows}
        WHERE _excluded IS DISTINCT FROM 'total_row' GROUP BY 1 ORDER BY 2 DESC, 1""").fetchall()
    new = [(str(s), int(n)) for s, n in found if s not in m.spec.statuses]
    if new:
        lines = [
            f"      {json.dumps(s, ensure_ascii=False)}: sale   # {n:,} rows"
            for s, n in new[:SHOWN_STATUSES]
        ]
        if len(new) > SHOWN_STATUSES:
            lines.append(f"      # and {len(new) - SHOWN_STATUSES:,} more")
        raise DataError(
            f"{len(new):,} order statuses mean nothing yet",
            where=where,
            rule="a status that nobody has explained is not guessed",
            remedy="say what each means (sale, renewal, return, gift, adjustment or "
            "exclude:<reason>):\n    statuses:\n" + "\n".join(lines),
        )


def _check_amounts(work: Work, m: Mapped, rows: str, where: str, amount: str) -> None:
    """Raises DataError if a mapped amount is empty on every row, or negative and nobody says why.

    Of orders by line the order's sum is judged: a line may take a discount off.
    """
    valid = f"{rows} WHERE _excluded IS NULL AND _rules IS NULL"
    found, known = work.one(f"SELECT count(*), count({amount}) FROM {valid}")
    if found and not known:
        raise DataError(
            f"{amount} is mapped, but empty on all {found:,} rows",
            where=where,
            remedy="export the amounts as values (a workbook whose formulas were never calculated"
            " holds none: open and save it in a spreadsheet), or map another column; without the"
            f" line {amount} orders are counted and money is not",
        )
    unit = "order_id" if m.by_line else "_place"
    purchases = f"{valid} AND kind IN ({', '.join(map(literal, PURCHASE_KINDS))})"
    negative = (
        f"SELECT min(_place) AS place, bool_and(_said) AS said FROM {purchases}"
        f" GROUP BY {unit} HAVING sum({amount}) < 0"
    )
    said, unsaid, place = work.one(
        "SELECT count(*) FILTER (said), count(*) FILTER (NOT said),"
        f" min(place) FILTER (NOT said) FROM ({negative})"
    )
    if said:
        work.note("negative_sales", table="orders", rows=said)
    if not unsaid:
        return
    raise DataError(
        f"{unsaid:,} {'orders' if m.by_line else 'rows'} have a negative amount and nothing says"
        " what they are",
        where=f"{_place_of(work, m, place)} ({where})",
        rule="an order with a negative amount is no purchase",
        remedy=f"say what they are, for instance returns: `kinds: {{return: {amount} < 0}}`;"
        f" or leave them out by name: `exclude: {{negative: {amount} < 0}}`",
    )


def _place_of(work: Work, m: Mapped, place: int) -> str:
    """File and row of a `_place`, as a spreadsheet counts."""
    number, row = divmod(place, ROWS_PER_FILE)
    for other, raw in work.tables[m.table].sources:
        if other is m:
            return f"{raw.files[number - raw.first_file]['path']}, row {row}"
    return f"row {row}"


def plain_ids(work: Work, m: Mapped, raw: Raw) -> None:
    """Read 17850.0 as 17850 in files whose whole id column is written so; it is noted.

    Programs that hold ids as fractions write them so as soon as one is empty. A file that has
    other ids beside them stays as it is: its .0 may be part of the id.
    """
    for column, heading in m.headings.items():
        if m.kinds[column] != "id":
            continue
        name = identifier(heading)
        fraction = f"regexp_full_match(trim({name}), '[0-9]+[.]0')"
        files = work.con.execute(
            f"SELECT _file, min(trim({name})) FROM {raw.table}"
            f" WHERE nullif(trim({name}), '') IS NOT NULL AND NOT _total AND _problem IS NULL"
            f" GROUP BY 1 HAVING bool_and({fraction}) ORDER BY 1"
        ).fetchall()
        for file, example in files:
            work.con.execute(
                f"UPDATE {raw.table} SET {name} = regexp_replace(trim({name}), '[.]0$', '')"
                f" WHERE _file = ? AND {fraction}",
                [file],
            )
            work.note("ids_as_fractions", table=m.table, value=file, column=column, read=example)


def judge(work: Work, table: Table) -> None:
    """Make the view `judged_<table>`: one person one id, one outcome a row, one currency."""
    con, name, rows = work.con, table.name, f"all_{table.name}"
    if name == "customers" and "merged_into_id" in table.columns:
        valid = f"(SELECT * FROM {rows} WHERE _excluded IS NULL AND _rules IS NULL)"
        work.merged = identity.resolve_merges(con, valid)
        work.note_rows("merged_customers", table, work.merged)
    rows = _after_data_through(work, name, _with_survivors(work, table, rows))
    checks.find_key_faults(
        con, name, rows, by_line=table.by_line, same_on_all_lines=_order_money(table)
    )
    day = business_date_of(name)
    if name in ("orders", "events") and day:
        vouched = work.params.profile.data_through
        checks.find_isolated_days(con, name, rows, day=day, vouched=vouched)
    if name == "customers" and "merged_into_id" in table.columns:
        con.execute(
            f"INSERT INTO {checks.faults_table(name)} SELECT _place, 'merged_in_a_circle'"
            f" FROM {rows} SEMI JOIN {identity.CIRCLES} USING (customer_id)"
        )
    rows = work.view(f"outcome_{name}", checks.judged(con, name, rows))
    table.rows = _in_one_currency(work, table, rows)
    table.columns = work.describe(f"SELECT * FROM {table.rows}")
    rows_read = sum(raw.rows for _, raw in table.sources)
    work.tallies.append(checks.tally(con, name, table.rows, source_rows=rows_read))
    _keep_quarantined(work, table)


def _with_survivors(work: Work, table: Table, rows: str) -> str:
    """The rows with `customer_id` of the person that stays, the source's id beside it."""
    if table.name == "customers" or "customer_id" not in table.columns:
        return rows
    if not work.merged:
        return work.view(
            f"known_{table.name}", f"SELECT *, customer_id AS original_customer_id FROM {rows}"
        )
    name = work.view(
        f"known_{table.name}",
        "SELECT r.* REPLACE (coalesce(m.survivor, r.customer_id) AS customer_id),"
        f" r.customer_id AS original_customer_id FROM {rows} r"
        f" LEFT JOIN {identity.MERGES} m USING (customer_id)",
    )
    moved = work.one(f"SELECT count(*) FROM {name} WHERE customer_id <> original_customer_id")[0]
    work.note_rows("rows_of_merged_customers", table, moved)
    return name


def _order_money(table: Table) -> list[str]:
    """Money of the order, not of the line, which a line export repeats on each line."""
    if not table.by_line:
        return []
    orders = TABLES["orders"].columns
    return [c for c in table.given if orders.get(c) == "money" and not table.per_line(c)]


def _after_data_through(work: Work, name: str, rows: str) -> str:
    """What the profile declares to lie after the data's end is left out by that name."""
    end, day = work.params.profile.data_through, business_date_of(name)
    if end is None or name not in ("orders", "events") or day is None:
        return rows
    late = f"WHEN _excluded IS NULL AND {day} > DATE '{end}' AND {day} < DATE '{LATEST}'"
    return work.view(
        f"ended_{name}",
        f"SELECT * REPLACE (CASE {late} THEN 'after_data_through' ELSE _excluded END AS _excluded)"
        f" FROM {rows}",
    )


def _in_one_currency(work: Work, table: Table, rows: str) -> str:
    if table.name == "order_lines" and work.converted:
        return work.view("priced_order_lines", money.converted_lines(rows, columns=table.columns))
    if table.name != "orders" or "currency" not in table.columns:
        return rows
    found = money.currencies(work.con, rows)
    has_rate = "fx_rate" in table.columns
    where = f"params/{work.params.name}.yaml, sources.orders"
    if not money.check_currencies(found, params=work.params, has_rate=has_rate, where=where):
        return rows
    money.load_rates(work.con, work.params)
    select = money.converted(
        rows, columns=table.columns, day="order_date", reporting=work.params.profile.currency
    )
    work.con.execute(f"CREATE TEMP TABLE priced_orders AS {select}")
    work.converted = True
    unknown = work.con.execute(
        "SELECT upper(trim(currency)), count(*) FROM priced_orders"
        " WHERE _no_rate AND _excluded IS NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    for currency, n in unknown:
        work.note("no_exchange_rate", table="orders", value=currency, rows=int(n))
    return "priced_orders"


def _keep_quarantined(work: Work, table: Table) -> None:
    """Move the quarantined rows' raw text into the table `quarantined`; the raw tables go."""
    con = work.con
    for _, raw in table.sources:
        columns = ", ".join(f"{literal(h)}, r.{identifier(h)}" for h in raw.headings)
        con.execute(f"""
            INSERT INTO quarantined BY NAME
            SELECT {literal(table.name)} AS "table", string_split(j._rules, ' ') AS rules,
              r._file AS file, r._row AS row, json_object({columns}) AS raw, j._place
            FROM {table.rows} j JOIN {numbered_rows(raw)} r USING (_place)
            WHERE j._outcome = 'quarantined'""")
        con.execute(f"DROP TABLE {raw.table}")


def stop_if_too_many(work: Work) -> None:
    """Raises DataError if a table has more quarantined rows than the profile allows."""
    limit = work.params.profile.max_quarantined_share
    over = [t for t in work.tallies if t.quarantined_share > limit]
    if not over:
        return
    path = work.cache / work.params.name / "quarantine.csv"
    checks.write_quarantine_csv(work.con, path)
    worst = max(over, key=lambda t: t.quarantined_share)
    rules = checks.worst_rules(work.con, worst.table, work.headings_of(worst.table))
    repeated = any(line.startswith("repeated_key") for line in rules)
    hint = "; rows exported twice are left out with repeated_rows: drop_identical"
    raise DataError(
        f"{worst.table}: {worst.quarantined:,} of {worst.rows:,} rows"
        f" ({worst.quarantined_share:.2%}) cannot be trusted and were set aside:\n    "
        + "\n    ".join(rules),
        where=f"params/{work.params.name}.yaml, sources.{worst.table}",
        rule=f"at most {limit:.2%} of a table's rows (max_quarantined_share)",
        remedy=f"look at the rows in {path}, then mend the mapping or the export"
        + (hint if repeated else ""),
    )


def refuse_all_anonymous(work: Work) -> None:
    """Raises DataError if no order that was loaded has a customer, or none was loaded at all."""
    rows = work.tables["orders"].rows
    loaded, known = work.one(
        f"SELECT count(*), count(customer_id) FROM {rows} WHERE _outcome = 'loaded'"
    )
    where = f"params/{work.params.name}.yaml, sources.orders"
    orders = next(t for t in work.tallies if t.table == "orders")
    if not orders.rows:
        raise DataError(
            "the files of the orders hold a heading and no rows",
            where=where,
            remedy="export them again, or mend files: in the profile",
        )
    if not loaded:
        shown = ", ".join(f"{k}: {n:,}" for k, n in orders.excluded.items())
        raise DataError("no order was loaded", where=where, remedy=f"excluded were {shown or 0}")
    if not known:
        raise DataError(
            "repurchase cannot be computed without a customer: the customer column is empty on"
            f" all {loaded:,} rows",
            where=where,
            remedy="export the orders with the buyer's id, member number or phone",
        )


def check_declared_end(work: Work) -> None:
    """Raises ParameterError if the profile declares the data complete long after their last order.

    A shut month is possible, a year typed wrong is likelier.
    """
    end = work.params.profile.data_through
    last = work.one(
        f"SELECT max(order_date) FROM {work.tables['orders'].rows} WHERE _outcome = 'loaded'"
    )[0]
    if end and (end - last).days > DECLARED_DAYS:
        raise ParameterError(
            f"data_through is {end}, but the last order is of {last}",
            where=f"params/{work.params.name}.yaml, data_through (or the period's overrides)",
            rule=f"at most {DECLARED_DAYS} days after the last order",
            remedy="mend the day, or load the files that are missing",
        )


def note_unknown_products(work: Work) -> None:
    """Note the order lines whose product is not in the table of products, which stay as they are.

    They are in every figure but those by name or category. A product that is written alike but for
    case, blanks and signs is named beside each: most likely it is meant.
    """
    products = work.tables.get("products")
    lines = next((t for n, t in work.tables.items() if n == "order_lines" or t.by_line), None)
    if products is None or lines is None or "product_id" not in lines.columns:
        return
    found = work.con.execute(f"""
        SELECT l.product_id, count(*) AS n, any_value(p.product_id) FROM {lines.rows} l
        LEFT JOIN (SELECT {alike("product_id")} AS alike, min(product_id) AS product_id
                   FROM {products.rows} WHERE _outcome = 'loaded' GROUP BY 1) p
          ON p.alike = {alike("l.product_id")}
        WHERE l._outcome = 'loaded' AND l.product_id IS NOT NULL AND l.product_id NOT IN (
          SELECT product_id FROM {products.rows}
          WHERE _outcome = 'loaded' AND product_id IS NOT NULL)
        GROUP BY 1 ORDER BY n DESC, 1""").fetchall()
    if found:
        shown = [f"{p} ({meant})" if meant else str(p) for p, _, meant in found[:SHOWN_PRODUCTS]]
        rows, table = sum(n for _, n, _ in found), "order_lines"
        work.note("unknown_products", table=table, rows=rows, value=", ".join(shown),
                  count=len(found))  # fmt: skip


def alike(column: str) -> str:
    """The SQL of a text without case, blanks and signs."""
    return f"regexp_replace(lower({column}), '[^\\p{{L}}\\p{{N}}]', '', 'g')"


def write_meta(work: Work, name: str) -> None:
    """Write meta.json: what was read and found, nothing of this machine, no time of day."""
    first, last = first_and_last(work)
    end = work.params.profile.data_through or last
    meta = {
        "id": name,
        "tables": sorted(work.published),
        "columns": {t.name: t.given for t in work.tables.values()} | derive.line_columns(work),
        "extra": {t.name: t.extra for t in work.tables.values()},
        "data_from": first.isoformat(),
        "data_through": end.isoformat(),
        "last_order_date": last.isoformat() if "orders" in work.tables else None,
        "sources": [source for t in work.tables.values() for source in _sources_of(work, t)],
        "rows": [vars(t) for t in work.tallies],
        "merged_customers": work.merged,
        "first_seen": derive.first_seen(work),
        "notes": work.notes,
    }
    text = json.dumps(meta, ensure_ascii=False, indent=1, sort_keys=True)
    (work.folder / META).write_text(text + "\n", encoding="utf-8")


def first_and_last(work: Work) -> tuple[dt.date, dt.date]:
    """The first and last order date; without orders, of the assignments to tests.

    Raises DataError if there are no orders and no assignment was loaded either.
    """
    if "orders" in work.tables:
        return work.one("SELECT min(order_date), max(order_date) FROM orders_made")
    rows = work.tables["experiments"].rows
    first, last = work.one(
        f"SELECT min(assigned_date), max(assigned_date) FROM {rows} WHERE _outcome = 'loaded'"
    )
    where = f"params/{work.params.name}.yaml"
    if first is None:
        raise DataError(
            "no assignment to a test was loaded, and there are no orders",
            where=f"{where}, sources.experiments",
            remedy="export the assignments again, or mend files: in the profile",
        )
    end = work.params.profile.data_through
    if end and end < last:
        raise ParameterError(
            f"data_through is {end}, but the last assignment is of {last}",
            where=f"{where}, data_through (or the period's overrides)",
            remedy="mend the day, or the assignments' days",
        )
    return first, last


def _sources_of(work: Work, table: Table) -> list[dict[str, Any]]:
    """Each source's files and what they hold, its headings as mapped, and the last day in it."""
    day = business_date_of(table.name) or TABLES[table.name].time
    found = []
    for number, (m, raw) in enumerate(table.sources):
        last = None
        if day and day in table.columns:
            last = work.one(f"SELECT max({day}) FROM typed_{table.name}_{number}")[0]
        found.append(
            {
                "table": table.name,
                "files": raw.files,
                "notes": raw.notes,
                "headings": dict(m.headings),
                "constants": dict(m.constants),
                "expressions": dict(m.expressions),
                "exclude": dict(m.spec.exclude),
                "data_through": last.isoformat() if last else None,
            }
        )
    return found
