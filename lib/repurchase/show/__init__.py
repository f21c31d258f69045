"""Draws and words results: `from repurchase import show`, then Tab.

Each function takes what an analysis returned and gives a block to look at, to print and to read
aloud. Nothing is computed here. Charts and tables take `id="R-1"`, the exhibit's number.
"""

from repurchase.show.charts import curve, identification, pooled, revenue, trend
from repurchase.show.sentences import (
    certainty,
    commentary,
    findings,
    headline,
    incidents,
    scorecard,
)
from repurchase.show.tables import (
    article,
    calendar_days,
    comparisons,
    definitions,
    identification_cuts,
    ladder,
    load_report,
    money_bridge,
    not_computed,
    sources,
    totals,
    triangle,
)

__all__ = [
    "article",
    "calendar_days",
    "certainty",
    "commentary",
    "comparisons",
    "curve",
    "definitions",
    "findings",
    "headline",
    "identification",
    "identification_cuts",
    "incidents",
    "ladder",
    "load_report",
    "money_bridge",
    "not_computed",
    "pooled",
    "revenue",
    "scorecard",
    "sources",
    "totals",
    "trend",
    "triangle",
]
