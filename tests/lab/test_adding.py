"""Each example of docs/adding.md does what the page says."""

import re
from dataclasses import replace

import ibis.expr.types as ir
import nbformat
import pandas as pd
import pytest
from repurchase.analysis.windows import Windows
from repurchase.definitions import METRICS, Metric
from repurchase.press import chapters
from repurchase.records import Record, Result
from repurchase.review import Review
from repurchase.stats.proportion import wilson
from repurchase.words import N_
from ruamel.yaml import YAML

pytestmark = pytest.mark.usefixtures("kept_warm")


@pytest.fixture(scope="module")
def blocks(root):
    """The page's code blocks, as (language and label, text)."""
    page = (root / "docs" / "adding.md").read_text(encoding="utf-8")
    return re.findall(r"(?ms)^```([\w ]+)\n(.*?)^```$", page)


def test_a_cut_is_one_line(blocks, review: Review) -> None:
    """Put into the profile, it is a cut of the retention chapter with records of its own."""
    (text,) = [body for kind, body in blocks if kind == "yaml" and "segments" in body]
    segments = dict(YAML(typ="safe", pure=True).load(text)["segments"])
    profile = review.params.profile.model_copy(update={"segments": segments})
    own = Review(replace(review.params, profile=profile), review.snapshot)

    result = own.retention.by_cut("owes money")
    assert {"owes nothing"} <= set(result.frame["label"]) <= {"owes", "owes nothing", ""}
    buyers = own.retention.totals().one("buyers").value
    assert buyers == result.frame["n"].sum()
    assert "label=owes nothing;segment=owes money" in {r.dimensions for r in result.records}


def test_a_chapter_is_one_notebook_and_its_name(blocks, review: Review, bench_root) -> None:
    """The page's cells, saved in the profile's folder, are found, checked and run by the press."""
    (text,) = [body for kind, body in blocks if kind == "yaml" and "chapters" in body]
    names = tuple(YAML(typ="safe", pure=True).load(text)["chapters"])
    heading, *code = [b.rstrip() for kind, b in blocks if kind in ("markdown", "python")]
    make = nbformat.v4
    cells = [make.new_markdown_cell(heading, metadata={"tags": ["part-b"]})]
    tags = (["parameters"], [], ["part-b"])
    cells += [
        make.new_code_cell(source, metadata={"tags": tag})
        for source, tag in zip(code, tags, strict=True)
    ]
    path = bench_root / "params" / "little" / f"{names[-1]}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(make.new_notebook(cells=cells), path)
    try:
        profile = review.params.profile.model_copy(update={"chapters": names})
        params = replace(review.params, profile=profile)
        (chapter,) = [c for c in chapters.chapters_of(params) if c.name == "large_orders"]
        chapters.check_parameters(chapter)
        run_file = bench_root / "run.json"
        chapters.write_run_file(run_file, params, review.snapshot.path)
        ran = chapters.run(chapter, params, run_file, bench_root / "ran.ipynb")
    finally:
        path.unlink()
        for left in ("run.json", "ran.ipynb"):
            (bench_root / left).unlink(missing_ok=True)

    assert chapter.own
    shown = ran.notebook.cells[-1].outputs[0].data["text/plain"]
    mean = review.sql("select round(avg(net_amount), 2) m from orders where channel = 'app'")["m"]
    assert "mean_amount" in shown and str(mean[0]) in shown


def test_a_metric_is_one_entry_and_one_function(blocks, review: Review, monkeypatch) -> None:
    """The figure is what SQL counts, rounded, defined and recorded with its version."""
    texts = dict(blocks)
    names = {
        "METRICS": METRICS, "Metric": Metric, "N_": N_, "ir": ir, "pd": pd, "Windows": Windows,
        "Record": Record, "Result": Result, "wilson": wilson,
    }  # fmt: skip
    monkeypatch.setitem(METRICS, "one_order_share", METRICS["orders"])
    exec(texts["python metric"], names)
    exec(texts["python function"], names)

    result = review.result(names["one_order_share"](review.customer_days, review.windows))
    (row,) = review.record(result).records
    counted = review.sql(
        "select count(*) as n, count(*) filter (dates = 1) as once from (select count(*) as dates"
        " from customer_days group by customer_id having bool_or(order_date >= '2025-09-01'))"
    ).iloc[0]
    assert (counted["once"], counted["n"]) == (row.numerator, row.n)
    assert round(counted["once"] / counted["n"], 6) == row.value
    assert 1 == row.definition_version
    assert "One-order share" == review.definitions.one_order_share.name
