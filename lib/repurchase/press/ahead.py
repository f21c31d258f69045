"""While the chapters run: imports and reads what will bind them, so that nobody waits for it."""

from __future__ import annotations

import contextlib
import threading


def begin(*, pages: bool) -> threading.Thread:
    """A thread that does so; join it before anything is bound. `pages`: for HTML too."""
    thread = threading.Thread(target=_prepare, args=(pages,), daemon=True)
    thread.start()
    return thread


def _prepare(pages: bool) -> None:
    with contextlib.suppress(Exception):  # what is wrong is told when it is used
        from repurchase.press import bind, fonts, gate  # noqa: F401
        from repurchase.press.typst.markdown import parsed

        parsed("**a** `b` [c](d)\n\n| e |\n|---|\n| f |\n")
        fonts.text_width_em("a")
        fonts.is_covered("一")
        fonts.compiler()
        if pages:
            import repurchase.press.html.exporter
            import repurchase.press.volume  # noqa: F401
