"""Builders of lifecycle events: one valid value each, any field changed by keyword."""

from typing import Any

from ptywrap.lifecycle.base import Exec, Exit, Fork, Usage

SHELL = 100


def a_fork(pid: int, ppid: int, at: int, **changes: Any) -> Fork:
    """Return a birth below the shell; start ticks are ten million ns."""
    values: dict[str, Any] = {
        "pid": pid,
        "ppid": ppid,
        "at": at,
        "start_ticks": at // 10_000_000,
        "parent_ticks": 0,
        "root": SHELL,
        "source": "proc_connector",
        "completeness": "exact",
    }
    return Fork(**(values | changes))


def an_exec(fork: Fork, at: int, *argv: str, **changes: Any) -> Exec:
    """Return that a process executed something."""
    values: dict[str, Any] = {
        "pid": fork.pid,
        "at": at,
        "argv": argv or None,
        "exe": None,
        "cwd": None,
        "argv_src": "proc",
        "argv_cut": False,
        "name": None,
        "start_ticks": fork.start_ticks,
        "source": "proc_connector",
        "completeness": "exact",
    }
    return Exec(**(values | changes))


def an_exit(fork: Fork, at: int, status: int | None = 0, **changes: Any) -> Exit:
    """Return an end."""
    values: dict[str, Any] = {
        "pid": fork.pid,
        "at": at,
        "status": status,
        "start_ticks": fork.start_ticks,
        "source": "proc_connector",
        "completeness": "exact",
    }
    return Exit(**(values | changes))


def a_usage(fork: Fork, source: str, user_ns: int, **changes: Any) -> Usage:
    """Return what a process used."""
    values: dict[str, Any] = {
        "pid": fork.pid,
        "at": 0,
        "user_ns": user_ns,
        "sys_ns": 0,
        "peak_rss_bytes": None,
        "read_bytes": None,
        "write_bytes": None,
        "start_ticks": fork.start_ticks,
        "source": source,
        "completeness": "exact",
    }
    return Usage(**(values | changes))
