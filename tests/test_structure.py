"""Data walks one way: sources, model, analysis, show, press; stats knows nothing of ours."""

import ast
from pathlib import Path

import pytest

ORDER = ("stats", "sources", "model", "analysis", "show", "press")
ROOT_MODULES = {"answers", "archive", "calendar", "cells", "context", "definitions", "digests",
                "durable", "errors", "handout", "initiatives", "locks", "looks", "params",
                "period", "pickled", "published", "reasons", "records", "scrub", "strict",
                "words"}  # fmt: skip


def imported(path: Path) -> set[str]:
    """The first names below `repurchase` that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] + [f"{node.module}.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "repurchase" and len(parts) > 1:
                found.add(parts[1])
    return found


@pytest.mark.parametrize("folder", ORDER)
def test_a_folder_imports_only_what_stands_before_it(root, folder):
    """An import from a later folder would turn the walk round."""
    before = set(ORDER[: ORDER.index(folder) + 1])
    allowed = {"stats"} if folder == "stats" else before | ROOT_MODULES
    # the press runs notebooks and so knows the door that they open
    allowed |= {"review"} if folder == "press" else set()
    modules = sorted((root / "lib" / "repurchase" / folder).rglob("*.py"))
    wrong = {
        path.name: sorted(imported(path) - allowed) for path in modules if imported(path) - allowed
    }

    assert modules
    assert {} == wrong


def test_a_bench_computes_and_draws_nothing(root):
    """It hands a review's tables to the analyses; only the review knows it."""
    modules = sorted((root / "lib" / "repurchase" / "benches").glob("*.py"))
    names = set().union(*map(imported, modules))

    assert {"analysis"} <= names
    assert set() == names & {"stats", "sources", "show", "press"}


def test_the_generator_knows_neither_statistics_nor_analyses(root):
    """What makes the demo company must not assume what the estimators assume."""
    names = set()
    for path in (root / "lib" / "repurchase" / "sources" / "demo").glob("*.py"):
        names |= imported(path)

    assert set() == names & {"stats", "analysis", "model", "show", "press", "review"}
    assert "sources" in names


def test_the_longest_test_files_are_there(root):
    """They are given out first by name: a file that is renamed must be named anew."""
    text = (root / "tests" / "conftest.py").read_text(encoding="utf-8")
    (named,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ["LONGEST"] == [ast.unparse(t) for t in node.targets]
    )

    assert len(set(named)) == len(named) > 10
    assert [] == [name for name in named if not (root / "tests" / name).is_file()]


def test_no_name_at_the_top_of_a_module_is_given_twice(root):
    """The second would silently mean something else to whoever took the first."""
    twice = {}
    for path in sorted((root / "lib" / "repurchase").rglob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = [t.id for n in body if isinstance(n, ast.Assign) for t in n.targets
                 if isinstance(t, ast.Name)]  # fmt: skip
        if len(names) > len(set(names)):
            twice[path.name] = sorted({n for n in names if names.count(n) > 1})

    assert {} == twice
