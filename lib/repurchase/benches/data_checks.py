"""Two checks of the funnel: how late the data are, and which ways customers went."""

from __future__ import annotations

from repurchase.analysis import campaigns, delay, delay_verdict, path, path_verdict
from repurchase.analysis.delay import Curve, Loaded
from repurchase.analysis.freshness import sources
from repurchase.analysis.touches import touches_of
from repurchase.analysis.verdicts import Verdict
from repurchase.benches.leaks import LeaksBench
from repurchase.reasons import NO_CONTACT_WINDOW, NO_TABLE, NO_TOUCHES, reason
from repurchase.records import Result

EXHIBITS = {"arrived": "F-21", "missing": "F-23", "fresh": "F-24", "path": "F-25"}


class DataChecksBench(LeaksBench):
    """Results of `repurchase.analysis.delay` and `path` for this review."""

    # ---- 4: data delay ------------------------------------------------------------------------

    def delay(self) -> Result:
        """Days from order or event to loading, by table and source system."""
        names = ["orders", *(["events"] if self._given("events") else [])]
        tables = [self._loaded(name) for name in names]
        late = self._params.funnel_rules.late_days
        return self._result(delay.arrivals(tables, self._review.windows, late_days=late))

    def delay_by_day(self) -> Result:
        """The same of the orders, by order date over the last 26 weeks."""
        late = self._params.funnel_rules.late_days
        return self._result(delay.by_day(self._loaded("orders"), late_days=late))

    def outages(self) -> Result:
        """Systems, stores and channels whose orders came late for several days in a row."""
        return self._result(
            delay.outages(
                self._review.orders, self._review.windows, zone=self._params.time_zone,
                late_days=self._params.funnel_rules.late_days,
            )
        )  # fmt: skip

    def completeness(self) -> Result:
        """Of a day's orders, what share has arrived after how many days."""
        return self._result(delay.completeness(self._curves()))

    def last_weeks(self) -> Result:
        """What the figures of the last weeks and of the period still lack."""
        return self._result(delay.last_weeks(self._curves(), self._review.windows))

    def stale_touches(self) -> Result:
        """Contacts of the period made after an order and before its loading."""
        review = self._review
        events = review.table("events") if "events" in review.snapshot.tables else None
        return self._result(
            delay.stale_touches(
                touches_of(events, self._params.funnel_rules),
                review.orders if self._given("orders") else None,
                review.windows,
                zone=self._params.time_zone,
            )
        )

    def freshness(self) -> Result:
        """How old each source's newest row is, as the gate sees it."""
        return self._result(delay.freshness(sources(self._review.params, self._review.snapshot)))

    def delay_verdict(self) -> Verdict:
        """Do the data come in time?"""
        return delay_verdict.verdict(
            self.delay(), self.freshness(), self.outages(), self.last_weeks(),
            self.stale_touches(), self._params.funnel_rules, exhibits=EXHIBITS,
        )  # fmt: skip

    def _given(self, table: str) -> bool:
        """Whether the sources tell when the table's rows were loaded."""
        return self._review.snapshot.has(table, "loaded_at")

    def _loaded(self, table: str) -> Loaded:
        key = ("loaded", table)
        if key not in self._answers:
            self._answers[key] = delay.loaded(
                table, self._review.table(table), self._review.windows, zone=self._params.time_zone
            )
        return self._answers[key]

    def _curves(self) -> tuple[Curve, ...]:
        if "curves" not in self._answers:
            self._answers["curves"] = delay.curves(self._loaded("orders"), self._review.windows)
        return self._answers["curves"]

    # ---- 5: path ------------------------------------------------------------------------------

    def paths(self) -> Result:
        """The commonest ways of those who came back after contact, and of those who did not."""
        fewest = self._params.funnel_rules.fewest_on_path
        return self._result(path.paths(self._walks(), fewest=fewest))

    def transitions(self) -> Result:
        """Days from each type of event to the next, and to the order."""
        fewest = self._params.funnel_rules.fewest_on_path
        return self._result(path.transitions(self._walks(), fewest=fewest))

    def campaign_answers(self) -> Result:
        """Contacts by campaign, and those that were answered."""
        review = self._review
        events = review.table("events") if "events" in review.snapshot.tables else None
        return self._result(
            campaigns.answers(events, review.windows, self._params.funnel_rules)
        )

    def path_verdict(self) -> Verdict:
        """Which step leaks, and which way leads back?"""
        steps = {which.key: which.steps for which in self.funnels()}
        return path_verdict.verdict(
            self.paths(), self.transitions(), self.leaks, steps, exhibit=EXHIBITS["path"]
        )

    def _walks(self) -> path.Walks | str:
        """Who entered the main funnel in the period's contact window and how they went on."""
        if "walks" not in self._answers:
            self._answers["walks"] = self._walked()
        return self._answers["walks"]

    def _walked(self) -> path.Walks | str:
        review, which = self._review, self.funnels()[0]
        if "events" not in review.snapshot.tables:
            return reason(NO_TABLE, table="events")
        if which.source == "order_rank":
            return NO_TOUCHES
        if review.period.label not in {p.label for p in self.windows(which)}:
            return reason(NO_CONTACT_WINDOW, period=review.period.label)
        units = self.units(which)
        return path.walks(
            units.filter(units.period == review.period.label),
            self._steps(which)[path.goal_of(which)],
            review.table("events"),
            days=which.window_days,
            rules=self._params.funnel_rules,
        )
