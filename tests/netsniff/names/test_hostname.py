"""Names of hosts are told from other bytes and written in one way."""

import pytest

from netsniff.names.hostname import host_name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"example.org", "example.org"),
        (b"WWW.Example.ORG.", "www.example.org"),
        (b"localhost", "localhost"),
        (b"_dmarc.example.org", "_dmarc.example.org"),
        (b"xn--bcher-kva.example", "xn--bcher-kva.example"),
        (b"1and1.com", "1and1.com"),
        (b"1.2.3.4", None),
        (b"", None),
        (b".", None),
        (b"a..b", None),
        (b"a-.b", None),
        (b"a\nb", None),
        (b"a\n", None),
        ("bücher.example".encode(), None),
        (b"x" * 63 + b".org", "x" * 63 + ".org"),
        (b"x" * 64 + b".org", None),
        (b"x." * 126 + b"x", "x." * 126 + "x"),
        (b"x." * 127 + b"x", None),
    ],
)
def test_only_a_host_s_name_passes(raw: bytes, name: str | None) -> None:
    assert host_name(raw) == name
