"""The demo company without its troubles, seen as a review sees it: is anything called "act"?

Everything else is as in the demo: seasons, the Spring Festival, two sales a year, tests, a go-live,
stores that open and close, dirt in the files. Nothing is wrong that the funnel chapter could find.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repurchase.analysis.leaks import LEAK
from repurchase.model.prepare import prepare
from repurchase.params import Params, load_params
from repurchase.review import Review, at_period
from repurchase.sources.demo import plan

PROFILE = Path(__file__).resolve().parents[2] / "params" / "demo.yaml"
GENERATOR = "customers: 20000, seed: 20260101"
CUSTOMERS = (3_000, 4_500, 6_000)
FIRST, MONTHS = 2024 * 12 + 6, 15  # from July 2024: a level of six windows is known by then
APART = 5  # months between two looks at one company, so that their levels share little


@dataclass(frozen=True)
class Healthy:
    """A company by its number, and the periods in which it is looked at."""

    seed: int
    customers: int
    periods: tuple[str, ...]


def healthy_company(seed: int) -> Healthy:
    """Of each size in turn, looked at three times, in each month of the year in turn."""
    first = seed % APART
    months = [FIRST + n for n in range(first, MONTHS, APART)]
    labels = tuple(f"{m // 12}-{m % 12 + 1:02d}" for m in months)
    return Healthy(seed, CUSTOMERS[seed % len(CUSTOMERS)], labels)


def params_of(company: Healthy, period: str, *, root: Path) -> Params:
    """The demo's profile with this company in it."""
    told = PROFILE.read_text(encoding="utf-8")
    told = told.replace(
        GENERATOR,
        f"customers: {company.customers}, seed: {company.seed},"
        f" without: [{', '.join(plan.TROUBLES)}]",
    )
    if GENERATOR in told or "without" not in told:
        raise ValueError(f"{PROFILE.name} has no generator with {GENERATOR!r}")
    for name in ("params", "notebooks"):
        (root / name).mkdir(exist_ok=True)
    (root / "params" / "healthy.yaml").write_text(told, encoding="utf-8")
    return load_params("healthy", period, root=root)


def reviews(company: Healthy, *, root: Path) -> Iterator[Review]:
    """A review of each of its periods, from one snapshot."""
    for period in company.periods:
        params = params_of(company, period, root=root)
        snapshot = prepare(params, cache=root / ".cache")
        yield Review(at_period(params, snapshot), snapshot)


def called(review: Review) -> dict[str, list[str]]:
    """What the chapter calls something to act on: `leak` and each check, with what they name."""
    bench = review.funnel_diagnosis
    frame = bench.leaks().frame
    leaks = frame[frame["status"] == LEAK].to_dict("records")
    found = {
        "leak": [f"{r['funnel']} {r['step']} {r['cut']}={r['label']}" for r in leaks],
    }
    for verdict in bench.verdicts():
        found[verdict.check] = [verdict.claim] if verdict.answer == "act" else []
    return found


def all_called(company: Healthy) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """(period, what is called) of each period, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        for review in reviews(company, root=Path(folder)):
            yield review.period.label, called(review)
