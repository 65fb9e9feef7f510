"""Row 25 of the correctness table: login shells, `-c`, and what comes in over ssh."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import account
from tests.e2e.machine import Machine, Server, a_machine, a_server, close
from tests.e2e.places import SHELLS, Place, needs, read_proc, shell_pid, variables
from tests.e2e.terminal import LAUNCHER, PROMPT, Terminal, exit_code, wait_for

pytestmark = [pytest.mark.linux]
PAYLOAD = bytes(range(256)) * 4000


@pytest.fixture
def machine(lodging: Place) -> Machine:
    """Return a machine whose second account has us as its login shell."""
    return a_machine(lodging)


@pytest.fixture
def server(lodging: Place, machine: Machine) -> Iterator[Server]:
    """Yield an sshd on that machine."""
    running = a_server(lodging, machine)
    yield running
    close(running)


def first_argument(window: Terminal, shell: str = "bash") -> bytes:
    """Return argv[0] of the shell in the window."""
    return read_proc(shell_pid(window, shell), "cmdline").split(b"\0")[0]


def wrapped(window: Terminal, shell: str = "bash") -> bool:
    """Tell whether the shell in the window is observed."""
    return "PTYWRAP_SESSION" in variables(shell_pid(window, shell))


@pytest.mark.parametrize("option", ["-l", "--login", None])
@pytest.mark.parametrize("shell", SHELLS)
def test_a_login_shell_is_asked_for_by_an_option(
    place: Place, shell: str, option: str | None
) -> None:
    words = [option] if option else []
    window = place.open([*LAUNCHER, *words], place.shell_environment(shell))
    window.until(PROMPT)
    assert wrapped(window, shell)
    expected = f"-{shell}" if option else shell
    assert Path(first_argument(window, shell).decode()).name == expected


LOGINS = {"su": ["su", "-"], "login": ["login", "-f"]}


@pytest.mark.root
@pytest.mark.parametrize("way", ["su", "login"])
def test_our_parent_tells_that_a_login_shell_is_wanted(
    lodging: Place, machine: Machine, way: str
) -> None:
    window = lodging.open(machine.inside(*LOGINS[way], machine.who.name))
    window.until(PROMPT)
    assert (wrapped(window), first_argument(window)) == (True, b"-bash")


@pytest.mark.root
@pytest.mark.parametrize("option", ["-l", "--login"])
def test_su_asks_for_a_login_shell_by_any_of_its_options(
    lodging: Place, machine: Machine, option: str
) -> None:
    window = lodging.open(machine.inside("su", option, machine.who.name))
    window.until(PROMPT)
    assert (wrapped(window), first_argument(window)) == (True, b"-bash")
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


@pytest.mark.root
def test_su_without_an_option_gets_no_login_shell(lodging: Place, machine: Machine) -> None:
    window = lodging.open(machine.inside("su", machine.who.name))
    window.until(PROMPT)
    assert wrapped(window)
    assert first_argument(window) == b"bash"


@pytest.mark.root
def test_sudo_asks_for_a_login_shell(lodging: Place, machine: Machine) -> None:
    needs("sudo")
    window = lodging.open(machine.inside("sudo", "-i", "-u", machine.who.name))
    window.until(PROMPT)
    assert (wrapped(window), first_argument(window)) == (True, b"-bash")
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


@pytest.mark.root
def test_ssh_gets_a_login_shell(lodging: Place, server: Server) -> None:
    window = over(lodging, server, "-tt")
    window.until(PROMPT)
    assert (wrapped(window), first_argument(window)) == (True, b"-bash")
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


def over(place: Place, server: Server, *words: str) -> Terminal:
    """Open a window with ssh to the server."""
    argv = ["ssh", "-p", str(server.port), *server.options, *words, server.address]
    return place.open(argv)


@pytest.mark.root
def test_a_dropped_connection_ends_the_session_behind_it(lodging: Place, server: Server) -> None:
    window = over(lodging, server, "-tt")
    window.until(PROMPT)
    pid = shell_pid(window)
    os.kill(window.pid, 9)
    assert wait_for(lambda: not read_proc(pid, "cmdline"), 5)
    assert wait_for(lambda: not lodging.ours(), 5), lodging.ours()


@pytest.mark.root
def test_a_command_over_ssh_gets_the_real_shell_and_no_byte_more(
    lodging: Place, server: Server
) -> None:
    line = "cat; echo wrong >&2; echo ${PTYWRAP_SESSION-none} >mode; exit 9"
    argv = ["ssh", "-p", str(server.port), *server.options, server.address, line]
    done = subprocess.run(
        argv, input=PAYLOAD, env=lodging.environment(), capture_output=True, check=False
    )
    assert (done.stdout == PAYLOAD, done.stderr, done.returncode) == (True, b"wrong\n", 9)
    assert (lodging.home / "mode").read_text() == "none\n"


def copied(lodging: Place, argv: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a program that copies over ssh, which must succeed and say nothing."""
    done = subprocess.run(
        argv,
        env=lodging.environment() | (environment or {}),
        cwd=lodging.work,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.root
def test_scp_copies_both_ways(lodging: Place, server: Server) -> None:
    (lodging.work / "sent").write_bytes(PAYLOAD)
    # -O: over a command, as before OpenSSH 9; sftp has no shell in it where sshd serves it.
    scp = ["scp", "-O", "-q", "-P", str(server.port), *server.options]
    copied(lodging, [*scp, "sent", f"{server.address}:there"])
    copied(lodging, [*scp, f"{server.address}:there", "back"])
    assert (lodging.work / "back").read_bytes() == PAYLOAD


@pytest.mark.root
def test_rsync_copies_both_ways(lodging: Place, server: Server) -> None:
    needs("rsync")
    (lodging.work / "sent").write_bytes(PAYLOAD)
    copied(lodging, ["rsync", "-e", server.rsh, "sent", f"{server.address}:there"])
    copied(lodging, ["rsync", "-e", server.rsh, f"{server.address}:there", "back"])
    assert (lodging.work / "back").read_bytes() == PAYLOAD


@pytest.mark.root
def test_git_clones_over_ssh(lodging: Place, server: Server) -> None:
    copied(lodging, ["git", "init", "-q", "-b", "main", "origin"])
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    copied(
        lodging, ["git", "-C", "origin", *author, "commit", "-q", "--allow-empty", "-m", "first"]
    )
    who = account.ordinary()
    lodging.give(who.uid, who.gid)
    where = f"ssh://{server.address}:{server.port}{lodging.work}/origin"
    trust = {"GIT_SSH_COMMAND": server.rsh}
    (lodging.home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
    copied(lodging, ["git", "clone", "-q", where, "copy"], trust)
    log = ["git", "-C", str(lodging.work / "copy"), "log", "--format=%s"]
    environment = lodging.environment()
    assert subprocess.run(log, capture_output=True, check=True, env=environment).stdout == (
        b"first\n"
    )


@pytest.mark.parametrize("words", [["-c"], ["-lc"], ["-ilc"], ["-l", "-c"], ["-i", "-l", "-c"]])
@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_line_for_the_shell_becomes_the_real_shell_in_the_same_process(
    place: Place, shell: str, words: list[str]
) -> None:
    line = "echo ou''t; exit 7" if shell == "fish" else "echo pid:$$:; echo ou''t; exit 7"
    environment = place.shell_environment(shell)
    bare = place.open([f"/usr/bin/{shell}", *words, line], environment)
    window = place.open([*LAUNCHER, *words, line], environment)
    assert exit_code(bare.finish()) == exit_code(window.finish()) == 7
    told = bytes(bare.output).replace(b":%d:" % bare.pid, b":%d:" % window.pid)
    assert bytes(window.output) == told


@pytest.mark.parametrize("words", [["-c"], ["-lc"]])
def test_a_command_line_adds_no_byte_between_pipes(place: Place, words: list[str]) -> None:
    process = subprocess.Popen(
        [*LAUNCHER, *words, "cat; echo $$; echo wrong >&2; exit 9"],
        env=place.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = process.communicate(PAYLOAD)
    assert out == PAYLOAD + b"%d\n" % process.pid
    assert (err, process.returncode) == (b"wrong\n", 9)
