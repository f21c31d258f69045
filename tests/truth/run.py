"""What `make calibration` does: how often intervals cover and changes are called, as a table."""

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from truth.harness import SUITES, Count, counts, run, write_rows

BEGIN, END = "<!-- table: make calibration WRITE=1 -->", "<!-- end of the table -->"
WHAT = {"coverage": "covered", "false alarm": "called a change", "found": "found"}
COMPARED = {
    "previous": "change on the period before",
    "year_ago": "change on a year ago",
    "year_ago_aligned": "change on a year ago, aligned",
}


def table(lines: Iterable[Count]) -> str:
    """A Markdown table for each suite, lines in their order."""
    text: list[str] = []
    suite = ""
    for line in lines:
        if line.suite != suite:
            suite = line.suite
            text += ["", f"### {suite[0].upper()}{suite[1:]}", ""]
            text += [next(s.about for s in SUITES if s.name == suite), ""]
            what = WHAT[line.kind]
            text += [f"| figure | kind | companies | {what} | share | verdict |"]
            text += ["|---|---|---:|---:|---:|---|"]
        kind = COMPARED.get(line.compare_to, "level" if line.kind == "coverage" else "")
        verdict = _verdict(line)
        text.append(
            f"| {line.figure} | {kind} | {line.companies:,} | {line.happened:,}"
            f" | {line.share:.1%} | {verdict} |"
        )
    return "\n".join(text).strip() + "\n"


def _verdict(line: Count) -> str:
    if line.kind == "found":
        return ("as asked" if line.right else "**too seldom**") if line.promised else ""
    if not line.promised:
        return ""
    return "calibrated" if line.right else "**not calibrated**"


def put(text: str, path: Path) -> None:
    """Replace what stands between the marks of the document."""
    old = path.read_text(encoding="utf-8")
    head, rest = old.split(BEGIN)
    path.write_text(f"{head}{BEGIN}\n{text}{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> None:
    names = [suite.name for suite in SUITES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=1000, help="of each suite")
    parser.add_argument("--first", type=int, default=0, help="number of the first company")
    parser.add_argument("--suites", nargs="*", default=names, choices=names)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="write every trial to this CSV file")
    parser.add_argument("--docs", type=Path, help="put the table into this document")
    asked = parser.parse_args()
    began = time.perf_counter()
    trials = run(asked.suites, asked.companies, first=asked.first, processes=asked.processes)
    if asked.rows:
        write_rows(trials, asked.rows)
    text = table(counts(trials))
    print(text)
    if asked.docs:
        put(text, asked.docs)
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
