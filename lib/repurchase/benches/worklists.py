"""`review.worklists`: whom should sales ask back, and what became of those they asked?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from repurchase.analysis import interviews, list_results, worklist_facts, worklists
from repurchase.benches.base import Bench
from repurchase.records import Result

TABLES = ("customers", "events", "tickets", "order_lines", "products")


class WorklistsBench(Bench):
    """Results of `repurchase.analysis.worklists` for this review."""

    def made(self) -> worklists.Worklists:
        """The lists of this period with everything that a sales person is told."""
        review, told = self._review, self._params.lists
        due = self.due()
        tables = self._tables()
        on_lists = worklists.ranked(due)
        last = worklist_facts.last_products(tables, on_lists)
        shown = last.groupby("customer_id")["name"].agg("; ".join).rename("last_products")
        on_lists = on_lists.merge(shown.reset_index(), on="customer_id", how="left")
        suggested = self._suggested(tables, on_lists, last)
        on_lists = on_lists.merge(suggested, on="customer_id", how="left")
        people = interviews.one_time_customers(review.customer_summary, end=review.period.end)
        asked = interviews.sample(
            people, wanted=told.interviews, salt=f"interviews:{told.seed}:{review.period.label}"
        )
        return worklists.Worklists(
            lists=on_lists,
            due=due,
            history=worklist_facts.history(tables, on_lists),
            interviews=asked,
            rules=self._rules(),
            context=review.context,
        )

    def counts(self) -> Result:
        """How many are due, and what became of them."""
        return self._result(worklists.counts(self.due(), worth=self._rules().worth))

    def results(self) -> Result:
        """Who of those due a period ago has ordered since: listed against withheld by chance."""
        review = self._review
        earlier = review.period.previous()
        days = review.customer_days
        since = days.filter(days.order_date.between(review.period.start, review.period.end))
        ordered = since.select("customer_id").distinct().to_pandas()["customer_id"]
        issued = review.at(earlier.label).worklists.due()
        returned = self._returned(earlier.label, issued)
        return self._result(list_results.results(issued, returned, frozenset(ordered)))

    def noted(self) -> Result:
        """What the sales people noted on the last lists, most frequent first."""
        earlier = self._review.period.previous().label
        return self._result(list_results.outcomes(self._returned(earlier, None)))

    def due(self) -> pd.DataFrame:
        """One row a due customer with its `outcome`; for programs, not for print."""
        return self._drawn_up()

    def _rules(self) -> worklists.Rules:
        told, period = self._params.lists, self._review.period
        return worklists.Rules(
            period=period.label,
            end=period.end,
            lead_days=told.lead_days,
            quiet_days=told.quiet_days,
            activity_months=self._params.activity_window_months,
            withheld_share=told.withheld_share,
            seed=told.seed,
            worth=self._review.customer_value.known().worth,
        )

    def _drawn_up(self) -> pd.DataFrame:
        review, rules = self._review, self._rules()
        expected = review.customer_value.next_purchase().frame
        due = worklists.due_customers(expected, rules)
        found = worklist_facts.facts(
            review.customer_summary,
            self._tables(),
            due,
            end=rules.end,
            contact=self._contact_columns(),
        )
        known = worklists.listed(due, found, rules)
        reps = self._reps()
        active = None if reps is None else frozenset(reps.loc[reps["active"], "rep_id"])
        known = worklists.with_lists(known, active)
        columns = ["rep_id", "rep_name", "team"]
        names = pd.DataFrame(columns=columns) if reps is None else reps[columns]
        known = known.merge(names, left_on="list_rep", right_on="rep_id", how="left")
        return known.assign(team=known["team"].fillna("")).drop(columns="rep_id")

    def _reps(self) -> pd.DataFrame | None:
        review = self._review
        if "reps" not in review.snapshot.tables:
            return None
        reps = review.table("reps")
        here = (reps.active_to.isnull() | (reps.active_to > review.period.end)).fill_null(True)
        return reps.select("rep_id", "team", rep_name=reps.name, active=here).to_pandas()

    def _tables(self) -> dict[str, Any]:
        review = self._review
        given = {n: review.table(n) for n in TABLES if n in review.snapshot.tables}
        return {"orders": review.orders, "customer_days": review.customer_days, **given}

    def _contact_columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._params.lists.contact_columns))

    def _suggested(
        self, tables: dict[str, Any], on_lists: pd.DataFrame, last: pd.DataFrame
    ) -> pd.DataFrame:
        pairs = self._review.customer_value.companions()
        before = worklist_facts.bought_before(tables, on_lists)
        names: dict[str, str] = {}
        if "products" in tables:
            products = tables["products"]
            found = products.filter(products.name.notnull()).select("product_id", "name")
            names = dict(found.to_pandas().itertuples(index=False, name=None))
        return worklist_facts.suggested(last, before, pairs, names)

    def _returned(self, period: str, issued: pd.DataFrame | None) -> pd.DataFrame:
        """What came back of that period's lists, with the ids as they were issued."""
        review = self._review
        columns = ["customer_id", "is_contacted", "outcome", "reason"]
        if "list_results" not in review.snapshot.tables:
            return pd.DataFrame(columns=columns)
        rows = review.table("list_results")
        rows = rows.filter(rows.list_period == period)
        contacted = rows.contacted_on.notnull()
        found = rows.select(*columns[:1], *columns[2:], is_contacted=contacted).to_pandas()
        if issued is not None:
            found["customer_id"] = list_results.as_issued(
                found["customer_id"].tolist(), issued["customer_id"].tolist()
            )
        return found
