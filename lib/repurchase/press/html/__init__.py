"""Notebooks as pages: self-contained HTML, readable on a phone, without an external request."""
