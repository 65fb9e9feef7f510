"""Pages of the service: values in, HTML out; everything is escaped, nothing is loaded elsewhere."""

import datetime
from pathlib import Path
from typing import NamedTuple

import jinja2

from ingest.store.base import Row
from ingest.store.partial import Partial

_HERE = Path(__file__).parent
# A repository is a keyed hash here, unless the administrator named it.
_REPO_DIGITS = 12
_UNITS = ((3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"))


class _Line(NamedTuple):
    """One command in words."""

    started: str
    took: str
    status: str
    repo: str
    shape: str
    failed: bool


class Own(NamedTuple):
    """The page of one's own commands, and the totals on it."""

    html: str
    totals: dict[str, int]


def own(commands: list[Row], partial: Partial | None = None) -> Own:
    """Return the page of one's own commands, as they come; `partial` labels what is short."""
    totals = {
        "commands": len(commands),
        "failures": sum(map(_failed, commands)),
        "wall_ns": sum(row.get("wall_ns") or 0 for row in commands),
        "wait_ns": sum(row.get("wait_ns") or 0 for row in commands),
    }
    words = {
        "commands": str(totals["commands"]),
        "failed": str(totals["failures"]),
        "ran for": _length(totals["wall_ns"]),
        "waited for": _length(totals["wait_ns"]),
    }
    lines = [_line(row) for row in commands]
    page = _environment.get_template("own.html")
    return Own(page.render(lines=lines, totals=words, partial=partial), totals)


def style() -> str:
    """Return the one style sheet."""
    return (_HERE / "static" / "style.css").read_text()


def _line(row: Row) -> _Line:
    return _Line(
        _moment(row.get("started_at")),
        _length(row.get("wall_ns")),
        _status(row),
        row.get("repo_name") or (row.get("repo") or "")[:_REPO_DIGITS],
        row.get("shape") or row.get("template") or "…",
        _failed(row),
    )


def _failed(row: Row) -> bool:
    return bool(row.get("exit_status") or row.get("signal"))


def _moment(at: int | None) -> str:
    """Return ns since the epoch as a date and time of day, UTC."""
    if at is None:
        return ""
    try:
        moment = datetime.datetime.fromtimestamp(at // 1_000_000_000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _length(ns: int | None) -> str:
    """Return ns in the largest unit of which there is one."""
    if ns is None:
        return "–"
    for size, unit in _UNITS:
        if ns >= size:
            return f"{ns / size:.1f} {unit}"
    return f"{ns // 1_000_000} ms"


def _status(command: Row) -> str:
    if command.get("signal"):
        return f"signal {command['signal']}"
    status = command.get("exit_status")
    return "" if status is None else str(status)


_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
