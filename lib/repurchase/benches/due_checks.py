"""Three checks of the funnel: can customers be reached, do the tiers separate, is it used?"""

from __future__ import annotations

import datetime as dt

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import reach, rfm, tiers, touches, use
from repurchase.analysis.list_results import as_issued
from repurchase.analysis.reach import Contacts
from repurchase.analysis.standing import FEWEST_MONTHS, THEN, money_of, running, standing
from repurchase.analysis.tiers import Seen
from repurchase.analysis.use import Work
from repurchase.analysis.verdicts import Verdict
from repurchase.analysis.windows import active_at
from repurchase.benches.base import Bench
from repurchase.errors import ParameterError
from repurchase.params import STALE_DAYS
from repurchase.period import Period
from repurchase.reasons import (
    BEGINS_LATER,
    DUE_UNKNOWN,
    FEW_TO_SCORE,
    NO_REP_TOUCH,
    NO_TABLE,
    NO_TIER,
    NOT_ORDERED,
    TIER_LATER,
    TOO_SHORT_TO_TEST,
    reason,
)
from repurchase.records import CompareTo, Result

REACH, TIERS = ("F-10", "F-11"), "F-12"
USE = {"touched": "F-13", "effect": "F-14", "work": "F-14"}


class DueChecksBench(Bench):
    """Results of `repurchase.analysis.reach`, `tiers` and `use` for this review."""

    # ---- 0: reach -----------------------------------------------------------------------------

    def reach(self) -> Result:
        """Who can be contacted at all, by channel, tier and store."""
        days, missing = self._ends()
        return self._result(
            reach.reachable(
                self._contacts(),
                {name: self._review.customers_on(day) for name, day in days.items()},
                days,
                missing=missing,
                provisional=running(self._review.windows),
            )
        )

    def due_contacted(self) -> Result:
        """Of those due at the period's start, who was contacted in it, and why others were not."""
        told = touches.touches_of(self._table("events"), self._params.funnel_rules)
        if told is None:
            return self._result(
                reach.contacted_share({}, missing={"none": touches.NO_EVENTS})
            )
        windows: dict[CompareTo, pd.DataFrame] = {}
        missing: dict[CompareTo, str] = {}
        for name, period in self._periods().items():
            why = self._untold(period) or told.missing_before(period.start)
            if why:
                missing[name] = why
            else:
                windows[name] = self._fates(period, told)
        return self._result(
            reach.contacted_share(
                windows,
                missing=missing,
                worth=self._review.customer_value.known().worth,
                provisional=running(self._review.windows),
            )
        )

    def reach_verdict(self) -> Verdict:
        """Whether reach is what keeps customers from coming back."""
        return reach.verdict(
            self.reach(),
            self.due_contacted(),
            self._params.funnel_rules,
            period=self._review.period.label,
            exhibits=REACH,
        )

    # ---- 1: segmentation ------------------------------------------------------------------------

    def tiers(self) -> Result:
        """How the tiers in use separate who ordered again, beside RFM on the same customers."""
        now, before = self._seen()
        return self._result(
            tiers.separation(
                now,
                before,
                stated=self._params.funnel_rules.tier_order,
                main=self._main_tier(),
                names=tuple(self._tierings()),
                fixed=self._params.funnel_rules.tier_fixed,
                data_from=self._review.windows.data_from,
            )
        )

    def wrong_tiers(self) -> Result:
        """Who stands in a tier that RFM would not give; the frame is for programs."""
        main, worth = self._main_tier(), self._review.customer_value.known().worth
        now, before = self._seen()
        if main is None or isinstance(now, str):
            why = now if isinstance(now, str) else NO_TIER
            return self._result(tiers.wrong_tiers(why, None, name=main or "", worth=worth))
        scale = tiers.scale_of(main, self._params.funnel_rules.tier_order, now, before)
        today = self._today(main, worth)
        if scale is None:
            today = reason(NOT_ORDERED, day=self._review.windows.data_from.isoformat())
        return self._result(tiers.wrong_tiers(today, scale, name=main, worth=worth))

    def tiers_verdict(self) -> Verdict:
        """Whether the segmentation keeps customers from coming back."""
        return tiers.verdict(
            self.tiers(),
            self.wrong_tiers(),
            self._params.funnel_rules,
            main=self._main_tier(),
            exhibit=TIERS,
        )

    def _tierings(self) -> dict[str, ir.Table]:
        """Each tiering in use: one row a customer, customer_id and label."""
        review, customers = self._review, self._table("customers")
        found: dict[str, ir.Table] = {}
        if customers is not None:
            for column in ("level", "segment"):
                if review.snapshot.has("customers", column):
                    found[column] = customers.select("customer_id", label=column)
        return found | dict(review.segments)

    def _main_tier(self) -> str | None:
        told, known = self._params.funnel_rules.tier, self._tierings()
        if told is None:
            return next((name for name in ("level", "segment") if name in known), None)
        if told not in known:
            raise ParameterError(
                f"there is no tier {told!r}",
                where=f"params/{self._review.params.name}.yaml, funnel_rules.tier",
                remedy=f"there are: {', '.join(known) or 'none'}",
            )
        return told

    def _seen(self) -> tuple[Seen | str, Seen | None]:
        """What was known at the day of the test, and ninety days before it."""
        if "seen" not in self._answers:
            self._answers["seen"] = self._look()
        return self._answers["seen"]

    def _look(self) -> tuple[Seen | str, Seen | None]:
        windows, horizon = self._review.windows, dt.timedelta(days=tiers.HORIZON_DAYS)
        if "customers" not in self._review.snapshot.tables:
            return reason(NO_TABLE, table="customers"), None
        day, filed = windows.seen_until - horizon, self._review.snapshot.data_through
        fixed = self._params.funnel_rules.tier_fixed
        if not fixed and (filed - windows.seen_until).days > STALE_DAYS:
            return reason(TIER_LATER, day=filed.isoformat()), None
        if not self._months_at(day):
            needed = tiers.HORIZON_DAYS * 2
            return reason(TOO_SHORT_TO_TEST, day=windows.data_from.isoformat(), days=needed), None
        before = self._seen_on(day - horizon) if self._months_at(day - horizon) else None
        return self._seen_on(day), before

    def _seen_on(self, day: dt.date) -> Seen:
        labels = self._tierings()
        with self._scored(day).cache() as customers:
            return tiers.seen_on(customers, self._review.customer_days, labels, day=day)

    def _months_at(self, day: dt.date) -> int:
        """The months that customers of a day are looked back over; 0 where three are not known."""
        longest = self._params.activity_window_months
        begins = self._review.windows.data_from
        fitting = (m for m in range(longest, FEWEST_MONTHS - 1, -1)
                   if active_at(day, m).start >= begins)  # fmt: skip
        return next(fitting, 0)

    def _scored(self, day: dt.date) -> ir.Table:
        """The customers of a day with their scores; without scores where no money is known."""
        review, value = self._review, self._review.customer_value
        known = value.known()
        orders = review.orders
        others = orders.filter(orders.customer_id.notnull() & ~orders.is_purchase)
        table = standing(
            review.customers_on(day), money_of(review.customer_days, others), day,
            months=self._months_at(day),
        )  # fmt: skip
        limits = None if known.revenue else rfm.limits_of(table, worth=known.worth)
        return table if limits is None else rfm.scored(table, limits, worth=known.worth)

    def _today(self, main: str, worth: str) -> pd.DataFrame | str:
        """The active customers at the period's end with RFM, tier and money, or why not."""
        day = self._review.windows.seen_until
        table = self._scored(day)
        if "r" not in table.columns:
            return reason(FEW_TO_SCORE, fewest=rfm.FEWEST_SCORED)
        labels = self._tierings()[main]
        told = labels.select(tier_id=labels.customer_id, told_tier=labels.label.cast("string"))
        table = table.filter(table.active).left_join(told, table.customer_id == told.tier_id)
        rows = table.select(
            "customer_id", tier=table.told_tier,
            rfm=(table.r + table.f + table.m).cast("float64"), money=table[worth].cast("float64"),
        )  # fmt: skip
        return rows.order_by("customer_id").to_pandas()

    # ---- 6: use ---------------------------------------------------------------------------------

    def system_use(self) -> Result:
        """How the lists are worked: in all, by team, by store and by sales person."""
        return self._result(use.worked(self._work(), self._params.funnel_rules))

    def use_effect(self) -> Result:
        """Whether a touch does anything: observed, and where a list was withheld by chance."""
        review, period = self._review, self._review.period
        days = review.customer_days
        since = days.filter(days.order_date.between(period.start, review.windows.seen_until))
        came = review.worklists.results()
        back = came.one("list_rows", dimensions="rows=returned").value or 0
        return self._result(
            use.effect(
                self._touched(),
                since.select("customer_id", "order_date").to_pandas(),
                last=self._last_touch_day(),
                end=review.windows.seen_until,
                lists_back=back > 0,
                randomised=came.one("list_effect"),
            )
        )

    def entered(self) -> Result:
        """How late sales people's own contacts and orders are entered."""
        first, last = self._span()
        return self._result(
            use.entered(
                self._entries(), first=first, last=last, rules=self._params.funnel_rules
            )
        )

    def logins(self) -> Result:
        """How many sales people logged in."""
        events, reps = self._table("events"), self._reps()
        first, last = self._span()
        if events is None:
            return self._result(use.nothing("rep_login_share", touches.NO_EVENTS))
        here = None if reps is None else int(use.present(reps, day=last).sum())
        return self._result(use.logins(events, first=first, last=last, reps=here))

    def promises(self) -> Result:
        """What became of the follow-ups that were promised for a day of the period."""
        if self._table("events") is None:
            return self._result(use.nothing("promise_kept_share", touches.NO_EVENTS))
        return self._result(use.promises(self._promised()))

    def use_verdict(self) -> Verdict:
        """Whether the system is not used, or used without effect."""
        parts = use.Findings(self.system_use(), self.use_effect(), self.entered(), self.promises())
        return use.verdict(
            parts, self._params.funnel_rules, period=self._review.period.label, exhibits=USE
        )

    def _span(self) -> tuple[dt.date, dt.date]:
        """The period's first day and the last that is seen."""
        return self._review.period.start, self._review.windows.seen_until

    def _entries(self) -> dict[str, ir.Table]:
        """Contacts and orders that name a sales person and say when they were loaded."""
        snapshot, found = self._review.snapshot, {}
        times = {"events": ("occurred_at", "occurred_date"), "orders": ("ordered_at", "order_date")}
        for name, (at, on) in times.items():
            if snapshot.has(name, "rep_id") and snapshot.has(name, "loaded_at"):
                table = self._review.table(name)
                if name == "events":
                    table = table.filter(table.type.isin(self._params.funnel_rules.touches))
                found[name] = table.select(
                    "rep_id", "loaded_at", happened_at=table[at], happened_on=table[on]
                )
        return found

    def _promised(self) -> pd.DataFrame:
        events, rules = self._review.table("events"), self._params.funnel_rules
        first, last = self._span()
        if "promised" not in self._answers:
            self._answers["promised"] = use.promised(
                events, use.rep_touches(events, rules), self._review.customer_days,
                first=first, last=last, zone=self._params.time_zone, rules=rules,
            )  # fmt: skip
        return self._answers["promised"]

    def _work(self) -> Work | str:
        """What sales people did with the lists, or why it cannot be said."""
        rows = self._touched()
        if isinstance(rows, str):
            return rows
        first, last = self._span()
        events, entries, reps = self._table("events"), self._entries(), self._reps()
        entered, kept, logged = (pd.DataFrame(columns=["rep", "n", "k"]) for _ in range(3))
        if "events" in entries:
            entered = use.entered_of_each(
                entries["events"], first=first, last=last, rules=self._params.funnel_rules
            )
        if events is not None:
            kept = use.kept_of_each(self._promised())
            logged = use.logins_of_each(events, first=first, last=last)
        known = self._review.snapshot.has("orders", "store_id")
        return Work(
            rows[rows["outcome"] == "listed"], entered, kept, logged,
            ever=frozenset(logged["rep"]) or None,
            places=use.places_of(self._review.orders) if known else {},
            teams={} if reps is None else use.teams_of(reps),
        )  # fmt: skip

    def _last_touch_day(self) -> dt.date:
        days = dt.timedelta(days=self._params.funnel_rules.touch_days - 1)
        return min(self._review.period.start + days, self._review.windows.seen_until)

    def _touched(self) -> pd.DataFrame | str:
        """Those on the lists or withheld, with `touched`, rep and team at that time; or why not."""
        if "touched" not in self._answers:
            self._answers["touched"] = self._touched_now()
        return self._answers["touched"]

    def _touched_now(self) -> pd.DataFrame | str:
        period = self._review.period
        contacts = self._rep_contacts()
        if isinstance(contacts, str):
            return contacts
        if why := self._untold(period):
            return why
        due = use.owners(self._due_at(period), self._reps(), day=period.start)
        return use.touched_in_time(due, contacts, first=period.start, last=self._last_touch_day())

    def _rep_contacts(self) -> pd.DataFrame | str:
        """Contacts by sales people, also those noted on returned lists; or why there are none."""
        review, rules = self._review, self._params.funnel_rules
        events, returned = self._table("events"), self._table("list_results")
        parts = []
        if events is not None:
            made = use.rep_touches(events, rules)
            if made.count().execute():
                now = made.filter(made.touched_on.between(review.period.start, review.period.end))
                parts.append(now.select("customer_id", "touched_on").distinct().to_pandas())
        if returned is not None:
            noted = returned.filter(
                (returned.list_period == review.period.previous().label)
                & returned.contacted_on.notnull()
            )
            rows = noted.select("customer_id", touched_on=noted.contacted_on).to_pandas()
            issued = self._due_at(review.period)["customer_id"].tolist()
            rows["customer_id"] = as_issued(rows["customer_id"].tolist(), issued)
            parts.append(rows)
        if not parts:
            return touches.NO_EVENTS if events is None else NO_REP_TOUCH
        return pd.concat(parts, ignore_index=True)

    def _reps(self) -> pd.DataFrame | None:
        table = self._table("reps")
        if table is None:
            return None
        return table.select("rep_id", "team", "active_from", "active_to").to_pandas()

    # ---- what they share ----------------------------------------------------------------------

    def _table(self, name: str) -> ir.Table | None:
        return self._review.table(name) if name in self._review.snapshot.tables else None

    def _contacts(self) -> Contacts:
        review = self._review
        filled = reach.FLAGS.values()
        customers = self._table("customers")
        return Contacts(
            customers=customers,
            events=self._table("events"),
            mapped=frozenset(c for c in filled if review.snapshot.has("customers", c)),
            rules=self._params.funnel_rules,
            months=self._params.activity_window_months,
            tier=next(
                (c for c in ("level", "segment") if review.snapshot.has("customers", c)), None
            ),
        )

    def _periods(self) -> dict[CompareTo, Period]:
        period = self._review.period
        return {"none": period, "previous": period.previous(), "year_ago": period.year_ago()}

    def _ends(self) -> tuple[dict[CompareTo, dt.date], dict[CompareTo, str]]:
        """The last days of the periods, and why one of them cannot be compared."""
        windows = self._review.windows
        days: dict[CompareTo, dt.date] = {"none": windows.seen_until}
        missing: dict[CompareTo, str] = {}
        for name in THEN:
            if windows.days[name].start < windows.data_from:
                missing[name] = reason(BEGINS_LATER, day=windows.data_from.isoformat())
            else:
                days[name] = windows.days[name].end
        return days, missing

    def _untold(self, period: Period) -> str | None:
        """Why it cannot be told who was due at that period's start; None if it can."""
        day = self._start_of(period)
        if day >= self._review.windows.data_from and not self._due_at(period).empty:
            return None
        return reason(DUE_UNKNOWN, day=period.start.isoformat())

    def _start_of(self, period: Period) -> dt.date:
        return period.start - dt.timedelta(days=1)

    def _due_at(self, period: Period) -> pd.DataFrame:
        """Who was due at the start of that period, from what was known then."""
        key = ("due", period.label)
        if key not in self._answers:
            self._answers[key] = self._review.at(period.previous().label).worklists.due()
        return self._answers[key]

    def _fates(self, period: Period, told: touches.Touches) -> pd.DataFrame:
        due = self._due_at(period)
        last = min(period.end, self._review.windows.seen_until)
        during = told.between(period.start, last)
        ids = during.select("customer_id").distinct().to_pandas()["customer_id"]
        blocked = reach.unreachable(
            self._contacts(), due["customer_id"], day=self._start_of(period)
        )
        return reach.fates(due, frozenset(ids), blocked)
