"""A share of the customers, each with all that is known of him."""

from __future__ import annotations

import math
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from repurchase.errors import ParameterError
from repurchase.model.schema import TABLES

DIGITS = 8


@dataclass(frozen=True)
class Sample:
    """The customers whose digest lies below `share`; the same ones on every engine and day."""

    share: float
    seed: int

    @classmethod
    def of(cls, share: float, seed: int) -> Sample:
        """Raises ParameterError unless 0 < share <= 1."""
        number = isinstance(share, int | float) and not isinstance(share, bool)
        if not number or not 0 < share <= 1:
            raise ParameterError(
                f"sample == {share!r}, must be a share above 0 and at most 1",
                where="open_review(sample=...)",
                remedy="sample=0.05 keeps one customer in twenty",
            )
        return cls(float(share), int(seed))

    @property
    def mark(self) -> str:
        """What stands on everything that comes of it."""
        return f"SAMPLE {self.share * 100:.3g}%"

    def keeps(self, key: ir.StringColumn) -> ir.BooleanColumn:
        """Whether a key belongs to the sample.

        MD5 and not the engine's own hash, which differs between engines and versions.
        """
        limit = f"{min(math.ceil(self.share * 16**DIGITS), 16**DIGITS):0{DIGITS + 1}x}"
        digest = (ibis.literal(f"{self.seed}:") + key).hexdigest("md5").substr(0, DIGITS)
        return ibis.literal("0") + digest < limit

    def of_table(self, name: str, table: ir.Table, orders: ir.Table | None) -> ir.Table:
        """The table's rows of the sampled customers; a table without customers stays whole.

        A row without a customer is taken by its own key, so that the share of orders with a known
        customer stays what it is. Lines follow their orders (`orders`, sampled already).
        """
        if orders is not None:
            return table.semi_join(orders, "order_id")
        if "customer_id" not in table.columns:
            return table
        own = TABLES[name].key[0] if name in TABLES else "customer_id"
        return table.filter(self.keeps(table.customer_id.coalesce(table[own])))
