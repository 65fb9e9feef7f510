"""Rows of the tables run as an ordinary account: what root may do must not hide a fault."""

import os
import platform
import signal
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests import account
from tests.e2e.copies import leave, observed, use
from tests.e2e.places import SHELLS, Place, alive, needs, roles, shell_pid, variables
from tests.e2e.terminal import PROMPT, Start, Terminal, exit_code, wait_for

pytestmark = [pytest.mark.linux, pytest.mark.root]


class Visit(NamedTuple):
    """The account, and a place of its own."""

    who: account.Account
    place: Place

    def open(self, *words: str, shell: str = "bash", **changes: str | None) -> Terminal:
        """Open a window with the launcher, run by the account."""
        needs(shell)
        settings: dict[str, str | None] = {
            "PTYWRAP_VENV": str(self.who.environment),
            "SHELL": f"/usr/bin/{shell}",
        }
        environment = self.place.environment(**(settings | changes))
        start = Start(before=account.becoming(self.who))
        launcher = str(self.who.checkout / "ptywrap/launch/ptywrap.sh")
        return self.place.open([launcher, *words], environment, start)


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Yield the second account with a place of its own."""
    who = account.ordinary()
    place = Place()
    place.give(who.uid, who.gid)
    yield Visit(who, place)
    place.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_an_ordinary_account_has_a_session(visit: Visit, shell: str) -> None:
    window = visit.open(shell=shell)
    window.until(PROMPT)
    pid = shell_pid(window, shell)
    assert "PTYWRAP_SESSION" in variables(pid)
    assert wait_for(lambda: len(visit.place.services()) > 0, 5)
    window.line("exit 37")
    assert exit_code(window.finish()) == 37
    assert window.attributes() == window.at_first


def test_a_terminal_the_account_may_not_open_by_name_is_relayed(visit: Visit) -> None:
    # As after `su`: the device still belongs to who logged in.
    window = visit.open()
    window.until(PROMPT)
    assert os.stat(os.ttyname(window.slave)).st_uid != visit.who.uid
    assert observed(window)
    data = b"".join(b"%d\r\n" % number for number in range(1, 20001))
    window.ask("echo be''gin; seq 1 20000; echo e''nd", rb"begin\r\n")
    assert window.until(rb"end\r\n") == data + b"end\r\n"
    use(window)


def test_a_terminal_of_the_accounts_own_is_relayed(visit: Visit) -> None:
    window = visit.open()
    os.chown(os.ttyname(window.slave), visit.who.uid, -1)
    window.until(PROMPT)
    assert observed(window)
    use(window)


@pytest.mark.parametrize("who", ["pump", "keeper", "guardian"])
def test_the_shell_outlives_any_one_of_ours(visit: Visit, who: str) -> None:
    window = visit.open()
    window.until(PROMPT)
    session = roles(window)
    os.kill(getattr(session, who), signal.SIGKILL)
    assert wait_for(lambda: not alive(getattr(session, who)))
    assert shell_pid(window) == session.shell
    window.line("exit 37")
    status = exit_code(window.finish())
    major, minor = platform.release().split(".")[:2]
    if (status, who) == (255, "keeper") and (int(major), int(minor)) < (6, 15):
        pytest.skip("this kernel keeps no exit status for a pidfd: PIDFD_GET_INFO came with 6.15")
    assert (status, window.attributes()) == (37, window.at_first)


def test_the_guardian_restores_a_terminal_the_account_may_not_open(visit: Visit) -> None:
    window = visit.open()
    window.until(PROMPT)
    roles(window)
    os.killpg(window.pid, signal.SIGKILL)
    assert wait_for(lambda: window.attributes() == window.at_first, 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_session_by_it(visit: Visit, number: signal.Signals) -> None:
    window = visit.open()
    window.until(PROMPT)
    os.kill(window.pid, number)
    status = exit_code(window.finish())
    assert (status, window.attributes()) == (-number, window.at_first)


def test_folders_without_permission_leave_a_session(visit: Visit) -> None:
    for folder in (visit.place.run, visit.place.state, visit.place.data, visit.place.config):
        os.chown(folder, 0, 0)
    window = visit.open(HOME="/root")
    window.until(rb"[$#>] ")
    window.ask("PS1='ready> '", rb"ready> ")
    assert observed(window)
    leave(window)


def test_the_marks_folder_of_another_account_is_not_used(visit: Visit) -> None:
    # Someone else was there first, with a folder all may write to.
    foreign = visit.place.run / "ptywrap"
    foreign.mkdir()
    foreign.chmod(0o777)
    window = visit.open()
    window.until(PROMPT)
    assert variables(shell_pid(window)).get("PTYWRAP_MARKS") != str(foreign)
    use(window)
    assert list(foreign.iterdir()) == []


def test_a_shell_killed_by_a_signal_is_told_so(visit: Visit) -> None:
    window = visit.open()
    window.until(PROMPT)
    window.line("kill -KILL $$")
    assert exit_code(window.finish()) == -signal.SIGKILL
