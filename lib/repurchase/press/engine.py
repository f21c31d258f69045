"""papermill's own engine, but that it writes the notebook once and not before and after each cell.

Each time it would write all outputs so far: with figures in them that took as long as the chapter.
An engine is papermill's extension point. Importing this module imports papermill.
"""

from __future__ import annotations

from typing import Any

from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

NAME = "repurchase"


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


papermill_engines.register(NAME, Engine)
