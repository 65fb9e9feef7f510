"""Builders of facts: one valid value each, any field changed by keyword."""

from typing import Any

from ptywrap import wire

SESSION = bytes(range(16))
DEVICE = "d" * 32
BOOT = "b0070000-0000-4000-8000-000000000000"
AT = 1_764_000_000_000_000_000


def a_segment(**changes: Any) -> wire.Segment:
    """Return a segment's header."""
    values: dict[str, Any] = {
        "version": wire.VERSION,
        "device": DEVICE,
        "boot_id": BOOT,
        "wall_ns": AT,
        "monotonic_ns": 5_000_000_000,
        "boottime_ns": 6_000_000_000,
    }
    return wire.Segment(**(values | changes))


def a_session(**changes: Any) -> wire.Session:
    """Return a bash session."""
    values: dict[str, Any] = {
        "id": SESSION,
        "user": "ada",
        "host": DEVICE,
        "shell": "bash",
        "terminal": "/dev/pts/7",
        "boot_id": BOOT,
        "version": "0.1.0",
        "started_at": AT,
        "sensors": ["proc_connector"],
    }
    return wire.Session(**(values | changes))


def a_command(**changes: Any) -> wire.Command:
    """Return an ended `make test` of two seconds that failed with 2."""
    values: dict[str, Any] = {
        "session": SESSION,
        "id": wire.command_id(SESSION, 100, AT),
        "line": "make test",
        "shell_pid": 100,
        "shape": "make …",
        "template": "make test",
        "category": "test",
        "cwd": "/home/ada/engine",
        "repo": "example.org/ada/engine",
        "branch": "main",
        "commit": "c0ffee",
        "actor": "human",
        "started_at": AT,
        "wall_ns": 2_000_000_000,
        "suspended_ns": 0,
        "exit_status": 2,
        "cpu_user_ns": 1_000_000_000,
        "cpu_sys_ns": 200_000_000,
        "process_count": 1,
        "completeness": "exact",
        "split": wire.Split(cpu_ns=1_200_000_000, other_ns=800_000_000),
        "other_reasons": {"unknown": 800_000_000},
    }
    return wire.Command(**(values | changes))


def a_process(**changes: Any) -> wire.Process:
    """Return the `make` of `a_command`."""
    values: dict[str, Any] = {
        "session": SESSION,
        "pid": 4242,
        "start_ticks": 70_000,
        "command": wire.command_id(SESSION, 100, AT),
        "ppid": 100,
        "parent_ticks": 60_000,
        "name": "make",
        "exe": "/usr/bin/make",
        "argv": ["make", "test"],
        "cwd": "/home/ada/engine",
        "started_at": AT,
        "wall_ns": 1_990_000_000,
        "exit_status": 2,
        "cpu_user_ns": 1_000_000_000,
        "cpu_sys_ns": 200_000_000,
        "peak_rss_bytes": 4 << 20,
        "read_bytes": 0,
        "write_bytes": 4096,
        "source": "proc_connector",
        "completeness": "exact",
    }
    return wire.Process(**(values | changes))


def a_flow(**changes: Any) -> wire.Flow:
    """Return a finished download of 1 MB by the `make` of `a_command`."""
    values: dict[str, Any] = {
        "session": SESSION,
        "id": wire.flow_id(BOOT, 4_026_531_840, 77),
        "command": wire.command_id(SESSION, 100, AT),
        "pid": 4242,
        "process_ticks": 70_000,
        "pid_confidence": "exact",
        "protocol": "tcp",
        "remote_host": "files.example.org",
        "host_source": "dns",
        "remote_address": "192.0.2.7",
        "remote_port": 443,
        "opened_at": AT,
        "received_bytes": 1_000_000,
        "sent_bytes": 500,
    }
    return wire.Flow(**(values | changes))


def a_loss(**changes: Any) -> wire.Loss:
    """Return a loss of three process events."""
    values: dict[str, Any] = {
        "session": SESSION,
        "sensor": "proc_connector",
        "since": AT,
        "until": AT + 1_000_000,
        "missed": 3,
        "reason": "overrun",
    }
    return wire.Loss(**(values | changes))


def a_host(**changes: Any) -> wire.Host:
    """Return a two-core Linux machine."""
    values: dict[str, Any] = {
        "device": DEVICE,
        "at": AT,
        "system": "Linux",
        "release": "6.18.0",
        "machine": "x86_64",
        "cpu_model": "Imaginary 9000",
        "cores": 2,
        "memory_bytes": 8 << 30,
        "disk_total_bytes": 100 << 30,
        "disk_free_bytes": 50 << 30,
        "file_system": "ext4",
        "caches": [wire.Cache(name="pip", bytes=1 << 20)],
    }
    return wire.Host(**(values | changes))
