"""The self-test refuses a backend that cannot see our own child, and the next one is chosen."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ptywrap import lifecycle
from ptywrap.lifecycle.base import Backend, Event, Exit, Fork, Gap, Probe, Promise, SensorError
from ptywrap.lifecycle.selftest import check
from tests import account as accounts
from tests import home as homes

SAY = """
import json
from ptywrap import lifecycle
choice = lifecycle.choose()
said = [[name, probe.usable, probe.reason, probe.remedy] for name, probe in choice.said]
print(json.dumps([choice.backend.name if choice.backend else None, said]))
if choice.backend: choice.backend.close()
"""


def chosen_under(*before: str) -> tuple[str | None, list[list[object]]]:
    """What is chosen in other namespaces, and what each backend said."""
    if not shutil.which("unshare"):
        pytest.skip("needs unshare: install util-linux")
    argv = [*before, sys.executable, "-c", SAY]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(f"no such namespace here: {done.stderr.strip()}: run the tests as root")
    name, said = json.loads(done.stdout)
    return name, said


class Made:
    """A backend that tells what it was made to tell, of whoever is followed."""

    name = "made"
    promises = frozenset(Promise)
    period_ns = 1_000_000
    verified = True

    def __init__(self, *told: Event | SensorError) -> None:
        self.told = list(told)

    def probe(self) -> Probe:
        """Claim."""
        return Probe(usable=True)

    def open(self) -> None:
        """Do nothing."""

    def follow(self, pid: int) -> None:
        """Put the pid into what is to be told, where it says -1."""
        self.told = [
            e._replace(pid=pid) if isinstance(e, Fork | Exit) and e.pid == -1 else e
            for e in self.told
        ]

    def leave(self, pid: int) -> None:
        """Do nothing."""

    def read(self) -> list[Event]:
        """Tell."""
        told, self.told = self.told, []
        for each in told:
            if isinstance(each, SensorError):
                raise each
        return [each for each in told if not isinstance(each, SensorError)]

    def close(self) -> None:
        """Do nothing."""


def a_fork(pid: int) -> Fork:
    """A birth."""
    return Fork(pid, 1, 1, 1, None, pid, "made", "exact")


def reason(backend: Backend) -> str:
    """Why a backend is refused."""
    verdict = check(backend, None)
    assert not verdict.probe.usable
    return verdict.probe.reason


def test_a_backend_that_tells_nothing_is_refused() -> None:
    assert reason(Made()) == "a child of ours was not seen"


def test_another_pid_is_no_proof() -> None:
    assert reason(Made(a_fork(1))) == "a child of ours was not seen"


def test_a_birth_alone_is_no_proof() -> None:
    assert reason(Made(a_fork(-1))) == "the exec of a child was not seen"


def test_a_wrong_status_is_refused() -> None:
    backend = Made(a_fork(-1), Exit(-1, 2, 0, 1, "made", "exact"))
    backend.promises = frozenset({Promise.EXIT_STATUS})
    assert reason(backend) == "a child ended with 3, but that was not told"


def test_a_backend_that_breaks_is_refused_in_its_own_words() -> None:
    assert reason(Made(SensorError("it broke"))) == "it broke"


def test_what_happens_to_others_meanwhile_is_not_lost() -> None:
    gap = Gap(1, 2, None, "made", "made")
    assert check(Made(gap, a_fork(1)), None).events == (gap, a_fork(1))


def test_something_is_chosen_here() -> None:
    choice = lifecycle.choose()
    assert choice.backend is not None
    choice.backend.close()
    assert choice.said[-1] == (choice.backend.name, Probe(usable=True))


def test_who_broke_is_not_chosen_again() -> None:
    choice = lifecycle.choose(without=("proc_connector",))
    assert choice.backend is not None
    choice.backend.close()
    assert choice.backend.name != "proc_connector"


@pytest.mark.linux
@pytest.mark.root
@pytest.mark.parametrize(
    "namespaces",
    [["-n"], ["-p", "-f", "--mount-proc"], ["-U", "-p", "-f", "-m", "--mount-proc"]],
    ids=["network", "pid", "user and pid"],
)
def test_in_another_namespace_the_walk_is_chosen(namespaces: list[str]) -> None:
    name, said = chosen_under("unshare", *namespaces)
    assert (name, [each[:2] for each in said]) == (
        "procfs",
        [["proc_connector", False], ["procfs", True]],
    )


@pytest.mark.linux
@pytest.mark.root
def test_a_refusal_has_a_reason_and_a_remedy() -> None:
    _, said = chosen_under("unshare", "-n")
    assert all(said[0][2:])


@pytest.mark.linux
def test_an_ordinary_user_gets_a_backend(second: accounts.Account, second_home: homes.Home) -> None:
    argv: list[str | Path] = [second.python, "-c", SAY]
    done = accounts.run_as(second, argv, second_home.environ, cwd=second.checkout)
    name, said = json.loads(done.stdout)
    assert (name, said[-1][1]) == (said[-1][0], True)
