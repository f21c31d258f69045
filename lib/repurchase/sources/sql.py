"""The one place where a name or a text of the data becomes part of a SQL statement."""

from __future__ import annotations


def identifier(name: str) -> str:
    """`name` as a quoted SQL identifier.

    >>> identifier('a "b" c')
    '"a ""b"" c"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as a SQL string literal; DuckDB knows no escapes in it but the doubled quote.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
