"""Measures what `make bench` asks for and prints it as tables: `run.py [CASE ...]`."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])
from benchmarks.commandline import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
