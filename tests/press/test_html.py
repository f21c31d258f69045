"""Pages: self-contained, inert, readable without anything from the net."""

import logging
import re
from html.parser import HTMLParser

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from repurchase.press.html.exporter import ReviewHtmlExporter
from repurchase.press.html.pages import ArchiveRow, archive_html, chapter_html, page_html
from repurchase.show.blocks import RECORDS_MIME, Column, Figure, Headline, Note, Table

SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>1</script></svg>"
NAV = (("Summary", "index.html", False), ("Retention", "retention.html", True))


class Elements(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.found if name == tag]


def said(text, tag="part-a", **more):
    """A Markdown cell."""
    return new_markdown_cell(text, metadata={"tags": [tag]}, **more)


def shown(data, tag="part-a"):
    """A code cell with a block or a bundle as its output."""
    data = data if isinstance(data, dict) else data._repr_mimebundle_()
    output = new_output("display_data", data=data)
    return new_code_cell("secret_code()", outputs=[output], metadata={"tags": [tag]})


def page(*cells, **options) -> str:
    """A chapter's page of these cells."""
    given = {"title": "Do they come back?", "language": "en", "nav": NAV, **options}
    return chapter_html(new_notebook(cells=list(cells)), **given)


EVERYTHING = (
    said("# Do they come back?\n\n## Answer\n\n[out](https://example.org) ![x](http://a.b/c.png)"),
    shown(Headline("Claim", "good", "n = 9")),
    shown(Figure("R-1", "Claim", "Caption", "What one sees", svg=SVG, csv="a\n1\n")),
    shown(Table((Column("a"),), (("1",),), id="R-2"), "part-b"),
    said(
        "<script src='http://a.b/c.js'></script><link rel=stylesheet href='http://a.b'>", "part-b"
    ),
    shown({"text/html": "<img src='http://a.b/c.png' onerror='x()'>", "text/plain": "p"}, "part-b"),
    shown({"text/html": "<iframe src='http://a.b'></iframe><table><tr><td>7</td></tr></table>"}),
)


def test_a_page_asks_nothing_of_the_net():
    """No script, frame, style sheet or picture comes from an address; links only lead there."""
    elements = Elements(page(*EVERYTHING))

    assert [] == elements.all("script") + elements.all("link") + elements.all("iframe")
    sources = [attrs.get("src", "") for attrs in elements.all("img")]
    assert ["data:image/svg+xml;base64,"] == [source[:26] for source in sources]
    assert [] == [a for _, attrs in elements.found for a in attrs if a.startswith("on")]
    assert "url(" not in page(*EVERYTHING) and "@import" not in page(*EVERYTHING)


def test_a_page_knows_its_language_screen_and_title():
    """A phone shows it at its width, a reader aloud in its language."""
    elements = Elements(page(*EVERYTHING, language="zh-CN", company="清泉"))

    assert "zh-CN" == elements.all("html")[0]["lang"]
    names = {attrs.get("name"): attrs.get("content") for attrs in elements.all("meta")}
    assert "width=device-width, initial-scale=1" == names["viewport"]
    assert "Do they come back? · 清泉" in elements.text


def test_headings_follow_the_title_without_a_gap():
    """The title is the only heading of level 1 and is not repeated by the notebook's own."""
    html = page(said("# Do they come back?\n\n#### Answer"), said("###### Deeper\n\n#### Next"))
    levels = re.findall(r"<h(\d)>([^<]*)", html)

    assert [("1", "Do they come back?"), ("2", "Answer"), ("3", "Deeper"), ("2", "Next")] == levels


def test_parts_stand_apart_and_code_is_hidden():
    """Part A comes first, Part B folds under its name; untagged cells and code are nowhere."""
    html = page(
        shown(Note("proof"), "part-b"),
        said("decide"),
        new_markdown_cell("nowhere"),
        labels={"part_b": "第二部分"},
    )

    assert html.index("decide") < html.index("<summary>第二部分</summary>") < html.index("proof")
    assert "nowhere" not in html
    assert "secret_code" not in html


def test_a_notebook_without_tags_is_shown_whole():
    """An analyst's own notebook has no parts."""
    html, _ = ReviewHtmlExporter().from_notebook_node(
        new_notebook(cells=[new_markdown_cell("# Mine\n\nall of it")])
    )

    assert "<title>Mine</title>" in html
    assert "all of it" in html
    assert "<details" not in html


def test_exhibits_keep_words_and_lead_to_their_data():
    """Alternative text, caption, id and the link to the CSV stand with the picture."""
    html = page(EVERYTHING[2], figures="figures")

    assert 'alt="What one sees"' in html
    assert "<figcaption>Caption</figcaption>" in html
    assert '<span class="rr-id">R-1</span>' in html
    assert 'href="figures/R-1.csv"' in html
    assert "R-1.csv" not in page(EVERYTHING[2])


def test_a_frame_is_written_anew_and_escaped():
    """The table of an output keeps its values and loses whatever else was in it."""
    html = (
        "<table onclick='x()'><tr><th>n</th></tr><tr><td>a &lt;b&gt;<i id=z>7</i></td></tr></table>"
    )
    text = page(shown({"text/html": html, "text/plain": "frame"}))

    assert re.search(r"<td[^>]*>a &lt;b&gt; 7</td>|<th[^>]*>a &lt;b&gt; 7</th>", text)
    assert "onclick" not in text and "<pre>frame" not in text


def test_a_table_scrolls_in_its_own_box():
    """A wide table never widens the page."""
    html = page(said("|a|b|\n|-|-|\n|1|2|"), shown(Table((Column("a"),), (("1",),))))

    assert 2 == html.count("<table>") == len(re.findall(r'class="rr-scroll"[^>]*><table>', html))


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "</style><script>1</script>",
    "&lt;script&gt;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_data_is_only_text(text):
    """Titles, blocks, streams, navigation and reasons show exactly what was given."""
    cells = (
        shown(Headline(text)),
        new_code_cell(
            "x", outputs=[new_output("stream", text=text)], metadata={"tags": ["part-a"]}
        ),
    )
    elements = Elements(
        page(
            *cells,
            title=text,
            company=text,
            period=text,
            foot=text,
            reasons=[text],
            status="draft",
            nav=[(text, "a.html", True)],
            labels={"status_draft": text},
        )
    )

    assert 9 <= elements.text.count(text)
    assert [] == elements.all("script") + elements.all("svg")
    assert [] == [a for _, attrs in elements.found for a in attrs if a.startswith("on")]


@pytest.mark.parametrize("text", HOSTILE[:3])
def test_markup_in_markdown_cannot_act(text):
    """What a Markdown cell holds beyond the allowed elements is text."""
    elements = Elements(page(said(f"before {text} [x](javascript:alert(1)) after\n\n{text}")))

    assert [] == elements.all("script") + elements.all("svg")
    assert [] == [a for _, attrs in elements.found for a in attrs if a.startswith("on")]
    assert [] == [a for a in elements.all("a") if "javascript" in a.get("href", "")]


def test_characters_that_turn_the_text_are_visible():
    """A right-to-left override in a name cannot rewrite the line around it."""
    html = page(shown(Headline("a\u202eb")), said("c\u202ed"), title="e\u202ef")

    assert "\u202e" not in html
    assert 2 <= html.count("[U+202E]")


def test_outside_pictures_are_named_not_fetched():
    """A picture by address becomes its words; one in the notebook is shown."""
    png = "iVBORw0KGgo="
    html = page(
        said(
            "![chart](http://a.b/c.png) ![own](attachment:o.png)",
            attachments={"o.png": {"image/png": png}},
        )
    )
    elements = Elements(html)

    assert "[chart]" in elements.text
    assert [{"src": f"data:image/png;base64,{png}", "alt": "own"}] == elements.all("img")


def test_an_unknown_output_is_shown_as_text_and_logged(caplog):
    """Nothing is dropped but what is for programs only."""
    with caplog.at_level(logging.WARNING):
        html = page(
            shown({"application/x-odd": "z", "text/plain": "Odd(<thing>)"}),
            shown({RECORDS_MIME: {"records": []}, "text/plain": "3 records"}),
        )

    assert "<pre>Odd(&lt;thing&gt;)</pre>" in html
    assert "application/x-odd is shown as text" in caplog.text
    assert "3 records" not in html


def test_formulas_are_drawn():
    """No script is loaded to set mathematics: a picture, whose source is what a listener hears."""
    html = page(said("inline $a_b < c$\n\n$$\n\\frac{1}{2}\n$$"))

    shown = re.findall(r'<img class="(rr-[^"]*)" src="data:image/svg[^"]*" alt="([^"]*)"', html)
    assert [("rr-formula", "a_b &lt; c"), ("rr-formula rr-display", "\\frac{1}{2}")] == shown


def test_a_formula_that_cannot_be_drawn_is_its_source(caplog):
    """Escaped, with a line in the log; a character that stands for a drawing is nobody's text."""
    html = page(said("$\\nothing<b>$ and \ue0f00\ue0f1"))

    assert "<code>\\nothing&lt;b&gt;</code> and 0" in html
    assert "cannot be drawn" in caplog.text


def test_navigation_marks_where_one_is():
    """Each chapter is one step away, and the present one is announced."""
    html = page(said("x"))

    assert '<a href="index.html">Summary</a>' in html
    assert '<a href="retention.html" aria-current="page">Retention</a>' in html


def test_a_draft_is_marked_with_its_reasons():
    """Status, reasons and the mark across the page; a candidate has no mark."""
    html = page(said("x"), status="draft", reasons=["Two days are missing"])

    assert '<div class="rr-watermark" aria-hidden="true">DRAFT</div>' in html
    assert "<li>Two days are missing</li>" in html
    assert 'rr-watermark"' not in page(said("x"), status="candidate")


def test_equal_notebooks_are_equal_pages():
    """No moment, number or address of this run is in a page."""
    assert page(*EVERYTHING) == page(*EVERYTHING)


def test_own_pages_take_blocks_or_html():
    """Index and failure pages share the look."""
    assert "<p>mine</p>" in page_html("Index", "<p>mine</p>")
    assert "&lt;b&gt;" in page_html("Index", [Note("<b>")])


def test_the_archive_lists_its_periods():
    """One row a period with its state and its files."""
    html = archive_html(
        "Reviews",
        [ArchiveRow("Sept <b>", "2025-09/index.html", "signed", "30 Sept", (("PDF", "a.pdf"),))],
        labels={"status_signed": "已签发"},
    )

    assert '<a href="2025-09/index.html">Sept &lt;b&gt;</a>' in html
    assert '<td class="rr-good">已签发</td><td>30 Sept</td><td><a href="a.pdf">PDF</a></td>' in html
