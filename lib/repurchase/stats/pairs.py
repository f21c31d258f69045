"""Which products are bought together more often than chance would have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from repurchase.stats.fitting import Floats
from repurchase.stats.proportion import Z95

if TYPE_CHECKING:
    from scipy import sparse

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of products, the surest first (by q, then lift, then codes); arrays of equal length.

    `count` baskets hold both, `count_a` and `count_b` each. `support` is count over all baskets,
    `b_given_a` and `a_given_b` are the confidences, `lift` is count over what independence would
    give, with a 95 % interval; `p` is two-sided, `q` its value after Benjamini and Hochberg over
    `tested` pairs. `baskets` is the number of all.
    """

    a: Ints
    b: Ints
    count: Ints
    count_a: Ints
    count_b: Ints
    support: Floats
    b_given_a: Floats
    a_given_b: Floats
    lift: Floats
    low: Floats
    high: Floats
    p: Floats
    q: Floats
    baskets: int
    tested: int


def basket_pairs(basket: ArrayLike, product: ArrayLike, *, minimum: int) -> Pairs:
    """The pairs that at least `minimum` baskets hold, from one (basket, product) a line.

    Both are codes from 0; lines that repeat a product in a basket count once; each code of a basket
    up to the highest is a basket, so that one without products counts. `tested` are all pairs of
    products that are in `minimum` baskets each, also those never seen together: who picks pairs by
    how often they were seen has looked at all of them.

    The interval is the delta method on log lift over independent baskets; p is that of a binomial
    of the rarer product's baskets (slightly conservative against Fisher's exact test). Baskets of
    one customer are taken as independent: both are too sure where few customers buy much. Baskets
    of very different size raise the lift of every pair a little: compare lifts with each other.

    Raises ValueError for uneven arrays, negative or fractional codes, or minimum < 1.
    """
    rows, columns = _codes(basket), _codes(product)
    if rows.shape != columns.shape:
        raise ValueError("basket and product must be equally long")
    if minimum < 1:
        raise ValueError(f"minimum == {minimum}, must be >= 1")
    if not len(rows):
        return _described(rows, rows, rows, rows, 0, 0)
    from scipy import sparse  # see fitting.maximise

    held = sparse.csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)))
    held.sum_duplicates()
    held.data[:] = 1
    return pairs_of(held, minimum=minimum)


def pairs_of(held: sparse.csr_array, *, minimum: int) -> Pairs:
    """As `basket_pairs`, from a matrix of baskets (rows) and products (columns) of ones."""
    from scipy import sparse

    counts = np.bincount(held.indices, minlength=held.shape[1])
    often = np.flatnonzero(counts >= minimum)
    kept = held[:, often]
    together = sparse.triu(kept.T.tocsr() @ kept, k=1, format="coo")
    enough = together.data >= minimum
    first, second = often[together.row[enough]], often[together.col[enough]]
    tested = len(often) * (len(often) - 1) // 2
    both = together.data[enough].astype(np.int64)
    return _described(
        first.astype(np.int64), second.astype(np.int64), both, counts, held.shape[0], tested
    )


def _described(a: Ints, b: Ints, count: Ints, counts: Ints, baskets: int, tested: int) -> Pairs:
    n = float(baskets)
    count_a, count_b = counts[a].astype(np.int64), counts[b].astype(np.int64)
    lift = count * n / (count_a * count_b.astype(float))
    variance = 1 / count - 1 / count_a - 1 / count_b + (2 * lift - 1) / max(n, 1.0)
    spread = np.exp(Z95 * np.sqrt(np.maximum(variance, 0.0)))
    p = _p_values(count, count_a, count_b, n)
    q = _adjusted(p, tested)
    order = np.lexsort((b, a, -lift, q))
    return Pairs(
        a=a[order],
        b=b[order],
        count=count[order],
        count_a=count_a[order],
        count_b=count_b[order],
        support=(count / max(n, 1.0))[order],
        b_given_a=(count / count_a)[order],
        a_given_b=(count / count_b)[order],
        lift=lift[order],
        low=(lift / spread)[order],
        high=(lift * spread)[order],
        p=p[order],
        q=q[order],
        baskets=baskets,
        tested=tested,
    )


def _p_values(count: Ints, count_a: Ints, count_b: Ints, n: float) -> Floats:
    """Twice the smaller tail of a binomial: so many of the rarer product's baskets, or more."""
    draws = np.minimum(count_a, count_b).astype(float)
    chance = np.maximum(count_a, count_b) / max(n, 1.0)
    at_least = betainc(count, draws - count + 1, chance)
    above = np.where(count < draws, betainc(count + 1, np.maximum(draws - count, 1), chance), 0.0)
    return np.minimum(1.0, 2 * np.minimum(at_least, 1 - above))


def _adjusted(p: Floats, tested: int) -> Floats:
    """Benjamini and Hochberg's step-up where the pairs not given have p-values of one."""
    order = np.argsort(p)[::-1]
    rank = np.arange(len(p), 0, -1)
    q = np.empty_like(p)
    q[order] = np.minimum(1.0, np.minimum.accumulate(p[order] * tested / rank))
    return q


def _codes(values: ArrayLike) -> Ints:
    codes = np.asarray(values)
    if codes.size == 0:
        return np.zeros(0, dtype=np.int64)
    if codes.ndim != 1 or not np.issubdtype(codes.dtype, np.integer) or codes.min() < 0:
        raise ValueError("codes must be flat, whole and >= 0")
    return codes.astype(np.int64)
