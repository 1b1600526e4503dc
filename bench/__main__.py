"""`make bench`: every measure, as tables. `ARGS=--quick` for fewer rounds, `ARGS=--long` for the long profile too."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import bulk, provider, timing
from bench.measures import show

HOSTILE_TESTS = ("tests/protocol/test_mutations.py", "tests/protocol/relying_party/test_mutated_tokens.py")


def send_hostile_variants(count: int) -> None:
    """The tests of hostile values, with more of them. Raises CalledProcessError when one opens anything."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--database", "sqlite"]
    subprocess.run(
        [*command, *HOSTILE_TESTS],
        env=os.environ | {"HOSTILE_VARIANTS": str(count), "MUTATED_TOKENS": str(count)},
        check=True,
    )


def rotate_under_traffic(sign_ins: int) -> None:
    """Ten rotations with this many whole sign-ins beside each move. Raises CalledProcessError when one is refused."""
    command = [sys.executable, "-m", "pytest", "-q", "-k", "ten_rotations", "--database", "sqlite"]
    subprocess.run(
        [*command, "tests/protocol/test_signing_keys.py"],
        env=os.environ | {"ROTATION_SIGN_INS": str(sign_ins)},
        check=True,
    )


def kill_everywhere(kills_a_point: int) -> None:
    """What must survive its process, killed so often at each statement. Raises CalledProcessError when it is lost."""
    tests = sorted(map(str, Path("tests").glob("idp/*/test_kills.py")))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", *tests]
    subprocess.run(command, env=os.environ | {"KILLS_A_POINT": str(kills_a_point)}, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller files: a rough look")
    parser.add_argument(
        "--long",
        action="store_true",
        help="also a hundred thousand hostile variants, ten rotations of keys under many sign-ins, a thousand kills",
    )
    arguments = parser.parse_args()
    if arguments.long:
        send_hostile_variants(100_000)
        rotate_under_traffic(50)
        kill_everywhere(5)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        flows = 30 if arguments.quick else 300
        show("Provider (gunicorn, SQLite), CPU of its processes", provider.measure(Path(folder), flows=flows))
        pupils = 1_000 if arguments.quick else 10_000
        show("Files and documents, CPU of the command", bulk.measure(Path(folder), pupils=pupils))
        samples = 200 if arguments.quick else 2_000
        timing.show(
            "Refused sign-in against an unknown identifier", timing.measure(Path(folder), samples=samples)
        )
        timing.show(
            "Recovery against what is unknown", timing.measure_recovery(Path(folder), samples=samples)
        )


if __name__ == "__main__":
    main()
