"""Our errors in a notebook: one box, and the cell still fails."""

import sys

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError
from repurchase.errors import ParameterError
from repurchase.lab.box import box_html

CELLS = (
    'from repurchase import open_review\nreview = open_review("little", "2025-09")',
    "review.retension",
)


def test_the_box_says_what_where_rule_and_what_to_do() -> None:
    """Each part once, its markup escaped, the traceback folded."""
    try:
        raise ParameterError("<b>x</b> is wrong", where="a.yaml", rule="r & s", remedy="do t")
    except ParameterError as error:
        text = box_html(error, error.__traceback__)

    assert "&lt;b&gt;x&lt;/b&gt; is wrong" in text and "<b>x" not in text
    for part in ("a.yaml", "r &amp; s", "do t", "<details><summary>traceback", "test_box.py"):
        assert part in text


def test_a_cell_with_our_error_fails_and_shows_the_box(tmp_path, bench_root) -> None:
    """papermill stops there; the output holds the box and an error without a traceback."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, tmp_path / "in.ipynb")

    with pytest.raises(PapermillExecutionError) as caught:
        papermill.execute_notebook(
            str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb"), progress_bar=False,
            kernel_name="python3", cwd=str(bench_root),
        )  # fmt: skip

    assert "UnknownNameError" == caught.value.ename
    assert "did you mean review.retention?" in caught.value.evalue
    done = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    outputs = [o for c in done.cells if c.source == CELLS[1] for o in c.outputs]
    assert ["display_data", "error"] == [o.output_type for o in outputs]
    assert "rr-error" in outputs[0].data["text/html"]
    assert ["UnknownNameError: review has no 'retension'"] == outputs[1].traceback
    assert sys.executable not in str(outputs[1])
