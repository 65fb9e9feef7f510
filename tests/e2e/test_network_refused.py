"""A kernel that refuses to tell of sockets: the next lower layer, told, and the command untouched.

Rows 18 and 19 of the network's acceptance.
"""

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import account, forbidding
from tests import home as homes
from tests.conformance.source_watching import serving

pytestmark = [
    pytest.mark.linux,
    pytest.mark.skipif(not forbidding.POSSIBLE, reason=forbidding.NEEDS),
]

CLIENT = """
import socket, struct, sys, time
one = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
one.sendall(struct.pack("=II", 100, 1000) + bytes(92))
got = 0
while got < 1000:
    got += len(one.recv(1000))
time.sleep(float(sys.argv[2]))
print("got", got)
sys.exit(7)
"""


class Ran(NamedTuple):
    """How a run ended and what is recorded of it."""

    status: int
    stdout: str
    stderr: str
    record: dict[str, Any]


def refused(what: str, second: account.Account, home: homes.Home, hold_s: float) -> Ran:
    """Run a client for whom, and for all of ours, the kernel refuses something."""
    launcher = second.checkout / "ptywrap" / "launch" / "ptywrap.sh"
    script = second.checkout / "tests" / "forbidding.py"
    with serving() as port:
        client: list[str | Path] = [second.python, "-I", "-S", "-c", CLIENT, str(port), str(hold_s)]
        argv: list[str | Path] = [second.python, script, what, "EPERM"]
        argv += [launcher, "--json", "run.json", "--", *client]
        done = account.run_as(second, argv, home.environ, stdin=subprocess.DEVNULL)
    record = json.loads((home.folder / "run.json").read_text())
    return Ran(done.returncode, done.stdout, done.stderr, record)


def test_a_command_is_untouched_and_its_connections_are_those_of_the_table(
    second: account.Account, second_home: homes.Home
) -> None:
    ran = refused("sock_diag", second, second_home, 2.5)
    assert (ran.status, ran.stdout, ran.stderr) == (7, "got 1000\n", "")
    told = [
        (each["protocol"], each["received_bytes"], each["sent_bytes"], each["rtt_ns"])
        for each in ran.record["flows"]
    ]
    assert told == [("tcp", None, None, None)]
    assert [each["pid_confidence"] for each in ran.record["flows"]] == ["likely"]


def test_what_was_not_counted_is_unknown_and_never_nothing(
    second: account.Account, second_home: homes.Home
) -> None:
    command = refused("sock_diag", second, second_home, 0.0).record["command"]
    assert (command["received_bytes"], command["sent_bytes"]) == (None, None)


def test_without_any_netlink_a_command_is_untouched(
    second: account.Account, second_home: homes.Home
) -> None:
    ran = refused("netlink", second, second_home, 0.0)
    assert (ran.status, ran.stdout, ran.stderr) == (7, "got 1000\n", "")
    assert ran.record["command"]["received_bytes"] is None


def test_doctor_says_why_and_what_would_help(
    second: account.Account, second_home: homes.Home
) -> None:
    launcher = second.checkout / "ptywrap" / "launch" / "ptywrap.sh"
    script = second.checkout / "tests" / "forbidding.py"
    argv: list[str | Path] = [second.python, script, "sock_diag", "EPERM", launcher, "doctor"]
    done = account.run_as(second, [*argv, "--json"], second_home.environ, timeout=120)
    (told,) = (each for each in json.loads(done.stdout)["sensors"] if each["name"] == "sock_diag")
    assert (told["usable"], told["reason"]) == (False, "a sandbox forbids netlink sockets")
    assert told["remedy"]
