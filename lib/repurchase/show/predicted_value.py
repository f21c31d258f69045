"""What today's customers should bring, with the test of that forecast beside it."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd

from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.reasons import worded
from repurchase.records import Record, Result
from repurchase.show import style
from repurchase.show.blocks import (
    Cell,
    Column,
    Figure,
    ListBlock,
    ListItem,
    Note,
    Table,
)
from repurchase.show.sentences import DASH, paragraph, share_range
from repurchase.show.style import csv_text
from repurchase.words import N_, Words

FIGURES = (
    "predicted_purchases", "predicted_revenue", "predicted_margin",
    "predicted_revenue_per_customer", "predicted_margin_per_customer",
)  # fmt: skip
# A correlation within this of 0 hardly moves a forecast of money.
WEAK = 0.1
YEAR_DAYS = 365


def find(result: Result, metric: str, dimensions: str = "") -> Record | None:
    """The record of that metric, if there is one."""
    return next(
        (r for r in result.records if (r.metric, r.dimensions) == (metric, dimensions)), None
    )


def predicted(forecast: Result, test: Result, never: Result, *, id: str) -> Table | Note:
    """The forecast of twelve months, each figure beside how the same one did in its back-test."""
    context: Context = forecast.context
    words = context.words
    if forecast.frame.empty:
        why = worded(words, forecast.records[0].reason or "")
        return Note(words._("No forecast of purchases and money: {reason}.", reason=why), "unsure")
    rows = [
        _row(context, record, test) for name in FIGURES if (record := find(forecast, name))
    ]
    gone = find(never, "never_again")
    if gone is not None and gone.value is not None:
        name = METRICS["never_again"].name
        value = Cell(words.share(gone.value), bold=True)
        rows.append((words._(name), value, share_range(words, gone), Cell(DASH, muted=True)))
    columns = (
        Column(words._("The next 365 days"), "left", "fr"),
        Column(words._("Expected"), "right"),
        Column(words._("95% interval"), "right"),
        Column(_test_heading(words, test), "right"),
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("What today's customers should bring"),
        caption=_caption(context, forecast, test), csv=csv_text(forecast.frame),
    )  # fmt: skip


def _test_heading(words: Words, test: Result) -> str:
    if test.frame.empty:
        return words._("Back-test")
    return words._("The same forecast of {day}", day=_made_on(words, test))


def _row(context: Context, record: Record, test: Result) -> tuple[str | Cell, ...]:
    words = context.words
    label = words._(METRICS[record.metric].name)
    if record.value is None:
        why = words._("Not computed: {reason}.", reason=worded(words, record.reason or ""))
        return (label, Cell(DASH, muted=True), Cell(why, muted=True), "")
    value, low, high = (
        _amount(context, record, bound) for bound in (record.value, record.low, record.high)
    )
    of = "purchases" if record.metric == "predicted_purchases" else "revenue"
    error = find(test, "forecast_error", f"of={of}")
    return (label, Cell(value, bold=True), words.interval(low, high), _error_cell(words, error))


def _amount(context: Context, record: Record, value: float | None) -> str:
    if value is None:
        return ""
    if record.unit == "count":
        return context.words.count(value)
    whole = not record.metric.endswith("_per_customer")
    return context.words.money(value, context.currency, whole=whole, digits=2 if whole else 1)


def _error_cell(words: Words, error: Record | None) -> Cell:
    if error is None or error.value is None:
        return Cell(words._("not tested"), muted=True)
    inside = _inside(error)
    return Cell(_missed(words, error.value), tone=None if inside else "bad", bold=not inside)


def _missed(words: Words, error: float) -> str:
    """An error in words: with its direction."""
    claim = N_("{share} too high") if error > 0 else N_("{share} too low")
    return words._(claim, share=words.share(abs(error)))


def _caption(context: Context, forecast: Result, test: Result) -> str:
    words = context.words
    row: dict[Any, Any] = forecast.frame.iloc[0].to_dict()
    parts = [
        words._(
            "{customers} customers known today; newcomers are not in it.",
            customers=words.count(row["customers"]),
        ),
        _verdict(context, test),
        _discount(words, row),
        _margin(context, forecast),
        _correlation(words, forecast),
        _left_out(words, row),
        _method(words, row),
    ]
    return paragraph(words, [p for p in parts if p])


def _verdict(context: Context, test: Result) -> str:
    """What the back-test says of this forecast: by how much, in which direction."""
    words = context.words
    found = [(of, find(test, "forecast_error", f"of={of}")) for of in ("revenue", "purchases")]
    errors = {of: e for of, e in found if e is not None and e.value is not None}
    if not errors:
        why = next((e.reason for _, e in found if e is not None and e.reason), "")
        return words._(
            "The forecast has not been tested ({reason}): an assumption, not a measurement.",
            reason=worded(words, why),
        )
    days = words.count((test.frame["last"].iloc[0] - test.frame["first"].iloc[0]).days + 1)
    off = {of: e for of, e in errors.items() if not _inside(e)}
    if not off:
        return words._(
            "Made {days} days before, the same forecast held what came within its interval.",
            days=days,
        )
    parts = []
    for of, error in off.items():
        assert error.value is not None
        claim = _OFF[of, error.value > 0]
        parts.append(words._(claim, days=days, share=words.share(abs(error.value))))
    parts.append(words._("The intervals are too narrow. Nothing is corrected."))
    return paragraph(words, parts)


_OFF = {
    ("revenue", True): N_(
        "Made {days} days before, the same forecast of revenue was {share} too high, more than its"
        " interval allows: read it as too high."
    ),
    ("revenue", False): N_(
        "Made {days} days before, the same forecast of revenue was {share} too low, more than its"
        " interval allows: read it as too low."
    ),
    ("purchases", True): N_(
        "Made {days} days before, the same forecast of purchases was {share} too high, more than"
        " its interval allows: read it as too high."
    ),
    ("purchases", False): N_(
        "Made {days} days before, the same forecast of purchases was {share} too low, more than its"
        " interval allows: read it as too low."
    ),
}


def _inside(error: Record) -> bool:
    """Whether the truth lay within the interval of the forecast."""
    return (error.low or 0) <= 0 <= (error.high or 0)


def _made_on(words: Words, test: Result) -> str:
    """The day that the tested forecast was made on."""
    return words.day(test.frame["first"].iloc[0] - dt.timedelta(days=1))


def _discount(words: Words, row: dict[Any, Any]) -> str:
    if not row["annual_discount"]:
        return words._("Money to come is not discounted.")
    return words._(
        "Money to come is discounted at {rate} a year.", rate=words.share(row["annual_discount"])
    )


def _margin(context: Context, forecast: Result) -> str:
    rate = find(forecast, "repeat_margin_rate")
    if rate is None or rate.value is None:
        return ""
    words = context.words
    return words._(
        "Margin is revenue times the margin rate of repeat orders of the last 365 days, {rate}"
        " ({interval}, {n} customers).",
        rate=words.share(rate.value), interval=share_range(words, rate), n=words.count(rate.n),
    )  # fmt: skip


def _correlation(words: Words, forecast: Result) -> str:
    """The assumption check, with a plain verdict."""
    tied = find(forecast, "spend_correlation")
    if tied is None or tied.value is None or tied.low is None or tied.high is None:
        return ""
    if tied.low <= 0 <= tied.high:
        claim = N_(
            "The model takes how much a customer spends to have nothing to do with how often:"
            " correlation {r} ({interval}, {n} customers), no sign against it."
        )
    elif abs(tied.value) <= WEAK:
        claim = N_(
            "The model takes how much a customer spends to have nothing to do with how often:"
            " correlation {r} ({interval}, {n} customers), not nought but weak enough to use it."
        )
    elif tied.value > 0:
        claim = N_(
            "The model takes how much a customer spends to have nothing to do with how often:"
            " correlation {r} ({interval}, {n} customers): frequent buyers spend more each time, so"
            " the money forecast of them is rather too low."
        )
    else:
        claim = N_(
            "The model takes how much a customer spends to have nothing to do with how often:"
            " correlation {r} ({interval}, {n} customers): frequent buyers spend less each time, so"
            " the money forecast of them is rather too high."
        )
    interval = words.interval(words.number(tied.low, 2), words.number(tied.high, 2))
    return words._(claim, r=words.number(tied.value, 2), interval=interval, n=words.count(tied.n))


def _left_out(words: Words, row: dict[Any, Any]) -> str:
    if not row["left_out"]:
        return ""
    return words._(
        "{count} customers whose mean repeat order is not above nought (returns, gifts) are left"
        " out of the model of spend and counted with everyone's mean.",
        count=words.count(row["left_out"]),
    )


def _method(words: Words, row: dict[Any, Any]) -> str:
    parts = [
        words._(
            "BG/NBD in days: r {r}, alpha {alpha}, a {a}, b {b}.",
            **{k: words.number(row[k], 3) for k in ("r", "alpha", "a", "b")},
        )
    ]
    if not math.isnan(row["p"]):
        parts.append(
            words._(
                "Gamma-Gamma: p {p}, q {q}, gamma {gamma}.",
                **{k: words.number(row[k], 3) for k in ("p", "q", "gamma")},
            )
        )
    if row["open"]:
        parts.append(
            words._(
                "The data leave {names} open (customers hardly differ, or hardly anyone leaves):"
                " held at the limit, and not in the interval.",
                names=words.listed(row["open"].split(",")),
            )
        )
    claim = {
        True: N_("Intervals: {draws} companies simulated from the models, refitted, and chance."),
        False: N_(
            "Intervals: {draws} draws of the parameters as the likelihood leaves them open (what"
            " refitting simulated companies tends to), and chance."
        ),
    }[bool(row["refitted"])]
    parts.append(words._(claim, draws=words.count(row["draws"])))
    return paragraph(words, parts)


# ---- the back-test ------------------------------------------------------------------------------


def predicted_chart(test: Result, *, id: str) -> Figure | Note:
    """Predicted and real money (or purchases) by tenth of the prediction, as pairs of bars."""
    context: Context = test.context
    words = context.words
    if test.frame.empty:
        why = worded(words, test.records[0].reason or "")
        return Note(words._("The forecast is not tested: {reason}.", reason=why), "unsure")
    of = measure_of(test.frame)
    frame = test.frame
    with style.house(words):
        picture, ax = style.axes(height_mm=62, left=14)
        _draw(ax, context, frame, of)
        note = {
            "revenue": N_("Net revenue a customer. Dark: what came. Grey: what was forecast."),
            "purchases": N_("Purchases a customer. Dark: what came. Grey: what was forecast."),
        }[of]
        style.unit_note(ax, words._(note))
        return style.exhibit(
            picture, id=id, title=_title(words, test, of), caption=_chart_caption(words, test, of),
            alt=_alt(context, frame, of), data=frame.set_index("part"),
        )  # fmt: skip


def measure_of(frame: pd.DataFrame) -> str:
    """What the tenths are told apart by: money where it is modelled, else purchases."""
    return "purchases" if frame["predicted_revenue"].isna().all() else "revenue"


def _draw(ax: Any, context: Context, frame: pd.DataFrame, of: str) -> None:
    words, x = context.words, np.arange(len(frame))
    real = frame[of].to_numpy(dtype=float)
    reach = np.c_[real - frame[f"{of}_low"], frame[f"{of}_high"] - real].T
    ax.bar(x - 0.2, real, width=0.36, color=style.ACTUAL)
    ax.errorbar(
        x - 0.2, real, yerr=np.nan_to_num(reach), fmt="none", ecolor=style.COMPARISON_TEXT,
        elinewidth=0.8, capsize=1.5,
    )  # fmt: skip
    ax.bar(x + 0.2, frame[f"predicted_{of}"], width=0.36, color=style.COMPARISON)
    labels = [words.count(part) for part in frame["part"]]
    least, most = words._("least"), words._("most")
    labels[0], labels[-1] = f"{labels[0]}\n{least}", f"{labels[-1]}\n{most}"
    ax.set_xticks(x, labels)
    ax.set_ylim(bottom=min(0.0, float(real.min())))
    if of == "revenue":
        ax.yaxis.set_major_formatter(lambda y, _: words.money(y, context.currency))
    else:
        ax.yaxis.set_major_formatter(lambda y, _: words.number(y, 1))


def _title(words: Words, test: Result, of: str) -> str:
    error = find(test, "forecast_error", f"of={of}")
    if error is None or error.value is None:
        return words._("The forecast against what came")
    claim = {
        ("revenue", True): N_("Tested on the past: the forecast of revenue was {share} too high"),
        ("revenue", False): N_("Tested on the past: the forecast of revenue was {share} too low"),
        ("purchases", True): N_(
            "Tested on the past: the forecast of purchases was {share} too high"
        ),
        ("purchases", False): N_(
            "Tested on the past: the forecast of purchases was {share} too low"
        ),
    }[of, error.value > 0]
    return words._(claim, share=words.share(abs(error.value)))


def _chart_caption(words: Words, test: Result, of: str) -> str:
    row = test.frame.iloc[0]
    days = (row["last"] - row["first"]).days + 1
    parts = [
        words._(
            "Tenths of the {n} customers known on {day} by what was forecast of them, least to"
            " most; what they did up to {last} with 95% intervals of the mean.",
            n=words.count(test.frame["customers"].sum()), day=_made_on(words, test),
            last=words.day(row["last"]),
        )
    ]  # fmt: skip
    if days < YEAR_DAYS:
        parts.append(
            words._(
                "{days} days are not a whole year: a season weighs more in them than in twelve"
                " months.",
                days=words.count(days),
            )
        )
    return paragraph(words, parts)


def _alt(context: Context, frame: pd.DataFrame, of: str) -> str:
    words = context.words
    said, came = (_each(context, of, frame.iloc[-1][k]) for k in (f"predicted_{of}", of))
    return words._(
        "Pairs of bars by tenth. In the highest tenth {said} was forecast and {came} came.",
        said=said, came=came,
    )  # fmt: skip


def _each(context: Context, of: str, value: float) -> str:
    if math.isnan(value):
        return DASH
    if of == "revenue":
        return context.words.money(value, context.currency, whole=False)
    return context.words.number(value, 2)


def predicted_parts(test: Result, *, id: str) -> Table | Note:
    """The tenths in figures, and the totals with the forecast's interval."""
    context: Context = test.context
    words, frame = context.words, test.frame
    if frame.empty:
        why = worded(words, test.records[0].reason or "")
        return Note(words._("The forecast is not tested: {reason}.", reason=why), "unsure")
    money = measure_of(frame) == "revenue"
    columns = [
        Column(words._("Tenth by forecast"), "left", "fr"),
        Column(words._("Customers"), "right"),
        Column(words._("Purchases forecast"), "right"),
        Column(words._("came (95%)"), "right"),
    ]
    if money:
        columns += [
            Column(words._("Revenue forecast"), "right"),
            Column(words._("came (95%)"), "right"),
        ]
    rows = [_part_row(context, row, money) for row in frame.to_dict("records")]
    rows.append(_total_row(context, test, money))
    caption = words._(
        "Means a customer; the last line holds the totals, the forecast with its interval. The"
        " interval of a mean tells how far chance reaches among these customers."
    )
    return Table(
        tuple(columns), tuple(rows), id=id,
        title=words._("The forecast of the past against what came, by tenth"),
        caption=caption, csv=csv_text(frame), size="small",
    )  # fmt: skip


def _part_row(context: Context, row: dict[Any, Any], money: bool) -> tuple[str | Cell, ...]:
    words = context.words
    cells: list[str | Cell] = [words.count(row["part"]), words.count(row["customers"])]
    for of in ("purchases", "revenue") if money else ("purchases",):
        low, high = (_each(context, of, row[f"{of}_{end}"]) for end in ("low", "high"))
        off = not row[f"{of}_low"] <= row[f"predicted_{of}"] <= row[f"{of}_high"]
        cells.append(Cell(_each(context, of, row[f"predicted_{of}"]), bold=off))
        cells.append(f"{_each(context, of, row[of])} ({words.interval(low, high)})")
    return tuple(cells)


def _total_row(context: Context, test: Result, money: bool) -> tuple[str | Cell, ...]:
    words = context.words
    n = words.count(test.frame["customers"].sum())
    cells: list[str | Cell] = [Cell(words._("Total"), bold=True), Cell(n, bold=True)]
    for of in ("purchases", "revenue") if money else ("purchases",):
        said, real = (find(test, f"tested_{of}", f"kind={k}") for k in ("predicted", "real"))
        assert said is not None and real is not None
        low, high = (_amount(context, said, bound) for bound in (said.low, said.high))
        text = f"{_amount(context, said, said.value)} ({words.interval(low, high)})"
        cells += [Cell(text, bold=True), Cell(_amount(context, real, real.value), bold=True)]
    return tuple(cells)


# ---- the first page -----------------------------------------------------------------------------


def value_ahead(forecast: Result, test: Result) -> ListBlock:
    """For the first page: what today's customers should bring, and how the forecast did before."""
    context: Context = forecast.context
    words = context.words
    title = words._("What is to come?")
    names = ("predicted_margin", "predicted_revenue", "predicted_purchases")
    known = [r for name in names if (r := find(forecast, name)) and r.value is not None]
    if not known:
        why = worded(words, forecast.records[0].reason or "")
        text = words._("No forecast of purchases and money: {reason}.", reason=why)
        return ListBlock((ListItem(title, text, tone="unsure"),), ordered=False)
    record = known[0]
    claim = {
        "predicted_margin": N_(
            "Today's customers should bring {value} of margin within twelve months ({interval})."
        ),
        "predicted_revenue": N_(
            "Today's customers should bring {value} of net revenue within twelve months"
            " ({interval})."
        ),
        "predicted_purchases": N_(
            "Today's customers should order {value} times within twelve months ({interval})."
        ),
    }[record.metric]
    low, high = (_amount(context, record, bound) for bound in (record.low, record.high))
    said = words._(
        claim, value=_amount(context, record, record.value), interval=words.interval(low, high)
    )
    text = paragraph(words, [said, _short_verdict(words, test)])
    return ListBlock((ListItem(title, text),), ordered=False)


def _short_verdict(words: Words, test: Result) -> str:
    for of in ("revenue", "purchases"):
        error = find(test, "forecast_error", f"of={of}")
        if error is None or error.value is None:
            continue
        claim = {
            (True, True): N_(
                "The same forecast of {day} proved {share} too high, within its interval."
            ),
            (True, False): N_(
                "The same forecast of {day} proved {share} too low, within its interval."
            ),
            (False, True): N_("The same forecast of {day} proved {share} too high: expect less."),
            (False, False): N_("The same forecast of {day} proved {share} too low: expect more."),
        }[_inside(error), error.value > 0]
        return words._(claim, day=_made_on(words, test), share=words.share(abs(error.value), 0))
    return words._("It could not be tested on the past.")
