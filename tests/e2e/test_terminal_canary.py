"""Row 27 of the correctness table: what is typed and printed stays out of every file of ours."""

import os
import resource
import secrets
import signal
import socket
from pathlib import Path

import pytest

from tests.e2e.places import SHELLS, Place, read_proc, roles
from tests.e2e.terminal import LAUNCHER, PROMPT, Start, Terminal, exit_code, wait_for

pytestmark = pytest.mark.linux


def holders(place: Place, canaries: list[str]) -> list[str]:
    """Return the files of the place that hold a canary, but for the one we made ourselves."""
    words = [canary.encode() for canary in canaries]
    hits = []
    for path in place.root.rglob("*"):
        if path.is_file() and not path.is_symlink() and path != place.work / "secret":
            content = path.read_bytes()
            if any(word in content for word in words):
                hits.append(str(path))
    return hits


def sockets_of_ours(place: Place) -> list[Path]:
    """Return the sockets in the folders of ours."""
    return [path for path in place.root.rglob("*") if path.is_socket()]


def said_by(path: Path) -> bytes:
    """Return what a socket of ours says to one who only listens."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0.3)
        try:
            probe.connect(str(path))
            return probe.recv(65536)
        except OSError:
            return b""


def cores_allowed() -> None:
    """Let this process and what it starts leave core files."""
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def sing(window: Terminal, place: Place, shell: str) -> list[str]:
    """Type and print canaries in every way that is no command line; return them."""
    printed, password, erased, answered = (secrets.token_hex(12) for _ in range(4))
    (place.work / "secret").write_text(printed + "\n")
    window.ask("cat secret", printed.encode())
    window.ask("""sh -c 'stty -echo; echo as""k; read -r x; stty echo; echo do""ne'""", rb"ask\s")
    window.ask(password, rb"done\s")
    window.ask("sh -c 'echo as\"\"k; exec cat'", rb"ask\s")
    window.ask(answered, rb"%b\s+%b\s" % (answered.encode(), answered.encode()))
    window.send(b"\x04")
    window.ask("echo fr''ee", rb"free\s")
    window.send(erased.encode())
    window.until(erased[-1].encode())
    window.send(b"\x15")
    window.ask(f"echo {shell}''-on", f"{shell}-on".encode())
    return [printed, password, erased, answered]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_canary_typed_and_printed_is_in_no_file_and_no_socket(place: Place, shell: str) -> None:
    window = place.shell(shell)
    canaries = sing(window, place, shell)
    records = [path for path in place.root.rglob("*.pty") if path.stat().st_size]
    assert wait_for(lambda: len(place.services()) > 0, 5), "no observer to look at"
    during = holders(place, canaries)
    told = [path for path in sockets_of_ours(place) if said_by(path)]
    window.line("exit 37")
    assert exit_code(window.finish()) == 37
    assert len(records) == 1, "no record of the pump: nothing was looked at"
    assert (during, told, holders(place, canaries)) == ([], [], [])


def test_a_password_typed_as_a_command_is_in_no_file(place: Place) -> None:
    window = place.shell()
    canary = secrets.token_hex(12)
    (place.home / ".bashrc").write_text("")
    window.line("set +o history")
    window.ask(canary, rb"not found[\s\S]*ready> ")
    assert wait_for(lambda: bool(place.services()), 5)
    during = holders(place, [canary])
    window.line("exit")
    window.finish()
    assert (during, holders(place, [canary])) == ([], [])


def test_a_canary_is_in_no_file_after_a_run(place: Place) -> None:
    canary = secrets.token_hex(12)
    (place.work / "secret").write_text(canary + "\n")
    window = place.open([*LAUNCHER, "--json", str(place.work / "run.json"), "--", "cat", "secret"])
    assert exit_code(window.finish()) == 0
    assert canary.encode() in window.output
    assert holders(place, [canary]) == []


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT])
def test_our_own_death_leaves_no_core_and_no_trace(place: Place, number: signal.Signals) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        pytest.skip(f"core files go to {pattern}: set kernel.core_pattern to core")
    window = place.shell(start=Start(before=cores_allowed))
    canary = secrets.token_hex(12)
    (place.work / "secret").write_text(canary + "\n")
    session = roles(window)
    window.ask("cat secret", canary.encode())
    os.kill(session.pump, number)
    window.ask("cat secret", canary.encode())
    os.kill(session.guardian, number)
    os.kill(session.keeper, number)
    window.line("exit")
    window.finish()
    assert [path.name for path in place.root.rglob("core*")] == []
    assert holders(place, [canary]) == []


def test_our_processes_may_leave_no_core_but_the_shell_may(place: Place) -> None:
    window = place.shell(start=Start(before=cores_allowed))
    session = roles(window)
    ours = {name: core_limit(getattr(session, name)) for name in ("keeper", "pump", "guardian")}
    assert ours == {"keeper": "0", "pump": "0", "guardian": "0"}
    assert core_limit(session.shell) == "unlimited"
    window.ask("ulimit -c; echo ro''om", rb"unlimited\s+room")


def core_limit(pid: int) -> str:
    """Return the soft limit of a process on core files."""
    for line in read_proc(pid, "limits").decode().splitlines():
        if line.startswith("Max core file size"):
            return line.split()[4]
    return "unknown"


def test_a_prompt_comes_back_after_everything(place: Place) -> None:
    window = place.shell()
    sing(window, place, "bash")
    window.ask("", PROMPT)
