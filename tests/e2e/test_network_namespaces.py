"""A command that talks in another network namespace has its connections, or is told it has none."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import account
from tests import home as homes
from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER
from tests.netsniff import own_space

pytestmark = [pytest.mark.linux, own_space.NEEDED]
# After a while three connections within the machine, of 1000, 2000 and 3000 bytes and 0.3 s each.
TALK = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
time.sleep(float(sys.argv[1]))
for number in (1000, 2000, 3000):
    one = socket.create_connection(listener.getsockname())
    other, _ = listener.accept()
    other.sendall(bytes(number))
    one.recv(number, socket.MSG_WAITALL)
    time.sleep(0.3)
    one.close(), other.close()
"""
INSIDE = ("sh", "-c", 'ip link set lo up; exec "$@"', "sh")


def talked(told: dict[str, Any]) -> list[tuple[int, int, bool]]:
    """Return what each end of a connection moved, which were all of the process that talked."""
    (talker,) = [
        one["pid"] for one in told["processes"] if (one["name"] or "").startswith("python")
    ]
    assert {flow["pid"] for flow in told["flows"]} == {talker}
    return sorted(
        (flow["received_bytes"], flow["sent_bytes"], flow["loopback"]) for flow in told["flows"]
    )


BOTH_ENDS = sorted(
    (*moved, True) for size in (1000, 2000, 3000) for moved in ((size, 0), (0, size))
)

BOTH_ENDS_OF_LAST = {(3000, 0, True), (0, 3000, True)}


@pytest.mark.root
def test_root_has_every_byte_of_another_namespace(place: Place) -> None:
    argv = ["unshare", "-n", *INSIDE, sys.executable, "-c", TALK, "1.5"]
    subprocess.run(
        [*LAUNCHER, "--quiet", "--json", "run.json", "--", *argv],
        check=True,
        cwd=place.work,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    told = json.loads((place.work / "run.json").read_text())
    assert talked(told) == BOTH_ENDS


def recorded(second: account.Account, home: homes.Home, *argv: str) -> dict[str, Any]:
    """Run a command as the ordinary account; return its record."""
    launcher = second.checkout / "ptywrap" / "launch" / "ptywrap.sh"
    words: list[str | Path] = [launcher, "--quiet", "--json", "run.json", "--", *argv]
    environ = {**home.environ, "PATH": f"{home.environ['PATH']}:/usr/sbin:/sbin"}
    account.run_as(second, words, environ, stdin=subprocess.DEVNULL)
    told: dict[str, Any] = json.loads((home.folder / "run.json").read_text())
    return told


def test_a_user_has_what_a_rootless_namespace_of_their_own_moved(
    second: account.Account, second_home: homes.Home
) -> None:
    argv = ["unshare", "-Urn", *INSIDE, str(second.python), "-c", TALK, "0.3"]
    told = recorded(second, second_home, *argv)
    if told["command"]["wall_ns"] < 500_000_000:
        pytest.skip("needs user namespaces: sysctl user.max_user_namespaces=10000")
    # Without a device beside `lo` it is entered after its first connection was counted.
    assert BOTH_ENDS_OF_LAST <= set(talked(told)) <= set(BOTH_ENDS)


def test_a_sandbox_without_a_network_is_no_loss(
    second: account.Account, second_home: homes.Home
) -> None:
    """Builds make hundreds of them; there is nothing to be seen in one."""
    told = recorded(second, second_home, "unshare", "-Urn", "sleep", "1")
    missed = [one for one in told["losses"] if "namespace" in one["reason"]]
    assert (told["flows"], missed) == ([], [])
