"""Runs the chapters of a pack: several at once, those not at all that would come out the same."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repurchase.params import Params
from repurchase.press import chapters, collect, kept, limits, quick, stopping
from repurchase.press.chapters import Chapter, FailedChapterError, FailedChaptersError, Ran
from repurchase.press.kernels import warm
from repurchase.press.progress import Progress

TICK_SECONDS = 0.2
Told = tuple[list[dict[str, Any]], list[dict[str, Any]]]


@dataclass
class Work:
    """What the chapters of one run share."""

    params: Params
    snapshot: Path
    folder: Path
    settings: limits.Settings
    progress: Progress
    store: kept.Store
    seen: Callable[[Ran], None] = lambda ran: None  # told of each chapter once it is executed
    # told of all but the summary, and of the summary's notebook, once only that is left to run
    meanwhile: Callable[[list[Ran], Chapter], None] = lambda ran, summary: None

    def output(self, chapter: Chapter) -> Path:
        return self.folder / f"{chapter.name}.ipynb"

    def again(self, chapter: Chapter, key: str | None) -> Ran | None:
        """The chapter as it was executed before with the same key."""
        output = self.output(chapter)
        if not self.store.take(key, output):
            return None
        try:
            ran = Ran(chapter, chapters.read(output))
        except Exception:  # a damaged file is no reason to fail: the notebook can be run
            return None
        self.progress.end(chapter.name, note="unchanged")
        self.seen(ran)
        return ran

    def run(self, chapter: Chapter, run_file: Path, key: str | None) -> Ran:
        ran = chapters.run(
            chapter,
            self.params,
            run_file,
            self.output(chapter),
            memory=limits.memory_limit(self.settings),
            timeout=self.settings.timeout,
        )
        self.store.keep(key, self.output(chapter))
        return ran


def run_chapters(
    work: Work, wanted: Iterable[Chapter], keys: Mapping[str, str | None]
) -> tuple[list[Ran], Told]:
    """Every chapter executed, in their order, and what they recorded; the summary runs last.

    Raises FailedChapterError (FailedChaptersError for several) after all others have ended.
    """
    chapters_ = list(wanted)
    first = [c for c in chapters_ if c.name != kept.SUMMARY]
    work.progress.expect(len(chapters_))
    try:
        # papermill changes the folder and back: with threads only one folder can be right
        with contextlib.chdir(work.params.root):
            ran = _run_side_by_side(work, first, keys)
            told = collect.collected(ran)
            for summary in (c for c in chapters_ if c.name == kept.SUMMARY):
                others = {name: key for name, key in keys.items() if name != kept.SUMMARY}
                key = kept.told_key(keys[kept.SUMMARY], others, told)
                work.meanwhile(ran, summary)
                ran += _run_side_by_side(work, [summary], {kept.SUMMARY: key}, told=told)
    finally:
        warm.stop()
    work.store.prune()
    return ran, collect.collected(ran)


def _run_side_by_side(
    work: Work,
    wanted: list[Chapter],
    keys: Mapping[str, str | None],
    *,
    told: Told | None = None,
) -> list[Ran]:
    ran = {c.name: work.again(c, keys[c.name]) for c in wanted}
    missing = [c for c in wanted if ran[c.name] is None]
    if missing:
        warm.start()
        run_file = work.folder / f".run-{missing[0].name}.json"
        chapters.write_run_file(
            run_file, work.params, work.snapshot, told=told, beside=told is None,
            asks_only=[c.name for c in missing if keys[c.name]],
        )  # fmt: skip
        try:
            ran |= _run_missing(work, missing, keys, run_file)
        finally:
            run_file.unlink(missing_ok=True)
    return [one for one in ran.values() if one is not None]


def _run_missing(
    work: Work, missing: list[Chapter], keys: Mapping[str, str | None], run_file: Path
) -> dict[str, Ran]:
    import_before_threads()
    # the longest notebook is likely to take longest: begun last, it would keep all others waiting
    queue = sorted(missing, key=lambda chapter: -chapter.path.stat().st_size)
    at_once = limits.chapters_at_once(len(missing), work.settings)
    running: dict[Future[Ran], Chapter] = {}
    ended: dict[str, Future[Ran]] = {}
    with ThreadPoolExecutor(at_once, thread_name_prefix="chapter") as pool:
        try:
            while queue or running:
                while queue and len(running) < at_once:
                    chapter = queue.pop(0)
                    work.progress.begin(chapter.name)
                    running[pool.submit(work.run, chapter, run_file, keys[chapter.name])] = chapter
                done, _ = wait(running, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
                work.progress.tick()
                for future in done:
                    name = running.pop(future).name
                    ended[name] = future
                    work.progress.end(name, note="failed" if future.exception() else "")
                    if not future.exception():
                        work.seen(future.result())
        except BaseException:
            warm.stop()
            stopping.end_children()
            raise
    _raise_failures([ended[c.name] for c in missing])
    return {name: future.result() for name, future in ended.items()}


def _raise_failures(futures: list[Future[Ran]]) -> None:
    errors = [error for future in futures if (error := future.exception())]
    failures = [e for e in errors if isinstance(e, FailedChapterError)]
    for error in errors:
        if not isinstance(error, FailedChapterError):
            raise error
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise FailedChaptersError(failures)


def import_before_threads() -> None:
    """What runs chapters comes first: modules and singletons that no two threads must make."""
    quick.nbformat_comes_quickly()
    import papermill  # noqa: F401

    from repurchase.press import engine  # noqa: F401
    from repurchase.press.kernels import provisioner

    provisioner.register()

