"""preview and diff-chapter."""

import nbformat
import pytest
from pypdf import PdfReader
from repurchase.cli import main

pytestmark = pytest.mark.usefixtures("kept_warm")


def _own(bench_root, name="retention"):
    folder = bench_root / "params" / "little"
    folder.mkdir(exist_ok=True)
    return folder / f"{name}.ipynb"


@pytest.fixture
def own(bench_root):
    """The profile's own retention notebook: one line changed, a tag lost, one cell new."""
    path = _own(bench_root)
    notebook = nbformat.read(bench_root / "notebooks" / "retention.ipynb", as_version=4)
    (curve,) = [c for c in notebook.cells if "show.pooled(" in c.source]
    curve.source = curve.source.replace("show.pooled(review.", "show.pooled(the_review.")
    (ladder,) = [c for c in notebook.cells if "show.ladder(" in c.source]
    ladder.metadata["tags"] = []
    notebook.cells.append(nbformat.v4.new_code_cell("1 + 1"))
    nbformat.write(notebook, path)
    yield path
    path.unlink()


def test_a_notebooks_differences_are_told_by_cell(own, capsys) -> None:
    """Lines taken out and put in, tags too; cells that are alike are not named."""
    assert 0 == main(["diff-chapter", "--chapter", "retention", "--profile", "little"])

    said = capsys.readouterr().out.splitlines()
    changed = [line for line in said[2:] if line.startswith(("+", "-"))]
    assert "--- notebooks/retention.ipynb" == said[0]
    assert [
        '-show.pooled(review.retention.pooled(), id="R-3")',
        '+show.pooled(the_review.retention.pooled(), id="R-3")',
        "-[code] part-b",
        "+[code]",
        "+[code]",
        "+1 + 1",
    ] == changed
    assert 3 == sum(line.startswith("@@") for line in said)


def test_without_an_own_notebook_there_is_nothing_to_differ(capsys) -> None:
    """It says which is printed, and a chapter that nobody has is a wrong use."""
    assert 0 == main(["diff-chapter", "--chapter", "retention", "--profile", "little"])
    assert "the release's is printed" in capsys.readouterr().out
    assert 2 == main(["diff-chapter", "--chapter", "retension", "--profile", "little"])
    assert "retention" in capsys.readouterr().err
    assert 2 == main(["diff-chapter", "--chapter", "../x", "--profile", "little"])


def test_a_preview_is_one_chapter_as_pdf(bench_root, capsys) -> None:
    """Marked as a draft, with both parts of the chapter; no pack comes of it."""
    words = ["preview", "--chapter", "retention", "--profile", "little", "--period", "2025-09"]
    assert 0 == main(words)

    path = bench_root / "reports" / "little" / ".preview" / "retention.pdf"
    assert "preview: reports/little/.preview/retention.pdf" in capsys.readouterr().out
    text = "\n".join(page.extract_text() for page in PdfReader(path).pages)
    assert "A preview of one chapter, not a pack." in text
    assert "DRAFT" in text and "The evidence" in text and "R-7" in text
    assert not list((bench_root / "reports" / "little").glob(".packs/*"))
    assert [path.name] == [p.name for p in path.parent.iterdir()]


def test_a_preview_of_nothing_is_a_wrong_use(capsys) -> None:
    """A misspelt chapter names those that there are; a period without data makes no page."""
    for name in ("retension", "../x"):
        assert 2 == main(["preview", "--chapter", name, "--profile", "little"])
        assert "retention, roi_before_after" in capsys.readouterr().err
    words = ["preview", "--chapter", "retention", "--profile", "little", "--period", "2035-01"]
    assert 1 == main(words)
    assert "no data lie in 2035-01: they run from" in capsys.readouterr().err
