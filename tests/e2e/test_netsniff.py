"""`python -m netsniff` as people and programs use it: a table in a terminal, lines in a pipe."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest

from tests import account

pytestmark = pytest.mark.linux

ROOT = Path(__file__).resolve().parents[2]
NETSNIFF = [sys.executable, "-m", "netsniff"]
# Reads what the server sends, then waits for a line: alive long enough to be looked at.
CLIENT = """
import socket, sys
one = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
one.sendall(b"q" * 200)
one.shutdown(socket.SHUT_WR)
size = 0
while part := one.recv(65536):
    size += len(part)
print(size, flush=True)
sys.stdin.readline()
"""
ENVIRON = {"HOME": "/", "PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8"}


@pytest.fixture
def port() -> Iterator[int]:
    """Yield the port of a server that answers with 100,000 bytes half a second later."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            one, _ = listener.accept()
        except OSError:
            return
        with one:
            while one.recv(4096):
                pass
            threading.Event().wait(0.5)
            one.sendall(bytes(100_000))


def watched(port: int, *options: str, second: account.Account | None = None) -> str:
    """Return what is printed about a shell whose child fetches once, until the shell ends."""
    python = str(second.python) if second else sys.executable
    whose: dict[str, Any] = {"user": second.uid, "group": second.gid} if second else {}
    where = second.checkout if second else ROOT
    shell = subprocess.Popen(
        ["sh", "-c", 'read go; "$@"; true', "sh", python, "-c", CLIENT, str(port)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=ENVIRON, cwd="/", **whose,
    )  # fmt: skip
    argv = [python, "-m", "netsniff", *options, str(shell.pid)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(argv, cwd=where, env=ENVIRON, text=True, **pipes, **whose) as looking:
        threading.Event().wait(1.5)
        assert shell.stdin
        shell.stdin.write("go\n\n")
        shell.stdin.close()
        shell.wait()
        told, _ = looking.communicate(timeout=20)
        assert looking.returncode == 0
    return str(told)


@pytest.mark.parametrize("root", [True, False], ids=["root", "ordinary"])
def test_a_child_of_the_process_is_told_with_its_bytes(port: int, *, root: bool) -> None:
    if root and os.getuid():
        pytest.skip("needs root: run the tests as root")
    told = [json.loads(line) for line in watched(
        port, "--json", second=None if root else account.ordinary()
    ).splitlines()]  # fmt: skip
    chosen = [
        (one["received_bytes"], one["sent_bytes"], one["remote_port"], one["pid_confidence"])
        for one in told
        if "loss" not in one
    ]
    # Met late, a process may be younger than its socket: then it may have got it from another.
    sure = ["exact"] if root else ["exact", "likely"]
    assert chosen in [[(100_000, 200, port, each)] for each in sure]


def test_a_pipe_gets_a_sentence_for_each_connection(port: int) -> None:
    told = watched(port)
    assert f"127.0.0.1:{port}  tcp  received 100 kB  sent 200 B" in told


# Says the terminal's mode before and after, and the status between.
AROUND = 'trap : INT; echo "mode=$(stty -g)"; "$@"; echo "status=$?"; echo "mode=$(stty -g)"'


class Terminal:
    """The table in a terminal of 80 columns, drawn."""

    def __init__(self, *options: str) -> None:
        argv = ["-c", AROUND, "sh", *NETSNIFF, *options]
        self.child: Any = pexpect.spawn(
            "/bin/sh", argv, cwd=str(ROOT), env=ENVIRON, dimensions=(24, 80), timeout=20
        )
        self.mode = self.told(rb"mode=([0-9a-f:]+)")
        self.child.expect_exact(b"q quit")

    def told(self, pattern: bytes) -> bytes:
        """Wait for a pattern; return its group."""
        self.child.expect(pattern)
        return bytes(self.child.match[1])

    def ended(self) -> tuple[bytes, bool, bool]:
        """Return the status, whether the mode is as before, and whether the screen is."""
        status = self.told(rb"status=(\d+)")
        before = bytes(self.child.before or b"")
        back = b"\x1b[?1049l" in before and b"\x1b[?25h" in before
        same = self.told(rb"mode=([0-9a-f:]+)") == self.mode
        self.child.expect(pexpect.EOF)
        return status, same, back


def test_control_c_leaves_the_terminal_as_it_was() -> None:
    terminal = Terminal()
    terminal.child.sendintr()
    assert terminal.ended() == (b"0", True, True)


def test_q_ends_the_table() -> None:
    terminal = Terminal()
    terminal.child.send(b"q")
    assert terminal.ended() == (b"0", True, True)


def test_a_key_sorts_the_table_at_once() -> None:
    terminal = Terminal("--every", "600")
    terminal.child.send(b"h")
    terminal.child.expect_exact(b"h HOST")
    terminal.child.send(b"q")
    assert terminal.ended() == (b"0", True, True)


def test_a_terminal_that_is_closed_ends_it() -> None:
    child: Any = pexpect.spawn(
        NETSNIFF[0], NETSNIFF[1:], cwd=str(ROOT), env=ENVIRON, dimensions=(24, 80), timeout=20
    )
    child.expect_exact(b"q quit")
    ours = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
    os.close(child.child_fd)
    _, left = psutil.wait_procs(ours, timeout=10)
    assert left == []


def run(*options: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run it with its output in a pipe."""
    return subprocess.run(
        [*NETSNIFF, *options],
        cwd=ROOT, env=ENVIRON, capture_output=True, text=True, check=False, timeout=20, **more,
    )  # fmt: skip


def test_no_such_process_is_two_lines_and_status_1() -> None:
    done = run(str((1 << 22) + 1))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 2)


@pytest.mark.parametrize("word", ["-1", "self", "--every=0", "--sort=size"])
def test_wrong_usage_is_status_2(word: str) -> None:
    assert run(word).returncode == 2


def test_help_has_an_example() -> None:
    assert "example: python -m netsniff" in run("--help").stdout


def test_a_reader_that_leaves_is_no_error(port: int) -> None:
    line = f'{sys.executable} -m netsniff --seconds 3 | true; echo "${{PIPESTATUS[0]}}"'
    with socket.create_connection(("127.0.0.1", port)) as open_one:
        done = subprocess.run(
            ["bash", "-c", line], cwd=ROOT, env=ENVIRON, capture_output=True, text=True, check=False
        )
        open_one.close()
    assert (done.stdout, "Traceback" in done.stderr) == ("0\n", False)
