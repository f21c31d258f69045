"""The commands that keep the archive: `publish` signs a candidate, `prune` makes room."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from repurchase.errors import UsageError


def add_commands(commands: Any) -> None:
    """Adds them to an argparse parser's commands; each sets `run`, which gives an exit code."""
    publish = commands.add_parser("publish", help="sign a candidate: it is then never replaced")
    publish.add_argument("--profile", default="demo", help="params/<profile>.yaml (default: demo)")
    publish.add_argument("--period", required=True, help="2025-09, 2025-Q3 or 2025")
    publish.add_argument("--by", required=True, help="the name of whoever signs, as printed")
    publish.add_argument("--on", default="", help="the day of signing, 2025-10-03 (default: today)")
    publish.add_argument(
        "--republish", action="store_true", help="replace a signed pack, and say so in print"
    )
    add_wait(publish)
    publish.set_defaults(run=_publish)
    prune = commands.add_parser(
        "prune", help="remove candidates of long ago and old snapshots, nothing signed"
    )
    prune.add_argument("--profile", default="", help="of this profile only (default: of all)")
    prune.add_argument("--keep", type=int, default=13, help="how many periods keep their candidate")
    prune.add_argument("--dry-run", action="store_true", help="only say what would go")
    prune.set_defaults(run=_prune)


def add_report_options(report: argparse.ArgumentParser) -> None:
    """What `monthly-report` says to runs beside it and of signed packs."""
    report.add_argument(
        "--republish",
        action="store_true",
        help="make a candidate beside a signed pack, for publish --republish",
    )
    add_wait(report)


def add_wait(parser: argparse.ArgumentParser) -> None:
    """The option of each command that works on one period."""
    parser.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="wait this long for another run of the period (default: stop at once)",
    )


def _publish(options: argparse.Namespace) -> int:
    from repurchase.params import project_root
    from repurchase.period import Period
    from repurchase.press.publish import publish

    publish(
        project_root(),
        options.profile,
        Period.parse(options.period),
        by=options.by,
        on=_day(options.on),
        republish=options.republish,
        wait=options.wait,
        say=_say,
    )
    return 0


def _prune(options: argparse.Namespace) -> int:
    from repurchase.params import project_root
    from repurchase.press.prune import prune

    prune(
        project_root(),
        keep=options.keep,
        profile=options.profile,
        dry_run=options.dry_run,
        say=_say,
    )
    return 0


def _day(text: str) -> dt.date:
    """The day of signing; signing is an act of today, so here the clock may be read."""
    if not text:
        return dt.date.today()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--on == {text!r}, must be a day such as 2025-10-03", remedy="leave it out for today"
        ) from None


def _say(line: str) -> None:
    print(line, flush=True)
