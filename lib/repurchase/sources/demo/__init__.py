"""The demo company: a fictitious retailer's export files, and the truth about it."""

from repurchase.sources.demo.company import generate

__all__ = ["generate"]
