"""The command line of the bench: measures cases and prints their tables.

Seconds differ from machine to machine; only ratios, taken in the same round, are worth comparing.
Nothing in reports/ or .cache/ of the checkout is read or written. A budget that is missed says so;
the exit code is 0 all the same unless --strict is given.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import benchmarks.cases  # noqa: F401
from benchmarks import machine, table
from benchmarks.registry import REGISTRY, Case, Setting
from benchmarks.rounds import measured

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def main() -> int:
    """0, or with --strict 1 if a budget is missed; 2 for what is asked wrongly."""
    options = parser().parse_args()
    try:
        chosen = REGISTRY.chosen([name for text in options.cases for name in text.split()])
    except KeyError as error:
        print(f"there is no case {error}; cases: {', '.join(REGISTRY.cases)}", file=sys.stderr)
        return 2
    missed = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        setting = Setting(
            Path(folder),
            orders=options.orders,
            large=options.large,
            units=options.units,
            kills=options.kills,
            others=options.others,
        )
        for case in chosen:
            if run(case, setting, runs=options.runs, write=options.write):
                missed.append(case.name)
    if missed:
        print(f"budgets missed: {', '.join(missed)}")
    return 1 if missed and options.strict else 0


def run(case: Case, setting: Setting, *, runs: int, write: bool) -> bool:
    """Measures a case and prints its tables; whether a budget was missed."""
    start = time.monotonic()

    def say(line: str) -> None:
        print(f"  {time.monotonic() - start:6.0f} s  {line}", file=sys.stderr, flush=True)

    busy = machine.busy()
    found = measured(case, setting, runs=runs, say=say)
    if busy:
        found = replace(found, notes=(busy, *found.notes))
    text = table.section(found, machine.described())
    print(text, flush=True)
    if write:
        table.write(DOCS, case.name, text)
    return found.missed


def parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = ", ".join(f"{c.name}{' (large)' * c.large}" for c in REGISTRY.cases.values())
    parser.add_argument("cases", nargs="*", help=f"{names}; without any, all but the large ones")
    parser.add_argument("--runs", type=positive, default=3, help="rounds of each case (3)")
    parser.add_argument(
        "--orders",
        type=sizes,
        default=Setting.orders,
        metavar="N,N",
        help="how many orders retention and value have (1000000,10000000)",
    )
    parser.add_argument(
        "--large",
        type=sizes,
        default=Setting.large,
        metavar="N,N",
        help="how many orders the case large has (10000000,100000000)",
    )
    parser.add_argument(
        "--units",
        type=positive,
        default=Setting.units,
        help="how many customers are fitted and scored, and baskets paired (1000000)",
    )
    parser.add_argument(
        "--others",
        default=Setting.others,
        metavar="PYTHON",
        help="the Python that has lifetimes and mlxtend (this one)",
    )
    parser.add_argument(
        "--kills", type=positive, default=Setting.kills, help="how many runs are killed (200)"
    )
    parser.add_argument(
        "--write", action="store_true", help="also put the tables into docs/benchmarks.md"
    )
    parser.add_argument("--strict", action="store_true", help="end with 1 if a budget is missed")
    return parser


def positive(text: str) -> int:
    """A whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def sizes(text: str) -> tuple[int, ...]:
    """Some of them, separated by commas."""
    return tuple(positive(part) for part in text.split(","))
