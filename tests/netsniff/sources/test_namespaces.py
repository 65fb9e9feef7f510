"""A process elsewhere is found there, and its namespace is entered where that is allowed."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import account

pytestmark = [
    pytest.mark.linux,
    pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare: install util-linux"),
]
# Says where it is and what a dump of the other namespace holds: the listener of that place alone.
LOOK = """
import sys
from netsniff.sources import diag, namespaces
pid = int(sys.argv[1])
try:
    asking, dying = namespaces.Entry(pid).take()
except OSError as error:
    sys.exit(error.strerror)
asking.send(diag.dump_request(1, 1 << diag.LISTEN))
seen, end = diag.first_sight(data := asking.recv(65536), len(data))
print(namespaces.of(pid) != namespaces.own(), len(seen))
"""
STAY = """
import os, sys
from netsniff.sources import namespaces
before = namespaces.own()
for each in namespaces.Entry(int(sys.argv[1])).take():
    each.close()
print(namespaces.own() == before)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print(False)
"""
LISTEN = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def elsewhere(*flags: str, user: int | None = None) -> Iterator[int]:
    """Yield a process in a network namespace of its own that listens there."""
    argv = ["unshare", *flags, sys.executable, "-I", "-S", "-c", LISTEN]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", user=user, text=True
    ) as process:
        try:
            if process.stdout and process.stdout.readline() != "ready\n":
                pytest.skip("needs user namespaces: sysctl user.max_user_namespaces=10000")
            yield process.pid
        finally:
            process.kill()


def looked(pid: int, second: account.Account | None = None) -> tuple[str, str]:
    """Return what a look into the namespace of a process says, and its complaint."""
    if second is None:
        argv = [sys.executable, "-c", LOOK, str(pid)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    else:
        argv = [str(second.python), "-c", LOOK, str(pid)]
        done = account.run_as(second, argv, {"HOME": "/"}, cwd=second.checkout)
    return done.stdout.strip(), done.stderr.strip()


@pytest.mark.root
def test_root_looks_into_a_namespace_of_root() -> None:
    with elsewhere("-n") as pid:
        assert looked(pid) == ("True 1", "")


@pytest.mark.root
def test_root_looks_into_a_namespace_of_an_ordinary_user(second: account.Account) -> None:
    with elsewhere("-Urn", user=second.uid) as pid:
        assert looked(pid) == ("True 1", "")


def test_a_user_looks_into_a_rootless_namespace_of_their_own(second: account.Account) -> None:
    with elsewhere("-Urn", user=second.uid) as pid:
        assert looked(pid, second) == ("True 1", "")


def test_a_user_is_kept_out_of_a_namespace_of_root(second: account.Account) -> None:
    with elsewhere("-n") as pid:
        assert looked(pid, second) == ("", "Permission denied")


def test_whoever_asks_stays_where_they_are_and_has_no_child_left() -> None:
    with elsewhere("-Urn") as pid:
        argv = [sys.executable, "-c", STAY, str(pid)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "False"]


def test_a_process_that_is_gone_is_an_answer() -> None:
    with elsewhere("-Urn") as pid:
        pass
    asked = (
        "import sys; from netsniff.sources import namespaces as n; print(n.of(int(sys.argv[1])))"
    )
    argv = [sys.executable, "-c", asked, str(pid)]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "None\n"
    assert looked(pid) == ("", "No such file or directory")
