"""Print: any notebook becomes a PDF/UA-1, and whatever stands in it is only text."""

import base64
import io
import logging
import re
from datetime import UTC, datetime

import nbformat
import pypdf
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from repurchase.press import fonts
from repurchase.press.typst import mend
from repurchase.press.typst.assets import AssetStore
from repurchase.press.typst.book import Book, Section, book_to_typst, compile_book
from repurchase.press.typst.exporter import TypstPdfExporter
from repurchase.press.typst.notebook import notebook_fragment, notebook_title, notebook_to_typst
from repurchase.press.typst.render import MM_PER_PT, fitted
from repurchase.press.typst.tables import tables_in_html
from repurchase.show.blocks import (
    RECORDS_MIME,
    Block,
    Cell,
    Column,
    Figure,
    Headline,
    Kpi,
    Kpis,
    Note,
    Row,
    Table,
    Text,
)

NOON = datetime(2025, 10, 1, 12, tzinfo=UTC)
SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='80' height='40'>"
    "<rect width='9' height='9'/></svg>"
)


def shown(block: Block, tag: str = "part-a"):
    """A code cell whose output is the block."""
    output = new_output("display_data", data=block._repr_mimebundle_())
    return new_code_cell("show()", outputs=[output], metadata={"tags": [tag]})


def result(data, tag: str = "part-a"):
    """A code cell with a result of any MIME types."""
    output = new_output("execute_result", data=data, execution_count=1)
    return new_code_cell("x", outputs=[output], metadata={"tags": [tag]})


def said(text, tag: str = "part-a", **more):
    """A Markdown cell."""
    return new_markdown_cell(text, metadata={"tags": [tag]}, **more)


def bound(*cells, **options) -> bytes:
    """The PDF of a book with one chapter."""
    assets = AssetStore()
    fragment = notebook_to_typst(new_notebook(cells=list(cells)), part=None, assets=assets)
    given = {"title": "Qingquan", "subtitle": "September 2025", **options}
    book = Book(sections=(Section("Chapter", 1, "a", fragment),), assets=assets, **given)
    return compile_book(book, timestamp=NOON)


def words(pdf: bytes, page: int | None = None) -> str:
    """The text of a PDF, or of one of its pages, without line ends and break marks."""
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    chosen = pages if page is None else [pages[page]]
    text = " ".join(each.extract_text() for each in chosen)
    return re.sub(r"\s+", " ", text.replace("\u200b", ""))


def alternatives(pdf: bytes) -> set[str]:
    """What a listener hears instead of each picture."""
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    found = (reader.get_object(number) for number in range(1, int(reader.trailer["/Size"])))
    return {str(each["/Alt"]) for each in found if isinstance(each, dict) and "/Alt" in each}


def outline(pdf: bytes) -> list:
    """The titles of the bookmarks, nested."""

    def titles(entries):
        return [titles(e) if isinstance(e, list) else e.title for e in entries]

    return titles(pypdf.PdfReader(io.BytesIO(pdf)).outline)


def test_a_book_has_cover_contents_bookmarks_and_page_numbers():
    """Company, period, parts, chapters and pages are where a reader looks for them."""
    book = Book(
        title="Qingquan",
        subtitle="September 2025",
        data_through="Data through 30 September 2025",
        cover_lines=(("Customers", "19,842"),),
        sections=(
            Section("Summary", 1, "a", '#para("one")'),
            Section("Retention", 1, "a", '#heading(level: 3, "Answer")\n#para("two")'),
            Section("Retention", 1, "b", '#para("three")'),
            Section("Definitions", 1, "back", '#para("four")'),
        ),
    )

    pdf = compile_book(book, timestamp=NOON)

    assert outline(pdf) == [
        "Part A · What to decide",
        ["Summary", "Retention", ["Answer"]],
        "Part B · The evidence",
        ["Retention"],
        "Definitions and data",
        ["Definitions"],
    ]
    assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == 4
    for text in ("Qingquan", "September 2025", "19,842", "Candidate, not yet signed", "Contents"):
        assert text in words(pdf, 0)
    assert "Retention 3" in words(pdf, 0)
    assert "Page 3 of 4" in words(pdf, 2)
    assert "Data through 30 September 2025" in words(pdf, 2)


def test_evidence_flows_and_decisions_start_a_page():
    """Two short chapters take two pages in Part A and one in Part B."""

    def pages(part):
        chapters = tuple(Section(name, 1, part, '#para("x")') for name in ("One", "Two"))
        pdf = compile_book(Book("t", "s", chapters), timestamp=NOON)
        return len(pypdf.PdfReader(io.BytesIO(pdf)).pages)

    assert (3, 2) == (pages("a"), pages("b"))


def test_the_back_matter_begins_where_there_is_room():
    """It follows the evidence on the same page, but not below the middle of one."""

    def pages(lines):
        evidence = "\n".join(['#para("line")'] * lines)
        sections = (Section("One", 1, "b", evidence), Section("Two", 1, "back", '#para("x")'))
        pdf = compile_book(Book("t", "s", sections), timestamp=NOON)
        return len(pypdf.PdfReader(io.BytesIO(pdf)).pages)

    assert (2, 3) == (pages(3), pages(30))


def test_a_short_table_is_not_torn_apart():
    """Ten rows that do not fit on what is left of a page go to the next one together."""
    rows = tuple((f"row {n}",) for n in range(10))
    pdf = bound(*(said("line") for _ in range(36)), shown(Table((Column("head"),), rows)))
    counts = [words(pdf, page).count("row ") for page in (1, 2)]

    assert [0, 10] == counts


def test_an_introduction_stays_with_its_table():
    """Heading and words before a table that goes to the next page go with it."""
    rows = tuple((f"row {n}",) for n in range(10))
    cells = [said("line") for _ in range(36)]
    pdf = bound(*cells, said("## Head\n\nwords before"), shown(Table((Column("c"),), rows)))

    assert ["words before" in words(pdf, page) for page in (1, 2)] == [False, True]


@pytest.mark.parametrize(("style", "there"), [("lead", False), ("small", True)])
def test_a_lead_stays_with_the_next_output_of_its_cell(style, there):
    """A note in small type belongs to what stands before it."""
    rows = tuple((f"row {n}",) for n in range(10))
    cell = shown(Text("words before", style))
    cell.outputs += shown(Table((Column("c"),), rows)).outputs
    pdf = bound(*(said("line") for _ in range(36)), cell)

    assert [there, True] == ["words before" in words(pdf, 1), "row 0" in words(pdf, 2)]


def test_an_introduction_to_nothing_stays_where_it_is():
    """A chapter's last words do not follow an empty output to the next page."""
    last = notebook_fragment(
        new_notebook(cells=[said("last words"), shown(Text(""))]), part="a", assets=AssetStore()
    )

    assert "sticky" not in last.typst


def test_a_long_cell_beside_a_picture_stays_on_its_pages():
    """A name of 9,000 characters in half a column runs on over pages, not beyond a page's foot."""
    table = Table((Column("name"), Column("n", "right")), (("x" * 9000, "1"), ("last", "2")))
    pdf = bound(shown(Row((Figure("R-1", "t", alt="a", svg=SVG), table))))
    heights: list[float] = []

    def place(text, outer, inner, *_):
        heights.extend([inner[5] * outer[3] + outer[5]] if "xxx" in text else [])

    for page in pypdf.PdfReader(io.BytesIO(pdf)).pages:
        page.extract_text(visitor_text=place)

    assert words(pdf).replace(" ", "").count("x") >= 9000
    assert min(heights) > 40


def test_the_running_head_names_the_chapter():
    """Each page says above what it belongs to, in the short form where one is given."""
    sections = (
        Section("Do customers come back?", 1, "a", '#para("x")', running_head="Retention"),
        Section("Value", 1, "a", '#para("x")'),
    )
    pdf = compile_book(Book("t", "s", sections), timestamp=NOON)

    assert words(pdf, 1).startswith("t · s Retention")
    assert words(pdf, 2).startswith("t · s Value")


def test_many_chapters_have_their_contents_on_a_page_of_their_own():
    """A contents that does not fit beside the facts follows the cover."""
    sections = tuple(Section(f"Chapter {n}", 1, "b", '#para("x")') for n in range(30))
    pdf = compile_book(Book("t", "s", sections), timestamp=NOON)

    assert "Chapter 29" not in words(pdf, 0)
    assert "Chapter 29" in words(pdf, 1)


def test_a_draft_says_so_on_every_page():
    """The word stands on each page and the reasons on the cover."""
    pdf = bound(said("text"), status="draft", reasons=("Two days are missing",))

    assert ["DRAFT" in words(pdf, page).replace(" ", "") for page in (0, 1)] == [True, True]
    assert "Two days are missing" in words(pdf, 0)
    assert "DRAFT" not in words(bound(said("text"))).replace(" ", "")


def test_equal_books_are_equal_bytes():
    """Two settings of one notebook, pictures included, differ in no byte."""
    cells = (said("# T\n\ntext 中文"), shown(Figure("R-1", "Claim", alt="a", svg=SVG)))

    assert bound(*cells) == bound(*cells)


def test_the_pdf_is_tagged_and_claims_pdf_ua():
    """The metadata name PDF/UA part 1, a title and a language."""
    pdf = bound(said("text"), language="zh-CN")
    reader = pypdf.PdfReader(io.BytesIO(pdf))

    assert b"<pdfuaid:part>1</pdfuaid:part>" in reader.root_object["/Metadata"].get_data()
    assert reader.root_object["/Lang"].lower() == "zh-cn"
    assert reader.metadata.title == "Repurchase review · Qingquan · September 2025"
    assert reader.root_object["/MarkInfo"]["/Marked"]


HOSTILE = [
    "<script>alert(1)</script>",
    '#import "x": *',
    "$x$",
    "\\",
    'a"b',
    "*bold* _it_ `raw` @ref <label> // c /* d */ = h - l + e",
    "#{panic()}",
    "[unbalanced ) ]] }",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_data_is_printed_as_it_is(text):
    """No text is syntax, in a block, a table, a title or a chapter's name."""
    pdf = bound(
        shown(Headline(text, detail=text)),
        shown(Table((Column(text),), ((text,),), id="R-1", title=text, caption=text)),
        title=text,
        reasons=(text,),
    )

    squeezed = words(pdf).replace(" ", "")
    assert squeezed.count(text.replace(" ", "")) >= 8


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a😀b", "a[U+1F600]b"),
        ("a\u202eb", "a[U+202E]b"),
        ("a\x00b", "a[U+0000]b"),
        ("a\u00adb", "a[U+00AD]b"),
        ("שלום", "[U+05E9][U+05DC][U+05D5][U+05DD]"),
        ("❤\ufe0f", "[U+2764]"),
        ("e\u0301", "é"),
        ("a\tb\r\nc", "a b\nc"),
        ("中文，€ − ≥ ✓", "中文，€ − ≥ ✓"),
    ],
)
def test_what_no_font_has_is_printed_by_number(text, printed):
    """Uncovered, control and direction characters are visible; the rest is left alone."""
    assert printed == mend.visible(text)


def test_an_emoji_does_not_stop_the_pack(caplog):
    """It is printed by its number, also inside a picture, and logged."""
    svg = SVG.replace("<rect", "<text y='20'>&#128512; 😀</text><rect")

    pdf = bound(said("smile 😀"), shown(Figure("R-1", "t", alt="a", svg=svg)))

    assert "smile [U+1F600]" in words(pdf)
    assert "U+1F600" in caplog.text


def test_a_name_of_ten_thousand_characters_stays_on_its_pages():
    """It wraps; every character of it is printed, none beyond the edge."""
    pdf = bound(shown(Table((Column("name"), Column("n", "right")), (("x" * 10_000, "1"),))))
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    lines = [line for page in pages for line in page.extract_text().splitlines()]

    assert words(pdf).replace(" ", "").count("x") >= 10_000
    assert max(len(line) for line in lines) < 150


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Synthetic difference-in-differences", 1),  # each line breaks after a hyphen by itself
        ("20250930-20251001-20251002", 4),  # but not before a digit
        ("a" * 25, 4),
        ("a" * 24, 1),
        ("恒" * 40, 1),
    ],
)
def test_places_to_break_are_put_only_where_a_line_has_none(text, pieces):
    """A word is not torn apart beside its hyphens."""
    assert pieces == len(mend.breakable(text).split(mend.ZERO_WIDTH_SPACE))


def test_a_long_table_repeats_its_heads():
    """Column labels stand on each page that the table runs over."""
    rows = tuple((f"row {n}", str(n)) for n in range(120))
    pdf = bound(shown(Table((Column("Heading"), Column("Number", "right")), rows)))

    pages = [words(pdf, n) for n in range(1, len(pypdf.PdfReader(io.BytesIO(pdf)).pages))]
    assert len(pages) >= 3
    assert [page.count("Heading") for page in pages] == [1] * len(pages)


def test_a_wide_table_is_printed_whole():
    """Forty columns become panels, each with the first column again."""
    labels = [f"column_{n}" for n in range(40)]
    table = Table(
        tuple(Column(label, "right") for label in ("key", *labels)),
        (("first", *(str(n * 12345) for n in range(40))),),
    )
    text = words(bound(shown(table)))

    assert [label for label in labels if label not in text] == []
    assert text.count("first") == text.count("key") > 1


def test_a_table_that_fits_keeps_its_size_and_a_wider_one_shrinks():
    """Type shrinks only as far as it must, and the widths never exceed the column."""

    def fit(columns):
        cells = tuple(f"{n:,}" for n in range(10_000_000, 10_000_000 + columns))
        return fitted(Table(tuple(Column("n", "right") for _ in cells), (cells,)), width_mm=170)

    assert fit(3).size_pt == 8.5
    assert (7.5, 7.0) == (fit(12).size_pt, fit(13).size_pt)
    for columns in (3, 12):
        total = sum(float(width.removesuffix("pt")) for width in fit(columns).widths)
        assert total <= 170 / MM_PER_PT + 0.1


def test_only_the_cells_of_a_part_are_printed():
    """Untagged cells belong to neither part, code never to any."""
    nb = new_notebook(
        cells=[
            new_code_cell("secret = 1"),
            said("decide", "part-a"),
            said("prove", "part-b"),
            new_markdown_cell("nowhere"),
        ]
    )

    def part(name):
        return notebook_to_typst(nb, part=name, assets=AssetStore())

    assert '#prose(para(seq("decide")))' == part("a")
    assert '#prose(para(seq("prove")))' == part("b")
    assert "nowhere" in part(None)
    assert "secret" not in part(None)


def test_the_title_is_taken_from_the_first_heading():
    """The chapter's title is not printed twice, and the headings below close ranks."""
    nb = new_notebook(cells=[said("# Title\n\ntext\n\n#### Deep\n\n###### Deeper\n\n#### Again")])
    fragment = notebook_fragment(nb, part=None, assets=AssetStore())

    assert "Title" == fragment.title == notebook_title(nb)
    assert "Title" not in fragment.typst
    assert ["3", "4", "3"] == re.findall(r"heading\(level: (\d)", fragment.typst)


def test_records_for_programs_are_not_printed():
    """Outputs that carry records have a line of text for the lab only."""
    nb = new_notebook(cells=[result({RECORDS_MIME: {"records": []}, "text/plain": "3 records"})])

    assert "" == notebook_to_typst(nb, part=None, assets=AssetStore())


def test_an_unknown_output_is_shown_as_text_and_logged(caplog):
    """Nothing is dropped: its plain text is printed, and the log names the type."""
    with caplog.at_level(logging.WARNING):
        pdf = bound(result({"application/x-odd": "z", "text/plain": "Odd(thing)"}))

    assert "Odd(thing)" in words(pdf)
    assert "output of type application/x-odd is printed as text" in caplog.text


def test_output_without_any_text_still_shows_what_it_holds():
    """A bundle of an unknown type alone prints its type and content."""
    assert "application/x-odd: payload" in words(bound(result({"application/x-odd": "payload"})))


def test_a_plot_that_needs_a_script_is_named():
    """An interactive figure without a picture prints its type and a beginning, not its code."""
    figure = {"data": [1] * 5000, "layout": {}}
    html = "<div><script>var plotly = 1</script></div>"
    text = words(bound(result({"application/vnd.plotly.v1+json": figure, "text/html": html})))

    assert "plotly figure" in text
    assert len(text) < 2000


def test_a_frame_of_pandas_becomes_a_table():
    """Values, spans and alignment come over; figures stand right."""
    html = (
        "<table><thead><tr><th></th><th colspan='2'>sales</th><th>more</th></tr>"
        "<tr><th></th><th>net</th><th>who</th><th>k</th></tr></thead>"
        "<tbody><tr><th>0</th><td>1,234.5</td><td>a &lt;b&gt;</td><td>7</td></tr></tbody></table>"
    )
    (table,) = tables_in_html(html)

    assert ["", "sales", "", "more"] == [column.label for column in table.columns]
    assert ["right", "right", "left", "right"] == [column.align for column in table.columns]
    assert 2 == table.header_rows
    assert ["0", "1,234.5", "a <b>", "7"] == [cell.text for cell in table.rows[1]]
    assert "a <b>" in words(bound(result({"text/html": html, "text/plain": "df"})))


def test_styler_shades_become_heat():
    """A cell's background is kept as a shade of the house colour."""
    html = (
        "<style>#T_u_row0_col0, #T_u_row1_col0 {background-color: #000000; color: #fff}</style>"
        "<table><thead><tr><th>h</th></tr></thead><tbody>"
        "<tr><td id='T_u_row0_col0'>1</td></tr><tr><td id='T_u_row9_col0'>2</td></tr>"
        "</tbody></table>"
    )
    (table,) = tables_in_html(html)

    assert [(Cell("1", fill=1.0),), (Cell("2"),)] == list(table.rows)


def test_every_kind_of_markdown_is_printed():
    """Lists, tables, links, code, quotes, mathematics and raw HTML come out."""
    source = (
        "1. first\n2. second\n   - inner **bold** *it* ~~gone~~\n\n- [x] done\n\n"
        "| a | b |\n|---|--:|\n| x | 7 |\n\n[site](https://example.org/a?b=1)\n\n"
        "`code` and $x^2$\n\n$$\\frac{1}{2}$$\n\n> quoted\n\n```python\nprint(1)\n```\n\n---\n\n"
        "note[^1]\n\n[^1]: footnote\n\n<b>heavy</b> <br> <blink>odd</blink>\n\n"
        "<div class='x'>boxed</div>\n\n## Head ##\n"
    )
    pdf = bound(said(source))
    text = words(pdf)

    for part in (
        "first second inner bold it gone [x] done x 7 site code quoted print(1) "
        "footnote heavy <blink>odd</blink> boxed Head"
    ).split():
        assert part in text
    assert {"x^2", "\\frac{1}{2}"} <= alternatives(pdf)
    links = [
        annotation.get_object()["/A"]["/URI"]
        for page in pypdf.PdfReader(io.BytesIO(pdf)).pages
        for annotation in page.get("/Annots", ())
        if "/URI" in annotation.get_object().get("/A", {})
    ]
    assert "https://example.org/a?b=1" in links


def test_a_link_to_anything_but_the_web_is_only_its_words():
    """No file and no script can be reached from the print."""
    source = "[here](file:///etc/passwd) [there](javascript:alert(1))"
    nb = new_notebook(cells=[said(source)])

    fragment = notebook_to_typst(nb, part=None, assets=AssetStore())
    assert "link(" not in fragment
    assert "here" in fragment and "there" in fragment


def test_pictures_are_taken_from_the_notebook_only(caplog, tmp_path):
    """Attachments and data addresses are set; a file or an address is named, not opened."""
    png = base64.b64encode(picture()).decode()
    outside = tmp_path / "secret.png"
    outside.write_bytes(picture())
    assets = AssetStore()
    nb = new_notebook(
        cells=[
            said("![mine](attachment:a.png)", attachments={"a.png": {"image/png": png}}),
            said(f"![file]({outside}) ![net](http://example.org/a.png)"),
        ]
    )

    fragment = notebook_to_typst(nb, part=None, assets=assets)

    assert 1 == len(assets.files)
    assert '"mine"' in fragment
    assert "[file]" in fragment and "[net]" in fragment
    assert "is not in the notebook" in caplog.text


def test_a_broken_picture_is_replaced_by_its_words(caplog):
    """What cannot be decoded does not stop the pack; its alternative text is printed."""
    broken = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"rubbish").decode()
    pdf = bound(
        shown(Figure("R-1", "Claim", alt="A line (rising)", png=broken)),
        shown(Figure("R-2", "Other", alt="Broken too", svg="<svg <<<")),
        shown(Figure("R-3", "Sound", alt="Whole", svg=SVG)),
    )

    assert "A line (rising)" in words(pdf)
    assert "Broken too" in words(pdf)
    assert 2 == caplog.text.count("cannot be read")


def test_a_picture_without_words_is_called_by_its_number():
    """Alternative text is never missing: figures without any count from 1."""
    png = base64.b64encode(picture()).decode()
    bundle = {"image/png": png, "text/plain": "<Figure size 1x1>"}
    nb = new_notebook(cells=[result(bundle), result(bundle)])

    fragment = notebook_to_typst(nb, part=None, assets=AssetStore())

    assert ["Figure 1", "Figure 2"] == re.findall(r'"(Figure \d)"', fragment)


def test_streams_and_errors_are_printed_without_their_escape_codes():
    """Terminal colours vanish; the name and the message of an error stand in a box."""
    cell = new_code_cell("f()", metadata={"tags": ["part-a"]})
    cell.outputs = [
        new_output("stream", name="stdout", text="\x1b[31mred\x1b[0m words\n"),
        new_output("error", ename="ValueError", evalue="bad #x", traceback=["\x1b[1mline 7"]),
    ]
    text = words(bound(cell))

    for part in ("red words", "ValueError", "bad #x", "line 7"):
        assert part in text
    assert "[U+001B]" not in text


def test_every_block_is_printed_with_its_words():
    """Cards, rows of exhibits, notes and lists keep id, title, caption and deltas."""
    half = Figure("R-7", "Half claim", "Half caption", "alt", svg=SVG, width="half")
    pdf = bound(
        shown(Kpis(tuple(Kpi(f"Label {n}", f"{n}.5 %", "n = 9") for n in range(7)))),
        shown(Row((half, half))),
        shown(Note("Careful", "unsure", "Warning")),
        shown(Text("one\n\ntwo", "lead")),
    )
    text = words(pdf)

    for part in ("Label 6", "6.5 %", "Half claim", "Half caption", "Careful", "Warning", "two"):
        assert part in text
    assert text.upper().count("R-7") == 2


def test_chinese_is_set_without_a_bold_face():
    """Headings and text of a Chinese pack come from the bundled fonts alone."""
    pdf = bound(said("## 全部同期群\n\n**空格**表示尚未发生"), title="清泉茶业", language="zh-CN")
    names = {
        str(font.get_object()["/BaseFont"]).split("+")[-1]
        for page in pypdf.PdfReader(io.BytesIO(pdf)).pages
        for font in page["/Resources"].get("/Font", {}).values()
    }

    assert "空格表示尚未发生" in words(pdf).replace(" ", "")
    assert {name for name in names if "Noto" not in name and "SourceSans" not in name} == set()


def test_the_exporter_writes_any_notebook_as_pdf(tmp_path):
    """nbconvert's own way in: the file's name is the title where no heading is, code is hidden."""
    path = tmp_path / "my_own-notebook.ipynb"
    nb = new_notebook(cells=[new_code_cell("hidden = 1"), new_markdown_cell("#### Deep\n\ntext")])
    nbformat.write(nb, path)

    pdf, resources = TypstPdfExporter().from_filename(str(path))
    with_code, _ = TypstPdfExporter(exclude_input=False).from_filename(str(path))

    assert ".pdf" == resources["output_extension"]
    assert "My own notebook" == pypdf.PdfReader(io.BytesIO(pdf)).metadata.title
    assert ["My own notebook", ["Deep"]] == outline(pdf)
    assert "hidden" not in words(pdf)
    assert "hidden = 1" in words(with_code)


def test_an_empty_notebook_is_a_page():
    """Nothing to print is not an error."""
    pdf, _ = TypstPdfExporter().from_notebook_node(new_notebook())

    assert 1 == len(pypdf.PdfReader(io.BytesIO(pdf)).pages)


def test_the_fonts_are_one_file_a_face():
    """Both forms of a face would leave the choice to the order of a file system."""
    faces = [(f.family, f.style, f.weight) for f in fonts.typst_fonts().fonts() if f.path]

    assert 7 == len(faces) == len(set(faces))


def test_a_moment_without_time_zone_is_refused():
    """The same moment must mean the same bytes on each machine."""
    with pytest.raises(ValueError, match="time zone"):
        compile_book(Book("t", "s", ()), timestamp=datetime(2025, 1, 1))


def test_the_source_holds_no_text_outside_literals():
    """Whatever a book says stands between quotation marks in its source."""
    marker = "MARKER"
    book = Book(marker, marker, (Section(marker, 1, "a", ""),), cover_lines=((marker, marker),))
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", book_to_typst(book))

    assert marker not in bare


def picture() -> bytes:
    """A sound PNG of one pixel."""
    return base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
        "rkJggg=="
    )


def test_no_line_ends_between_a_sign_and_its_money():
    """A minus at the end of one line and an amount on the next would be read as a gain."""
    pages = pypdf.PdfReader(io.BytesIO(bound(said("a" + "(−¥1.05)" * 99)))).pages
    lines = [line for page in pages for line in page.extract_text().splitlines()]
    amounts = [line for line in lines if "1.05" in line]

    assert len(amounts) > 5
    assert [] == [line for line in amounts if line.rstrip().endswith("−")]
