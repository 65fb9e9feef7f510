"""What each process of a command used, against what it says of itself, and who was the dearest."""

import json
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from tests import account
from tests.e2e.observing import Observing, typed
from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER

pytestmark = pytest.mark.linux

TICK = 10_000_000
# Each child computes for some ms, one after the other, and writes what it used.
BURNERS = """
import os, sys, time
for seconds in (0.4, 0.25, 0.15):
    pid = os.fork()
    if pid == 0:
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass
        os._exit(0)
    _, _, used = os.wait4(pid, 0)
    with open("truth", "a") as file:
        print(pid, int((used.ru_utime + used.ru_stime) * 1e9), file=file)
"""
FUNCTIONS = 120
MAKEFILE = "all: one.o two.o three.o four.o\n%.o: %.c\n\tcc -O2 -c -o $@ $<\n"
BUILDS = 4


class Visit(NamedTuple):
    """Who runs commands, and where."""

    place: Place
    who: account.Account | None

    def record(self, *command: str) -> dict[str, Any]:
        """Run a command under the launcher and return its record; the first one may be cold."""
        place, who = self.place, self.who
        environ = place.environment()
        for words in (("true",), command):
            options = ["--json", "run.json", "--quiet", "--", *words]
            if who is None:
                subprocess.run(
                    [*LAUNCHER, *options],
                    check=True,
                    cwd=place.work,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    timeout=120,
                )
            else:
                launcher = str(who.checkout / "ptywrap/launch/ptywrap.sh")
                environ["PTYWRAP_VENV"] = str(who.environment)
                account.run_as(
                    who, [launcher, *options], environ, cwd=place.work, stdin=subprocess.DEVNULL
                )
        told: dict[str, Any] = json.loads((place.work / "run.json").read_text())
        return told


@pytest.fixture(params=["ourselves", pytest.param("ordinary", marks=pytest.mark.root)])
def visit(request: pytest.FixtureRequest, place: Place) -> Visit:
    """Return a place of ours, and one of an ordinary account."""
    who = account.ordinary() if request.param == "ordinary" else None
    if who is not None:
        place.give(who.uid, who.gid)
    return Visit(place, who)


def cpu_ns(told: dict[str, Any]) -> int | None:
    """Return user and system time of a process or command."""
    user, system = told["cpu_user_ns"], told["cpu_sys_ns"]
    return None if user is None or system is None else user + system


def sources(place: Place) -> None:
    """Write what a small build needs."""
    for name in ("one", "two", "three", "four"):
        lines = ["#include <stdio.h>"]
        lines += [
            f"int {name}{number}(int a, char *b)"
            f'{{ char x[64]; snprintf(x, 64, "%d%s", a, b); return x[a & 63] * {number}; }}'
            for number in range(FUNCTIONS)
        ]
        (place.work / f"{name}.c").write_text("\n".join(lines) + "\n")
    (place.work / "Makefile").write_text(MAKEFILE)


def test_each_process_used_what_its_parent_was_told(visit: Visit) -> None:
    record = visit.record(sys.executable, "-I", "-S", "-c", BURNERS)
    lines = (visit.place.work / "truth").read_text().splitlines()
    truth = {int(pid): int(spent) for pid, spent in map(str.split, lines)}
    told = {one["pid"]: cpu_ns(one) for one in record["processes"] if one["pid"] in truth}
    off = {pid: abs((told[pid] or 0) - spent) for pid, spent in truth.items()}
    assert len(told) == len(truth)
    assert max(off.values()) <= 3 * TICK


def test_the_processes_of_a_build_make_up_its_total(visit: Visit) -> None:
    sources(visit.place)
    if visit.who is not None:
        visit.place.give(visit.who.uid, visit.who.gid)
    # How much is caught depends on who else wants the processors: the best of a few builds counts.
    shares = []
    for _ in range(BUILDS):
        record = visit.record("make", "-B", "-s", "-j2")
        total_ns = cpu_ns(record["command"])
        assert total_ns is not None
        known = [(cpu_ns(one) or 0, one["name"]) for one in record["processes"]]
        assert max(known)[1] == "cc1"
        shares.append(sum(spent for spent, _ in known) / total_ns)
        if abs(shares[-1] - 1) <= 0.1:
            break
    assert shares[-1] == pytest.approx(1, abs=0.1), shares


def test_who_lives_for_a_while_has_a_peak_and_bytes(visit: Visit) -> None:
    code = "import time; held = bytearray(64 << 20); time.sleep(0.8)"
    record = visit.record(sys.executable, "-I", "-S", "-c", f"{code}; open('out', 'w').write('x')")
    (process,) = record["processes"]
    assert process["peak_rss_bytes"] >= 64 << 20
    assert process["read_bytes"] is not None
    assert process["write_bytes"] is not None


def test_estimates_of_cost_leave_the_completeness_of_what_was_seen(visit: Visit) -> None:
    record = visit.record(sys.executable, "-I", "-S", "-c", BURNERS)
    assert {one["completeness"] for one in record["processes"]} == {"exact"}
    assert record["command"]["completeness"] == "exact"


def test_a_line_that_was_typed_has_costs_too(observing: Observing) -> None:
    burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    window = observing.shell()
    line = f"sh -c '{burn}'"
    typed(window, line)
    command = observing.command(line)
    (process,) = observing.processes(command)
    spent_ns = (process.cpu_user_ns or 0) + (process.cpu_sys_ns or 0)
    total_ns = (command.cpu_user_ns or 0) + (command.cpu_sys_ns or 0)
    assert spent_ns > 5 * TICK
    assert abs(spent_ns - total_ns) <= 4 * TICK
    assert command.peak_rss_bytes == process.peak_rss_bytes
