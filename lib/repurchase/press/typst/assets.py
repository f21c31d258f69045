"""The pictures of a pack, kept in memory until it is set, named by what is in them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from repurchase.press.typst.mend import visible

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"RIFF", "webp"),
)
LARGEST_FILE = 20_000_000
_REFERENCE = re.compile(r"&#(x[0-9a-fA-F]+|[0-9]+);")


def notebook_folder(resources: Mapping[str, Any]) -> Path | None:
    """The folder of a notebook that nbconvert was given as a file; None: it is none."""
    path = resources.get("metadata", {}).get("path")
    return Path(path or ".") if path is not None else None


def picture_file(address: str, folder: Path) -> bytes | None:
    """The picture of that relative address at or below the folder; None for anything else."""
    name = unquote(address)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\#]", name):
        return None
    try:
        path, home = (folder / name).resolve(), folder.resolve()
        if not path.is_relative_to(home) or path.stat().st_size > LARGEST_FILE:
            return None
        content = path.read_bytes()
    except (OSError, ValueError):
        return None
    is_svg = path.suffix.lower() == ".svg" and b"<svg" in content
    return content if is_svg or content.startswith(tuple(s for s, _ in _SIGNATURES)) else None


@dataclass
class AssetStore:
    """Pictures by file name. Equal pictures are kept once; nothing is read from a disk."""

    files: dict[str, bytes] = field(default_factory=dict)

    def add_svg(self, source: str) -> str | None:
        """The name under which the SVG can be set, or None where the text is no SVG."""
        if "<svg" not in source:
            return None
        return self._add(mended_svg(source).encode(), "svg")

    def add_bytes(self, content: bytes) -> str | None:
        """The name of a PNG, JPEG, GIF or WebP picture, or None for anything else."""
        suffix = next((name for start, name in _SIGNATURES if content.startswith(start)), None)
        return self._add(content, suffix) if suffix else None

    def add_base64(self, text: str) -> str | None:
        """Like `add_bytes`, from base64 text with or without line breaks."""
        try:
            return self.add_bytes(base64.b64decode("".join(text.split()), validate=True))
        except (binascii.Error, ValueError):
            return None

    def write(self, folder: Path) -> None:
        """Puts the pictures into a folder."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def replace_in_svg(self, character: str, number: str) -> None:
        """Writes a character as its number in every SVG; the names stay."""
        for name, content in self.files.items():
            if name.endswith(".svg"):
                self.files[name] = content.replace(character.encode(), number.encode())

    def _add(self, content: bytes, suffix: str) -> str:
        name = f"{hashlib.sha256(content).hexdigest()[:24]}.{suffix}"
        self.files[name] = content
        return name


def mended_svg(source: str) -> str:
    """The SVG with every character that no font covers written as `[U+1F600]`."""
    start = source.find("<svg")
    decoded = _REFERENCE.sub(_decoded_reference, source[start:])
    return visible(decoded)


def _decoded_reference(reference: re.Match[str]) -> str:
    digits = reference.group(1)
    code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
    # Markup's own characters stay references.
    return chr(code) if 0x80 <= code < 0x110000 else reference.group()
