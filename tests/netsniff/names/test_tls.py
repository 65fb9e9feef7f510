"""The server's name is read out of a ClientHello, however it is cut into records and segments."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsniff.names import tls
from netsniff.names.order import joined
from netsniff.names.tls import Hello
from tests.netsniff.names import hellos

NAMED = Hello("www.example.org")
CUT = Hello(None, cut=True)
PUBLIC = hellos.a_server_name(b"cloudflare-ech.com")


def test_a_real_hello_tells_its_server() -> None:
    assert tls.client_hello(hellos.a_hello()) == NAMED


def test_a_hello_without_a_name_is_whole_all_the_same() -> None:
    assert tls.client_hello(hellos.a_hello(None)) == Hello(None)


def test_a_hello_to_an_address_has_no_name() -> None:
    assert tls.client_hello(hellos.a_hello("192.0.2.1")) == Hello(None)


def test_a_name_in_capitals_is_the_same_name() -> None:
    message = hellos.a_made_message(hellos.a_server_name(b"WWW.Example.ORG"))
    assert tls.handshake(message) == NAMED


@pytest.mark.parametrize("sizes", [(1,), (3,), (4,), (50, 60), (1,) * 200], ids=str)
def test_a_hello_in_several_records_is_one(sizes: tuple[int, ...]) -> None:
    assert tls.client_hello(hellos.in_records(hellos.a_message(), sizes)) == NAMED


def test_every_cut_tells_the_name_or_that_it_was_cut() -> None:
    stream = hellos.a_hello()
    end = stream.index(b"www.example.org") + len("www.example.org")
    found = [tls.client_hello(stream[:size]) for size in range(len(stream) + 1)]
    assert found == [CUT] * end + [NAMED] * (len(stream) + 1 - end)


def test_every_cut_of_a_hello_in_small_records_tells_the_name_or_that_it_was_cut() -> None:
    stream = hellos.in_records(hellos.a_message(), [7] * 10)
    found = [tls.client_hello(stream[:size]) for size in range(len(stream) + 1)]
    assert (set(found), found[-1]) == ({CUT, NAMED}, NAMED)


@given(st.integers(1, 400), st.integers(0, (1 << 32) - 1), st.randoms())
def test_segments_in_any_order_are_joined(size: int, first: int, shuffled: Random) -> None:
    stream = HELLO
    segments = [
        ((first + at) % (1 << 32), stream[at : at + size]) for at in range(0, len(stream), size)
    ]
    rest = segments[1:]
    shuffled.shuffle(rest)
    assert tls.client_hello(joined([segments[0], *rest])) == NAMED


def test_a_name_behind_a_large_key_share_is_cut_with_its_segment() -> None:
    large = hellos.an_extension(51, bytes(1300))
    message = hellos.a_made_message(large, hellos.a_server_name(b"www.example.org"))
    stream = hellos.in_records(message, [])
    assert (tls.client_hello(stream[:1400]), tls.client_hello(stream)) == (CUT, NAMED)


def test_a_public_name_before_an_encrypted_one_is_not_the_name() -> None:
    message = hellos.a_made_message(PUBLIC, hellos.an_extension(0xFE0D, bytes(200)))
    assert tls.handshake(message) == Hello(None, encrypted=True)


def test_a_name_beside_a_feigned_encrypted_one_counts() -> None:
    message = hellos.a_made_message(
        hellos.an_extension(0xFE0D, bytes(200)), hellos.a_server_name(b"www.example.org")
    )
    assert tls.handshake(message) == NAMED


def test_a_public_name_that_is_visited_itself_counts() -> None:
    assert tls.handshake(hellos.a_made_message(PUBLIC)) == Hello("cloudflare-ech.com")


@pytest.mark.parametrize(
    "name", [b"", b"\x1b[31m.org", b"a b", b"a..b", b"-a.org", b"x" * 64, b"10.0.0.1", b"\xff.org"]
)
def test_what_is_no_name_of_a_host_is_none(name: bytes) -> None:
    assert tls.handshake(hellos.a_made_message(hellos.a_server_name(name))) == Hello(None)


def test_a_name_of_another_kind_is_left_out() -> None:
    message = hellos.a_made_message(hellos.a_server_name(b"www.example.org", kind=1))
    assert tls.handshake(message) == Hello(None)


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        (b"GET / HTTP/1.1\r\n", "another protocol"),
        (b"\x17\x03\x03\x00\x10" + bytes(16), "data"),
        (b"\x16\x02\x00\x00\x10" + bytes(16), "another version"),
        (b"\x16\x03\x01\x00\x00", "an empty record"),
        (b"\x16\x03\x01\xff\xff\x01", "a record too long"),
        (hellos.in_records(b"\x02" + hellos.a_message()[1:], []), "a ServerHello"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_hello_is_none(stream: bytes, what: str) -> None:
    assert (tls.client_hello(stream), what) == (None, what)


def test_a_length_beyond_the_one_around_it_makes_it_no_hello() -> None:
    message = bytearray(hellos.a_made_message(hellos.a_server_name(b"www.example.org")))
    message[-len("www.example.org") - 1] += 1
    assert tls.handshake(bytes(message)) is None


@given(st.binary(max_size=600))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    found = tls.client_hello(data)
    assert found is None or found.name is None or found.name in data.decode("latin-1").lower()


@given(st.data())
def test_a_damaged_hello_is_read_without_an_exception(data: st.DataObject) -> None:
    damaged = bytearray(HELLO)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = tls.client_hello(bytes(damaged))
    assert found is None or found.name is None or found.name.isascii()


HELLO = hellos.a_hello()
