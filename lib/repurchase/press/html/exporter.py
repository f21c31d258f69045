"""The nbconvert exporter behind a chapter's page."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup
from nbconvert.exporters.templateexporter import TemplateExporter
from traitlets import Unicode, default

from repurchase.press.html.content import cell_html
from repurchase.press.html.pages import Page, style
from repurchase.press.typst.assets import notebook_folder
from repurchase.press.typst.mend import title_from_name
from repurchase.press.typst.notebook import HIDDEN_TAGS, notebook_title

TEMPLATE = "review"


class ReviewHtmlExporter(TemplateExporter):
    """A notebook as one self-contained page: no script, nothing from the net, code hidden."""

    export_from_notebook = "HTML (Repurchase Review)"
    output_mimetype = "text/html"

    language = Unicode("en", help="Language of the text: en or zh-CN.").tag(config=True)
    # to hold the notebook against its schema takes as long as to write the page: once is enough
    optimistic_validation = True

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    @default("template_name")
    def _template_name_default(self) -> str:
        return TEMPLATE

    @default("extra_template_basedirs")
    def _default_extra_template_basedirs(self) -> list[str]:
        return [str(files("repurchase.press.html"))]

    @default("exclude_input")
    def _exclude_input_default(self) -> bool:
        return True

    def _create_environment(self) -> Any:
        environment = super()._create_environment()
        environment.autoescape = True
        environment.filters["cells_html"] = cells_html
        return environment

    def from_notebook_node(  # type: ignore[override]
        self, nb: Any, resources: Any = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page and nbconvert's resources; `resources["rr_page"]` may bring a `Page`."""
        resources = dict(resources or {})
        name = title_from_name(str(resources.get("metadata", {}).get("name", "")))
        given = resources.get("rr_page")
        page = given or Page(
            title=notebook_title(nb) or name, language=self.language, css=style()
        )
        resources["rr_page"] = page
        resources["rr_parts"] = [p for p in ("a", "b") if _has_part(nb, p)]
        resources["rr_show_code"] = not self.exclude_input
        # a page of the pack opens no file; only a notebook that somebody exports by hand does
        resources["rr_folder"] = notebook_folder(resources) if given is None else None
        page_text, resources = super().from_notebook_node(nb, resources, **kwargs)
        return str(page_text), resources


def _tags(cell: Any) -> set[str]:
    return set(cell.get("metadata", {}).get("tags", ()))


def _has_part(nb: Any, part: str) -> bool:
    return any(f"part-{part}" in _tags(cell) for cell in nb["cells"])


def cells_html(
    nb: Any,
    part: str | None,
    *,
    show_code: bool = False,
    figures: str | None = None,
    folder: Path | None = None,
) -> Markup:
    """The cells of one part (None: all) as HTML, without the heading that is the page's title."""
    seen: list[int] = []
    level = 3 if part == "b" else 2
    shown: list[Markup] = []
    for cell in nb["cells"]:
        tags = _tags(cell)
        if tags & HIDDEN_TAGS or (part is not None and f"part-{part}" not in tags):
            continue
        if not shown and cell["cell_type"] == "markdown":
            cell = {**cell, "source": _without_title(_text(cell["source"]))}
        shown.append(
            cell_html(
                cell,
                show_code=show_code,
                first_level=level,
                seen=seen,
                figures=figures,
                folder=folder,
            )
        )
    return Markup("\n").join(shown)


def _text(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)


def _without_title(source: str) -> str:
    """The Markdown without its first line where that is a heading of level 1, the title."""
    first, _, rest = source.lstrip().partition("\n")
    return rest if first.startswith("# ") else source
