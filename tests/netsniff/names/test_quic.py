"""The server's name is read out of QUIC's Initial packets, as the RFCs' own examples have them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsniff.capture.cipher import Aes
from netsniff.names import quic
from netsniff.names.quic import Flight
from netsniff.names.tls import Hello
from tests.netsniff.names import hellos
from tests.netsniff.names.initials import ID, ONE, TWO, a_frame, padded, sealed

AES = Aes()
BOTH = pytest.mark.parametrize("version", [ONE, TWO], ids=["version 1", "version 2"])
NAMED = Hello("www.example.org")
MESSAGE = hellos.a_message()
# RFC 9001 appendix A.2 and RFC 9369 appendix A.2: the same hello, sealed in both ways.
FRAME = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
    "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
    "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
    "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
    "75300901100f088394c8f03e51570806048000ffff"
)
BEGINS = {
    ONE: "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
    TWO: "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
}
ENDS = {
    ONE: "e221af44860018ab0856972e194cd934",
    TWO: "a18b2faa745b6fe189cf772a9f84cbfc",
}
KEYS = {
    ONE: (
        "1f369613dd76d5467730efcbe3b1a22d",
        "fa044b2f42a3fd3b46fb255c",
        "9f50449e04a0e810283a1e9933adedd2",
    ),
    TWO: (
        "8b1a0bc121284290a29e0971b5cd045d",
        "91f73e2351d8fa91660e909f",
        "45b95e15235d6f45a6b19cbcb0294ba9",
    ),
}


def read(*datagrams: bytes) -> list[Hello | None]:
    """What one connection's datagrams tell, one after the other."""
    flight = Flight()
    return [flight.take(datagram, AES) for datagram in datagrams]


@BOTH
def test_keys_are_those_of_the_rfc(version: int) -> None:
    assert tuple(key.hex() for key in quic.keys(version, ID)) == KEYS[version]


@BOTH
def test_what_we_seal_is_the_packet_of_the_rfc(version: int) -> None:
    """Its seal covers every byte, so its two ends stand for the whole."""
    packet = sealed(padded(FRAME), version, number=2)
    assert (packet[:32].hex(), packet[-16:].hex()) == (BEGINS[version], ENDS[version])


@BOTH
def test_the_packet_of_the_rfc_tells_its_server(version: int) -> None:
    assert read(sealed(padded(FRAME), version, number=2)) == [Hello("example.com")]


@BOTH
def test_a_name_in_one_packet_is_told_once(version: int) -> None:
    packet = sealed(padded(a_frame(0, MESSAGE)), version)
    assert read(packet, packet) == [NAMED, None]


@BOTH
def test_frames_in_any_order_are_one_hello(version: int) -> None:
    cuts = [0, 40, 95, 110, 120, len(MESSAGE)]
    frames = [a_frame(a, MESSAGE[a:b]) for a, b in itertools.pairwise(cuts)]
    mixed = [frames[at] for at in (3, 0, 4, 2, 1)]
    assert read(sealed(padded(b"\x00\x01".join(mixed)), version)) == [NAMED]


def test_a_hello_over_three_packets_is_one() -> None:
    thirds = [MESSAGE[:60], MESSAGE[60:100], MESSAGE[100:]]
    packets = [
        sealed(padded(a_frame(offset, piece)), number=number)
        for number, offset, piece in zip(range(3), (0, 60, 100), thirds, strict=True)
    ]
    assert read(packets[2], packets[0], packets[1]) == [None, None, NAMED]


def test_a_packet_seen_twice_counts_once() -> None:
    thirds = [(0, 60), (60, 100), (100, 600)]
    packets = [
        sealed(padded(a_frame(begin, MESSAGE[begin:end])), number=number)
        for number, (begin, end) in enumerate(thirds)
    ]
    assert read(*(packet for packet in packets for _ in range(2)))[-2:] == [NAMED, None]


def test_what_three_packets_do_not_tell_is_given_up() -> None:
    packets = [sealed(padded(a_frame(0, MESSAGE[:20])), number=number) for number in range(4)]
    assert read(*packets) == [None, None, Hello(None, cut=True), None]


def test_packets_in_one_datagram_are_read_one_after_the_other() -> None:
    first = sealed(a_frame(60, MESSAGE[60:]), number=0)
    second = sealed(padded(a_frame(0, MESSAGE[:60]), 700), number=1)
    assert read(first + second) == [NAMED]


def test_a_packet_behind_one_of_another_kind_is_read() -> None:
    early = b"\xd0\x00\x00\x00\x01\x08" + ID + b"\x00" + b"\x40\x30" + bytes(48)
    assert read(early + sealed(padded(a_frame(0, MESSAGE), 700))) == [NAMED]


def test_a_packet_that_is_cut_ends_the_search() -> None:
    """The rest of it will not come: a datagram is kept up to a length."""
    first = sealed(padded(a_frame(0, MESSAGE[:60])))
    cut = sealed(padded(a_frame(60, MESSAGE[60:])), number=1)[:-1]
    assert read(first + cut) == [Hello(None, cut=True)]


def test_a_name_before_a_packet_that_is_cut_is_told() -> None:
    first = sealed(padded(a_frame(0, MESSAGE)))
    assert read(first + sealed(padded(b""), number=1)[:-1]) == [NAMED]


def test_a_broken_seal_tells_nothing() -> None:
    packet = sealed(padded(a_frame(0, MESSAGE)))
    assert read(packet[:-1] + bytes((packet[-1] ^ 1,))) == [None]


def test_after_a_retry_the_keys_are_of_the_new_id() -> None:
    unreadable = sealed(padded(a_frame(0, MESSAGE[:10])))
    assert read(unreadable, sealed(padded(a_frame(0, MESSAGE)), destination=b"server's")) == [
        None,
        NAMED,
    ]


def test_after_an_answer_the_first_keys_hold_under_the_new_id() -> None:
    first = sealed(padded(a_frame(0, MESSAGE[:60])))
    later = sealed(
        padded(a_frame(60, MESSAGE[60:])),
        destination=b"server's",
        number=1,
        keys=quic.keys(ONE, ID),
    )
    assert read(first, later) == [None, NAMED]


def test_a_later_packet_of_a_connection_begins_no_other() -> None:
    flight = Flight()
    flight.take(sealed(padded(a_frame(0, MESSAGE))), AES)
    keys = quic.keys(ONE, ID)
    later = sealed(b"\x02\x40\x00\x40\x00\x40\x00\x40\x00" + bytes(60), ONE, b"server's", keys=keys)
    begun = [flight.begun(each, AES) for each in (later, sealed(padded(b""), ONE, b"other id"))]
    assert begun == [False, True]


def test_acknowledgements_are_passed_over() -> None:
    plain = b"\x02\x40\x07\x40\x00\x40\x01\x40\x00\x40\x01\x40\x01" + a_frame(0, MESSAGE)
    assert read(sealed(padded(plain))) == [NAMED]


def test_acknowledgements_of_a_billion_ranges_end_at_once() -> None:
    plain = b"\x02\x00\x00" + bytes.fromhex("c0000000ffffffff") + bytes(60)
    assert read(sealed(padded(plain))) == [None]


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x40" + bytes(40),
        b"\xc0\x00\x00\x00\x02" + bytes(40),
        b"\xc0\x00\x00\x00\x01\x15" + bytes(40),
        b"\xf0\x00\x00\x00\x01\x08" + bytes(40),
        b"\xc0\x00\x00\x00\x01\x00\x00\x00\x00" + bytes(40),
    ],
    ids=["nothing", "short header", "another version", "a long id", "retry", "no length"],
)
def test_what_is_no_initial_packet_is_left_alone(datagram: bytes) -> None:
    assert (read(datagram), list(quic.packets(datagram))) == ([None], [])


def test_every_cut_is_read_without_an_exception() -> None:
    packet = sealed(padded(a_frame(0, MESSAGE), 600))
    found = [read(packet[:size])[0] for size in range(len(packet) + 1)]
    assert (set(found[:-1]), found[-1]) == ({None, Hello(None, cut=True)}, NAMED)


@given(st.binary(max_size=400))
def test_any_frames_are_read_without_an_exception(plain: bytes) -> None:
    found = quic.pieces(plain)
    assert sum(len(piece) for _, piece in found) <= len(plain)


@given(st.binary(max_size=80), st.sampled_from([ONE, TWO]))
def test_any_packet_is_read_without_an_exception(data: bytes, version: int) -> None:
    first = bytes((0xC0 if version == ONE else 0xD0,))
    told = read(first + version.to_bytes(4, "big") + data)
    assert told in ([None], [Hello(None, cut=True)])
