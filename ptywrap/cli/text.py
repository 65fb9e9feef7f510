"""Nanoseconds, bytes and counts as words; the only place of this package that formats a number."""

import time
from collections.abc import Mapping
from typing import Any


def duration(ns: int | None) -> str:
    """Return a length as people say it: `35 ms`, `1.24 s`, `4 m 12 s`, `2 h 05 m`; `-` unknown."""
    if ns is None:
        return "-"
    if ns < 1_000_000:
        return f"{ns // 1000} µs"
    if ns < 999_500_000:
        return f"{(ns + 500_000) // 1_000_000} ms"
    return _seconds(ns)


def _seconds(ns: int) -> str:
    if ns < 9_995_000_000:
        return f"{ns / 1e9:.2f} s"
    if ns < 59_950_000_000:
        return f"{ns / 1e9:.1f} s"
    seconds = (ns + 500_000_000) // 1_000_000_000
    if seconds < 3600:
        return f"{seconds // 60} m {seconds % 60:02d} s"
    minutes = (seconds + 30) // 60
    return f"{minutes // 60} h {minutes % 60:02d} m"


def cpu(ns: int | None) -> str:
    """Return CPU time; 0 is what a clock of 10 ms ticks says of everything shorter."""
    return "under 10 ms" if ns == 0 else duration(ns)


def share(part: int, whole: int) -> str:
    """Return a percentage without decimals; `<1 %` for what is there but small."""
    if whole <= 0:
        return "-"
    percent = (part * 200 + whole) // (whole * 2)
    return "<1 %" if part and not percent else f"{percent} %"


def moment(at_ns: int | None, now_ns: int) -> str:
    """Return a moment in local time: the hour today, else the day too; `-` unknown."""
    if at_ns is None:
        return "-"
    then, now = (time.localtime(at // 1_000_000_000) for at in (at_ns, now_ns))
    form = "%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M"
    return time.strftime(form, then)


def outcome(exit_status: int | None, signal: int | None) -> str:
    """Return how it ended: `exit 2`, `signal 9`, or `running`."""
    if signal:
        return f"signal {signal}"
    return "running" if exit_status is None else f"exit {exit_status}"


def loss(told: Mapping[str, Any]) -> str:
    """Return a loss of a record: who missed how many, and why."""
    missed = "an unknown number" if told["missed"] is None else f"{told['missed']:,}"
    return f"{told['sensor']} missed {missed}: {visible(told['reason'] or 'unknown')}"


def visible(value: str | None) -> str:
    """Return text with every control character written out, so that none reaches the terminal."""
    if value is None:
        return ""
    return "".join(
        character if character.isprintable() else _written_out(character) for character in value
    )


def _written_out(character: str) -> str:
    if character == "\n":
        return "⏎"
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
