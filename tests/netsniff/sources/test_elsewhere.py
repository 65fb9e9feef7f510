"""What runs in another network namespace is seen, its place is left again, or it is told."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import account
from tests.netsniff import own_space

pytestmark = [pytest.mark.linux, own_space.NEEDED]
# Connects to itself and waits for a line, three times over, then ends.
TALK = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
for number in (1000, 2000, 3000):
    one = socket.create_connection(listener.getsockname())
    other, _ = listener.accept()
    other.sendall(bytes(number))
    one.recv(number, socket.MSG_WAITALL)
    print("open", flush=True)
    if not sys.stdin.readline():
        break
    one.close(), other.close()
"""
# Waits for a line, then makes five connections and ends them at once.
BURST = """
import socket, sys
print("open", flush=True)
sys.stdin.readline()
listener = socket.create_server(("127.0.0.1", 0))
for _ in range(5):
    one = socket.create_connection(listener.getsockname())
    other, _ = listener.accept()
    one.close(), other.close()
sys.stdin.readline()
"""
# Follows a process by the source; tells each event in a line, and answers a line with a look.
FOLLOW = """
import json, select, sys
from netsniff.sources import namespaces
from netsniff.sources.sock_diag import SockDiag
source = SockDiag()
descriptor, pid = source.open(), int(sys.argv[1])
own = namespaces.own()
print("ready", flush=True)
while True:
    source.hurry(pid)
    ready, _, _ = select.select([descriptor, sys.stdin], [], [], 0.05)
    for event in source.read():
        told = event._asdict()
        if "number" in told or told["namespace"] != own:
            print(json.dumps(told), flush=True)
    if sys.stdin in ready and not sys.stdin.readline():
        break
source.close()
"""


class Talker:
    """A process elsewhere, and somebody who follows it."""

    def __init__(
        self,
        argv: list[str],
        second: account.Account | None = None,
        become: tuple[str, ...] = (),
        script: str = TALK,
    ) -> None:
        python = str(second.python) if second else sys.executable
        cwd = second.checkout if second else None
        whose: dict[str, Any] = {"user": second.uid, "group": second.gid} if second else {}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        inside = ["sh", "-c", 'ip link set lo up; exec "$@"', "sh", *become, python, "-c", script]
        home = {"HOME": "/", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        place = whose if "-Urn" in argv else {}
        self.process = subprocess.Popen([*argv, *inside], cwd="/", env=home, **place, **pipes)
        if self.line() != "open\n":
            self.process.wait()
            pytest.skip("needs user namespaces: sysctl user.max_user_namespaces=10000")
        self.follower = subprocess.Popen(
            [python, "-c", FOLLOW, str(self.process.pid)], cwd=cwd, env=home, **whose, **pipes
        )
        self.rest = b""
        self.told: list[dict[str, Any]] = []
        assert self.follower.stdout
        while not self.rest.endswith(b"ready\n"):
            self.rest += os.read(self.follower.stdout.fileno(), 1)
        self.rest = b""

    def line(self) -> str:
        """Return a line of the process, which then waits."""
        assert self.process.stdout
        return str(self.process.stdout.readline())

    def go_on(self) -> None:
        """Let it close what it has, and open the next."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def hears(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 5) -> dict[str, Any]:
        """Return the first event of a kind that is told within some seconds."""
        assert self.follower.stdout
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for told in self.lately(self.follower.stdout.fileno()):
                self.told.append(told)
                if wanted(told):
                    return dict(told)
        raise AssertionError(f"not told: {self.told}")

    def lately(self, descriptor: int) -> Iterator[dict[str, Any]]:
        """Yield what has come, after a tenth of a second at most; a line may come in pieces."""
        while b"\n" not in self.rest:
            if not select.select([descriptor], [], [], 0.1)[0]:
                return
            self.rest += os.read(descriptor, 65536)
        while b"\n" in self.rest:
            line, _, self.rest = self.rest.partition(b"\n")
            yield json.loads(line)

    def end(self) -> None:
        """End both."""
        for each in (self.process, self.follower):
            each.kill()
            with each:
                pass


def _of(number: int) -> Callable[[dict[str, Any]], bool]:
    return lambda told: told.get("received_bytes") == number and bool(told["final"])


def _held(number: int) -> Callable[[dict[str, Any]], bool]:
    """One that began while we looked: of an older one nobody knows who opened it."""
    return lambda told: (
        bool(told.get("holder")) and told["holder"][0] == number and not told["baseline"]
    )


def followed(talker: Talker) -> tuple[int, str, bool]:
    """Return the bytes, the holder's confidence and the end of a connection made elsewhere."""
    try:
        talker.hears(lambda told: told.get("received_bytes") == 1000)
        talker.go_on()
        held = talker.hears(_held(talker.process.pid))
        assert talker.line() == "open\n"
        talker.go_on()
        final = talker.hears(_of(2000))
        return final["received_bytes"], held["holder"][2], final["baseline"]
    finally:
        talker.end()


@pytest.mark.root
def test_root_sees_what_is_moved_in_another_namespace() -> None:
    assert followed(Talker(["unshare", "-n"])) == (2000, "exact", False)


def test_a_user_sees_what_is_moved_in_a_rootless_namespace_of_their_own(
    second: account.Account,
) -> None:
    assert followed(Talker(["unshare", "-Urn"], second)) == (2000, "exact", False)


def test_a_user_is_told_once_of_a_namespace_they_may_not_enter(second: account.Account) -> None:
    talker = Talker(["unshare", "-n"], second, _become(second))
    try:
        told = talker.hears(lambda told: "number" in told)
        assert (told["number"], told["reason"]) == (None, "other network namespace")
        with pytest.raises(AssertionError, match="not told"):
            talker.hears(lambda told: "number" in told, seconds=0.6)
    finally:
        talker.end()


@pytest.mark.root
def test_a_namespace_is_left_when_nobody_followed_is_in_it() -> None:
    """A socket of ours would keep it, and its devices, for ever."""
    talker = Talker(["unshare", "-n"])
    try:
        talker.hears(lambda told: told.get("received_bytes") == 1000)
        before = _children(talker.follower.pid)
        talker.process.kill()
        until = time.monotonic() + 5
        while time.monotonic() < until and _children(talker.follower.pid) == before:
            time.sleep(0.1)
        assert (len(before), len(_children(talker.follower.pid))) == (2, 1)
    finally:
        talker.end()


def test_what_was_over_before_the_entry_is_told_by_its_number(second: account.Account) -> None:
    """Without a device beside `lo` nothing is entered until a connection was counted."""
    talker = Talker(["unshare", "-Urn"], second, script=BURST)
    try:
        time.sleep(0.3)  # it is met while it has nothing
        talker.go_on()
        told = talker.hears(lambda told: "number" in told)
        assert (told["number"], told["reason"]) == (
            10,
            "over before the network namespace was entered",
        )
    finally:
        talker.end()


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def _become(second: account.Account) -> tuple[str, ...]:
    return ("setpriv", f"--reuid={second.uid}", f"--regid={second.gid}", "--clear-groups")
