"""Looks at experiments that signed packs took: what was seen before decides how to read on.

A look is one reading of one experiment that went out under a signature. It is known by experiment,
period and the fingerprint of the data that it read (see `analysis.trial_looks`): a run that is
repeated on the same data is no new look, and what nobody signed has decided nothing. Each pack's
manifest holds its own looks and names the packs whose looks it was told of.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from repurchase.archive import PACKS
from repurchase.errors import ParameterError
from repurchase.period import Period
from repurchase.records import dimensions, parse_dimensions

MANIFEST = "manifest.json"
LOOKS, BEFORE = "looks", "looks_before"  # of a manifest
SIGNED = re.compile(r"(\d{4}(?:-\d\d|-Q\d)?)-signed-[0-9a-f]{16}(?:\.\d+)?")


@dataclass(frozen=True)
class Look:
    """What one look saw of one arm.

    `value`, `low` and `high` are the difference of the experiment's own metric by the interval that
    ruled then (`rule`: "always_valid" or "fixed"), `p` is valid at every look, `tuned` says at how
    many units the sequence is narrowest. `pack` names the signed pack, "" in a review that runs.
    """

    experiment: str
    period: str
    fingerprint: str
    arm: str
    metric: str
    horizon: int
    rule: str
    tuned: int
    n: float
    value: float
    low: float
    high: float
    p: float
    edition: int = 1
    pack: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes a look this look, whoever's arm it speaks of."""
        return self.experiment, self.period, self.fingerprint


@dataclass(frozen=True)
class SignedLooks:
    """All looks of signed packs up to a period's end, the oldest period and edition first.

    `unread` are the signed packs whose manifest cannot be read: looks may be missing.
    """

    looks: tuple[Look, ...] = ()
    unread: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"looks": [asdict(look) for look in self.looks], "unread": list(self.unread)}

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> SignedLooks:
        return SignedLooks(tuple(Look(**row) for row in told["looks"]), tuple(told["unread"]))

    def named(self) -> list[dict[str, Any]]:
        """A row a pack that was read from or could not be, for a manifest."""
        packs: dict[str, int] = {}
        for pack, *_ in sorted({(look.pack, *look.key) for look in self.looks}):
            packs[pack] = packs.get(pack, 0) + 1
        found = [{"pack": pack, "looks": count} for pack, count in packs.items()]
        return [*found, *({"pack": pack, "looks": None} for pack in self.unread)]


def signed_looks(reports: Path, *, until: dt.date) -> SignedLooks:
    """The looks of every signed edition of a period that ends by then.

    `reports` is `reports/<profile>`. An edition that was replaced was looked at all the same.
    """
    found: list[Look] = []
    unread = []
    packs = reports / PACKS
    for folder in sorted(packs.iterdir()) if packs.is_dir() else ():
        match = SIGNED.fullmatch(folder.name)
        period = _period(match[1]) if match else None
        if period is None or period.end > until:
            continue
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            told = {"edition": manifest.get("edition") or 1, "pack": folder.name}
            found += (Look(**{**row, **told}) for row in manifest.get(LOOKS, ()))
        except (OSError, ValueError, TypeError, AttributeError):
            unread.append(folder.name)
    order = {label: _period(label) for label in {look.period for look in found}}

    def when(look: Look) -> tuple[Any, ...]:
        period = order[look.period]
        end = period.end if period else until
        return end, look.period, look.edition, look.pack, look.experiment, look.arm

    return SignedLooks(tuple(sorted(found, key=when)), tuple(unread))


def _period(label: str) -> Period | None:
    try:
        return Period.parse(label)
    except ParameterError:
        return None


def recorded(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The looks among a pack's records, as plain rows for its manifest.

    A look is a record of `trial_look` and the difference that it names.
    """
    rows = list(records)
    figures = {(r["metric"], r["dimensions"]): r for r in rows if r["metric"].startswith("trial_")}
    found = []
    for row in rows:
        if row["metric"] != "trial_look" or row["value"] is None:
            continue
        told = parse_dimensions(row["dimensions"])
        where = {name: told[name] for name in ("experiment", "arm", "horizon")}
        alone = figures.get((told["of"], dimensions(**where)))
        figure = alone or figures.get((told["of"], dimensions(**where, figure=told["figure"])))
        if figure is None or figure["value"] is None:
            continue
        look = Look(
            told["experiment"], row["period"], told["look"], told["arm"], told["figure"],
            int(told["horizon"]), told["rule"], int(told["tuned"]), row["n"], figure["value"],
            figure["low"], figure["high"], row["value"],
        )  # fmt: skip
        kept = (f.name for f in fields(Look) if f.name not in ("edition", "pack"))
        found.append({name: getattr(look, name) for name in kept})
    return found
