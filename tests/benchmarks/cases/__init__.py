"""Importing this package registers every case; the order here is that of the tables."""

from benchmarks.cases import pack, bench, binding, retention, kills  # noqa: F401, I001
