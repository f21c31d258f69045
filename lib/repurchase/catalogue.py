"""The message catalogues: what must be translated, what is, and what is wrong with it.

`python -m repurchase.catalogue` rewrites every catalogue from the library and the notebooks:
translations are kept, new messages come in empty, messages that nobody uses any more go. The
file depends on its contents alone: no dates, no line numbers.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from repurchase.params import project_root
from repurchase.strict import LANGUAGES
from repurchase.words import catalogue_path, paragraphs

KEYWORDS = {"_": None, "N_": None}
HEADER = """# Rewritten by `python -m repurchase.catalogue`, see docs/translating.md.
msgid ""
msgstr ""
"Language: {name}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with one message of a catalogue."""

    language: str
    what: str  # missing, empty, fuzzy, gaps, obsolete
    message: str


def translated_languages() -> tuple[str, ...]:
    """The languages that have a catalogue; English is the message itself."""
    return tuple(language for language in LANGUAGES if language != "en")


def messages(root: Path) -> dict[str, list[str]]:
    """Every message of the library and the notebooks, with the files it stands in."""
    found: dict[str, list[str]] = {}
    for message, place in (*library_messages(root), *notebook_messages(root)):
        places = found.setdefault(message, [])
        if place not in places:
            places.append(place)
    return found


def library_messages(root: Path) -> Iterator[tuple[str, str]]:
    """What stands in `_("...")` and `N_("...")`."""
    folder = root / "lib" / "repurchase"
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(root).as_posix()
        with path.open("rb") as source:
            for _, message, _, _ in extract("python", source, keywords=KEYWORDS):
                if isinstance(message, str) and message:
                    yield message, place


def notebook_messages(root: Path) -> Iterator[tuple[str, str]]:
    """The paragraphs of the notebooks' Markdown."""
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                for message in paragraphs("".join(cell["source"])):
                    yield message, path.relative_to(root).as_posix()


def read(language: str) -> Catalog:
    """The catalogue of that language; an empty one if there is none yet."""
    path = catalogue_path(language)
    if not path.is_file():
        return Catalog()
    with path.open("rb") as handle:
        return read_po(handle, abort_invalid=True)


def faults(root: Path, language: str) -> list[Fault]:
    """What keeps the catalogue from being complete, in the order of the messages."""
    wanted, catalogue = messages(root), read(language)
    found = []
    for message in sorted(wanted):
        entry = catalogue.get(message)
        text = entry.string if entry else None
        if entry is None:
            found.append(Fault(language, "missing", message))
        elif not isinstance(text, str) or not text.strip():
            found.append(Fault(language, "empty", message))
        elif entry.fuzzy:
            found.append(Fault(language, "fuzzy", message))
        elif gaps(text) != gaps(message):
            found.append(Fault(language, "gaps", message))
    known = [str(entry.id) for entry in catalogue if entry.id]
    unused = [m for m in (*known, *map(str, catalogue.obsolete)) if m not in wanted]
    return [*found, *(Fault(language, "obsolete", m) for m in unused)]


def gaps(text: str) -> set[str]:
    """The named gaps of a message.

    >>> sorted(gaps("{share} of {period}"))
    ['period', 'share']
    """
    return set(re.findall(r"{(\w+)}", text))


def update(root: Path, language: str) -> int:
    """Rewrite that language's catalogue; returns how many messages still lack a translation."""
    old, new = read(language), Catalog(locale=language.replace("-", "_"))
    for message, places in sorted(messages(root).items(), key=lambda item: (item[1][0], item[0])):
        entry = old.get(message)
        text = entry.string if entry and not entry.fuzzy else ""
        new.add(message, string=text, locations=[(place, 0) for place in sorted(places)])
    path = Path(str(catalogue_path(language)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        handle.write(HEADER.format(name=language.replace("-", "_")).encode())
        write_po(handle, new, width=100, omit_header=True)
    return sum(1 for entry in new if entry.id and not entry.string)


def main() -> int:
    """Rewrite every catalogue; 1 if a translation is missing, 2 where the library is not."""
    root, missing = project_root(), 0
    library = root / "lib" / "repurchase"
    if not (library.is_dir() and library.samefile(Path(__file__).parent)):
        print(f"{library} is not this library: its messages would be lost", file=sys.stderr)
        return 2
    for language in translated_languages():
        left = update(root, language)
        missing += left
        print(f"{language}: {left} messages without a translation")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
