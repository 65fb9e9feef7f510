"""The resolver's files name addresses where nothing is captured."""

import os
from pathlib import Path

from netsniff.model import Endpoint, Name
from netsniff.names.resolver import Resolver

HOSTS = """\
# what this machine knows by itself
127.0.0.1\tlocalhost
::1 localhost ip6-localhost   # of version 6
10.1.2.3  Build.Example.org build
fe80::1%eth0 router.example
0.0.0.0 not-to-be-reached.example
300.1.1.1 wrong.example
10.1.2.4
10.1.2.5 \x1b[31mred
"""


def a_resolver(folder: Path, hosts: str = HOSTS, leases: str = "") -> Resolver:
    (folder / "hosts").write_text(hosts)
    (folder / "leases").write_text(leases)
    return Resolver(str(folder / "hosts"), (str(folder / "leases"), str(folder / "none")))


def told(resolver: Resolver) -> list[tuple[str, str | None]]:
    return [(name.remote.address, name.name) for name in resolver.names()]


def test_the_first_name_of_each_line_is_the_address_s(tmp_path: Path) -> None:
    assert told(a_resolver(tmp_path)) == [
        ("127.0.0.1", "localhost"),
        ("::1", "localhost"),
        ("10.1.2.3", "build.example.org"),
        ("fe80::1", "router.example"),
    ]


def test_a_name_says_where_it_is_from(tmp_path: Path) -> None:
    found = a_resolver(tmp_path, "10.1.2.3 build").names()
    assert found == (Name(0, "hosts", "build", Endpoint("10.1.2.3", 0)),)


def test_a_lease_names_a_machine_of_a_local_network(tmp_path: Path) -> None:
    leases = (
        "1700000000 52:54:00:aa:bb:cc 192.168.122.7 guest ff:01\n1 52:54:00:0 192.168.122.8 * *\n"
    )
    assert told(a_resolver(tmp_path, "", leases)) == [("192.168.122.7", "guest")]


def test_files_that_are_not_there_name_nothing(tmp_path: Path) -> None:
    assert Resolver(str(tmp_path / "none"), ()).names() == ()


def test_a_file_that_is_no_file_names_nothing(tmp_path: Path) -> None:
    assert Resolver(str(tmp_path), (os.devnull,)).names() == ()


def test_a_change_of_a_file_is_noticed_once(tmp_path: Path) -> None:
    resolver = a_resolver(tmp_path)
    said = [resolver.changed()]
    resolver.names()
    said.append(resolver.changed())
    (tmp_path / "hosts").write_text("10.0.0.1 other\n")
    said.append(resolver.changed())
    resolver.names()
    said.append(resolver.changed())
    assert said == [True, False, True, False]
