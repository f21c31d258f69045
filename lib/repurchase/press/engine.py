"""papermill's own engine, but that it writes the notebook once and not before and after each cell.

Each time it would write all outputs so far: with figures in them that took as long as the chapter.
An engine is papermill's extension point. Importing this module imports papermill.
"""

from __future__ import annotations

import re
from typing import Any

from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

NAME = "repurchase"
ADDRESS = re.compile(r"\bat 0x[0-9A-Fa-f]{6,16}\b")
NOWHERE = "at 0x…"


class Engine(NBClientEngine):
    """Executes as papermill does; a notebook that was not executed to its end is written too."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: Any
    ) -> None:
        """Executes all cells. What is raised leaves the partial notebook to be written."""
        path, nb_man.output_path = nb_man.output_path, None
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **options)
        except BaseException:
            nb_man.output_path = path
            raise
        without_addresses(nb_man.nb)


def without_addresses(notebook: Any) -> None:
    """Takes out of the outputs where an object lay in memory: no two runs print the same.

    `<Line2D at 0x7f1c>` is what a chart or a relation left as a cell's last line shows.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            for holder, name in _texts(output):
                if isinstance(holder[name], str):
                    holder[name] = ADDRESS.sub(NOWHERE, holder[name])


def _texts(output: Any) -> list[tuple[Any, str]]:
    """Where an output holds text that a reader sees."""
    data = output.get("data", {})
    found = [(data, mime) for mime in ("text/plain", "text/html", "text/markdown") if mime in data]
    return found + ([(output, "text")] if "text" in output else [])


papermill_engines.register(NAME, Engine)
