"""A company of three orders, and packs of it that are bound without running anything."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.press import chapters, pack, provenance
from repurchase.press.chapters import Ran
from repurchase.press.gate import Verdict
from repurchase.press.volume import write_volume

ORDERS = """order_id,customer_id,ordered_at,net_amount
1,a,2025-08-01,10
2,a,2025-09-02,20
3,b,2025-09-30,30
"""
PROFILE = """company: Edition 0
time_zone: Asia/Shanghai
currency: CNY
order_definition: Every row.
chapters: [tiny]
promotions: [{name: Sale, day: 11-11}]
data_through: 2025-09-30
sources:
  orders:
    files: orders.csv
    columns:
      order_id: order_id
      customer_id: customer_id
      ordered_at: ordered_at
      net_amount: net_amount
"""


@pytest.fixture
def tiny_company(tmp_path: Path) -> Path:
    """A project whose profile `tiny` has three orders and three notebooks that import nothing."""
    return write_company(tmp_path, {"tiny": "print('seen')"})


@pytest.fixture(scope="module")
def company_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], Path]:
    """Makes the same project with chapters of these names, each of one cell of that source."""
    return lambda sources: write_company(tmp_path_factory.mktemp("company"), sources)


def write_company(folder: Path, sources: dict[str, str]) -> Path:
    """The files of a company of three orders."""
    (folder / "params").mkdir()
    text = PROFILE.replace("[tiny]", f"[{', '.join(sources)}]")
    (folder / "params" / "tiny.yaml").write_text(text, encoding="utf-8")
    (folder / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (folder / "notebooks").mkdir()
    for name, source in {**sources, **dict.fromkeys(chapters.ALWAYS, "print('seen')")}.items():
        write_notebook(folder / "notebooks" / f"{name}.ipynb", name, source)
    return folder


def write_notebook(path: Path, name: str, source: str = "print('seen')") -> None:
    """A chapter of one heading, the parameters and one cell."""
    tags = {"tags": ["part-a"]}
    cells = [
        nbformat.v4.new_markdown_cell(f"# The {name}", metadata=tags),
        nbformat.v4.new_code_cell(
            'profile = "tiny"\nperiod = "2025-09"', metadata={"tags": ["parameters"]}
        ),
        nbformat.v4.new_code_cell(source, metadata=tags),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


@pytest.fixture
def make_candidate(tiny_company: Path) -> Callable[..., Path]:
    """Puts a bound pack in place, as a run does, its notebooks taken for executed."""

    def make(
        period: str = "2025-09", *, seen: str = "seen", reasons: tuple[str, ...] = (),
        beside: bool = False, language: str = "en",
    ) -> Path:  # fmt: skip
        params = load_params("tiny", period, root=tiny_company, language=language)
        snapshot = prepare(params, cache=tiny_company / ".cache")
        wanted = chapters.chapters_of(params)
        verdict = Verdict("draft" if reasons else "candidate", reasons)
        manifest = provenance.manifest(
            params, snapshot, wanted, status=verdict.status, reasons=reasons
        )
        reports = tiny_company / "reports" / "tiny"
        with pack.held(reports, params.period), pack.aside(reports, params.period) as folder:
            kept = folder / pack.RESTRICTED / "notebooks"
            kept.mkdir(parents=True)
            ran = []
            for chapter in wanted:
                notebook = nbformat.read(chapter.path, as_version=4)
                notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text=f"{seen}\n")]
                nbformat.write(notebook, kept / f"{chapter.name}.ipynb")
                ran.append(Ran(chapter, nbformat.read(kept / f"{chapter.name}.ipynb", 4)))
            write_volume(folder, ran, params, manifest, verdict)
            pack.write_json(folder / "results.json", [{"metric": "buyers", "value": 2.0}])
            manifest["files"] = pack.delivered(folder)
            pack.write_json(folder / "manifest.json", manifest)
            return pack.place(folder, reports, params.period, beside=beside)

    return make


@pytest.fixture
def fake_pack(tmp_path: Path) -> Callable[..., Path]:
    """Puts a pack of two small files in place; nothing in it can be read as a review."""

    def make(period: str, text: str, *, status: str = "candidate", beside: bool = False) -> Path:
        from repurchase.period import Period

        reports, parsed = tmp_path / "reports" / "tiny", Period.parse(period)
        with pack.held(reports, parsed), pack.aside(reports, parsed) as folder:
            (folder / pack.RESTRICTED).mkdir()
            pack.write_text(folder / "results.json", text)
            manifest = {"profile": "tiny", "period": period, "status": status}
            manifest |= {"files": pack.delivered(folder), "data_through": "2025-09-30"}
            if status == "signed":
                manifest |= {"signed_by": "Li Si", "signed_on": "2025-10-01", "edition": 1}
            pack.write_json(folder / "manifest.json", manifest)
            return pack.place(folder, reports, parsed, beside=beside)

    return make
