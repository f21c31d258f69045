"""Errors of ours as one box in a notebook: what, where, which rule, what to do.

The traceback is folded below it. The cell fails all the same: papermill, nbval and "run all" stop
there and read the same text.
"""

from __future__ import annotations

import traceback
from html import escape
from types import TracebackType
from typing import Any

from repurchase.errors import ReviewError

STYLE = (
    "border:1px solid #b5442e;border-left:5px solid #b5442e;padding:.6em 1em;margin:.4em 0;"
    "max-width:52em"
)
ROWS = (("where", "where"), ("rule", "rule"), ("remedy", "to do"))


def install() -> bool:
    """Has our errors shown as a box in the notebook that asks; False outside of one."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    if shell is None:
        return False
    shell.set_custom_exc((ReviewError,), _shown)
    return True


def _shown(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> list[str]:
    """IPython's handler: the box, then the error itself without its traceback."""
    from IPython.display import display

    assert isinstance(error, ReviewError)
    bundle = {"text/html": box_html(error, trace), "text/plain": str(error)}
    display(bundle, raw=True)
    line = [f"{kind.__name__}: {error.what}"]
    # without it the kernel would call the cell a success
    shell._showtraceback(kind, error, line)
    return line


def box_html(error: ReviewError, trace: TracebackType | None = None) -> str:
    """The box as an HTML fragment; every word of it escaped."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left;vertical-align:top;padding-right:1em">'
        f'{label}</th><td style="text-align:left">{escape(text)}</td></tr>'
        for name, label in ROWS
        if (text := getattr(error, name))
    )
    table = f"<table>{rows}</table>" if rows else ""
    folded = ""
    if trace is not None:
        text = "".join(traceback.format_exception(type(error), error, trace))
        folded = f"<details><summary>traceback</summary><pre>{escape(text)}</pre></details>"
    return (
        f'<div class="rr-error" role="alert" style="{STYLE}"><p><strong>{escape(error.what)}'
        f"</strong></p>{table}{folded}</div>"
    )
