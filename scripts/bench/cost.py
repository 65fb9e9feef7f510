"""What a session costs while nothing happens, and what a prompt costs with our hooks in it."""

import os
import statistics
import time
from pathlib import Path
from typing import Any

from ptywrap.launch import inject
from scripts.bench import peers, programs, report
from scripts.bench.outer import Outer, descendants, pss_bytes, switches
from scripts.bench.paired import interleaved, ratio

_PROMPT = b"READY> "
_BARS = {"bash": 0.05, "zsh": 0.04, "fish": 0.14}
# A hook that forks and execs does so at the two moments ours works at: a command's start and end.
_FORKING = {
    "bash": "PROMPT_COMMAND=/bin/true\nPS0='$(/bin/true)'\n",
    "zsh": "preexec() { /bin/true }\nprecmd() { /bin/true }\n",
    "fish": (
        "function forking_start --on-event fish_preexec; /bin/true; end\n"
        "function forking_end --on-event fish_postexec; /bin/true; end\n"
    ),
}
_START = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}


def idle_rows(folder: Path, idle_s: float) -> list[dict[str, Any]]:
    """Measure memory and wake-ups of one idle session; its shell and the observer do not count."""
    program = programs.idles(folder)
    memory: dict[str, list[float]] = {}
    woken: dict[str, list[float]] = {}
    for peer in peers.here((peers.OURS, *peers.RIVALS)):
        outer = Outer(peer.argv(program, folder), peers.environ(program, folder))
        try:
            outer.until(b"R")
            time.sleep(2.0)
            ours = [pid for pid in descendants(outer.pid) if not _is_sleep(pid)]
            memory[peer.name] = [sum(pss_bytes(pid) for pid in ours) / 1_000_000]
            before = sum(switches(pid) for pid in ours)
            time.sleep(idle_s)
            woken[peer.name] = [float(sum(switches(pid) for pid in ours) - before)]
        finally:
            outer.hang_up()
    return [
        report.row(
            "memory of one session (PSS)",
            "MB",
            memory,
            [report.at_most("at most 9 MB", 9.0, memory["ptywrap"][0])],
        ),
        report.row(
            f"wake-ups in {idle_s:g} s of idleness",
            "",
            woken,
            [report.at_most("none", 0.0, woken["ptywrap"][0])],
        ),
    ]


def prompt_rows(folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Measure a prompt with our hooks against one whose hook forks and execs a tiny program."""
    return [_prompt(shell, folder, repeats) for shell in _BARS if _there(shell)]


def _prompt(shell: str, folder: Path, repeats: int) -> dict[str, Any]:
    path = programs.interactive(folder, shell)
    plain = (folder / _START[shell]).read_text(encoding="utf-8")
    opened = {"bare": _opened(path, folder, hooked=False)}
    opened["hooks"] = _opened(path, folder, hooked=True)
    (folder / _START[shell]).write_text(plain + _FORKING[shell], encoding="utf-8")
    opened["forking hook"] = _opened(path, folder, hooked=False)
    try:
        taken = interleaved(
            {name: _one_prompt_us(outer) for name, outer in opened.items()}, repeats
        )
    finally:
        for outer in opened.values():
            outer.hang_up()
        (folder / _START[shell]).write_text(plain, encoding="utf-8")
    bare = statistics.median(taken.pop("bare"))
    added = {name: [value - bare for value in values] for name, values in taken.items()}
    medians = {name: statistics.median(values) for name, values in added.items()}
    share = medians["hooks"] / medians["forking hook"]
    spread = ratio(added["hooks"], [medians["forking hook"]] * len(added["hooks"]))
    demand = report.Demand(
        f"at most {_BARS[shell]} x a hook that forks at start and end",
        _BARS[shell],
        share,
        spread.low,
        spread.high,
    )
    return report.row(f"{shell} prompt, added to bare", "µs", added, [demand])


def _opened(path: str, folder: Path, *, hooked: bool) -> Outer:
    environ = peers.environ(path, folder)
    argv = [path, "-i"]
    if hooked:
        marks = folder / "marks"
        marks.mkdir(mode=0o700, exist_ok=True)
        environ |= {
            "PTYWRAP_SESSION": os.urandom(16).hex(),
            "PTYWRAP_TTY": "/dev/null",
            "PTYWRAP_KEEPER": str(os.getpid()),
            "PTYWRAP_MARKS": str(marks),
        }
        hooks = str(peers.ROOT / "ptywrap" / "shell").encode()
        words, changed = inject.injected(
            path.encode(),
            [word.encode() for word in argv],
            {name.encode(): value.encode() for name, value in environ.items()},
            hooks,
            False,  # noqa: FBT003 - the wrapper calls it so: no keyword before its imports
        )
        argv = [word.decode() for word in words]
        environ = {name.decode(): value.decode() for name, value in changed.items()}
    outer = Outer([path, *argv[1:]], environ)
    outer.until(_PROMPT)
    time.sleep(0.3)
    return outer


def _one_prompt_us(outer: Outer) -> Any:
    def measure() -> float:
        before = time.perf_counter_ns()
        outer.send(b":\r")
        outer.until(_PROMPT)
        return (time.perf_counter_ns() - before) / 1000

    return measure


def _is_sleep(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == "sleep"
    except OSError:
        return True


def _there(shell: str) -> bool:
    return any(os.access(f"/{place}/{shell}", os.X_OK) for place in ("usr/bin", "bin"))
