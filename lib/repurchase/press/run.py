"""One month from files to a pack in its place.

Imports what is heavy only when something must be made: an unchanged pack is told in a moment.
"""

from __future__ import annotations

import contextlib
import errno
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repurchase.errors import PressError, ReviewError
from repurchase.model.prepare import prepare
from repurchase.model.snapshot import Snapshot, at_period
from repurchase.params import Params
from repurchase.period import Period
from repurchase.press import chapters, home, kept, pack, stopping
from repurchase.press.kernels import warm
from repurchase.press.limits import Settings
from repurchase.press.progress import Progress

if TYPE_CHECKING:
    from repurchase.press.gate import Status
    from repurchase.press.making import Order

Say = Callable[[str], None]
DRAFT_CODE = 3


@dataclass(frozen=True)
class Outcome:
    """What a run ended with: the pack's status and where it stands."""

    status: Status
    reasons: tuple[str, ...]
    path: Path
    exit_code: int
    unchanged: bool = False


def monthly_report(
    params: Params,
    *,
    say: Say,
    wait: float = 0.0,
    republish: bool = False,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Prepares the data, runs every chapter, binds the pack and puts it in its place.

    Nothing runs if the pack in place was made of exactly the same. `wait` is how many seconds
    another run of the period is waited for; `republish` makes the candidate for another edition of
    a signed period, beside it; `settings` say what the machine may be asked for; `say` is told
    lines and `progress` shows how far it is. Raises ReviewError if it cannot; then what stood in
    its place before still does. A stop (Ctrl-C, SIGTERM) raises KeyboardInterrupt and leaves no
    process and no file.
    """
    with stopping.stoppable(), home.replaced(params.root):
        shown = progress or Progress(say)
        asked = params.period
        with _explained(f"profile {params.name}"):
            snapshot = prepare(params, cache=params.root / ".cache")
        params = at_period(params, snapshot)
        assert params.period is not None
        because = "" if asked else ", the last complete month of the data"
        through = snapshot.data_through.isoformat()
        say(f"{params.name} {params.period.label}{because}; data through {through}")
        outcome = _made(params, snapshot, settings or Settings(), shown, say, wait, republish)
    for reason in outcome.reasons:
        say(f"  draft: {reason}")
    if outcome.unchanged:
        say("nothing has changed since this pack was made")
    place = outcome.path.relative_to(params.root).as_posix()
    say(f"{outcome.status}: {place}/review.pdf")
    return outcome


def _made(
    params: Params,
    snapshot: Snapshot,
    settings: Settings,
    progress: Progress,
    say: Say,
    wait: float,
    republish: bool,
) -> Outcome:
    wanted = chapters.chapters_of(params)
    reports = params.root / "reports" / params.name
    keys = kept.keys(params, snapshot, wanted)
    key = kept.pack_key(params, keys)
    found = None if republish else kept.in_place(params, key, reports)
    if found:
        return _unchanged(params, reports, found)
    try:
        if not kept.Store(params).has_all(keys):
            warm.start()  # it imports while this process does
        order = _ordered(params, snapshot, wanted, keys, settings)
        assert params.period is not None
        with pack.held(reports, params.period, wait=wait, say=say):
            outcome = _under_lock(order, reports, progress, republish)
    finally:
        warm.stop()
    kept.remember(params, None if republish else key, outcome.path.resolve())
    return outcome


def _ordered(
    params: Params,
    snapshot: Snapshot,
    wanted: tuple[chapters.Chapter, ...],
    keys: dict[str, str | None],
    settings: Settings,
) -> Order:
    from repurchase.model.conditions import check_columns
    from repurchase.press import gate
    from repurchase.press.making import Order

    gate.check_complete(params, snapshot)
    check_columns(params, snapshot)
    for chapter in wanted:
        chapters.check_parameters(chapter)
    return Order(params, snapshot, wanted, keys, settings)


def _under_lock(order: Order, reports: Path, progress: Progress, republish: bool) -> Outcome:
    from repurchase.press import gate
    from repurchase.press.making import make

    params, period = order.params, order.params.period
    assert period is not None
    beside = republish and pack.signed_edition(reports, period) is not None
    if not beside:
        pack.check_unsigned(reports, period)
    try:
        where = f"reports/{params.name}"
        with progress, _explained(where), pack.aside(reports, period) as folder:
            verdict = make(order, folder, progress)
            link = pack.place(folder, reports, period, beside=beside)
    except ReviewError as error:
        _write_failure(reports, params, period, error)
        raise
    except Exception as error:
        told = PressError(
            f"{type(error).__name__}: {error}",
            rule="this is a mistake of the release, not of yours",
            remedy="report it with the lines on the terminal",
        )
        _write_failure(reports, params, period, told)
        raise
    with _explained(where):
        from repurchase.press import pages  # brings the charts along: chapters start without it

        _failure_file(reports, period).unlink(missing_ok=True)
        pack.write_indexes(reports, functools.partial(pages.archive_page, params))
    code = gate.EXIT_CODES[verdict.status]
    return Outcome(verdict.status, verdict.reasons, link, code)


def _unchanged(params: Params, reports: Path, found: Path) -> Outcome:
    """The pack in place, which says itself what it is."""
    assert params.period is not None
    manifest = pack.read_manifest(found)
    with contextlib.suppress(OSError):
        _failure_file(reports, params.period).unlink(missing_ok=True)
    link = reports / params.period.label
    code = DRAFT_CODE if manifest["status"] == "draft" else 0
    return Outcome(
        manifest["status"],
        tuple(manifest["reasons"]),
        link if link.is_symlink() else found,
        code,
        unchanged=True,
    )


SYSTEM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "a file or folder may not be written or read",
    errno.EPERM: "a file or folder may not be written or read",
    errno.EMFILE: "too many files are open",
}


@contextlib.contextmanager
def _explained(where: str) -> Iterator[None]:
    """What the system refuses is told as something that a user can mend."""
    try:
        yield
    except OSError as error:
        what = SYSTEM.get(error.errno or 0, f"the system refuses: {error.strerror or error}")
        named = Path(str(error.filename)).name if error.filename else ""
        raise PressError(
            what + (f": {named}" if named else ""),
            where=where,
            remedy="free space or mend the permissions; what stood there before is untouched",
        ) from error
    except ModuleNotFoundError as error:
        raise PressError(
            f"the package {error.name!r} is missing",
            where=where,
            remedy="set the environment up again: python3 lib/setup_env.py",
        ) from error


def _failure_file(reports: Path, period: Period) -> Path:
    return reports / f"{period.label}-failed.html"


def _write_failure(reports: Path, params: Params, period: Period, error: ReviewError) -> None:
    """The page beside the pack; where it cannot be written the terminal still tells."""
    from repurchase.press import pages

    with contextlib.suppress(OSError):
        reports.mkdir(parents=True, exist_ok=True)
        text = pages.failure_page(params, period, error)
        pack.swap_text(_failure_file(reports, period), text)
