"""Tables of what was measured, on the terminal and in the documentation."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import number
from benchmarks.rounds import Judged, Measured

COLUMNS = {"wall": "wall s", "cpu": "CPU s", "peak": "peak MiB"}
MARK = "<!-- bench:{name} -->\n{text}<!-- /bench:{name} -->\n"


def section(found: Measured, machine: str) -> str:
    """One case in Markdown; it reads well as plain text, too."""
    lines = [f"### {found.case.title}", ""]
    if found.skipped:
        return "\n".join([*lines, f"Not measured: {found.skipped}.", ""])
    lines += [*_grid(_ways(found)), ""]
    if found.judged:
        lines += [*_grid([("", "found", "budget", ""), *map(_judgement, found.judged)]), ""]
    lines += [f"- {note}" for note in found.notes]
    runs = "one run" if found.runs == 1 else f"medians of {found.runs} runs, least and most in ()"
    return "\n".join([*lines, f"- {runs}; {machine}", ""])


def _ways(found: Measured) -> list[tuple[str, ...]]:
    named = [*COLUMNS]
    for rounds in found.rounds.values():
        named += [k for k in rounds[0] if k not in named]
    shown = [k for k in named if any(k in r[0] for r in found.rounds.values())]
    rows = [("", *(COLUMNS.get(k, k) for k in shown))]
    for name, rounds in found.rounds.items():
        cells = [_spread([r[k] for r in rounds]) if k in rounds[0] else "" for k in shown]
        rows.append((name, *cells))
    return rows


def _spread(values: Sequence[float]) -> str:
    middle = number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))}-{number(max(values))})"


def _judgement(judged: Judged) -> tuple[str, ...]:
    budget = judged.budget
    bound = ""
    if budget.at_most is not None:
        bound = f"at most {number(budget.at_most)} {budget.unit}"
    elif budget.at_least is not None:
        bound = f"at least {number(budget.at_least)} {budget.unit}"
    verdict = {True: "kept", False: "**MISSED**", None: ""}[judged.kept]
    return (budget.says, f"{number(judged.value)} {budget.unit}", bound, verdict)


def _grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table whose columns are as wide as their widest cell."""
    first, *others = (max(3, *map(len, column)) for column in zip(*rows, strict=True))
    lines = [
        " | ".join([row[0].ljust(first), *map(str.rjust, row[1:], others)]) for row in rows
    ]  # fmt: skip
    rule = "|".join(["-" * (first + 2), *("-" * (width + 1) + ":" for width in others)])
    return [f"| {lines[0]} |", f"|{rule}|", *(f"| {line} |" for line in lines[1:])]


def write(path: Path, name: str, text: str) -> None:
    """Puts a case's section between its marks, behind all others if it has none yet."""
    page = path.read_text(encoding="utf-8")
    marked = MARK.format(name=name, text=text)
    pattern = re.compile(re.escape(MARK.format(name=name, text="\0")).replace("\0", ".*?"), re.S)
    if pattern.search(page):
        page = pattern.sub(lambda _: marked, page, count=1)
    else:
        page = page.rstrip("\n") + "\n\n" + marked
    path.write_text(page, encoding="utf-8")
