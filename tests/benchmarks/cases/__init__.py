"""Importing this package registers every case; the order here is that of the tables."""

from benchmarks.cases import pack, bench, binding, retention, value  # noqa: F401, I001
from benchmarks.cases import funnel, trial, ladder, purchases, pairs, large, kills  # noqa: F401
