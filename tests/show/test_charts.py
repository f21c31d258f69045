import base64
import datetime as dt
import io
import re
import warnings

import pandas as pd
import pytest
from repurchase import show
from repurchase.records import Result
from repurchase.show import style


@pytest.fixture
def results(context_of, chapter, figure_of, history_frame):
    """What each chart is drawn from, in a language."""

    def make(language="en", months=26):
        context = context_of(language, in_2025_09=0.7)
        told = chapter(
            context,
            figure_of(year_ago=(0.02, 0.01, 0.03)),
            extra=[r for d in (30, 60, 180) for r in figure_of(f"repurchase_{d}d", d / 400)],
        )
        made = {name: Result(frame, context=context) for name, frame in frames().items()}
        made["history"] = Result(history_frame(months), context=context)
        return {**told, **made}

    return make


def frames():
    ages = pd.DataFrame(
        {"numerator": [30, 20, 10], "n": [100, 90, 80], "value": [0.3, 0.22, 0.12],
         "low": [0.25, 0.18, 0.1], "high": [0.35, 0.26, 0.15], "cohorts": [4, 3, 2]},
        index=pd.Index([1, 2, 3], name="age"),
    )  # fmt: skip
    curve = pd.DataFrame(
        {"window": ["none"] * 3 + ["year_ago"] * 3, "first": dt.date(2024, 4, 4),
         "last": dt.date(2025, 9, 30), "customers": 500, "day": [10, 90, 180] * 2,
         "value": [0.1, 0.4, 0.6, 0.1, 0.3, 0.5], "low": 0.05, "high": 0.65, "at_risk": 100.0}
    )  # fmt: skip
    months = ["2025-07", "2025-08", "2025-09"]
    revenue = pd.DataFrame(
        {"month": months, "start": [dt.date(2025, m, 1) for m in (7, 8, 9)],
         "first_orders": [40.0, 50.0, 60.0], "repeat_orders": [60.0, 50.0, 140.0],
         "share": [0.6, 0.5, 0.7], "short_history": [True, False, False]}
    )  # fmt: skip
    known = pd.DataFrame(
        {"month": months, "start": [dt.date(2025, m, 1) for m in (7, 8, 9)], "orders": 100,
         "known": [90, 90, 80], "value": [0.9, 0.9, 0.8], "low": [0.85, 0.85, 0.75],
         "high": [0.95, 0.95, 0.85]}
    )  # fmt: skip
    store = pd.DataFrame(
        {"store_id": ["S1", "网店"], "orders": [60, 40], "known": [54, 26], "value": [0.9, 0.65],
         "low": 0.5, "high": 0.95, "previous": [0.9, 0.9], "change": [0.0, -0.25],
         "change_low": [-0.1, -0.4], "change_high": [0.1, -0.1]}
    )  # fmt: skip
    return {"pooled": ages, "curve": curve, "revenue": revenue, "months": known, "store": store}


DRAW = {
    "trend": lambda r: show.trend(r["history"], r["figures"], id="R-1"),
    "pooled": lambda r: show.pooled(r["pooled"], id="R-3"),
    "curve": lambda r: show.curve(r["curve"], r["figures"], id="R-4"),
    "revenue": lambda r: show.revenue(r["revenue"], id="R-5"),
    "identification": lambda r: show.identification(r["months"], id="R-6"),
}


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_each_chart_is_one_whole_exhibit(results, name, language):
    """SVG, PNG, data, title, caption and a spoken sentence, in either language."""
    figure = DRAW[name](results(language))

    assert figure.svg.startswith("<?xml")
    assert base64.b64decode(figure.png).startswith(b"\x89PNG")
    assert figure.csv.count("\n") >= 3
    assert all([figure.title, figure.caption, figure.alt])
    assert (language == "zh-CN") == bool(re.search("[一-鿿]", figure.title + figure.alt))


@pytest.mark.parametrize("name", DRAW)
def test_the_same_data_give_the_same_bytes(results, name):
    """Neither a clock nor a random id gets into a picture."""
    first, second = DRAW[name](results()), DRAW[name](results())

    assert first.to_json() == second.to_json()
    assert "dc:date" not in first.svg


def test_letters_are_drawn_with_bundled_fonts_only(results, caplog):
    """No glyph is missing and no other font is asked: nothing is logged or warned."""
    style.register_fonts.cache_clear()  # else what an earlier test looked up is not asked again

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for draw in DRAW.values():
            draw(results("zh-CN"))

    assert [] == caplog.messages


def test_no_label_is_clipped(results, monkeypatch):
    """Every text of every chart lies inside its picture, in both languages."""
    outside = []
    exhibit = style.exhibit

    def measured(picture, **kwargs):
        from matplotlib.text import Text

        renderer = picture.canvas.get_renderer()
        picture.draw(renderer)
        width, height = picture.bbox.width, picture.bbox.height
        for text in picture.findobj(Text):
            if text.get_text().strip() and text.get_visible():
                box = text.get_window_extent(renderer)
                if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
                    outside.append((kwargs["id"], text.get_text()))
        return exhibit(picture, **kwargs)

    monkeypatch.setattr(style, "exhibit", measured)
    for language in ("en", "zh-CN"):
        for draw in DRAW.values():
            draw(results(language))

    assert [] == outside


def test_the_data_behind_the_trend_are_what_is_drawn(results):
    """13 periods, the year before where its own history was a year long, and the target."""
    made = results()
    figure = show.trend(made["history"], made["figures"], id="R-1")
    data = pd.read_csv(io.StringIO(figure.csv))

    assert 13 == len(data)
    assert 0.7 == data["target"].iloc[-1]
    assert pytest.approx(0.63) == data["year_before"].iloc[-1]
    assert 3 == data["year_before"].notna().sum()
    assert "62.0% of the buyers had bought before: +2.0 pp on a year ago" == figure.title


def test_a_year_before_on_short_history_is_not_drawn(results):
    """A grey point that is understated would make any period look like a rise."""
    made = results(months=14)

    data = pd.read_csv(io.StringIO(show.trend(made["history"], made["figures"], id="R-1").csv))

    assert data["year_before"].isna().all()
    assert "Hollow" in show.trend(made["history"], made["figures"], id="R-1").caption


def test_the_curve_is_labelled_with_its_own_heights(results):
    """Points are read off the drawn curve; a day that it does not reach has none."""
    made = results()
    frame = made["curve"].frame
    reached = frame[frame["day"] < 180]

    figure = show.curve(made["curve"], made["figures"], id="R-4")
    short = show.curve(Result(reached, context=made["curve"].context), made["figures"], id="R-4")

    assert "10.0% within 30 days, 10.0% within 60 days, 40.0% within 90 days" in figure.alt
    assert "60.0% within 180 days" in figure.alt
    assert "180 days" not in short.alt


@pytest.mark.parametrize(
    ("value", "title"),
    [
        (0.4, "40.0% of new customers order again within 90 days"),
        (0.37, "40.0% of all who joined order again within 90 days, each followed as far as the"
         " data go"),
    ],
)  # fmt: skip
def test_the_curves_title_says_what_is_drawn(results, figure_of, value, title):
    """The recorded figure is the title only where the curve shows it."""
    made = results()
    figures = Result(
        None, tuple(figure_of("repurchase_90d", value)), context=made["figures"].context
    )

    assert title == show.curve(made["curve"], figures, id="R-4").title


def test_a_period_still_running_is_drawn_apart(results):
    """A partial point is hollow behind a dash, a partial month hatched; both are said beneath."""
    made = results()
    for name, draw in (("history", DRAW["trend"]), ("revenue", DRAW["revenue"])):
        whole = draw(made)
        frame = made[name].frame
        running = frame.assign(partial=[*[False] * (len(frame) - 1), True])
        figure = draw({**made, name: Result(running, context=made[name].context)})

        assert "still running" in figure.caption
        assert "still running" not in whole.caption
        assert figure.svg != whole.svg


def test_cuts_stand_beside_the_line_and_mark_what_moved(results):
    """With stores the exhibit is a row: the line, and a table that marks the store beyond."""
    made = results()

    row = show.identification(made["months"], made["store"], id="R-6")

    figure, table = row.blocks
    marked = [line[0] for line in table.rows if getattr(line[3], "tone", None) == "unsure"]
    assert "half" == figure.width
    assert ["网店"] == marked
    assert figure.title.startswith("80.0% of orders have a known customer: −10.0 pp")


def test_a_cut_of_nameless_orders_is_no_cut(results):
    """Where no order names a store, only the line is shown."""
    made = results()
    nameless = made["store"].frame.head(1).assign(store_id="")

    block = show.identification(
        made["months"], Result(nameless, context=made["months"].context), id="R-6"
    )

    assert "figure" == block.kind


def test_labels_move_apart_only_as_far_as_they_must():
    """Three labels at one place end a gap apart around it; a distant one stays."""
    assert [1.0, 2.0, 3.0, 9.0] == style.spread([2.0, 2.0, 2.0, 9.0], gap=1.0)
    assert [5.0, 1.0] == style.spread([5.0, 1.0], gap=1.0)


def test_an_empty_history_draws_an_empty_chart(results):
    """A company without any earlier period gets a sentence, not an error."""
    made = results()
    empty = Result(made["history"].frame.head(0), context=made["history"].context)

    assert show.trend(empty, made["figures"], id="R-1").alt


def test_the_house_style_stands_on_seaborns():
    """Its paper theme on a white grid, written down; only the colour map needs seaborn itself."""
    import matplotlib
    import seaborn

    told = {"axes.prop_cycle", "image.cmap", "font.sans-serif"}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        seaborn.set_theme(context="paper", style="whitegrid")
        theirs = dict(matplotlib.rcParams)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style.SEABORN)
        ours = dict(matplotlib.rcParams)
    cycle = [matplotlib.colors.to_hex(c) for c in theirs["axes.prop_cycle"].by_key()["color"]]

    assert [] == [k for k in theirs if k not in told and theirs[k] != ours[k]]
    assert cycle == ours["axes.prop_cycle"].by_key()["color"]


def test_where_only_a_pdf_is_made_no_second_picture_is_drawn(results, monkeypatch):
    """A preview on paper needs the SVG; a pack has both."""
    told = results()
    both = show.pooled(told["pooled"], id="R-3")
    monkeypatch.setenv("REPURCHASE_PRINT_ONLY", "1")
    one = show.pooled(told["pooled"], id="R-3")

    assert both.png and both.svg
    assert one.png is None and both.svg == one.svg


def test_no_figure_piles_up_in_a_long_kernel(results):
    """Charts are drawn without pyplot, which keeps every figure until it is closed."""
    import matplotlib.pyplot as plt

    told = results()
    show.pooled(told["pooled"], id="R-3")
    show.revenue(told["revenue"], id="R-5")

    assert [] == plt.get_fignums()
