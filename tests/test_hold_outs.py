"""A hold-out that an initiative needs is drawn, handed out, and read when the list comes back."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pandas as pd
import pytest
from repurchase import show
from repurchase.handout import packed, unpacked
from repurchase.press import lists
from repurchase.review import open_review
from ruamel.yaml import YAML

STORES = ["S001", "S003", "S005", "S007", "S009", "S011"]
# chosen for how they did, and too small a company to tell what that alone changes
SYSTEM = {
    "id": "system", "name": "System", "go_live": dt.date(2025, 1, 1), "chosen_by": "outcome",
    "treated": {"labels": STORES}, "hold_out": {"share": 0.3, "seed": 4},
    "costs": {"planned": [{"category": "build", "amount": 9000, "start": dt.date(2025, 1, 1)}]},
}  # fmt: skip
BACK = {
    "id": "system-hold-out", "kind": "holdout", "control": "hold-out",
    "arms": {"hold-out": {"share": 0.3}, "goes on": {"share": 0.7}},
    "start": dt.date(2025, 8, 1), "horizon_days": 30, "longer_horizon_days": None,
    "assignment": {"seed": 4, "strata": ["store_id"]},
}  # fmt: skip


def profile(folder: Path, source: Path, name: str) -> None:
    """The little company with the initiative; what has come back is read from `back/`."""
    yaml = YAML(typ="safe")
    told = yaml.load(source.read_text(encoding="utf-8"))
    told["initiatives"] = [SYSTEM]
    if (folder / "back").is_dir():
        told["experiments"].append(BACK)
        columns = dict.fromkeys(
            ("experiment_id", "customer_id", "arm", "assigned_at", "exposed_at", "planned_share",
             "assignment_source")
        )  # fmt: skip
        told["sources"]["experiments"] = [
            told["sources"]["experiments"],
            {"files": "back/*.csv", "columns": {c: c for c in columns}},
        ]
    yaml.dump(told, folder / "params" / f"{name}.yaml")


def test_a_hold_out_goes_out_and_comes_back(
    little_company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """July's pack hands out the list; in August the returned rows are a hold-out, each as drawn,
    with the counts that July's page named."""
    for name in ("params", "notebooks"):
        (tmp_path / name).mkdir()
    shutil.copytree(little_company / ".cache" / "demo", tmp_path / ".cache" / "demo")
    monkeypatch.setenv("REPURCHASE_ROOT", str(tmp_path))
    source = little_company / "params" / "little.yaml"
    profile(tmp_path, source, "before")
    july = open_review("before", "2025-07")
    learn = july.roi_before_after.reading("system").learn
    sheets = show.hold_out_sheets(july.roi_before_after.hold_outs(), context=july.context)
    (tmp_path / "restricted").mkdir()
    lists.write(tmp_path / "restricted", unpacked(packed(sheets)))

    (tmp_path / "back").mkdir()
    (file,) = (tmp_path / "restricted" / "hold-outs").glob("*.csv")
    frame = pd.read_csv(file, dtype=str, encoding="utf-8-sig")
    frame.to_csv(tmp_path / "back" / "list.csv", index=False)
    profile(tmp_path, source, "after")
    trial = open_review("after", "2025-08").ab_review.trial("system-hold-out")
    checks = {c.name: (c.state, c.count) for c in trial.checks}

    assert learn is not None
    assert (learn.customers, learn.held_out) == (len(frame), (frame["arm"] == "hold-out").sum())
    assert (("passed", 0), ("passed", 0)) == (checks["as_drawn"], checks["all_drawn"])
    assert frame["arm"].value_counts().to_dict() == dict(trial.customers)
