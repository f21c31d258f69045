"""Formulas are drawn without LaTeX; what cannot be drawn is said, never guessed."""

import re

import pytest
from repurchase.press.formula import LONGEST, POINTS, drawn

DRAWN = [
    r"$R = \frac{E - N}{S} \times 100\%$",
    r"\hat{p} \pm z\sqrt{\frac{\hat{p}(1-\hat{p})}{n}}",
    r"\displaystyle \int_0^\infty e^{-x}\,dx",
    r"\bigl(x \le 3\bigr) \iff \lvert y\rvert \ne \mathbf z",
    r"\frac12 + \tfrac34",
    r"\[ \mathbb{E}[X] = \operatorname*{argmin}_x f(x) \tag{1} \]",
    r"\left[\begin{matrix}1 & 22\\333 & 4\end{matrix}\right]",
    r"\begin{pmatrix} a \\ b \end{pmatrix} \begin{cases} 1 & x>0\\ 0 & \text{else}\end{cases}",
]
NOT_DRAWN = [
    r"\overbrace{x}", r"\frac{1}{", r"\text{复购率}", "", "$$ $$", "{" * 900, "x" * (LONGEST + 1),
    r"\begin{tikzpicture}\end{tikzpicture}", r"\input{/etc/passwd}", r"a $ b",
]  # fmt: skip


@pytest.mark.parametrize("source", DRAWN)
def test_ordinary_mathematics_is_drawn(source):
    """As outlines, of the size that it has beside text of ten points."""
    found = drawn(source)

    assert found is not None
    assert found.svg.startswith("<svg") and "<text" not in found.svg
    assert 0 <= found.depth < found.height < 5 * POINTS
    assert f'width="{found.width:.6f}'.rstrip("0") in found.svg


@pytest.mark.parametrize("source", NOT_DRAWN)
def test_what_is_unknown_is_not_drawn(source, caplog):
    """Words that the typesetter lacks, characters that its font lacks, broken and endless ones."""
    assert drawn(source) is None
    assert "" == caplog.text


def test_lines_are_aligned_where_they_are_cut():
    """Two lines are higher than one; the wider left side makes room for both right sides."""
    both = drawn(r"\begin{aligned} a &= b + c \\ &= \frac{d}{e} \end{aligned}")
    one, right = drawn("a = b + c"), drawn(r"= \frac{d}{e}")

    assert both.height > one.height + right.height - 1
    assert abs(both.width - one.width) < POINTS


def test_fractions_on_a_line_of_their_own_are_of_full_size():
    """Those in an index or in another fraction are not."""
    source = r"\frac{a}{b}"

    assert drawn(source, display=True).height > 1.3 * drawn(source).height
    nested = r"x^{\frac{a}{b}}"
    assert drawn(nested, display=True).height == drawn(nested).height


def test_equal_formulas_are_equal_bytes():
    """No moment and no random name is in the picture."""
    first = drawn(r"\alpha^2").svg
    drawn.cache_clear()

    assert first == drawn(r"\alpha^2").svg
    assert not re.search(r"\d{4}-\d\d-\d\dT", first)
