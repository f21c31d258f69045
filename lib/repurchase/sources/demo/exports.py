"""The company's files as its systems export them, dirt included."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from repurchase.sources.demo import plan
from repurchase.sources.demo.accounts import Accounts, customer_id, order_account
from repurchase.sources.demo.baskets import (
    CANCELLED,
    COUPONS,
    TEST,
    TEST_ACCOUNTS,
    UNPAID,
    Lines,
    Orders,
    month_of,
)
from repurchase.sources.demo.contacts import (
    EVENT_CHANNELS,
    OUTCOMES,
    STAFF,
    TYPES,
    Contacts,
    campaigns,
)
from repurchase.sources.demo.draws import Ints, below, uniform
from repurchase.sources.demo.goods import products
from repurchase.sources.demo.people import REGULAR, People
from repurchase.sources.demo.xlsx import Cell, column_letters, write_xlsx

Flags = NDArray[np.bool_]
_DAY = 86_400
_MIDNIGHT = datetime(plan.START.year, plan.START.month, plan.START.day)

ORDER_HEADINGS = (
    "订单编号", "会员编号", "下单时间", "实付金额", "原价金额", "优惠金额", "运费", "退款金额",
    "毛利", "币种", "订单状态", "订单类型", "门店编号", "渠道", "导购编号", "优惠券", "活动",
    "测试订单", "入库时间", "来源系统", "备注",
)
_MONEY = slice(3, 9)
DONE, SHIPPED, PAID, OFF, WAITING, REFUNDED = (
    "已完成", "已发货", "已付款", "已取消", "待付款", "已退款",
)
# None of them is a word for "missing", such as #REF!: what is here was written, and is wrong.
BAD_DATES = ("2025-13-01 09:00:00", "2024-02-31 10:20:00", "昨天", "0000-00-00")
BAD_AMOUNTS = ("1,2,3.4.5", "12O.5O", "面议")
REMARKS = ("要求包装, 送人", '刻字"HY"', "请放前台", "改期配送", "gift wrap")


class Style(NamedTuple):
    """How one month's order file is written."""

    suffix: str
    encoding: str
    dates: str
    amounts: str
    headings: str


def style_of(year: int, month: int) -> Style:
    """The file format of a month: three systems in thirty months, and three hand-made workbooks."""
    if (year, month) == (2024, 2):
        return Style("xlsx", "", "iso text", "yuan sign", "two rows")
    if (year, month) in ((2024, 11), (2025, 5)):
        return Style("xlsx", "", "excel", "number", "two rows")
    if year == 2023:
        return Style("csv", "gb18030", "chinese", "plain", "clean")
    if (year, month) <= (2024, 9):
        return Style("csv", "gb18030", "iso", "yuan sign", "clean")
    if (2025, 1) <= (year, month) <= (2025, 3):
        return Style("csv", "utf-8-sig", "iso", "plain", "stray spaces")
    if (year, month) == (2025, 8):
        return Style("csv", "utf-8-sig", "chinese", "yuan sign", "clean")
    return Style("csv", "utf-8-sig", "iso", "plain", "clean")


def moment_of(second: int) -> datetime:
    """Company time of a second since the first day's midnight."""
    return _MIDNIGHT + timedelta(seconds=second)


def date_of(day: int) -> date:
    """The calendar day of a day number."""
    return plan.START + timedelta(days=day)


def _iso(seconds: Ints) -> list[str]:
    stamps = np.datetime64(_MIDNIGHT, "s") + seconds.astype("timedelta64[s]")
    return [text.replace("T", " ") for text in np.datetime_as_string(stamps, unit="s").tolist()]


def _chinese(seconds: Ints) -> list[str]:
    found = []
    for second in seconds.tolist():
        at = moment_of(second)
        found.append(f"{at.year}年{at.month}月{at.day}日 {at.hour:02d}:{at.minute:02d}")
    return found


def _plain(fen: Ints) -> list[str]:
    return [f"{'-' if v < 0 else ''}{abs(v) // 100}.{abs(v) % 100:02d}" for v in fen.tolist()]


def _yuan_sign(fen: Ints) -> list[str]:
    return [f"{'-' if v < 0 else ''}¥{abs(v) // 100:,}.{abs(v) % 100:02d}" for v in fen.tolist()]


def _numbers(fen: Ints) -> list[float]:
    return [v / 100 for v in fen.tolist()]


def _stamps(seconds: Ints) -> list[datetime]:
    return [moment_of(second) for second in seconds.tolist()]


_DATES: dict[str, Callable[[Ints], Sequence[Cell]]] = {
    "iso": _iso, "iso text": _iso, "chinese": _chinese, "excel": _stamps,
}
_AMOUNTS: dict[str, Callable[[Ints], Sequence[Cell]]] = {
    "plain": _plain, "yuan sign": _yuan_sign, "number": _numbers,
}


class OrderBook(NamedTuple):
    """What the order files say beside Orders: the same rows, the same order."""

    order_id: list[str]
    entry: Ints
    status: list[str]
    loaded: Ints
    bad_date: Flags
    bad_amount: Flags


def order_book(
    orders: Orders, book: Accounts, *, seed: int, days: int, without: Collection[str] = ()
) -> OrderBook:
    """Ids, accounts, status, loading time and the unreadable rows.

    `without` the trouble `late_till` no till was off line.
    """
    stamps = _iso(orders.second)
    # 19 digits, beyond what a double holds: a reader that makes numbers of ids will be seen.
    order_id = [
        f"{s[2:4]}{s[5:7]}{s[8:10]}{s[11:13]}{s[14:16]}{s[17:19]}{row:07d}"
        for row, s in enumerate(stamps)
    ]
    key = (orders.person, orders.second, orders.number)
    torn = uniform(seed, "dirt/row", *key)
    return OrderBook(
        order_id=order_id,
        entry=np.where(orders.known, order_account(orders, book, seed=seed), -1),
        status=_status(orders, days=days),
        loaded=_loaded(orders, seed=seed, till_off_line="late_till" not in without),
        bad_date=torn < 0.0005,
        bad_amount=(torn >= 0.0005) & (torn < 0.0010),
    )


def _status(orders: Orders, *, days: int) -> list[str]:
    age = days - 1 - orders.day
    status = np.full(len(orders.day), DONE, dtype="U3")
    status[(orders.channel > 0) & (age < 3)] = SHIPPED
    status[(orders.channel > 0) & (age < 1)] = PAID
    status[(orders.refund > 0) & (orders.refund >= orders.net)] = REFUNDED
    status[orders.role == CANCELLED] = OFF
    status[orders.role == UNPAID] = WAITING
    found: list[str] = status.tolist()
    return found


def _loaded(orders: Orders, *, seed: int, till_off_line: bool) -> Ints:
    """When a row reached the warehouse: the tills at night, the marketplace after days."""
    draw = uniform(seed, "late/order", orders.second, orders.person)
    night = (orders.day + 1) * _DAY + 14_400 + below(draw, 2_400)
    slow = uniform(seed, "late/store", orders.store, orders.day)
    night += np.where(slow < 0.02, 1 + below(slow / 0.02, 3), 0) * _DAY
    soon = orders.second + 300 + below(draw, 3_600)
    far = uniform(seed, "late/market", orders.second, orders.person)
    wait = np.where(far < 0.05, 3 + below(far / 0.05, 6), 1 + below(far, 2))
    market = (orders.day + wait) * _DAY + 21_600 + below(draw, 1_200)
    loaded = np.choose(orders.channel, [night, soon, market, soon])
    ids = [s.store_id for s in plan.STORES]
    stuck = (
        (orders.store == ids.index(plan.LATE_STORE))
        & (orders.day >= plan.day_of(plan.LATE_FROM))
        & (orders.day <= plan.day_of(plan.LATE_UNTIL))
        & till_off_line
    )
    return np.where(stuck, plan.day_of(plan.LATE_LOADED) * _DAY + 15_000, loaded)


def write_orders(
    folder: Path, orders: Orders, sheet: OrderBook, crowd: People, *, seed: int, days: int
) -> dict[str, Ints]:
    """One file a month; gives the rows of Orders in each, by file name."""
    (folder / "orders").mkdir(parents=True, exist_ok=True)
    months = month_of(orders.day)
    texts = _order_texts(orders, sheet, crowd, seed=seed, days=days)
    written = {}
    for month in np.unique(month_of(np.arange(days))).tolist():
        year, number = divmod(month - 1, 12)
        rows = np.flatnonzero(months == month)
        style = style_of(year, number + 1)
        name = f"orders/orders_{year}-{number + 1:02d}.{style.suffix}"
        columns = _order_columns(orders, sheet, texts, rows, style)
        if style.suffix == "xlsx":
            _write_order_workbook(folder / name, columns, orders, rows, style)
        else:
            stray = style.headings == "stray spaces"
            headings = _stray(ORDER_HEADINGS) if stray else ORDER_HEADINGS
            write_csv(folder / name, headings, columns, encoding=style.encoding)
        written[name] = rows
    return written


def _stray(headings: Sequence[str]) -> list[str]:
    # A full-width space is what Chinese keyboards type.
    return [("\u3000" if k % 3 == 0 else " " if k % 3 == 1 else "") + heading + " " * (k % 2)
            for k, heading in enumerate(headings)]


def _order_texts(
    orders: Orders, sheet: OrderBook, crowd: People, *, seed: int, days: int
) -> dict[str, list[str]]:
    """The columns that are written alike in every month."""
    stores = [s.store_id for s in plan.STORES]
    wave = _campaign_of(orders, days=days)
    says = uniform(seed, "order/remark", orders.person, orders.second)
    remark = below(says / 0.02, len(REMARKS))
    renews = subscribers(crowd, seed=seed)[orders.person] & (orders.person >= 0)
    renews &= (orders.channel == 1) & (orders.day > crowd.joined[orders.person])
    return {
        "会员编号": customer_id(sheet.entry),
        "订单类型": np.where(renews, "续订", "销售").tolist(),
        "门店编号": [stores[k] for k in orders.store.tolist()],
        "渠道": [plan.CHANNEL_TEXT[k] for k in orders.channel.tolist()],
        "导购编号": [f"R{k + 1:04d}" for k in orders.rep.tolist()],
        "优惠券": [COUPONS[k] for k in orders.coupon.tolist()],
        "活动": wave,
        "测试订单": np.where(orders.role == TEST, "是", "否").tolist(),
        "来源系统": [plan.SOURCE_SYSTEMS[k] for k in orders.channel.tolist()],
        "备注": [REMARKS[k] if s < 0.02 else "" for s, k in zip(says, remark, strict=True)],
    }


def subscribers(crowd: People, *, seed: int) -> Flags:
    """Regulars of the app who have the coffee sent every month: their orders are renewals."""
    who = np.arange(len(crowd.joined))
    lot = uniform(seed, "person/subscribes", who) < 0.2
    return lot & (crowd.segment == REGULAR) & (crowd.channel == 1)


def _campaign_of(orders: Orders, *, days: int) -> list[str]:
    """The latest wave of the month, for orders with a coupon in the ten days after it."""
    waves = sorted((c.day, c.campaign_id) for c in campaigns(days) if "-" not in c.campaign_id)
    starts = np.array([day for day, _ in waves] or [0])
    names = [name for _, name in waves] or [""]
    place = np.searchsorted(starts, orders.day, side="right") - 1
    near = (place >= 0) & (orders.day - starts[place] <= 10) & (orders.coupon > 0)
    return [
        names[k] if n else "" for k, n in zip(place.tolist(), near.tolist(), strict=True)
    ]


def _order_columns(
    orders: Orders, sheet: OrderBook, texts: dict[str, list[str]], rows: Ints, style: Style
) -> list[Sequence[Cell]]:
    dates, amounts = _DATES[style.dates], _AMOUNTS[style.amounts]
    paid = np.where(orders.role == UNPAID, 0, orders.net)[rows]
    margin = paid - np.where(orders.role == UNPAID, 0, orders.cost)[rows]
    margin = np.where(
        (orders.refund[rows] >= paid) & (paid > 0), 0, margin - orders.refund[rows]
    )
    moments, money = list(dates(orders.second[rows])), list(amounts(paid))
    for k, row in enumerate(rows.tolist()):
        if sheet.bad_date[row]:
            moments[k] = BAD_DATES[row % len(BAD_DATES)]
        if sheet.bad_amount[row]:
            money[k] = BAD_AMOUNTS[row % len(BAD_AMOUNTS)]
    at = rows.tolist()
    named: dict[str, Sequence[Cell]] = {
        "订单编号": [sheet.order_id[k] for k in at],
        "下单时间": moments,
        "实付金额": money,
        "原价金额": amounts(orders.gross[rows]),
        "优惠金额": amounts(orders.discount[rows]),
        "运费": amounts(orders.shipping[rows]),
        "退款金额": amounts(orders.refund[rows]),
        "毛利": amounts(margin),
        "币种": [plan.CURRENCY] * len(at),
        "订单状态": [sheet.status[k] for k in at],
        "入库时间": dates(sheet.loaded[rows]),
    }
    named.update({heading: [column[k] for k in at] for heading, column in texts.items()})
    return [named[heading] for heading in ORDER_HEADINGS]


def _write_order_workbook(
    path: Path, columns: list[Sequence[Cell]], orders: Orders, rows: Ints, style: Style
) -> None:
    """Two heading rows (amounts stand under one merged heading) and a total row at the end."""
    last = column_letters(_MONEY.stop - 1)
    top: list[Cell] = [*ORDER_HEADINGS]
    below_: list[Cell] = [None] * len(top)
    below_[_MONEY] = top[_MONEY]
    top[_MONEY] = ["金额", *[None] * (_MONEY.stop - _MONEY.start - 1)]
    merged = [f"{column_letters(_MONEY.start)}1:{last}1"]
    merged += [f"{column_letters(k)}1:{column_letters(k)}2"
               for k in range(len(top)) if not _MONEY.start <= k < _MONEY.stop]
    paid = np.where(orders.role == UNPAID, 0, orders.net)[rows]
    sums = [int(part.sum()) for part in (
        paid, orders.gross[rows], orders.discount[rows], orders.shipping[rows],
        orders.refund[rows])]
    total: list[Cell] = ["合计", None, None, *_AMOUNTS[style.amounts](np.array(sums)), None]
    body: list[Sequence[Cell]] = list(zip(*columns, strict=True))
    write_xlsx(path, [top, below_, *body, total], sheet="订单明细", merged=merged)


def write_csv(
    path: Path, headings: Sequence[str], columns: Sequence[Sequence[Cell]], *, encoding: str
) -> None:
    """Commas, quotes where needed, the line ends of Windows; a missing value is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows(zip(*columns, strict=True))
    path.write_bytes(text.getvalue().encode(encoding))


def write_lines(folder: Path, lines: Lines, sheet: OrderBook) -> None:
    """order_lines.csv.gz: UTF-8 without mark, plain numbers."""
    range_ = [p.product_id for p in products()]
    ids = pa.array(sheet.order_id).take(pa.array(lines.order))
    back = pa.array([str(k) if k else "" for k in lines.return_of.tolist()])
    table = pa.table(
        {
            "订单编号": ids,
            "行号": pa.array(lines.line_no),
            "商品编号": pa.array(range_).take(pa.array(lines.product)),
            "数量": pa.array(lines.quantity),
            "单价": pa.array(_plain(lines.unit_price)),
            "行实付": pa.array(_plain(lines.line_net)),
            "行成本": pa.array(_plain(lines.line_cost)),
            "赠品": pa.array(np.where(lines.line_net == 0, "是", "否").tolist()),
            "退货行": back,
        }
    )
    text = io.BytesIO()
    pa_csv.write_csv(table, text, pa_csv.WriteOptions(quoting_style="none"))
    # The reader of the header finds no name and no time in it.
    with (folder / "order_lines.csv.gz").open("wb") as raw, gzip.GzipFile(
        filename="", mode="wb", compresslevel=3, fileobj=raw, mtime=0
    ) as packed:
        packed.write(text.getvalue())


def write_events(folder: Path, contact: Contacts, book: Accounts, *, days: int) -> None:
    """events.parquet: as a warehouse gives it, times without zone in company time."""
    events = contact.events
    waves = pa.array([c.campaign_id for c in campaigns(days)])
    stage = pa.array(["报价", "赢单"])
    stages = np.where(events.type == TYPES.index("quote"), 0, 1)
    staged = np.isin(events.type, [TYPES.index("quote"), TYPES.index("opp_stage")])
    midnight = np.datetime64(_MIDNIGHT, "us")

    def named(names: pa.Array, codes: Ints, there: Flags) -> pa.Array:
        return names.take(pa.array(np.where(there, codes, 0), mask=~there))

    def times(seconds: Ints, there: Flags) -> pa.Array:
        stamps = midnight + seconds.astype("timedelta64[s]").astype("timedelta64[us]")
        return pa.array(stamps, mask=~there)

    every = np.ones(len(events.person), dtype=bool)
    everyone = pa.array(customer_id(np.arange(len(book.person))))
    # A sales person logs in as staff: the first of the accounts that are the company's own.
    staff = int(np.flatnonzero(book.person == -2 - TEST_ACCOUNTS)[0])
    entry = np.where(events.person == STAFF, staff, book.first[np.maximum(events.person, 0)])
    table = pa.table(
        {
            "event_id": pa.array([f"E{k:08d}" for k in range(1, len(every) + 1)]),
            "customer_id": everyone.take(pa.array(entry)),
            "occurred_at": times(events.second, every),
            "type": named(pa.array(TYPES), events.type, every),
            "channel": named(pa.array(EVENT_CHANNELS), events.channel, events.channel >= 0),
            "rep_id": named(pa.array([f"R{k + 1:04d}" for k in range(102)]), events.rep,
                            events.rep >= 0),
            "template_id": named(pa.array([f"T{k:02d}" for k in range(16)]), events.template,
                                 events.template >= 0),
            "is_personalised": pa.array(events.personal),
            "outcome": named(pa.array(OUTCOMES), events.outcome, events.outcome > 0),
            "stage": named(stage, stages, staged),
            "campaign_id": named(waves, events.campaign, events.campaign >= 0),
            "next_at": times(events.next_at, events.next_at >= 0),
            "is_bot": pa.array(events.bot),
            "loaded_at": times(events.loaded, every),
        }
    )
    pq.write_table(table, folder / "events.parquet", compression="zstd")
