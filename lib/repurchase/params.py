"""One company's profile, its period files and targets, as one typed, frozen `Params`.

A key that is unknown, misspelt, missing or of the wrong type stops the run with file, line,
value and the nearest right name. Files are YAML 1.2 (`no` is text, not False).
"""

from __future__ import annotations

import copy
import csv
import datetime as dt
import difflib
import functools
import io
import os
import re
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scalarfloat import ScalarFloat
from ruamel.yaml.scalarint import ScalarInt

from repurchase.errors import ParameterError
from repurchase.initiatives import UNITS, Initiative
from repurchase.looks import SignedLooks, signed_looks
from repurchase.period import Period
from repurchase.strict import (
    LANGUAGES,
    NAME,
    Days,
    Language,
    Name60,
    OneOrMore,
    ReaderText,
    SegmentText,
    Seq,
    Share,
    ShortName,
    Strict,
    one_or_more,
    plainly,
)

if TYPE_CHECKING:
    from repurchase.definitions import Metric

class ColumnSpec(Strict):
    """Where a canonical column comes from: headings to try, a constant, an expression, or, of an
    id, the row's own place in its file. `kind` is what a column of one's own (x_...) is read as."""

    heading: OneOrMore[str] = Field(default=(), alias="from")
    value: str | int | float | bool | None = None
    expression: str | None = None
    row_number: Literal[True] | None = None
    kind: Literal["text", "number", "integer", "money", "flag", "date"] | None = None
    format: str | None = None
    time_zone: str | None = None
    decimal: Literal[".", ","] | None = None
    map: dict[str, str] = {}
    per: Literal["order", "line"] = "order"

    @field_validator("heading")
    @classmethod
    def _not_blank(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not v.strip() for v in value):
            raise ValueError("a heading must not be blank")
        return value


def _column(value: Any) -> Any:
    return {"from": value} if isinstance(value, str | list) else value


class SourceSpec(Strict):
    """Some files of one layout that fill one canonical table."""

    files: Annotated[OneOrMore[str], Field(min_length=1)]
    format: Literal["auto", "csv", "tsv", "whitespace", "xlsx", "xls", "parquet", "jsonl"] = "auto"
    encoding: str = "auto"
    delimiter: str = "auto"
    header_rows: Literal[1, 2] = 1
    skip_rows: Annotated[int, Field(ge=0)] = 0
    sheet: str | None = None
    total_rows: Seq[str] = ("合计", "小计", "总计", "Total", "Grand total", "Subtotal")
    time_zone: str | None = None
    date_format: str = "auto"
    decimal: Literal["auto", ".", ","] = "auto"
    grain: Literal["row", "line"] = "row"
    repeated_rows: Literal["keep", "drop_identical"] = "keep"
    columns: dict[str, Annotated[ColumnSpec, BeforeValidator(_column)]]
    statuses: dict[str, str] = {}
    kinds: dict[str, str] = {}
    exclude: dict[str, str] = {}


# What goes wrong in the demo company (`repurchase.sources.demo.plan.TROUBLES`).
Trouble = Literal[
    "funnel_break", "service_trouble", "over_contact", "identification", "late_till",
    "duplicates", "broken_split", "unused_system",
]  # fmt: skip


class Generator(Strict):
    """A company made up by the release instead of exported files."""

    name: Literal["demo"]
    customers: Annotated[int, Field(ge=300, le=1_000_000)] = 20_000
    seed: int = 20260101
    without: Seq[Trouble] = ()

    @field_validator("without", mode="before")
    @classmethod
    def _known_troubles(cls, value: Any) -> Any:
        known = get_args(Trouble)
        for name in value if isinstance(value, list | tuple) else ():
            if name not in known:
                near = difflib.get_close_matches(str(name), known, 1, 0.5)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{name!r} is none of {', '.join(known)}{hint}")
        return value

    @field_validator("without")
    @classmethod
    def _in_order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in get_args(Trouble) if name in value)


class Promotion(Strict):
    """Days of every year on which the company sells otherwise than usual."""

    name: str
    day: Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
    days: Annotated[int, Field(ge=1, le=60)] = 1

    @field_validator("day")
    @classmethod
    def _real_day(cls, value: str) -> str:
        try:
            dt.date(2024, int(value[:2]), int(value[3:]))  # a leap year: 02-29 is a day
        except ValueError:
            raise ValueError("no year has that day") from None
        return value


class ExchangeRates(Strict):
    """Dated rates: a CSV file with columns currency, date, rate (reporting units for one unit)."""

    file: str


# A name is printed as it stands; the expression over the customers' columns is parsed, never run.


# Why a pack is a draft, by names that a profile may make fatal and other programs may read.
DraftReason = Literal[
    "incomplete_period", "empty_period", "unexplained_money", "stale_source",
    "chapter_not_computed", "parts_do_not_add_up",
]  # fmt: skip
FlowTable = Literal["orders", "events", "tickets", "surveys", "costs"]
STALE_DAYS = 45


class Lists(Strict):
    """How the lists for sales are drawn up."""

    lead_days: Days = 14
    quiet_days: Days = 7
    withheld_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    seed: int = 1
    interviews: Annotated[int, Field(ge=0, le=1000)] = 30
    contact_columns: Seq[str] = ()
    show_contact_details: bool = False


TrialMetric = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
TRIAL_METRICS = ("margin", "revenue", "repurchase", "orders", "average_order")
Guardrail = Literal["opt_out", "complaint"]
GUARDRAILS: tuple[Guardrail, ...] = ("opt_out", "complaint")


class ArmPlan(Strict):
    """One arm of an experiment: its planned share of the units, and what a unit in it costs."""

    share: Annotated[float | int, Field(gt=0)]
    cost: Annotated[float | int, Field(ge=0)] = 0


class TrialColumn(Strict):
    """A metric that a wide file brings along: a column of the experiments table."""

    column: str
    unit: Literal["money", "share", "count"]
    before: str | None = None


class InferredArms(Strict):
    """Arms told from what was sent or from tags, where no assignment was logged.

    `arms` maps each arm to an expression over that table's columns, parsed, never run.
    """

    table: Literal["events", "customers"] = "events"
    assigned_on: dt.date
    arms: dict[Name60, SegmentText]


class TrialAssignment(Strict):
    """How the customers of a test that is still to come are put into its arms by chance.

    `who` is a condition over the columns of customers; `strata` are segments of the profile,
    store_id or channel, within each of which every arm has its share.
    """

    seed: int = 1
    strata: Seq[str] = ()
    who: SegmentText | None = None

    @field_validator("strata")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("assignment.strata names one twice")
        return value


class ExperimentDecision(Strict):
    """What was decided, when, and the lift a unit that was claimed for it."""

    verdict: Literal["adopt", "adopt_provisionally", "keep_control", "stop_for_harm", "none"]
    arm: Name60 | None = None
    on: dt.date
    lift: float | int | None = None


class ExperimentPlan(Strict):
    """One test of outreach as it was planned; what is missing here narrows what can be said."""

    id: Name60
    question: ReaderText | None = None
    kind: Literal["test", "holdout"] = "test"
    control: Name60 = "control"
    arms: dict[Name60, ArmPlan] = {}
    start: dt.date | None = None
    planned_end: dt.date | None = None
    planned_n: Annotated[int, Field(ge=2)] | None = None
    metric: TrialMetric = "margin"
    horizon_days: Days = 30
    longer_horizon_days: Days | None = 90
    guardrails: Seq[Guardrail] = GUARDRAILS
    smallest_effect: Annotated[float | int, Field(gt=0)] | None = None
    units_a_year: Annotated[int, Field(ge=1)] | None = None
    segments: Seq[str] = ()
    owner: str | None = None
    decision: ExperimentDecision | None = None
    inferred: InferredArms | None = None
    assignment: TrialAssignment | None = None
    columns: dict[TrialMetric, TrialColumn] = {}

    @model_validator(mode="before")
    @classmethod
    def _one_figure(cls, value: Any) -> Any:
        """A column of a wide file tells of no longer stretch, so by itself none is asked for."""
        if isinstance(value, dict) and value.get("metric") in (value.get("columns") or ()):
            return {"longer_horizon_days": None, **value}
        return value

    @model_validator(mode="after")
    def _holds_together(self) -> ExperimentPlan:
        if self.arms and self.control not in self.arms:
            raise ValueError(f"the control {self.control!r} is none of the arms")
        if len(self.arms) == 1:
            raise ValueError("an experiment has at least two arms")
        if self.longer_horizon_days is not None and self.longer_horizon_days <= self.horizon_days:
            raise ValueError("longer_horizon_days must be longer than horizon_days")
        if self.assignment and not (self.arms and self.start):
            raise ValueError("an assignment is drawn of `arms` with shares, from `start` on")
        if self.kind == "holdout" and self.planned_end:
            raise ValueError("a standing hold-out has no planned_end; with one it is a test")
        if self.start and self.planned_end and self.planned_end < self.start:
            raise ValueError(f"planned_end ({self.planned_end}) lies before start ({self.start})")
        if self.metric not in (*TRIAL_METRICS, *self.columns):
            known = ", ".join((*TRIAL_METRICS, *self.columns))
            raise ValueError(f"metric {self.metric!r} must be one of {known}")
        taken = sorted({*TRIAL_METRICS, "complaint"} & set(self.columns))
        if taken:
            raise ValueError(
                f"columns: {taken[0]!r} is a figure of the release; give the file's another name"
            )
        told = self.inferred.arms if self.inferred else None
        if told is not None and (self.control not in told or len(told) < 2):
            raise ValueError(f"inferred.arms needs two arms or more, {self.control!r} among them")
        if self.metric in self.columns and self.longer_horizon_days is not None:
            raise ValueError(
                f"longer_horizon_days has no figure: the column of {self.metric!r} holds one a"
                " customer"
            )
        return self


ConsentChannel = Literal["email", "sms", "wechat", "phone"]
Failures = ("failed", "bounced", "bounce", "undelivered", "invalid", "unreachable")
Touches = ("email_sent", "sms", "wechat", "call", "visit")


class FunnelRules(Strict):
    """What the checks of the funnel chapter hold the company against.

    A rule that is None is not stated: missing it is then never called something to act on.
    """

    # reach: of customers, and of due ones; a channel is dead after so many failures in a row
    reachable_share: Share | None = None
    due_contacted_share: Share | None = None
    failures: Annotated[int, Field(ge=1, le=10)] = 2
    failed_outcomes: Seq[str] = Failures
    addresses: dict[ConsentChannel, str] = {}
    # tiers: the one to check, its labels from low to high, whether it stays as it was at joining
    tier: str | None = None
    tier_order: Seq[str] = ()
    tier_fixed: bool = False
    # use: of due customers by a sales person, within so many days of the period's start
    due_touched_share: Share | None = None
    touch_days: Annotated[int, Field(ge=1, le=31)] = 14
    promise_days: Annotated[int, Field(ge=0, le=31)] = 3
    entry_days: Annotated[int, Field(ge=1, le=60)] = 2
    fewest_due: Annotated[int, Field(ge=5, le=1000)] = 30
    # cadence: touches of one customer in 30 days, and days that may pass without or must pass
    touches: Annotated[Seq[str], Field(min_length=1)] = Touches
    opt_outs: Seq[str] = ("unsubscribe",)
    touch_limit: Annotated[int, Field(ge=1, le=1000)] = 12
    forgotten_days: Days = 90
    channel_gap_days: Days = 2
    after_order_days: Days = 3
    # content: what answers a message, and within how many days
    clicks: Seq[str] = ("email_click", "sms_click", "wechat_click")
    response_days: Annotated[int, Field(ge=1, le=180)] = 30
    # cost: days before an order in which a contact is credited, and what counts as contact cost
    lookback_days: Annotated[int, Field(ge=1, le=365)] = 30
    contact_costs: Seq[str] = ("campaign", "contact", "advertising", "marketing")
    # delay: an order is late after so many days; of orders late, of touches sent without knowing
    late_days: Annotated[int, Field(ge=0, le=60)] = 2
    late_share: Share | None = None
    stale_touch_share: Share | None = None
    # path: fewer customers than this on a path are shown together with others
    fewest_on_path: Annotated[int, Field(ge=5, le=1000)] = 20
    # leaks: a smaller share of a step's conversions missing against its own level is none
    leak_share: Annotated[float, Field(gt=0, le=0.9)] = 0.05
    # below these nothing is called something to look into
    material_customers: Annotated[int, Field(ge=1)] = 30
    material_points: Share = 0.05


def _named_twice(names: Sequence[ReaderText]) -> str | None:
    """A name that two of them have in some language of a pack, if there is one."""
    for language in LANGUAGES:
        told = [_said(name, language).strip() for name in names]
        twice = next((text for text in told if told.count(text) > 1), None)
        if twice is not None:
            return twice
    return None


def _said(text: ReaderText, language: Language) -> str:
    """A reader's text in that language; the first one given if that one is missing."""
    if isinstance(text, str):
        return text
    return text.get(language) or next(iter(text.values()), "")


class FunnelStep(Strict):
    """What has happened when a customer is at a step: any of what is told.

    `orders` are purchases by the rank of their order date in the customer's life; `where` is a
    condition over the columns of the one table that the step is told from.
    """

    name: ShortName
    events: OneOrMore[str] = ()
    orders: Literal["any", "first", "second", "third", "repeat"] | None = None
    tickets: Literal["opened", "replied", "closed"] | None = None
    surveys: Literal["answered"] | None = None
    where: Annotated[str, Field(min_length=1, max_length=2000)] | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the step is told from."""
        return tuple(t for t in ("events", "orders", "tickets", "surveys") if getattr(self, t))

    @model_validator(mode="after")
    def _told(self) -> FunnelStep:
        if not self.tables:
            raise ValueError("a step is told by events, orders, tickets or surveys")
        if self.where and len(self.tables) > 1:
            raise ValueError("where is over one table, and the step is told from several")
        return self


class FunnelSpec(Strict):
    """Steps that a contact should lead to, per customer and contact window."""

    name: ShortName
    window_days: Annotated[int, Field(ge=1, le=366)] = 30
    order: Literal["ordered", "any"] = "ordered"
    steps: Annotated[Seq[FunnelStep], Field(min_length=2, max_length=8)]

    @property
    def key(self) -> str:
        """The name by which records know the funnel, the same in each language of a pack."""
        return self.name if isinstance(self.name, str) else next(iter(self.name.values()), "")

    @field_validator("steps")
    @classmethod
    def _told_apart(cls, value: tuple[FunnelStep, ...]) -> tuple[FunnelStep, ...]:
        twice = _named_twice([step.name for step in value])
        if twice is not None:
            raise ValueError(f"two steps have the name {twice!r}")
        return value


class Profile(Strict):
    """One company: what it is, where its files lie and what counts as an order."""

    company: ReaderText
    language: Language = "en"
    time_zone: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    order_definition: ReaderText
    chapters: Seq[str] = (
        "retention", "customer_value", "funnel_diagnosis", "ab_review", "roi_before_after",
    )  # fmt: skip
    promotions: Seq[Promotion] = ()
    activity_window_months: Annotated[int, Field(ge=1, le=60)] = 12
    repurchase_window_months: Annotated[int, Field(ge=1, le=60)] = 12
    churn_gap_factor: Annotated[float | int, Field(gt=0, le=20)] = 2
    annual_discount: Annotated[float | int, Field(ge=0, le=1)] = 0
    count_fully_returned: bool = False
    data_through: dt.date | None = None
    allow_incomplete: bool = False
    max_quarantined_share: Share = 0.01
    max_unexplained_share: Share = 0.005
    identification_limit: Share = 0.03
    max_stale_days: Days | dict[FlowTable, Days] = STALE_DAYS
    fatal: Seq[DraftReason] = ()
    segments: dict[Name60, SegmentText] = {}
    funnels: Seq[FunnelSpec] = ()
    lists: Lists = Lists()
    experiments: Seq[ExperimentPlan] = ()
    initiatives: Seq[Initiative] = ()
    funnel_rules: FunnelRules = FunnelRules()
    generator: Generator | None = None
    extra: Literal["complete-journey"] | None = None
    exchange_rates: ExchangeRates | None = None
    sources: dict[
        str,
        Annotated[tuple[SourceSpec, ...], BeforeValidator(one_or_more), Field(min_length=1)],
    ]

    def stale_days(self, table: str) -> int:
        """How many days before the period's end a table's last row may lie."""
        if isinstance(self.max_stale_days, int):
            return self.max_stale_days
        return {str(k): v for k, v in self.max_stale_days.items()}.get(table, STALE_DAYS)

    @field_validator("company")
    @classmethod
    def _short(cls, value: ReaderText) -> ReaderText:
        texts = [value] if isinstance(value, str) else list(value.values())
        if not texts or not all(0 < len(text.strip()) <= 200 for text in texts):
            raise ValueError("must be 1 to 200 characters")
        return value

    @field_validator("segments")
    @classmethod
    def _own_names(cls, value: dict[str, str]) -> dict[str, str]:
        taken = {"store_id", "channel"} & set(value)
        if taken:
            raise ValueError(f"{taken.pop()!r} is a cut of the release; take another name")
        return value

    @field_validator("experiments")
    @classmethod
    def _each_once(cls, value: tuple[ExperimentPlan, ...]) -> tuple[ExperimentPlan, ...]:
        ids = [plan.id for plan in value]
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice is not None:
            raise ValueError(f"the experiment {twice!r} is planned twice")
        return value

    @field_validator("initiatives")
    @classmethod
    def _named_once(cls, value: tuple[Initiative, ...]) -> tuple[Initiative, ...]:
        ids = [one.id for one in value]
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice is not None:
            raise ValueError(f"the initiative {twice!r} is named twice")
        twice = _named_twice([one.name for one in value])
        if twice is not None:
            raise ValueError(f"two initiatives have the name {twice!r}; readers tell them by it")
        return value

    @field_validator("funnels")
    @classmethod
    def _told_apart(cls, value: tuple[FunnelSpec, ...]) -> tuple[FunnelSpec, ...]:
        # records know a funnel by its first name, readers by that in the pack's language
        twice = _named_twice([f.name for f in value]) or _named_twice([f.key for f in value])
        if twice is not None:
            raise ValueError(f"two funnels have the name {twice!r}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in zoneinfo.available_timezones():
            near = difflib.get_close_matches(value, zoneinfo.available_timezones(), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"must be an IANA time zone such as Asia/Shanghai{hint}")
        return value

    @field_validator("country")
    @classmethod
    def _known_country(cls, value: str | None) -> str | None:
        if value is None:
            return None
        from holidays import country_holidays, list_supported_countries

        try:
            country_holidays(value)  # loads that country alone
        except NotImplementedError:
            known = sorted(code for code in list_supported_countries() if len(code) == 2)
            near = difflib.get_close_matches(value, known, 1, 0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"no public holidays are known for that ISO country code{hint}"
            ) from None
        return value


class Incident(Strict):
    """Something known to have happened that a reader must hear of beside the figures."""

    first: dt.date = Field(alias="from")
    last: dt.date | None = Field(default=None, alias="to")
    text: ReaderText
    chapters: Seq[str] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Incident:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"to ({self.last}) lies before from ({self.first})")
        return self


class ControlTotal(Strict):
    """A figure of the finance department that the revenue analysed is bridged to."""

    amount: float | int
    source: str
    includes: Seq[Literal["tax", "returns", "anonymous", "test"]] = ()


class PeriodFile(Strict):
    """What is true of one period only."""

    commentary: dict[str, ReaderText] = {}
    incidents: Seq[Incident] = ()
    control_totals: Seq[ControlTotal] = ()
    overrides: dict[str, Any] = {}


@dataclass(frozen=True)
class Target:
    """A value that somebody promised for a metric in a period."""

    metric: str
    period: str
    dimensions: str
    value: float
    set_by: str


@dataclass(frozen=True)
class Params:
    """All that a run was told. `period` None means the last complete month of the data."""

    name: str
    profile: Profile
    root: Path
    period: Period | None = None
    period_file: PeriodFile = field(default_factory=PeriodFile)
    targets: tuple[Target, ...] = ()
    data: str | None = None
    # of the packs signed up to the period's end
    looks: SignedLooks = field(default_factory=SignedLooks)

    @property
    def language(self) -> Language:
        return self.profile.language

    @property
    def company(self) -> str:
        return self.said(self.profile.company)

    def said(self, text: ReaderText) -> str:
        """A reader's text in the pack's language; the first one given if that one is missing."""
        return _said(text, self.language)

    def target(self, metric: str, dimensions: str = "") -> Target | None:
        """The target for this period, or None."""
        wanted = (metric, self.period.label if self.period else "", dimensions)
        return next((t for t in self.targets if (t.metric, t.period, t.dimensions) == wanted), None)


OVERRIDABLE = ("allow_incomplete", "data_through", "language", "max_quarantined_share",
               "max_unexplained_share", "max_stale_days", "identification_limit")  # fmt: skip
ALWAYS_RUN = ("data", "summary")  # beside the chapters that a profile names
_OVERRIDES: dict[str, Any] = {
    key: (info.annotation, info) for key, info in Profile.model_fields.items() if key in OVERRIDABLE
}
Overrides = create_model("Overrides", __base__=Strict, **_OVERRIDES)


def project_root(start: Path | None = None) -> Path:
    """The folder that holds `params/` and `notebooks/`, from $REPURCHASE_ROOT or going up."""
    told = os.environ.get("REPURCHASE_ROOT")
    if told:
        return Path(told)
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "params").is_dir() and (folder / "notebooks").is_dir():
            return folder
    installed = Path(__file__).resolve().parents[2]
    if (installed / "params").is_dir():
        return installed
    raise ParameterError(
        f"no folder with params/ and notebooks/ at or above {here}",
        remedy="run from the project's folder, or set REPURCHASE_ROOT to it",
    )


def load_params(
    name: str,
    period: str | Period | None = None,
    *,
    root: Path | None = None,
    data: str | None = None,
    language: str | None = None,
    allow_incomplete: bool | None = None,
) -> Params:
    """The profile `params/<name>.yaml` with the period's file, targets and the command line.

    What is told last wins: profile, then the period file's overrides, then the arguments.
    Raises ParameterError for anything that is not exactly right.
    """
    root = root or project_root()
    path = profile_path(root, name)
    raw, lines = read_yaml(path)
    if isinstance(period, str):
        period = Period.parse(period) if period else None
    period_file = PeriodFile()
    period_lines: dict[tuple[Any, ...], int] = {}
    period_path = root / "params" / name / f"{period.label if period else ''}.yaml"
    if period and period_path.exists():
        told_of_period, period_lines = read_yaml(period_path)
        period_file = validated(PeriodFile, told_of_period, period_lines, period_path)
        check_overrides(period_file.overrides, period_lines, period_path)
        raw = {**raw, **period_file.overrides}
    told = {"language": language, "allow_incomplete": allow_incomplete}
    raw = {**raw, **{key: value for key, value in told.items() if value is not None}}
    profile = validated(Profile, raw, lines, path)
    check_sources(profile, lines, path)
    check_funnels(profile, lines, path)
    check_units(profile, lines, path)
    check_conditions(profile, lines, path)
    check_chapters(period_file, profile, period_lines, period_path)
    targets = read_targets(root / "params" / name / "targets.csv")
    looks = signed_looks(root / "reports" / name, until=period.end) if period else SignedLooks()
    return Params(name, profile, root, period, period_file, targets, data, looks)


def with_period(params: Params, period: Period) -> Params:
    """The same run for a period found in the data; its own file is read now."""
    return load_params(
        params.name,
        period,
        root=params.root,
        data=params.data,
        language=params.profile.language,
        allow_incomplete=params.profile.allow_incomplete or None,
    )


def profile_names(root: Path) -> list[str]:
    return sorted(p.stem for p in (root / "params").glob("*.yaml"))


def profile_path(root: Path, name: str) -> Path:
    """The file of that profile; ParameterError names the nearest if there is none."""
    if not NAME.fullmatch(name):
        raise ParameterError(
            f"{name!r} is not a profile name",
            rule="letters, digits, - and _, at most 64, beginning with a letter or digit",
            remedy="PROFILE=demo, or the name of a file in params/ without .yaml",
        )
    path = root / "params" / f"{name}.yaml"
    if not path.is_file():
        known = profile_names(root)
        near = difflib.get_close_matches(name, known, 1)
        remedy = f"did you mean {near[0]!r}? " if near else ""
        raise ParameterError(
            f"there is no profile {name!r}",
            where=f"params/{name}.yaml",
            remedy=f"{remedy}profiles here: {', '.join(known) or 'none'}",
        )
    return path


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[tuple[Any, ...], int]]:
    """A YAML mapping as plain values, and the line (from 1) on which each key path stands.

    Raises ParameterError for what is no YAML, or no mapping of plain values.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParameterError(
            "a parameter file must be UTF-8 text",
            where=f"{_shown(path)}, byte {error.start}",
            remedy="save it as UTF-8",
        ) from None
    told, lines = _parsed(text, path)
    return copy.deepcopy(told), dict(lines)


@functools.lru_cache(maxsize=16)
def _parsed(text: str, path: Path) -> tuple[dict[str, Any], dict[tuple[Any, ...], int]]:
    """What `read_yaml` hands out copies of: to parse a profile takes as long as to draw a chart."""
    try:
        document = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ParameterError(
            f"this is not YAML: {error.problem or error.context}",
            where=f"{_shown(path)}{line}",
            remedy="look there and at the line above: indents, colons, quotes and brackets",
        ) from None
    except YAMLError as error:
        raise ParameterError(
            f"this is not YAML: {error}",
            where=_shown(path),
            remedy="take out what is no plain text, such as control characters",
        ) from None
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        # what the parser itself stumbles over, such as an anchor that is merged into itself
        raise _stumbled(text, path) from None
    if document is None:
        document = CommentedMap()
    if not isinstance(document, CommentedMap):
        raise ParameterError(
            "a parameter file is a mapping of keys to values", where=f"{_shown(path)}, line 1"
        )
    try:
        lines = dict(_lines(document, ()))
    except RecursionError:
        raise ParameterError(
            "an anchor holds itself", where=_shown(path), remedy="write the values out"
        ) from None
    return _plain(document, path, lines, ()), lines


def _stumbled(text: str, path: Path) -> ParameterError:
    """What YAML reads as a day and no calendar has, with its line; otherwise what it may be."""
    for number, line in enumerate(text.splitlines(), start=1):
        for told in A_DAY.findall(line.partition("#")[0]):
            try:
                dt.date.fromisoformat(told)
            except ValueError:
                return ParameterError(
                    f"{told} is no day",
                    where=f"{_shown(path)}, line {number}",
                    rule="a day is one that the calendar has",
                    remedy="write one such as 2025-01-31; in quotes it is read as text",
                )
    return ParameterError(
        "this is not YAML that can be read",
        where=_shown(path),
        remedy="look at the anchors (&name), merges (<<) and dates",
    )


def _lines(node: Any, at: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], int]]:
    if isinstance(node, CommentedMap):
        for key, value in node.items():
            place = (*at, str(key))
            try:
                line = node.lc.key(key)[0]
            except (KeyError, TypeError):  # brought in by a merge (<<), it has no line here
                line = node.lc.line
            yield place, line + 1
            yield from _lines(value, place)
    elif isinstance(node, CommentedSeq):
        for index, value in enumerate(node):
            place = (*at, index)
            yield place, node.lc.item(index)[0] + 1
            yield from _lines(value, place)


def _plain(node: Any, path: Path, lines: Mapping[tuple[Any, ...], int], at: tuple[Any, ...]) -> Any:
    if isinstance(node, CommentedMap):
        return {str(k): _plain(v, path, lines, (*at, str(k))) for k, v in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(v, path, lines, (*at, i)) for i, v in enumerate(node)]
    if isinstance(node, ScalarBoolean):
        return bool(node)
    if isinstance(node, ScalarInt) and not isinstance(node, bool):
        return int(node)
    if isinstance(node, ScalarFloat):
        return float(node)
    if isinstance(node, str):
        if any("\ud800" <= character <= "\udfff" for character in node):
            raise ParameterError(
                f"{'.'.join(map(str, at))} has half a character, which nothing can print",
                where=f"{_shown(path)}, line {lines.get(at, 1)}",
                remedy="write the character itself, or \\U and its eight digits",
            )
        return str(node)
    if isinstance(node, dt.datetime):
        raise ParameterError(
            f"{'.'.join(map(str, at))} is a time stamp, a day is wanted",
            where=f"{_shown(path)}, line {lines.get(at, 1)}",
        )
    if node is None or isinstance(node, bool | int | float | dt.date):
        return node
    raise ParameterError(
        f"{'.'.join(map(str, at))} carries a YAML tag; only plain values are read",
        where=f"{_shown(path)}, line {lines.get(at, 1)}",
    )


M = TypeVar("M", bound=Strict)
LONGEST_SHOWN = 120
A_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def validated(
    model: type[M], raw: dict[str, Any], lines: Mapping[tuple[Any, ...], int], path: Path
) -> M:
    """`raw` as that model, or a ParameterError that lists every fault with its line."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        faults = _faults(model, error, lines)
    line = min(faults, key=lambda fault: ("is missing" in fault[1], fault[0]))[0]
    raise ParameterError(
        "; ".join(f"line {line}: {text}" for line, text in faults),
        where=f"{_shown(path)}, line {line}",
        rule="every key is known and of its type",
        remedy="mend the line; docs/parameters.md lists the keys",
    )


def _faults(
    model: type[Strict], error: ValidationError, lines: Mapping[tuple[Any, ...], int]
) -> list[tuple[int, str]]:
    """Each fault once with its line, from the top; what a value could be instead told together."""
    found: dict[tuple[int, str], list[str]] = {}
    for one in error.errors(include_url=False):
        line, what, why = _fault(model, one, lines)
        found.setdefault((line, what), []).append(why)
    told = ((at, " or ".join(dict.fromkeys(why))) for at, why in found.items())
    return sorted((line, f"{what}{why}") for (line, what), why in told)


def _fault(
    model: type[Strict], error: ErrorDetails, lines: Mapping[tuple[Any, ...], int]
) -> tuple[int, str, str]:
    """The line, the key with its value, and what is wrong with it."""
    place = tuple(p for p in error["loc"] if not str(p).startswith("function-"))
    if place[:3] not in lines and len(place) > 2 and isinstance(place[2], int):
        place = place[:2] + place[3:]  # one source may stand without a list
    known = [place[:k] for k in range(len(place), 0, -1) if place[:k] in lines]
    line = lines[known[0]] if known else 1
    if error["type"] == "extra_forbidden":
        hint = _hint(str(place[-1]), keys_at(model, place[:-1]))
        return line, f"unknown key {_dotted(place)!r}", hint
    if error["type"] == "missing":
        return line, f"{_dotted(place)!r} is missing", ""
    # a value that may be of several types has the type behind its place
    name = _dotted(known[0] if known else place)
    why = plainly(error)
    value = error.get("input")
    told = value is None or isinstance(value, str | int | float | dt.date)
    # a list or mapping stands there to be read: only what is wrong with it is told
    return line, f"{name} == {_short(value)}: " if told else f"{name}: ", why


def _dotted(place: Sequence[Any]) -> str:
    return ".".join(str(p) for p in place)


def _short(value: Any) -> str:
    shown = repr(value) if not isinstance(value, dt.date) else value.isoformat()
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; keys here: {', '.join(known)}"


def keys_at(model: type[Strict], place: Sequence[Any]) -> list[str]:
    """The keys that are allowed at that place of a model."""
    for part in place:
        named = {info.alias or name: info for name, info in model.model_fields.items()}
        inside = list(_models_in(named[part].annotation)) if part in named else []
        model = inside[0] if inside else model
    return [info.alias or name for name, info in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[Strict]]:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def check_overrides(
    overrides: Mapping[str, Any], lines: Mapping[tuple[Any, ...], int], path: Path
) -> None:
    """Raises ParameterError if a period file overrides what belongs to the company, or wrongly."""
    for key in overrides:
        if key not in OVERRIDABLE:
            near = difflib.get_close_matches(key, OVERRIDABLE, 1, 0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ParameterError(
                f"{key!r} cannot be overridden for one period",
                where=_shown(path),
                remedy=f"{hint}a period may override {', '.join(OVERRIDABLE)}",
            )
    inside = {at[1:]: line for at, line in lines.items() if at[0] == "overrides"}
    validated(Overrides, dict(overrides), inside, path)


def check_chapters(
    period_file: PeriodFile, profile: Profile, lines: Mapping[tuple[Any, ...], int], path: Path
) -> None:
    """Raises ParameterError if a text is for a chapter that does not run: nobody would read it."""
    runs = tuple(dict.fromkeys((*profile.chapters, *ALWAYS_RUN)))
    named: list[tuple[tuple[Any, ...], str]] = [
        (("commentary", chapter), chapter) for chapter in period_file.commentary
    ]
    for number, incident in enumerate(period_file.incidents):
        places = ("incidents", number, "chapters")
        named += [((*places, i), chapter) for i, chapter in enumerate(incident.chapters)]
    for at, chapter in named:
        if chapter not in runs:
            near = difflib.get_close_matches(chapter, runs, 1, 0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ParameterError(
                f"{at[0]}: the chapter {chapter!r} does not run",
                where=f"{_shown(path)}, line {lines.get(at, 1)}",
                remedy=f"{hint}chapters of this profile: {', '.join(runs)}",
            )


def check_sources(profile: Profile, lines: Mapping[tuple[Any, ...], int], path: Path) -> None:
    """Raises ParameterError if a table or column is not one of the canonical ones."""
    from repurchase.model.schema import TABLES

    for table, specs in profile.sources.items():
        where = f"{_shown(path)}, line {lines.get(('sources', table), 1)}"
        if table not in TABLES:
            near = difflib.get_close_matches(table, TABLES, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ParameterError(
                f"sources.{table} is not a canonical table",
                where=where,
                remedy=f"{hint}tables: {', '.join(TABLES)}",
            )
        allowed = set(TABLES[table].columns)
        if any(spec.grain == "line" for spec in specs):
            allowed |= set(TABLES["order_lines"].columns)
        for spec in specs:
            _check_columns(spec, allowed, table, where)
    if "orders" not in profile.sources:
        _check_without_orders(profile, f"{_shown(path)}, line {lines.get(('sources',), 1)}")


def _check_without_orders(profile: Profile, where: str) -> None:
    """Raises ParameterError unless a profile without orders has tests, and says how far they go."""
    if "experiments" not in profile.sources:
        raise ParameterError(
            "sources.orders is missing",
            where=where,
            rule="only orders are required, or experiments that bring their outcomes along; every"
            " other table is optional",
            remedy="name the files that hold the orders",
        )
    if profile.data_through is None:
        raise ParameterError(
            "data_through is missing",
            where=where,
            rule="without orders nothing else tells up to which day outcomes were counted",
            remedy="data_through: the last day of the outcomes",
        )


def check_funnels(
    profile: Profile, lines: Mapping[tuple[Any, ...], int], path: Path
) -> None:
    """Raises ParameterError if a step of a funnel is told from a table without a source."""
    for f, funnel in enumerate(profile.funnels):
        for s, step in enumerate(funnel.steps):
            missing = [table for table in step.tables if table not in profile.sources]
            if missing:
                at = ("funnels", f, "steps", s)
                line = lines.get((*at, missing[0]), lines.get(at, 1))
                raise ParameterError(
                    f"funnels.{f}.steps.{s} is told from {missing[0]}, and there is no such source",
                    where=f"{_shown(path)}, line {line}",
                    remedy=f"add sources.{missing[0]}; sources here: {', '.join(profile.sources)}",
                )


def check_units(profile: Profile, lines: Mapping[tuple[Any, ...], int], path: Path) -> None:
    """Raises ParameterError if an initiative tells the treated by what is no unit."""
    known = (*UNITS, *profile.segments)
    for number, plan in enumerate(profile.initiatives):
        if plan.unit not in known:
            at = ("initiatives", number, "unit")
            near = difflib.get_close_matches(plan.unit, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ParameterError(
                f"the initiative {plan.id!r} has the unit {plan.unit!r}, which is none",
                where=f"{_shown(path)}, line {lines.get(at, 1)}",
                remedy=f"{hint}units here: {', '.join(known)}",
            )


def check_conditions(
    profile: Profile, lines: Mapping[tuple[Any, ...], int], path: Path
) -> None:
    """Raises ParameterError for a segment or condition that is no expression, before any work.

    Whether a table has its columns is told where it is used.
    """
    told = list(_conditions(profile))
    if not told:
        return
    from repurchase.model.expression import check_readable

    for at, text in told:
        check_readable(text, where=f"{_shown(path)}, line {lines.get(at, 1)}, {_dotted(at)}")


def _conditions(profile: Profile) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Each expression over a table's columns, with its place; those of sources are read first."""
    found: dict[tuple[Any, ...], str | None] = {
        ("segments", name): text for name, text in profile.segments.items()
    }
    for f, funnel in enumerate(profile.funnels):
        for s, step in enumerate(funnel.steps):
            found["funnels", f, "steps", s, "where"] = step.where
    for e, plan in enumerate(profile.experiments):
        if plan.assignment:
            found["experiments", e, "assignment", "who"] = plan.assignment.who
        for arm, text in (plan.inferred.arms if plan.inferred else {}).items():
            found["experiments", e, "inferred", "arms", arm] = text
    for i, one in enumerate(profile.initiatives):
        found["initiatives", i, "costs", "discounts"] = one.costs.discounts
        for name, group in (("treated", one.treated), ("controls", one.controls)):
            found["initiatives", i, name, "where"] = group.where if group else None
    return ((at, text) for at, text in found.items() if text is not None)


def _check_columns(spec: SourceSpec, allowed: set[str], table: str, where: str) -> None:
    for column in spec.columns:
        if column not in allowed and not column.startswith("x_"):
            near = difflib.get_close_matches(column, sorted(allowed), 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ParameterError(
                f"sources.{table}.columns.{column} is not a canonical column",
                where=where,
                remedy=f"{hint}a column of your own begins with x_; known: "
                + ", ".join(sorted(allowed)),
            )
        if spec.columns[column].kind is not None and column in allowed:
            raise ParameterError(
                f"sources.{table}.columns.{column} has a kind of its own",
                where=where,
                rule="kind is for columns of your own, which begin with x_",
                remedy="take it out",
            )


def read_targets(path: Path) -> tuple[Target, ...]:
    """The targets of a profile; none if it has no targets.csv.

    Raises ParameterError naming the line of an unknown metric, period or value.
    """
    from repurchase.definitions import METRICS

    if not path.exists():
        return ()
    targets: dict[tuple[str, str, str], Target] = {}
    reader = csv.DictReader(io.StringIO(_text_of_targets(path), newline=""))
    wanted = ["metric", "period", "dimensions", "value", "set_by"]
    if reader.fieldnames != wanted:
        raise ParameterError(
            f"the heading is {','.join(reader.fieldnames or [])}",
            where=f"{_shown(path)}, line 1",
            rule=f"the heading must be {','.join(wanted)}",
        )
    for row in reader:
        where = f"{_shown(path)}, line {reader.line_num}"
        if row.get(None):
            raise ParameterError(
                f"the line has more cells than the heading has columns ({len(wanted)})",
                where=where,
                remedy='a cell that holds a comma stands in quotes: "Board, May"; a number has no '
                "thousands mark",
            )
        target = _target(row, where, METRICS)
        key = (target.metric, target.period, target.dimensions)
        if key in targets:
            raise ParameterError(f"a second target for {' '.join(key).strip()}", where=where)
        targets[key] = target
    return tuple(targets.values())


def _text_of_targets(path: Path) -> str:
    """UTF-8, or GB18030 as a Chinese Excel saves CSV."""
    if not path.is_file():
        raise ParameterError("targets.csv must be a file", where=_shown(path))
    held = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return held.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ParameterError(
        "targets.csv is neither UTF-8 nor GB18030 text",
        where=_shown(path),
        remedy="save it as CSV UTF-8",
    )


def _target(row: Mapping[str, str | None], where: str, metrics: Mapping[str, Metric]) -> Target:
    metric, period = row["metric"] or "", row["period"] or ""
    if metric not in metrics:
        near = difflib.get_close_matches(metric, list(metrics), 1)
        hint = f"did you mean {near[0]!r}?" if near else ", ".join(metrics)
        raise ParameterError(f"{metric!r} is not a metric", where=where, remedy=hint)
    try:
        value = float(row["value"] or "")
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise ParameterError(
            f"value == {row['value']!r}, must be a number (a share as 0.62, not 62 %)", where=where
        )
    if metrics[metric].unit == "share" and not 0 <= value <= 1:
        raise ParameterError(
            f"value == {row['value']!r}, but {metric} is a share",
            where=where,
            rule="a share lies between 0 and 1",
            remedy="62 % is written 0.62",
        )
    return Target(
        metric, Period.parse(period).label, row["dimensions"] or "", value, row["set_by"] or ""
    )


def _shown(path: Path) -> str:
    """The path from `params/` on, so that a message is the same on each machine."""
    parts = path.parts
    return "/".join(parts[parts.index("params") :]) if "params" in parts else str(path)
