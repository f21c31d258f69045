"""Names and texts from data are data: in pages, print, pictures, tables and sentences."""

import csv
import html
import io
import json
import re
import shutil

import pyarrow.parquet as pq
import pytest
from pypdf import PdfReader
from repurchase.params import load_params
from repurchase.press.run import monthly_report

pytestmark = pytest.mark.usefixtures("kept_warm")

# ruff: noqa: E501 - a list of words reads best as words
SEEDS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</style><b>", "{{7*7}}", "{% raw %}",
    '#import "/etc/passwd": *', "#read(\"/etc/passwd\")", "$x^2$", "*bold*", "_it_", "@ref", "\\", "`code`",
    "//comment", "/* c */", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tTAB", "%s %d", "{0}",
    "{share}", "'; drop table orders; --", '"quoted"', "a,b;c|d", "../../etc/passwd", "C:\\x", "file:///etc",
    "http://127.0.0.1/x", "javascript:alert(1)", "\u202eRTL", "\u200bzero", "\u2028line", "emoji 😀", "שלום",
    "مرحبا", "é\u0301", "𝔘", "张三;李四", "NULL", "nan", "None", "true", "0", "1e999", "&amp;", "&#60;b>",
    "<!--", "]]>", "x" * 3000,
]  # fmt: skip
PAYLOADS = [f"{seed}{suffix}" for suffix in ("", " 1", "甲", " — z") for seed in SEEDS]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, root):
    """The pack of a company all of whose names are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(root / "notebooks", folder / "notebooks")
    (folder / "params" / "hostile").mkdir(parents=True)
    (folder / "data").mkdir()
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["id", "customer", "at", "amount", "store", "channel"])
    number = 0
    for month in ("2023-11", "2024-11", "2024-12"):
        for i, payload in enumerate(PAYLOADS):
            number += 1
            day = f"{month}-{1 + i % 28:02d}"
            writer.writerow([number, f"c{i}{payload}", day, 10 + i, payload, PAYLOADS[i % 7]])
    for day in ("2024-12-29", "2024-12-30", "2024-12-31"):
        number += 1
        writer.writerow([number, "last", day, 5, "s", "app"])
    (folder / "data" / "orders.csv").write_text(buffer.getvalue(), encoding="utf-8")
    (folder / "params" / "hostile.yaml").write_text(
        "company: '<script>alert(1)</script> & #import \"x\"'\n"
        "time_zone: Asia/Shanghai\ncurrency: CNY\ncountry: CN\n"
        "order_definition: '=cmd $x$ </title><script>'\n"
        "sources:\n  orders:\n    files: data/orders.csv\n    columns:\n"
        "      {order_id: id, customer_id: customer, ordered_at: at, net_amount: amount,"
        " store_id: store, channel: channel}\n",
        encoding="utf-8",
    )
    (folder / "params" / "hostile" / "2024-12.yaml").write_text(
        "commentary:\n  retention: '<script>alert(2)</script> #panic() \\\\ $1$ \u202e'\n",
        encoding="utf-8",
    )
    params = load_params("hostile", "2024-12", root=folder)
    said = []
    path = monthly_report(params, say=said.append).path
    (folder / "said.txt").write_text("\n".join(said), encoding="utf-8")
    return path


def test_two_hundred_hostile_names_make_a_pack(hostile):
    """All are read, none stops the pack, none runs off: it is a sound one with all its pages."""
    assert 200 <= len(set(PAYLOADS))
    reader = PdfReader(hostile / "review.pdf")

    text = "".join(page.extract_text() for page in reader.pages)
    assert "<script>alert(1)</script>" in text
    assert '#import "x"' in text


def test_no_page_runs_or_loads_anything(hostile):
    """A payload stands in a page as text; nothing in it is a tag, handler or address."""
    for page in sorted(hostile.glob("*.html")):
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text.lower(), page.name
        tags = re.findall(r"<[a-z][^<>]*>", text)
        assert [] == [t for t in tags if re.search(r"\son\w+\s*=", t)], page.name
        assert [] == [t for t in tags if re.search(r"""(?:src|href)=["']?(?:https?:|//|file:|j)""", t)]
    index = (hostile / "index.html").read_text(encoding="utf-8")
    assert html.escape("<script>alert(1)</script>", quote=False) in index


CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def test_no_line_of_the_log_can_turn_a_terminal(hostile):
    """Nothing that is said holds a control character or one that turns the direction."""
    said = (hostile.parents[2] / "said.txt").read_text(encoding="utf-8")

    assert "review.pdf" in said
    assert [] == CONTROL.findall(said)


def test_results_and_findings_are_sound_json_and_hold_the_names_as_they_are(hostile):
    """Other programs get the values of the data, as text, and nothing else for them."""
    rows = json.loads((hostile / "results.json").read_text(encoding="utf-8"))
    stores = {row["dimensions"] for row in rows if row["dimensions"].startswith("store_id=")}

    assert json.loads((hostile / "findings.json").read_text(encoding="utf-8"))
    assert pq.read_table(hostile / "results.parquet").num_rows == len(rows)
    assert any("<script>" in store for store in stores)


def test_no_cell_of_a_table_is_a_formula(hostile):
    """What a spreadsheet opens holds no cell that begins with a formula's sign."""
    wrong = []
    for path in sorted(hostile.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as handle:
            for row in csv.reader(handle):
                wrong += [
                    (path.name, cell[:40])
                    for cell in row
                    if (cell[:1] in "=+@\t\r" and cell) or re.match(r"-(?!\d+(\.\d+)?(e-?\d+)?$)", cell)
                ]

    assert [] == wrong


def test_no_picture_holds_a_tag_of_the_data(hostile):
    """SVG is drawn as outlines; no script or foreign object stands in it."""
    pictures = sorted((hostile / "figures").glob("*.svg"))

    assert pictures
    for path in pictures:
        text = path.read_text(encoding="utf-8").lower()
        assert "<script" not in text and "foreignobject" not in text, path.name
