"""How fast bytes pass, and what passing them costs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.bench import peers, programs, report
from scripts.bench.outer import Outer
from scripts.bench.paired import interleaved, ratio

_MILLION = 1_000_000


def seconds(peer: peers.Peer, program: str, folder: Path) -> Callable[[], float]:
    """Return a measure: seconds from the peer's start to its end while `program` runs in it."""
    environ = peers.environ(program, folder)

    def measure() -> float:
        return Outer(peer.argv(program, folder), environ).end().seconds

    return measure


def cpu_seconds(peer: peers.Peer, program: str, folder: Path) -> Callable[[], float]:
    """Return a measure: CPU seconds of the peer and the program together."""
    environ = peers.environ(program, folder)

    def measure() -> float:
        return Outer(peer.argv(program, folder), environ).end().cpu_s

    return measure


def text_rows(folder: Path, repeats: int, scale: int) -> list[dict[str, Any]]:
    """Measure 32 MB against everybody, 200 MB, a count and small writes against script and bare."""
    small = programs.shows_file(folder, 32 * _MILLION // scale)
    large = programs.shows_file(folder, 200 * _MILLION // scale)
    count = programs.counts(folder, 5 * _MILLION // scale)
    tiny = programs.writes(folder, 300_000 // scale)
    three = peers.here((peers.OURS, peers.SCRIPT, peers.ATUIN, peers.BARE))
    return [
        _against_all(folder, repeats, small),
        _row("200 MB text", large, three, repeats, folder, script=1.05, bare=1.30),
        _row("seq 1 5000000", count, three, repeats, folder, script=1.05),
        _row("300,000 writes of 24 bytes", tiny, three, repeats, folder, script=1.00),
        _relay_cpu(folder, repeats, small),
    ]


def _row(
    name: str,
    program: str,
    who: tuple[peers.Peer, ...],
    repeats: int,
    folder: Path,
    **bars: float,
) -> dict[str, Any]:
    taken = interleaved({peer.name: seconds(peer, program, folder) for peer in who}, repeats)
    demands = [
        report.within(f"at most {bar} x {rival}", bar, ratio(taken["ptywrap"], taken[rival]))
        for rival, bar in bars.items()
        if rival in taken
    ]
    return report.row(name, "s", taken, demands)


def _against_all(folder: Path, repeats: int, program: str) -> dict[str, Any]:
    everybody = peers.here(
        (
            peers.OURS,
            *peers.RIVALS,
            peers.EXPECT,
            peers.STDLIB,
            peers.PEXPECT,
            peers.BARE,
        )
    )
    taken = interleaved({peer.name: seconds(peer, program, folder) for peer in everybody}, repeats)
    bars = {"script": 1.10, "tlog-rec": 0.5, "asciinema": 0.5, "pexpect": 0.8, "stdlib pty": 1.0}
    demands = [
        report.within(f"at most {bar} x {rival}", bar, ratio(taken["ptywrap"], taken[rival]))
        for rival, bar in bars.items()
        if rival in taken
    ]
    return report.row("32 MB text", "s", taken, demands)


def _relay_cpu(folder: Path, repeats: int, program: str) -> dict[str, Any]:
    who = peers.here((peers.OURS, peers.SCRIPT, peers.ATUIN, peers.BARE))
    taken = interleaved({peer.name: cpu_seconds(peer, program, folder) for peer in who}, repeats)
    bare = taken.pop("bare")
    added = {
        name: [max(value - base, 1e-4) for value, base in zip(values, bare, strict=True)]
        for name, values in taken.items()
    }
    demand = report.within("at most 1.5 x script", 1.5, ratio(added["ptywrap"], added["script"]))
    return report.row("CPU added by the relay, 32 MB", "s", added, [demand])
