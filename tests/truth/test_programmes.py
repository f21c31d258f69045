"""Is what is said of initiatives right as often as it claims to be?

The small version of what `make calibration` counts; companies are numbered, so each run is the
same.
"""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from truth import programmes
from truth.harness import counts, run
from truth.programmes import chosen, idle_programme, live, spilling, working_programme

FEW = 10
LARGE = replace(idle_programme(0), shops=45, members=5_000, alone=0.0, lasting=0.0)


def test_the_simulator_knows_nothing_of_the_estimators():
    """What is checked must have no part in what it is checked against."""
    tree = ast.parse(Path(programmes.__file__).read_text(encoding="utf-8"))
    names = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]

    assert {"__future__", "dataclasses", "typing", "numpy.typing"} == set(names)
    assert ["numpy"] == [a.name for n in ast.walk(tree) if isinstance(n, ast.Import)
                         for a in n.names]  # fmt: skip


def test_what_does_nothing_adds_nothing():
    """And the same number is the same company."""
    one, again, other = (live(idle_programme(3), seed=s) for s in (1, 1, 2))

    assert 0 == one.truth
    assert np.array_equal(one.margin, again.margin)
    assert not np.array_equal(one.margin, other.margin)


@pytest.mark.parametrize("effect", [0.2, -0.2])
def test_what_a_programme_does_is_what_the_truth_tells(effect):
    """A fifth more or less of what the treated shops bring after the ramp."""
    there, idle = (live(replace(LARGE, effect=e), seed=1) for e in (effect, 0.0))
    mine = there.treated[:, None] & (np.arange(there.margin.shape[1]) > LARGE.before)
    without = idle.margin[mine].sum() / idle.members[mine].sum()

    assert effect == pytest.approx(there.truth / without, rel=0.05)
    assert np.array_equal(there.members, idle.members)


def test_who_was_chosen_for_falling_had_fallen():
    """By the months before; and has partly recovered by itself after."""
    told = chosen(replace(LARGE, alone=0.2, lasting=0.3))
    lived = live(told, seed=0)
    rate = lived.margin / lived.members
    lately, early = rate[:, told.before - 3 : told.before], rate[:, : told.before - 3]
    fell = lately.mean(axis=1) / early.mean(axis=1)
    later = rate[:, told.before + 1 :].mean(axis=1) / lately.mean(axis=1)

    assert fell[lived.treated].mean() < 0.93 * fell[~lived.treated].mean()
    assert later[lived.treated].mean() > 1.04 * later[~lived.treated].mean()


def test_what_spills_over_reaches_the_controls_too():
    """Four tenths of it, which no comparison of both groups can see."""
    told = replace(LARGE, effect=0.3)
    plain, spilt = live(told, seed=0), live(spilling(told), seed=0)
    after = np.arange(plain.margin.shape[1]) > told.before
    mine = ~plain.treated[:, None] & after

    assert 1.12 == pytest.approx(spilt.margin[mine].sum() / plain.margin[mine].sum(), rel=0.01)
    assert plain.truth == pytest.approx(spilt.truth, rel=0.05)


def test_companies_differ_in_what_makes_it_hard():
    """Few shops and many, a season that is felt unlike, months that hang together or do not."""
    all_ = [working_programme(n) for n in range(60)]

    assert {12, 20, 30, 45} == {one.shops for one in all_}
    assert min(one.lasting for one in all_) < 0.1 and max(one.lasting for one in all_) > 0.6
    assert min(one.effect for one in all_) < 0 < max(one.effect for one in all_)


@pytest.fixture(scope="module")
def idle():
    """What is said of initiatives that do nothing."""
    return run(["idle initiative"], FEW, processes=1)


def test_what_does_nothing_is_seldom_said_to_have_paid(idle):
    """By the rung that is stood on, also where the shops were chosen for falling."""
    lines = counts([*idle, *run(["chosen for falling"], FEW, processes=1)])
    ruled = [line for line in lines if line.promised]

    assert [] == [line for line in ruled if not line.right]
    assert {"it paid, by the rung stood on", "effect, by the rung stood on"} == {
        line.figure for line in ruled
    }
    assert FEW == ruled[0].companies


def test_the_plain_change_is_found_out(idle):
    """Its interval misses the truth more often than not: the harness can say no."""
    plain = [t._replace(promised=0.95) for t in idle if "plain change," in t.figure]
    (line,) = counts(plain)

    assert not line.right


def test_nothing_is_stood_on_that_was_seen_to_spill_over():
    """And unseen it comes out far too small, which no comparison of both groups can tell."""
    trials = run(["spilling over"], FEW // 2, processes=1)
    small = [abs(value) < abs(true) for *_, (value, _, _, true), _ in trials_of(trials)]
    stood = [t for t in trials if "seen to spill over" in t.figure]

    assert [] == [t for t in stood if t.happened]
    assert FEW // 2 == len(stood)
    assert sum(small) > 0.7 * len(small)


def trials_of(trials):
    """Those of the rung that was stood on, with its value, interval and truth."""
    return [t for t in trials if t.figure == "effect, by the rung stood on"]
