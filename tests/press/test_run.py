"""A run of the press: what runs again, what is told when it fails, what a shell is told."""

import errno
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from repurchase.errors import PressError
from repurchase.model.snapshot import Snapshot
from repurchase.params import Target, load_params
from repurchase.press import chapters, kept, limits, making, run
from repurchase.press.chapters import FailedChaptersError
from repurchase.press.progress import Bar, Progress, progress
from repurchase.press.run import monthly_report

pytestmark = pytest.mark.usefixtures("kept_warm")
PERIOD = "2025-09"
TITLE = nbformat.v4.new_markdown_cell("# A little", metadata={"tags": ["part-a"]})
GIVEN = nbformat.v4.new_code_cell(
    'profile = "small"\nperiod = ""', metadata={"tags": ["parameters"]}
)


def notebook(*sources):
    """A chapter with these code cells."""
    cells = [TITLE, GIVEN, *(nbformat.v4.new_code_cell(source) for source in sources)]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture(scope="module")
def project(company_of):
    """A company of three orders whose notebooks do next to nothing: a pack takes moments."""
    folder = company_of({"one": "", "two": ""})
    (folder / "params" / "tiny.yaml").rename(folder / "params" / "small.yaml")
    for name in ("one", "two", "data", "summary"):
        source = "1 + 1  # the longest of all" if name == "two" else "1 + 1"
        nbformat.write(notebook(source), folder / "notebooks" / f"{name}.ipynb")
    return folder


def made(project, **options):
    """A run of September and the lines that it said."""
    said = []
    params = load_params("small", PERIOD, root=project)
    outcome = monthly_report(params, say=said.append, **options)
    return outcome, said


def ran(said):
    """The chapters that a run ran."""
    names = [line.removeprefix("running ") for line in said if line.startswith("running ")]
    return [name for name in names if name != "binding"]


@pytest.fixture(scope="module")
def first(project):
    """The first run."""
    return made(project)


def test_chapters_run_side_by_side_and_the_summary_last(first):
    """Every chapter once, the longest notebook first; the pack has them in the chapters' order."""
    outcome, said = first
    manifest = json.loads((outcome.path / "manifest.json").read_text(encoding="utf-8"))

    assert ["two", "one", "data", "summary"] == ran(said)
    assert ["one", "two", "data", "summary"] == [c["name"] for c in manifest["chapters"]]
    assert said[-1].startswith(f"{outcome.status}: reports/small/{PERIOD}/")


def test_nothing_runs_when_nothing_has_changed(first, project):
    """The pack in place is the answer, with its status and exit code."""
    outcome, said = made(project)

    assert outcome.unchanged
    assert [] == ran(said)
    assert first[0].exit_code == outcome.exit_code
    assert first[0].path.resolve() == outcome.path.resolve()


def test_one_changed_notebook_runs_and_the_summary(first, project):
    """The others are taken as they were executed; the old notebook's result is known again."""
    path = project / "notebooks" / "two.ipynb"
    before = path.read_bytes()
    nbformat.write(notebook("1 + 2"), path)
    _, said = made(project)
    path.write_bytes(before)
    back, again = made(project)

    assert ["two", "summary"] == ran(said)
    assert [] == ran(again)
    assert first[0].path.resolve().name == back.path.resolve().name


def test_a_damaged_pack_is_made_again(first, project):
    """A file that is not what the manifest says is never taken for unchanged."""
    page = first[0].path / "index.html"
    page.write_text("nothing", encoding="utf-8")
    outcome, said = made(project)

    assert not outcome.unchanged
    assert [] == ran(said)
    assert "nothing" != (outcome.path / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def parts(first, project):
    """Parameters, snapshot and the keys of every chapter."""
    params = load_params("small", PERIOD, root=project)
    (folder,) = (project / ".cache" / "snapshots" / "small").glob("v=*")
    return params, Snapshot.open(folder)


def keys(params, snapshot):
    """The keys of the chapters as they are now."""
    return kept.keys(params, snapshot, chapters.chapters_of(params))


def changed_profile(params, snapshot, **values):
    return replace(params, profile=params.profile.model_copy(update=values)), snapshot


def changed_commentary(params, snapshot):
    file = params.period_file.model_copy(update={"commentary": {"one": "new"}})
    return replace(params, period_file=file), snapshot


CHANGES = {
    "snapshot": lambda p, s: (p, replace(s, id="another")),
    "period": lambda p, s: (load_params("small", "2025-08", root=p.root), s),
    "profile": lambda p, s: changed_profile(p, s, activity_window_months=6),
    "language": lambda p, s: changed_profile(p, s, language="zh-CN"),
    "period file": changed_commentary,
    "data": lambda p, s: (replace(p, data="other.csv"), s),
    "target": lambda p, s: (
        replace(p, targets=(Target("returning_buyer_share", PERIOD, "", 0.5, "board"),)),
        s,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_chapter_reads_changes_every_key(parts, change):
    """One ingredient at a time; no executed chapter is found under the new keys."""
    before = keys(*parts)
    after = keys(*CHANGES[change](*parts))

    assert None not in before.values()
    assert [] == [name for name in before if before[name] == after[name]]


@pytest.mark.parametrize(
    ("file", "stays"),
    [
        ("analysis/retention.py", False),
        ("show/style.py", False),
        ("press/kernels/server.py", False),
        ("press/engine.py", False),
        ("press/bind.py", True),
        ("locale/zh_CN/LC_MESSAGES/repurchase.po", True),
    ],
)
def test_changed_code_runs_what_reads_it(parts, file, stays, tmp_path, monkeypatch):
    """Library and kernel: every chapter. Binding and, in English, catalogue: only the pack."""
    library = tmp_path / "repurchase"
    shutil.copytree(kept.LIBRARY, library, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(kept, "LIBRARY", library)
    before, pack_before = keys(*parts), kept.pack_key(parts[0], keys(*parts))
    with (library / file).open("a", encoding="utf-8") as handle:
        handle.write("\n# changed\n")
    after, pack_after = keys(*parts), kept.pack_key(parts[0], keys(*parts))

    assert stays == (before == after)
    assert pack_before != pack_after


def test_the_catalogue_changes_chapters_that_read_it(parts, tmp_path, monkeypatch):
    """A Chinese pack's chapters run again when a translation is mended."""
    params, snapshot = changed_profile(*parts, language="zh-CN")
    library = tmp_path / "repurchase"
    shutil.copytree(kept.LIBRARY, library, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(kept, "LIBRARY", library)
    before = keys(params, snapshot)
    with (library / "locale/zh_CN/LC_MESSAGES/repurchase.po").open("a") as handle:
        handle.write("\n# changed\n")

    assert [] == [n for n, key in keys(params, snapshot).items() if before[n] == key]


def test_another_version_of_a_package_changes_every_key(parts, monkeypatch):
    """An upgrade of anything that is installed runs everything again."""
    before = keys(*parts)
    now = kept.environment()
    monkeypatch.setattr(kept, "environment", lambda: now | {"packages": ["duckdb-9.dist-info"]})

    assert [] == [n for n, key in keys(*parts).items() if before[n] == key]


def test_a_file_beside_the_profile_changes_every_key(parts, project):
    """What lies in the company's folder may be read by its notebooks."""
    folder = project / "params" / "small"
    before = keys(*parts)
    folder.mkdir()
    (folder / "actions.csv").write_text("a\n", encoding="utf-8")
    after = keys(*parts)
    shutil.rmtree(folder)

    assert [] == [name for name in before if before[name] == after[name]]
    assert before == keys(*parts)


def test_what_the_summary_is_told_changes_its_key():
    """Another figure, or another notebook that gave the same one."""
    told = ([{"value": 1}], [])
    key = kept.told_key("key", {"one": "a"}, told)

    assert key == kept.told_key("key", {"one": "a"}, told)
    assert key != kept.told_key("key", {"one": "b"}, told)
    assert key != kept.told_key("key", {"one": "a"}, ([{"value": 2}], []))
    assert kept.told_key(None, {}, told) is None


@pytest.mark.parametrize(
    ("source", "asks_only"),
    [
        ("from repurchase import open_review, show", True),
        ("review.load.outcomes(); review.sql('select 1 from orders')", True),
        ("import numpy as np\nnp.load('x')", False),
        ("import pandas as pd\npd.read_csv('x.csv')", False),
        ("open('x')", False),
        ("import os\nos.environ['X']", False),
        ("from repurchase.sources import files", False),
        ("datetime.datetime.now()", False),
        ("%run other.ipynb", False),
        ("!curl example.com", False),
        ("().__class__", False),
        ("eval('1')", False),
        ("import matplotlib.pyplot as plt\nplt.plot([1])", True),
        ("import matplotlib.pyplot as plt\nplt.title('x', fontfamily='Ubuntu')", False),
        ("import matplotlib.pyplot as plt\nplt.title('x', **{'fontname': 'Ubuntu'})", False),
        ("import matplotlib.pyplot as plt\nplt.rcParams.update({'x': 1})", False),
        ("import matplotlib\nmatplotlib.rc('font', family='Ubuntu')", False),
        ("from matplotlib.font_manager import FontProperties", False),
    ],
)
def test_a_notebook_that_reads_anything_else_is_never_kept(source, asks_only):
    """Files, network, clock, environment and whatever cannot be told from the text."""
    cell = {"cell_type": "code", "source": source}

    assert asks_only == kept.only_asks_the_library({"cells": [cell]})


def test_every_notebook_of_the_release_can_be_kept(root):
    """None of them reads anything that has no part in its key."""
    found = sorted((root / "notebooks").glob("*.ipynb"))
    told = {p.stem: kept.only_asks_the_library(json.loads(p.read_bytes())) for p in found}

    assert found
    assert [] == [name for name, only in told.items() if not only]


def failing(project, timeout=60, **sources):
    """A run with other notebooks for these chapters; the error and what was said."""
    said, saved = [], {}
    for name, source in sources.items():
        path = project / "notebooks" / f"{name}.ipynb"
        saved[path] = path.read_bytes()
        nbformat.write(notebook(*source), path)
    try:
        with pytest.raises(Exception) as caught:
            params = load_params("small", PERIOD, root=project)
            settings = limits.Settings(timeout=timeout, memory=limits.GIB)
            monthly_report(params, say=said.append, settings=settings)
    finally:
        for path, content in saved.items():
            path.write_bytes(content)
    return caught.value, said


def test_one_run_tells_all_that_is_wrong(first, project):
    """A failing cell and a crash: both are named with cell and last lines, the others finish."""
    before = first[0].path.resolve()
    error, said = failing(
        project,
        one=["1", "print('so far')\nimport os\nos._exit(7)"],
        two=["1", "2", "prices = {}\nprices['gold']"],
    )
    page = (project / "reports" / "small" / f"{PERIOD}-failed.html").read_text(encoding="utf-8")

    assert isinstance(error, FailedChaptersError)
    assert ["one", "two"] == [f.chapter for f in error.failures]
    assert "exit code 7" in error.failures[0].what
    assert error.failures[0].where.startswith("notebooks/one.ipynb, cell 4: print('so far')")
    assert error.failures[1].where.startswith("notebooks/two.ipynb, cell 5: prices = {}")
    assert "KeyError: 'gold'" in error.failures[1].tail[-1]
    assert any(line.startswith("  data") for line in said)
    assert "exit code 7" in page and "KeyError" in page and "cell 5" in page
    assert before == (project / "reports" / "small" / PERIOD).resolve()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import sys\nsys.exit(0)", "SystemExit"),
        ("import time\ntime.sleep(60)", "longer than 8 s"),
        ("rows = bytearray(3 << 30)", "MemoryError"),
    ],
)
def test_a_chapter_that_ends_otherwise_is_a_failure(first, project, source, words):
    """sys.exit looks like success; a chapter has its time and its memory."""
    error, _ = failing(project, timeout=8 if "sleep" in source else 60, one=[source])

    assert words in error.what
    assert "notebooks/one.ipynb, cell 3" in error.where
    assert error.remedy


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the disk is read-only")],
)
def test_what_the_system_refuses_is_explained(first, project, monkeypatch, number, words):
    """No traceback: what it is, where, and that the old pack still stands."""

    def refuse(*_):
        raise OSError(number, os.strerror(number), "review.pdf")

    monkeypatch.setattr(making, "_write_results", refuse)
    monkeypatch.setattr(kept, "in_place", lambda *_: None)
    before = first[0].path.resolve()
    with pytest.raises(PressError) as caught:
        made(project)

    assert f"{words}: review.pdf" == caught.value.what
    assert before == (project / "reports" / "small" / PERIOD).resolve()
    assert [] == list((project / "reports" / "small" / ".packs").glob("new-*"))


def test_a_missing_package_is_named(monkeypatch):
    """A font's package that is not there: which, and how it comes back."""
    with pytest.raises(PressError) as caught, run._explained("reports/x"):
        raise ModuleNotFoundError("No module named 'typst'", name="typst")

    assert "the package 'typst' is missing" == caught.value.what
    assert "setup_env" in caught.value.remedy


@pytest.mark.parametrize(
    ("settings", "wanted", "cores", "gib", "expected"),
    [
        (limits.Settings(), 8, 4, 64, 4),
        (limits.Settings(), 8, 4, 2, 2),
        (limits.Settings(), 1, 4, 64, 1),
        (limits.Settings(), 8, 4, 0, 1),
        (limits.Settings(jobs=3), 8, 1, 1, 3),
    ],
)
def test_chapters_at_once(monkeypatch, settings, wanted, cores, gib, expected):
    """As many as cores and memory allow, at least one, or as many as was said."""
    monkeypatch.setattr(limits, "cores", lambda: cores)
    monkeypatch.setattr(limits, "memory_available", lambda: gib * limits.GIB)

    assert expected == limits.chapters_at_once(wanted, settings)


def test_progress_suits_its_reader(capsys, monkeypatch):
    """Lines in a log, a bar on a terminal, nothing when quiet."""
    said = []
    lines = progress(said.append)
    lines.begin("one")
    lines.end("one", note="failed")
    progress(said.append, quiet=True).begin("two")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert "running one" == said[0] and said[1].startswith("  one 0.")
    assert said[1].endswith(": failed")
    assert 2 == len(said)
    assert Progress is type(lines) and isinstance(progress(said.append), Bar)


def shell(project, *words):
    """The command as a scheduler starts it: exit code and what it printed."""
    library = str(Path(kept.LIBRARY).parent)
    start = ["env", "-i", f"PYTHONPATH={library}", f"REPURCHASE_ROOT={project}"]
    done = subprocess.run(
        [*start, sys.executable, "-m", "repurchase", "monthly-report", *words],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_exit_codes_from_an_empty_environment(first, project):
    """As cron starts it: sound 0, wrong use 2, failed 1; --quiet prints one line."""
    code, lines, errors = shell(project, "--profile", "small", "--period", PERIOD, "--quiet")

    assert (first[0].exit_code, "") == (code, errors)
    assert [f"{first[0].status}: reports/small/{PERIOD}/review.pdf"] == lines
    assert 2 == shell(project, "--profile", "smal")[0]
    assert 2 == shell(project, "--jobs", "-1")[0]
    assert 1 == shell(project, "--profile", "small", "--period", "2031-01")[0]


def test_a_draft_ends_with_three_in_an_empty_environment(first, project):
    """A period that the data do not reach the end of, and that is allowed."""
    text = (project / "params" / "small.yaml").read_text(encoding="utf-8")
    text = text.replace("data_through: 2025-09-30", "data_through: 2025-09-20")
    text += "allow_incomplete: true\nmax_quarantined_share: 1.0\n"
    (project / "params" / "half.yaml").write_text(text, encoding="utf-8")
    code, lines, _ = shell(project, "--profile", "half", "--period", PERIOD)

    assert 3 == code
    assert f"draft: reports/half/{PERIOD}/review.pdf" == lines[-1]
    assert any(line.startswith("  draft: ") for line in lines)
