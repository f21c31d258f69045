"""What a cell tells the press is told at once, wherever in the cell it stands.

A notebook shows only the value of a cell's last line: of two `review.record(...)` in one cell the
first would be lost without a word.
"""

from __future__ import annotations

import sys
from typing import Any


class Published:
    """Shows itself once: when it is published, else as the value of a cell."""

    _is_published = False

    def published(self: Any) -> Any:
        """Itself, after it has become an output of the running cell; outside a kernel as it is."""
        shell = sys.modules.get("IPython")
        if shell is not None and shell.get_ipython() is not None:
            self._ipython_display_()
        return self

    def _ipython_display_(self: Any) -> None:
        if self._is_published:
            return
        from IPython.display import publish_display_data

        object.__setattr__(self, "_is_published", True)  # the records themselves never change
        publish_display_data(dict(self._repr_mimebundle_()))
