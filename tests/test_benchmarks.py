"""The bench's own helpers: rounds, budgets, tables. Nothing here is timed."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

sys.path.append(str(Path(__file__).resolve().parent))
from benchmarks import commandline, machine, measure, project, table
from benchmarks.cases import kills, large, pairs, purchases, retention
from benchmarks.registry import (
    REGISTRY,
    Budget,
    Case,
    Registry,
    Setting,
    Sheet,
    Skip,
)
from benchmarks.rounds import exponent, measured, median, times
from benchmarks.workers import ladder as ladder_worker
from benchmarks.workers import large as large_worker
from benchmarks.workers import pairs as pairs_worker
from benchmarks.workers import purchases as purchases_worker
from benchmarks.workers import retention as retention_worker
from benchmarks.workers import value as value_worker


def figures(wall, **others):
    """A measurement of so many seconds."""
    return {"wall": wall, "cpu": wall, "peak": 10.0, **others}


def run(sheet, *, runs=3, tmp_path=Path()):
    """A case of that sheet after its rounds."""
    case = Case("toy", "A toy", lambda setting: sheet)
    return measured(case, Setting(tmp_path), runs=runs, say=lambda _: None)


def test_rounds_take_the_ways_in_turn():
    """All ways once, then all again: a busy moment meets both sides of a ratio."""
    order = []
    ways = {name: lambda name=name: order.append(name) or figures(1.0) for name in "ab"}
    found = run(Sheet(ways), runs=3)

    assert list("ababab") == order
    assert 3 == found.runs
    assert ["a", "b"] == list(found.rounds)


def test_a_ratio_is_the_median_of_the_rounds_own_ratios():
    """A round in which the machine was ten times slower changes no ratio."""
    slow = {"ours": [figures(1.0), figures(10.0), figures(2.0)],
            "theirs": [figures(2.0), figures(20.0), figures(4.0)]}  # fmt: skip

    assert 2.0 == times("theirs", "ours")(slow)
    assert 2.0 == median("ours")(slow)


def test_an_exponent_tells_how_costs_grow():
    """Ten times the input at a hundred times the price is a square."""
    rounds = {"1": [figures(1.0)], "10": [figures(100.0)]}

    assert 2.0 == pytest.approx(exponent("1", "10", 10)(rounds))


@pytest.mark.parametrize(
    ("budget", "value", "kept"),
    [
        ({"at_most": 1.3}, 1.3, True),
        ({"at_most": 1.3}, 1.31, False),
        ({"at_least": 5}, 5.0, True),
        ({"at_least": 5}, 4.99, False),
        ({}, 1e9, None),
    ],
)
def test_a_budget_is_kept_up_to_its_bound(budget, value, kept):
    """A bound itself is inside; without one nothing is judged."""
    assert kept is Budget("it", median("a"), **budget).kept(value)


def test_a_way_that_cannot_be_measured_is_named_and_left_out():
    """Its reason becomes a note, budgets on it go, the others stand."""

    def missing():
        raise Skip("it is not installed")

    budgets = (Budget("a", median("a"), at_most=2), Budget("b", times("b", "a"), at_most=2))
    found = run(Sheet({"a": lambda: figures(1.0), "b": missing}, budgets))

    assert ["a"] == list(found.rounds)
    assert ["a"] == [j.budget.says for j in found.judged]
    assert ("b: not measured, it is not installed",) == found.notes
    assert "it is not installed" in table.section(found, "a machine")


def test_a_case_that_cannot_be_measured_says_so():
    """There is a section with the reason and no table."""

    def prepare(setting):
        raise Skip("there is no such engine here")

    found = measured(Case("toy", "A toy", prepare), Setting(Path()), runs=3, say=lambda _: None)

    assert "### A toy\n\nNot measured: there is no such engine here.\n" == table.section(found, "m")
    assert not found.missed


def test_a_section_shows_spread_budget_and_machine():
    """Medians with least and most, MISSED in letters, columns of a way's own, the machine."""
    walls = iter([1.0, 3.0, 2.0])
    sheet = Sheet(
        {"ours": lambda: figures(next(walls), pages=7.0)},
        (Budget("time of ours", median("ours"), at_most=1.5, unit="s"),),
        ("a note",),
    )
    found = run(sheet)
    text = table.section(found, "2 cores")

    assert found.missed
    assert "| ours | 2 (1-3) | 2 (1-3) | 10 (10-10) | 7 (7-7) |" in text
    assert "| time of ours |   2 s | at most 1.50 s | **MISSED** |" in text
    assert "- a note\n- medians of 3 runs, least and most in (); 2 cores\n" in text


def test_a_section_replaces_its_own_and_no_other(tmp_path):
    """Written twice there is one; what stands around it stays; a new one comes last."""
    page = tmp_path / "page.md"
    page.write_text("# Measured\n\nWords.\n", encoding="utf-8")
    for name, text in (("a", "first\n"), ("b", "second\n"), ("a", r"third \1" + "\n")):
        table.write(page, name, text)

    assert (
        "# Measured\n\nWords.\n\n<!-- bench:a -->\nthird \\1\n<!-- /bench:a -->\n\n"
        "<!-- bench:b -->\nsecond\n<!-- /bench:b -->\n"
    ) == page.read_text(encoding="utf-8")


def test_cases_are_chosen_by_name_and_large_ones_only_so():
    """Without names all but the large; in the order of the list, whatever was typed."""
    registry = Registry()
    for name in ("pack", "kills"):
        registry.case(name, name)(lambda setting: Sheet({}))
    registry.case("hundred", "100M", large=True)(lambda setting: Sheet({}))

    assert ["pack", "kills"] == [c.name for c in registry.chosen([])]
    assert ["pack", "hundred"] == [c.name for c in registry.chosen(["hundred", "pack"])]
    with pytest.raises(KeyError, match="speed"):
        registry.chosen(["speed"])
    with pytest.raises(ValueError, match="two cases are called 'pack'"):
        registry.case("pack", "again")(lambda setting: Sheet({}))


def test_the_kills_come_last():
    """What takes longest and measures nothing does not hold up the tables."""
    assert "kills" == list(REGISTRY.cases)[-1]


def test_every_case_is_in_the_docs(root):
    """The page names how each is asked for."""
    page = (root / "docs" / "benchmarks.md").read_text(encoding="utf-8")

    assert [] == [name for name in REGISTRY.cases if f"<!-- bench:{name} -->" not in page]


def test_a_missed_budget_ends_with_an_error_only_if_asked(monkeypatch, capsys):
    """0 without --strict, and the case is named either way."""
    registry = Registry()
    budget = Budget("time", median("a"), at_most=0.5, unit="s")
    registry.case("toy", "A toy")(lambda setting: Sheet({"a": lambda: figures(1.0)}, (budget,)))
    monkeypatch.setattr(commandline, "REGISTRY", registry)
    codes = []
    for words in ([], ["--strict"], ["speed"]):
        monkeypatch.setattr(sys, "argv", ["run.py", *words])
        codes.append(commandline.main())
    said = capsys.readouterr()

    assert [0, 1, 2] == codes
    assert 2 == said.out.count("budgets missed: toy\n")
    assert "there is no case 'speed'; cases: toy" in said.err


def test_a_command_is_measured_with_its_children(tmp_path):
    """Seconds and memory of a child's child count; a bad end raises with its last words."""
    source = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = b\"x\" * 10**8'])"
    found = measure.python("-c", source, root=tmp_path)

    assert {"wall", "cpu", "peak"} == set(found)
    assert found["peak"] > 95
    with pytest.raises(measure.FailedError, match=r"(?s)ended with 3.*no luck"):
        measure.python("-c", "import sys; print('no luck'); sys.exit(3)", root=tmp_path)


def test_a_block_is_clocked_with_the_peak_of_its_process():
    """What the block itself took, and memory that it has given back already."""
    before = psutil.Process().memory_info().rss / measure.MIB
    with measure.clocked() as taken:
        sum(len(b"x" * 10**8) for _ in range(2))

    assert {"wall", "cpu", "peak"} == set(taken)
    assert 0 < taken["cpu"]
    assert before + 90 < taken["peak"] == measure.peak_memory()


def test_steps_together_add_up():
    """In turn their seconds add; at once the clock is one, processors add; the peak is the most."""
    steps = [{"wall": 1.0, "cpu": 2.0, "peak": 3.0}, {"wall": 4.0, "cpu": 5.0, "peak": 6.0}]
    both = measure.at_once([lambda s=s: s for s in steps], workers=2)

    assert {"wall": 5.0, "cpu": 7.0, "peak": 6.0} == measure.together(steps)
    assert (7.0, 6.0) == (both["cpu"], both["peak"])
    assert both["wall"] < 5.0


def test_a_changed_notebook_is_new_each_time(tmp_path, root):
    """Changed back it would be found among those that are kept, and nothing would run."""
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "data.ipynb"
    path.write_bytes((root / "notebooks" / "data.ipynb").read_bytes())
    seen = [path.read_text(encoding="utf-8")]
    for _ in range(3):
        project.change(tmp_path, "data")
        seen.append(path.read_text(encoding="utf-8"))

    assert 4 == len(set(seen))
    assert all(json.loads(text)["cells"] for text in seen)


def test_ways_that_differ_are_told():
    """A count that is off by one, a row too many, other threads: nothing is compared then."""
    tables = {"cohorts": [["2025-01", 0, 5]], "curve": [["none", 3, 5.0, 0.25]]}
    same = retention.Same()
    same.check("library", {"tables": tables, "threads": 2})
    same.check("pandas", {"tables": {**tables, "curve": [("none", 3, 5, 0.25 + 1e-12)]},
                          "threads": 1})  # fmt: skip
    wrong = {**tables, "cohorts": [["2025-01", 0, 6]]}

    with pytest.raises(retention.DifferentError, match=r"cohorts by sql: \['2025-01', 0, 6\]"):
        same.check("sql", {"tables": wrong, "threads": 2})
    with pytest.raises(retention.DifferentError, match="curve by pandas: 0 rows, not 1"):
        same.check("pandas", {"tables": {**tables, "curve": []}, "threads": 1})
    with pytest.raises(retention.DifferentError, match="3 threads, the library has 2"):
        same.check("sql", {"tables": tables, "threads": 3})


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """A few thousand orders, prepared: the project's folder and what preparing said."""
    root = tmp_path_factory.mktemp("orders")
    return root, measure.worker("orders.py", "3000", str(root), root=root)


def test_three_ways_find_the_same_tables(company):
    """The library, SQL and pandas on a few thousand orders of a prepared company."""
    root, made = company
    same = retention.Same()
    for way in retention.WAYS:
        same.check(way, getattr(retention_worker, way)(root, Path(made["snapshot"])))

    assert 3000 == made["orders"]
    assert ["cohorts", "curve", "history"] == sorted(same.first)
    assert 25 == len(same.first["history"])
    assert 300 >= sum(n for _, age, n in same.first["cohorts"] if age == 0) > 250
    assert {"none", "year_ago"} == {row[0] for row in same.first["curve"]}


def test_three_ways_find_the_same_value(company):
    """Summaries, standings, headline shares and gaps; each subject is clocked by itself."""
    root, made = company
    same = retention.Same(within=1e-8)
    for way in retention.WAYS:
        (root / "made" / way).mkdir(parents=True)
        said = getattr(value_worker, way)(root, Path(made["snapshot"]))
        same.check(way, said)
    found = same.first

    assert {f"{name} CPU s" for name in value_worker.SUBJECTS} < set(said)
    assert ["figures", "gaps", "rhythms", "standing", "summary"] == sorted(found)
    assert 8 * 4 == len(found["figures"])
    assert list(range(1, 7)) == [row[0] for row in found["gaps"]]
    customers = sum(row[2] for row in found["summary"] if row[0] == "2025-09-30")
    assert 300 >= customers > 250
    assert customers == sum(row[5] for row in found["standing"] if row[0] == "none")
    assert customers == sum(row[-1] for row in found["rhythms"])


def test_a_summary_that_is_wrong_in_one_customer_is_told(tmp_path):
    """A day too late, a cent too much: the sums of the group differ."""
    import pandas as pd

    names = "first_date last_date previous_date order_days orders repeat_money_days longest_gap"
    names += " net_revenue repeat_revenue other_revenue net_margin repeat_margin log_gap_sum"
    names += " log_gap_squares first_channel last_store_id first_discounted"
    row = dict.fromkeys(names.split(), 1.0) | {"customer_id": "C01"}
    row |= dict.fromkeys(names.split()[:3], pd.Timestamp("2025-01-02"))
    told = []
    for change in ({}, {"last_date": pd.Timestamp("2025-01-03")}, {"net_revenue": 1.01}):
        pd.DataFrame([row | change]).to_parquet(tmp_path / "day.parquet")
        told.append(value_worker.digest([tmp_path / "day.parquet"]))

    assert ["day", "01", 1] == told[0][0][:3]
    assert 3 == len({str(rows) for rows in told})


def without(package, tmp_path, monkeypatch):
    """The package cannot be imported by what is started from here."""
    (tmp_path / f"{package}.py").write_text("raise ImportError('not here')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


@pytest.mark.parametrize("task", ["fit", "score"])
def test_customers_are_fitted_and_scored(tmp_path, task):
    """Near the parameters they were simulated with; a year's value of some of them."""
    purchases_worker.make(tmp_path, 4000)
    found = purchases_worker.library(task, *purchases_worker.read(tmp_path))["found"]

    if task == "fit":
        assert list(purchases_worker.TRUTH.values()) == pytest.approx(found, rel=0.35)
    else:
        assert 2 * (1 + 1000) == len(found)
        assert found[0] > 1000 > found[1] >= 0
        assert 30 < found[1001] / found[0] < 90


@pytest.mark.parametrize("package", ["lifetimes", "mlxtend"])
def test_what_is_not_installed_is_skipped_by_name(tmp_path, monkeypatch, package):
    """The others' rows are left out where they cannot be imported, and ours stand."""
    without(package, tmp_path, monkeypatch)
    if package == "lifetimes":
        purchases_worker.make(tmp_path, 20)
        words = ("fit", package, tmp_path, purchases.SameNumbers(), sys.executable)
        way = partial(purchases._measured, *words)
    else:
        pairs_worker.make(tmp_path, 20)
        way = partial(
            pairs._measured, package, tmp_path, 2, retention.Same(), Setting(tmp_path)
        )

    with pytest.raises(Skip, match=f"{package} cannot be imported .*not here"):
        way()


def test_numbers_that_differ_are_told():
    """One part in a million is the same, two are not."""
    same = purchases.SameNumbers()
    same.check("ours", [1.0, 45.0])
    same.check("lifetimes", [1.0, 45.0 * (1 + 0.9e-6)])

    with pytest.raises(retention.DifferentError, match="lifetimes: number 1 is"):
        same.check("lifetimes", [1.0, 45.0 * (1 + 2e-6)])
    with pytest.raises(retention.DifferentError, match="1 numbers, not 2"):
        same.check("lifetimes", [1.0])


def test_pairs_from_tables_are_those_from_codes(tmp_path):
    """The chapter's way and the statistics alone find the same supports and lifts."""
    made = pairs_worker.make(tmp_path, 800)
    same = retention.Same(within=1e-9)
    for way in (pairs_worker.codes, pairs_worker.library):
        found = way(tmp_path, 8)["found"]
        same.check(way.__name__, {"tables": {"pairs": found}, "threads": 1})

    assert 800 == made["baskets"] < made["lines"] < 5 * 800
    assert all(a < b and s >= 8 / 800 and v > 0 for a, b, s, v in same.first["pairs"])


@pytest.mark.parametrize("way", ["half", "few"])
def test_every_rung_of_the_ladder_is_climbed(way):
    """On fewer units: each has its seconds, and those with controls hold the planted effect."""
    said = ladder_worker.rungs(way, 50)

    assert ladder_worker.EFFECT == 0.5 and 6 == len(said["found"])
    assert all(said[f"{name} s"] >= 0 for name in said["found"])
    for name in ("difference", "synthetic control", "structural", "synthetic difference"):
        value, low, high = said["found"][name]
        assert low <= 0.5 <= high and low <= value <= high


def test_very_many_orders_are_made_piece_by_piece(tmp_path):
    """Sorted as a snapshot has them, each customer once, and every subject counts all of them."""
    import duckdb

    made = large_worker.make(tmp_path, 3000, piece=70)
    file = str(tmp_path / large_worker.SNAPSHOT / "customer_days.parquet")
    rows = duckdb.sql(f"SELECT customer_id, order_date, day_rank FROM '{file}'").fetchall()
    found = {name: large_worker.subject(name, tmp_path)["rows"] for name in large_worker.SUBJECTS}
    customers = len({row[0] for row in rows})

    assert sorted(rows) == rows
    assert len(rows) == made["customer_days"] < made["orders"]
    assert customers == sum(rank == 1 for *_, rank in rows) > 280
    assert {customers} == {found["cohorts"], found["tiers"], found["gaps"]}
    assert found["summary"] > 3 * customers
    assert list(large.SUBJECTS) == list(large_worker.SUBJECTS)


def test_a_disk_without_room_is_told(tmp_path):
    """How much is there, how much is needed, what to do; nothing has been written."""
    with pytest.raises(Skip, match=r"GB free, 1,000,000,000,000 orders need about .*set TMPDIR"):
        large.large(Setting(tmp_path, large=(10**12,)))

    assert [] == list(tmp_path.iterdir())


def test_growth_is_judged_between_the_first_size_and_the_last():
    """Ten times the orders for thirteen times the seconds is over the budget; one size has none."""
    rounds = {
        large.row(size, says): [figures(cpu) | {"peak": 9000.0}]
        for size, cpu in ((10, 1.0), (100, 13.0))
        for says in large.SUBJECTS.values()
    }
    judged = {b.says: b.kept(b.value(rounds)) for b in large.budgets((10, 100))}

    assert 4 == len(large.budgets((100,)))
    assert {"cohorts, exponent of CPU": False, "cohorts, peak of 100": False} == {
        says: kept for says, kept in judged.items() if says.startswith("cohorts")
    }


def test_a_company_is_made_once(tmp_path, monkeypatch):
    """Two cases on as many orders share it."""
    from benchmarks import registry

    made = []

    def worker(script, orders, folder, *, root):
        made.append(orders)
        return {"wall": 1.0, "cpu": 2.0, "peak": 3.0, "snapshot": folder}

    monkeypatch.setattr(registry, "worker", worker)
    setting = Setting(tmp_path)

    assert setting.company(1000) is setting.company(1000)
    assert "2,000 orders prepared through a profile: 1 s, 2 CPU s, 3 MiB" == (
        setting.company(2000).note
    )
    assert ["1000", "2000"] == made


def test_kills_are_counted_by_what_was_struck():
    """Every kind has its column, also where it was never met."""
    found = kills.by_kind({"kill the run: old": 2, "kill the run: new": 1, "SIGINT: new": 4})

    assert (3, 4, 0) == (found["run"], found["SIGINT"], found["warm process"])
    assert 5 == found[kills.NEW]


def test_the_machine_is_described_and_not_named():
    """Cores, memory, versions; no name of the machine or of who works at it."""
    import getpass
    import platform

    told = machine.described()

    assert "core" in told and "GiB" in told and f"Python {platform.python_version()}" in told
    assert "duckdb " in told
    assert platform.node() not in told
    assert getpass.getuser() not in told.split()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is asked here")
@pytest.mark.parametrize(
    ("target", "given", "words"),
    [
        ("bench", [], []),
        ("bench", ["WRITE=0", "STRICT=", "RUNS="], []),
        ("bench", ["WHAT=pack kills", "RUNS=5", "WRITE=1", "STRICT=1"],
         ["pack kills", "--runs=5", "--write", "--strict"]),
        ("bench", ["ORDERS=1000", "OTHERS=a b/python"], ["--orders=1000", "--others=a b/python"]),
        ("bench", ["WHAT=$(shell echo no) `id`"], ["$(shell echo no) `id`"]),
        ("bench-large", ["ORDERS=1000,2000", "WRITE=1"],
         ["large", "--large=1000,2000", "--write"]),
    ],
)  # fmt: skip
def test_make_bench_passes_what_was_given(tmp_path, root, target, given, words):
    """Each variable is an option, and no character in it means anything to make or the shell."""
    (tmp_path / "Makefile").write_bytes((root / "Makefile").read_bytes())
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    script = tmp_path / "tests" / "benchmarks" / "run.py"
    script.parent.mkdir(parents=True)
    script.write_text("import json, sys\nprint(json.dumps(sys.argv))\n", encoding="utf-8")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", target, "PYTHON=true", *given],
        cwd=tmp_path, env=clean, capture_output=True, text=True,
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr
    assert ["tests/benchmarks/run.py", *words] == json.loads(done.stdout)


def test_the_company_that_is_killed_is_a_small_demo(tmp_path, root):
    """300 customers, another company's name each edition, the release's notebooks cut short."""
    from benchmarks.kills import demo_company
    from repurchase.params import load_params
    from repurchase.press import chapters

    text = demo_company(tmp_path)
    (tmp_path / "params" / "tiny.yaml").write_text(text.format(edition=7), encoding="utf-8")
    params = load_params("tiny", "2025-09", root=tmp_path)
    wanted = chapters.chapters_of(params)
    whole = {c.name: chapters.read(root / "notebooks" / f"{c.name}.ipynb").cells for c in wanted}
    for chapter in wanted:
        chapters.check_parameters(chapter)
        short = chapters.read(chapter.path).cells
        assert whole[chapter.name][: len(short)] == short
        assert 3 < len(short) < len(whole[chapter.name])

    assert ("Edition 7", 300) == (params.company, params.profile.generator.customers)
    chapters = ["retention", "customer_value", "funnel_diagnosis", "ab_review", "roi_before_after",
                "data", "summary"]  # fmt: skip
    assert chapters == [c.name for c in wanted]


@pytest.mark.parametrize(("load", "busy"), [(3.0, False), (3.1, True), (20.0, True)])
def test_a_busy_machine_is_told_in_the_table(monkeypatch, capsys, load, busy):
    """More than one and a half processes a core: whoever reads the table must know."""
    registry = Registry()
    registry.case("toy", "A toy")(lambda setting: Sheet({"a": lambda: figures(1.0)}))
    monkeypatch.setattr(commandline, "REGISTRY", registry)
    monkeypatch.setattr(sys, "argv", ["run.py"])
    monkeypatch.setattr(machine, "cores", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    commandline.main()
    note = f"- the machine was busy when this began ({load:.0f} processes for 2 cores)"

    assert busy == (note in capsys.readouterr().out)
