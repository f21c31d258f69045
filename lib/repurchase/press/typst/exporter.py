"""Any notebook as PDF through Typst: `jupyter nbconvert --to repurchase-pdf some.ipynb`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nbconvert.exporters.exporter import Exporter
from traitlets import Bool, Unicode, default

from repurchase.press.typst.assets import AssetStore, notebook_folder
from repurchase.press.typst.book import compile_source
from repurchase.press.typst.mend import title_from_name, typst_string
from repurchase.press.typst.notebook import notebook_fragment


class TypstPdfExporter(Exporter):
    """A notebook as PDF/UA-1, set like the review. Code is hidden unless asked for."""

    export_from_notebook = "PDF (Repurchase Review)"
    output_mimetype = "application/pdf"

    exclude_input = Bool(True, help="Leave the code out.").tag(config=True)
    language = Unicode("en", help="Language of the text: en or zh-CN.").tag(config=True)
    timestamp = Unicode(
        "2000-01-01T00:00:00+00:00",
        help="Creation time written into the PDF; fixed, so that equal notebooks give equal bytes.",
    ).tag(config=True)

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".pdf"

    def from_notebook_node(  # type: ignore[override]
        self, nb: Any, resources: Any = None, **kwargs: Any
    ) -> tuple[bytes, dict[str, Any]]:
        """The PDF and nbconvert's resources."""
        nb, resources = super().from_notebook_node(nb, resources, **kwargs)
        source, assets = self._source(nb, resources)
        moment = datetime.fromisoformat(self.timestamp)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return compile_source(source, assets, timestamp=moment), resources

    def _source(self, nb: Any, resources: Any) -> tuple[str, AssetStore]:
        assets = AssetStore()
        fragment = notebook_fragment(
            nb,
            part=None,
            assets=assets,
            language=self.language,
            base_level=2,
            show_code=not self.exclude_input,
            log=self.log,
            folder=notebook_folder(resources),
        )
        named = title_from_name(str(resources.get("metadata", {}).get("name", "")))
        title = typst_string(fragment.title or named)
        language, _, region = self.language.partition("-")
        where = f", region: {typst_string(region.lower())}" if region else ""
        opening = (
            f'#import "review.typ": *\n#show: review.with(title: {title}, '
            f"language: {typst_string(language)}{where}, standalone: true)\n"
            f"#heading(level: 1, {title})"
        )
        return f"{opening}\n{fragment.typst}\n", assets
