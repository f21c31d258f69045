"""Blocks: their JSON, their words, and that text in them stays text."""

import json
import re

import pytest
from repurchase.show.blocks import (
    BLOCK_MIME,
    BlockError,
    Cell,
    Column,
    Delta,
    Figure,
    Headline,
    Kpi,
    Kpis,
    ListBlock,
    ListItem,
    Note,
    Row,
    Table,
    Text,
    block_from_json,
    heat_colours,
)

FIGURE = Figure("R-1", "Claim", "Caption", "What one sees", svg="<svg/>", csv="a,b\n")
EVERY = (
    Headline("Claim", "good", "n = 10"),
    Kpis((Kpi("Share", "41 %", "n = 9", (Delta("to May", "+1 pp", "good"),), "bad", "note"),)),
    FIGURE,
    Table((Column("a"), Column("b", "right", "fr")), (("x", Cell("1", "bad", 0.5, True)),)),
    Note("text", "unsure", "title"),
    ListBlock((ListItem("title", "text", "meta", "bad"),), ordered=False),
    Text("one\n\ntwo", "lead"),
    Row((FIGURE, Note("inside"))),
)


@pytest.mark.parametrize("block", EVERY, ids=lambda block: block.kind)
def test_json_gives_the_block_back(block):
    """A block that went through JSON text is equal to what it was."""
    assert block == block_from_json(json.loads(json.dumps(block.to_json())))


def test_every_key_of_a_kind_is_present():
    """A reader of the JSON finds each key, null where nothing was given."""
    expected = {
        "kind": "headline",
        "text": "Claim",
        "tone": "neutral",
        "detail": None,
    }

    assert expected == Headline("Claim").to_json()


def test_mime_bundle_carries_html_words_and_json():
    """A kernel hands out the same block three times."""
    bundle = Note("words", title="t")._repr_mimebundle_()

    assert {BLOCK_MIME, "text/html", "text/plain"} == set(bundle)
    assert bundle["text/plain"] == "t\nwords"
    assert bundle[BLOCK_MIME]["kind"] == "note"


@pytest.mark.parametrize("block", EVERY, ids=lambda block: block.kind)
def test_no_text_becomes_markup(block):
    """Every text of every kind is escaped in HTML."""
    hostile = '<script>"&'
    fixed = {"kind", "tone", "align", "width", "size", "style", "svg", "png"}

    def spoilt(value, key=""):
        if isinstance(value, dict):
            return {name: spoilt(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [spoilt(inner) for inner in value]
        return hostile if isinstance(value, str) and key not in fixed else value

    data = spoilt(block.to_json())

    html = block_from_json(data).to_html()

    assert "<script>" not in html
    assert "&lt;script&gt;&quot;&amp;" in html


def test_a_picture_is_an_image_with_alternative_text():
    """SVG enters the page as an image, in which no script runs, and keeps its words."""
    html = FIGURE.to_html()

    assert '<img src="data:image/svg+xml;base64,PHN2Zy8+" alt="What one sees">' in html
    assert "<figcaption>Caption</figcaption>" in html


def test_a_table_names_its_headings_for_a_screen_reader():
    """Column and row headings carry their scope."""
    html = Table((Column("Month"), Column("n", "right")), (("May", "7"),)).to_html()

    assert '<th scope="col" class="rr-right">n</th>' in html
    assert '<th scope="row" class="rr-left rr-short">May</th>' in html


def test_a_tone_has_a_mark_beside_its_colour():
    """Good and bad figures can be told apart without colour; a sentence says it itself."""
    tones = ("good", "bad", "unsure", "neutral")
    items = [ListBlock((ListItem("c", "", None, tone),)).to_html() for tone in tones]

    assert [["✓"], ["!"], ["?"], []] == [re.findall('rr-mark">(.)<', item) for item in items]
    assert [] == [h for tone in tones if "rr-mark" in (h := Headline("c", tone).to_html())]


def test_header_rows_move_into_the_head():
    """The second heading row is one of the table's rows, and stands in the head."""
    html = Table((Column("a"),), (("below",), ("1",)), header_rows=2).to_html()

    assert html.count('<th scope="col"') == 2
    assert "below" in html.split("</thead>")[0]


def test_no_observation_is_an_empty_cell():
    """None in a cell is printed as nothing, never as a word."""
    assert (("",),) == Table((Column("a"),), ((None,),)).rows


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Headline("c", "fine"), "tone == 'fine'"),
        (lambda: Table((Column("a"),), (("1", "2"),)), "row 0 has 2 cells"),
        (lambda: Cell("1", fill=1.2), "fill == 1.2"),
        (lambda: block_from_json({"kind": "poem"}), "kind == 'poem'"),
        (lambda: block_from_json({"kind": "note", "colour": "red"}), "colour"),
        (lambda: Figure("R-1", "t", png="%%").to_html(), "not base64"),
    ],
)
def test_a_wrong_block_says_what_is_wrong(make, words):
    """What a kind does not allow is refused with the value."""
    with pytest.raises(BlockError, match=re.escape(words)):
        make()


@pytest.mark.parametrize("fill", [0, 0.3, 0.62, 0.8, 1])
def test_heat_text_can_be_read_on_its_ground(fill):
    """Text and ground of each shade differ at least 4.5 : 1 (WCAG AA)."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted(map(luminance, heat_colours(fill)), reverse=True)

    assert 4.5 <= (light + 0.05) / (dark + 0.05)
