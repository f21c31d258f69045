"""Looks of signed packs are inputs of every later review: named, never stale, never double."""

import datetime as dt
import json
from dataclasses import replace

import nbformat
import pytest
from repurchase.answers import made_of
from repurchase.looks import Look, SignedLooks, signed_looks
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.period import Period
from repurchase.press import chapters, kept, pack
from repurchase.press.publish import publish
from repurchase.press.run import monthly_report
from repurchase.review import _in_press

pytestmark = pytest.mark.usefixtures("kept_warm")
DAY = dt.date(2025, 10, 3)
PROFILE = """company: Edition 0
time_zone: Asia/Shanghai
currency: CNY
order_definition: Every row.
chapters: [tests]
promotions: [{name: Sale, day: 11-11}]
data_through: 2025-09-30
experiments:
  - id: mail
    control: none
    arms: {none: {share: 0.5}, mail: {share: 0.5}}
    start: 2025-06-20
    planned_n: 500
    metric: revenue
    longer_horizon_days: null
sources:
  orders:
    files: orders.csv
    columns: {order_id: order_id, customer_id: customer_id, ordered_at: ordered_at,
              net_amount: net_amount}
  experiments:
    files: tests.csv
    columns: {experiment_id: test, customer_id: customer_id, arm: arm, assigned_at: day}
"""
CELL = """from repurchase import open_review
review = open_review(profile, period)
review.record(review.ab_review.figures())"""


def write_company(folder):
    """60 customers, ten assigned a week from 20 June on, who order now and then."""
    (folder / "params").mkdir()
    (folder / "params" / "tiny.yaml").write_text(PROFILE, encoding="utf-8")
    start = dt.date(2025, 6, 20)
    tests, orders = ["test,customer_id,arm,day"], ["order_id,customer_id,ordered_at,net_amount"]
    for i in range(60):
        day, arm = start + dt.timedelta(days=7 * (i // 10)), ("none", "mail")[i % 2]
        tests.append(f"mail,c{i},{arm},{day}")
        for k in range(i % 3 + i % 2):
            at = day + dt.timedelta(days=3 + 8 * k)
            orders.append(f"{i}-{k},c{i},{at},{20 + i % 7 + 5 * (i % 2)}")
    orders.append("last,other,2025-09-30,10")
    (folder / "orders.csv").write_text("\n".join(orders) + "\n", encoding="utf-8")
    (folder / "tests.csv").write_text("\n".join(tests) + "\n", encoding="utf-8")
    (folder / "notebooks").mkdir()
    for name in ("tests", *chapters.ALWAYS):
        notebook = nbformat.v4.new_notebook(cells=[
            nbformat.v4.new_markdown_cell(f"# The {name}", metadata={"tags": ["part-a"]}),
            nbformat.v4.new_code_cell(
                'profile = "tiny"\nperiod = "2025-09"', metadata={"tags": ["parameters"]}
            ),
            nbformat.v4.new_code_cell(CELL if name == "tests" else "'seen'"),
        ])  # fmt: skip
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")
    return folder


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return write_company(tmp_path_factory.mktemp("looks"))


def made(root, period, **options):
    return monthly_report(load_params("tiny", period, root=root), say=lambda _: None, **options)


def sign(root, period, **options):
    return publish(root, "tiny", Period.parse(period), by="Li", on=DAY, say=lambda _: None,
                   **options)  # fmt: skip


def looks_of(outcome):
    """How many looks the pack counts, its own, and the packs that it was told of."""
    records = json.loads((outcome.path / "results.json").read_text(encoding="utf-8"))
    manifest = pack.read_manifest(outcome.path)
    (count,) = (r["value"] for r in records if r["metric"] == "trial_looks")
    return count, manifest["looks"], [p["pack"] for p in manifest["looks_before"]]


def test_a_signed_look_is_told_to_the_reviews_after_it(company):
    """An unsigned one is not; what is made of it is made again once it is signed, and only then;
    the same data of the same period, under another signature, are no other look."""
    august, september = made(company, "2025-08"), made(company, "2025-09")
    count, own, before = looks_of(september)
    assert (1, 1, []) == (count, len(own), before)
    assert made(company, "2025-09").unchanged

    signed = sign(company, "2025-08").resolve().name
    again = made(company, "2025-09")
    count, own, before = looks_of(again)
    assert not again.unchanged
    assert (2, 1, [signed]) == (count, len(own), before)
    assert own[0]["tuned"] == pack.read_manifest(august.path.resolve())["looks"][0]["tuned"] == 500
    assert made(company, "2025-09").unchanged

    july = made(company, "2025-07")
    assert (1, []) == (looks_of(july)[0], looks_of(july)[2])

    sign(company, "2025-09")
    beside = made(company, "2025-09", republish=True)
    count, _, before = looks_of(beside)
    assert (2, 2) == (count, len(before))


def put(reports, name, *, looks=(), edition=1, content=None):
    folder = reports / ".packs" / name
    folder.mkdir(parents=True)
    manifest = {"looks": list(looks), "edition": edition}
    (folder / "manifest.json").write_text(content or json.dumps(manifest), encoding="utf-8")


def row(period, **told):
    return {"experiment": "x", "period": period, "fingerprint": "f", "arm": "new",
            "metric": "margin", "horizon": 30, "rule": "fixed", "tuned": 9, "n": 9.0,
            "value": 1.0, "low": 0.0, "high": 2.0, "p": 0.5} | told  # fmt: skip


def signed_name(period, letter, number=""):
    return f"{period}-signed-{letter * 16}{number}"


def test_looks_are_read_from_every_signed_edition_up_to_the_periods_end(tmp_path):
    """Oldest first; neither candidates nor later periods; an older release had none."""
    put(tmp_path, signed_name("2025-09", "b"), looks=[row("2025-09", fingerprint="g")], edition=2)
    put(tmp_path, signed_name("2025-09", "c"), looks=[row("2025-09")])
    put(tmp_path, signed_name("2025-Q2", "a"), looks=[row("2025-Q2")])
    put(tmp_path, signed_name("2025-10", "d"), looks=[row("2025-10")])
    put(tmp_path, "2025-08-" + "e" * 16, looks=[row("2025-08")])
    put(tmp_path, signed_name("2025-07", "f"), content='{"edition": null}')
    found = signed_looks(tmp_path, until=dt.date(2025, 9, 30))

    assert [("2025-Q2", 1), ("2025-09", 1), ("2025-09", 2)] == [
        (look.period, look.edition) for look in found.looks
    ]
    assert () == found.unread
    assert [(signed_name("2025-09", "b"), 1), (signed_name("2025-09", "c"), 1),
            (signed_name("2025-Q2", "a"), 1)] == [
        (p["pack"], p["looks"]) for p in found.named()]  # fmt: skip
    assert found == SignedLooks.from_json(json.loads(json.dumps(found.to_json())))


@pytest.mark.parametrize("content", ["{", "[]", '{"looks": [{"experiment": "x"}]}'])
def test_a_signed_pack_that_cannot_be_read_is_named(tmp_path, content):
    """Looks may be missing then, which the page and the manifest say."""
    put(tmp_path, signed_name("2025-08", "a"), content=content)
    found = signed_looks(tmp_path, until=dt.date(2025, 9, 30))

    assert ((), (signed_name("2025-08", "a"),)) == (found.looks, found.unread)
    assert [{"pack": signed_name("2025-08", "a"), "looks": None}] == found.named()


def test_no_reports_are_no_looks(tmp_path):
    """A first review."""
    assert SignedLooks() == signed_looks(tmp_path / "none", until=DAY)


def test_another_look_changes_the_keys_of_chapters_and_answers(company):
    """Nothing that was computed without it is found with it."""
    params = load_params("tiny", "2025-07", root=company)
    snapshot = prepare(params, cache=company / ".cache")
    other = replace(params, looks=SignedLooks((Look(**row("2025-06")),)))
    wanted = chapters.chapters_of(params)

    before, after = (kept.keys(p, snapshot, wanted) for p in (params, other))
    assert None not in before.values()
    assert [] == [name for name in before if before[name] == after[name]]
    assert made_of(params, snapshot) != made_of(other, snapshot)


def test_a_chapter_is_told_the_looks_that_its_key_was_made_of(company, tmp_path):
    """Not what is signed while it runs."""
    params = load_params("tiny", "2025-07", root=company)
    snapshot = prepare(params, cache=company / ".cache")
    told = replace(params, looks=SignedLooks((Look(**row("2025-06")),), ("lost",)))
    chapters.write_run_file(tmp_path / "run.json", told, snapshot.path)
    run = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))

    assert told.looks == _in_press(run, "tiny", "2025-07", None).params.looks != params.looks
