"""A loss of power: what is named is on the disk before its name is, and the old goes last."""

import errno
import os
from pathlib import Path

import pytest
from repurchase import durable
from repurchase.model.locate import put_in_place
from repurchase.press import pack


@pytest.fixture
def steps(monkeypatch):
    """What the file system is told, in order: ("fsync", path), ("replace", from, to), ("remove",
    path); a path is that of the moment."""
    told = []
    fsync, replace, rmtree = os.fsync, os.replace, pack.shutil.rmtree

    def told_fsync(number):
        told.append(("fsync", os.readlink(f"/proc/self/fd/{number}")))
        fsync(number)

    def told_replace(before, after):
        told.append(("replace", str(before), str(after)))
        replace(before, after)

    def told_rmtree(path, *words, **named):
        if Path(path).is_dir():
            told.append(("remove", str(path)))
        rmtree(path, *words, **named)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("which file is flushed can be told on Linux only")
    monkeypatch.setattr(os, "fsync", told_fsync)
    monkeypatch.setattr(os, "replace", told_replace)
    monkeypatch.setattr(pack.shutil, "rmtree", told_rmtree)
    return told


def first(steps, kind, *ends):
    """The place in the order of the first such step whose paths end so."""
    return next(
        number
        for number, step in enumerate(steps)
        if step[0] == kind and all(p.endswith(e) for p, e in zip(step[1:], ends, strict=False))
    )


def test_a_pack_is_on_the_disk_before_its_name_and_the_old_one_goes_last(fake_pack, steps):
    """Files, their folders, the pack's name, the period's link, and only then the removal."""
    old = fake_pack("2025-09", "one").resolve()
    steps.clear()
    new = fake_pack("2025-09", "two").resolve()
    reports = new.parent.parent
    aside = next(s[1] for s in steps if s[0] == "replace" and s[2] == str(new))

    moved = first(steps, "replace", aside, str(new))
    flushed = {s[1] for s in steps[:moved] if s[0] == "fsync"}
    names = {"", "/manifest.json", "/results.json", "/restricted"}
    assert set() == {aside + name for name in names} - flushed
    linked = first(steps, "replace", "", "/2025-09")
    assert moved < first(steps[moved:], "fsync", str(new.parent)) + moved < linked
    settled = first(steps[linked:], "fsync", str(reports)) + linked
    assert linked < settled < first(steps, "replace", str(old))
    assert settled < first(steps, "remove", "-gone")


def test_without_links_the_pointing_file_is_flushed(fake_pack, steps, monkeypatch):
    """CURRENT has its content before it has its name, and that before the old pack goes."""

    def none(*_, **__):
        raise OSError("no links here")

    monkeypatch.setattr(os, "symlink", none)
    old = fake_pack("2025-09", "one")
    steps.clear()
    fake_pack("2025-09", "two")
    named = first(steps, "replace", "", "/2025-09/CURRENT")

    assert first(steps, "fsync", Path(steps[named][1]).name) < named
    assert named < first(steps[named:], "fsync", "/2025-09") + named
    assert first(steps[named:], "fsync", "/2025-09") + named < first(steps, "replace", str(old))


def test_the_list_of_periods_is_flushed(tmp_path, steps):
    """Content before the swap, the name after it."""
    pack.swap_text(tmp_path / "index.html", "list")

    kinds = [(s[0], Path(s[-1]).name) for s in steps]
    assert [("fsync", ".index.html.part"), ("replace", "index.html"), ("fsync", tmp_path.name)] == (
        kinds
    )


def test_prepared_data_are_on_the_disk_before_their_name(tmp_path, steps):
    """A snapshot's name is the proof that all of it is there."""
    aside = tmp_path / "aside"
    (aside / "deep").mkdir(parents=True)
    (aside / "deep" / "orders.parquet").write_bytes(b"rows")
    put_in_place(aside, tmp_path / "v=1")

    assert ["orders.parquet", "deep", "aside", "aside"] == [Path(s[1]).name for s in steps[:4]]
    assert "replace" == steps[3][0]


def test_a_disk_that_does_not_take_it_leaves_the_old_pack(fake_pack, monkeypatch):
    """Some disks tell that they are full only when they are asked to be done."""
    place = fake_pack("2025-09", "one")
    before = place.resolve()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(pack.PressError, match="No space left"):
        fake_pack("2025-09", "two")

    assert before == place.resolve()
    assert "one" == (place / "results.json").read_text("utf-8")


def test_a_file_system_that_knows_no_names_to_flush_is_no_failure(tmp_path, monkeypatch):
    """EINVAL for a folder is how some network file systems say so; anything else is told."""

    def refuse(number):
        def fsync(_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fsync)

    refuse(errno.EINVAL)
    assert durable.settle_names(tmp_path) is None
    refuse(errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        durable.settle_names(tmp_path)
