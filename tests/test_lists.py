"""A month's lists go out, come back filled in, and are measured the month after."""

from __future__ import annotations

import contextlib
import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from repurchase import show
from repurchase.errors import ParameterError
from repurchase.handout import packed, unpacked
from repurchase.press import lists
from repurchase.review import Review, open_review

RETURNED = """
  list_results:
    files: returned/*.csv
    columns:
      list_period: [Review period, 复盘期间]
      customer_id: [Customer, 客户编号]
      contacted_on: [Contacted on, 联系日期]
      outcome: [Outcome, 结果]
      reason: [Reason, 原因]
      note: [Note, 备注]
"""


@pytest.fixture(scope="module")
def company(little_company: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The little company, with three in ten of its lists withheld; `back` reads returned lists."""
    folder = tmp_path_factory.mktemp("lists")
    (folder / ".cache").symlink_to(little_company / ".cache", target_is_directory=True)
    shutil.copytree(little_company / "notebooks", folder / "notebooks")
    (folder / "params").mkdir()
    little = (little_company / "params" / "little.yaml").read_text(encoding="utf-8")
    little = little.replace("withheld_share: 0.1", "withheld_share: 0.3")
    (folder / "params" / "little.yaml").write_text(little, encoding="utf-8")
    for name in ("plain", "typo", "address"):  # other profiles, the same data
        link = folder / ".cache" / "snapshots" / name
        with contextlib.suppress(FileExistsError):
            link.symlink_to("little", target_is_directory=True)
    (folder / "params" / "back.yaml").write_text(little.rstrip() + RETURNED, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REPURCHASE_ROOT", str(folder))
        yield folder


@pytest.fixture(scope="module")
def august(company: Path) -> Review:
    return open_review("little", "2025-08")


@pytest.fixture(scope="module")
def issued(august: Review, company: Path) -> Path:
    """The files of August's lists."""
    folder = company / "issued"
    folder.mkdir()
    lists.write(folder, unpacked(packed(show.sheets(august.worklists.made()))))
    return folder


@pytest.fixture(scope="module")
def filled(issued: Path, company: Path) -> list[dict[str, str]]:
    """The rows that sales sent back: every other one contacted, ids as a spreadsheet left them."""
    with (issued / "worklists.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for place, row in enumerate(rows):
        row["Customer"] = row["Customer"].lstrip("0")
        if place % 2 == 0:
            row |= {"Contacted on": "2025-09-03", "Outcome": "无人接听", "Note": "again in May"}
    (company / "returned").mkdir()
    with (company / "returned" / "august.csv").open("w", encoding="gb18030", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_everyone_due_is_on_one_list_or_left_out_by_name(august: Review, issued: Path) -> None:
    """The files, the counts and the due customers tell the same."""
    made = august.worklists.made()
    counted = august.worklists.counts().frame.set_index("outcome")["customers"]
    due = made.due.set_index("customer_id")["outcome"]
    files = sorted((issued / "worklists").iterdir())
    read = [pd.read_csv(f, dtype=str, encoding="utf-8-sig") for f in files]
    on_lists = pd.concat(read)["Customer"]

    assert due.index.is_unique
    assert sorted(due.index[due == "listed"]) == sorted(on_lists)
    assert counted.to_dict() == due.value_counts().reindex(counted.index, fill_value=0).to_dict()
    assert min(counted["listed"], counted["withheld"], counted["lapsed"]) > 10
    summary = pd.read_excel(issued / "worklists.xlsx", sheet_name="Summary", engine="openpyxl")
    assert len(due) == summary["Customers"].sum()


def test_no_name_and_no_number_is_in_clear(august: Review, issued: Path) -> None:
    """Whole names, phones and mails of the customers stand in none of the files."""
    people = august.customers.to_pandas()
    texts = [(issued / "worklists.csv").read_text(encoding="utf-8-sig")]
    book = pd.read_excel(
        issued / "worklists.xlsx", sheet_name=None, dtype=str, engine="openpyxl"
    )
    texts += [sheet.to_csv() for sheet in book.values()]
    values = pd.concat([people[c].dropna() for c in ("name", "x_手机号", "x_邮箱")])
    words = {word for word in values if len(word) > 2}
    whole = "\n".join(texts)

    assert len(words) > 300
    assert [] == [word for word in words if word in whole]


def test_a_profile_may_show_them(company: Path) -> None:
    """`show_contact_details: true` is the profile's own decision."""
    text = (company / "params" / "little.yaml").read_text(encoding="utf-8")
    plain = text.replace("withheld_share: 0.3", "withheld_share: 0.3\n  show_contact_details: true")
    (company / "params" / "plain.yaml").write_text(plain, encoding="utf-8")
    review = open_review("plain", "2025-08")
    frame = show.sheets(review.worklists.made()).frames["Lists"]
    names = dict(review.customers.select("customer_id", "name").to_pandas().to_numpy())

    assert [names[c] for c in frame["Customer"]] == frame["Name"].tolist()


def test_a_contact_column_that_nobody_has_stops_before_any_chapter(company: Path) -> None:
    """The nearest right name is told."""
    text = (company / "params" / "little.yaml").read_text(encoding="utf-8")
    (company / "params" / "typo.yaml").write_text(text.replace("[x_手机号,", "[x_手机,"), "utf-8")

    with pytest.raises(ParameterError, match="did you mean x_手机号"):
        open_review("typo", "2025-08")


def test_an_address_column_that_nobody_has_stops_before_any_chapter(company: Path) -> None:
    """The addresses of the channels are held against the customers' columns likewise."""
    text = (company / "params" / "little.yaml").read_text(encoding="utf-8")
    rules = "funnel_rules:\n  addresses: {sms: x_手机}\n"
    without = text.split("funnel_rules:")[0] + "generator:" + text.split("generator:")[1]
    (company / "params" / "address.yaml").write_text(rules + without, "utf-8")

    with pytest.raises(ParameterError, match=r"(?s)funnel_rules.addresses.*did you mean x_手机号"):
        open_review("address", "2025-08")


def test_what_came_back_is_measured(company: Path, filled: list[dict[str, str]]) -> None:
    """Each filled row finds its customer though its noughts are gone; withheld are none of them."""
    september = open_review("back", "2025-09")
    found = september.worklists.results()
    groups = found.frame.set_index("group")["n"]
    contacted = sum(bool(row["Contacted on"]) for row in filled)

    assert [len(filled), contacted] == [groups["listed"], groups["contacted"]]
    assert len(filled) - contacted == groups["not_contacted"]
    assert groups["withheld"] > 10
    assert 0 == found.one("list_rows", dimensions="rows=not_listed").value
    assert len(filled) == found.one("list_rows", dimensions="rows=returned").value
    assert [("无人接听", "", contacted)] == list(
        september.worklists.noted().frame.itertuples(index=False, name=None)
    )


def test_who_ordered_is_told_by_the_orders(company: Path, filled: list[dict[str, str]]) -> None:
    """Counted again by hand from the customer days of September."""
    review = open_review("back", "2025-09")
    came = set(
        review.sql("select customer_id from customer_days where order_date >= '2025-09-01'")[
            "customer_id"
        ]
    )
    due: Any = review.at("2025-08").worklists.due()
    listed = set(due.loc[due["outcome"] == "listed", "customer_id"])
    groups = review.worklists.results().frame.set_index("group")["numerator"]

    assert len(listed & came) == groups["listed"] == groups["contacted"] + groups["not_contacted"]


def test_contacts_noted_on_lists_count_as_touches(
    company: Path, filled: list[dict[str, str]]
) -> None:
    """Of those on the lists at least every other one was touched, of those withheld hardly any."""
    review = open_review("back", "2025-09")
    checks = review.funnel_diagnosis
    share, effect = checks.system_use().one("due_touched_share"), checks.use_effect()
    noted = sum(bool(row["Contacted on"]) for row in filled)
    gain = effect.one("list_touch_gain")

    assert len(filled) == share.n
    assert noted <= (share.numerator or 0) < len(filled)
    assert 0.3 < (gain.value or 0)
    own = review.worklists.results().one("list_effect")
    assert (own.value, own.low) == (
        effect.one("list_order_gain").value, effect.one("list_order_gain").low
    )  # fmt: skip
