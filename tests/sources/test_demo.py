"""The demo company: the same bytes every time, and truths that its files bear out."""

from __future__ import annotations

import ast
import csv
import gzip
import hashlib
import io
import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook
from repurchase.errors import ParameterError
from repurchase.sources.demo import generate, plan
from repurchase.sources.demo.behaviour import lives, over_contacted
from repurchase.sources.demo.draws import normal, pick, uniform
from repurchase.sources.demo.people import people
from repurchase.sources.demo.xlsx import column_letters, write_xlsx

SEED = 20260101
DAYS = plan.day_of(plan.END) + 1
Row = dict[str, Any]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("small"), customers=300)


@pytest.fixture(scope="module")
def middle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough for shares to be more than noise."""
    return generate(tmp_path_factory.mktemp("middle"), customers=3_000)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def truths_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "truths.json").read_text(encoding="utf-8"))
    return found


def csv_rows(path: Path, encoding: str = "utf-8-sig") -> list[Row]:
    text = path.read_bytes().decode(encoding)
    lines = list(csv.reader(io.StringIO(text, newline="")))
    headings = [heading.strip(" \u3000") for heading in lines[0]]
    return [dict(zip(headings, line, strict=True)) for line in lines[1:]]


def xlsx_rows(path: Path) -> list[Row]:
    table = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    headings = [low or top for top, low in zip(table[0], table[1], strict=True)]
    assert table[-1][0] == "合计"
    return [dict(zip(headings, line, strict=True)) for line in table[2:-1]]


def money(text: Any) -> Decimal | None:
    if isinstance(text, float | int):
        return Decimal(repr(text)).quantize(Decimal("0.01"))
    try:
        return Decimal(text.replace("¥", "").replace(",", ""))
    except ArithmeticError:
        return None


def moment(text: Any) -> datetime | None:
    if isinstance(text, datetime):
        return text
    if isinstance(text, date):  # calamine's word for an Excel time at midnight
        return datetime(text.year, text.month, text.day)
    for form in ("%Y-%m-%d %H:%M:%S", "%Y年%m月%d日 %H:%M"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def order_rows(folder: Path) -> dict[str, list[Row]]:
    """Every order file, read by other means than those that wrote it."""
    found = {}
    for name, facts in truths_of(folder)["dirt"]["files"].items():
        path = folder / name
        found[name] = (
            xlsx_rows(path) if path.suffix == ".xlsx" else csv_rows(path, facts["encoding"])
        )
    return found


def order_dates(folder: Path) -> dict[str, set[date]]:
    """Days with an order that counts, by customer, known merges applied."""
    merged = {row["会员编号"]: row["合并至"] or row["会员编号"] for row in
              csv_rows(folder / "customers.csv")}
    found: dict[str, set[date]] = defaultdict(set)
    for rows in order_rows(folder).values():
        for row in rows:
            at, paid = moment(row["下单时间"]), money(row["实付金额"])
            good = row["订单状态"] in ("已完成", "已发货", "已付款") and row["测试订单"] == "否"
            if good and at and paid is not None and row["会员编号"]:
                found[merged[row["会员编号"]]].add(at.date())
    return found


def test_the_same_arguments_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    """A second run writes every file again to the byte."""
    assert digests(small) == digests(generate(tmp_path, customers=300))


def test_another_seed_gives_another_company(small: Path, tmp_path: Path) -> None:
    """With another seed the order files, the customers and the events differ."""
    other = digests(generate(tmp_path, customers=300, seed=7))

    first = digests(small)
    assert set(first) == set(other)
    same = [name for name in first if first[name] == other[name]]
    assert same == ["products.csv", "stores.xlsx"]


def test_an_earlier_end_leaves_the_past_as_it_is(middle: Path, tmp_path: Path) -> None:
    """A company that ends in June has the same order files up to May."""
    earlier = digests(generate(tmp_path, customers=3_000, until=date(2025, 6, 30)))

    past = {name: hash_ for name, hash_ in earlier.items()
            if name.startswith("orders/") and name < "orders/orders_2025-06"}
    assert len(past) == 26
    later = digests(middle)
    assert {name: later[name] for name in past} == past
    assert "orders/orders_2025-07.csv" not in earlier


@pytest.mark.parametrize("until", [date(2023, 6, 30), date(2024, 2, 10), date(2025, 1, 1),
                                   date(2025, 6, 9), date(2025, 8, 31)])
def test_any_end_within_the_story_gives_a_company(tmp_path: Path, until: date) -> None:
    """No planted cause needs a day that has not come."""
    folder = generate(tmp_path, customers=60, until=until)

    assert str(until) == truths_of(folder)["company"]["last_day"]
    last = max(moment(row["下单时间"]) or datetime.min for rows in order_rows(folder).values()
               for row in rows)
    assert until >= last.date()


@pytest.mark.parametrize(("customers", "until"), [(10, plan.END), (300, date(2025, 10, 1)),
                                                  (300, date(2023, 4, 30))])
def test_a_company_that_cannot_be_is_refused(tmp_path: Path, customers: int, until: date) -> None:
    """Too few customers, or an end outside the story, is told to the user."""
    with pytest.raises(ParameterError, match="demo company"):
        generate(tmp_path, customers=customers, until=until)


def test_the_generator_knows_nothing_of_what_it_tests() -> None:
    """No module of the demo imports stats, analysis or anything behind sources."""
    folder = Path(plan.__file__).parent
    allowed = ("repurchase.sources.demo", "repurchase.errors")
    imported = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
    ours = {name for name in imported if name.startswith("repurchase")}
    assert [] == [name for name in ours if not name.startswith(allowed)]


def test_the_dirt_in_the_files_is_the_dirt_in_the_truths(small: Path, middle: Path) -> None:
    """Rows of each kind, file by file, are as many as truths.json says."""
    for folder in (small, middle):
        files = truths_of(folder)["dirt"]["files"]
        for name, rows in order_rows(folder).items():
            status = Counter(row["订单状态"] for row in rows)
            partly = sum(
                1 for row in rows
                if row["订单状态"] != "已退款" and (money(row["退款金额"]) or 0) > 0
            )
            found = {
                "rows": len(rows),
                "unreadable_date": sum(moment(row["下单时间"]) is None for row in rows),
                "unreadable_amount": sum(money(row["实付金额"]) is None for row in rows),
                "test": sum(row["测试订单"] == "是" for row in rows),
                "cancelled": status["已取消"], "unpaid": status["待付款"],
                "wholly_refunded": status["已退款"], "partly_refunded": partly,
                "without_customer": sum(not row["会员编号"] for row in rows),
            }
            assert {key: files[name][key] for key in found} == found


def test_every_row_ends_in_one_place(middle: Path) -> None:
    """Excluded, set aside and loaded rows counted from the files are those of the truths."""
    ledger = truths_of(middle)["dirt"]["ledger"]
    places: Counter[str] = Counter()
    for rows in order_rows(middle).values():
        for row in rows:
            if row["测试订单"] == "是":
                places["test"] += 1
            elif row["订单状态"] in ("已取消", "待付款"):
                places[{"已取消": "cancelled", "待付款": "unpaid"}[row["订单状态"]]] += 1
            elif moment(row["下单时间"]) is None or money(row["实付金额"]) is None:
                places["quarantined"] += 1
            else:
                places["loaded"] += 1

    assert ledger["excluded"] == {name: places[name] for name in ("cancelled", "unpaid", "test")}
    assert (ledger["quarantined"], ledger["loaded"]) == (places["quarantined"], places["loaded"])
    assert ledger["rows"] == places.total()


def test_some_rows_are_unreadable_but_few(middle: Path) -> None:
    """There is something to set aside, below a fifth of a per cent of the rows."""
    dirt = truths_of(middle)["dirt"]["all"]

    assert dirt["unreadable_date"] > 0
    assert dirt["unreadable_amount"] > 0
    assert 0.002 > (dirt["unreadable_date"] + dirt["unreadable_amount"]) / dirt["rows"]


def test_the_files_are_in_the_formats_that_old_systems_leave(small: Path) -> None:
    """GB18030 without and UTF-8 with a mark, stray spaces, Chinese dates, yuan signs, workbooks."""
    def first_bytes(name: str) -> bytes:
        return (small / "orders" / name).read_bytes()

    assert first_bytes("orders_2023-04.csv").startswith("订单编号,".encode("gb18030"))
    assert first_bytes("orders_2025-09.csv").startswith("\ufeff订单编号,".encode())
    strayed = "\ufeff\u3000订单编号, 会员编号 ,".encode()
    assert first_bytes("orders_2025-01.csv").startswith(strayed)
    assert "2025年8月" in first_bytes("orders_2025-08.csv").decode("utf-8-sig")
    assert "¥" in first_bytes("orders_2024-05.csv").decode("gb18030")
    suffixes = Counter(path.suffix for path in (small / "orders").iterdir())
    assert {".csv": 27, ".xlsx": 3} == suffixes


def test_a_workbook_has_two_heading_rows_true_dates_and_textual_ids(small: Path) -> None:
    """Amounts stand under one merged heading; ids are text, dates are dates; a total ends it."""
    path = small / "orders" / "orders_2025-05.xlsx"
    sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    table = sheet.to_python()

    assert ["订单编号", "会员编号", "下单时间", "金额"] == table[0][:4]
    assert ["", "", "", "实付金额", "原价金额"] == table[1][:5]
    readable = [row for row in table[2:-1] if isinstance(row[2], date)]
    assert len(readable) >= len(table) - 5
    assert all(isinstance(row[0], str) and len(row[0]) == 19 for row in table[2:-1])
    paid = sum((money(row[3]) or Decimal(0) for row in table[2:-1]), Decimal(0))
    assert money(table[-1][3]) == paid
    merged = sheet.merged_cell_ranges or []
    assert ((0, 3), (0, 8)) in merged
    assert ((0, 0), (1, 0)) in merged


def test_order_ids_are_unique_and_too_long_for_a_float(middle: Path) -> None:
    """Nineteen digits each, no two alike, so a reader that makes numbers of them is caught."""
    ids = [row["订单编号"] for rows in order_rows(middle).values() for row in rows]

    assert len(set(ids)) == len(ids)
    assert {19} == {len(id_) for id_ in ids}
    assert any(str(int(float(id_))) != id_ for id_ in ids)


def test_returning_buyers_counted_from_the_files_are_those_of_the_truths(middle: Path) -> None:
    """An independent count over the exported rows gives each month's share exactly."""
    dates = order_dates(middle)
    expected = truths_of(middle)["seen_in_files"]["returning_buyer_share"]
    for label, share in expected.items():
        buyers = {who for who, days in dates.items() if any(f"{d:%Y-%m}" == label for d in days)}
        back = {who for who in buyers if f"{min(dates[who]):%Y-%m}" < label}
        assert (share["numerator"], share["n"]) == (len(back), len(buyers))


def test_second_orders_within_90_days_counted_from_the_files(middle: Path) -> None:
    """Repurchase by month of the first order, only where 90 days have passed, comes out exactly."""
    dates = order_dates(middle)
    expected = truths_of(middle)["seen_in_files"]["repurchase_90d_by_month_of_first_order"]
    assert "2025-06" == max(expected)
    for label, share in expected.items():
        firsts = [sorted(days) for days in dates.values() if f"{min(days):%Y-%m}" == label]
        again = [d for d in firsts if len(d) > 1 and d[1] - d[0] <= timedelta(days=90)]
        assert (share["numerator"], share["n"]) == (len(again), len(firsts))


def test_finance_total_is_what_the_files_hold_and_the_torn_rows(middle: Path) -> None:
    """Paid less refunded of real, paid orders, plus what stands in unreadable rows."""
    totals = truths_of(middle)["control_totals"]["by_month"]
    for name, rows in order_rows(middle).items():
        held = Decimal(0)
        for row in rows:
            real = row["测试订单"] == "否" and row["订单状态"] not in ("已取消", "待付款")
            paid = money(row["实付金额"])
            if real and paid is not None and moment(row["下单时间"]):
                held += paid - (money(row["退款金额"]) or Decimal(0))
        month = totals[name[14:21]]
        assert Decimal(month["finance_total"]) - Decimal(month["of_it_unreadable"]) == held


def test_lines_add_up_to_their_orders(small: Path) -> None:
    """Line amounts less returned lines are paid less refunded, order by order."""
    text = gzip.decompress((small / "order_lines.csv.gz").read_bytes()).decode("utf-8")
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in csv.DictReader(io.StringIO(text)):
        sums[line["订单编号"]] += Decimal(line["行实付"])
    for rows in order_rows(small).values():
        for row in rows:
            paid, back = money(row["实付金额"]), money(row["退款金额"])
            if paid is not None and row["订单状态"] not in ("待付款", "已退款"):
                assert paid - (back or 0) == sums[row["订单编号"]]


def test_every_customer_named_anywhere_is_in_the_customer_file(small: Path) -> None:
    """Orders, events, tests, tickets and surveys name only membership numbers that exist."""
    known = {row["会员编号"] for row in csv_rows(small / "customers.csv")} | {""}
    named = {row["会员编号"] for rows in order_rows(small).values() for row in rows}
    named |= {row["会员编号"] for row in csv_rows(small / "experiments.csv")}
    named |= {row["customer_id"] for name in ("tickets.csv", "surveys.csv")
              for row in csv_rows(small / name)}
    named |= set(pq.read_table(small / "events.parquet")["customer_id"].to_pylist())
    assert set() == named - known


def test_known_duplicates_are_named_and_unknown_ones_share_a_telephone(middle: Path) -> None:
    """Each planted pair is in the file: merged where known, else with the same name and number."""
    customers = {row["会员编号"]: row for row in csv_rows(middle / "customers.csv")}
    pairs = truths_of(middle)["duplicates"]["pairs"]

    assert len(pairs) > 20
    for pair in pairs:
        first, second = customers[pair["first"]], customers[pair["second"]]
        assert (pair["first"] if pair["known"] else "") == second["合并至"]
        assert first["姓名"] == second["姓名"]
        assert first["手机号"] == second["手机号"].removeprefix("+86 ").replace(" ", "")
    merged = sum(bool(row["合并至"]) for row in customers.values())
    assert truths_of(middle)["duplicates"]["known"] == merged
    assert 0 < merged < len(pairs)


def test_the_worst_late_order_is_in_the_file(middle: Path) -> None:
    """The order that took longest to be loaded, its till and its day are as the truths say."""
    worst = truths_of(middle)["late_orders"]["worst"]
    rows = [row for rows in order_rows(middle).values() for row in rows]
    lag = {}
    for row in rows:
        at, loaded = moment(row["下单时间"]), moment(row["入库时间"])
        if at and loaded:
            lag[row["订单编号"]] = (loaded.date() - at.date()).days
    row = next(row for row in rows if row["订单编号"] == worst["order_id"])

    assert worst["lag_days"] == max(lag.values()) == lag[worst["order_id"]]
    assert (worst["store_id"], worst["source_system"]) == (row["门店编号"], row["来源系统"])
    assert plan.LATE_STORE == row["门店编号"]
    assert str(plan.LATE_LOADED) == worst["loaded_at"][:10]


def test_only_the_planted_month_loses_membership_numbers(middle: Path) -> None:
    """The identified share falls in that month alone, and the persons behave as before."""
    truth = truths_of(middle)
    shares = {label: month["orders"]["value"]
              for label, month in truth["seen_in_files"]["identified_share"].items()}
    recent = {label: share for label, share in shares.items() if label >= "2024-07"}

    assert "2025-06" == min(recent, key=lambda label: recent[label])
    fall = truth["identification"]["identified_share_of_orders"]
    assert fall["difference"] < -0.04
    assert truth["identification"]["returning_buyer_share"]["difference"] < 0
    assert truth["identification"]["orders_hit"] > 0


def test_the_broken_split_is_broken_and_the_others_are_not(middle: Path) -> None:
    """One arm of the broken test lacks about a tenth of its rows; the others are even."""
    rows = csv_rows(middle / "experiments.csv")
    arms = Counter((row["实验编号"], row["分组"]) for row in rows)
    tests = truths_of(middle)["experiments"]["tests"]
    for name, test in tests.items():
        assert test["rows_treatment"] == arms[(name, "treatment")]
        assert test["rows_control"] == arms[(name, "control")]
        even = abs(arms[(name, "treatment")] - arms[(name, "control")]) <= 1
        assert even == (name != "exp_broken_split")
    broken = tests["exp_broken_split"]
    assert broken["treated_lost"] == pytest.approx(0.1 * broken["units_planned"] / 2, rel=0.35)


def test_the_tests_have_the_effects_that_were_planted(middle: Path) -> None:
    """Two lift, two do nothing, one lifts for a month and has taken it back after three."""
    tests = truths_of(middle)["experiments"]["tests"]

    def effect(name: str, horizon: str, metric: str = "order_dates") -> float:
        value: float = tests[name]["effects"][horizon][metric]["effect"]
        return value

    assert effect("exp_personal", "90d") > 0
    assert effect("exp_discount", "90d") > 0
    assert 0.0 == effect("exp_null", "90d") == effect("exp_broken_split", "90d")
    assert effect("exp_pull_forward", "30d") > 0 > effect("exp_pull_forward", "90d")


def test_the_over_contacted_are_those_with_too_many_messages(middle: Path) -> None:
    """In May 2025 those named got more than the limit and hardly anyone else did."""
    truth = truths_of(middle)["over_contact"]
    events = pq.read_table(middle / "events.parquet").to_pydict()
    first, after = datetime(2025, 4, 1), datetime(2025, 5, 1)
    touches = Counter(
        who for who, at, kind in zip(
            events["customer_id"], events["occurred_at"], events["type"], strict=True)
        if first <= at < after and kind in ("sms", "email_sent", "wechat")
    )
    planted = set(truth["customer_ids"])
    many = {who for who, count in touches.items()
            if count > truth["more_than_touches_in_30_days"]}

    assert len(planted) == truth["persons"]
    assert many <= planted
    assert len(many) / len(planted) > 0.75
    shares = truth["opted_out_since"]
    assert shares["over_contacted"]["value"] > 10 * shares["others"]["value"]


def test_the_basket_step_breaks_in_one_channel_and_month(middle: Path) -> None:
    """Baskets per click fall by more than a third in August 2025 and stay low."""
    rates = truths_of(middle)["funnel_break"]["carts_per_click_by_month"]
    before = np.mean([rates[f"2025-{m:02d}"]["carts_per_click"] for m in range(1, 8)])

    assert rates["2025-08"]["carts_per_click"] < 0.65 * before
    assert rates["2025-09"]["carts_per_click"] < 0.65 * before


def test_the_store_that_does_not_use_the_system_is_seen_in_the_events(middle: Path) -> None:
    """What its sales persons enter is entered days later, theirs are few logins and due calls."""
    truth = truths_of(middle)["unused_system"]
    events = pq.read_table(middle / "events.parquet").to_pylist()
    since = datetime.fromisoformat(truth["date"])
    by_hand = [e for e in events if e["rep_id"] and e["type"] in ("call", "wechat", "visit")
               and e["occurred_at"] >= since]
    late = {e["event_id"] for e in by_hand
            if (e["loaded_at"].date() - e["occurred_at"].date()).days > 2}
    there = [e for e in by_hand if e["rep_id"] in truth["reps"]]

    assert late == {e["event_id"] for e in there}
    assert len(there) == truth["there"]["entries_late"]["n"] > 0
    others = truth["other_stores_with_the_system"]
    assert truth["there"]["due_customers_called"]["value"] < 0.25
    assert 0.6 < others["due_customers_called"]["value"] < 0.9
    assert 0.7 < others["promises_kept"]["value"] <= 1.0
    logins = Counter(e["rep_id"] in truth["reps"] for e in events
                     if e["type"] == "login" and e["rep_id"] and e["occurred_at"] >= since)
    assert {True: truth["there"]["logins"], False: others["logins"]} == logins
    assert logins[False] > 50 * logins[True]


def test_no_message_reaches_an_address_that_is_not_there(middle: Path) -> None:
    """Without an e-mail address no e-mail goes out, and what failed is never opened or clicked."""
    blank = {row["会员编号"] for row in csv_rows(middle / "customers.csv") if not row["邮箱"]}
    events = pq.read_table(middle / "events.parquet").to_pylist()
    emails = [e for e in events if e["type"] == "email_sent"]

    assert emails
    failed = {(e["customer_id"], e["campaign_id"]) for e in events if e["outcome"] == "failed"}
    answers = [e for e in events if e["type"] in ("email_open", "email_click", "sms_click")
               and e["campaign_id"]]
    assert failed and answers
    assert [] == [e for e in answers if (e["customer_id"], e["campaign_id"]) in failed]
    assert [] == [e for e in emails if e["customer_id"] in blank]


def test_personalised_messages_are_clicked_more_often(middle: Path) -> None:
    """By about the planted factor, in a plain count."""
    truth = truths_of(middle)["messages"]
    shares = {name: part["value"] for name, part in truth["clicks_per_message"].items()}

    assert truth["click_factor"] == pytest.approx(shares["personalised"] / shares["generic"],
                                                  rel=0.15)


@pytest.fixture(scope="module")
def replayed() -> tuple[Any, dict[str, set[tuple[int, int]]]]:
    """A crowd, and its (person, day) purchases in each version."""
    crowd = people(2_000, seed=SEED)
    life = lives(crowd, seed=SEED, days=DAYS)
    pairs = {
        name: set(zip(bought.person.tolist(), bought.day.tolist(), strict=True))
        for name, bought in zip(plan.SCENARIOS, life.purchases, strict=True)
    }
    return (crowd, life), pairs


@pytest.mark.parametrize(("version", "since"), [
    ("without_go_live", plan.GO_LIVE), ("without_over_contact", plan.OVER_CONTACT_FROM),
    ("without_funnel_break", plan.FUNNEL_FROM), ("without_service_trouble", plan.SERVICE_FROM),
    ("experiments_all_control", plan.EXPERIMENTS[0].assigned_on),
    ("experiments_all_treated", plan.EXPERIMENTS[0].assigned_on),
])
def test_a_removed_cause_changes_something_and_nothing_before_it(
    replayed: Any, version: str, since: date
) -> None:
    """Each replay differs from what was, and only from the cause's first day on."""
    changed = replayed[1]["as_it_was"] ^ replayed[1][version]

    assert changed
    assert plan.day_of(since) <= min(day for _, day in changed)


@pytest.mark.parametrize("trouble", ["funnel_break", "service_trouble"])
def test_a_company_without_a_trouble_is_the_replay_without_it(
    replayed: Any, trouble: str
) -> None:
    """What the generator leaves out never happens, and every other draw stays."""
    (crowd, _), pairs = replayed
    (bought, *_) = lives(crowd, seed=SEED, days=DAYS, without=[trouble]).purchases

    lived = set(zip(bought.person.tolist(), bought.day.tolist(), strict=True))
    assert pairs[f"without_{trouble}"] == lived
    assert pairs["as_it_was"] != lived


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `middle`, with every trouble left out."""
    folder = tmp_path_factory.mktemp("healthy")
    return generate(folder, customers=3_000, without=plan.TROUBLES)


def test_a_healthy_company_says_so_and_has_no_trouble(healthy: Path, middle: Path) -> None:
    """truths.json names what was left out; every cause's difference is nought."""
    truth = truths_of(healthy)

    assert list(plan.TROUBLES) == truth["company"]["troubles_left_out"]
    assert [] == truths_of(middle)["company"]["troubles_left_out"]
    assert 0 == truth["funnel_break"]["attempts_lost"]
    south = truth["service_trouble"]["repeat_order_dates_by_month"].values()
    assert {0} == {month["difference"] for month in south}
    assert [] == truth["over_contact"]["customer_ids"]
    assert 0 == truth["late_orders"]["till_off_line"]["orders"]
    assert 0 == truth["identification"]["orders_hit"]
    assert [] == truth["duplicates"]["pairs"]
    assert not any(test["split_is_broken"] for test in truth["experiments"]["tests"].values())
    used = truth["unused_system"]
    assert 0 == used["there"]["entries_late"]["numerator"] < used["there"]["entries_late"]["n"]
    assert used["there"]["due_customers_called"]["value"] > 0.5
    rates = truth["funnel_break"]["carts_per_click_by_month"]
    before = np.mean([rates[f"2025-{m:02d}"]["carts_per_click"] for m in range(1, 8)])
    assert 0.85 < rates["2025-08"]["carts_per_click"] / before


def test_a_trouble_left_out_leaves_the_months_before_it(middle: Path, tmp_path: Path) -> None:
    """Without the broken basket the order files are the same up to July 2025, and not after."""
    spared = digests(generate(tmp_path, customers=3_000, without=["funnel_break"]))
    first = digests(middle)
    orders = sorted(name for name in first if name.startswith("orders/"))

    assert orders[-2:] == [name for name in orders if first[name] != spared[name]]


def test_the_order_in_which_troubles_are_named_changes_no_byte(tmp_path: Path) -> None:
    """A set has no order."""
    one = generate(tmp_path / "one", customers=60, without=["late_till", "funnel_break"])
    two = generate(tmp_path / "two", customers=60, without=["funnel_break", "late_till"])

    assert digests(one) == digests(two)


def test_a_trouble_that_is_not_planted_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(ParameterError, match="funnel_brake") as refused:
        generate(tmp_path / "none", without=["funnel_brake"])

    assert "funnel_break" in str(refused.value.remedy)
    assert not (tmp_path / "none").exists()


def test_a_removed_cause_touches_only_those_it_worked_on(replayed: Any) -> None:
    """Customers of other stores, and those in no test or list, live exactly as before."""
    (crowd, life), pairs = replayed
    stores = np.array([s.store_id for s in plan.STORES])[crowd.home]
    regions = np.array([s.region for s in plan.STORES])[crowd.home]
    acting = [a for a in life.assignments if a.experiment.bucket is not None]
    hit = {
        "without_go_live": np.isin(stores, plan.GO_LIVE_STORES),
        "without_service_trouble": regions == plan.SERVICE_REGION,
        "without_over_contact": over_contacted(crowd),
        "experiments_all_control": np.isin(
            np.arange(len(stores)), np.concatenate([a.person[a.treated] for a in acting])),
        "experiments_all_treated": np.isin(
            np.arange(len(stores)), np.concatenate([a.person[~a.treated] for a in acting])),
    }
    for version, reached in hit.items():
        touched = {person for person, _ in pairs["as_it_was"] ^ pairs[version]}
        assert touched
        assert set() == touched - set(np.flatnonzero(reached).tolist())


def test_draws_are_even_and_do_not_know_each_other() -> None:
    """Neighbouring keys, purposes and seeds give numbers without a trace of correlation."""
    keys = np.arange(200_000)
    base = uniform(1, "one", keys, 5)
    others = [uniform(1, "one", keys, 6), uniform(1, "two", keys, 5), uniform(2, "one", keys, 5),
              uniform(1, "one", keys + 1, 5), uniform(1, "one", 5, keys)]

    assert 0 <= base.min() and base.max() < 1
    counts = np.bincount((base * 20).astype(int), minlength=20)
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 50
    for other in others:
        assert abs(np.corrcoef(base, other)[0, 1]) < 0.01
    bell = normal(1, "bell", keys)
    assert 0.0 == pytest.approx(bell.mean(), abs=0.01)
    assert 1.0 == pytest.approx(bell.std(), abs=0.01)


def test_a_draw_is_chosen_by_weight() -> None:
    """Edges of [0, 1) fall into the first and the last index with any weight."""
    assert [0, 0, 1, 3] == pick(np.array([0.0, 0.249, 0.25, 0.999]),
                                np.array([1.0, 1.0, 0.0, 2.0])).tolist()


def test_column_letters_go_on_after_z() -> None:
    """A, Z, AA, AZ, BA."""
    assert ["A", "Z", "AA", "AZ", "BA"] == [column_letters(k) for k in (0, 25, 26, 51, 52)]


def test_a_written_workbook_is_read_as_it_was_meant(tmp_path: Path) -> None:
    """Text with markup stays text, numbers and dates keep their kind, empty cells are empty."""
    at = datetime(2025, 5, 31, 23, 59, 59)
    write_xlsx(tmp_path / "a.xlsx", [["<a & b>", 1.5, at, None, date(2025, 5, 1), "007"]],
               sheet="表")

    sheet = CalamineWorkbook.from_path(str(tmp_path / "a.xlsx")).get_sheet_by_name("表")
    assert [["<a & b>", 1.5, at, "", date(2025, 5, 1), "007"]] == sheet.to_python()
