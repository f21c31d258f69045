import datetime as dt

import pytest
from repurchase import catalogue
from repurchase.period import Period
from repurchase.reasons import worded
from repurchase.words import Words, paragraphs


@pytest.mark.parametrize("language", catalogue.translated_languages())
def test_every_message_is_translated(root, language):
    """Missing, empty, fuzzy or unused messages and lost gaps each fail, named."""
    assert [] == catalogue.faults(root, language)


@pytest.mark.parametrize("language", catalogue.translated_languages())
def test_the_catalogue_is_as_the_tool_writes_it(root, language, monkeypatch, tmp_path):
    """Rewriting a finished catalogue changes no byte, so that a change shows as what it is."""
    before = catalogue.catalogue_path(language).read_bytes()
    kept = catalogue.read(language)
    monkeypatch.setattr(catalogue, "catalogue_path", lambda _: tmp_path / "x.po")
    monkeypatch.setattr(catalogue, "read", lambda _: kept)

    catalogue.update(root, language)

    assert before == (tmp_path / "x.po").read_bytes()


def test_faults_are_told_apart(root, monkeypatch):
    """Each kind of fault is found and named."""
    from babel.messages.catalog import Catalog

    broken = Catalog()
    broken.add("{a} of {b}", "{a}")
    broken.add("empty", "")
    broken.add("doubtful", "x", flags=["fuzzy"])
    broken.add("gone", "x")
    wanted = {"{a} of {b}": ["x.py"], "empty": ["x.py"], "doubtful": ["x.py"], "new": ["x.py"]}
    monkeypatch.setattr(catalogue, "messages", lambda _: wanted)
    monkeypatch.setattr(catalogue, "read", lambda _: broken)

    assert {
        ("gaps", "{a} of {b}"),
        ("empty", "empty"),
        ("fuzzy", "doubtful"),
        ("missing", "new"),
        ("obsolete", "gone"),
    } == {(f.what, f.message) for f in catalogue.faults(root, "zh-CN")}


def test_messages_come_from_code_and_notebooks(root):
    """Joined strings, marked constants and Markdown paragraphs are all found."""
    found = catalogue.messages(root)

    assert "lib/repurchase/definitions.py" in found["Returning-buyer share"]
    assert "notebooks/retention.ipynb" in found["# Do customers come back?"]


def test_a_cell_is_translated_by_paragraph():
    """A heading and its text are two messages; what nobody translated stays English."""
    assert ["# One", "Two\nlines", "- a\n- b"] == paragraphs("# One\n\nTwo\nlines\n \n- a\n- b\n")
    assert "# 客户会回来吗？\n\nNever seen before." == Words("zh-CN").paragraph(
        "# Do customers come back?\n\nNever seen before."
    )


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "+1.2 pp"), ("zh-CN", "+1.2个百分点")],
)
def test_a_difference_of_shares_is_in_points(language, expected):
    """Never a bare per cent, which would read as a relative change."""
    assert expected == Words(language).points(0.0115)


@pytest.mark.parametrize(
    ("amount", "english", "chinese"),
    [
        (1_234_567.0, "¥1.2m", "¥123.5万"),
        (250_000_000.0, "¥250.0m", "¥2.50亿"),
        (-9_800.0, "−¥9.8k", "−¥9,800"),
    ],
)
def test_large_money_is_said_as_each_language_says_it(amount, english, chinese):
    """Thousands and millions here, 万 and 亿 there."""
    assert (english, chinese) == (
        Words("en").money(amount, "CNY"),
        Words("zh-CN").money(amount, "CNY"),
    )


def test_dates_and_periods_follow_the_language():
    """Days, months, quarters and years."""
    english, chinese = Words("en"), Words("zh-CN")

    assert ("3 Sep 2025", "2025年9月3日") == (
        english.day(dt.date(2025, 9, 3)),
        chinese.day(dt.date(2025, 9, 3)),
    )
    assert ("Q3 2025", "2025年第3季度") == (
        english.period(Period.parse("2025-Q3")),
        chinese.period(Period.parse("2025-Q3")),
    )


def test_a_records_reason_is_worded_for_the_reader():
    """The stored English sentence is found again by its template, gaps and all."""
    stored = "the data begin on 2024-12-01: no first order is 90 days old"

    assert "数据始于2024年12月1日：没有哪个首单已满90天" == worded(Words("zh-CN"), stored)
    assert "the data begin on 1 Dec 2024: no first order is 90 days old" == worded(
        Words("en"), stored
    )
    assert "nobody's template" == worded(Words("zh-CN"), "nobody's template")


def test_a_project_without_the_library_loses_no_message(tmp_path, monkeypatch, capsys):
    """A company's own folder has notebooks and params; the release's catalogue is not its own."""
    for name in ("params", "notebooks"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("REPURCHASE_ROOT", str(tmp_path))
    before = catalogue.read("zh-CN")

    assert 2 == catalogue.main()
    assert "is not this library" in capsys.readouterr().err
    assert len(before) == len(catalogue.read("zh-CN"))
