"""Make the environment in which everything here runs: `.venv`, filled from the locks, once.

    python3 lib/setup_env.py              the core set, enough for `python -m repurchase`
    python3 lib/setup_env.py --extra dev  the core set and what the tests need
    python lib/setup_env.py --here        into the environment that runs this file (conda)
    python3 lib/setup_env.py --clean      remove the environment and all caches, never reports/
    python3 lib/setup_env.py --lock       resolve pyproject.toml anew (development only)

Needs nothing but Python 3.11 with venv. A finished set leaves a stamp, written last, of everything
it was made from; while the stamps match nothing is done, and an interrupted set-up is done again.
Every package is a pinned, hashed wheel out of a lock; nothing is resolved, and nothing is built but
this project itself.

Exit codes: 0 done, 1 it could not be done, 2 wrong use.
"""

import sys

OLDEST = (3, 11)
if sys.version_info < OLDEST:
    # Said before anything else is imported or evaluated, so that an old Python can still say it.
    sys.exit(
        "This needs Python %d.%d or later; %s is %d.%d.\n"
        "  to do: install a later Python and name it: make PYTHON=python3.12 ..."
        % (*OLDEST, sys.executable, *sys.version_info[:2])
    )

import argparse
import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE_LOCK = "requirements.lock"
LOCKS = "lib/locks"
TOOL_LOCKS = ("uv", "build")
UV_REQUIREMENT = "uv>=0.13,<0.14"
# pip's settings that uv does not read by itself: whoever has set up a mirror, a proxy or a
# certificate for pip has said all there is to say.
PIP_SETTINGS = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE", "proxy": "ALL_PROXY"}
UV_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_NO_INDEX", "UV_OFFLINE")
CACHES = (".cache", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "htmlcov")
SOURCE_FOLDERS = ("lib", "notebooks", "params", "tests")
NOTEBOOK_NOISE = "metadata.language_info.version metadata.papermill cell.metadata.papermill"


class SetupError(Exception):
    """What stopped the set-up, in words for whoever typed the command."""

    def __init__(self, text: str, *, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Environment:
    """A Python environment to be filled: where it is, what runs it, and by what it is filled."""

    prefix: Path
    python: Path
    version: str
    with_uv: bool

    def stamp(self, name: str) -> Path:
        return self.prefix / ".repurchase" / name


# -- what there is ---------------------------------------------------------------------------------


def extras(root: Path) -> list[str]:
    """The names that `--extra` takes: the optional dependencies of pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return sorted(project["project"]["optional-dependencies"])


def lock_path(root: Path, name: str) -> Path:
    """The lock of a set: `core`, an extra, or one of the two tools."""
    return root / CORE_LOCK if name == "core" else root / LOCKS / f"{name}.lock"


def venv_python(prefix: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return prefix / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def venv_version(prefix: Path) -> str | None:
    """The Python a virtual environment was made for, `3.11.7`; None when there is no such file."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    pairs = (line.partition("=") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() == "version"), None)


def outdated_venv(prefix: Path, root: Path) -> bool:
    """Whether an environment must be made anew: broken, moved, or its Python replaced."""
    python, version = venv_python(prefix), venv_version(prefix)
    if version is None or not python.exists():
        return True
    home = prefix / ".repurchase" / "root"
    if home.exists() and home.read_text(encoding="utf-8") != str(root):
        return True
    # /usr/bin/python3 may have become 3.12 under an environment made for 3.11.
    same = os.path.realpath(python) == os.path.realpath(sys.executable)
    return same and version.split(".")[:2] != [str(part) for part in sys.version_info[:2]]


def fingerprint(environment: Environment, paths: Sequence[Path]) -> str:
    """SHA-256 of the files a set is made from and of the Python it is made for."""
    digest = hashlib.sha256(environment.version.encode())
    for path in paths:
        digest.update(b"\0" + path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def ingredients(root: Path, name: str) -> list[Path]:
    """The files that decide what a set is."""
    if name == "project":
        return [root / "pyproject.toml", lock_path(root, "build")]
    return [lock_path(root, name)]


def pending(environment: Environment, root: Path, names: Sequence[str]) -> list[str]:
    """Those of the named sets whose stamp is missing or not that of today's lock."""
    waiting = []
    for name in names:
        stamp = environment.stamp(name)
        done = stamp.exists() and stamp.read_text(encoding="utf-8")
        if done != fingerprint(environment, ingredients(root, name)):
            waiting.append(name)
    return waiting


# -- doing it --------------------------------------------------------------------------------------


def say(text: str) -> None:
    """A line for whoever waits; on stderr, since stdout belongs to the command that comes after."""
    print(text, file=sys.stderr, flush=True)


def run(command: Sequence[str], *, root: Path, environ: Mapping[str, str]) -> None:
    """Run one step. Raises SetupError, after the step's own words, when it fails."""
    if subprocess.run(command, cwd=root, env=dict(environ), check=False).returncode:
        raise SetupError(
            f"The set-up stopped at: {' '.join(command)}\n"
            "  rule:  each step must succeed; its own words above say why it did not\n"
            "  to do: mend that, then run the same command again; the first set-up needs a\n"
            "         package index, by pip's and uv's own settings for mirrors and proxies"
        )


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a step: the user's, without what would lead Python or pip astray."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
    return kept | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"} | dict(extra or {})


def home_takes_files() -> bool:
    """Whether uv could keep what it downloads: pip goes on without a place for that, uv stops."""
    if os.name == "nt":
        return True
    try:
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "uv")
    except RuntimeError:  # this user has no home at all
        return False
    there = next(folder for folder in (place, *place.parents) if os.path.exists(folder))
    return os.path.isdir(there) and os.access(there, os.W_OK)


def uv_settings(python: Path, root: Path) -> dict[str, str]:
    """pip's mirror, certificate and proxy, as uv wants them; what is set for uv already wins.

    Where nothing can be kept in the user's home uv is told to keep nothing.
    """
    listed = subprocess.run(
        [str(python), "-m", "pip", "config", "list"],
        cwd=root, env=child_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    found: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        variable = PIP_SETTINGS.get(key.rpartition(".")[2])
        if variable and key.split(".")[0] in ("global", "install", ":env:"):
            found[variable] = value.strip().strip("'\"")
    if any(name in os.environ for name in UV_INDEX_VARIABLES):
        found.pop("UV_DEFAULT_INDEX", None)
    if "UV_CACHE_DIR" not in os.environ and not home_takes_files():
        found["UV_NO_CACHE"] = "1"
    return {name: value for name, value in found.items() if name not in os.environ}


def make_venv(prefix: Path, root: Path) -> None:
    """Make an empty virtual environment. Raises SetupError when this Python has no venv."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        release = "%d.%d" % sys.version_info[:2]
        raise SetupError(
            f"This Python ({sys.executable}) cannot make virtual environments: no {missing[0]}.\n"
            f"  to do: Debian, Ubuntu:  sudo apt-get install python{release}-venv\n"
            "         Fedora, RHEL:    sudo dnf install python3-libs python3-pip"
        )
    python = getattr(sys, "_base_executable", None) or sys.executable
    if not python:
        raise SetupError(
            "This Python does not know where it lies: PATH is not set, and it was called by name.\n"
            "  to do: export PATH, or name it in full: make PYTHON=/usr/bin/python3 ..."
        )
    if prefix.exists():
        shutil.rmtree(prefix)
    run([python, "-m", "venv", str(prefix)], root=root, environ=child_environment())
    (prefix / ".repurchase").mkdir()
    (prefix / ".repurchase" / "root").write_text(str(root), encoding="utf-8")


def install(environment: Environment, root: Path, name: str, settings: Mapping[str, str]) -> None:
    """Install one set with hashes, or the project itself, and leave its stamp."""
    python = str(environment.python)
    tool = [python, "-m", "pip", "install", "--no-input"]
    if environment.with_uv and name != "uv":
        tool = [python, "-m", "uv", "pip", "install", "--python", python]
    tool += [] if sys.stderr.isatty() else ["--quiet"]
    locked = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement"]
    environ = child_environment(settings)
    lock = lock_path(root, "build" if name == "project" else name)
    run([*tool, *locked, str(lock)], root=root, environ=environ)
    if name == "project":
        source = ["--no-deps", "--no-build-isolation", "--editable", str(root)]
        run([*tool, *source], root=root, environ=environ)
    stamp = environment.stamp(name)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(fingerprint(environment, ingredients(root, name)), encoding="utf-8")


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Hold the set-up's lock; a second set-up waits, and then finds nothing left to do."""
    folder = root / ".cache"
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("a+b") as handle:
        if os.name == "nt":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say("Another set-up is at work here; waiting for it.")
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def own_environment(root: Path) -> Environment:
    """`.venv` beside the Makefile, as it is or as it is going to be."""
    prefix = root / ".venv"
    made_for = None if outdated_venv(prefix, root) else venv_version(prefix)
    version = made_for or "%d.%d.%d" % sys.version_info[:3]
    return Environment(prefix=prefix, python=venv_python(prefix), version=version, with_uv=True)


def running_environment(root: Path) -> Environment:
    """The environment that runs this file. Raises SetupError for a system's own Python."""
    prefix = Path(sys.prefix)
    if prefix.resolve() == (root / ".venv").resolve():
        return own_environment(root)
    if sys.prefix == sys.base_prefix and not (prefix / "conda-meta").is_dir():
        raise SetupError(
            f"{sys.executable} is a system's Python, which is not ours to fill.\n"
            "  to do: leave --here out, or activate a conda or virtual environment first",
            exit_code=2,
        )
    version = "%d.%d.%d" % sys.version_info[:3]
    return Environment(prefix=prefix, python=Path(sys.executable), version=version, with_uv=False)


def ensure(root: Path, names: Sequence[str], *, here: bool = False) -> Environment:
    """The environment with the core set, the project and the named extras in it.

    Nothing is run while the stamps match. Raises SetupError naming what is wrong.
    """
    unknown = [name for name in names if name not in extras(root)]
    if unknown:
        known = ", ".join(extras(root))
        raise SetupError(f"There is no extra named {unknown[0]!r}; there are {known}.", exit_code=2)
    find = running_environment if here else own_environment
    tools = [] if here and not find(root).with_uv else ["uv"]
    wanted = [*tools, "core", "project", *names]
    environment = find(root)
    fresh = environment.with_uv and outdated_venv(environment.prefix, root)
    if not fresh and not pending(environment, root, wanted):
        return environment
    with one_at_a_time(root):
        environment = find(root)
        if environment.with_uv and outdated_venv(environment.prefix, root):
            say(f"Setting up {environment.prefix.name} (once; later runs start at once).")
            make_venv(environment.prefix, root)
        settings: dict[str, str] | None = None
        for name in pending(environment, root, wanted):
            said = "the project itself" if name == "project" else lock_path(root, name).name
            say(f"  installing {said}")
            if settings is None and name != "uv":
                settings = uv_settings(environment.python, root) if environment.with_uv else {}
            install(environment, root, name, settings or {})
    return environment


# -- the lab's filter ------------------------------------------------------------------------------


def git(root: Path, *arguments: str) -> str | None:
    """What a git command prints, or None when it fails or there is no git."""
    command = ["git", "-C", str(root), *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return None if result.returncode else result.stdout.strip()


def set_notebook_filter(root: Path, environment: Environment) -> None:
    """Tell this checkout's git to commit notebooks without outputs; other checkouts are untouched.

    The filter is not `required`: where the environment is gone, git goes on without it.
    """
    top = git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root:
        say("Not a git checkout of its own: the filter that strips outputs is not set.")
        return
    inside = environment.prefix == root / ".venv"
    python = environment.python.relative_to(root) if inside else environment.python
    strip = f'"{python.as_posix()}" -m nbstripout'
    wanted = {
        "filter.nbstripout.clean": f'{strip} --keep-id --extra-keys "{NOTEBOOK_NOISE}"',
        "filter.nbstripout.smudge": "cat",
        "diff.ipynb.textconv": f"{strip} -t",
    }
    for key, value in wanted.items():
        if git(root, "config", "--local", "--get", key) != value:
            git(root, "config", "--local", key, value)


# -- removing and resolving ------------------------------------------------------------------------


def clean(root: Path) -> None:
    """Remove the environment, caches and compiled files. `reports/` is the archive and stays."""
    gone = [root / name for name in (".venv", *CACHES)]
    for folder in SOURCE_FOLDERS:
        gone += (root / folder).rglob("__pycache__")
        gone += (root / folder).rglob(".ipynb_checkpoints")
        gone += (root / folder).rglob("*.egg-info")
    for path in gone:
        if path.is_symlink():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)
    for path in root.glob(".coverage*"):
        path.unlink()


def compile_lock(
    environment: Environment, root: Path, name: str, *, constraints: Sequence[Path], upgrade: bool
) -> Path:
    """Resolve one set for every platform and write its lock; gives the lock's path."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    build = "\n".join(project["build-system"]["requires"])
    text = {"uv": UV_REQUIREMENT, "build": build}.get(name)
    source = ["-"] if text else ["pyproject.toml"]
    if name in project["project"]["optional-dependencies"]:
        source += ["--extra", name]
    options = ["--universal", "--python-version", "%d.%d" % OLDEST, "--generate-hashes"]
    options += ["--no-emit-index-url", "--no-annotate", "--quiet"]
    options += ["--upgrade"] if upgrade else []
    for path in constraints:
        options += ["--constraints", str(path.relative_to(root))]
    target = lock_path(root, name)
    command = [str(environment.python), "-m", "uv", "pip", "compile", *source, *options]
    command += ["--output-file", str(target.relative_to(root))]
    environ = child_environment(uv_settings(environment.python, root))
    environ["UV_CUSTOM_COMPILE_COMMAND"] = "make lock"
    result = subprocess.run(command, cwd=root, env=environ, input=text, text=True, check=False)
    if result.returncode:
        raise SetupError(f"{target.name} could not be resolved; it is as it was.")
    return target


def resolve_locks(root: Path, *, upgrade: bool) -> None:
    """Write every lock anew from pyproject.toml; what still fits stays, unless upgraded.

    Each set is constrained by those before it, so that any of them can share one environment.
    """
    with one_at_a_time(root):
        environment = own_environment(root)
        if outdated_venv(environment.prefix, root):
            make_venv(environment.prefix, root)
        if pending(environment, root, ["uv"]):
            install(environment, root, "uv", {})
        done: list[Path] = []
        for name in ["core", *extras(root), *TOOL_LOCKS]:
            say(f"  resolving {lock_path(root, name).name}")
            done.append(compile_lock(environment, root, name, constraints=done, upgrade=upgrade))


def arguments() -> argparse.ArgumentParser:
    """The command line of this file."""
    parser = argparse.ArgumentParser(
        prog="setup_env.py", description="Make the environment from the locks, once."
    )
    flag = parser.add_argument
    flag("--extra", action="append", default=[], metavar="NAME", help="an extra, any number")
    flag("--here", action="store_true", help="fill the environment that runs this, not .venv")
    flag("--clean", action="store_true", help="remove .venv and caches; reports/ stays")
    flag("--lock", action="store_true", help="development only: resolve the locks anew")
    flag("--upgrade", action="store_true", help="with --lock: newest versions")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; gives the exit code."""
    options = arguments().parse_args(argv)
    if options.upgrade and not options.lock:
        arguments().error("--upgrade goes with --lock")
    try:
        if options.clean:
            clean(ROOT)
        elif options.lock:
            resolve_locks(ROOT, upgrade=options.upgrade)
        else:
            environment = ensure(ROOT, options.extra, here=options.here)
            if "lab" in options.extra:
                set_notebook_filter(ROOT, environment)
    except SetupError as problem:
        say(str(problem))
        return problem.exit_code
    except KeyboardInterrupt:
        say("Interrupted; the next run begins where this one stopped.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
