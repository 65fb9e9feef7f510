"""Row 23 of the correctness table: inside means this terminal, not an inherited variable."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import account
from tests.e2e.machine import a_machine, a_server, close
from tests.e2e.places import SHELLS, Place, alive, needs, roles
from tests.e2e.terminal import LAUNCHER, PROMPT, Terminal, wait_for

pytestmark = pytest.mark.linux
WORDS = "session=$PTYWRAP_SESSION inner=$PTYWRAP_TTY keeper=$PTYWRAP_KEEPER tty=$(tty) end"
HERE = rb"session=(\w*) inner=(\S*) keeper=(\d*) tty=(/dev\S+) end"


class Here(NamedTuple):
    """What a shell says of the session it is in, and the terminal it has."""

    session: str
    inner: str
    keeper: str
    tty: str


def here(window: Terminal, shell: str = "bash") -> Here:
    """Ask the shell in the window where it is."""
    words = WORDS.replace("$(tty)", "(tty)") if shell == "fish" else WORDS
    window.line(f'echo "{words}"' if shell != "fish" else f"echo {words}")
    return parsed(window.until(HERE))


def parsed(output: bytes) -> Here:
    """Return the last answer in some output."""
    found = re.findall(HERE, output)[-1]
    return Here(*(field.decode() for field in found))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_launch_inside_a_session_becomes_the_shell_without_a_second_relay(
    place: Place, shell: str
) -> None:
    window = place.shell(shell)
    outside = here(window, shell)
    roles(window, shell)
    before = set(place.ours())
    window.line(shlex.join(LAUNCHER))
    inside = here(window, shell)
    assert outside.inner == outside.tty
    assert inside == outside
    assert set(place.ours()) <= before


def test_a_command_inside_a_session_gets_no_second_relay(place: Place) -> None:
    window = place.shell()
    outside = here(window)
    window.ask(f"{shlex.join([*LAUNCHER, '--quiet', '--', 'bash', '-i'])}", PROMPT)
    assert here(window).tty == outside.tty


def test_exec_of_another_shell_stays_in_the_session(place: Place) -> None:
    needs("zsh")
    window = place.shell("bash")
    outside = here(window)
    window.ask("exec zsh", PROMPT)
    assert here(window, "zsh") == outside
    window.line(shlex.join(LAUNCHER))
    assert here(window, "zsh") == outside


def test_a_terminal_of_tmux_is_a_new_session_and_inherits_no_old_one(place: Place) -> None:
    needs("tmux")
    first = place.shell()
    outside = here(first)
    tmux = f"tmux -S {place.run}/inner -f /dev/null new-session -d -x 80 -y 24 bash"
    first.ask(f"{tmux}; echo st''arted", rb"started\s")
    window = TmuxPane(place)
    assert window.here().session == outside.session
    window.type(shlex.join(LAUNCHER))
    inside = window.here()
    assert inside.inner == inside.tty != outside.tty
    assert inside.session not in ("", outside.session)
    first.line("exit 37")
    first.finish()
    # The server outlives the session it was started in.
    window.type(shlex.join(LAUNCHER))
    assert window.here() == inside
    window.close()


class TmuxPane:
    """The one pane of a tmux server that was started inside a session."""

    def __init__(self, place: Place) -> None:
        """Find the server by its socket."""
        self.place = place
        self.answers = 0

    def tell(self, *words: str) -> None:
        """Run a tmux command."""
        argv = ["tmux", "-S", str(self.place.run / "inner"), *words]
        subprocess.run(argv, env=self.place.environment(), check=True, capture_output=True)

    def type(self, line: str) -> None:
        """Type a line."""
        self.tell("send-keys", "-l", line)
        self.tell("send-keys", "Enter")

    def here(self) -> Here:
        """Ask the shell in the pane where it is, by way of a file."""
        self.answers += 1
        path = self.place.work / f"answer{self.answers}"
        self.type(f'echo "{WORDS}" >{path}.new && mv {path}.new {path}')
        assert wait_for(path.exists)
        return parsed(path.read_bytes())

    def close(self) -> None:
        """End the server."""
        self.tell("kill-server")


def test_a_launch_after_the_session_has_ended_is_a_new_session(place: Place) -> None:
    window = place.open(
        LAUNCHER,
        place.environment(PTYWRAP_SESSION="0" * 32, PTYWRAP_TTY="/dev/null", PTYWRAP_KEEPER="1"),
    )
    window.until(PROMPT)
    inside = here(window)
    assert inside.session != "0" * 32
    assert inside.inner == inside.tty


def test_a_terminal_reused_after_its_keeper_died_is_a_new_session(place: Place) -> None:
    window = place.open(["bash", "-i"])
    window.until(PROMPT)
    tty = os.ttyname(window.slave)
    window.line(f"export PTYWRAP_SESSION={'0' * 32} PTYWRAP_TTY={tty} PTYWRAP_KEEPER={dead_pid()}")
    window.ask(shlex.join(LAUNCHER), PROMPT)
    inside = here(window)
    assert (inside.tty != tty, inside.inner) == (True, inside.tty)


def dead_pid() -> int:
    """Return the pid of a process that has ended."""
    done = subprocess.Popen(["true"])
    done.wait()
    assert not alive(done.pid)
    return done.pid


@pytest.mark.root
def test_another_account_on_the_same_terminal_gets_a_session_of_its_own(place: Place) -> None:
    who = account.ordinary()
    place.root.chmod(0o755)
    theirs = Place()
    theirs.give(who.uid, who.gid)
    try:
        window = place.shell()
        outside = here(window)
        window.ask(f"su {who.name}", rb"\$ ")
        settings = theirs.environment(PTYWRAP_VENV=str(who.environment))
        for name, value in settings.items():
            window.line(f"export {name}={shlex.quote(value)}")
        window.ask("cd; PS1='ready> '; echo se''t", rb"set\s")
        window.line(str(who.checkout / "ptywrap/launch/ptywrap.sh"))
        assert wait_for(lambda: len(theirs.ours()) >= 3), theirs.processes()
        inside = here(window)
        assert inside.inner == inside.tty != outside.tty
        assert inside.session not in ("", outside.session)
    finally:
        theirs.close()


@pytest.mark.root
@pytest.mark.parametrize("way", ["sudo", "ssh"])
def test_a_login_inside_a_session_is_a_session_of_its_own(
    place: Place, lodging: Place, way: str
) -> None:
    needs("sudo")
    machine = a_machine(lodging)
    server = a_server(lodging, machine)
    try:
        window = place.shell()
        outside = here(window)
        if way == "ssh":
            words = ["ssh", "-tt", "-p", str(server.port), *server.options, server.address]
        else:
            words = machine.inside("sudo", "-i", "-u", machine.who.name)
        window.line(shlex.join(words))
        assert wait_for(lambda: len(lodging.ours()) >= 4), lodging.processes()
        inside = here(window)
        assert inside.inner == inside.tty != outside.tty
        assert inside.session not in ("", outside.session)
    finally:
        close(server)


def test_our_terminal_is_named_by_its_device(place: Place) -> None:
    window = place.shell()
    assert Path(here(window).inner).is_char_device()
