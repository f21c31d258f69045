"""Signing a candidate, editions, the ledger, and making room."""

import datetime as dt
import json
import os
import shutil

import pytest
from pypdf import PdfReader
from repurchase.archive import current_pack
from repurchase.cli import main
from repurchase.errors import PressError, UsageError
from repurchase.locks import locked
from repurchase.params import load_params
from repurchase.period import Period
from repurchase.press import pack
from repurchase.press.prune import prune
from repurchase.press.publish import params_of, publish
from repurchase.press.run import monthly_report

pytestmark = pytest.mark.usefixtures("kept_warm")
PERIOD = Period.parse("2025-09")
DAY = dt.date(2025, 10, 3)


def sign(root, by="Zhang San", on=DAY, **options):
    """The place of the pack that was signed."""
    return publish(root, "tiny", PERIOD, by=by, on=on, say=lambda _: None, **options)


def files(folder):
    """The bytes of every file of a pack, by name."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def names(reports):
    """What stands beside the packs, but for locks."""
    return sorted(p.name for p in (reports / ".packs").iterdir() if not p.name.startswith(".lock"))


def printed(folder):
    """The PDF's words, on one line."""
    reader = PdfReader(folder / "review.pdf")
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_signing_changes_pages_and_manifest_and_nothing_else(tiny_company, make_candidate):
    """Figures stay byte for byte; print, pages and manifest say who signed, and when."""
    candidate = make_candidate()
    name, before = candidate.resolve().name, files(candidate)
    place = sign(tiny_company)
    after = files(place)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    manifest = pack.read_manifest(place)

    assert sorted(before) == sorted(after)
    assert {"results.json"} <= set(before) - changed
    assert {n for n in before if n.endswith(".html")} | {"review.pdf", "manifest.json"} == changed
    assert ("signed", "Zhang San", "2025-10-03", 1, None) == tuple(
        manifest[k] for k in ("status", "signed_by", "signed_on", "edition", "replaces")
    )
    assert (name, "not in git") == (manifest["candidate"], manifest["bound_by_revision"])
    assert [] == pack.damage(place)
    assert "Signed by Zhang San on 3 Oct 2025." in printed(place)
    assert "Signed by Zhang San on 3 Oct 2025." in (place / "index.html").read_text("utf-8")
    assert "not yet signed" not in printed(place)


def test_a_pack_with_everything_in_its_period_file_is_signed(tiny_company, make_candidate):
    """Dates, amounts and texts in two languages come back from the manifest as they were."""
    (tiny_company / "params" / "tiny").mkdir()
    (tiny_company / "params" / "tiny" / "2025-09.yaml").write_text(
        "commentary: {tiny: {en: Late, zh-CN: 迟}}\n"
        "incidents:\n"
        "  - {from: 2025-07-01, text: Shelves empty}\n"
        "  - {from: 2025-09-05, to: 2025-09-12, text: {en: A storm}, chapters: [tiny]}\n"
        "control_totals:\n  - {source: ERP, amount: 50.50, includes: [tax]}\n"
        "overrides: {max_stale_days: 60}\n",
        encoding="utf-8",
    )
    before = load_params("tiny", "2025-09", root=tiny_company)
    place = make_candidate()
    read = params_of(pack.read_manifest(place), tiny_company)

    assert before.period_file == read.period_file
    assert before.profile.model_copy(update={"sources": {}}) == read.profile
    assert 60 == read.profile.max_stale_days
    assert "signed" == pack.read_manifest(sign(tiny_company))["status"]


def test_the_signature_is_in_the_language_of_the_pack(tiny_company, make_candidate):
    """A Chinese pack is signed in Chinese, whatever the profile says by now."""
    make_candidate(language="zh-CN")

    assert "2025年10月3日" in (sign(tiny_company, by="张三") / "index.html").read_text("utf-8")


def test_a_name_is_text(tiny_company, make_candidate):
    """Whoever signs is printed as typed, never as markup."""
    make_candidate()
    place = sign(tiny_company, by="<b>#Zhang</b> $x$")
    text = (place / "index.html").read_text("utf-8")

    assert "<b>#Zhang" not in text
    assert "&lt;b&gt;#Zhang&lt;/b&gt; $x$" in text
    assert "<b>#Zhang</b> $x$" in printed(place)


@pytest.mark.parametrize("by", ["", "   ", "a\u202eb", "x" * 101, "a\x00b"])
def test_what_cannot_be_read_as_a_name_does_not_sign(tiny_company, by):
    """Nothing, invisible characters and whole paragraphs are refused."""
    with pytest.raises(UsageError, match="is not a name to sign with"):
        sign(tiny_company, by=by)


def test_a_draft_is_not_signed(tiny_company, make_candidate):
    """The refusal says why it is a draft; the draft stays."""
    place = make_candidate(reasons=("The period is incomplete.",))
    before = place.resolve()
    with pytest.raises(UsageError, match="is a draft: The period is incomplete"):
        sign(tiny_company)

    assert before == place.resolve()


def test_what_is_not_there_is_not_signed(tiny_company, make_candidate):
    """An unknown profile and a period without a pack name what there is."""
    with pytest.raises(UsageError, match="there is no pack of tiny 2025-09"):
        sign(tiny_company)
    with pytest.raises(UsageError, match="profiles here: tiny"):
        publish(tiny_company, "tinny", PERIOD, by="A", on=DAY, say=lambda _: None)
    make_candidate("2025-08")
    with pytest.raises(UsageError, match="periods here: 2025-08"):
        sign(tiny_company)


def test_a_pack_of_another_period_is_not_signed(tiny_company, make_candidate):
    """Somebody moved the link: what is signed is what was named."""
    make_candidate("2025-08")
    place = make_candidate()
    reports = tiny_company / "reports" / "tiny"
    place.unlink()
    place.symlink_to((reports / "2025-08").readlink())
    with pytest.raises(PressError, match="the pack is of tiny 2025-08"):
        sign(tiny_company)


@pytest.mark.parametrize("what", ["changed", "added", "gone"])
def test_a_pack_that_was_changed_is_not_signed(tiny_company, make_candidate, what):
    """A file that differs from the manifest, is new or is missing stops the signing by its name."""
    place = make_candidate()
    target = place / ("extra.csv" if what == "added" else "results.json")
    if what == "gone":
        target.unlink()
    else:
        target.write_text("[]", encoding="utf-8")
    with pytest.raises(PressError, match=f"not those of the pack: {target.name}"):
        sign(tiny_company)

    assert "candidate" == pack.read_manifest(place)["status"]


def test_an_executed_notebook_that_was_changed_is_not_signed(tiny_company, make_candidate):
    """Notebooks have no hash: what they give now is held against what was looked at."""
    place = make_candidate(seen="seventy")
    notebook = place / "restricted" / "notebooks" / "tiny.ipynb"
    notebook.write_text(notebook.read_text("utf-8").replace("seventy", "ninety"), "utf-8")
    with pytest.raises(PressError, match="what is signed is what was looked at"):
        sign(tiny_company)


def test_a_run_never_replaces_a_signed_pack(tiny_company, make_candidate, monkeypatch, capsys):
    """Exit code 2 with name and day before anything runs; no failure page, the same pack."""
    make_candidate()
    place = sign(tiny_company)
    before = place.resolve(), files(place)
    monkeypatch.setenv("REPURCHASE_ROOT", str(tiny_company))
    code = main(["monthly-report", "--profile", "tiny", "--period", "2025-09"])
    told = capsys.readouterr()

    assert 2 == code
    assert "2025-09 was signed by Zhang San on 2025-10-03" in told.err
    assert "running" not in told.out
    assert before == (place.resolve(), files(place))
    assert not (place.parent / "2025-09-failed.html").exists()


def test_place_itself_refuses_to_replace_a_signed_pack(fake_pack):
    """Whoever forgets to ask before still cannot lose a signed pack."""
    place = fake_pack("2025-09", "one", status="signed")
    with pytest.raises(UsageError, match="was signed by Li Si"):
        fake_pack("2025-09", "two")

    assert "one" == (place / "results.json").read_text("utf-8")


def test_another_edition_says_which_it_replaces(tiny_company, make_candidate):
    """The candidate stands beside until it is republished; both signed editions are kept."""
    make_candidate()
    first = sign(tiny_company).resolve()
    beside = make_candidate(seen="otherwise", beside=True)
    reports = tiny_company / "reports" / "tiny"

    assert (first, "2025-09-candidate") == ((reports / "2025-09").resolve(), beside.name)
    with pytest.raises(UsageError, match="was signed by Zhang San"):
        sign(tiny_company)
    place = sign(tiny_company, by="Li Si", on=dt.date(2025, 10, 9), republish=True)
    manifest = pack.read_manifest(place)

    said = "Republished, replaces the edition of 3 Oct 2025 signed by Zhang San."
    assert said in printed(place)
    assert said in (place / "index.html").read_text("utf-8")
    assert (2, first.name) == (manifest["edition"], manifest["replaces"]["pack"])
    assert sorted([first.name, place.resolve().name]) == names(reports)
    assert [] == pack.damage(first)
    assert not os.path.lexists(reports / "2025-09-candidate")


def test_republishing_asks_for_a_candidate(tiny_company, make_candidate):
    """A signed pack is not its own next edition."""
    make_candidate()
    sign(tiny_company)
    with pytest.raises(UsageError, match="no candidate beside the signed pack"):
        sign(tiny_company, republish=True)


def test_the_ledger_lists_signed_editions_alone_and_is_made_from_packs(
    tiny_company, make_candidate
):
    """A ledger that was lost or spoiled comes back with the next signature."""
    make_candidate()
    sign(tiny_company)
    reports = tiny_company / "reports" / "tiny"
    (reports / "ledger.json").write_text("spoiled", encoding="utf-8")
    make_candidate(seen="otherwise", beside=True)
    place = sign(tiny_company, by="Li Si", on=dt.date(2025, 10, 9), republish=True)
    make_candidate("2025-08")
    ledger = json.loads((reports / "ledger.json").read_text("utf-8"))

    assert [("2025-09", 1, "Zhang San", False), ("2025-09", 2, "Li Si", True)] == [
        (r["period"], r["edition"], r["signed_by"], r["in_place"]) for r in ledger
    ]
    assert place.resolve().name == ledger[1]["pack"]
    assert ledger[1]["results_sha256"] == pack.read_manifest(place)["files"]["results.json"]


def test_the_list_of_periods_says_signed(tiny_company, make_candidate):
    """reports/<profile>/index.html shows the state of each pack."""
    make_candidate()
    sign(tiny_company)
    text = (tiny_company / "reports" / "tiny" / "index.html").read_text("utf-8")

    assert 'href="2025-09/index.html"' in text
    assert '<td class="rr-good">Signed</td>' in text


def test_signing_by_the_command_line(tiny_company, make_candidate, monkeypatch, capsys):
    """publish --by --on: exit code 0; a day that is none: 2."""
    make_candidate()
    monkeypatch.setenv("REPURCHASE_ROOT", str(tiny_company))
    words = ["publish", "--profile", "tiny", "--period", "2025-09", "--by", "Zhang San"]

    assert 2 == main([*words, "--on", "3.10.2025"])
    assert 0 == main([*words, "--on", "2025-10-03"])
    assert "signed by Zhang San on 2025-10-03: reports/tiny/2025-09" in capsys.readouterr().out


def test_without_symbolic_links_a_file_points_to_the_pack(
    tiny_company, make_candidate, monkeypatch
):
    """CURRENT in the period's folder; rebuilding, signing and the list of periods work the same."""

    def none(*_, **__):
        raise OSError("links need a privilege here")

    monkeypatch.setattr(os, "symlink", none)
    reports = tiny_company / "reports" / "tiny"
    make_candidate(seen="one")
    second = make_candidate(seen="two")

    assert ["CURRENT"] == [p.name for p in (reports / "2025-09").iterdir()]
    assert second == current_pack(reports, "2025-09")
    assert [second.name] == names(reports)
    signed = sign(tiny_company)
    assert signed == current_pack(reports, "2025-09")
    assert f'href=".packs/{signed.name}/index.html"' in (reports / "index.html").read_text("utf-8")
    with pytest.raises(UsageError, match="was signed by"):
        make_candidate(seen="three")


def test_a_folder_that_is_no_pack_is_left_alone(fake_pack, tmp_path):
    """What somebody put at the period's name is neither removed nor overwritten."""
    mine = tmp_path / "reports" / "tiny" / "2025-09" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(PressError, match="2025-09 is not a pack's link"):
        fake_pack("2025-09", "one")

    assert "mine" == mine.read_text("utf-8")
    assert [] == names(mine.parent.parent)


def test_a_pack_that_was_spoiled_is_replaced_by_an_equal_one(fake_pack):
    """The same manifest again: the spoiled files are not taken for the new ones."""
    place = fake_pack("2025-09", "one")
    (place / "results.json").write_text("spoiled", encoding="utf-8")
    place = fake_pack("2025-09", "one")

    assert "one" == (place / "results.json").read_text("utf-8")
    assert 1 == len(names(place.parent))


def test_periods_whose_names_begin_alike_do_not_tidy_each_other(fake_pack, tmp_path):
    """2025, 2025-Q3 and 2025-09 each keep their own pack."""
    for period in ("2025", "2025-Q3", "2025-09", "2025"):
        fake_pack(period, period)
    reports = tmp_path / "reports" / "tiny"

    assert ["2025", "2025-09", "2025-Q3"] == sorted(pack.labels(reports))
    assert 3 == len(names(reports))


def months(count):
    """The labels of that many months, the last of them 2025-09."""
    every = [f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 13)]
    return every[: every.index("2025-09") + 1][-count:]


def snapshot(root, name):
    """A snapshot's folder."""
    folder = root / ".cache" / "snapshots" / "tiny" / name
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text("{}", encoding="utf-8")
    os.utime(folder, (1, int(name[-1])))
    return folder


def test_prune_keeps_the_newest_periods_and_all_that_is_signed(tmp_path, fake_pack, monkeypatch):
    """Of 15 months the older two go unless signed; of the prepared data only the newest stays."""
    monkeypatch.setattr("repurchase.press.prune._write_indexes", lambda _: None)
    first, second, *rest = months(15)
    fake_pack(first, "old")
    fake_pack(second, "old", status="signed")
    for period in rest:
        fake_pack(period, period)
    for number in (1, 2, 3):
        snapshot(tmp_path, f"v={number}")
    reports = tmp_path / "reports" / "tiny"
    lines = []
    dry = prune(tmp_path, dry_run=True, say=lines.append)
    there = names(reports)
    done = prune(tmp_path, say=lines.append)

    assert dry == done
    assert 15 == len(there)
    assert [f".packs/{first}"] == [p.split("tiny/")[1][:14] for p in done.paths if "reports" in p]
    assert [2, 1] == [sum(f"v={n}" in p for p in done.paths) for n in ("", "1")]
    assert sorted([second, *rest]) == sorted(pack.labels(reports))
    assert not os.path.lexists(reports / first)
    assert ["v=3"] == [p.name for p in (tmp_path / ".cache/snapshots/tiny").glob("v=*")]
    assert any(f"would remove reports/tiny/.packs/{first}" in line for line in lines)
    assert any(f"removing reports/tiny/.packs/{first}" in line for line in lines)


def test_prune_mends_the_list_of_periods(tiny_company, make_candidate):
    """What was removed is no longer linked."""
    make_candidate("2025-08")
    make_candidate()
    prune(tiny_company, keep=1, say=lambda _: None)
    text = (tiny_company / "reports" / "tiny" / "index.html").read_text("utf-8")

    assert 'href="2025-09/index.html"' in text
    assert "2025-08" not in text


def test_prune_waits_for_nobody(tmp_path, fake_pack):
    """While a run of the profile is at work nothing is removed."""
    fake_pack("2025-08", "one")
    fake_pack("2025-09", "two")
    reports = tmp_path / "reports" / "tiny"
    with pack.held(reports, PERIOD), pytest.raises(PressError, match=f"process {os.getpid()}"):
        prune(tmp_path, keep=1, say=lambda _: None)

    assert 2 == len(pack.labels(reports))


def test_prune_keeps_the_candidate_beside_a_signed_pack(tmp_path, fake_pack, monkeypatch):
    """Somebody is looking at it; without a link to it, it would go."""
    monkeypatch.setattr("repurchase.press.prune._write_indexes", lambda _: None)
    fake_pack("2025-09", "one", status="signed")
    beside = fake_pack("2025-09", "two", beside=True)
    prune(tmp_path, say=lambda _: None)

    assert "two" == (beside / "results.json").read_text("utf-8")
    assert 2 == len(names(tmp_path / "reports" / "tiny"))


def test_prune_keeps_the_newest_data_of_each_profile_and_touches_no_other(tmp_path):
    """The newest by time, whatever it is called; a link is nobody's data; one profile if named."""
    for name, age in (("v=9", 1), ("v=1", 5)):
        os.utime(snapshot(tmp_path, name), (1, age))
    home = tmp_path / ".cache" / "snapshots"
    shutil.copytree(home / "tiny", home / "other")
    (home / "tiny" / "v=0").symlink_to(home / "other" / "v=9")
    prune(tmp_path, profile="tiny", say=lambda _: None)

    assert ["v=0", "v=1"] == sorted(p.name for p in (home / "tiny").glob("v=*"))
    assert ["v=1", "v=9"] == sorted(p.name for p in (home / "other").glob("v=*"))


def test_prune_waits_for_no_run_that_prepares_data(tmp_path):
    """While the data of a profile are prepared nothing is removed."""
    for number in (1, 2):
        home = snapshot(tmp_path, f"v={number}").parent
    with locked(home / ".lock", what="the data of tiny"), pytest.raises(PressError):
        prune(tmp_path, say=lambda _: None)

    assert 2 == len(list(home.glob("v=*")))


@pytest.mark.parametrize("words", [["--keep", "0"], ["--profile", "../x"]])
def test_prune_refuses_what_makes_no_sense(tiny_company, monkeypatch, words):
    """Wrong use is exit code 2."""
    monkeypatch.setenv("REPURCHASE_ROOT", str(tiny_company))

    assert 2 == main(["prune", *words])


def test_a_pack_that_ran_can_be_signed_and_made_anew(tiny_company):
    """From the notebooks: run, sign, run again beside, republish."""
    params = load_params("tiny", "2025-09", root=tiny_company)
    said = []
    monthly_report(params, say=said.append)
    first = sign(tiny_company).resolve()
    with pytest.raises(UsageError, match="was signed by"):
        monthly_report(params, say=said.append)
    outcome = monthly_report(params, say=said.append, republish=True)
    place = sign(tiny_company, by="Li Si", republish=True)

    assert "2025-09-candidate" == outcome.path.name
    assert "candidate: reports/tiny/2025-09-candidate/review.pdf" == said[-1]
    assert first != place.resolve()
    assert 2 == len(names(place.parent))
