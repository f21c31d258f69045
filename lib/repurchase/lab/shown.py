"""A frame that shows itself as a block: to look at, and to compute with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from repurchase.show.blocks import Block


@dataclass(frozen=True)
class Shown:
    """`frame` is to compute with, `block` is what a notebook shows."""

    frame: pd.DataFrame = field(repr=False)
    block: Block = field(repr=False)

    def __repr__(self) -> str:
        return self.block.to_text()

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, Any]:
        return self.block._repr_mimebundle_()
