"""What is planted in the demo company, and when: every date, place and strength in one place."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

START = date(2023, 4, 1)
END = date(2025, 9, 30)
TIME_ZONE = "Asia/Shanghai"
CURRENCY = "CNY"
COMPANY = "Hengyun Home 恒云家居"

SPRING_FESTIVALS = (date(2024, 2, 10), date(2025, 1, 29))
MID_AUTUMNS = (date(2023, 9, 29), date(2024, 9, 17), date(2025, 10, 6))

CHANNELS = ("store", "app", "marketplace", "wechat")
CHANNEL_TEXT = ("门店", "APP", "电商平台", "微信")
SOURCE_SYSTEMS = ("POS", "APP", "MARKET", "WECHAT")


class Store(NamedTuple):
    """One row of the store list. `pull`: share of joining customers; `loyalty`: factor on rates."""

    store_id: str
    name: str
    city: str
    region: str
    format: str
    channel_kind: str
    opened_on: date
    closed_on: date | None
    pull: float
    loyalty: float


_FIRST = START


def _own(
    number: int, city: str, place: str, region: str, pull: float, loyalty: float,
    opened: date = _FIRST, closed: date | None = None, kind: str = "own",
) -> Store:
    size = "旗舰店" if pull >= 1.5 else "标准店" if pull >= 0.8 else "咖啡角"
    name = f"恒云家居{city}{place}店"
    return Store(f"S{number:03d}", name, city, region, size, kind, opened, closed, pull, loyalty)


STORES: tuple[Store, ...] = (
    _own(1, "上海", "静安", "华东", 2.0, 1.10),
    _own(2, "上海", "徐汇", "华东", 1.6, 1.30),
    _own(3, "上海", "浦东", "华东", 1.2, 0.90),
    _own(4, "杭州", "西湖", "华东", 1.3, 1.30),
    _own(5, "杭州", "滨江", "华东", 0.9, 0.95),
    _own(6, "南京", "新街口", "华东", 1.0, 1.00),
    _own(7, "苏州", "园区", "华东", 0.9, 1.30),
    _own(8, "宁波", "天一", "华东", 0.6, 0.90, date(2024, 9, 14), kind="franchise"),
    _own(9, "广州", "天河", "华南", 2.6, 1.10),
    _own(10, "广州", "越秀", "华南", 1.7, 1.05),
    _own(11, "深圳", "南山", "华南", 2.6, 1.15),
    _own(12, "深圳", "福田", "华南", 2.1, 1.10),
    _own(13, "佛山", "千灯湖", "华南", 1.2, 1.00),
    _own(14, "厦门", "中山路", "华南", 1.3, 1.05),
    _own(15, "北京", "三里屯", "华北", 1.8, 1.05),
    _own(16, "北京", "中关村", "华北", 1.3, 1.30),
    _own(17, "北京", "望京", "华北", 1.1, 0.95, date(2023, 9, 1)),
    _own(18, "天津", "滨江道", "华北", 0.8, 0.90, kind="franchise"),
    _own(19, "青岛", "五四广场", "华北", 0.7, 0.85, date(2023, 6, 10), date(2025, 3, 31)),
    _own(20, "成都", "太古里", "西部", 1.6, 1.30),
    _own(21, "成都", "高新", "西部", 1.0, 0.95, date(2023, 11, 18)),
    _own(22, "重庆", "解放碑", "西部", 1.2, 1.00),
    _own(23, "武汉", "光谷", "西部", 0.9, 0.90, date(2024, 12, 7), kind="franchise"),
    _own(24, "长沙", "五一", "西部", 0.8, 0.95, date(2025, 4, 12)),
    Store("E901", "恒云家居APP商城", "", "线上", "线上", "online", START, None, 0.0, 1.0),
    Store("E902", "恒云家居电商旗舰店", "", "线上", "线上", "online", START, None, 0.0, 0.85),
    Store("E903", "恒云家居微信小程序", "", "线上", "线上", "online", START, None, 0.0, 1.0),
)
OWN_STORES = 24
STORE_OF_CHANNEL = {1: 24, 2: 25, 3: 26}

# Planted: the repurchase-tracking system. The roll-out took every other store of each region, by
# number, among those open before 2024: chosen on the list, not on the outcome.
GO_LIVE = date(2025, 1, 1)
GO_LIVE_RAMP_DAYS = 31
GO_LIVE_RATE = 0.30
GO_LIVE_STAY = 0.12
GO_LIVE_STORES = ("S001", "S003", "S005", "S007", "S009", "S011", "S013", "S015", "S017", "S020",
                  "S022")
CONTROL_STORES = ("S002", "S004", "S006", "S010", "S012", "S014", "S016", "S018", "S021")

# Planted: a delivery and stock-out trouble in the southern stores. Who comes for coffee every week
# hardly notices, so that it moves the share of customers who return more than the number of orders.
SERVICE_REGION = "华南"
SERVICE_FROM = date(2025, 7, 1)
SERVICE_RAMP_DAYS = 21
SERVICE_RATE = -0.85
SERVICE_BAD = 0.22
BASE_BAD = 0.04

# Planted: the mini-program's basket button fails. The regulars of the stores order there often, so
# that it costs more orders than the trouble in the south.
FUNNEL_FROM = date(2025, 8, 1)
FUNNEL_CHANNEL = 3
FUNNEL_LOST = 0.65
FUNNEL_UPSET = 0.1
CART_AFTER_CLICK = 0.30

# How often in a month a customer of the app or the mini-program who has bought in the last 180 days
# looks only, and how often that fills a basket.
LOOKS = 0.6
LOOKS_FOR_DAYS = 180
CART_AFTER_LOOK = 0.10

# How often customers of a store order in the app, the mini-program and on the marketplace instead.
STRAY_APP = 0.045
STRAY_WECHAT = 0.04
STRAY_WECHAT_REGULAR = 0.45
STRAY_MARKET = 0.02

# Planted: tills that stop asking for the membership number in one month, in the stores with the
# most regulars.
IDENTIFICATION_MONTH = (2025, 6)
IDENTIFICATION_STORES = ("S002", "S004", "S007", "S016", "S020")
IDENTIFICATION_LOST = 0.75

# Planted: two audience lists that overlap.
OVER_CONTACT_FROM = date(2025, 4, 1)
OVER_CONTACT_SHARE = 0.05
OVER_CONTACT_RATE = -0.32
OVER_CONTACT_LIMIT = 12
OVER_CONTACT_DAILY = 0.55
OPT_OUT_PER_TOUCH = 0.0015
OPT_OUT_PER_TOUCH_OVER = 0.006

# Planted: one person, two membership numbers.
DUPLICATE_SHARE = 0.025
DUPLICATE_KNOWN = 0.6
DUPLICATE_USE = 0.6

# Planted: a till that was off line, its orders loaded much later.
LATE_STORE = "S001"
LATE_FROM = date(2025, 9, 3)
LATE_UNTIL = date(2025, 9, 18)
LATE_LOADED = date(2025, 9, 24)


class Experiment(NamedTuple):
    """A randomised test. Factors multiply the purchase intensity of the treated after assignment.

    `early` acts on days 0..early_days - 1, `late` from then to day 89; `stocked` acts in addition
    on late days on those who bought early. `bucket` keeps the tests with an effect on different
    customers; None takes everyone.
    """

    experiment_id: str
    title: str
    assigned_on: date
    bucket: int | None
    recency_days: int
    early: float
    early_days: int
    late: float
    stocked: float
    lost_treated: float = 0.0


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("exp_discount", "满减券 15% off", date(2024, 9, 9), 0, 150, 1.9, 45, 1.0, 1.0),
    Experiment("exp_personal", "个性化推荐", date(2025, 2, 17), 1, 150, 2.0, 90, 1.0, 1.0),
    Experiment("exp_null", "新版邮件标题", date(2025, 4, 14), None, 150, 1.0, 90, 1.0, 1.0),
    Experiment("exp_pull_forward", "囤货礼包", date(2025, 5, 12), 2, 150, 2.2, 30, 0.25, 0.5),
    Experiment("exp_broken_split", "会员日", date(2025, 6, 9), None, 200, 1.0, 90, 1.0, 1.0, 0.1),
)
EXPERIMENT_BUCKETS = 3

# The share of those who bought in the last 200 days, and of all others, to whom a wave goes.
WAVE = (0.70, 0.17)
SMALL_WAVE = (0.25, 0.05)

SCENARIOS = (
    "as_it_was",
    "without_go_live",
    "experiments_all_control",
    "experiments_all_treated",
    "without_over_contact",
    "without_funnel_break",
    "without_service_trouble",
)
AS_IT_WAS = 0

# Planted: a store whose sales persons stop using the tracking system; nobody buys otherwise for it.
# The stores that got the system have always called who is due, once a month: who has not come for
# so many of the usual times between two purchases, in the first year after the last one. So the
# go-live changes nothing about who is called.
UNUSED_STORE = "S015"
UNUSED_FROM = date(2025, 6, 1)
DUE_AFTER = 1.5
DUE_DAYS = (21, 150)
DUE_EVERY = 30
DUE_UNTIL = 365
DUE_CALLED = 0.75
DUE_CALLED_UNUSED = 0.08
PROMISE_DAYS = 5
PROMISE_KEPT = 0.85
PROMISE_KEPT_UNUSED = 0.15
LOGIN = 0.8
LOGIN_UNUSED = 0.08
ENTRY_LATE_DAYS = (3, 7)
QUIET_DAYS = 15

# Whom messages greet by name and last purchase, recent buyers more often than others, and how many
# times as often it is clicked; how many addresses no longer exist.
PERSONAL = (0.50, 0.10)
PERSONAL_CLICK = 1.4
DEAD_ADDRESS = 0.03

# What goes wrong in the company, each of which can be left out: the same draws, without the cause.
TROUBLES = (
    "funnel_break",
    "service_trouble",
    "over_contact",
    "identification",
    "late_till",
    "duplicates",
    "broken_split",
    "unused_system",
)


def day_of(day: date) -> int:
    """Days since the company's first day."""
    return (day - START).days
