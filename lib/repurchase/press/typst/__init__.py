"""Notebooks as print: `exporter` for one notebook, `book` for a whole pack."""
