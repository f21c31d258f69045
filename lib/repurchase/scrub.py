"""Secrets of the environment, taken out of whatever is written or said.

A notebook may need a password to reach its data. What it prints, the traceback of a cell that
fails, an error's message: none of them may carry it on. A variable is taken for a secret by its
name (PASSWORD, TOKEN, SECRET, KEY, ...), or for the password in an address that it holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

# shorter ones would be found in ordinary words and figures, and are no secrets
SHORTEST = 6
_NAME = re.compile(
    r"PASSW(?:OR)?D|PASSPHRASE|TOKEN|SECRET|CREDENTIAL|(?:^|_)\w*(?:API|ACCESS|PRIVATE)KEY"
    r"|(?:^|_)KEY(?:_|$)|(?:^|_)(?:DB|PG|MYSQL)?(?:PWD|PASS)$",
    re.IGNORECASE,
)
# these name a place where the secret is, or are the shell's own
_NO_SECRET = re.compile(r"(?:^|_)(?:FILE|PATH|DIR)$|^(?:OLD)?PWD$", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:([^@\s/]+)@", re.IGNORECASE)


def secrets(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Each form in which a secret may be written, and the name of its variable.

    The longest come first, so that one within another leaves nothing of it.
    """
    found: dict[str, str] = {}
    for name, value in sorted((os.environ if environ is None else environ).items()):
        parts = [m.group(1) for m in _ADDRESS.finditer(value)]
        if _NAME.search(name) and not _NO_SECRET.search(name):
            parts.append(value)
        for part in parts:
            for form in _forms(part):
                if len(form) >= SHORTEST:
                    found.setdefault(form, name)
    return dict(sorted(found.items(), key=lambda item: (-len(item[0]), item[0])))


def _forms(value: str) -> set[str]:
    """As it is, as Python and JSON quote it, as it stands in an address, and its single lines."""
    plain = {value, value.strip(), unquote(value), *value.splitlines()}
    quoted = {write(text) for text in plain for write in (quote, quote_plus)}
    quoted |= {quote(text, safe="") for text in plain}
    shown = {write(text)[1:-1] for text in plain for write in (repr, json.dumps)}
    return {form for form in plain | quoted | shown if form.strip()}


def scrubbed(text: str, found: Mapping[str, str] | None = None) -> str:
    """The text with every secret as the name of its variable in brackets."""
    for secret, name in (secrets() if found is None else found).items():
        if secret not in text:
            continue
        if secret.isdecimal():  # part of a longer figure is not it
            text = re.sub(rf"(?<![\d.,]){secret}(?![.,]?\d)", f"[{name}]", text)
        else:
            text = text.replace(secret, f"[{name}]")
    return text


@contextlib.contextmanager
def scrubbing(path: Path) -> Iterator[None]:
    """However the block ends: no secret is left in the notebook that it wrote."""
    try:
        yield
    finally:
        scrub_notebook(path)


def scrub_notebook(path: Path) -> bool:
    """Takes the secrets out of the outputs in a notebook's file; whether there were any."""
    found = secrets()
    try:
        text = path.read_text(encoding="utf-8")
        if not found or not _occurs(text, found):
            return False
        notebook = json.loads(text)
    except (OSError, ValueError):
        return False
    for cell in notebook.get("cells", ()):
        if "outputs" in cell:
            cell["outputs"] = _values(cell["outputs"], found)
    after = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
    path.write_text(after, encoding="utf-8", newline="\n")
    return after != text


def _occurs(text: str, found: Mapping[str, str]) -> bool:
    forms = {form for secret in found for form in (secret, json.dumps(secret)[1:-1])}
    forms |= {json.dumps(secret, ensure_ascii=False)[1:-1] for secret in found}
    return any(form in text for form in forms)


def _values(value: Any, found: Mapping[str, str]) -> Any:
    """The same lists and objects with their texts scrubbed; names of fields stay."""
    if isinstance(value, str):
        return scrubbed(value, found)
    if isinstance(value, list):
        return _lines(value, found) if all(isinstance(v, str) for v in value) else [
            _values(v, found) for v in value
        ]  # fmt: skip
    if isinstance(value, dict):
        return {name: _values(v, found) for name, v in value.items()}
    return value


def _lines(lines: list[str], found: Mapping[str, str]) -> list[str]:
    """A text that a notebook's file holds as its lines: a secret may be of several."""
    joined = "".join(lines)
    after = scrubbed(joined, found)
    return lines if after == joined else after.splitlines(keepends=True)
