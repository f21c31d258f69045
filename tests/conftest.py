"""What every test may ask for."""

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.press.kernels import warm

ROOT = Path(__file__).resolve().parent.parent
# `made` holds what tests of several folders build by hand
FOLDER = str(ROOT / "tests")
if FOLDER not in sys.path:
    sys.path.insert(0, FOLDER)

# A worker takes whole files. Those that take longest are given out first, so that no worker has
# half a minute to go when the other has nothing left.
LONGEST = (
    "press/test_pack.py", "press/test_kill.py", "press/test_failures.py",
    "lab/test_server.py", "truth/test_calibration.py", "press/test_kernels.py",
    "test_planted.py", "test_planted_trials.py", "test_planted_initiatives.py",
    "model/test_prepare.py", "test_lists.py",
    "press/test_export.py",
    "press/test_run.py", "press/test_chapters.py", "analysis/test_retention.py",
    "analysis/test_robustness.py", "test_real_reviews.py", "press/test_publish.py",
    "model/test_reconcile.py", "sources/test_demo.py",
)  # fmt: skip

# Read when numpy is imported. Our matrices are of a few rows: more threads, here as in a pack's
# kernels, only wait for each other, and on a busy machine that takes the greater part of a fit.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first; the rest stays in its order."""
    place = {ROOT / "tests" / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """What has been imported stays: the collector need not go through it again and again.

    Expressions of Ibis are many small objects, and looking for garbage among them took a tenth of
    the time of the tests that build them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder with the Makefile."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the checkout (or in REVIEW_SHARED_DATA); skips where there are none.

    The data are not ours to ship. What only they can show is asserted wherever they are; everything
    else is tested on data that the tests make themselves.
    """
    folder = Path(os.environ.get("REVIEW_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the real data are not on this machine (../shared/data of the checkout)")
    return folder


# folders of .cache in which everything is named by all that it was made from
CONTENT_ADDRESSED = ("answers", "demo", "snapshots")


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of the tests, the same for all its workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "common"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def little_company(tmp_path_factory: pytest.TempPathFactory, common: Path) -> Path:
    """A project folder of its own whose profile `little` is the demo company with 300 customers.

    It is prepared, once for all workers; what is run in it is the worker's own.
    """
    folder = tmp_path_factory.mktemp("project")
    (folder / ".cache").mkdir()
    for name in CONTENT_ADDRESSED:
        (common / name).mkdir(mode=0o700, exist_ok=True)
        (folder / ".cache" / name).symlink_to(common / name, target_is_directory=True)
    (folder / "params").mkdir()
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    demo = (ROOT / "params" / "demo.yaml").read_text(encoding="utf-8")
    little = demo.replace("customers: 20000", "customers: 300")
    assert little != demo
    (folder / "params" / "little.yaml").write_text(little, encoding="utf-8")
    prepare(load_params("little", root=folder), cache=folder / ".cache")
    return folder


@pytest.fixture(scope="session")
def end_warm() -> Iterator[Callable[[], None]]:
    """Ends this process's warm process; done at the latest when the tests end."""
    end = warm.stop
    yield end
    end()


@pytest.fixture(scope="module")
def kept_warm(end_warm: Callable[[], None]) -> Iterator[None]:
    """The module's runs fork their kernels from one warm process, not each from one of its own.

    That takes two seconds of importing off each run. Modules share it, too; a test that asks for
    `fresh_warm` gets another. What a run does with its own is for test_kernels and test_kill.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(warm, "stop", lambda: None)
        yield


@pytest.fixture
def fresh_warm(kept_warm: None, end_warm: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """No warm process at the test's begin and end; called, it ends the one that there is."""
    end_warm()
    yield end_warm
    end_warm()
