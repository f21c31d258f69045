"""Runs the command line."""

import gc
import sys

from repurchase.cli import main

# of the many small objects of Ibis, nearly all live: looking for garbage took a tenth of the time
gc.set_threshold(50_000)
code = main()
gc.freeze()  # nor look through all that was imported once more, to end a moment sooner
sys.exit(code)
