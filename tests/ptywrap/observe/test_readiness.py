"""The observer's first stage is light, understands wrappers, and keeps what it sees for later."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap.launch import rouse
from ptywrap.lifecycle.base import Exec, Exit, Fork
from ptywrap.observe import readiness
from ptywrap.observe.control import Control
from ptywrap.observe.network_sources import Sources
from ptywrap.observe.sensors import Senses, Sensors
from tests import home as homes

# What runs until a held command is answered, as `-m ptywrap.observe` would; then tells and leaves.
FIRST_STAGE = """
import json, runpy, sys
before = set(sys.modules)
from ptywrap.observe import readiness
real = readiness.ready
def ready():
    made = real()
    loaded = sorted(set(sys.modules) - before)
    print(json.dumps([made.sensors.names, loaded]))
    made.leave()
    raise SystemExit
readiness.ready = ready
runpy.run_module("ptywrap.observe", run_name="__main__")
"""
# Beside what an interpreter and runpy load, on CPython 3.11 where the process connector works.
OURS = [
    *("ptywrap", "ptywrap.clock", "ptywrap.paths", "ptywrap.switches"),
    *("ptywrap.lifecycle", "ptywrap.lifecycle.base", "ptywrap.lifecycle.connector_socket"),
    *("ptywrap.lifecycle.losses", "ptywrap.lifecycle.membership", "ptywrap.lifecycle.pidfds"),
    *("ptywrap.lifecycle.proc_connector", "ptywrap.lifecycle.proctree"),
    *("ptywrap.lifecycle.reader", "ptywrap.lifecycle.reader_process"),
    *("ptywrap.lifecycle.records", "ptywrap.lifecycle.resync", "ptywrap.lifecycle.scheduling"),
    *("ptywrap.lifecycle.selftest", "ptywrap.lifecycle.soundings", "ptywrap.lifecycle.tracker"),
    "ptywrap.lifecycle.usage",
    *("ptywrap.observe", "ptywrap.observe.base", "ptywrap.observe.control"),
    *("ptywrap.observe.network_sources", "ptywrap.observe.network_trial"),
    *("ptywrap.observe.readiness", "ptywrap.observe.sensors"),
]
# Who tells of sockets begins before a held command goes on, or it would miss the first of them.
SOCKETS = ("netsniff", "netsniff.model", "netsniff.sources")
TRACER = {"_bisect", "bisect", "mmap"}  # as root alone
THEIRS = [
    *("_collections", "_ctypes", "_functools", "_operator", "_socket", "_sre", "_struct"),
    *("_typing", "array", "collections", "collections.abc", "contextlib", "copyreg", "ctypes"),
    *("ctypes._endian", "encodings.ascii", "enum", "errno", "fcntl", "fnmatch", "functools"),
    *(
        "gc",
        "ipaddress",
        "itertools",
        "keyword",
        "math",
        "ntpath",
        "operator",
        "pathlib",
        "re",
        "re._casefix",
    ),
    *("re._compiler", "re._constants", "re._parser", "reprlib", "resource", "select"),
    *("selectors", "signal", "socket", "struct", "types", "typing", "typing.io", "typing.re"),
    *("urllib", "urllib.parse", "warnings"),
]
BURST = 1000


def loaded(home: homes.Home) -> list[str]:
    """What is loaded when a held command is answered; skip where another sensor is in force."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", FIRST_STAGE],
        env=home.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    names, modules = json.loads(done.stdout)
    if names != ["proc_connector"]:
        pytest.skip("the process connector does not work here: run it on Linux 6.6 or newer")
    return [str(name) for name in modules]


@pytest.fixture
def sensors() -> Iterator[Sensors]:
    """Yield proven sensors."""
    made = Sensors()
    made.start()
    yield made
    made.close()


@pytest.mark.linux
@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the list is CPython 3.11's: run the tests with it"
)
def test_an_answer_waits_for_a_few_modules_and_no_others(home: homes.Home) -> None:
    told = loaded(home)
    bare = {"_json", "json", "json.decoder", "json.encoder", "json.scanner", "runpy"}
    ours = [name for name in told if name.partition(".")[0] == "ptywrap"]
    assert ours == sorted(OURS)
    sockets = {name for name in told if name in SOCKETS or name.startswith("netsniff.sources.")}
    tracer = TRACER if os.geteuid() == 0 else set()
    assert set(told) - {*OURS, *THEIRS} - bare - sockets - tracer == set()


@given(st.binary(min_size=16, max_size=16), st.integers(1, (1 << 32) - 1))
def test_what_a_wrapper_asks_is_understood(session: bytes, pid: int) -> None:
    frame = rouse._request(session.hex(), pid)
    assert readiness.held_command(frame[4:]) == pid


@given(st.binary(max_size=80))
def test_anything_else_waits_for_the_second_stage(body: bytes) -> None:
    assert readiness.held_command(body) is None


@given(st.integers(0, 70))
def test_a_torn_request_is_none(length: int) -> None:
    body = rouse._request("0" * 32, 7)[4:]
    assert readiness.held_command(body[:length]) == (7 if length >= len(body) else None)


@pytest.mark.linux
def test_a_held_command_is_answered_and_nobody_else(tmp_path: Path, sensors: Sensors) -> None:
    senses = Senses(sensors, Sources())
    control = Control(tmp_path / "socket", lambda body, _: readiness._reply(senses, body))
    said = []
    for frame in (rouse._request("0" * 32, os.getpid()), b"\x0c\0\0\0\x81\xa3ask\xa6status"):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(tmp_path / "socket"))
            link.sendall(frame)
            link.settimeout(0)
            control.serve_all()
            try:
                said.append(link.recv(100))
            except BlockingIOError:
                said.append(b"")
    control.close()
    assert said == [b"\x05\0\0\0\x81\xa2ok\xc3", b""]
    assert sensors.followed == [os.getpid()]


@pytest.mark.linux
def test_a_burst_that_nobody_reads_is_told_afterwards(sensors: Sensors) -> None:
    if sensors.names != ["proc_connector"]:
        pytest.skip("the process connector does not work here: run it on Linux 6.6 or newer")
    script = f"read go; n=0; while [ $n -lt {BURST} ]; do /bin/true; n=$((n+1)); done"
    held = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE)
    sensors.follow(held.pid)
    sensors.settle()
    held.communicate(b"\n")
    told: dict[type, set[int]] = {Fork: set(), Exec: set(), Exit: set()}
    while len(told[Exit]) <= BURST:
        events = sensors.read()
        if not events:
            sensors.wait(5000)
            events = sensors.read()
        assert events
        for event in events:
            if isinstance(event, Fork | Exec | Exit):
                told[type(event)].add(event.pid)
    assert [len(pids) for pids in told.values()] == [BURST + 1] * 3
