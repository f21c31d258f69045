"""The pages at the back: what each figure means and where the pack comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repurchase.definitions import Metric
from repurchase.show.blocks import Block, Column, Table
from repurchase.show.tables import shortened
from repurchase.words import N_, Words

UNITS = {
    "share": N_("share, %"),
    "count": N_("count"),
    "money": N_("money"),
    "days": N_("days"),
    "ratio": N_("ratio"),
    "score": N_("score"),
}


def definitions_table(words: Words, metrics: Mapping[str, Metric]) -> Block:
    """Every metric: name and id, formula, numerator and denominator, unit, version."""
    rows = tuple(
        (
            f"{words._(m.name)} ({name})",
            words._(m.formula),
            words._(m.numerator) + (f" / {words._(m.denominator)}" if m.denominator else ""),
            words._(UNITS[m.unit]),
            str(m.version),
        )
        for name, m in metrics.items()
    )
    columns = (
        Column(words._(N_("Figure")), width="fr"),
        Column(words._(N_("Meaning")), width="fr"),
        Column(words._(N_("Counted")), width="fr"),
        Column(words._(N_("Unit"))),
        Column(words._(N_("Version")), align="right"),
    )
    return Table(columns=columns, rows=rows, size="small")


def provenance_table(words: Words, manifest: Mapping[str, Any]) -> tuple[Block, ...]:
    """Code, data, parameters and versions of a pack, from its manifest."""
    facts = [
        (words._(N_("Profile")), manifest["profile"]),
        (words._(N_("Period")), manifest["period"]),
        (words._(N_("Code revision")), manifest["revision"]),
        (words._(N_("Data fingerprint")), manifest["snapshot"]),
        (words._(N_("Data from")), manifest["data_from"]),
        (words._(N_("Data through")), manifest["data_through"]),
        ("Python", manifest["python"]),
        *((name, number) for name, number in manifest["libraries"].items()),
    ]
    facts += [
        (
            words._(N_("Notebook {name}"), name=chapter["name"]),
            chapter["sha256"][:12]
            + (" · " + words._(N_("changed from release")) if chapter["own"] else ""),
        )
        for chapter in manifest["chapters"]
    ]
    given = manifest["parameters"]["profile"]
    settings = [
        (name, "" if value is None else shortened(str(value)))
        for name, value in given.items()
        if isinstance(value, str | int | float | bool) and name not in ("company",)
    ]
    return (
        _pairs(words._(N_("What made this pack")), facts, words),
        _pairs(words._(N_("Parameters")), settings, words),
    )


def _pairs(title: str, rows: list[tuple[str, str]], words: Words) -> Table:
    columns = (
        Column(words._(N_("What"))),
        Column(words._(N_("Value")), width="fr"),
    )
    return Table(title=title, columns=columns, rows=tuple(rows), size="small")
