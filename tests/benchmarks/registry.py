"""What a case is, and the list of all of them."""

from __future__ import annotations

import functools
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Figures, number, worker

# One measurement of a way; what it needs first it does itself, outside the clock.
Way = Callable[[], Figures]
# The figures of each way in the order of the rounds: the i-th of all ways were taken together.
Rounds = Mapping[str, list[Figures]]


class Skip(Exception):
    """A case or a row that this machine cannot measure; its text says why."""


@dataclass(frozen=True)
class Budget:
    """A number drawn from the rounds and the bound that it must keep; None: shown, not judged."""

    says: str
    value: Callable[[Rounds], float]
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "x"

    def kept(self, value: float) -> bool | None:
        """Whether the bound is kept; None if there is none."""
        if self.at_most is not None:
            return value <= self.at_most
        if self.at_least is not None:
            return value >= self.at_least
        return None


@dataclass(frozen=True)
class Sheet:
    """A case, ready to be measured.

    `ways` by the name of their row, in the order in which each round takes them; `notes` are
    sentences for the reader of the table; `once` for what is too long to be done several times.
    """

    ways: Mapping[str, Way]
    budgets: tuple[Budget, ...] = ()
    notes: tuple[str, ...] = ()
    once: bool = False


class Company(NamedTuple):
    """A project's folder, its snapshot's, and what preparing took in words."""

    root: Path
    snapshot: str
    note: str


@dataclass(frozen=True)
class Setting:
    """Where and how much: a folder that is empty at first, and what the command line says.

    `others` is the Python of the environment that has what the project itself does not need.
    """

    folder: Path
    orders: tuple[int, ...] = (1_000_000, 10_000_000)
    large: tuple[int, ...] = (10_000_000, 100_000_000)
    units: int = 1_000_000
    kills: int = 200
    others: str = sys.executable
    _companies: dict[int, Company] = field(default_factory=dict, init=False, repr=False)

    def new_folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder, prefix=f"{name}-"))

    def company(self, orders: int) -> Company:
        """A company of so many orders, prepared through a profile, made once."""
        if orders not in self._companies:
            root = self.new_folder("orders")
            made = worker("orders.py", str(orders), str(root), root=root)
            note = (
                f"{orders:,} orders prepared through a profile: {number(made['wall'])} s,"
                f" {number(made['cpu'])} CPU s, {number(made['peak'])} MiB"
            )
            self._companies[orders] = Company(root, made["snapshot"], note)
        return self._companies[orders]

    @functools.cached_property
    def demo(self) -> Path:
        """A project folder with the demo prepared and one pack of it in place, made once."""
        from benchmarks.project import demo_project

        return demo_project(self.new_folder("demo"))


@dataclass(frozen=True)
class Case:
    """A subject of the bench. `large` ones run only when they are named."""

    name: str
    title: str
    prepare: Callable[[Setting], Sheet]
    large: bool = False


@dataclass
class Registry:
    """All cases, in the order in which they are measured."""

    cases: dict[str, Case] = field(default_factory=dict)

    def case(self, name: str, title: str, *, large: bool = False) -> Callable[..., Callable]:
        """Registers the function below as that case."""

        def add(prepare: Callable[[Setting], Sheet]) -> Callable[[Setting], Sheet]:
            if name in self.cases:
                raise ValueError(f"two cases are called {name!r}")
            self.cases[name] = Case(name, title, prepare, large)
            return prepare

        return add

    def chosen(self, names: list[str]) -> list[Case]:
        """The named cases in their order, all but the large ones without names.

        Raises KeyError with the first name that is unknown.
        """
        for name in names:
            if name not in self.cases:
                raise KeyError(name)
        wanted = names or [c.name for c in self.cases.values() if not c.large]
        return [c for c in self.cases.values() if c.name in wanted]


REGISTRY = Registry()
case = REGISTRY.case
