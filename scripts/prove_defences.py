"""Take each defence away, one at a time, and see the test of its attack fail.

`make defences` proves all that `tests/defences/*.toml` records; `make defences ARGS="RE-05 AC"` those of an attack or of
an area. An entry names the attack, what is taken away, where (`file`, the text to `remove`, what to `put`), and the
`tests` that must then fail. Each is tried in a copy of the tracked files: the tree itself is never touched.
Exits with 1 when a test still passes without its defence.
"""

import os
import queue
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DEFENCES = ROOT / "tests" / "defences"
LONGEST = 300
"""Seconds a defence may take to prove: without it, a test might wait for what never comes."""


class StaleDefence(Exception):
    """What an entry takes away is no longer there, or is there twice."""


@dataclass(frozen=True)
class Change:
    """One text of one file, and what stands there without the defence."""

    file: str
    remove: str
    put: str

    def applied_to(self, source: str) -> str:
        """Raises StaleDefence unless `remove` is there exactly once."""
        if (found := source.count(self.remove)) != 1:
            raise StaleDefence(f"{self.file} holds {found} times: {self.remove!r}")
        return source.replace(self.remove, self.put)


@dataclass(frozen=True)
class Defence:
    """attack: as `RE-05`; tests: pytest's names, without parameters all of which one must fail."""

    attack: str
    without: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "Defence":
        changes = [entry, *entry.get("also", [])]
        return cls(
            entry["attack"],
            entry["without"],
            tuple(Change(one["file"], one["remove"], one["put"]) for one in changes),
            tuple(entry["tests"]),
        )

    def answers_to(self, wanted: Sequence[str]) -> bool:
        """Whether this attack, or its area, is wanted; nothing wanted is everything."""
        return not wanted or self.attack in wanted or self.attack.split("-")[0] in wanted


def read_defences(folder: Path = DEFENCES) -> list[Defence]:
    """Every recorded defence, in the order of files."""
    return [
        Defence.of(entry)
        for path in sorted(folder.glob("*.toml"))
        for entry in tomllib.loads(path.read_text()).get("defence", [])
    ]


def copy_of_the_tree(folder: Path) -> Path:
    """The tracked files as they are now, and those not yet tracked."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (source := ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)
    return folder


def remaining(defence: Defence, tree: Path) -> list[str]:
    """The tests that do not fail in `tree` without the defence: none, when it is proven.

    Raises StaleDefence when it cannot be taken away.
    """
    originals = {change.file: (tree / change.file).read_text() for change in defence.changes}
    try:
        for change in defence.changes:
            path = tree / change.file
            path.write_text(change.applied_to(path.read_text()))
        failed = failing_tests(defence.tests, tree)
    finally:
        for file, source in originals.items():
            (tree / file).write_text(source)
    return [test for test in defence.tests if not any(name.startswith(test) for name in failed)]


def failing_tests(tests: Sequence[str], tree: Path) -> list[str]:
    """Names of the tests that ran and failed; one that could not even begin is not among them."""
    pytest = [sys.executable, "-m", "pytest", "-q", "-rf", "--color=no", "--tb=no", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "1000"}
    said = subprocess.run(
        [*pytest, "--database", "sqlite", *tests],
        check=False,
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    return [line.removeprefix("FAILED ") for line in said.stdout.splitlines() if line.startswith("FAILED ")]


def verdict(defence: Defence, trees: "queue.Queue[Path]") -> str:
    """Empty when the defence is proven, else what is wrong."""
    tree = trees.get()
    try:
        passing = remaining(defence, tree)
    except StaleDefence as stale:
        return f"stale: {stale}"
    except subprocess.TimeoutExpired:
        return f"no end within {LONGEST} s"
    finally:
        trees.put(tree)
    return "passes without its defence: " + ", ".join(passing) if passing else ""


def main(wanted: Sequence[str]) -> int:
    defences = [one for one in read_defences() if one.answers_to(wanted)]
    if not defences:
        sys.stderr.write(f"no defence recorded for {' '.join(wanted)}\n")
        return 2
    workers = os.cpu_count() or 1
    unproven = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(workers):
            trees.put(copy_of_the_tree(Path(folder, str(number))))
        running = {pool.submit(verdict, defence, trees): defence for defence in defences}
        for done in as_completed(running):
            defence, wrong = running[done], done.result()
            unproven += bool(wrong)
            sys.stdout.write(f"{defence.attack}  {wrong or 'fails'}  without: {defence.without}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(defences) - unproven} of {len(defences)} defences proven\n")
    return 1 if unproven else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
