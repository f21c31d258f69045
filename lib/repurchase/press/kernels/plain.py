"""A kernel of the press as any other machine's: what its user has set up changes no pack."""

from __future__ import annotations

import warnings
from typing import Any

# what makes figures appear at all, and is the kernel's own
KEPT = {"backend", "backend_fallback", "interactive"}
ARGUMENTS = (
    "--IPKernelApp.log_level=CRITICAL",
    "--HistoryManager.enabled=False",  # cells and results in the user's home
    f"--IPKernelApp.exec_lines=from {__name__} import charts",
    "--IPKernelApp.exec_lines=charts()",
    "--IPKernelApp.exec_lines=del charts",
)
"""What a kernel is told when it starts; `IPYTHONDIR` must name an empty folder beside it."""


def charts() -> None:
    """Matplotlib as it is delivered, whatever a `matplotlibrc` here or elsewhere says."""
    import matplotlib

    delivered: Any = {k: v for k, v in matplotlib.rcParamsDefault.items() if k not in KEPT}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matplotlib.rcParams.update(delivered)
        matplotlib.rcParamsOrig.update(delivered)
