"""Files are found by name, by pattern, in a package, on the command line, or generated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from repurchase.errors import ParameterError, SourceError
from repurchase.model.locate import demo_folder, files_of
from repurchase.params import Params, SourceSpec


def found(params: Params, *patterns: str, cache: Path = Path("unused")) -> list[str]:
    columns = {"customer_id": "c", "ordered_at": "t"}
    spec = SourceSpec.model_validate({"files": list(patterns), "columns": columns})
    return [f.shown for f in files_of(spec, params, cache=cache)]


def test_patterns_give_files_in_order_and_none_twice(shop: Any) -> None:
    """Sorted by name; shown relative to the project, the same on each machine."""
    for name in ("x/b.csv", "x/a.csv", "x/[1].csv"):
        shop.csv(name, ("a",), [(1,)])
    params = shop.params()
    assert ["x/[1].csv", "x/a.csv", "x/b.csv"] == found(params, "x/*.csv", "x/a.csv")
    assert ["x/[1].csv"] == found(params, "x/[1].csv")
    assert ["x/a.csv"] == found(params, str(shop.root / "x" / "a.csv"))


def test_a_file_elsewhere_is_shown_without_its_folder(shop: Any, tmp_path_factory: Any) -> None:
    """An absolute path of one machine does not enter the pack."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "a.csv").write_text("a\n1\n")
    assert ["a.csv"] == found(shop.params(), str(folder / "*.csv"))


def test_the_command_line_names_the_file(shop: Any) -> None:
    """Relative to the project's folder or absolute; without DATA the message says how."""
    path = shop.csv("my/data.csv", ("a",), [(1,)])
    params = shop.params()
    assert ["$DATA/data.csv"] == found(replace(params, data="my/data.csv"), "$DATA")
    assert ["$DATA/data.csv"] == found(replace(params, data=str(path)), "$DATA")
    assert ["$DATA/data.csv"] == found(replace(params, data="my"), "$DATA/*.csv")
    with pytest.raises(ParameterError, match="DATA=path/to/file"):
        found(params, "$DATA")
    with pytest.raises(SourceError, match=r"Did you mean 'data\.csv'"):
        found(replace(params, data="my/dat.csv"), "$DATA")
    with pytest.raises(SourceError, match="a folder") as caught:
        found(replace(params, data="my"), "$DATA")
    assert "Did you mean" not in str(caught.value) and "$DATA/*.csv" in str(caught.value)


def test_a_package_is_found_without_being_imported(shop: Any) -> None:
    """A data package's code does not run; a missing one is named with what installs it."""
    assert ["package:json/decoder.py"] == found(shop.params(), "package:json/decoder.py")
    with pytest.raises(SourceError, match="no_such_package"):
        found(shop.params(), "package:no_such_package/a.csv")
    with pytest.raises(SourceError, match="not installed"):
        found(shop.params(), "package:os.path/a.csv")


def test_no_file_is_its_own_message(shop: Any) -> None:
    """The pattern and the folder's files."""
    shop.csv("x/orders.csv", ("a",), [(1,)])
    with pytest.raises(SourceError, match=r"orders\.csv"):
        found(shop.params(), "x/order.csv")


def test_the_demo_company_is_made_once(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder's name is a digest of settings and code; another seed is another folder."""
    made: list[int] = []

    def generate(folder: Path, *, customers: int, seed: int, without: tuple[str, ...]) -> None:
        made.append(seed)
        (Path(folder) / "orders.csv").write_text("a\n1\n")

    monkeypatch.setattr("repurchase.sources.demo.generate", generate)
    params = shop.params(generator={"name": "demo", "customers": 300, "seed": 1})
    assert ["demo:orders.csv"] == found(params, "demo:*.csv", cache=shop.cache)
    assert ["demo:orders.csv"] == found(params, "demo:*.csv", cache=shop.cache)
    other = shop.params(generator={"name": "demo", "customers": 300, "seed": 2})
    assert demo_folder(params, cache=shop.cache) != demo_folder(other, cache=shop.cache)
    assert [1, 2] == made
    with pytest.raises(ParameterError, match="generator"):
        found(shop.params(), "demo:*.csv", cache=shop.cache)
