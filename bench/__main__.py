"""`make bench`: every measure, as tables. `ARGS=--quick` for fewer rounds."""

import argparse
import tempfile
from pathlib import Path

from bench import bulk, provider
from bench.measures import show


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller files: a rough look")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        flows = 30 if arguments.quick else 300
        show("Provider (gunicorn, SQLite), CPU of its processes", provider.measure(Path(folder), flows=flows))
        pupils = 1_000 if arguments.quick else 10_000
        show("Files and documents, CPU of the command", bulk.measure(Path(folder), pupils=pupils))


if __name__ == "__main__":
    main()
