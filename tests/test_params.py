"""Profiles, period files and targets: what is wrong is said with its line and the right name."""

import datetime as dt
import textwrap
from typing import get_args

import pytest
from repurchase.errors import ParameterError
from repurchase.params import (
    FunnelRules,
    FunnelSpec,
    FunnelStep,
    Generator,
    PeriodFile,
    Profile,
    SourceSpec,
    Trouble,
    load_params,
    project_root,
    read_yaml,
)
from repurchase.sources.demo import plan
from repurchase.strict import PATTERNS

GOOD = """\
company: 恒云 & Sons
time_zone: Asia/Shanghai
currency: CNY
order_definition: paid orders
sources:
  orders:
    files: data/*.csv
    columns:
      order_id: 订单编号
      customer_id: [会员编号, 会员号]
      ordered_at: {from: 下单时间, time_zone: Asia/Shanghai}
"""


INITIATIVE = """\
initiatives:
  - id: crm
    name: CRM
    go_live: 2025-01-01
"""

FUNNEL = """\
funnels:
  - name: f
    window_days: 30
    steps:
      - { name: one, orders: first }
      - { name: two, orders: repeat }
"""


@pytest.fixture
def project(tmp_path):
    """A folder with one profile, and a way to write its files."""

    def write(profile=GOOD, **files):
        (tmp_path / "params" / "shop").mkdir(parents=True, exist_ok=True)
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        (tmp_path / "params" / "shop.yaml").write_text(profile, encoding="utf-8")
        for name, text in files.items():
            path = tmp_path / "params" / "shop" / name.replace("__", ".").replace("_", "-")
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return tmp_path

    return write


def _error(project_folder, period=None, **told):
    with pytest.raises(ParameterError) as caught:
        load_params("shop", period, root=project_folder, **told)
    return caught.value


def test_a_good_profile_is_read_as_typed_values(project):
    """Columns may be a heading, a list of headings or a mapping; names keep their characters."""
    params = load_params("shop", "2025-Q3", root=project())

    columns = params.profile.sources["orders"][0].columns
    assert "恒云 & Sons" == params.profile.company
    assert ("订单编号",) == columns["order_id"].heading
    assert ("会员编号", "会员号") == columns["customer_id"].heading
    assert "Asia/Shanghai" == columns["ordered_at"].time_zone
    assert dt.date(2025, 9, 30) == params.period.end


def test_what_is_read_twice_can_be_changed_and_is_read_anew_when_it_changes(project):
    """A file is parsed once; each reader has values of his own, and new text is new."""
    path = project() / "params" / "shop.yaml"
    told, lines = read_yaml(path)
    told["sources"].clear()
    line = lines.pop(("currency",))

    again, lines = read_yaml(path)
    path.write_text(path.read_text(encoding="utf-8").replace("CNY", "EUR"), encoding="utf-8")

    assert (["orders"], line) == (list(again["sources"]), lines[("currency",)])
    assert ("CNY", "EUR") == (again["currency"], read_yaml(path)[0]["currency"])


def test_the_troubles_of_a_profile_are_those_of_the_demo_company(project):
    """Their order, and a name twice, change nothing."""
    text = "generator: {name: demo, without: [late_till, funnel_break, late_till]}\n"
    params = load_params("shop", root=project(GOOD + text))

    assert plan.TROUBLES == get_args(Trouble)
    assert ("funnel_break", "late_till") == params.profile.generator.without


@pytest.mark.parametrize(
    ("broken", "line", "words"),
    [
        (GOOD.replace("currency:", "curency:"), 3, ["'curency'", "did you mean 'currency'?"]),
        (GOOD.replace("currency: CNY\n", ""), 1, ["'currency' is missing"]),
        (GOOD + "max_quarantined_share: 1 %\n", 12, ["max_quarantined_share == '1 %'"]),
        (GOOD + "max_quarantined_share: 1.5\n", 12, ["1.5", "less than or equal to 1"]),
        (GOOD + "allow_incomplete: no\n", 12, ["allow_incomplete == 'no'"]),
        (GOOD.replace("Asia/Shanghai\nc", "Asia/Shangai\nc"), 2, ["did you mean 'Asia/Shanghai'"]),
        (GOOD.replace("    files", "    file"), 7, ["unknown key 'sources.orders.file'", "files"]),
        (GOOD.replace("  orders:", "  order:"), 6, ["sources.order ", "did you mean 'orders'?"]),
        (GOOD.replace("customer_id:", "custmer_id:"), 6, ["did you mean 'customer_id'?"]),
        (GOOD + "data_through: 2025-09-30T10:00:00\n", 12, ["data_through", "a day is wanted"]),
        (GOOD + "currency: EUR\n", 12, ["not YAML", "duplicate key"]),
        (GOOD + "seed: !!python/object:os.system x\n", 12, ["YAML tag"]),
        ("- a list\n", 1, ["a mapping of keys"]),
        (GOOD.replace("files: data/*.csv", "files: []"), 7, ["files", "at least 1 item"]),
        (GOOD.split("  orders:")[0] + "  orders: []\n", 6, ["orders", "at least 1 item"]),
        (GOOD + "extra: no-such-extra\n", 12, ["extra == 'no-such-extra'", "complete-journey"]),
        (GOOD + "promotions: [{name: x, day: 02-30}]\n", 12, ["02-30", "no year has that day"]),
        (GOOD + "promotions: [{name: x, day: 04-31}]\n", 12, ["04-31", "no year has that day"]),
        (GOOD + "country: GZ\n", 12, ["country == 'GZ'", "did you mean '"]),
        (
            GOOD + "generator: {name: demo, without: [late_till, funnel_brake]}\n", 12,
            ["'funnel_brake' is none of", "did you mean 'funnel_break'?"],
        ),
        (GOOD + "funnel_rules:\n  touch_day: 7\n", 13, ["did you mean 'touch_days'?"]),
        (GOOD + "funnel_rules:\n  due_touched_share: 60\n", 13, ["less than or equal to 1"]),
        (GOOD + "  bad: [\n", 13, ["not YAML"]),
        (GOOD + FUNNEL.replace("window_days", "windw_days"), 14, ["did you mean 'window_days'?"]),
        (GOOD + FUNNEL.replace("orders: r", "order: r"), 17, ["did you mean 'orders'?"]),
        (GOOD + FUNNEL.replace("repeat", "repeated"), 17, ["steps.1.orders == 'repeated'"]),
        (GOOD + FUNNEL.replace("orders: first", "where: x = 1"), 16, ["told by events, orders"]),
        (GOOD + FUNNEL + FUNNEL.replace("funnels:\n", ""), 12, ["two funnels have the name 'f'"]),
        (
            GOOD + FUNNEL.replace("name: f", "name: {en: f, zh-CN: 一}")
            + FUNNEL.replace("funnels:\n", "").replace("name: f", "name: {en: g, zh-CN: 一}"),
            12, ["two funnels have the name '一'"],
        ),
        (GOOD + FUNNEL.replace("name: f", 'name: "f\\u202e"'), 13, ["turn its direction"]),
        (GOOD + FUNNEL.replace("one,", f"{'一' * 61},"), 16, ["1 to 60 characters"]),
        (GOOD + FUNNEL.replace("one,", "{},"), 16, ["1 to 60 characters"]),
        (GOOD + FUNNEL.replace("one,", '"a\\nb",'), 16, ["one line"]),
        (GOOD + FUNNEL.replace("one,", "two,"), 15, ["two steps have the name 'two'"]),
        (GOOD + FUNNEL.replace("one,", '"\\ud83d\\ude00",'), 16, ["steps.0.name", "half a char"]),
        (GOOD + FUNNEL.replace("orders: first", "events: sms"), 16, ["no such source", "orders"]),
        (
            GOOD + FUNNEL.replace("orders: first", "orders: first, tickets: closed, where: a = 1"),
            16, ["where is over one table"],
        ),
    ],
)
def test_a_wrong_profile_names_line_value_and_the_right_name(project, broken, line, words):
    """Each mistake is told with its line in params/shop.yaml."""
    error = _error(project(broken))

    text = str(error)
    assert 2 == error.exit_code
    assert f"params/shop.yaml, line {line}" in text
    assert [w for w in words if w not in text] == []


def test_a_merge_of_an_anchor_is_read_and_its_mistakes_have_a_line(project):
    """Keys that `<<` brings in stand on no line of their own; they get that of their mapping."""
    merged = GOOD.replace("      order_id: 订单编号\n", "      <<: &c {order_id: 订单编号}\n")
    assert merged != GOOD
    params = load_params("shop", root=project(merged))
    assert ("订单编号",) == params.profile.sources["orders"][0].columns["order_id"].heading

    text = str(_error(project(merged.replace("{order_id", "{ordr_id"))))
    assert "params/shop.yaml, line" in text and "did you mean 'order_id'" in text


def test_an_anchor_that_is_merged_into_itself_is_refused(project):
    """What the parser stumbles over is a message too."""
    assert "look at the anchors" in str(_error(project(GOOD + "country: &c {<<: *c}\n")))


def test_29_february_is_a_day(project):
    """A promotion of leap years only is no mistake."""
    params = load_params("shop", root=project(GOOD + "promotions: [{name: x, day: 02-29}]\n"))

    assert "02-29" == params.profile.promotions[0].day


def test_a_readers_text_may_be_one_a_language(project):
    """The company's name in the pack's language; the first one where that language is missing."""
    both = GOOD.replace("company: 恒云 & Sons", "company: {en: Hengyun, zh-CN: 恒云}")

    assert "Hengyun" == load_params("shop", root=project(both)).company
    assert "恒云" == load_params("shop", root=project(both), language="zh-CN").company
    one = GOOD.replace("company: 恒云 & Sons", "company: {en: Hengyun}")
    assert "Hengyun" == load_params("shop", root=project(one), language="zh-CN").company


def test_no_is_text_and_not_false(project):
    """YAML 1.2: Norway's country code survives."""
    params = load_params("shop", root=project(GOOD + "country: NO\n"))

    assert "NO" == params.profile.country


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("target_roi: .nan", "target_roi == nan: must be a finite number"),
        ("promised: { roi: .inf }", "promised.roi == inf: must be a finite number"),
        ("promised: { roi: 1, base: -.inf }", "promised.base == -inf: must be a finite number"),
        ("margin_factor: [0.9, .nan]", "margin_factor.1 == nan: must be a finite number"),
        (
            "decision: { verdict: stop, on: 2025-06-01, roi: .nan }",
            "decision.roi == nan: must be a finite number",
        ),
        (
            "costs: { planned: [{ category: build, start: 2025-01-01, amount: .inf }] }",
            "costs.planned.0.amount == inf: must be a finite number",
        ),
        ("prommised: { roi: 1 }", "prommised'; did you mean 'promised'?"),
        ("promised: { roii: 1 }", "promised.roii'; did you mean 'roi'?"),
        ("treated: { stores: [a] }", "treated.stores'; keys here: labels, where, campaigns"),
        ("name_of: x", "did you mean 'name'?"),
        ("treated: { labels: S001 }", "labels == 'S001': must be a list such as [a, b]"),
        ("unit: a=b", "unit == 'a=b': must be one line without ; and ="),
        ("ends: 2024-12-31", "initiatives.0: ends (2024-12-31) lies before go_live (2025-01-01)"),
    ],
)
def test_a_mistake_inside_an_initiative_is_told_by_line_and_rule_alone(project, told, words):
    """What is no number is no amount; names come from that level; no mapping is written out."""
    error = _error(project(f"{GOOD}{INITIATIVE}    {told}\n"))

    assert words in error.what
    assert "{" not in error.what and "datetime" not in error.what
    assert "docs/parameters.md" in error.remedy


def _patterns(schema):
    """Every pattern of a text in a model's schema."""
    if isinstance(schema, list):
        return {found for part in schema for found in _patterns(part)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
    return own | {found for part in schema.values() for found in _patterns(part)}


def test_no_pattern_is_shown_to_a_user():
    """Each that a text must match is said in words."""
    asked = [_patterns(model.model_json_schema()) for model in (Profile, PeriodFile)]

    assert set(PATTERNS) == set.union(*asked)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            "savings: [{ name: s, monthly: 1, start: 2025-03-01, end: 2025-02-01 }]",
            "savings.0: end (2025-02-01) lies before start (2025-03-01)",
        ),
        (
            "costs: { planned: [{ category: build, hours: 1, hourly_rate: 1, start: 2025-03-01,"
            " end: 2025-02-01 }] }",
            "costs.planned.0: end (2025-02-01) lies before start (2025-03-01)",
        ),
        (
            "costs: { planned: [{ category: build, amount: 1, hours: 2, start: 2025-03-01 }] }",
            "an amount, or hours and hourly_rate, not both",
        ),
        ("margin_factor: [1.1, 0.9]", "low factor first: [0.9, 1.1]"),
        ("margin_factor: [0.9]", "a low and a high factor"),
        ("margin_factor: [0.9, 1, 1.1]", "a low and a high factor"),
        (
            "treated: { labels: [a, b] }\n    except_for: [b]",
            "'b' is in except_for and in treated: take it out of one",
        ),
        (
            "treated: { labels: [a] }\n    controls: { labels: [b] }\n    except_for: [b]",
            "'b' is in except_for and in controls",
        ),
        (
            "unit: customer\n    treated: { where: a = 1 }\n    controls: { labels: [b] }",
            "customers are told by where or campaigns",
        ),
        (
            "unit: customer\n    treated: { where: a = 1 }\n    except_for: [b]",
            "except_for names units",
        ),
        ("treated: { labels: [] }", "told in one way, not by none"),
        ('treated: { labels: [""] }', "at least 1 character"),
        ("promised: { roi: 1, by: 2024-12-31 }", "promised.by (2024-12-31) lies before go_live"),
        ("promised: { roi: 80000 }", "promised.roi == 80000: must be less than or equal to 1000"),
        (
            "promised: { roi: 0.8, reading: rises_relative, base: -0.2 }",
            "only from a base above 0",
        ),
        ("target_roi: -1.5", "target_roi == -1.5: must be greater than or equal to -1"),
        (f"name: {'一' * 61}", "must be 1 to 60 characters"),
        (f"owner: {'一' * 61}", "must be 1 to 60 characters"),
        ('owner: "a\\nb"', "must be one line"),
        ("savings: [{ name: '', monthly: 1, start: 2025-03-01 }]", "must be 1 to 60 characters"),
    ],
)
def test_an_initiative_that_cannot_be_so_is_refused(project, told, words):
    """Days and factors in their order, a unit in one group, names that fit on a page."""
    known = INITIATIVE.replace("    name: CRM\n", "") if told.startswith("name") else INITIATIVE

    assert words in _error(project(f"{GOOD}{known}    {told}\n")).what


@pytest.mark.parametrize(
    ("told", "words", "remedy"),
    [
        ("unit: regoin", "has the unit 'regoin', which is none", "did you mean 'region'? units"),
        ("unit: lvel", "has the unit 'lvel', which is none", "did you mean 'level'? units here"),
    ],
)
def test_a_unit_that_there_is_not_is_refused_at_load(project, told, words, remedy):
    """Places, region, customer or a segment of the profile; with the line of the key."""
    known = f"{GOOD}segments: {{ level: x_level }}\n{INITIATIVE}"
    error = _error(project(f"{known}    {told}\n"))

    assert words in error.what and error.remedy.startswith(remedy)
    assert error.where.endswith(f"line {known.count(chr(10)) + 1}")
    assert "level" == load_params("shop", root=project(f"{known}    unit: level\n")).profile \
        .initiatives[0].unit


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("ends: 2301-01-01", "ends == 2301-01-01: must be less than or equal to 2199-12-31"),
        (
            "costs: { planned: [{ category: build, amount: 1, start: 1800-01-01 }] }",
            "start == 1800-01-01: must be greater than or equal to 1900-01-01",
        ),
        (
            "savings: [{ name: s, monthly: 1, start: 2025-03-01, end: 9999-12-31 }]",
            "end == 9999-12-31: must be less than or equal to 2199-12-31",
        ),
        (
            "costs: { planned: [{ category: build, hours: 1.0e+9, hourly_rate: 1.0e+9,"
            " start: 2025-01-01 }] }",
            "hours x hourly_rate is more than 1e+15",
        ),
    ],
)
def test_days_and_sums_beyond_any_company_are_refused(project, told, words):
    """A slip of a digit would be counted month by month."""
    assert words in _error(project(f"{GOOD}{INITIATIVE}    {told}\n")).what


def test_a_day_that_no_calendar_has_is_told_by_its_line(project):
    """The parser itself only stumbles over it; a comment and a text are no day."""
    text = f"{GOOD}# 2025-02-31\n{INITIATIVE}    ends: 2025-02-30\n"
    error = _error(project(text))

    assert "2025-02-30 is no day" == error.what
    assert error.where.endswith(f"line {text.count(chr(10))}")


def test_initiatives_are_told_apart_by_id_and_name(project):
    """Neither is there twice."""
    other = INITIATIVE.replace("initiatives:\n", "")

    assert "'crm' is named twice" in _error(project(GOOD + INITIATIVE + other)).what
    other = other.replace("id: crm", "id: app")
    assert "two initiatives have the name 'CRM'" in _error(project(GOOD + INITIATIVE + other)).what


@pytest.mark.parametrize(
    ("told", "line", "place"),
    [
        ("segments:\n  gold: 'level = '\n", 13, "segments.gold"),
        (FUNNEL.replace("repeat }", "repeat, where: 'kind = ' }"), 17,
         "funnels.0.steps.1.where"),
        (f"{INITIATIVE}    unit: customer\n    treated: {{ where: 'level = ' }}\n", 17,
         "initiatives.0.treated.where"),
        (f"{INITIATIVE}    costs: {{ discounts: 'coupon_code = ' }}\n", 16,
         "initiatives.0.costs.discounts"),
        (
            "experiments:\n  - id: a\n    start: 2025-01-01\n"
            "    arms: { control: { share: 1 }, b: { share: 1 } }\n"
            "    assignment: { who: 'level = ' }\n",
            16, "experiments.0.assignment.who",
        ),
        (
            "experiments:\n  - id: a\n    inferred:\n      assigned_on: 2025-01-01\n"
            "      arms: { control: \"type = 'a'\", b: 'type = ' }\n",
            16, "experiments.0.inferred.arms.b",
        ),
    ],
)  # fmt: skip
def test_a_condition_that_breaks_off_is_told_before_any_work(project, told, line, place):
    """By file, line and key; its columns are looked at where it is used."""
    error = _error(project(GOOD + told))

    assert f"params/shop.yaml, line {line}, {place}" == error.where
    assert "cannot be read as an expression" in error.what
    assert "after '='" in error.rule and error.remedy


def test_a_decision_may_lie_before_the_go_live(project):
    """It was taken when the money was asked for."""
    told = f"{INITIATIVE}    decision: {{ verdict: extend, on: 2024-06-01, roi: 1 }}\n"
    params = load_params("shop", root=project(GOOD + told))

    assert dt.date(2024, 6, 1) == params.profile.initiatives[0].decision.on


def test_a_value_that_could_be_of_several_types_is_told_once(project):
    """A name is one text, or one a language: neither is told as pydantic tells them."""
    error = _error(project(GOOD.replace("company: 恒云 & Sons", "company: 5")))

    assert (
        "line 1: company == 5: must be text, in quotes where it looks like something else"
        " or must be a mapping of keys to values"
    ) == error.what


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_what_is_no_number_is_refused_wherever_a_number_is_wanted(project, number):
    """Also outside of initiatives."""
    assert "finite" in str(_error(project(f"{GOOD}churn_gap_factor: {number}\n")))


@pytest.mark.parametrize("name", ["../secret", "a b", "", "-x", "x" * 65])
def test_a_profile_name_is_no_path(project, name):
    """A name cannot leave the params folder."""
    folder = project()
    with pytest.raises(ParameterError, match="is not a profile name"):
        load_params(name, root=folder)


def test_an_unknown_profile_gets_the_nearest(project):
    """A misspelt profile is answered with the right one."""
    folder = project()
    with pytest.raises(ParameterError, match="did you mean 'shop'"):
        load_params("shopp", root=folder)


def test_a_period_file_adds_and_overrides(project):
    """Commentary, incidents and totals are of one period; overrides win over the profile."""
    folder = project(
        **{
            "2025_09__yaml": """\
            commentary:
              retention: 九月开了三家店。
            incidents:
              - {from: 2025-09-03, to: 2025-09-05, text: till down}
            control_totals:
              - {amount: 1234567.89, source: GL 6001, includes: [tax]}
            overrides: {allow_incomplete: true}
            """
        }
    )
    params = load_params("shop", "2025-09", root=folder)

    assert "九月开了三家店。" == params.period_file.commentary["retention"]
    assert dt.date(2025, 9, 3) == params.period_file.incidents[0].first
    assert 1234567.89 == params.period_file.control_totals[0].amount
    assert params.profile.allow_incomplete
    assert not load_params("shop", "2025-08", root=folder).profile.allow_incomplete


def test_a_period_cannot_override_the_company(project):
    """What belongs to the company is not changed for one month."""
    error = _error(project(**{"2025_09__yaml": "overrides: {currency: EUR}"}), "2025-09")

    assert "'currency' cannot be overridden" in str(error)


def test_a_period_files_mistake_names_that_file(project):
    """The message points to the period's own file."""
    error = _error(project(**{"2025_09__yaml": "comentary: {retention: x}"}), "2025-09")

    assert "params/shop/2025-09.yaml, line 1" in str(error)
    assert "did you mean 'commentary'" in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("commentary:\n  retentoin: x\n", ["line 2", "'retentoin' does not run", "'retention'"]),
        (
            "commentary: {delivery: x}",
            ["'delivery' does not run", "funnel_diagnosis, ab_review, roi_before_after, data"],
        ),
        (
            "incidents:\n  - {from: 2025-09-03, text: x, chapters: [sumary]}\n",
            ["line 2", "'sumary' does not run", "did you mean 'summary'"],
        ),
        (
            "incidents:\n  - {from: 2025-09-03, to: 2025-09-01, text: x}\n",
            ["line 2", "to (2025-09-01) lies before from (2025-09-03)"],
        ),
        ("overrides:\n  allow_incomplete: soon\n", ["line 2", "allow_incomplete == 'soon'"]),
        ("overrides:\n  identification_limit: 3\n", ["line 2", "identification_limit == 3"]),
    ],
)
def test_a_wrong_period_file_names_itself_and_the_line(project, text, words):
    """Chapters that do not run, days out of order and overrides of a wrong type."""
    error = str(_error(project(**{"2025_09__yaml": text}), "2025-09"))

    assert [w for w in ["params/shop/2025-09.yaml", *words] if w not in error] == []


def test_the_command_line_wins(project):
    """What is told last counts."""
    params = load_params("shop", root=project(), language="zh-CN", allow_incomplete=True)

    assert ("zh-CN", True) == (params.language, params.profile.allow_incomplete)


HEADING = "metric,period,dimensions,value,set_by\n"


def test_targets_are_looked_up_by_metric_period_and_dimensions(project):
    """A target for another period or cut is not this one's."""
    folder = project(targets__csv=HEADING + "returning_buyer_share,2025-09,,0.62,board\n")
    params = load_params("shop", "2025-09", root=folder)

    assert 0.62 == params.target("returning_buyer_share").value
    assert params.target("returning_buyer_share", "channel=app") is None
    assert load_params("shop", "2025-08", root=folder).target("returning_buyer_share") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("metric,value\n", ["line 1", "the heading must be"]),
        (HEADING + "returning_buyer_shar,2025-09,,0.6,x\n", ["line 2", "returning_buyer_share"]),
        (HEADING + "returning_buyer_share,2025-9,,0.6,x\n", ["'2025-9' is not a period"]),
        (HEADING + "returning_buyer_share,2025-09,,60 %,x\n", ["line 2", "60 %", "0.62"]),
        (HEADING + "buyers,2025-09,,nan,x\n", ["must be a number"]),
        (HEADING + "returning_buyer_share,2025-09,,62,x\n", ["line 2", "between 0 and 1", "0.62"]),
        (HEADING + "buyers,2025-09,,1,500,board\n", ["line 2", "more cells than"]),
        (HEADING + "buyers,2025-09,,1,x\nbuyers,2025-09,,2,x\n", ["line 3", "a second target"]),
    ],
)
def test_a_wrong_target_names_its_line(project, text, words):
    """A mistake in targets.csv is told with its line."""
    error = str(_error(project(targets__csv=text)))

    assert [w for w in words if w not in error] == []


def test_targets_saved_by_a_chinese_excel_are_read(project):
    """GB18030 is what Excel in China writes as CSV."""
    folder = project()
    text = HEADING + "returning_buyer_share,2025-09,,0.62,董事会\n"
    (folder / "params" / "shop" / "targets.csv").write_bytes(text.encode("gb18030"))

    params = load_params("shop", "2025-09", root=folder)
    assert "董事会" == params.target("returning_buyer_share").set_by


def test_targets_that_are_no_text_or_no_file_are_refused(project):
    """A folder of that name, and bytes that are no text."""
    folder = project()
    path = folder / "params" / "shop" / "targets.csv"
    path.write_bytes(b"\xff\xff\xff")
    assert "neither UTF-8 nor GB18030" in str(_error(folder))
    path.unlink()
    path.mkdir()
    assert "must be a file" in str(_error(folder))


def test_the_project_is_found_from_a_folder_inside_it(project):
    """A notebook's kernel starts in notebooks/; the project is its parent."""
    folder = project()

    assert folder == project_root(folder / "notebooks")


def test_every_parameter_is_documented(root):
    """docs/parameters.md names each key that a profile or a period file may hold."""
    text = (root / "docs" / "parameters.md").read_text(encoding="utf-8")
    models = (Profile, SourceSpec, PeriodFile, Generator, FunnelRules, FunnelSpec, FunnelStep)
    keys = {info.alias or name for model in models for name, info in model.model_fields.items()}

    assert [] == sorted(k for k in keys if f"`{k}`" not in text)


def test_complete_journey_names_each_of_its_files(root):
    """Its 20.9 million promotion rows lie beside them, and no pattern may catch them."""
    sources = load_params("complete_journey", root=root).profile.sources
    files = [file for specs in sources.values() for spec in specs for file in spec.files]

    assert files
    assert [] == [file for file in files if "promotion" in file or "*" in file]
