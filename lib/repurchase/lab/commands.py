"""`preview` and `diff-chapter`: one chapter, before it goes into a pack."""

from __future__ import annotations

import argparse
import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repurchase.errors import UsageError

if TYPE_CHECKING:
    from repurchase.params import Params
    from repurchase.press.chapters import Chapter

Say = Callable[[str], None]
PREVIEW = ".preview"


def add_commands(commands: Any, say: Say) -> None:
    """Adds both commands to the parser of `python -m repurchase`."""
    preview = commands.add_parser("preview", help="one chapter as PDF, quickly")
    preview.add_argument("--chapter", required=True, help="the notebook's name without .ipynb")
    preview.add_argument("--profile", default="demo", help="params/<profile>.yaml (default: demo)")
    preview.add_argument("--period", default="", help="as for monthly-report")
    preview.add_argument("--data", help="the file that a profile leaves to you to name")
    preview.add_argument("--language", choices=("en", "zh-CN"), help="instead of the profile's")
    preview.set_defaults(run=lambda options: _preview(options, say))
    differs = commands.add_parser("diff-chapter", help="a profile's own notebook, the release's")
    differs.add_argument("--chapter", required=True, help="the notebook's name without .ipynb")
    differs.add_argument("--profile", default="demo", help="params/<profile>.yaml (default: demo)")
    differs.set_defaults(run=lambda options: _diff_chapter(options, say))


def _preview(options: argparse.Namespace, say: Say) -> int:
    from repurchase.press import home, stopping
    from repurchase.press.kernels import warm

    with stopping.stoppable(), home.replaced():
        try:
            warm.start()  # first of all: it imports while this process reads and prepares
            from repurchase.params import load_params

            params = load_params(
                options.profile,
                options.period or None,
                data=str(Path(options.data).resolve()) if options.data else None,
                language=options.language,
                allow_incomplete=True,
            )
            written = preview(params, options.chapter)
        finally:
            warm.stop()
    say(f"preview: {written.relative_to(params.root).as_posix()}")
    return 0


def preview(params: Params, name: str) -> Path:
    """Runs one chapter as the press does and binds it alone, marked as a draft.

    Returns the PDF's path, reports/<profile>/.preview/<chapter>.pdf; a failure leaves the one
    that stood there. The pack in place is neither read (but by the summary) nor touched.
    """
    printed = _printed(params, _chapter(params, name))
    target = params.root / "reports" / params.name / PREVIEW / f"{name}.pdf"
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = target.with_suffix(f".{os.getpid()}.new")
    aside.write_bytes(printed)
    os.replace(aside, target)
    return target


def _printed(params: Params, chapter: Chapter) -> bytes:
    """The chapter's PDF; what binds it is imported while it runs."""
    from repurchase.context import PRINT_ONLY
    from repurchase.model.conditions import check_columns
    from repurchase.model.prepare import prepare
    from repurchase.model.snapshot import at_period
    from repurchase.press import ahead, chapters, gate, kept, parallel, stopping

    parallel.import_before_threads()
    chapters.check_parameters(chapter)
    snapshot = prepare(params, cache=params.root / ".cache")
    params = at_period(params, snapshot)
    gate.check_complete(params, snapshot)
    check_columns(params, snapshot)
    with tempfile.TemporaryDirectory(prefix="repurchase-preview-") as folder:
        run_file, output = Path(folder) / "run.json", Path(folder) / f"{chapter.name}.ipynb"
        beside = chapter.name != kept.SUMMARY  # which reads the pack in place
        asks_only = [chapter.name] if kept.asks_only(chapter) else []
        chapters.write_run_file(
            run_file, params, snapshot.path, beside=beside, asks_only=asks_only
        )
        prepared = ahead.begin(pages=False)
        run = functools.partial(chapters.run, env={PRINT_ONLY: "1"})
        ran = stopping.in_thread(run, chapter, params, run_file, output)
        prepared.join()
    from repurchase.press import bind, gate
    from repurchase.words import Words

    words = Words(params.language)
    volume = bind.book(
        [bind.translated(ran, words)],
        [],
        params,
        words,
        data_through=snapshot.data_through,
        verdict=gate.Verdict("draft", (words._("A preview of one chapter, not a pack."),)),
    )
    return bind.pdf(volume, data_through=snapshot.data_through)


def _chapter(params: Params, name: str) -> Chapter:
    """The chapter of that name, in the profile's list or not."""
    from dataclasses import replace

    from repurchase.press import chapters

    profile = params.profile.model_copy(update={"chapters": (name,)})
    found = chapters.chapters_of(replace(params, profile=profile))
    return next(c for c in found if c.name == name)


def _diff_chapter(options: argparse.Namespace, say: Say) -> int:
    from repurchase.lab.diff import notebook_diff
    from repurchase.params import profile_path, project_root
    from repurchase.strict import NAME

    root, name = project_root(), options.chapter
    profile_path(root, options.profile)
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a chapter's name", remedy="CHAPTER=retention")
    own = root / "params" / options.profile / f"{name}.ipynb"
    ours = root / "notebooks" / f"{name}.ipynb"
    if not own.is_file():
        if not ours.is_file():
            known = ", ".join(sorted(p.stem for p in ours.parent.glob("*.ipynb")))
            raise UsageError(f"there is no chapter {name!r}", remedy=f"chapters: {known}")
        say(f"params/{options.profile}/ has no {name}.ipynb of its own; the release's is printed")
        return 0
    if not ours.is_file():
        say(f"{name} is a chapter of params/{options.profile}/ alone; the release has none")
        return 0
    lines = notebook_diff(ours, own)
    say(f"--- notebooks/{name}.ipynb\n+++ params/{options.profile}/{name}.ipynb")
    for line in lines or ["no difference in sources and tags"]:
        say(line)
    return 0
