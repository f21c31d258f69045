"""An analyst's own notebook through the real command: all that it shows is in print and page."""

import base64
import io
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pypdf import PdfReader


def png():
    """A small drawing."""
    buffer = io.BytesIO()
    figure, axes = plt.subplots(figsize=(2, 1))
    axes.plot([1, 3, 2])
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return buffer.getvalue()


def cell(data, **metadata):
    """A code cell that shows these forms of one thing."""
    return new_code_cell("x", outputs=[new_output("display_data", data=data, metadata=metadata)])


def frames():
    """What pandas shows of a table with two heads, a wide one, a long one and a styled one."""
    columns = pd.MultiIndex.from_product([["orders", "revenue"], ["first", "repeat"]])
    index = pd.MultiIndex.from_product([["shop", "online"], ["2025-08", "2025-09"]])
    double = pd.DataFrame(np.arange(16).reshape(4, 4) + 1000, index=index, columns=columns)
    wide = pd.DataFrame(np.arange(52).reshape(2, 26), columns=[f"column_{n}" for n in range(26)])
    long = pd.DataFrame({"name": [f"customer {n}" for n in range(90)], "value": range(90)})
    styled = double.style.background_gradient().set_caption("A caption of a Styler")
    with pd.option_context("display.max_columns", 30, "display.max_rows", 100):
        shown = [wide.to_html(), long._repr_html_(), styled._repr_html_()]
    return [cell({"text/html": h, "text/plain": "?"}) for h in [double._repr_html_(), *shown]]


def cells():
    """Everything that a notebook may hold."""
    drawing = png()
    encoded = base64.b64encode(drawing).decode()
    trace = {"type": "bar", "name": "August"}
    plotly = {"data": [trace], "layout": {"title": {"text": "Buyers a month"}}}
    failed = new_output("error", ename="KeyError", evalue="'gold'", traceback=["\x1b[1mline 7"])
    return [
        new_markdown_cell("# An own title\n\nIt costs $5 and $10. The rate is $R=\\frac{E}{S}$."),
        new_markdown_cell("$$\\hat{p} \\pm z$$\n\n\\begin{align} a &= b \\\\ c &= d \\end{align}"),
        new_markdown_cell("- [x] done\n- [ ] open\n\n1. first\n   - inner\n\n| head |\n|---|\n"
                          "| body |\n\n[site](https://example.org)\n\nNote[^1]\n\n[^1]: its words"),
        new_markdown_cell(
            f"![attached](attachment:a.png)\n\n![given](data:image/png;base64,{encoded})\n\n"
            "![beside](beside.png)\n\n![remote](https://example.org/x.png)\n\n"
            "![outside](../secret.png)",
            attachments={"a.png": {"image/png": encoded}},
        ),
        *frames(),
        cell({"image/png": encoded, "text/plain": "<Figure size 200x100>"}, alt="A spoken line"),
        cell({"text/latex": "$\\displaystyle x^2$", "text/plain": "x**2"}),
        cell({"text/latex": "$\\overbrace{q}$", "text/plain": "brace(q)"}),
        cell({"text/html": "<p>Only <b>html</b></p>", "text/plain": "<IPython.HTML object>"}),
        cell({"text/html": "<h3>Before it</h3><table><tr><td>in it</td></tr></table>behind it"}),
        cell({"application/vnd.plotly.v1+json": plotly}),
        cell({"application/vnd.jupyter.widget-view+json": {"model_id": "7"},
              "text/plain": "IntSlider(value=3)"}),
        cell({"application/json": {"key": [1, 2]}, "text/plain": "<IPython.JSON object>"}),
        cell({"application/x-unheard-of": "odd words"}),
        new_code_cell("hidden = 1", outputs=[failed]),
    ]  # fmt: skip


SHOWN = [
    "It costs $5 and $10.", "[x] done", "[ ] open", "inner", "body", "site", "its words",
    "[remote]", "[outside]", "revenue", "1015", "column_25", "customer 89",
    "A caption of a Styler", "brace(q)",
    "Only", "html", "Before it", "in it", "behind it", "Buyers a month", "bar August", "IntSlider",
    '"key"', "odd words", "KeyError", "line 7",
]  # fmt: skip
LOGGED = ["overbrace", "https://example.org/x.png", "../secret.png", "x-unheard-of", "plotly",
          "widget-view"]  # fmt: skip


@pytest.fixture(scope="module")
def exported(root, tmp_path_factory):
    """The notebook's folder after `jupyter nbconvert --to ...`, and what each run said."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "work").mkdir()
    (folder / "secret.png").write_bytes(png())
    (folder / "work" / "beside.png").write_bytes(png())
    nbformat.write(new_notebook(cells=cells()), folder / "work" / "own.ipynb")
    path = [str(root / "lib"), str(declared(root, folder)), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in path if p)}
    said = {}
    for name in ("repurchase-pdf", "repurchase-html"):
        done = subprocess.run(
            [sys.executable, "-m", "nbconvert", "--to", name, str(folder / "work" / "own.ipynb")],
            capture_output=True, text=True, env=environment, cwd="/", check=False,
        )  # fmt: skip
        assert 0 == done.returncode, done.stderr
        said[name] = done.stderr
    return folder / "work", said


def declared(root, folder):
    """A folder that declares the exporters as an installed project does; empty if it is one."""
    place = folder / "declared"
    place.mkdir()
    if entry_points(group="nbconvert.exporters", name="repurchase-pdf"):
        return place
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    info = place / "declared-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: declared\nVersion: 1\n")
    lines = project["entry-points"]["nbconvert.exporters"].items()
    text = "\n".join(["[nbconvert.exporters]", *(f"{name} = {value}" for name, value in lines)])
    (info / "entry_points.txt").write_text(text)
    return place


def test_the_print_holds_all_that_the_notebook_shows(exported):
    """Tables of every shape, texts, errors and what only a browser could draw."""
    reader = PdfReader(exported[0] / "own.pdf")
    text = " ".join(page.extract_text() for page in reader.pages).replace("\u200b", "")
    text = " ".join(text.split())

    assert [] == [words for words in SHOWN if words not in text]
    assert "hidden = 1" not in text
    assert "An own title" == reader.metadata.title


def test_the_print_holds_pictures_and_formulas_with_their_words(exported):
    """Six pictures at least; a formula is a drawing whose source is its alternative text."""
    reader = PdfReader(exported[0] / "own.pdf")
    spoken = {str(o.get_object().get("/Alt", "")) for o in every_object(reader)}

    pictures = {"attached", "given", "beside", "A spoken line"}
    formulas = {"R=\\frac{E}{S}", "\\hat{p} \\pm z", "$\\displaystyle x^2$"}
    assert set() == (pictures | formulas) - spoken
    assert any("\\begin{align}" in words for words in spoken)


def every_object(reader):
    """The dictionaries of a PDF."""
    from pypdf.generic import DictionaryObject

    found = (reader.get_object(number) for number in range(1, int(reader.trailer["/Size"])))
    return [each for each in found if isinstance(each, DictionaryObject)]


def test_the_page_holds_all_that_the_notebook_shows(exported):
    """The same in HTML, without a script or an address that is fetched."""
    page = (exported[0] / "own.html").read_text("utf-8")
    words = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    words = " ".join(words.replace("&quot;", '"').split())

    assert [] == [text for text in SHOWN if text not in words]
    alts = re.findall(r'<img[^>]*src="data:image/[^"]*"[^>]*alt="([^"]*)"', page)
    alts += re.findall(r'<img alt="([^"]*)" src="data:image/', page)
    assert {"attached", "given", "beside", "A spoken line", "R=\\frac{E}{S}"} <= set(alts)
    assert "<script" not in page
    assert [] == re.findall(r'src="(?!data:)[^"]*"', page)


@pytest.mark.parametrize("name", ["repurchase-pdf", "repurchase-html"])
def test_what_is_printed_as_text_is_a_line_in_the_log(exported, name):
    """Nothing is replaced in silence."""
    missing = [words for words in LOGGED if words not in exported[1][name]]

    assert [] == [w for w in missing if name == "repurchase-pdf" or "png" not in w]
