"""Connections beyond this machine: another network namespace stands for another machine.

The observer starts in it, as it would on a laptop; only the server is outside.
"""

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.observing import Observing
from tests.e2e.places import Place, needs
from tests.e2e.serving import Count, Load, Serving, client
from tests.e2e.terminal import LAUNCHER
from tests.ptywrap.leaving import sent

pytestmark = [pytest.mark.linux, pytest.mark.root]

SERVERS = ("10.231.77.1", "10.231.77.2")
CLIENT = "10.231.77.3"
LOAD = Load(200_000, pause_s=0.05)


class Elsewhere(NamedTuple):
    """A place behind a network of its own, and what its two servers are called there."""

    place: Place
    space: str
    names: tuple[str, str]

    def record(self, *argv: str) -> dict[str, Any]:
        """Run a command there, and return its record."""
        enter = ["ip", "netns", "exec", self.space, *LAUNCHER]
        subprocess.run(
            [*enter, "--quiet", "--json", "run.json", "--", *argv],
            check=True,
            cwd=self.place.work,
            env=self.place.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        told: dict[str, Any] = json.loads((self.place.work / "run.json").read_text())
        return told


@pytest.fixture
def elsewhere(place: Place) -> Iterator[Elsewhere]:
    """Yield such a place."""
    needs("ip", "iproute2")
    space = f"product-{secrets.token_hex(3)}"
    names = (f"{secrets.token_hex(8)}.example.net", f"files.{secrets.token_hex(4)}.debian.org")
    hosts = Path("/etc/netns") / space / "hosts"
    hosts.parent.mkdir(parents=True)
    pairs = zip(SERVERS, names, strict=True)
    hosts.write_text("".join(f"{address} {name}\n" for address, name in pairs))
    outside, inside = f"{space}0"[-14:], f"{space}1"[-14:]
    try:
        _ip(f"netns add {space}")
        _ip(f"link add {outside} type veth peer name {inside} netns {space}")
        for address in SERVERS:
            _ip(f"addr add {address}/29 dev {outside}")
        _ip(f"link set {outside} up")
        for line in (f"addr add {CLIENT}/29 dev {inside}", f"link set {inside} up"):
            _ip(f"-n {space} {line}")
        yield Elsewhere(place, space, names)
    finally:
        place.close()
        subprocess.run(["ip", "link", "del", outside], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", space], check=False)
        hosts.unlink()
        hosts.parent.rmdir()


def _ip(line: str) -> None:
    subprocess.run(["ip", *line.split()], check=True)


def test_what_a_command_moved_is_told_by_host_and_in_all(elsewhere: Elsewhere) -> None:
    name, address = elsewhere.names[0], SERVERS[0]
    with Serving(address, delay_s=0.1) as server:
        told = elsewhere.record(*client("/usr/bin/python3", name, server.port, LOAD))
        (counted,) = server.counts()
    (flow,) = told["flows"]
    assert (flow["remote_host"], flow["host_source"], flow["remote_address"]) == (
        name,
        "hosts",
        address,
    )
    assert (flow["loopback"], flow["pid_confidence"]) == (False, "exact")
    command = told["command"]
    moved = Count(command["received_bytes"], command["sent_bytes"])
    assert (moved, command["connections"]) == (counted, 1)


def test_names_of_hosts_stay_here_unless_they_are_listed(elsewhere: Elsewhere) -> None:
    observing = Observing(elsewhere.place)
    for name, address in zip(elsewhere.names, SERVERS, strict=True):
        with Serving(address, delay_s=0.1) as server:
            elsewhere.record(*client("/usr/bin/python3", name, server.port, LOAD))
    spooled, leaving = observing.bytes_spooled(), sent(*observing.facts())
    kept = [name.encode() in spooled for name in elsewhere.names]
    told = [word in leaving for word in (*map(str.encode, elsewhere.names), b"debian.org")]
    assert (kept, told) == ([True, True], [False, False, True])
