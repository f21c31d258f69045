"""What `make lab` loads into its Jupyter server: chapters start on forked kernels.

While the browser opens, one warm process imports what every chapter needs; each kernel is forked
from it and has that at hand. It ends with the server. Where fork is not safe, for kernels of
another language, and if the warm process cannot help, Jupyter starts an ordinary kernel.
"""

from __future__ import annotations

import contextlib
from typing import Any

EXTENSION = __name__


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": EXTENSION}]


def _load_jupyter_server_extension(app: Any) -> None:
    from repurchase.press.kernels import provisioner, warm

    provisioner.register()
    with contextlib.suppress(OSError):  # the next kernel tries again, and else is an ordinary one
        warm.start()
