"""A company of 300 customers with segments, prepared once."""

import os
import shutil
from pathlib import Path

import pytest
from repurchase.review import Review, open_review

ROOT = Path(__file__).resolve().parents[2]
SEGMENTS = "segments:\n  member level: level\n  a company: kind = 'company'\n"


@pytest.fixture(scope="session")
def bench_root(tmp_path_factory: pytest.TempPathFactory, little_company: Path) -> Path:
    """A project folder whose profile `little` is the demo company with 300 customers.

    Segments are no part of a snapshot, so that of `little_company` serves here too.
    """
    folder = tmp_path_factory.mktemp("bench")
    (folder / ".cache").symlink_to(little_company / ".cache", target_is_directory=True)
    (folder / "params").mkdir()
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    demo = (ROOT / "params" / "demo.yaml").read_text(encoding="utf-8")
    head, _, rest = demo.replace("customers: 20000", "customers: 300").partition("\nsegments:")
    rest = rest[rest.index("\ngenerator:") :]
    (folder / "params" / "little.yaml").write_text(f"{head}\n{SEGMENTS}{rest}", encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def at_home(bench_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is found as it is in a notebook."""
    monkeypatch.setenv("REPURCHASE_ROOT", str(bench_root))


@pytest.fixture(scope="session")
def review(bench_root: Path) -> Review:
    """September 2025 of that company."""
    before = os.environ.get("REPURCHASE_ROOT")
    os.environ["REPURCHASE_ROOT"] = str(bench_root)
    try:
        return open_review("little", "2025-09")
    finally:
        if before is None:
            del os.environ["REPURCHASE_ROOT"]
        else:
            os.environ["REPURCHASE_ROOT"] = before
