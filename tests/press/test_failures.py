"""Through the real command, started as a scheduler does: whatever fails, what stood before stays.

The terminal and the failure page say which chapter and cell, its last lines and what to do.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import repurchase
from pypdf import PdfReader

LIBRARY = Path(repurchase.__file__).parents[1]
PERIOD = "2025-09"
SECRETS = {
    "REPURCHASE_DB_PASSWORD": "p&ss'w0rd-of-the-shop",
    "PGPASSWORD": "elephant7",
    "API_TOKEN": "tok_<b>12345</b>",
    "WAREHOUSE_URL": "postgresql://reader:s3cr%40et-pw@db.example/shop",
}
HIDDEN = ("w0rd-of-the-shop", "elephant7", "12345</b>", "12345&lt;", "s3cr%40et", "s3cr@et")
SHOWS = "import os\nfor pair in os.environ.items():\n    print(*pair)\ndict(os.environ)"
# what goes wrong, and the words by which one knows it
WRONG = {
    "raises": ("import os\nraise KeyError(dict(os.environ))", "KeyError"),
    "exits": ("import sys\nsys.exit(0)", "SystemExit"),
    "crashes": ("print('so far', flush=True)\nimport os\nos._exit(7)", "exit code 7"),
    "faults": ("import ctypes\nctypes.string_at(0)", "killed by signal 11"),
    "hungry": ("rows = bytearray(3 << 30)", "MemoryError"),
    "sleeps": ("import time\ntime.sleep(600)", "longer than 12 s"),
}


def started(root, *words, before=(), paths=(), **variables):
    """`monthly-report` in an environment that holds these variables and nothing else."""
    path = os.pathsep.join([*map(str, paths), str(LIBRARY)])
    environment = {"PYTHONPATH": path, "REPURCHASE_ROOT": str(root), **variables}
    command = [sys.executable, "-m", "repurchase", "monthly-report", "--profile", "tiny",
               "--period", PERIOD, *words]  # fmt: skip
    return subprocess.run(
        [*before, *command], capture_output=True, text=True, cwd="/", env=environment, check=False
    )


def content(folder):
    """A digest of every file of a pack, by its name."""
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def forgotten(root):
    """So that a run binds the pack again although nothing has changed."""
    shutil.rmtree(root / ".cache" / "packs", ignore_errors=True)


@pytest.fixture(scope="module")
def company(company_of):
    """A company with a pack in place, whose chapter prints its whole environment.

    Whoever made it has no home that takes files, as a service has none.
    """
    root = company_of({"sound": SHOWS})
    done = started(root, HOME=str(root / "orders.csv"), **SECRETS)
    assert 0 == done.returncode, done.stderr
    (root / "said.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return root


def leaks(folder):
    """The files in which a part of a secret stands, also in the print's own words."""
    found = []
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        if path.suffix == ".pdf":
            text += "".join(page.extract_text() for page in PdfReader(path).pages)
            text = text.replace("\u200b", "")
        found += [path.name for part in HIDDEN if part in text]
    return found


def test_no_secret_of_the_environment_is_written_by_a_good_run(company):
    """Not to pages, print, executed notebooks, manifest, caches or what is said; its name is."""
    pack = company / "reports" / "tiny" / PERIOD
    texts = [*pack.rglob("*.html"), *pack.rglob("*.ipynb")]
    shown = {path.name: path.read_text("utf-8") for path in texts}

    assert [] == leaks(company)
    for name in SECRETS:
        assert f"[{name}]" in shown["sound.html"]
        assert f"[{name}]" in shown["sound.ipynb"]
    assert "reader:[WAREHOUSE_URL]@db.example" in shown["sound.html"]


def test_a_home_that_takes_no_files_goes_unnoticed(company):
    """Libraries that would keep something there say nothing, and find another place."""
    said = (company / "said.txt").read_text("utf-8")

    assert said.startswith(f"tiny {PERIOD}; data through 2025-09-30\n")
    assert said.endswith(f"candidate: reports/tiny/{PERIOD}/review.pdf\n")
    assert list((company / ".cache" / "matplotlib").glob("fontlist*"))


@pytest.fixture(scope="module")
def failed(company):
    """A run in which six chapters fail, each otherwise; and the pack's files before."""
    before = content(company / "reports" / "tiny" / PERIOD)
    profile = company / "params" / "tiny.yaml"
    kept = profile.read_text("utf-8")
    template = (company / "notebooks" / "sound.ipynb").read_text("utf-8")
    for name, (source, _) in WRONG.items():
        notebook = json.loads(template)
        notebook["cells"][2]["source"] = source
        (company / "notebooks" / f"{name}.ipynb").write_text(json.dumps(notebook), "utf-8")
    profile.write_text(kept.replace("[sound]", f"[{', '.join(WRONG)}, sound]"), "utf-8")
    done = started(company, "--memory", "1", "--timeout", "12", "--jobs", "3", **SECRETS)
    page = (company / "reports" / "tiny" / f"{PERIOD}-failed.html").read_text("utf-8")
    return done, page, before


@pytest.mark.parametrize("name", WRONG)
def test_each_chapter_that_fails_is_told(failed, name):
    """By terminal and page: the chapter, its cell, what it was, and what to do."""
    done, page, _ = failed
    blocks = re.split(r"\n(?=chapter \w+ failed)", done.stderr)
    told = next(block for block in blocks if block.startswith(f"chapter {name} failed: "))

    assert WRONG[name][1] in told
    assert f"where: notebooks/{name}.ipynb, cell 3: {WRONG[name][0].splitlines()[0]}" in told
    assert "to do: " in told
    assert f"chapter {name} failed: " in page
    assert f"notebooks/{name}.ipynb, cell 3" in page


def test_the_others_finish_and_what_stood_before_stays(failed, company):
    """One run tells all that is wrong, with exit code 1; the pack is the old one, byte for byte."""
    done, page, before = failed
    reports = company / "reports" / "tiny"

    assert 1 == done.returncode
    assert "6 chapters failed: raises, exits, crashes, faults, hungry, sleeps" in done.stderr
    assert re.search(r"^  sound \d", done.stdout, re.MULTILINE)
    assert re.search(r"^  data \d", done.stdout, re.MULTILINE)
    assert before == content(reports / PERIOD)
    assert [] == [p.name for p in (reports / ".packs").iterdir() if p.name.startswith("new-")]
    assert "so far" in done.stderr and "so far" in page
    assert "Traceback (most recent call last)" not in done.stdout


def test_no_secret_is_told_by_a_failure(failed, company):
    """The traceback of a cell that showed its environment has names where secrets were."""
    done, page, _ = failed

    assert [] == [part for part in HIDDEN if part in done.stdout + done.stderr]
    assert [] == leaks(company)
    assert "[REPURCHASE_DB_PASSWORD]" in done.stderr
    assert "[PGPASSWORD]" in page or "[REPURCHASE_DB_PASSWORD]" in page


def test_a_sound_run_removes_the_failure_page(failed, company):
    """When all is mended nothing says any more that it was not.

    The chapter that mends it reads nothing: the runs below bind what is kept, and start no kernel.
    """
    profile = company / "params" / "tiny.yaml"
    text = re.sub(r"chapters: \[.*\]", "chapters: [mended]", profile.read_text("utf-8"))
    profile.write_text(text, "utf-8")
    shutil.copy(company / "notebooks" / "data.ipynb", company / "notebooks" / "mended.ipynb")
    done = started(company, "--quiet", **SECRETS)

    assert 0 == done.returncode, done.stderr
    assert [f"candidate: reports/tiny/{PERIOD}/review.pdf"] == done.stdout.splitlines()
    assert not (company / "reports" / "tiny" / f"{PERIOD}-failed.html").exists()


def test_a_missing_font_is_named(company, tmp_path):
    """Which file, and how it comes back; the old pack stays."""
    (tmp_path / "font_source_sans_pro" / "files").mkdir(parents=True)
    (tmp_path / "font_source_sans_pro" / "__init__.py").touch()
    place = company / "reports" / "tiny" / PERIOD
    before = content(place)
    forgotten(company)
    done = started(company, paths=[tmp_path], **SECRETS)
    page = place.with_name(f"{PERIOD}-failed.html").read_text("utf-8")

    assert 1 == done.returncode
    assert "a font file is missing" in done.stderr and "SourceSansPro-Regular.otf" in done.stderr
    assert "to do: install the fonts' packages again" in done.stderr
    assert "Traceback" not in done.stderr
    assert "a font file is missing" in page
    assert before == content(place)


# The rest in a mount of its own, which goes with the process. {reports} is what is mounted there.
MOUNTS = {
    "a full disk": "mount -t tmpfs -o size={size}k tmpfs {reports} && cp -a {kept}/. {reports}/",
    "a read-only folder": "mount --bind {reports} {reports} && mount -o remount,ro,bind {reports}",
}
TOLD = {"a full disk": "disk is full|No space left", "a read-only folder": "[Rr]ead-only"}


def mounted(script, words):
    """The command within the mount; then what stands in the reports folder."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "-rm", "true"], check=False).returncode:
        pytest.skip("this machine lets nobody mount a file system of his own")
    look = "; code=$?; tar -C {reports} -cf {after} .; exit $code"
    values = {**words, "after": str(words["kept"]) + ".tar"}
    shell = f'{script.format(**values)} || exit 99; "$@"{look.format(**values)}'
    return [unshare, "-rm", "sh", "-c", shell, "sh"], Path(values["after"])


@pytest.mark.parametrize("what", MOUNTS)
def test_a_disk_that_takes_nothing_leaves_the_old_pack(company, tmp_path, what):
    """Exit code 1, told in a line, no half pack; the old one can be read where it was."""
    reports = company / "reports" / "tiny"
    forgotten(company)
    kept = tmp_path / "kept"
    shutil.copytree(reports, kept, symlinks=True)
    size = sum(p.lstat().st_size + 4096 for p in kept.rglob("*")) // 1024 + 48
    before, after = mounted(MOUNTS[what], {"reports": reports, "kept": kept, "size": size})
    done = started(company, before=before, PATH=os.environ["PATH"], **SECRETS)
    shutil.unpack_archive(after, tmp_path / "after")

    assert 1 == done.returncode, done.stderr
    assert re.search(TOLD[what], done.stderr), done.stderr
    assert "to do: free space or mend the permissions" in done.stderr
    assert "Traceback" not in done.stderr
    assert content(kept / PERIOD) == content(tmp_path / "after" / PERIOD)
    left = [p.name for p in (tmp_path / "after" / ".packs").iterdir()]
    assert [] == [name for name in left if name.startswith(("new-", "link-"))]
    if what == "a full disk":
        assert "disk is full" in (tmp_path / "after" / f"{PERIOD}-failed.html").read_text("utf-8")
