"""Draws and words results: `from repurchase import show`, then Tab.

Each function takes what an analysis returned and gives a block to look at, to print and to read
aloud. Nothing is computed here. Charts and tables take `id="R-1"`, the exhibit's number.
"""

from repurchase.show.bridge import bridge
from repurchase.show.charts import curve, identification, pooled, revenue, trend
from repurchase.show.churn import by_period, churn
from repurchase.show.churn_warning import at_risk, warning_test
from repurchase.show.contacts import (
    attribution,
    contact_counts,
    contact_tests,
    content,
    content_tests,
    dose_response,
)
from repurchase.show.customer_value import (
    concentration,
    moves,
    score_limits,
    stage_table,
    tier_table,
    value_actions,
    value_certainty,
    value_flows,
    value_groups,
    value_headline,
    value_so_far,
    value_stages,
)
from repurchase.show.cuts import cuts
from repurchase.show.data import load_report, money_bridge, notes, sources, whole_source
from repurchase.show.delay import arrivals, completeness, delay_days, freshness
from repurchase.show.due_checks import due_contacted, reach, tiers, use, use_work
from repurchase.show.festival import january_february
from repurchase.show.funnel import (
    funnel,
    funnel_banner,
    funnel_changes,
    funnel_cuts,
    funnel_steps,
    funnel_times,
)
from repurchase.show.leaks import end_change, former_leaks, leaks, mended, within_steps
from repurchase.show.mix import disagreement, drivers, mix_and_rate
from repurchase.show.newest import newest, newest_line
from repurchase.show.next_purchase import next_purchase
from repurchase.show.order_rank import order_values
from repurchase.show.outlook import ahead, outlook, outlook_line, outlook_table
from repurchase.show.path import campaign_answers, paths, transitions
from repurchase.show.predicted_value import (
    predicted,
    predicted_chart,
    predicted_parts,
    value_ahead,
)
from repurchase.show.products import new_product_table, pair_table, product_table
from repurchase.show.repeat import joining_months, next_orders, repeat_share
from repurchase.show.retention import bridge_and_drivers, decide
from repurchase.show.rhythm import category_cycles, order_gaps
from repurchase.show.robustness import answer, definitions
from repurchase.show.sampled import marks_samples
from repurchase.show.sentences import causes, certainty, headline, scorecard
from repurchase.show.summary import (
    commentary,
    findings,
    further_findings,
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
from repurchase.show.verdicts import first_steps, funnel_headline, verdicts
from repurchase.show.worklists import list_reasons, list_results, sheets, worklists

__all__ = [
    "ahead",
    "answer",
    "arrivals",
    "article",
    "at_risk",
    "attribution",
    "bridge",
    "bridge_and_drivers",
    "by_period",
    "calendar_days",
    "campaign_answers",
    "category_cycles",
    "causes",
    "certainty",
    "churn",
    "commentary",
    "comparisons",
    "completeness",
    "concentration",
    "contact_counts",
    "contact_tests",
    "content",
    "content_tests",
    "curve",
    "cuts",
    "decide",
    "definitions",
    "delay_days",
    "disagreement",
    "dose_response",
    "drivers",
    "due_contacted",
    "end_change",
    "findings",
    "first_steps",
    "former_leaks",
    "freshness",
    "funnel",
    "funnel_banner",
    "funnel_changes",
    "funnel_cuts",
    "funnel_headline",
    "funnel_steps",
    "funnel_times",
    "further_findings",
    "headline",
    "identification",
    "identification_cuts",
    "january_february",
    "joining_months",
    "key_figures",
    "ladder",
    "leaks",
    "list_reasons",
    "list_results",
    "load_report",
    "meanings",
    "mended",
    "mix_and_rate",
    "money_bridge",
    "moves",
    "new_product_table",
    "newest",
    "newest_line",
    "next_orders",
    "next_purchase",
    "not_computed",
    "not_computed_of",
    "notes",
    "order_gaps",
    "order_values",
    "outlook",
    "outlook_line",
    "outlook_table",
    "pair_table",
    "paths",
    "pooled",
    "predicted",
    "predicted_chart",
    "predicted_parts",
    "product_table",
    "reach",
    "repeat_share",
    "revenue",
    "score_limits",
    "scorecard",
    "sheets",
    "sources",
    "stage_table",
    "tier_table",
    "tiers",
    "totals",
    "transitions",
    "trend",
    "triangle",
    "use",
    "use_work",
    "value_actions",
    "value_ahead",
    "value_certainty",
    "value_flows",
    "value_groups",
    "value_headline",
    "value_so_far",
    "value_stages",
    "verdict",
    "verdicts",
    "warning_test",
    "whole_source",
    "within_steps",
    "worklists",
]

for _name in __all__:
    globals()[_name] = marks_samples(globals()[_name])
