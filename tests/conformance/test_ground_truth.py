"""Every process of three workloads, as root and as an ordinary user, against strace."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ptywrap import lifecycle
from tests import account as accounts
from tests import home as homes
from tests.conformance import strace_truth, workloads

pytestmark = [pytest.mark.linux, pytest.mark.slow]

PROGRAM = "tests.conformance.ground_truth"
# The share of arguments depends on who else wants the processors: the best of so many runs counts.
RUNS = 6
BUSY_PERMILLE = 30
"""When all runs had this much company, what they show is the company."""

SHORT_OF_IT = 880
"""What an ordinary user is told at least, permille, where the share demanded is not reached."""


class Ground(NamedTuple):
    """A workload, who runs it, and what strace says of one run beside what we were told."""

    workload: workloads.Workload
    account: accounts.Account | None
    home: homes.Home
    told: dict[str, Any]
    true: dict[int, strace_truth.Seen]

    def run(self, *command: str) -> dict[str, Any]:
        """Run a command in the workload's folder, as the account."""
        return run(self.account, self.home, self.workload.folder, *command)


def run(
    account: accounts.Account | None, home: homes.Home, folder: Path, *command: str
) -> dict[str, Any]:
    """Run a command under the connector."""
    if account is None:
        argv = [sys.executable, "-m", PROGRAM, str(folder), *command]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
        said = done.stdout
    else:
        argv = [str(account.python), "-m", PROGRAM, str(folder), *command]
        said = accounts.run_as(account, argv, home.environ, cwd=account.checkout).stdout
    told: dict[str, Any] = json.loads(said)
    return told


@pytest.fixture(scope="module", params=["whoever runs the tests", "an ordinary user"])
def who(request: pytest.FixtureRequest) -> Iterator[tuple[accounts.Account | None, homes.Home]]:
    """Yield an account and its home."""
    account = None if request.param == "whoever runs the tests" else accounts.ordinary()
    home = homes.a_home() if account is None else accounts.a_home(account)
    yield account, home
    homes.close(home)


@pytest.fixture(scope="module", params=["loop", "configure", "make"])
def ground(
    who: tuple[accounts.Account | None, homes.Home],
    request: pytest.FixtureRequest,
) -> Ground:
    """Return one run of a workload under strace and the connector at the same time."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace: apt-get install strace")
    for backend in lifecycle.here():
        probe = backend.probe()
        if backend.name == "proc_connector" and not probe.usable:
            pytest.skip(f"{probe.reason}: {probe.remedy}")
    account, home = who
    folder = home.folder / request.param
    folder.mkdir()
    (folder / "trace").mkdir()
    workload = workloads.WORKLOADS[request.param](folder)
    for path in [folder, *folder.rglob("*")]:
        shutil.chown(path, *((account.uid, account.gid) if account else (None, 0)))
    prefix = folder / "trace" / "process"
    told = run(account, home, folder, *strace_truth.command(prefix), *workload.argv)
    return Ground(workload, account, home, told, strace_truth.read(prefix))


def test_every_process_is_told_once_and_nobody_else(ground: Ground) -> None:
    births = Counter(pid for pid, _ in ground.told["forks"])
    # strace itself is the root, and tries out ptrace on children of its own.
    strace = {pid for pid, parent in ground.told["forks"] if parent == ground.told["root"]}
    others = births.keys() - ground.true.keys() - strace - {ground.told["root"]}
    assert {pid: births[pid] for pid in ground.true} == dict.fromkeys(ground.true, 1)
    assert (others, ground.told["gaps"]) == (set(), 0)


def test_every_process_has_its_exit_status_or_signal(ground: Ground) -> None:
    statuses = dict(ground.told["exits"])
    true = {pid: seen.status for pid, seen in ground.true.items()}
    assert {pid: statuses.get(pid) for pid in true} == true


def test_no_argument_list_is_wrong(ground: Ground) -> None:
    told: dict[int, list[list[str] | None]] = {}
    for pid, argv in ground.told["execs"]:
        told.setdefault(pid, []).append(argv)
    wrong = [
        (pid, argv, true)
        for pid, seen in ground.true.items()
        for argv, true in zip(told.get(pid, []), seen.argvs, strict=True)
        if argv not in (true, None)
    ]
    assert wrong == []


def test_arguments_are_told_at_full_speed(ground: Ground) -> None:
    true = Counter(plain(argv) for seen in ground.true.values() for argv in seen.argvs)
    shares: list[int] = []
    others: list[int] = []
    for _ in range(RUNS):
        told = ground.run(*ground.workload.argv)
        known = Counter(plain(argv) for _, argv in told["execs"] if argv is not None)
        assert (len(told["execs"]), len(told["forks"])) == (true.total(), len(ground.true))
        assert known - true == Counter()
        shares.append(known.total() * 1000 // true.total())
        others.append(told["others_permille"])
        if shares[-1] >= ground.workload.share:
            break
    if not told["soon"]:
        pytest.skip("arguments are promised with a short slice: Linux 6.12 or newer has them")
    if max(shares) < ground.workload.share and min(others) > BUSY_PERMILLE:
        said = f"{shares} permille told, while others used {others} permille of the processors"
        pytest.skip(f"{said}: run it on a machine that does nothing else")
    if max(shares) < ground.workload.share and ground.account is not None:
        # A known shortfall, told and not hidden: the scheduler keeps sessions apart (autogroups),
        # so an ordinary user's reader is woken beside the process it must catch, not before it.
        assert max(shares) >= SHORT_OF_IT
        pytest.xfail(f"{shares} permille told, {ground.workload.share} demanded")
    assert max(shares) >= ground.workload.share


def plain(argv: list[str]) -> tuple[str, ...]:
    """An argument list without what a compiler makes up anew each time."""
    return tuple(re.sub(r"cc[A-Za-z0-9]{6}\.", "ccXXXXXX.", word) for word in argv)
