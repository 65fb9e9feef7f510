"""How long a key, a prompt, a start and an end take."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.bench import peers, programs, report
from scripts.bench.outer import Outer
from scripts.bench.paired import interleaved, percentile, ratio

_PROMPT = b"READY> "


def echo_rows(folder: Path, repeats: int, keys: int) -> list[dict[str, Any]]:
    """Measure the echo of single keys, alone and beside two processes that burn."""
    rows = _echo(folder, repeats, keys, "")
    with _hogs(2):
        return [*rows, *_echo(folder, repeats, keys, " beside 2 CPU hogs")]


def start_rows(folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Measure the time to the first prompt, to our leaving, and of the paths that only exec."""
    return [_first_prompt(folder, repeats), _exit(folder, repeats), _exec_path(folder, repeats)]


def _echo(folder: Path, repeats: int, keys: int, when: str) -> list[dict[str, Any]]:
    program = programs.echoes(folder)
    who = peers.here((peers.OURS, peers.SCRIPT, peers.ATUIN, peers.BARE))
    halves: dict[str, list[float]] = {peer.name: [] for peer in who}
    tails: dict[str, list[float]] = {peer.name: [] for peer in who}
    for round_number in range(repeats):
        shift = round_number % len(who)
        for peer in who[shift:] + who[:shift]:
            taken = _keys(peer, program, folder, keys)
            halves[peer.name].append(percentile(taken, 500))
            tails[peer.name].append(percentile(taken, 990))
    bars = (1.2, 1.2) if when else (1.2, 1.1)
    return [
        report.row(
            f"key echo {name}{when}",
            "µs",
            values,
            [
                report.within(
                    f"at most {bar} x script", bar, ratio(values["ptywrap"], values["script"])
                )
            ],
        )
        for name, values, bar in (("p50", halves, bars[0]), ("p99", tails, bars[1]))
    ]


def _keys(peer: peers.Peer, program: str, folder: Path, keys: int) -> list[float]:
    outer = Outer(peer.argv(program, folder), peers.environ(program, folder))
    try:
        outer.until(b"R")
        # After the first idle a wrapper may do what it put off; that is not what a key costs.
        time.sleep(0.5)
        taken = []
        for _ in range(keys):
            taken.append(outer.echo_us())
            time.sleep(0.001)
        return taken
    finally:
        outer.hang_up()


def _first_prompt(folder: Path, repeats: int) -> dict[str, Any]:
    shell = programs.interactive(folder, "bash")
    who = peers.here((peers.OURS, *peers.RIVALS, peers.STDLIB, peers.PEXPECT, peers.BARE))
    measures = {peer.name: _prompt_ms(peer, shell, folder) for peer in who}
    measures["python -I -S -c pass"] = _bare_python_ms
    taken = interleaved(measures, repeats)
    bare, floor = taken.pop("bare"), taken.pop("python -I -S -c pass")
    added = {
        name: [value - base for value, base in zip(values, bare, strict=True)]
        for name, values in taken.items()
    }
    ours = added["ptywrap"]
    demands = [
        report.at_most("p50 at most 16 ms over bare", 16.0, statistics.median(ours)),
        report.at_most("p95 at most 30 ms over bare", 30.0, percentile(ours, 950)),
        report.within("at most 2.2 x python -I -S -c pass", 2.2, ratio(ours, floor)),
    ]
    for rival in ("asciinema", "pexpect"):
        if rival in added:
            median = statistics.median(added[rival])
            demands.append(report.at_most(f"below {rival}", median, statistics.median(ours)))
    added["python -I -S -c pass"] = floor
    return report.row("first prompt, added to bare", "ms", added, demands)


def _prompt_ms(peer: peers.Peer, shell: str, folder: Path) -> Callable[[], float]:
    environ = peers.environ(shell, folder)

    def measure() -> float:
        outer = Outer(peer.argv(shell, folder), environ)
        outer.until(_PROMPT)
        taken = (time.perf_counter() - outer.started) * 1000
        outer.send(b"exit\r")
        outer.end()
        return taken

    return measure


def _bare_python_ms() -> float:
    before = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
    return (time.perf_counter() - before) * 1000


def _exit(folder: Path, repeats: int) -> dict[str, Any]:
    program = programs.last_word(folder)
    who = peers.here((peers.OURS, *peers.RIVALS, peers.PEXPECT))
    taken = interleaved({peer.name: _exit_ms(peer, program, folder) for peer in who}, repeats)
    demands = [
        report.at_most("at most 3 ms", 3.0, statistics.median(taken["ptywrap"])),
        report.within("below script", 1.0, ratio(taken["ptywrap"], taken["script"])),
    ]
    return report.row("from the shell's end to ours", "ms", taken, demands)


def _exit_ms(peer: peers.Peer, program: str, folder: Path) -> Callable[[], float]:
    environ = peers.environ(program, folder)

    def measure() -> float:
        outer = Outer(peer.argv(program, folder), environ)
        said = outer.until(b"\n").decode(errors="replace")
        word = next(part for part in said.split() if part.isdecimal() and len(part) > 6)
        outer.end()
        return (time.monotonic_ns() - int(word)) / 1_000_000

    return measure


def _exec_path(folder: Path, repeats: int) -> dict[str, Any]:
    shell = programs.interactive(folder, "bash")
    environ = peers.environ(shell, folder)
    off = environ | {"PTYWRAP_DISABLE": "1"}
    ours = ["/bin/sh", str(peers.LAUNCHER)]
    measures = {
        "bare": _run_ms([shell, "-c", ":"], environ),
        "-c": _run_ms([*ours, "-c", ":"], environ),
        "no tty": _run_ms(ours, environ),
        "bare, no tty": _run_ms([shell], environ),
        "off": _run_ms(ours, off),
    }
    taken = interleaved(measures, repeats * 4)
    pairs = (("-c", "bare"), ("no tty", "bare, no tty"), ("off", "bare, no tty"))
    added = {
        name: [value - base for value, base in zip(taken[name], taken[bare], strict=True)]
        for name, bare in pairs
    }
    demands = [
        report.at_most(f"{name}: at most 1.0 ms", 1.0, statistics.median(values))
        for name, values in added.items()
    ]
    return report.row("becoming the real shell, added to bare", "ms", added, demands)


def _run_ms(argv: list[str], environ: dict[str, str]) -> Callable[[], float]:
    def measure() -> float:
        before = time.perf_counter()
        pid = os.posix_spawn(
            argv[0],
            argv,
            environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)],
        )
        os.waitpid(pid, 0)
        return (time.perf_counter() - before) * 1000

    return measure


@contextmanager
def _hogs(number: int) -> Iterator[None]:
    burning = [
        subprocess.Popen([sys.executable, "-I", "-S", "-c", "while True: pass"])
        for _ in range(number)
    ]
    try:
        yield
    finally:
        for one in burning:
            one.kill()
            one.wait()
