"""Draws and words results: `from repurchase import show`, then Tab.

Each function takes what an analysis returned and gives a block to look at, to print and to read
aloud. Nothing is computed here. Charts and tables take `id="R-1"`, the exhibit's number.
"""

from repurchase.show.charts import curve, identification, pooled, revenue, trend
from repurchase.show.cuts import cuts
from repurchase.show.data import load_report, money_bridge, notes, sources, whole_source
from repurchase.show.festival import january_february
from repurchase.show.sampled import marks_samples
from repurchase.show.sentences import causes, certainty, headline, scorecard
from repurchase.show.summary import (
    commentary,
    findings,
    key_figures,
    meanings,
    not_computed_of,
    verdict,
)
from repurchase.show.tables import (
    article,
    calendar_days,
    comparisons,
    identification_cuts,
    ladder,
    not_computed,
    totals,
    triangle,
)
from repurchase.show.worklists import list_reasons, list_results, sheets, worklists

__all__ = [
    "article",
    "calendar_days",
    "causes",
    "certainty",
    "commentary",
    "comparisons",
    "curve",
    "cuts",
    "findings",
    "headline",
    "identification",
    "identification_cuts",
    "january_february",
    "key_figures",
    "ladder",
    "list_reasons",
    "list_results",
    "load_report",
    "meanings",
    "money_bridge",
    "not_computed",
    "not_computed_of",
    "notes",
    "pooled",
    "revenue",
    "scorecard",
    "sheets",
    "sources",
    "totals",
    "trend",
    "triangle",
    "verdict",
    "whole_source",
    "worklists",
]

for _name in __all__:
    globals()[_name] = marks_samples(globals()[_name])
