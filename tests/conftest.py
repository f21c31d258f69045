"""What every test may ask for."""

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# `made` holds what tests of several folders build by hand
FOLDER = str(ROOT / "tests")
if FOLDER not in sys.path:
    sys.path.insert(0, FOLDER)


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


@pytest.fixture(scope="session")
def little_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder of its own whose profile `little` is the demo company with 300 customers."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "params").mkdir()
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    demo = (ROOT / "params" / "demo.yaml").read_text(encoding="utf-8")
    little = demo.replace("customers: 20000", "customers: 300")
    assert little != demo
    (folder / "params" / "little.yaml").write_text(little, encoding="utf-8")
    return folder
