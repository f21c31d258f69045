"""One chapter on its kernel: what it is told, what of the machine it does not see."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.press import chapters
from repurchase.press.chapters import Chapter, FailedChapterError
from repurchase.press.kernels import warm
from repurchase.review import open_review

pytestmark = pytest.mark.usefixtures("kept_warm")


@pytest.fixture
def run(tiny_company: Path) -> Callable[..., chapters.Ran]:
    """Runs a chapter of the tiny company with these cells, as the press does."""

    def run_cells(
        *cells: str, profile: str = "tiny", period: str = "2025-09", **told: Any
    ) -> chapters.Ran:
        name = "tiny"
        params = load_params(profile, period, root=tiny_company)
        snapshot = prepare(params, cache=tiny_company / ".cache")
        path = tiny_company / "notebooks" / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[2:] = [nbformat.v4.new_code_cell(source) for source in cells]
        nbformat.write(notebook, path)
        run_file = tiny_company / "run.json"
        chapters.write_run_file(run_file, params, snapshot.path, **told)
        output = tiny_company / f"{name}-executed.ipynb"
        return chapters.run(Chapter(name, path, own=True), params, run_file, output)

    return run_cells


def shown(ran: chapters.Ran) -> list[Any]:
    """What the cells showed: text that was printed, pictures by their bytes."""
    found = []
    for cell in ran.notebook.cells:
        for output in cell.get("outputs", ()):
            found.append(output.get("text") or output.data.get("image/png"))
    return found


def test_a_notebook_is_written_once_however_many_cells_it_has(run, monkeypatch):
    """papermill writes all outputs before and after each cell, which grows as their square."""
    from papermill import engines

    written = []
    monkeypatch.setattr(engines, "write_ipynb", lambda nb, path: written.append(path))
    run(*["print(1)"] * 12)

    assert 1 == len(written)  # before the first cell; the end is written by papermill itself


@pytest.mark.parametrize("kernel", ["forked", "ordinary"])
def test_what_a_user_has_set_up_changes_no_figure(
    kernel, run, tiny_company, tmp_path, monkeypatch, fresh_warm
):
    """matplotlibrc in the folder and by name, and IPython's own start-up files, are not read."""
    if kernel == "ordinary":
        monkeypatch.setattr(warm, "fork_is_safe", lambda: False)
    cells = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);",
        "import matplotlib\nmatplotlib.rc_file_defaults()\nplt.plot([1, 3, 2]);",
        "print(sorted({'charts', 'matplotlib', 'startup_was_read'} & {*globals()}))",
    )
    before = shown(run(*cells))
    fresh_warm()  # what follows is read when a process starts
    settings = "figure.facecolor: red\nlines.linewidth: 9\ntimezone: Asia/Tokyo\n"
    (tiny_company / "matplotlibrc").write_text(settings, encoding="utf-8")
    (tmp_path / "named").write_text(settings, encoding="utf-8")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "named"))
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("startup_was_read = True\n", encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tiny_company)
    after = shown(run(*cells))

    assert 3 == len(before)
    assert before[0] and before[1] == before[0]
    assert "['matplotlib']\n" == before[2]
    assert before == after


ASKS = """from repurchase import open_review
print(len(open_review(profile, period).chapters.records))"""


def test_a_chapter_that_runs_beside_the_others_cannot_ask_for_their_figures(run):
    """An empty list would be taken for a company without figures; what is told is there."""
    with pytest.raises(FailedChapterError, match="asks what the other chapters recorded"):
        run(ASKS, beside=True)

    assert ["1\n"] == shown(run(ASKS, told=([{"metric": "buyers"}], [])))


def test_another_period_of_a_run_is_not_read_from_the_archive(run):
    """The pack in place has no part in the chapter's key."""
    with pytest.raises(FailedChapterError, match="asks what the other chapters recorded"):
        run(ASKS.replace(".chapters", '.at("2025-08").chapters'), told=([], []))


def test_nbformat_comes_without_the_grammar_that_jupyterlab_brings(tmp_path):
    """It takes a second to import, and a notebook has no address in it."""
    (tmp_path / "rfc3987_syntax.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    code = (
        "from repurchase.press.quick import nbformat_comes_quickly\n"
        "nbformat_comes_quickly()\nimport nbformat, sys\n"
        "print('rfc3987_syntax' in sys.modules, nbformat.v4.new_notebook().nbformat)"
    )
    library = str(Path(chapters.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), library])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ("False 4\n", "", 0) == (done.stdout, done.stderr, done.returncode)


def test_no_output_says_where_an_object_lay_in_memory(run):
    """A chart, a relation, an object left as a cell's last line: two runs would differ."""
    cells = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])",
        "import duckdb\nduckdb.connect()",
        "print(object(), 'born at 0x12, worth 0x7f0123456789')",
    )
    texts = [
        output.get("text") or output.data["text/plain"]
        for cell in run(*cells).notebook.cells
        for output in cell.get("outputs", ())
    ]

    assert "[<matplotlib.lines.Line2D at 0x…>]" in texts
    assert any(re.fullmatch(r"<.*DuckDBPyConnection at 0x…>", text) for text in texts)
    assert "<object object at 0x…> born at 0x12, worth 0x7f0123456789\n" in texts


@pytest.mark.parametrize("before", [180, 190, 199])
def test_a_secret_is_taken_out_before_a_long_line_is_cut(before, monkeypatch):
    """A line of a failure ends after 200 characters: no part of a secret may be its end."""
    monkeypatch.setenv("SHOP_PASSWORD", "open-sesame")
    (line,) = chapters._last_lines("x" * before + "open-sesame, and more" * 9)

    assert 200 == len(line)
    assert ("x" * before + "[SHOP_PASSWORD], and more" * 9)[:200] == line


def test_parameters_arrive_as_the_text_that_they_are(run, tiny_company):
    """papermill's command would make numbers of 007 and 2025, and a truth value of NO."""
    text = (tiny_company / "params" / "tiny.yaml").read_text(encoding="utf-8")
    for name in ("007", "NO"):
        (tiny_company / "params" / f"{name}.yaml").write_text(text, encoding="utf-8")
        told = shown(run("print([profile, period])", profile=name, period="2025"))

        assert [f"['{name}', '2025']\n"] == told


def test_the_pack_in_place_is_found_where_links_do_not_exist(tiny_company, monkeypatch):
    """On such a system the period's folder names the pack in a file."""
    pack = tiny_company / "reports" / "tiny" / ".packs" / "2025-09-a"
    pack.mkdir(parents=True)
    (pack / "manifest.json").write_text("{}", encoding="utf-8")
    (pack / "results.json").write_text('[{"metric": "buyers"}]', encoding="utf-8")
    (pack / "findings.json").write_text("[]", encoding="utf-8")
    named = tiny_company / "reports" / "tiny" / "2025-09" / "CURRENT"
    named.parent.mkdir()
    named.write_text("../.packs/2025-09-a\n", encoding="utf-8")
    monkeypatch.setenv("REPURCHASE_ROOT", str(tiny_company))
    monkeypatch.delenv("REPURCHASE_RUN", raising=False)

    assert [{"metric": "buyers"}] == open_review("tiny", "2025-09").chapters.records


def test_what_a_chapter_refuses_is_told_as_it_was_said(run):
    """A mistake in the parameters has its own place and remedy; no line of the notebook has."""
    told = 'raise ParameterError("no column x", where="params/a.yaml", rule="r", remedy="add it")'
    with pytest.raises(FailedChapterError) as caught:
        run(f"from repurchase.errors import ParameterError\n{told}")

    assert (
        "chapter tiny failed: no column x\n  where: params/a.yaml\n  rule:  r\n  to do: add it"
        == str(caught.value)
    )


def test_an_error_of_ours_without_a_place_is_told_with_its_cell(run):
    """And with what to do of its own, of as many lines as it has."""
    with pytest.raises(FailedChapterError) as caught:
        run("from repurchase.errors import DataError\nraise DataError('no', remedy='one\\ntwo')")

    assert "chapter tiny failed: no" == caught.value.what
    assert "notebooks/tiny.ipynb, cell 3: from repurchase.errors import DataError" in (
        caught.value.where
    )
    assert "one\ntwo" == caught.value.remedy and () == caught.value.tail


def test_another_s_error_of_the_same_name_keeps_its_last_lines(run):
    """pandas has a DataError too, and whoever mends the cell needs its lines."""
    with pytest.raises(FailedChapterError) as caught:
        run("from pandas.errors import DataError\nraise DataError('no numbers')")

    assert "chapter tiny failed: DataError: no numbers" == caught.value.what
    assert "make lab" in caught.value.remedy
    assert any("no numbers" in line for line in caught.value.tail)
