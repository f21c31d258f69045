"""The lists as files: text stays text, the same rows give the same bytes."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pandas as pd
import pytest
from repurchase.cells import inert
from repurchase.errors import DataError
from repurchase.handout import MIME, HandedOut, Unpacked, unpacked
from repurchase.press import kept, lists
from repurchase.press import sheets as sheets_module
from repurchase.show.worklists import masked
from xlsxwriter.worksheet import Worksheet

HOSTILE = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\x07bell", "http://x.example/a"]


def sheets(**frames: pd.DataFrame) -> Unpacked:
    first = next(iter(frames))
    labels = tuple(["R1", "../R2"][i % 2] for i in range(len(frames[first])))
    return Unpacked(frames, first, labels, dt.date(2025, 9, 30))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    rows = pd.DataFrame(
        {
            "Customer": [f"{i:04d}" for i in range(len(HOSTILE))],
            "Name": HOSTILE,
            "Due": [dt.date(2025, 10, 1)] * len(HOSTILE),
            "Margin": [1.5, None, 3.0, 4.0, 5.0, 6.0],
            "Rank": [1, 2, 3, 4, 5, 6],
        }
    ).map(inert)
    lists.write(tmp_path, sheets(**{"Lists": rows, "A/B: [x]": rows}))
    return tmp_path


def test_no_cell_of_the_workbook_is_a_formula_or_link(written: Path) -> None:
    """What looks like one arrives as text with an apostrophe, control characters are gone."""
    book = openpyxl.load_workbook(written / "worklists.xlsx")
    cells = [cell for row in book["Lists"].iter_rows() for cell in row]

    assert ["Lists", "A-B- -x-"] == book.sheetnames
    assert {"s", "n", "d"} == {cell.data_type for cell in cells}
    assert [None] * len(cells) == [cell.hyperlink for cell in cells]
    names = [cell.value for cell in book["Lists"]["B"]][1:]
    assert ["'=cmd|' /C calc'!A0", "'+1", "'-1", "'@SUM(A1)", "bell", "http://x.example/a"] == names


def test_ids_keep_their_noughts_and_dates_are_dates(written: Path) -> None:
    """A missing number stays an empty cell."""
    sheet = openpyxl.load_workbook(written / "worklists.xlsx")["Lists"]

    assert "0001" == sheet["A3"].value
    assert dt.datetime(2025, 10, 1) == sheet["C3"].value
    assert [1.5, None] == [sheet["D2"].value, sheet["D3"].value]


def test_each_list_has_a_file_of_its_own(written: Path) -> None:
    """Every row is in exactly one of them, and no name leaves the folder."""
    files = sorted((written / "worklists").iterdir())
    read = [pd.read_csv(file, dtype=str, encoding="utf-8-sig") for file in files]

    assert ["1-R1.csv", "2-R2.csv"] == [file.name for file in files]
    assert [3, 3] == [len(frame) for frame in read]
    whole = pd.read_csv(written / "worklists.csv", dtype=str, encoding="utf-8-sig")
    assert sorted(whole["Customer"]) == sorted(pd.concat(read)["Customer"])


@pytest.mark.parametrize("note", ["a", 'say "a", b', "a\nb", "a\r\nb", "王,小明"])
def test_a_list_of_its_own_is_those_rows_whatever_they_hold(note: str) -> None:
    """Cut out of the whole file or, where a cell has a new line of its own, written anew."""
    rows = pd.DataFrame({"Note": ["first", note, None], "Rank": [1, 2, 3]})

    made = dict(lists.files(sheets(Lists=rows)))

    mine = rows.iloc[[0, 2]].to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
    others = rows.iloc[[1]].to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
    assert (mine, others) == (made["worklists/1-R1.csv"], made["worklists/2-R2.csv"])


def test_the_same_rows_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    """Neither the time of day nor the folder is in the files."""
    again = tmp_path / "again"
    again.mkdir()
    rows = pd.read_csv(written / "worklists.csv", dtype=str, encoding="utf-8-sig")
    for folder in ("a", "b"):
        (again / folder).mkdir()
        lists.write(again / folder, sheets(Lists=rows))
    first, second = (again / f / "worklists.xlsx" for f in ("a", "b"))

    assert first.read_bytes() == second.read_bytes()
    assert b"2025-09-30T00:00:00Z" in zipfile.ZipFile(first).read("docProps/core.xml")
    assert {(1980, 1, 1, 0, 0, 0)} == {i.date_time for i in zipfile.ZipFile(first).infolist()}


def test_the_quick_sheet_is_what_xlsxwriter_writes_itself(written: Path, tmp_path: Path) -> None:
    """Byte for byte what its own functions make of it cell by cell."""
    rows = pd.read_csv(written / "worklists.csv", dtype=str, encoding="utf-8-sig")
    many = pd.DataFrame(
        {
            "Text": [None if i % 3 else f"<a&{i % 5}> \n ü😀" for i in range(40)],
            "Day": [dt.date(2025, 9, 30) if 20 < i < 30 else None for i in range(40)],
            "Money": [i / 7 * 10**i if i % 2 else float("nan") for i in range(40)],
            "Count": range(40),
            "": [""] * 40,
        }
    )
    many.loc[16:33, "Count"] = None
    frames = {"Many": many, "Lists": rows, "None": pd.DataFrame({"a": [], "b": []})}
    ours = lists._workbook(frames, dt.date(2025, 9, 30))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sheets_module.ColumnSheet, "fill", cell_by_cell)
        patched.setattr(sheets_module.ColumnSheet, "_write_rows", Worksheet._write_rows)
        theirs = lists._workbook(frames, dt.date(2025, 9, 30))

    assert content(theirs) == content(ours)


def content(book: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def cell_by_cell(sheet: Any, columns: Any, formats: Any) -> None:
    for name in ("text", "head", "date", "money"):  # numbered as they are met first
        formats[name]._get_xf_index()
    for place, (heading, values) in enumerate(columns):
        sheet.write_string(0, place, heading, formats["head"])
        for row, value in enumerate(values, start=1):
            if isinstance(value, str) and value:
                sheet.write_string(row, place, value, formats["text"])
            elif isinstance(value, dt.date):
                sheet.write_datetime(row, place, value, formats["date"])
            elif isinstance(value, int | float):
                shown = formats["money"] if isinstance(value, float) else None
                sheet.write_number(row, place, value, shown)


def test_a_text_longer_than_a_cell_is_cut(tmp_path: Path) -> None:
    """At 32,767 units of UTF-16, of which an emoji takes two, and between characters."""
    rows = pd.DataFrame({"Text": ["a" * 40_000, "a" + "😀" * 20_000]})
    lists.write(tmp_path, sheets(Lists=rows))
    sheet = openpyxl.load_workbook(tmp_path / "worklists.xlsx")["Lists"]

    assert ["a" * 32_767, "a" + "😀" * 16_383] == [sheet["A2"].value, sheet["A3"].value]


def test_an_empty_list_is_a_sheet_with_its_headings(tmp_path: Path) -> None:
    """A month in which nobody is due."""
    empty = Unpacked({"Lists": pd.DataFrame({"Customer": []})}, "Lists", (), dt.date(2025, 9, 30))
    lists.write(tmp_path, empty)

    assert [("Customer",)] == list(
        openpyxl.load_workbook(tmp_path / "worklists.xlsx")["Lists"].values
    )
    assert [] == list((tmp_path / "worklists").iterdir())


def ran(*bundles: dict[str, Any]) -> Any:
    cells = [SimpleNamespace(get=lambda name, default=(), b=b: [{"data": b}]) for b in bundles]
    chapter = SimpleNamespace(name="customer_value")
    return SimpleNamespace(chapter=chapter, notebook=SimpleNamespace(cells=cells))


def test_sheets_travel_through_a_cell_and_only_in_the_press() -> None:
    """The lab's output has no row in it; the press gets what was handed out."""
    told = sheets(Lists=pd.DataFrame({"Customer": ["001"], "Due": [dt.date(2025, 10, 1)]}))
    there = HandedOut(told, travels=True)._repr_mimebundle_()
    here = HandedOut(told, travels=False)._repr_mimebundle_()
    found = unpacked(there[MIME])

    assert ["text/plain"] == list(here)
    assert ("worklists", ("R1",)) == (found.name, found.labels)
    assert ["001"] == found.frames["Lists"]["Customer"].tolist()


@pytest.fixture
def store(tmp_path: Path) -> kept.Store:
    there = tmp_path / "root"
    there.mkdir()
    return kept.Store(SimpleNamespace(root=there, name="shop"))


def test_two_sets_of_lists_are_refused(tmp_path: Path, store: kept.Store) -> None:
    """Somebody would be on two of them."""
    told = sheets(Lists=pd.DataFrame({"Customer": ["001"]}))
    bundle = HandedOut(told, travels=True)._repr_mimebundle_()
    meanwhile = lists.Meanwhile(store)
    meanwhile.see(ran(bundle, bundle))

    with pytest.raises(DataError, match="handed out 2 times, in customer_value, customer_value"):
        meanwhile.write(tmp_path)


def test_lists_are_made_once_for_the_same_rows(tmp_path: Path, store: kept.Store) -> None:
    """They are read by nobody else, come out the same, and are made anew where they are damaged."""
    rows = pd.DataFrame({"Customer": ["001", "002"], "Name": ["王小明", "=1+1"]})
    bundle = HandedOut(sheets(Lists=rows), travels=True)._repr_mimebundle_()
    made = []

    def written(name: str, told: dict[str, Any]) -> dict[str, bytes]:
        folder = tmp_path / name
        folder.mkdir()
        meanwhile = lists.Meanwhile(store)
        meanwhile.see(ran({MIME: told}))
        meanwhile.write(folder)
        made.append(len(list(store.folder.glob("*.zip"))))
        return files_in(folder)

    first = written("first", bundle[MIME])
    (path,) = store.folder.glob("*.zip")
    assert 0o600 == path.stat().st_mode & 0o777
    with zipfile.ZipFile(path, "w") as archive:  # only what was kept has this content
        for name in first:
            archive.writestr(name, b"kept")
    assert {b"kept"} == set(written("again", bundle[MIME]).values())
    path.write_bytes(path.read_bytes()[:200])
    assert first == written("damaged", bundle[MIME])
    assert first == written("mended", bundle[MIME])
    later = HandedOut(sheets(Lists=rows[::-1]), travels=True)._repr_mimebundle_()
    assert first != written("later", later[MIME])
    assert [1, 1, 1, 1, 2] == made


def test_few_lists_are_kept(store: kept.Store) -> None:
    """They are large, and only those of the same data are taken again."""
    for number in range(kept.KEPT_LISTS + 2):
        store.files(number, lambda: [("a.csv", b"1")])
    store.prune()

    assert kept.KEPT_LISTS == len(list(store.folder.iterdir()))


def test_sets_of_other_names_are_files_of_their_own(tmp_path: Path, store: kept.Store) -> None:
    """Those of two chapters, beside each other; a name that is a path is none."""
    rows = pd.DataFrame({"Customer": ["001"]})
    both = [sheets(Lists=rows), replace(sheets(Lists=rows), name="assignments")]
    meanwhile = lists.Meanwhile(store)
    for one in both:
        meanwhile.see(ran(HandedOut(one, travels=True)._repr_mimebundle_()))
    target = tmp_path / "target"
    target.mkdir()
    meanwhile.write(target)

    assert {
        f"{name}{end}" for name in ("worklists", "assignments")
        for end in (".xlsx", ".csv", "/1-R1.csv")
    } == set(files_in(target))  # fmt: skip
    with pytest.raises(ValueError, match="small letters"):
        list(lists.files(replace(both[0], name="../x")))


def test_lists_are_made_while_other_chapters_run(tmp_path: Path, store: kept.Store) -> None:
    """From the moment that a chapter has handed them out; the files are those of `write`."""
    told = sheets(Lists=pd.DataFrame({"Customer": ["001", "002"]}))
    meanwhile = lists.Meanwhile(store)
    meanwhile.see(ran({"text/plain": ""}))
    assert [] == meanwhile._threads
    meanwhile.see(ran(HandedOut(told, travels=True)._repr_mimebundle_()))
    assert 1 == len(meanwhile._threads)
    for name in ("meanwhile", "then"):
        (tmp_path / name).mkdir()
    meanwhile.write(tmp_path / "meanwhile")
    lists.write(tmp_path / "then", told)

    assert files_in(tmp_path / "then") == files_in(tmp_path / "meanwhile")
    assert "worklists.xlsx" in files_in(tmp_path / "then")


def test_what_goes_wrong_meanwhile_is_told_when_the_lists_are_written(
    tmp_path: Path, store: kept.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the thread, and a second set from another chapter."""
    bundle = HandedOut(
        sheets(Lists=pd.DataFrame({"Customer": ["001", "002"]})), travels=True
    )._repr_mimebundle_()
    monkeypatch.setattr(lists, "MOST_ROWS", 1)
    one, two = lists.Meanwhile(store), lists.Meanwhile(store)
    target = tmp_path / "target"
    one.see(ran(bundle))
    for _ in range(2):
        two.see(ran(bundle))

    with pytest.raises(DataError, match="2 rows do not fit"):
        one.write(target)
    with pytest.raises(DataError, match="handed out 2 times"):
        two.write(target)
    assert not target.exists() and not list(store.folder.glob("*"))


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_masks_keep_what_one_knows() -> None:
    """Names, numbers to call, addresses, and texts too short to hide anything but themselves."""
    plain = ["王小明", "Anna Smith", "13812345678", "+86 138-1234", "a@b.example", "12345", ""]
    hidden = ["王**", "A*** S****", "*******5678", "********1234", "a***@b.example", "*****", ""]

    assert hidden == [masked(text) for text in plain]
