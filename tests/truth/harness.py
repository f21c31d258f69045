"""Many companies, each lived once, and how often what is printed of them is right."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple

from repurchase.analysis.cuts import COMPARED, STANDS
from repurchase.analysis.findings import WATCHED, identification_change, moved, year_ago
from repurchase.analysis.ladder import CHANGES
from repurchase.analysis.outlook import outlook
from repurchase.records import parse_dimensions
from scipy.stats import beta, binomtest

from truth import company as made
from truth import outreach, programmes, sender
from truth.company import Company, live
from truth.figures import CHECKED, LIMIT, Seen, see
from truth.healthy import Healthy, all_called, healthy_company
from truth.judged import LOOKS, Told, ends
from truth.leaking import acts, replayed, size_of, tell
from truth.outreach import Outreach
from truth.paid import Judged, judge
from truth.programmes import Programme
from truth.sender import Sender
from truth.truths import REPLAYED, revenue_of_known, truths

Kind = Literal["coverage", "false alarm", "found"]
SURE = 0.001
ALLOWED = 0.05
# a break of a fifth is to be ranked first so often, where so many used to take the step a month
PROMISED, ENOUGH = 0.95, 2000
RULES = {
    "always": "revenue, the interval that holds at every look",
    "review": "revenue, the same until the plan is fulfilled, then the fixed one (the review's)",
    "naive": "revenue, the fixed interval at every look (nobody should)",
}
LIFE, REPLAY = 0, 1000  # seeds: what the review sees, and what the truths come from


class Trial(NamedTuple):
    """One figure of one company: did the interval cover, or was a change called?

    `numbers` is value, low, high and truth where there are such; `promised` is what an interval
    is to cover, or how often the right thing is to be found (0: measured only, alarms too).
    """

    kind: Kind
    suite: str
    figure: str
    compare_to: str
    seed: int
    happened: bool
    numbers: tuple[float, ...] = ()
    promised: float = 0.95


@dataclass(frozen=True)
class Count:
    """A line of the table: how many companies, and in how many it happened."""

    kind: Kind
    suite: str
    figure: str
    compare_to: str
    companies: int
    happened: int
    promised: float = 0.95

    @property
    def share(self) -> float:
        return self.happened / self.companies

    @property
    def right(self) -> bool:
        """METHODS, "Calibration": what counts as calibrated."""
        if self.kind == "coverage":
            return covers(self.happened, self.companies, self.promised)
        if self.kind == "found":
            return mostly(self.happened, self.companies, self.promised)
        return not self.promised or rarely(self.happened, self.companies)


def covers(covered: int, of: int, promised: float = 0.95) -> bool:
    """Whether an exact binomial test at .001 does not reject the coverage that was promised."""
    return bool(binomtest(covered, of, promised).pvalue >= SURE)


def rarely(alarms: int, of: int) -> bool:
    """Whether the lower 99.9 % bound (Clopper-Pearson) of the false-alarm rate is at most 5 %."""
    return alarms == 0 or bool(beta.ppf(SURE, alarms, of - alarms + 1) <= ALLOWED)


def mostly(found: int, of: int, promised: float) -> bool:
    """Whether an exact binomial test at .001 does not reject that it is found so often or more."""
    return not promised or bool(binomtest(found, of, promised, "less").pvalue >= SURE)


# ---- one company --------------------------------------------------------------------------------


def coverage(suite: str, company: Company, *, replayed: int) -> Iterator[Trial]:
    """Every checked interval of one company against its truth."""
    seen = see(company, live(company, seed=LIFE))
    questions = [checked.truth(company) for checked in CHECKED]
    true = truths(company, seen.windows.days, questions, seed=REPLAY, customers=replayed)
    for checked in CHECKED:
        for key, (value, low, high) in checked.estimate(seen).items():
            truth = true[key]
            numbers = (value, low, high, truth)
            place = " and ".join(parse_dimensions(key[1]))
            figure = f"{key[0]} by {place}" if place else key[0]
            covered = low <= truth <= high
            yield Trial("coverage", suite, figure, key[2], company.seed, covered, numbers)


def alarms(suite: str, company: Company) -> Iterator[Trial]:
    """What is called a change in a company in which nobody behaves otherwise than a year ago."""
    yield from _alarms(suite, see(company, live(company, seed=LIFE)))


def _alarms(suite: str, seen: Seen) -> Iterator[Trial]:
    yield from _figures_moved(suite, seen)
    said = [f for f in seen.findings if f.id.endswith(("rose", "fell"))]
    # what is marked unsure, because identification moved, is no claim about behaviour
    called = [f for f in said if f.tone != "unsure"]
    names = {name: [f for f in called if f".{name}." in f.id] for name in WATCHED}
    for name, claims in names.items():
        yield _alarm(suite, f"finding: {name}", seen, bool(claims))
    newest = any(".newest_" in f.id and f.tone != "unsure" for f in seen.findings)
    yield _alarm(suite, "finding: newest cohorts", seen, newest)
    yield _alarm(suite, "any finding of behaviour", seen, bool(called) or newest)
    yield _alarm(suite, "headline", seen, any(f.headline for f in called))


def _figures_moved(suite: str, seen: Seen) -> Iterator[Trial]:
    """The change on a year ago that the chapter goes by, unless identification unsettles it."""
    unsettled = identification_change(seen.identified, limit=LIMIT) is not None
    for record in seen.headline.records:
        if record.compare_to == "none" and record.unit == "share":
            past = year_ago(seen.headline, record.metric, seen.windows.basis)
            if past is not None and past.status == "final":
                called = bool(moved(past)) and not unsettled
                yield _alarm(suite, record.metric, seen, called, "year_ago")


def flat_alarms(suite: str, company: Company) -> Iterator[Trial]:
    """The same where the month before is equal too: all comparisons, and the cuts."""
    seen = see(company, live(company, seed=LIFE))
    yield from _alarms(suite, seen)
    for record in [*seen.headline.records, *seen.identified.records]:
        computed = record.change_low is not None and record.status == "final"
        if record.compare_to == "previous" and computed:
            yield _alarm(suite, record.metric, seen, bool(moved(record)), "previous")
    marks = seen.cuts.frame[[f"{window}_mark" for window in COMPARED]]
    yield _alarm(suite, "a cut that stands", seen, bool((marks == STANDS).any(axis=None)))


def held_alarms(suite: str, company: Company) -> Iterator[Trial]:
    """The same, and the figure of the places whose identification held."""
    seen = see(company, live(company, seed=LIFE))
    yield from _alarms(suite, seen)
    for record in seen.held.records:
        if record.compare_to in ("year_ago", "year_ago_aligned"):
            yield _alarm(suite, "where identification held", seen, bool(moved(record)), "year_ago")


def outlooks(suite: str, company: Company) -> Iterator[Trial]:
    """Expected repeat revenue against what the same customers then brought."""
    lived = live(company, seed=LIFE)
    seen = see(company, lived.until(company.seen_until))
    result = outlook(seen.days, seen.windows, country=company.country)
    for record in result.records:
        where = parse_dimensions(record.dimensions)
        forecast = record.metric == "expected_repeat_revenue" and record.low is not None
        if forecast and where.keys() <= {"horizon", "level"} and where["horizon"] != "rest":
            months = {"month": 1, "quarter": 3}[where["horizon"]]
            came = revenue_of_known(lived, after=company.seen_until, months=months)
            numbers = (record.value, record.low, record.high, came)
            level = int(where.get("level", 95))
            figure = f"{record.metric}, next {where['horizon']}, {level} %"
            covered = record.low <= came <= record.high
            yield Trial(
                "coverage", suite, figure, "", company.seed, covered, numbers, level / 100
            )


def idle_initiatives(suite: str, programme: Programme) -> Iterator[Trial]:
    """Whether what does nothing is said to have paid, though it cost nothing, by each comparison.

    What compares with nobody is only measured: no verdict of the review rests on it.
    """
    told = judge(programme, seed=LIFE)
    for rung in told.ladder.rungs:
        if rung.effect is not None and rung.name in CHANGES:
            figure = f"{rung.name} change taken for an effect (nobody should)"
            paid = rung.effect.low > 0
            yield Trial("false alarm", suite, figure, "", programme.seed, paid, promised=0.0)
    paid = told.rung is not None and told.rung.effect is not None and told.rung.effect.low > 0
    yield Trial("false alarm", suite, "it paid, by the rung stood on", "", programme.seed, paid)
    yield from _effects(suite, programme, told, promised=0.95)


def initiatives(suite: str, programme: Programme) -> Iterator[Trial]:
    """Whether the interval of the rung that is stood on covers what the initiative added."""
    yield from _effects(suite, programme, judge(programme, seed=LIFE), promised=0.95)


def spilt_initiatives(suite: str, programme: Programme) -> Iterator[Trial]:
    """The same where it reached the controls too, unseen and seen: then nothing may be stood on."""
    unseen = judge(programme, seed=LIFE)
    yield from _effects(suite, programme, unseen, promised=0.0)
    seen = judge(programme, seed=LIFE, spilled=True)
    stood = seen.rung is not None
    figure = "stood on although it was seen to spill over"
    yield Trial("false alarm", suite, figure, "", programme.seed, stood)


def _effects(
    suite: str, programme: Programme, told: Judged, *, promised: float
) -> Iterator[Trial]:
    """The rung that is stood on, and the change before and after beside it, against the truth."""
    naive = told.ladder.rung("naive")
    stood = [("effect, by the rung stood on", told.rung, promised),
             ("the plain change, before to after", naive, 0.0)]  # fmt: skip
    for figure, rung, share in stood:
        if rung is None or rung.effect is None:
            continue
        effect = rung.effect
        covered = effect.low <= told.truth <= effect.high
        numbers = (effect.value, effect.low, effect.high, told.truth)
        yield Trial(
            "coverage", suite, figure, "", programme.seed, covered, numbers, promised=share
        )


def steady_funnels(suite: str, company: Sender) -> Iterator[Trial]:
    """Whether a leak asks to act in a company whose steps convert as they always have."""
    told = tell(company)
    yield Trial("false alarm", suite, "a leak to act on", "", company.seed, acts(told))


def broken_funnels(suite: str, company: Sender) -> Iterator[Trial]:
    """Whether the step that broke is ranked first, and its place, by how large it is."""
    told = tell(company)
    usual, lost = replayed(told)
    first, what = told.first, company.broken
    assert what is not None
    size = f"{size_of(usual)} conversions a month"
    step = first is not None and first["step"] == what.step
    place = step and (first["cut"], first["label"]) == ("channel", f"C{what.channel}")  # type: ignore[index]
    promised = PROMISED if usual >= ENOUGH else 0.0
    yield Trial("found", suite, f"the right step first, {size}", "", company.seed, step,
                (usual, math.nan, math.nan, lost), promised)  # fmt: skip
    yield Trial("found", suite, f"its channel, {size}", "", company.seed, place, promised=0.0)


def _alarm(
    suite: str, figure: str, seen: Seen, happened: bool, compare_to: str = ""
) -> Trial:
    return Trial("false alarm", suite, figure, compare_to, seen.company.seed, happened)


def called_for_nothing(suite: str, company: Healthy) -> Iterator[Trial]:
    """What the funnel chapter calls something to act on where nothing is wrong.

    A trial is a look: a company in one period.
    """
    for _, found in all_called(company):
        for what, named in (*found.items(), ("anything", [*chain(*found.values())])):
            figure = f"act: {what}"
            yield Trial("false alarm", suite, figure, "", company.seed, bool(named))


def false_winners(suite: str, test: Outreach) -> Iterator[Trial]:
    """Whether a difference is called at any of so many looks at a test of nothing, and whether
    the intervals cover the nothing at the last."""
    told = Told(test, seed=LIFE)
    for looks in LOOKS:
        seen = [told.look(end) for end in ends(test.units, looks)]
        for rule, name in RULES.items():
            last = len(seen) - 1
            called = any(look.called(rule, over=i == last) for i, look in enumerate(seen))
            figure = f"{name}, {looks} look{'s' if looks > 1 else ''}"
            promised = 0.0 if rule == "naive" else 0.95
            yield Trial("false alarm", suite, figure, "", test.seed, called, promised=promised)


def trial_intervals(suite: str, test: Outreach) -> Iterator[Trial]:
    """Every interval of a test that is over, and the sequence at all looks, against its truth."""
    told, looks = Told(test, seed=LIFE), ends(test.units, max(LOOKS))
    true = outreach.truth(test, looks, seed=REPLAY, customers=max(REPLAYED, 40 * test.units))
    last = told.look(test.units)
    if last.lift is None or last.any_time is None:
        return
    share, orders = last.plain("bought"), last.plain("orders")
    revenue, average = last.plain("revenue"), last.plain("revenue", per="orders")

    def change(means: tuple[Any, Any], at: int = -1) -> tuple[float, float]:
        old, new = means[0][at], means[1][at]
        return new - old, (new - old) / old

    a_order = tuple(r / o for r, o in zip(true.revenue, true.orders, strict=True))
    found = (
        ("revenue, Welch", revenue.difference, change(true.revenue)[0]),
        ("revenue, Welch, relative", revenue.relative, change(true.revenue)[1]),
        ("revenue, CUPED", last.lift.difference, change(true.revenue)[0]),
        ("revenue, CUPED, relative", last.lift.relative, change(true.revenue)[1]),
        ("revenue, at one look of the sequence", last.any_time, change(true.revenue)[0]),
        ("orders, Welch", orders.difference, change(true.orders)[0]),
        ("share who ordered, Welch", share.difference, change(true.bought)[0]),
        ("share who ordered, relative", share.relative, change(true.bought)[1]),
        ("average order, ratio", average.difference, change(a_order)[0]),
        ("average order, ratio, relative", average.relative, change(a_order)[1]),
    )
    for figure, interval, truth in found:
        covered = interval.low <= truth <= interval.high
        # a sequence promises all looks together; at one of them it covers more
        promised = 0.0 if "sequence" in figure else 0.95
        kind: Kind = "coverage" if promised else "found"
        yield Trial(kind, suite, figure, "", test.seed, covered, (*interval, truth), promised)
    held = [
        look.any_time.low <= change(true.revenue, i)[0] <= look.any_time.high
        for i, look in enumerate(told.look(end) for end in looks)
        if look.any_time is not None
    ]
    # it may cover more than it promises, as an alarm may be rarer
    figure = f"revenue, the sequence at all of {len(looks)} looks together"
    yield Trial("found", suite, figure, "", test.seed, all(held))


# ---- many companies -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Suite:
    """Companies of one make, and what is asked of each."""

    name: str
    about: str
    make: Callable[[int], Any]
    ask: Callable[[str, Any], Iterable[Trial]]


def _coverage(suite: str, company: Company) -> Iterable[Trial]:
    return coverage(suite, company, replayed=_replayed(company))


SUITES = (
    Suite(
        "any",
        "Companies of any shape to which anything may have happened: does the 95 % interval cover"
        " the truth?",
        made.any_company,
        _coverage,
    ),
    Suite(
        "still",
        "Companies with a season in which nobody behaves otherwise than a year ago: is a change"
        " called?",
        made.still_company,
        alarms,
    ),
    Suite(
        "flat",
        "The same without a season, so that the month before is equal too, and all cuts.",
        made.flat_company,
        flat_alarms,
    ),
    Suite(
        "young export",
        "The same with a season, of which the data show the last 14 to 39 months only.",
        made.young_export,
        alarms,
    ),
    Suite(
        "feast",
        "The same in January and February, where the Spring Festival moves and nothing else does.",
        made.feast_company,
        alarms,
    ),
    Suite(
        "identification",
        "The same, where only the share of orders with a known customer moves.",
        made.identification_company,
        held_alarms,
    ),
    Suite(
        "outlook",
        "Companies of any shape a quarter later: does what their customers brought lie in the"
        " interval of the forecast?",
        made.continued_company,
        outlooks,
    ),
    Suite(
        "households",
        "Companies of any shape whose customers are pairs and threes who shop together.",
        made.household_company,
        _coverage,
    ),
    Suite(
        "steady funnel",
        "Companies that send messages, whose steps convert as they always have: is there a leak to"
        " act on?",
        sender.steady_sender,
        steady_funnels,
    ),
    Suite(
        "funnel",
        "The same, where one step of one channel loses a fifth of its conversions in the last"
        " month: is it found?",
        sender.broken_sender,
        broken_funnels,
    ),
    Suite(
        "idle initiative",
        "Initiatives that do nothing, in shops that differ in how they feel the season and whose"
        " months hang together: is one said to have paid?",
        programmes.idle_programme,
        idle_initiatives,
    ),
    Suite(
        "initiative",
        "The same with an effect of either sign: does the interval cover what it added?",
        programmes.working_programme,
        initiatives,
    ),
    Suite(
        "chosen for falling",
        "Initiatives that do nothing, given to the shops that fell most in the quarter before.",
        programmes.idle_chosen,
        idle_initiatives,
    ),
    Suite(
        "spilling over",
        "Initiatives that reach the controls with four tenths of their strength.",
        programmes.working_spilling,
        spilt_initiatives,
    ),
    Suite(
        "healthy demo",
        "The demo company without its troubles, three looks at each: does the funnel chapter, with"
        " its leaks and its seven checks, call anything something to act on?",
        healthy_company,
        called_for_nothing,
    ),
    Suite(
        "outreach without effect",
        "Tests of outreach that does nothing, looked at so many times: is a difference called, of"
        " either sign?",
        outreach.null_outreach,
        false_winners,
    ),
    Suite(
        "outreach",
        "Tests of outreach with an effect: does each interval cover it?",
        outreach.real_outreach,
        trial_intervals,
    ),
)


def _replayed(company: Company) -> int:
    """Customers enough that the truth's own error is at most a sixth of the interval's."""
    return max(REPLAYED, 40 * company.customers)


def run(
    names: Sequence[str],
    companies: int,
    *,
    first: int = 0,
    step: int = 1,
    processes: int = 2,
) -> list[Trial]:
    """All trials of the suites of that name, companies numbered from `first` by `step`.

    Any number of processes gives the same. Companies whose numbers are multiples of
    `company.CALENDARS` apart share their calendar, which saves time.
    """
    seeds = range(first, first + companies * step, step)
    jobs = [(name, seed) for seed in seeds for name in names]
    if processes == 1:
        return [trial for job in jobs for trial in _one(job)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return [trial for found in pool.map(_one, jobs, chunksize=8) for trial in found]


def _one(job: tuple[str, int]) -> list[Trial]:
    name, seed = job
    suite = next(s for s in SUITES if s.name == name)
    return list(suite.ask(name, suite.make(seed)))


def counts(trials: Iterable[Trial]) -> list[Count]:
    """The lines of the table in the order in which their figures first came."""
    found: dict[tuple[Kind, str, str, str, float], list[int]] = {}
    for trial in trials:
        line = found.setdefault((*trial[:4], trial.promised), [0, 0])
        line[0] += 1
        line[1] += trial.happened
    order = [s.name for s in SUITES]
    lines = [Count(*key[:4], n, hits, key[4]) for key, (n, hits) in found.items()]
    return sorted(lines, key=lambda line: order.index(line.suite))


def write_rows(trials: Iterable[Trial], path: Path) -> None:
    """Every trial as a row of CSV, to look into what does not cover."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow([*Trial._fields[:6], "value", "low", "high", "truth"])
        for trial in trials:
            out.writerow([*trial[:6], *(trial.numbers or (math.nan,) * 4)])
