"""What observer and reader take while nothing happens, in a storm, and over a long time."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.bench import report, sessions, stand, workloads
from scripts.bench.paired import ratio
from scripts.bench.stand import Stand

_MEGABYTE = 1_000_000
_MEMORY_MB = 45.0
_GROWTH_MB = 1.0
_IDLE_PERCENT = 0.1
_STORM_S = 120.0
_SETTLE_S = 3.0
_WARM = 4000
_QUIET = 1.0
"""How many processes a second others may start in a window that counts as idle."""
_TRIES = 5
_LOOK_S = 0.1


def idle_rows(at: Stand, shells: tuple[int, ...], windows: int, window_s: float) -> Any:
    """Measure CPU in windows of idleness.

    What others of this machine start wakes the reader, too: the quietest windows count.
    """
    busy: dict[str, list[float]] = {}
    elsewhere: dict[str, list[float]] = {}
    number: dict[str, list[float]] = {}
    for many in shells:
        name = f"{many} shell" if many == 1 else f"{many} shells"
        with sessions.several(at, many):
            time.sleep(min(_SETTLE_S, window_s))
            at.calm()
            number[name] = [float(len(at.observers())), float(len(at.watchers()))]
            taken = _quietest(at, windows, window_s)
        busy[name] = [percent for percent, _ in taken]
        elsewhere[name] = [forks for _, forks in taken]
    demands = [
        report.within(
            f"{name}: at most {_IDLE_PERCENT} %", _IDLE_PERCENT, ratio(values, _ones(values))
        )
        for name, values in busy.items()
    ]
    most = max(max(values) for values in number.values())
    few = report.at_most("one observer and its reader, however many shells", 2.0, most)
    title = f"CPU in the {windows} quietest windows of {window_s:g} s of idleness"
    return [
        report.row(title, "%", busy, demands),
        report.row("processes that others started meanwhile", "/s", elsewhere, []),
        report.row("observers, and observer and reader", "", number, [few]),
    ]


def memory_rows(at: Stand, forks: int) -> Any:
    """Measure memory after the start, and after a storm typed into a shell."""
    (folder := at.folder / "storm").mkdir()
    storm = workloads.storm(folder, forks)
    with sessions.several(at, 1) as (shell,):
        at.calm()
        before = stand.size(at.watchers())
        with _peak(at.watchers()) as highest:
            sessions.command(shell, f"sh {folder}/{storm.argv[1]}".encode(), _STORM_S)
            at.calm()
        after = stand.size(at.watchers())
    values = {
        "PSS after the start": [before.pss_bytes / _MEGABYTE],
        "RSS after the start": [before.rss_bytes / _MEGABYTE],
        "PSS after the storm": [after.pss_bytes / _MEGABYTE],
        "RSS after the storm": [after.rss_bytes / _MEGABYTE],
        "PSS at the peak": [max(highest) / _MEGABYTE],
        "RSS at the peak": [after.peak_bytes / _MEGABYTE],
    }
    demands = [
        report.at_most(f"{name}: at most {_MEMORY_MB:g} MB", _MEMORY_MB, values[name][0])
        for name in values
    ]
    title = f"memory of observer and reader, storm of {forks:,} processes"
    return [report.row(title, "MB", values, demands)]


def soak_rows(at: Stand, shells: int, commands: int, length_s: float) -> Any:
    """Measure growth over many commands, after enough of them to fill what is kept for a while."""
    warm = max(commands // 10, min(commands // 2, _WARM))
    began = time.monotonic()
    rss: list[float] = []
    files: list[float] = []
    with sessions.several(at, shells) as outers:
        at.calm()
        for at_command in range(commands):
            sessions.command(outers[at_command % shells], b"/bin/true")
            if at_command >= warm and at_command % max(1, commands // 50) == 0:
                pids = at.watchers()
                rss.append(stand.size(pids).rss_bytes / _MEGABYTE)
                files.append(float(stand.descriptors(pids)))
            due_s = began + length_s * at_command / commands - time.monotonic()
            if due_s > 0:
                time.sleep(due_s)
    title = f"{commands:,} commands in {shells} shells in {time.monotonic() - began:.0f} s"
    growth = [value - rss[0] for value in rss]
    more = [value - files[0] for value in files]
    return [
        report.row(f"growth of memory (RSS): {title}", "MB", {"growth": growth}, [
            report.at_most(f"at most {_GROWTH_MB:g} MB", _GROWTH_MB, growth[-1]),
        ]),
        report.row(f"growth of open files: {title}", "", {"growth": more}, [
            report.at_most("none", 0.0, more[-1]),
        ]),
    ]  # fmt: skip


@contextmanager
def _peak(pids: Sequence[int]) -> Iterator[list[int]]:
    """Look at the proportional size (the kernel keeps no peak of it) all the while."""
    over = threading.Event()
    seen = [0]

    def look() -> None:
        while not over.wait(_LOOK_S):
            seen.append(stand.size(pids).pss_bytes)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


def _quietest(at: Stand, windows: int, window_s: float) -> list[tuple[float, float]]:
    """Look until enough windows were quiet, or patience is over."""
    taken: list[tuple[float, float]] = []
    for _ in range(windows * _TRIES):
        taken.append(_window(at, window_s))
        if sum(forks < _QUIET for _, forks in taken) >= windows:
            break
    return sorted(taken, key=lambda one: one[1])[:windows]


def _window(at: Stand, length_s: float) -> tuple[float, float]:
    """Return the CPU of observer and reader, percent of a core, and the forks of the machine."""
    pids = at.watchers()
    before, forks = sum(stand.cpu_ns(pid) for pid in pids), _forks()
    time.sleep(length_s)
    spent = sum(stand.cpu_ns(pid) for pid in pids) - before
    return spent / length_s / 1e7, (_forks() - forks) / length_s


def _forks() -> int:
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        if line.startswith("processes "):
            return int(line.split()[1])
    return 0


def _ones(values: list[float]) -> list[float]:
    return [1.0] * len(values)
