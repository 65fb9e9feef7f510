"""Reads which names the resolver's own files give to addresses: what there is without capture.

That is the hosts file (hosts(5)), and what a local dnsmasq leased to machines and containers of its
networks. The other files of a resolver (resolv.conf, nsswitch.conf) name servers, not hosts.
"""

import os
import stat
from collections.abc import Iterator
from ipaddress import ip_address

from netsniff.model import Endpoint, Name
from netsniff.names.address import written
from netsniff.names.hostname import host_name

HOSTS = "/etc/hosts"
LEASES = ("/var/lib/misc/dnsmasq.leases", "/var/lib/dnsmasq/dnsmasq.leases")
_LARGEST_BYTES = 16 << 20


class Resolver:
    """The files, read anew when they have changed."""

    def __init__(self, hosts: str = HOSTS, leases: tuple[str, ...] = LEASES) -> None:
        self._readers = {hosts: _hosts, **dict.fromkeys(leases, _leases)}
        self._seen: tuple[tuple[int, int, int] | None, ...] | None = None

    def changed(self) -> bool:
        """Whether the files are others than those `names` read last; at first they are."""
        return self._state() != self._seen

    def names(self) -> tuple[Name, ...]:
        """Return the first name of each line for its address; a file that is not there has none."""
        self._seen = self._state()
        found = []
        for place, reader in self._readers.items():
            for address, raw in reader(_text(place)):
                name, text = host_name(raw.encode("utf-8", "replace")), _address(address)
                if name is not None and text is not None:
                    found.append(Name(0, "hosts", name, Endpoint(text, 0)))
        return tuple(found)

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_state(place) for place in self._readers)


def _hosts(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) >= 2:
            yield words[0], words[1]


def _leases(text: str) -> Iterator[tuple[str, str]]:
    """Lines of: end, hardware address, address, name or `*`, client (lease file, dnsmasq(8))."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4 and words[3] != "*":
            yield words[2], words[3]


def _address(text: str) -> str | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # 0.0.0.0 stands for nobody: lists of hosts not to be reached are made of it.
    return None if address.is_unspecified else written(address)


def _text(place: str) -> str:
    try:
        with open(place, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return ""
            return file.read(_LARGEST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _state(place: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(place)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
