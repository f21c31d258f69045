"""Binds the pack in place again: book | volume | weasyprint, PROJECT, PERIOD. Prints figures."""

import datetime as dt
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import clocked


def main() -> None:
    what, root, period = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    pack = (root / "reports" / "demo" / period).resolve()
    figures = printed(pack) if what == "weasyprint" else bound(pack, root, period, what)
    print(json.dumps(figures))


def bound(pack: Path, root: Path, period: str, what: str) -> dict:
    """The book alone, or all that the volume is, from the executed notebooks."""
    from repurchase.params import load_params
    from repurchase.press import bind, chapters, gate
    from repurchase.press.volume import write_volume
    from repurchase.words import Words

    params = load_params("demo", period, root=root)
    manifest = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
    verdict = gate.Verdict(manifest["status"], tuple(manifest["reasons"]))
    executed = pack / "restricted" / "notebooks"
    ran = [
        chapters.Ran(chapter, chapters.read(executed / f"{chapter.name}.ipynb"))
        for chapter in chapters.chapters_of(params)
    ]
    if what == "volume":
        with tempfile.TemporaryDirectory() as folder:
            with clocked() as figures:
                write_volume(Path(folder), ran, params, manifest, verdict)
            return figures | {"pages": pages((Path(folder) / "review.pdf").read_bytes())}
    words = Words(params.language)
    through = dt.date.fromisoformat(manifest["data_through"])
    with clocked() as figures:
        named = {one.chapter.name: bind.translated(one, words) for one in ran}
        main_ = [named.pop("summary"), *(named[n] for n in named if n not in chapters.ALWAYS)]
        back = [named["data"], *bind.appendix(params, words, manifest)]
        book = bind.book(main_, back, params, words, data_through=through, verdict=verdict)
        pdf = bind.pdf(book, data_through=through)
    return figures | {"pages": pages(pdf)}


def printed(pack: Path) -> dict:
    """Every page of the pack's HTML, one PDF."""
    import weasyprint

    with clocked() as figures:
        found = [weasyprint.HTML(str(path)).render() for path in sorted(pack.glob("*.html"))]
        sheets = [page for document in found for page in document.pages]
        found[0].copy(sheets).write_pdf()
    return figures | {"pages": len(sheets)}


def pages(pdf: bytes) -> int:
    """How many pages a PDF says it has; 0 if it does not say so in the clear."""
    import re

    return max((int(n) for n in re.findall(rb"/Type\s*/Pages[^>]*?/Count (\d+)", pdf)), default=0)


if __name__ == "__main__":
    main()
