"""A run record in at most eight lines of text: what is printed after `ptywrap -- CMD`."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from netsniff import amounts
from ptywrap.cli import text

PARTS = ("cpu", "runqueue", "disk", "network", "input", "lock", "other")
"""The parts of the split, in the order of interfaces.md."""

NAMES = {"runqueue": "no free core", "input": "you", "other": "other waiting"}
_DEAREST = 3
_HOSTS = 3


class Program(NamedTuple):
    """All processes of one name: how many, and the CPU they used, ns (None: unknown)."""

    name: str
    runs: int
    cpu_ns: int | None


def digest(record: Mapping[str, Any], show_id: str) -> list[str]:
    """Return a line each for what ran, its time, processes, dearest, memory, hosts and losses."""
    command = record["command"]
    lines = [
        f"{_title(command)}: {text.duration(command['wall_ns'])}, "
        f"{text.outcome(command['exit_status'], command['signal'])}",
        *_labelled("where it went", where(record)),
        *_labelled("processes", _processes(command)),
        *_labelled("dearest", _dearest(record)),
        *_labelled("used", _used(command)),
        *_labelled("network", _hosts(record)),
        *_labelled("not seen", _losses(record)),
        *_labelled("more", f"ptywrap show {show_id}"),
    ]
    return lines[:8]


def where(record: Mapping[str, Any]) -> str:
    """Return the parts of the wall time, largest first, with their shares."""
    known = {part: record["split"][f"{part}_ns"] for part in PARTS}
    parts = {part: ns for part, ns in known.items() if ns}
    whole = sum(parts.values())
    return " · ".join(
        f"{NAMES.get(part, part)} {text.duration(ns)} ({text.share(ns, whole)})"
        for part, ns in sorted(parts.items(), key=lambda one: -one[1])
    )


def programs(record: Mapping[str, Any]) -> list[Program]:
    """Return the programs of a run, the dearest in CPU first."""
    runs: dict[str, int] = defaultdict(int)
    cpu: dict[str, int | None] = {}
    for process in record["processes"]:
        name = process["name"] or "?"
        runs[name] += 1
        used = cpu_ns(process)
        if used is not None:
            cpu[name] = (cpu.get(name) or 0) + used
    found = [Program(name, number, cpu.get(name)) for name, number in runs.items()]
    return sorted(found, key=lambda one: (-(one.cpu_ns or 0), -one.runs, one.name))


def cpu_ns(counted: Mapping[str, Any]) -> int | None:
    """Return user and system CPU of a command or process; None where either is unknown."""
    user, system = counted["cpu_user_ns"], counted["cpu_sys_ns"]
    return None if user is None or system is None else int(user) + int(system)


def _title(command: Mapping[str, Any]) -> str:
    line = text.visible(command["line"] or command["template"] or command["shape"] or "command")
    return line if len(line) <= 60 else line[:59] + "…"


def _labelled(label: str, value: str) -> list[str]:
    return [f"  {label:<14} {value}"] if value else []


def _processes(command: Mapping[str, Any]) -> str:
    number = command["process_count"]
    if number is None:
        return ""
    doubt = "" if command["completeness"] == "exact" else f" ({command['completeness']})"
    return amounts.count(number, "process", "processes") + doubt


def _dearest(record: Mapping[str, Any]) -> str:
    dear = [one for one in programs(record) if one.cpu_ns][:_DEAREST]
    return " · ".join(
        f"{text.visible(one.name)} {text.duration(one.cpu_ns)} CPU"
        + (f" in {one.runs:,}" if one.runs > 1 else "")
        for one in dear
    )


def _used(command: Mapping[str, Any]) -> str:
    said = {
        "CPU": text.cpu(cpu_ns(command)),
        "peak memory": amounts.size(command["peak_rss_bytes"]),
        "read": amounts.size(command["read_bytes"]),
        "wrote": amounts.size(command["write_bytes"]),
    }
    return " · ".join(f"{name} {value}" for name, value in said.items() if value != "-")


def host(flow: Mapping[str, Any]) -> str:
    """Return whom a flow was with: a name, else an address; a sum of many names nobody."""
    known = flow["remote_host"] or flow["remote_address"]
    return text.visible(known) if known else "?" if flow["protocol"] else "others"


def _hosts(record: Mapping[str, Any]) -> str:
    """Return what came from and went to other machines, by host, the most first."""
    moved: dict[str, int | None] = {}
    for flow in record["flows"]:
        if not flow["loopback"]:
            known, name = flow["received_bytes"], host(flow)
            more = None if known is None else known + (flow["sent_bytes"] or 0)
            before = moved.setdefault(name, None)
            moved[name] = before if more is None else more + (before or 0)
    dear = sorted(moved.items(), key=lambda one: -(one[1] or 0))
    told = [
        f"{name} {'an unknown number' if number is None else amounts.size(number)}"
        for name, number in dear[:_HOSTS]
    ]
    left = len(dear) - _HOSTS
    return " · ".join(told + [f"{amounts.count(left, 'more host')}"] * (left > 0))


def _losses(record: Mapping[str, Any]) -> str:
    """Return what was missed, each reason once with all that was missed for it."""
    summed: dict[tuple[str, str], int] = {}
    for loss in record["losses"]:
        key = (loss["sensor"], text.visible(loss["reason"] or "unknown"))
        summed[key] = summed.get(key, 0) + (loss["missed"] or 0)
    return " · ".join(
        f"{sensor}: {reason}" + (f" ({missed:,} missed)" if missed else "")
        for (sensor, reason), missed in list(summed.items())[:2]
    )
