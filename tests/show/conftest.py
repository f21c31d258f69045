"""A small review by hand: one context and records whose sentences can be told with a pencil."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from repurchase.analysis.windows import windows_of
from repurchase.context import Context
from repurchase.params import Params, Profile, Promotion, SourceSpec, Target
from repurchase.period import Period
from repurchase.records import Record, Result
from repurchase.words import Words

MakeContext = Callable[..., Context]


@pytest.fixture
def context_of() -> MakeContext:
    """A context in a language, for a period, with targets of the returning-buyer share."""

    def make(language: str = "en", period: str = "2025-09", **targets: float) -> Context:
        profile = Profile(
            company="山海堂",
            language=language,
            time_zone="Asia/Shanghai",
            currency="CNY",
            country="CN",
            order_definition="a paid order",
            promotions=(Promotion(name="618", day="06-18"),),
            sources={"orders": (SourceSpec(files="orders.csv", columns={}),)},
        )
        asked = Period.parse(period)
        promised = tuple(
            Target("returning_buyer_share", label.removeprefix("in_").replace("_", "-"), "", v, "x")
            for label, v in targets.items()
        )
        return Context(
            Params("little", profile, Path("."), asked, targets=promised),
            asked,
            windows_of(asked, country="CN", data_from=dt.date(2023, 1, 1)),
            Words(language),
        )

    return make


def figure(
    metric: str = "returning_buyer_share", value: float | None = 0.62, **changes: Any
) -> list[Record]:
    """A figure and its changes: `previous=(0.02, 0.01, 0.03)` and so on; n is 1,000."""
    base = Record(metric, value, "share", n=1000.0)
    if value is not None:
        base = replace(base, low=value - 0.02, high=value + 0.02, numerator=value * 1000)
    kept = {k: changes.pop(k) for k in ("status", "reason", "n") if k in changes}
    base = replace(base, **kept)
    return [
        base,
        *(
            replace(base, compare_to=against, change=c, change_low=low, change_high=high)
            for against, (c, low, high) in changes.items()
        ),
    ]


@pytest.fixture
def figure_of() -> Callable[..., list[Record]]:
    return figure


@pytest.fixture
def chapter() -> Callable[..., dict[str, Result]]:
    """The chapter's three results from a headline figure and the change of identification."""

    def make(
        context: Context, headline: list[Record], identified: float = 0.0, extra: Any = ()
    ) -> dict[str, Result]:
        change = (identified, identified - 0.005, identified + 0.005)
        known = figure("identified_order_share", 0.9, previous=change)
        others = [
            r
            for name in ("repurchase_90d", "repeat_revenue_share", "retention_rate")
            for r in figure(name, 0.4, year_ago=(0.0, -0.01, 0.01))
        ]
        held = figure(value=0.635, previous=(0.001, -0.03, 0.03))[1:]
        where = "basis=identification_held"
        return {
            "figures": Result(None, (*headline, *others, *extra), context=context),
            "identification": Result(None, tuple(known), context=context),
            "held": Result(
                None, tuple(replace(r, dimensions=where) for r in held), context=context
            ),
        }

    return make


@pytest.fixture
def history_frame() -> Callable[[int], pd.DataFrame]:
    """A history of so many months up to September 2025, the share rising from 50 % by a point."""

    def make(months: int) -> pd.DataFrame:
        last = Period.parse("2025-09")
        periods = [last.shifted(i - months + 1) for i in range(months)]
        shares = [0.50 + 0.01 * i for i in range(months)]
        return pd.DataFrame(
            {
                "period": [p.label for p in periods],
                "start": [p.start for p in periods],
                "buyers": 1000,
                "returning": [round(1000 * s) for s in shares],
                "value": shares,
                "low": [s - 0.02 for s in shares],
                "high": [s + 0.02 for s in shares],
                "months": range(1, months + 1),
                "short_history": [i < 12 for i in range(1, months + 1)],
            }
        )

    return make
