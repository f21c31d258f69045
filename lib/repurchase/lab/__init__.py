"""The analyst's bench: what makes a notebook pleasant to work in, and nothing that is printed."""
