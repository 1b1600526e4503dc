"""Counting CPU time, and showing it beside what it is compared with."""

import resource
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of a table. milliseconds: CPU for one `unit`; compared_with: CPU of the reference, and its name."""

    name: str
    milliseconds: float
    unit: str
    compared_with: tuple[str, float]

    @property
    def ratio(self) -> float:
        """How many times the reference."""
        return self.milliseconds / self.compared_with[1]


def show(title: str, measures: Iterable[Measure]) -> None:
    """Print a table, aligned, without a frame."""
    rows = [("measure", "CPU ms", "per", "ratio", "to")]
    rows += [
        (one.name, f"{one.milliseconds:.2f}", one.unit, f"×{one.ratio:.2f}", one.compared_with[0])
        for one in measures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print(f"\n{title}")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def own_milliseconds(act: Callable[[], object], *, rounds: int) -> float:
    """CPU of this process for one call, the best of three runs of `rounds` calls."""
    act()
    return min(_own_run(act, rounds) for _ in range(3))


def _own_run(act: Callable[[], object], rounds: int) -> float:
    before = _cpu(resource.RUSAGE_SELF)
    for _ in range(rounds):
        act()
    return (_cpu(resource.RUSAGE_SELF) - before) / rounds


def children_milliseconds(act: Callable[[], object]) -> float:
    """CPU of the processes that `act` starts and waits for."""
    before = _cpu(resource.RUSAGE_CHILDREN)
    act()
    return _cpu(resource.RUSAGE_CHILDREN) - before


def processes_milliseconds(pids: Sequence[int]) -> float:
    """CPU that running processes have used so far, to the microsecond."""
    return sum(_nanoseconds(pid) for pid in pids) / 1_000_000


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return (usage.ru_utime + usage.ru_stime) * 1000


def _nanoseconds(pid: int) -> int:
    # Of each thread (proc(5) schedstat, first field): finer than the hundredths of a second that `stat` counts in.
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))
