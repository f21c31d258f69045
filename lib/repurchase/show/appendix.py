"""The pages at the back: what each figure means and where the pack comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repurchase.definitions import Metric
from repurchase.show.blocks import Block, Column, Table
from repurchase.words import N_, Words

LANGUAGES = ("en", "zh-CN")
LONGEST_TEXT = 80
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
    given = manifest["parameters"]
    parts = (given["profile"], given["period_file"])
    settings = [pair for part in parts for pair in _settings(part, words)]
    return (
        _pairs(words._(N_("What made this pack")), facts, words),
        _pairs(words._(N_("Parameters")), settings, words),
    )


def _settings(given: Mapping[str, Any], words: Words) -> list[tuple[str, str]]:
    """Each parameter that says something, nested ones on one line as the profile writes them.

    Of a text in several languages the reader's; the manifest has all of them.
    """
    told = ((name, _told(_in_language(value, words))) for name, value in given.items())
    return [(name, text) for name, text in told if text]


def _in_language(value: Any, words: Words) -> Any:
    if isinstance(value, Mapping):
        if value and set(value) <= set(LANGUAGES):
            return value.get(words.language) or next(iter(value.values()))
        return {name: _in_language(v, words) for name, v in value.items()}
    return [_in_language(v, words) for v in value] if isinstance(value, list) else value


def _told(value: Any, *, inside: bool = False) -> str:
    """A value as YAML's short form has it; what is not given is nothing."""
    if value is None or (not inside and value in ({}, [], "")):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        pairs = ((name, _told(v, inside=True)) for name, v in value.items())
        text = ", ".join(f"{name}: {told}" for name, told in pairs if told)
        return f"{{{text}}}" if inside else text
    if isinstance(value, list | tuple):
        return ("; " if not inside else ", ").join(_told(v, inside=inside) for v in value)
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _pairs(title: str, rows: list[tuple[str, str]], words: Words) -> Table:
    columns = (
        Column(words._(N_("What"))),
        Column(words._(N_("Value")), width="fr"),
    )
    return Table(title=title, columns=columns, rows=tuple(rows), size="small")
