"""The smaller files: customers, stores, goods, staff, tests, costs, tickets, surveys."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from repurchase.sources.demo import plan
from repurchase.sources.demo.accounts import Accounts, customer_id
from repurchase.sources.demo.baskets import INTERNAL_ACCOUNTS, PASSER_BY, TEST_ACCOUNTS, Orders
from repurchase.sources.demo.behaviour import Assignment
from repurchase.sources.demo.contacts import (
    INSTRUMENTS,
    PRIORITIES,
    REMARKS_BAD,
    REMARKS_GOOD,
    TICKET_CATEGORIES,
    TYPES,
    Answers,
    Contacts,
    Tickets,
    campaigns,
)
from repurchase.sources.demo.draws import Ints, uniform
from repurchase.sources.demo.exports import (
    OrderBook,
    date_of,
    moment_of,
    subscribers,
    write_csv,
)
from repurchase.sources.demo.goods import products, rep_of, reps
from repurchase.sources.demo.names import (
    INDUSTRIES,
    company_names,
    person_names,
    telephones,
    trades,
)
from repurchase.sources.demo.people import SEGMENT_TEXT, People
from repurchase.sources.demo.xlsx import Cell, write_xlsx

_DAY = 86_400
_UTF8 = "utf-8-sig"
CUSTOMER_HEADINGS = (
    "会员编号", "姓名", "客户类型", "手机号", "邮箱", "注册时间", "会员分群", "会员等级", "行业",
    "区域", "来源渠道", "标签", "归属导购", "退订邮件", "退订短信", "退订微信", "禁止致电",
    "应收金额", "逾期天数", "续约日期", "测试账号", "内部员工", "合并至",
)
_LEVELS = ("普通", "银卡", "金卡", "黑金")
_TAGS = ("咖啡", "手冲", "家居", "礼品", "企业采购", "会员日")


def _stamp(second: int) -> str:
    return f"{moment_of(second):%Y-%m-%d %H:%M:%S}" if second >= 0 else ""


def _yes(flag: bool) -> str:
    return "是" if flag else "否"


def write_customers(
    folder: Path, crowd: People, book: Accounts, orders: Orders, contact: Contacts, *, seed: int,
    days: int,
) -> None:
    """customers.csv: one row a membership number."""
    who = np.maximum(book.person, 0)
    numbers = np.where(book.person >= 0, book.person, 10**9 - book.person)
    names = person_names(numbers, seed=seed, purpose="person")
    firms = company_names(numbers, seed=seed)
    trade = trades(numbers, seed=seed)
    level = _levels(crowd, orders, days=days)
    calls = uniform(seed, "person/no-call", who) < 0.012
    owed = uniform(seed, "person/owed", who)
    renews = subscribers(crowd, seed=seed)
    owner = rep_of(crowd.home, uniform(seed, "rep/owner", np.arange(len(crowd.joined))))
    phone = telephones(numbers)
    ids = customer_id(np.arange(len(who)))
    rows: list[list[Cell]] = []
    for k, person in enumerate(book.person.tolist()):
        second = bool(book.is_second[k])
        if person < 0:
            rows.append(_staff_row(ids[k], -2 - person))
            continue
        firm = bool(crowd.is_company[person])
        name = firms[k] if firm else names[k]
        debt = firm and owed[k] < 0.3
        gone = contact.opted_out[person] < 10**6
        rows.append([
            ids[k], name, "企业" if firm else "个人",
            f"+86 {phone[k][:3]} {phone[k][3:7]} {phone[k][7:]}" if second else phone[k],
            f"m{numbers[k]}@example.com" if owed[k] < 0.8 else "",
            _stamp(int(book.created[k])), SEGMENT_TEXT[crowd.segment[person]],
            _LEVELS[level[person]], INDUSTRIES[trade[k]] if firm else "",
            plan.STORES[crowd.city[person]].region, plan.CHANNEL_TEXT[crowd.channel[person]],
            _tags(crowd, person, float(owed[k])), f"R{owner[person] + 1:04d}",
            _yes(bool(gone[1])), _yes(bool(gone[0])), _yes(bool(gone[2])), _yes(bool(calls[k])),
            f"{int(owed[k] * 40_000)}.00" if debt else "", int(owed[k] * 250) if debt else "",
            str(date_of(days) + timedelta(days=int(owed[k] * 90))) if renews[person] else "",
            "否", "否",
            ids[book.first[person]] if second and book.merge_known[person] else "",
        ])
    write_csv(folder / "customers.csv", CUSTOMER_HEADINGS, list(zip(*rows, strict=True)),
              encoding=_UTF8)


def _staff_row(id_: str, number: int) -> list[Cell]:
    test = number < TEST_ACCOUNTS
    name = f"测试账号{number + 1}" if test else f"内部员工{number - TEST_ACCOUNTS + 1}"
    row: list[Cell] = [id_, name, "个人", *[""] * (len(CUSTOMER_HEADINGS) - 3)]
    row[5] = "2023-04-01 00:00:00"
    row[13:17] = ["否"] * 4
    row[20], row[21] = _yes(test), _yes(TEST_ACCOUNTS <= number < TEST_ACCOUNTS + INTERNAL_ACCOUNTS)
    return row


def _levels(crowd: People, orders: Orders, *, days: int) -> Ints:
    mine = (orders.person >= 0) & orders.counts & (orders.day >= days - 365)
    spent = np.bincount(orders.person[mine], weights=(orders.net - orders.refund)[mine],
                        minlength=len(crowd.joined))
    return np.searchsorted(np.array([100_000, 400_000, 1_500_000]), spent, side="right")


def _tags(crowd: People, person: int, draw: float) -> str:
    tags = [(("咖啡", "手冲"), ("咖啡",), ("礼品",), ("家居",))[int(crowd.segment[person])]]
    if crowd.is_company[person]:
        tags.append(("企业采购",))
    if draw > 0.85:
        tags.append(("会员日",))
    return ";".join(tag for group in tags for tag in group)


def write_places(folder: Path, *, seed: int, days: int) -> None:
    """stores.xlsx, products.csv and reps.csv."""
    until = date_of(days - 1)

    def past(day: date | None) -> date | None:
        return day if day is not None and day <= until else None

    kinds = {"own": "直营", "franchise": "加盟", "online": "线上"}
    rows: list[list[Cell]] = [
        ["门店编号", "门店名称", "城市", "大区", "店型", "经营类型", "开业日期", "闭店日期"]
    ]
    rows += [[s.store_id, s.name, s.city, s.region, s.format, kinds[s.channel_kind], s.opened_on,
              past(s.closed_on)] for s in plan.STORES if s.opened_on <= until]
    write_xlsx(folder / "stores.xlsx", rows, sheet="门店")
    goods = [[p.product_id, p.name, p.category, p.brand, f"¥{p.list_price / 100:,.2f}",
              f"¥{p.unit_cost / 100:,.2f}", str(p.launch_date), p.expected_cycle_days]
             for p in products()]
    write_csv(folder / "products.csv",
              ["商品编号", "商品名称", "类目", "品牌", "标价", "成本", "上市日期", "预计周期天数"],
              list(zip(*goods, strict=True)), encoding="gb18030")
    staff = [[r.rep_id, r.name, r.team, r.manager_id, str(r.active_from), past(r.active_to),
              f"{r.target_fen // 100}.00", f"{until:%Y-%m}", plan.STORES[r.store].store_id]
             for r in reps(seed=seed) if r.active_from <= until]
    write_csv(folder / "reps.csv",
              ["导购编号", "姓名", "团队", "主管编号", "入职日期", "离职日期", "月度复购目标",
               "目标期间", "门店编号"],
              list(zip(*staff, strict=True)), encoding=_UTF8)


def write_experiments(
    folder: Path, tests: tuple[Assignment, ...], contact: Contacts, book: Accounts, *, days: int
) -> None:
    """experiments.csv: the assignments that reached the log; lost ones leave no row."""
    waves = {c.campaign_id: row for row, c in enumerate(campaigns(days))}
    events = contact.events
    rows: list[list[Cell]] = []
    for test in tests:
        name = test.experiment.experiment_id
        sent = (events.campaign == waves[f"CP-{name}"]) & (events.type <= TYPES.index("wechat"))
        seen = dict(zip(events.person[sent].tolist(), events.second[sent].tolist(), strict=True))
        kept = ~test.lost
        day = plan.day_of(test.experiment.assigned_on)
        ids = customer_id(book.first[test.person[kept]])
        for id_, person, treated in zip(
            ids, test.person[kept].tolist(), test.treated[kept].tolist(), strict=True
        ):
            rows.append([
                name, id_, "treatment" if treated else "control", _stamp(day * _DAY + 28_800),
                _stamp(seen.get(person, -1)) if treated else "", "50%", "营销平台",
            ])
    headings = ["实验编号", "会员编号", "分组", "分组时间", "触达时间", "计划占比", "分组来源"]
    columns = zip(*rows, strict=True) if rows else ([] for _ in headings)
    write_csv(folder / "experiments.csv", headings, list(columns), encoding=_UTF8)


def write_costs(
    folder: Path, orders: Orders, contact: Contacts, *, days: int
) -> None:
    """costs.csv: the tracking system's own costs, and what each month cost besides."""
    rows = _project_costs(days=days)
    first = plan.START
    while plan.day_of(first) < days:
        after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        rows += _month_costs(first, after, orders, contact)
        first = after
    table = [[f"C{k:05d}", *row] for k, row in enumerate(rows, start=1)]
    write_csv(folder / "costs.csv",
              ["费用编号", "开始日期", "结束日期", "费用类别", "金额", "项目", "周期性", "工时",
               "小时单价", "渠道"],
              list(zip(*table, strict=True)), encoding=_UTF8)


def _project_costs(*, days: int) -> list[list[Cell]]:
    name = "tracking-system"
    rows: list[list[Cell]] = [
        ["2024-09-15", "2024-12-31", "build", "168000.00", name, "否", "", "", ""],
        ["2024-11-01", "2024-12-31", "implementation", "92000.00", name, "否", "460", "200.00", ""],
        ["2024-12-09", "2025-01-31", "training", "36000.00", name, "否", "240", "150.00", "store"],
    ]
    return [row for row in rows if plan.day_of(date.fromisoformat(str(row[0]))) < days]


def _month_costs(first: date, after: date, orders: Orders, contact: Contacts) -> list[list[Cell]]:
    start, end = str(first), str(after - timedelta(days=1))
    mine = (orders.day >= plan.day_of(first)) & (orders.day < plan.day_of(after))
    mine &= orders.role <= PASSER_BY
    events = contact.events
    now = (events.second >= plan.day_of(first) * _DAY) & (events.second < plan.day_of(after) * _DAY)
    found: list[tuple[str, float, str, str, str, str]] = []
    for code, channel, each in ((0, "sms", 0.05), (1, "email", 0.012), (2, "wechat", 0.03)):
        count = int((now & (events.type == code)).sum())
        found.append(("campaign", count * each + 1500, "", "", "", channel))
    found.append(("incentive", float(orders.discount[mine].sum()) / 100, "", "", "", ""))
    found.append(("shipping", float((orders.channel[mine] > 0).sum()) * 9.5, "", "", "", "online"))
    found.append(("payment_fee", float(orders.net[mine].sum()) / 100 * 0.006, "", "", "", ""))
    found.append(("loyalty_reward", float(orders.net[mine].sum()) / 100 * 0.008, "", "", "", ""))
    if first >= plan.GO_LIVE:
        found.append(("software", 9800.0, "tracking-system", "", "", ""))
        found.append(("maintenance", 3200.0, "tracking-system", "", "", ""))
        found.append(("labour", 96 * 55.0, "tracking-system", "96", "55.00", "store"))
    return [
        [start, end, kind, f"{amount:.2f}", project, "是", hours, wage, channel]
        for kind, amount, project, hours, wage, channel in found
    ]


def write_voices(
    folder: Path, answer: Answers, ticket: Tickets, sheet: OrderBook, book: Accounts
) -> None:
    """surveys.csv and tickets.csv, from foreign tools with English headings."""
    rows: list[list[Cell]] = []
    ids = customer_id(book.first[answer.person])
    for k, id_ in enumerate(ids):
        name, low, high = INSTRUMENTS[answer.instrument[k]]
        score = int(answer.score[k])
        words = REMARKS_GOOD if score >= (7 if name == "nps" else 4) else REMARKS_BAD
        rows.append([
            f"Q{k + 1:06d}", _stamp(int(answer.second[k])), name, score, low, high,
            id_ if name != "review" else "", ("sms", "store", "marketplace")[answer.instrument[k]],
            words[answer.remark[k]] if answer.remark[k] >= 0 else "",
            sheet.order_id[answer.order[k]],
        ])
    write_csv(folder / "surveys.csv",
              ["response_id", "answered_at", "instrument", "score", "scale_min", "scale_max",
               "customer_id", "channel", "text", "order_id"],
              list(zip(*rows, strict=True)) if rows else [[]] * 10, encoding="utf-8")
    rows = [
        [f"K{k + 1:06d}", id_, _stamp(int(ticket.opened[k])), _stamp(int(ticket.replied[k])),
         _stamp(int(ticket.closed[k])), plan.CHANNELS[ticket.channel[k]],
         PRIORITIES[ticket.priority[k]], TICKET_CATEGORIES[ticket.category[k]],
         "true" if ticket.reopened[k] else "false", "true" if ticket.logged[k] else "false"]
        for k, id_ in enumerate(customer_id(book.first[ticket.person]))
    ]
    write_csv(folder / "tickets.csv",
              ["ticket_id", "customer_id", "opened_at", "first_reply_at", "closed_at", "channel",
               "priority", "category", "reopened", "action_logged"],
              list(zip(*rows, strict=True)) if rows else [[]] * 10, encoding="utf-8")
