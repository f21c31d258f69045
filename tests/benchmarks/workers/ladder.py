"""All rungs of one ladder: WAY UNITS, where WAY says how many of the units were treated.

`half` half of them, so that errors are clustered; `few` one in twenty-five, so that the interval
and the joint test come from the wild bootstrap. 36 months, 24 of them before; units with levels and
sizes, months that all share, errors that last. Prints what the whole took, and each rung.
"""

import json
import math
import sys

from benchmarks.measure import clocked, together

PERIODS, BEFORE, SEED = 36, 24, 1
SHARE = {"half": 2, "few": 25}
EFFECT = 0.5


def main() -> None:
    print(json.dumps(rungs(sys.argv[1], int(sys.argv[2]))))


def panel_of(treated: int, units: int):
    """A panel with an effect of half an error's deviation."""
    import numpy as np
    from repurchase.stats.panel import Panel

    chance = np.random.default_rng(SEED)
    error = chance.normal(size=(units, PERIODS))
    for t in range(1, PERIODS):
        error[:, t] = 0.5 * error[:, t - 1] + math.sqrt(0.75) * error[:, t]
    y = 2 * chance.normal(size=(units, 1)) + chance.normal(size=PERIODS) + error
    told, before = np.arange(units) < treated, np.arange(PERIODS) < BEFORE
    y[np.ix_(told, ~before)] += EFFECT
    weight = chance.integers(20, 500, size=(units, 1)) * chance.uniform(0.9, 1.1, size=y.shape)
    return Panel(y, weight, told, before, ~before, 12)


def rungs(way: str, units: int) -> dict:
    """Seconds of all rungs and of each, and the interval of each."""
    from repurchase.stats import difference, structural, synthetic
    from repurchase.stats.reversion import reversion

    panel = panel_of(units // SHARE[way], units)

    def series():
        found = structural.from_panel(panel)
        y, x, _ = structural.series(panel)
        structural.sensitivity(y, x, before=panel.before, after=panel.after)
        return found.effect

    makers = {
        "changes": lambda: (difference.naive(panel), difference.season_matched(panel))[1].effect,
        "difference": lambda: difference.difference_in_differences(panel).effect,
        "synthetic control": lambda: synthetic.synthetic_control(panel).effect,
        "structural": series,
        "synthetic difference": lambda: synthetic.synthetic_difference(panel).effect,
        "reversion": lambda: reversion(panel).expected,
    }
    parts, found = {}, {}
    for name, make in makers.items():
        with clocked() as taken:
            found[name] = [float(v) for v in make()[:3]]
        parts[name] = taken
    return together(list(parts.values())) | {
        **{f"{name} s": taken["wall"] for name, taken in parts.items()}, "found": found,
    }  # fmt: skip


if __name__ == "__main__":
    main()
