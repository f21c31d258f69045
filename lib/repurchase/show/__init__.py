"""Draws and words results: `from repurchase import show`, then Tab.

Each function takes what an analysis returned and gives a block to look at, to print and to read
aloud. Nothing is computed here. Charts and tables take `id="R-1"`, the exhibit's number.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

# Each module of this folder and the functions that it gives. A module is imported when one of them
# is asked for: what prints blocks has no use for what draws them, nor for its libraries.
GIVEN = {
    "before_after": "before_after_full before_after_table",
    "bridge": "bridge",
    "charts": "curve identification pooled revenue trend",
    "churn": "by_period churn",
    "churn_warning": "at_risk warning_test",
    "contacts": "attribution contact_counts contact_tests content content_tests dose_response",
    "customer_value": (
        "concentration moves score_limits stage_table tier_table value_actions "
        "value_certainty value_flows value_groups value_headline value_so_far "
        "value_stages"
    ),
    "cuts": "cuts",
    "data": "load_report money_bridge notes sources whole_source without_orders",
    "delay": "arrivals completeness delay_days freshness",
    "due_checks": "due_contacted reach system_use tiers use_work",
    "festival": "january_february",
    "funnel": "funnel funnel_banner funnel_changes funnel_cuts funnel_steps funnel_times",
    "initiative_charts": "ladder_chart",
    "initiative_money": "money_pages",
    "initiative_pages": "flag_table hold_out_sheets hold_out_table rung_pages tries_table",
    "initiatives": "initiative_verdicts initiatives_headline initiatives_table",
    "leaks": "end_change former_leaks leaks mended within_steps",
    "mix": "disagreement drivers mix_and_rate",
    "newest": "newest newest_line",
    "next_purchase": "next_purchase",
    "order_rank": "order_values",
    "outlook": "ahead outlook outlook_line outlook_table",
    "path": "campaign_answers paths transitions",
    "predicted_value": "predicted predicted_chart predicted_parts value_ahead",
    "products": "new_product_table pair_table product_table",
    "repeat": "joining_months next_orders repeat_share",
    "retention": "bridge_and_drivers decide",
    "rhythm": "category_cycles order_gaps",
    "robustness": "answer definitions",
    "sentences": "causes certainty headline scorecard",
    "summary": "commentary findings further_findings key_figures not_computed_of verdict",
    "tables": (
        "article calendar_days comparisons identification_cuts ladder not_computed totals "
        "triangle"
    ),
    "trial_looks": "look_table",
    "trial_memory": (
        "decision_table holdout_pages memory_lines memory_scorecard shrinkage_table"
    ),
    "trial_planning": "assignment_sheets drawn_lists trial_planning",
    "trial_charts": "trial_weeks trials_forest",
    "trial_pages": "trial_pages trial_segments",
    "trials": "trials_headline trials_table",
    "verdicts": "first_steps funnel_headline verdicts",
    "worklists": "list_reasons list_results sheets worklists",
}
_WHERE = {name: module for module, names in GIVEN.items() for name in names.split()}
__all__ = sorted(_WHERE)


class _Show(ModuleType):
    """This package: gives the function where a module of it has the same name."""

    def __getattr__(self, name: str) -> Any:
        if name not in _WHERE:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        from repurchase.show.sampled import marks_samples

        module = importlib.import_module(f"{self.__name__}.{_WHERE[name]}")
        found = marks_samples(getattr(module, name))
        setattr(self, name, found)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        # so does Python with each module of a package that it has imported
        if not (isinstance(value, ModuleType) and name in _WHERE):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return list(__all__)


sys.modules[__name__].__class__ = _Show
