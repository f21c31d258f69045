"""Whether the arms of an experiment have the sizes that were planned."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.special import chdtrc

# Below this the assignment or its log is broken, and no figure of the experiment can be trusted.
BROKEN = 0.001


def sample_ratio(counts: Sequence[float], shares: Sequence[float]) -> float:
    """The p-value of Pearson's chi-square of the arms' sizes against planned shares.

    Shares are taken in proportion, so that 50 and 50 is as good as 0.5 and 0.5. Raises ValueError
    for fewer than two arms, a share that is not positive, or nobody at all.

    >>> round(sample_ratio([502, 498], [0.5, 0.5]), 4)
    0.8993
    """
    total, planned = sum(counts), sum(shares)
    if len(counts) != len(shares) or len(counts) < 2 or min(shares) <= 0 or not total > 0:
        raise ValueError(f"counts == {list(counts)}, shares == {list(shares)}: two arms or more")
    expected = [total * share / planned for share in shares]
    statistic = sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True))
    return float(chdtrc(len(counts) - 1, statistic))
