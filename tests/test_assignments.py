"""The customers of a test to come are drawn, handed out, and checked when the list comes back."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from repurchase import show
from repurchase.analysis.trial_draw import COLUMNS, SIZE
from repurchase.errors import ParameterError
from repurchase.handout import packed, unpacked
from repurchase.press import lists
from repurchase.review import Review, open_review
from ruamel.yaml import YAML

PLAN = {
    "id": "autumn",
    "control": "none",
    "arms": {"none": {"share": 1}, "card": {"share": 3, "cost": 2}},
    "start": dt.date(2025, 8, 1),
    "planned_end": dt.date(2025, 8, 1),
    "horizon_days": 30,
    "longer_horizon_days": None,
    "assignment": {"seed": 5, "strata": ["joined through"], "who": "kind <> 'company'"},
}


def profile(folder: Path, name: str, source: Path) -> None:
    """The little company with the plan; what comes back is read from `back/`."""
    yaml = YAML(typ="safe")
    told = yaml.load(source.read_text(encoding="utf-8"))
    told["experiments"].append(PLAN)
    # staff among the customers who order: nobody of 300 is, else
    staff = {"expression": "customer_id like '%7'"}
    told["sources"]["customers"]["columns"]["is_internal"] = staff
    if (folder / "back").is_dir():
        columns = {c: c for c in COLUMNS[:7]}
        told["sources"]["experiments"] = [
            told["sources"]["experiments"], {"files": "back/*.csv", "columns": columns},
        ]  # fmt: skip
    yaml.dump(told, folder / "params" / f"{name}.yaml")


@pytest.fixture(scope="module")
def folder(little_company: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project folder with the little company and a test that begins in August."""
    made = tmp_path_factory.mktemp("assignments")
    (made / "params").mkdir()
    (made / "notebooks").mkdir()
    shutil.copytree(little_company / ".cache" / "demo", made / ".cache" / "demo")
    profile(made, "before", little_company / "params" / "little.yaml")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REPURCHASE_ROOT", str(made))
        yield made


@pytest.fixture(scope="module")
def july(folder: Path) -> Review:
    return open_review("before", "2025-07")


@pytest.fixture(scope="module")
def written(july: Review, folder: Path) -> Path:
    """The files of July's pack, on the way that they take through a cell and the press."""
    drawn = {"autumn": july.ab_review.drawn("autumn")}
    restricted = folder / "restricted"
    restricted.mkdir()
    sheets = show.assignment_sheets(drawn, context=july.context)
    lists.write(restricted, unpacked(packed(sheets)))
    return restricted


def test_everyone_who_may_be_is_drawn_once(july: Review) -> None:
    """Customers with an order for whom the condition holds; three in four get the card, within
    each stratum to within one."""
    frame = july.ab_review.drawn("autumn")
    wanted = july.sql(
        "SELECT DISTINCT customer_id FROM customer_days JOIN customers USING (customer_id)"
        " WHERE kind <> 'company' AND NOT coalesce(is_internal, FALSE)"
        " AND NOT coalesce(is_test, FALSE)"
    )

    assert sorted(wanted["customer_id"]) == frame["customer_id"].tolist()
    assert not frame["customer_id"].str.endswith("7").any()
    assert {dt.date(2025, 8, 1)} == set(frame["assigned_at"])
    for _, part in frame.groupby("stratum"):
        assert abs((part["arm"] == "card").sum() - 0.75 * len(part)) < 1
    assert 3 <= frame["stratum"].nunique()
    assert frame.equals(july.at("2025-07").ab_review.drawn("autumn"))


def test_an_analyst_draws_the_same(july: Review) -> None:
    """With the same words; another seed draws others, and nothing is known of a wrong stratum."""
    told = dict(
        start=dt.date(2025, 8, 1), arms=(("none", 1), ("card", 3)), strata=("joined through",),
        who="kind <> 'company'",
    )  # fmt: skip
    same = july.ab_review.draw("autumn", seed=5, **told)
    other = july.ab_review.draw("autumn", seed=6, **told)

    assert same.equals(july.ab_review.drawn("autumn"))
    assert not same["arm"].equals(other["arm"])
    by_store = july.ab_review.draw("x", dt.date(2025, 8, 1), strata=("store_id",))
    assert 1 < by_store["stratum"].nunique()
    with pytest.raises(ParameterError, match="joined through"):
        july.ab_review.draw("x", dt.date(2025, 8, 1), strata=("joined throgh",))
    with pytest.raises(ParameterError, match="autumn"):
        july.ab_review.drawn("autum")


def test_what_has_begun_is_drawn_no_more(july: Review) -> None:
    """In August the list is out."""
    assert "autumn" in [p.id for p in july.ab_review.upcoming()]
    assert "autumn" not in [p.id for p in july.at("2025-08").ab_review.upcoming()]


def test_the_files_have_the_names_that_experiments_are_read_by(written: Path) -> None:
    """A sheet, its rows as CSV, and a file a test; the same in each."""
    frame = pd.read_csv(written / "assignments.csv", dtype=str, encoding="utf-8-sig")
    own = pd.read_csv(written / "assignments" / "1-autumn.csv", dtype=str, encoding="utf-8-sig")
    sheet = openpyxl.load_workbook(written / "assignments.xlsx").worksheets[0]

    assert list(COLUMNS) == frame.columns.tolist() == [cell.value for cell in sheet[1]]
    assert frame.equals(own) and len(frame) + 1 == sheet.max_row
    assert {"2025-08-01"} == set(frame["assigned_at"]) and {str(len(frame))} == set(frame[SIZE])


def test_no_cell_of_a_list_is_a_formula(july: Review) -> None:
    """Whatever customers and arms are called."""
    rows = july.ab_review.drawn("autumn").head(3).copy()
    rows["customer_id"], rows["stratum"] = ["=1+1", "-2", "@x"], "+3"
    sheets = show.assignment_sheets({"=a": rows.assign(experiment_id="=a")}, context=july.context)
    (frame,) = sheets.frames.values()

    assert ["'=1+1", "'-2", "'@x"] == frame["customer_id"].tolist()
    assert {"'+3"} == set(frame["stratum"]) and {"'=a"} == set(frame["experiment_id"])


def came_back(
    frame: pd.DataFrame, folder: Path, little_company: Path, name: str
) -> dict[str, tuple[str, int | None]]:
    """State and count of each check in August, after this list came back."""
    (folder / "back").mkdir(exist_ok=True)
    frame.to_csv(folder / "back" / "list.csv", index=False)
    profile(folder, name, little_company / "params" / "little.yaml")
    trial = open_review(name, "2025-08").ab_review.trial("autumn")
    return {c.name: (c.state, c.count) for c in trial.checks}


def test_a_list_comes_back_as_it_was_drawn(
    written: Path, folder: Path, little_company: Path
) -> None:
    """It maps straight into experiments; the split and every code are right, with the dates that
    the CRM filled in."""
    frame = pd.read_csv(written / "assignments.csv", dtype=str, encoding="utf-8-sig")
    frame["exposed_at"] = frame["arm"].map({"card": "2025-08-02 10:00:00"})
    found = came_back(frame, folder, little_company, "sound")

    assert ("passed", 0) == found["as_drawn"]
    assert ("passed", 0) == found["all_drawn"]
    assert "passed" == found["sample_ratio"][0] == found["contamination"][0]


def test_a_list_that_was_changed_is_found_out(
    written: Path, folder: Path, little_company: Path
) -> None:
    """Somebody gave ten of the control the card and left five out."""
    frame = pd.read_csv(written / "assignments.csv", dtype=str, encoding="utf-8-sig")
    moved = frame.index[frame["arm"] == "none"][:10]
    frame.loc[moved, "arm"] = "card"
    found = came_back(frame.drop(frame.index[frame["arm"] == "card"][-5:]), folder, little_company,
                      "changed")  # fmt: skip

    assert ("failed", 10) == found["as_drawn"]
    assert ("noted", 15) == found["all_drawn"]


def test_what_a_test_needs_is_told_of_those_who_may_be_in_it(july: Review) -> None:
    """Against a count by SQL: the mean and spread of margin in 30 days, of who had ordered before;
    twice the effect needs a quarter."""
    frame = july.ab_review.planning(metric="repurchase", effects=(0.1, 0.2)).frame
    counted = july.sql("""
        WITH people AS (SELECT customer_id FROM customer_days WHERE order_date < DATE '2025-07-02'
                        AND customer_id NOT IN (SELECT customer_id FROM customers
                                                WHERE is_internal OR is_test) GROUP BY 1),
             hit AS (SELECT DISTINCT customer_id FROM customer_days
                     WHERE order_date BETWEEN DATE '2025-07-02' AND DATE '2025-07-31')
        SELECT count(*) AS n, count(hit.customer_id) AS k
        FROM people LEFT JOIN hit USING (customer_id)
    """).iloc[0]  # fmt: skip
    n, share = int(counted["n"]), counted["k"] / counted["n"]

    assert {n} == set(frame["eligible"])
    assert share == pytest.approx(frame["mean"].iloc[0])
    assert (share * (1 - share) * n / (n - 1)) ** 0.5 == pytest.approx(frame["deviation"].iloc[0])
    assert [0.1 * share, 0.2 * share] == pytest.approx(frame["effect"].tolist())
    kept = frame["deviation"].iloc[0] ** 2 * (1 - frame["explained"].iloc[0])
    wanted = 4 * (1.959964 + 0.841621) ** 2 * kept / (0.1 * share) ** 2
    assert wanted == pytest.approx(frame["customers"].iloc[0], abs=2)
    assert wanted / 4 == pytest.approx(frame["customers"].iloc[1], abs=2)


def test_without_a_metric_money_leads_and_a_wrong_one_is_named(july: Review) -> None:
    """Margin where it is known, and who orders."""
    assert {"margin", "repurchase"} == set(july.ab_review.planning().frame["metric"])
    with pytest.raises(ParameterError, match="revenue"):
        july.ab_review.planning(metric="revenu")
    some = july.ab_review.planning(metric="revenue", who="kind <> 'company'").frame
    assert some["eligible"].iloc[0] < july.ab_review.planning("revenue").frame["eligible"].iloc[0]
