"""What `make bench` runs.

registry.py       what a case is, and the list of all: a case is one entry, written in cases/
cases/            one module a subject: the ways to do a thing, side by side, and their budgets
workers/          scripts that a case runs as processes of their own, one a measurement
measure.py        seconds, processor seconds and peak memory of such a process
rounds.py         runs a case's ways in turn, several times, and judges its budgets
table.py          the tables, on the terminal and in docs/benchmarks.md
machine.py        the machine in one line
kills.py          not a measurement: kills runs at random moments (tests/press/test_kill.py, too)
"""
