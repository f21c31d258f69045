"""Answers that are kept: the same as computed ones, never stale, nobody else's."""

import ast
import datetime as dt
import errno
import inspect
import json
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from repurchase import answers, digests, open_review
from repurchase.analysis import retention
from repurchase.context import CHAPTER, RUN
from repurchase.lab.sample import Sample
from repurchase.model.prepare import prepare
from repurchase.params import Target, load_params
from repurchase.press import chapters, kept
from repurchase.press.prune import prune
from repurchase.review import Review

PERIOD = "2025-09"
LIBRARY = digests.LIBRARY
BENCHES = (
    "retention", "identification", "customer_value", "worklists", "load", "funnel_diagnosis",
    "ab_review", "roi_before_after",
)  # fmt: skip

# what a method is asked with, by the names of what it needs
ASKED_WITH = {
    "cut": ("store_id",),
    "experiment": ("exp_null",),
    "initiative": ("tracking-system",),
    "plan": ('{"id": "x", "name": "x", "go_live": "2025-01-01"}',),
    "experimentstart": ("exp_next", dt.date(2026, 1, 5)),
}


@pytest.fixture(scope="module")
def source(little_company, tmp_path_factory):
    """A project whose data are prepared and of which nothing has been asked."""
    folder = tmp_path_factory.mktemp("answers")
    for name in ("params", "notebooks"):
        shutil.copytree(little_company / name, folder / name)
    prepare(load_params("little", PERIOD, root=folder), cache=folder / ".cache")
    return folder


@pytest.fixture
def project(source, tmp_path):
    """The same, with nothing kept but the prepared data."""
    for name in ("params", "notebooks"):
        shutil.copytree(source / name, tmp_path / name)
    (tmp_path / ".cache").mkdir()
    for name in ("demo", "snapshots"):
        (tmp_path / ".cache" / name).symlink_to(source / ".cache" / name)
    return tmp_path


def review_of(root, asker="press", *, period=PERIOD, sample=None, **changed):
    """A new review, as a new kernel opens it."""
    params = load_params("little", period, root=root)
    params = replace(params, profile=params.profile.model_copy(update=changed))
    snapshot = prepare(params, cache=root / ".cache")
    return Review(params, snapshot, "retention", asker=asker, sample=sample)


def computed(review):
    """Whether the review has asked the engine for anything."""
    return "_connection" in vars(review)


def kept_files(root):
    """Every kept answer."""
    return sorted(answers.home_of(root, "little").rglob(f"*{answers.SUFFIX}"))


def same(one, other):
    """Whether two answers hold the same."""
    if isinstance(one, pd.DataFrame):
        try:
            pd.testing.assert_frame_equal(one, other, check_freq=True)
        except AssertionError:
            return False
        return True
    if hasattr(one, "__dataclass_fields__"):
        named = [n for n in one.__dataclass_fields__ if n != "context"]
        return type(one) is type(other) and all(
            same(getattr(one, n), getattr(other, n)) for n in named
        )
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    return one is other or one == other or (one != one and other != other)


# ---- the same as computed -----------------------------------------------------------------------


def questions_of(review):
    """Every public method of every bench, with arguments that it can be asked with."""
    for name in BENCHES:
        bench = getattr(review, name)
        for method in (m for m in dir(type(bench)) if not m.startswith("_")):
            asked = getattr(bench, method)
            needed = [
                p.name
                for p in inspect.signature(asked).parameters.values()
                if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            ]
            if needed == ["which"]:
                for funnel in review.funnel_diagnosis.funnels():
                    yield name, method, (funnel,)
            elif method == "drawn":
                for plan in review.ab_review.upcoming():
                    yield name, method, (plan.id,)
            else:
                yield name, method, ASKED_WITH.get("".join(needed), ())


def test_every_answer_is_kept_and_comes_back_the_same(project):
    """All that the release can be asked, but for what is a lazy table of the engine."""
    first, second = review_of(project), review_of(project)
    wanted = list(questions_of(first))
    found = {(n, m, a): getattr(getattr(first, n), m)(*a) for n, m, a in wanted}
    lazy = {m for (_, m, _), answer in found.items() if not plain(answer)}
    again = {
        (n, m, a): getattr(getattr(second, n), m)(*a) for n, m, a in wanted if m not in lazy
    }

    assert len(wanted) > 70
    assert {"units", "reached"} >= lazy
    assert not computed(second)
    assert [] == [key for key, answer in again.items() if not same(found[key], answer)]


def plain(answer):
    return not type(answer).__module__.startswith("ibis")


def test_a_result_from_disk_is_the_review_s_own(project):
    """It carries the context of whoever reads it, and the SQL that once made it."""
    written = review_of(project).retention.curve()
    reader = review_of(project)
    read = reader.retention.curve()

    assert read.context is reader.context
    assert written.sql == read.sql and "SELECT" in read.sql
    assert written.records == read.records
    assert not computed(reader)


def test_arguments_are_told_apart_and_defaults_are_no_others(project):
    """`stage_moves()` is `stage_moves("previous")` and not that of a year ago."""
    value = review_of(project).customer_value
    first, year = value.stage_moves(), value.stage_moves("year_ago")
    there = review_of(project).customer_value

    assert same(first, there.stage_moves(against="previous"))
    assert same(year, there.stage_moves(against="year_ago"))
    assert not same(first, year)
    assert not computed(there._review)


def test_a_wrong_question_is_told_as_python_tells_it(project):
    """Too many arguments, or one that is unknown."""
    with pytest.raises(TypeError, match=r"by\(\) got an unexpected keyword argument 'kut'"):
        review_of(project).identification.by(kut="store_id")


def test_what_is_handed_out_can_be_changed_and_nothing_else_changes(project):
    """Neither what is asked next, nor what follows from it, nor what is kept."""
    review, other = review_of(project), review_of(project, asker=None)
    figures = review.retention.cohorts()
    figures.frame["buyers"] = -1
    figures.frame.drop(figures.frame.index, inplace=True)

    assert same(other.retention.cohorts(), review.retention.cohorts())
    assert same(other.retention.pooled(), review.retention.pooled())
    assert same(other.retention.pooled(), review_of(project).retention.pooled())


# ---- never stale --------------------------------------------------------------------------------


def key(params, snapshot, sample=None):
    """The key of a review's answers."""
    return digests.digest(answers.made_of(params, snapshot, sample))


@pytest.fixture
def parts(project):
    """Parameters and snapshot of September."""
    params = load_params("little", PERIOD, root=project)
    return params, prepare(params, cache=project / ".cache")


def profile(params, **values):
    return replace(params, profile=params.profile.model_copy(update=values))


def period_file(params, **values):
    return replace(params, period_file=params.period_file.model_copy(update=values))


CHANGES = {
    "snapshot": lambda p, s: (p, replace(s, id="another")),
    "period": lambda p, s: (load_params("little", "2025-08", root=p.root), s),
    "name": lambda p, s: (replace(p, name="other"), s),
    "profile": lambda p, s: (profile(p, activity_window_months=6), s),
    "segments": lambda p, s: (profile(p, segments={"a": "kind"}), s),
    "language": lambda p, s: (profile(p, language="zh-CN"), s),
    "period file": lambda p, s: (period_file(p, control_totals=()), s),
    "data": lambda p, s: (replace(p, data="other.csv"), s),
    "target": lambda p, s: (
        replace(p, targets=(Target("returning_buyer_share", PERIOD, "", 0.5, "board"),)),
        s,
    ),
    "sample": lambda p, s: (p, s, Sample.of(0.5, 1)),
    "another sample": lambda p, s: (p, s, Sample.of(0.5, 2)),
}


def test_whatever_an_answer_is_made_of_changes_its_key(parts):
    """One ingredient at a time; and no two of these changes meet in one key."""
    params, snapshot = parts
    total = [{"amount": 1.0, "source": "x"}]
    file = params.period_file.model_validate({"control_totals": total})
    given = replace(params, period_file=file), snapshot
    found = {name: key(*change(*given)) for name, change in CHANGES.items()}

    assert len(CHANGES) == len(set(found.values()))
    assert key(*given) not in found.values()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: period_file(p, commentary={"retention": "new"}),
        lambda p: profile(p, chapters=("retention",)),
        lambda p: profile(p, allow_incomplete=True),
    ],
)
def test_what_nothing_is_computed_from_changes_no_key(parts, change):
    """A commentary on a finished review and a preview cost their drawing alone."""
    params, snapshot = parts

    assert params != change(params)
    assert key(params, snapshot) == key(change(params), snapshot)


def test_nothing_that_computes_reads_what_is_left_out_of_the_key(root):
    """No module below `show` names these parameters."""
    library = root / "lib" / "repurchase"
    folders = ("analysis", "benches", "model", "stats", "sources")
    named = {
        node.attr
        for folder in folders
        for path in (library / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }

    assert {"profile", "period_file"} <= named
    assert set() == named & answers.NOT_COMPUTED_FROM


def imported(path):
    """The modules of the library that a module imports when it is imported itself."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("repurchase"):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_bench_can_read_what_is_left_out_of_the_library_s_digest():
    """What benches import, and what that imports, has no part of `show` and the press in it."""
    seen, waiting = set(), [f"repurchase.benches.{p.stem}" for p in (LIBRARY / "benches").iterdir()]
    while waiting:
        path = LIBRARY.parent / Path(*waiting.pop().split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file() and file not in seen:
                seen.add(file)
                waiting += imported(file)
    names = {path.relative_to(LIBRARY).as_posix() for path in seen}

    assert {"analysis/retention.py", "stats/fitting.py", "lab/names.py"} <= names
    assert [] == [name for name in names if name.startswith(answers.NOT_READ)]


@pytest.mark.parametrize(
    ("file", "language", "stays"),
    [
        ("analysis/retention.py", "en", False),
        ("benches/retention.py", "en", False),
        ("stats/proportion.py", "en", False),
        ("records.py", "en", False),
        ("review.py", "en", False),
        ("show/charts.py", "en", True),
        ("press/bind.py", "en", True),
        ("locale/zh_CN/LC_MESSAGES/repurchase.po", "en", True),
        ("locale/zh_CN/LC_MESSAGES/repurchase.po", "zh-CN", False),
    ],
)
def test_changed_code_changes_the_key_of_what_it_computes(
    parts, file, language, stays, tmp_path, monkeypatch
):
    """What draws and prints is not read; the catalogue is, where the review is not in English."""
    params, snapshot = profile(parts[0], language=language), parts[1]
    library = tmp_path / "repurchase"
    shutil.copytree(LIBRARY, library, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(answers, "LIBRARY", library)
    found = []
    for _ in range(2):
        answers._library.cache_clear()
        found.append(key(params, snapshot))
        with (library / file).open("a", encoding="utf-8") as handle:
            handle.write("\n# changed\n")
    answers._library.cache_clear()

    assert stays == (found[0] == found[1])


def test_another_version_of_a_package_changes_the_key(parts, monkeypatch):
    """An upgrade of anything that is installed computes everything anew."""
    before = key(*parts)
    now = digests.environment()
    monkeypatch.setattr(answers, "environment", lambda: now | {"packages": ["duckdb-9.dist-info"]})

    assert before != key(*parts)


def test_the_company_s_own_files_change_the_key(parts, project):
    """But for notebooks, and for what is read as parameters and counts as such."""
    folder = project / "params" / "little"
    folder.mkdir(exist_ok=True)
    before, found = key(*parts), {}
    for name in ("actions.csv", "deep/2025-09.yaml", "own.ipynb", "targets.csv", "2025-Q3.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("a\n", encoding="utf-8")
        found[name] = key(*parts)
        (folder / name).unlink()

    assert {"actions.csv", "deep/2025-09.yaml"} == {n for n in found if found[n] != before}


def test_a_changed_parameter_gives_a_changed_answer(project):
    """The answer is the one that is computed without anything kept."""
    before = review_of(project).retention.figures()
    after = review_of(project, activity_window_months=6).retention.figures()
    sampled = review_of(project, sample=Sample.of(0.5, 1)).retention.figures()

    fresh = review_of(project, asker=None, activity_window_months=6).retention.figures()
    assert same(fresh, after)
    assert not same(before, after) and not same(before, sampled)
    assert same(before, review_of(project).retention.figures())


def test_changed_data_give_a_changed_answer(tmp_path):
    """One order more in the source is in the next answer."""
    (tmp_path / "params").mkdir()
    (tmp_path / "notebooks").mkdir()
    heading = "order_id,customer_id,ordered_at,net_amount\n"
    orders = tmp_path / "orders.csv"
    orders.write_text(heading + "1,a,2025-08-01,10\n2,a,2025-09-02,20\n", encoding="utf-8")
    columns = "".join(f"      {c}: {c}\n" for c in heading.strip().split(","))
    (tmp_path / "params" / "little.yaml").write_text(
        "company: X\ntime_zone: Asia/Shanghai\ncurrency: CNY\norder_definition: Every row.\n"
        "data_through: 2025-09-30\nsources:\n  orders:\n    files: orders.csv\n    columns:\n"
        + columns,
        encoding="utf-8",
    )
    before = review_of(tmp_path).retention.totals()
    orders.write_text(orders.read_text("utf-8") + "3,b,2025-09-05,30\n", encoding="utf-8")
    after = review_of(tmp_path).retention.totals()

    assert [2, 3] == [
        one.one("orders", dimensions="span=history").value for one in (before, after)
    ]


def test_a_replaced_function_is_asked_itself(project, monkeypatch):
    """Neither is a kept answer given for it, nor is its answer kept for the release's."""
    before = review_of(project).retention.curve()
    with monkeypatch.context() as patched:
        patched.setattr(
            retention, "repurchase_curve", lambda *_, **__: replace(before, records=())
        )
        replaced = review_of(project).retention.curve()
        review_of(project).retention.pooled()
    names = {path.name for path in kept_files(project)}

    assert () == replaced.records
    assert before.records == review_of(project).retention.curve().records
    assert 1 == len(names)


def test_a_library_that_has_changed_since_it_was_imported_keeps_nothing(project, monkeypatch):
    """What is in memory is not what lies on the disk, whose digest would be its key."""
    monkeypatch.setattr(answers, "_stamp_at_import", {})
    review = review_of(project)
    review.retention.curve()

    assert review.answers is None
    assert [] == kept_files(project)


def test_a_file_beside_the_profile_that_changes_meanwhile_is_noticed(project):
    """A review that is open keeps nothing under the key of what was there before."""
    review = review_of(project)
    review.retention.curve()
    (project / "params" / "little").mkdir(exist_ok=True)
    (project / "params" / "little" / "actions.csv").write_text("a\n", encoding="utf-8")
    review.retention.cohorts()

    assert 1 == len(kept_files(project))


# ---- nobody else's ------------------------------------------------------------------------------


def test_answers_are_their_user_s_alone(project):
    """Rows of customers may be in them."""
    before = os.umask(0)
    try:
        review_of(project).retention.curve()
    finally:
        os.umask(before)
    (path,) = kept_files(project)
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, *path.parents[:4])]

    assert [0o600, *[0o700] * 4] == modes


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-1])


def turned(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def emptied(path):
    path.write_bytes(b"")


def opened_to_others(path):
    path.chmod(0o640)


def a_link(path):
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


def of_another_question(path):
    review_of(path.parents[5]).retention.cohorts()
    (other,) = set(path.parent.glob(f"*{answers.SUFFIX}")) - {path}
    other.rename(path)


def of_another_user(path):
    try:
        os.chown(path, 12345, -1)
    except PermissionError:
        pytest.skip("only root can give a file away")


@pytest.mark.parametrize(
    "damage",
    [cut_short, turned, emptied, opened_to_others, a_link, of_another_question, of_another_user],
)
def test_a_damaged_or_foreign_file_is_computed_anew(project, damage):
    """And replaced by a sound one."""
    answer = review_of(project).retention.curve()
    (path,) = kept_files(project)
    damage(path)
    reader = review_of(project)
    again = reader.retention.curve()
    after = review_of(project)
    after.retention.curve()

    assert computed(reader) and same(answer, again)
    assert not computed(after)


def test_a_lab_reads_what_the_press_has_kept_and_not_the_other_way_round(project):
    """A session in which anything may have been changed is no source of a pack."""
    review_of(project, asker="lab").retention.curve()
    press, lab = review_of(project), review_of(project, asker="lab")
    press.retention.curve()
    press.retention.cohorts()
    lab.retention.curve()
    lab.retention.cohorts()

    assert computed(press)
    assert not computed(lab)
    assert 3 == len(kept_files(project))


def test_another_period_of_a_review_has_answers_of_its_own(project):
    """`review.at` computes what belongs to its period, and keeps it there."""
    review = review_of(project)
    now, then = review.retention.totals(), review.at("2025-08").retention.totals()
    later = review_of(project).at("2025-08")

    assert not same(now, then)
    assert same(then, later.retention.totals())
    assert not computed(later)


@pytest.mark.parametrize(("asks", "keeps"), [("review", True), ("open", False)])
def test_only_a_chapter_that_asks_the_library_uses_kept_answers(
    project, asks, keeps, monkeypatch
):
    """One that reads a file, or might, may have changed anything before it asks."""
    cell = {"cell_type": "code", "metadata": {}, "source": asks}
    path = project / "notebooks" / "own.ipynb"
    path.write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
    chapter = chapters.Chapter("own", path, own=True)
    params = load_params("little", PERIOD, root=project)
    snapshot = prepare(params, cache=project / ".cache")
    asks_only = [chapter.name] if kept.asks_only(chapter) else []
    run_file = project / "run.json"
    chapters.write_run_file(run_file, params, snapshot.path, beside=True, asks_only=asks_only)
    monkeypatch.setenv(RUN, str(run_file))
    monkeypatch.setenv(CHAPTER, "own")
    review = open_review("little", PERIOD)

    assert keeps == (review.answers is not None)
    monkeypatch.setenv(CHAPTER, "another")
    assert open_review("little", PERIOD).answers is None


def test_a_script_keeps_nothing(project, monkeypatch):
    """Only a notebook does; here, as in a program of one's own, each answer is computed."""
    monkeypatch.setenv("REPURCHASE_ROOT", str(project))
    review = open_review("little", PERIOD)
    review.retention.curve()

    assert review.answers is None
    assert [] == kept_files(project)


# ---- room ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["LARGEST_BYTES", "MOST_BYTES"])
def test_what_is_too_large_is_not_kept(project, limit, monkeypatch):
    """It is computed each time, and leaves nothing behind."""
    monkeypatch.setattr(answers, limit, 0)
    answer = review_of(project).retention.curve()

    assert same(answer, review_of(project, asker=None).retention.curve())
    assert [] == [p for p in answers.home_of(project, "little").rglob("*") if p.is_file()]


def test_room_is_made_by_what_was_used_longest_ago(project, monkeypatch):
    """A review that is opened again is used again."""
    folders = {}
    for months, used in ((6, 1), (7, 3), (8, 2)):
        review = review_of(project, activity_window_months=months)
        review.retention.curve()
        folders[months] = review.answers.own
        os.utime(review.answers.own, (used, used))
    monkeypatch.setattr(answers, "MOST_BYTES", 1.5 * answers._size(folders[7]))
    review_of(project, activity_window_months=9).retention.curve()

    assert [7] == [months for months, folder in folders.items() if folder.is_dir()]
    assert review_of(project, activity_window_months=9).answers.own.is_dir()


def test_a_full_disk_is_no_failure(project, monkeypatch):
    """The answer is given, and nothing half written is left."""

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    review = review_of(project)
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse)
        answer = review.retention.curve()

    assert same(answer, review_of(project, asker=None).retention.curve())
    assert [] == [p for p in answers.home_of(project, "little").rglob("*") if p.is_file()]


def test_prune_removes_the_answers_of_data_that_are_gone(project):
    """Those of the newest data stay."""
    review_of(project).retention.curve()
    home = answers.home_of(project, "little")
    (now,) = home.iterdir()
    shutil.copytree(now, home / "0123456789abcdef")
    said = []
    prune(project, say=said.append)

    assert [now] == list(home.iterdir())
    assert any("answers/little/0123456789abcdef" in line for line in said)
