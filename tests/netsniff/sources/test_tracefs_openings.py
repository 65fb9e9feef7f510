"""Follows connections through changes of state told in any order a kernel tells them."""

import struct

import pytest

from netsniff.model import LIKELY, Endpoint, Holder
from netsniff.sources import tracefs_events
from netsniff.sources.tracefs_events import END, STATE, Reader
from netsniff.sources.tracefs_openings import (
    CLOSE,
    ESTABLISHED,
    SYN_SENT,
    Change,
    Gone,
    Opening,
    Openings,
)
from netsniff.sources.tracefs_page import Field, Format, Unreadable

CURL = Holder(41, 9000, LIKELY)
UNBOUND, BOUND = Endpoint("192.0.2.1", 0), Endpoint("192.0.2.1", 50_000)
SERVER = Endpoint("198.51.100.7", 443)
SOCKET = 0xFFFF888000000000


def a_change(at_ns: int, state: int, thread: int = 41, local: Endpoint = BOUND) -> Change:
    """The socket of all tests here changes its state."""
    return Change(at_ns, thread, SOCKET, state, local, SERVER)


def followed(*events: Change | Gone) -> list[Opening]:
    """What is over by these events; whoever runs when it begins is CURL."""
    openings = Openings()
    found = (openings.take(event, CURL) for event in events)
    return [each for each in found if each is not None]


def test_who_begins_it_holds_it_whoever_runs_later() -> None:
    over = followed(
        a_change(100, SYN_SENT, local=UNBOUND),
        a_change(130, ESTABLISHED, thread=0),
        a_change(900, CLOSE, thread=7),
        Gone(910, SOCKET, 77),
    )
    assert over == [Opening(100, CURL, BOUND, SERVER, 130, 900, 77)]


def test_its_reading_has_the_cookie_by_which_others_know_it() -> None:
    (over,) = followed(a_change(100, SYN_SENT), a_change(130, ESTABLISHED), Gone(910, SOCKET, 77))
    told = over.reading(910, 4026531840, final=True)
    assert (told.namespace, told.cookie, told.connect_ns, told.final) == (4026531840, 77, 30, True)
    assert told.received_bytes is None


def test_a_kernel_that_tells_no_cookie_gives_no_namespace_either() -> None:
    (over,) = followed(a_change(100, SYN_SENT), Gone(910, SOCKET, None))
    told = over.reading(910, 4026531840, final=True)
    assert (told.namespace, told.cookie, told.connect_ns) == (None, None, None)


def test_one_that_was_accepted_or_there_before_is_nobodys() -> None:
    assert followed(a_change(130, ESTABLISHED), a_change(900, CLOSE), Gone(910, SOCKET, 77)) == []


def test_an_address_that_is_used_again_begins_anew() -> None:
    over = followed(
        a_change(100, SYN_SENT),
        Gone(200, SOCKET, 1),
        a_change(300, SYN_SENT),
        Gone(400, SOCKET, 2),
    )
    assert [(each.opened_ns, each.cookie) for each in over] == [(100, 1), (300, 2)]


def test_an_address_whose_end_was_lost_begins_anew() -> None:
    over = followed(a_change(100, SYN_SENT), a_change(300, SYN_SENT), Gone(400, SOCKET, 2))
    assert [each.opened_ns for each in over] == [300]


def test_one_that_goes_on_is_given_once() -> None:
    openings = Openings()
    openings.take(a_change(100, SYN_SENT), CURL)
    openings.take(a_change(130, ESTABLISHED))
    early = openings.untold(130)
    assert (early, list(openings.untold(131)), openings.untold(131)) == ({}, [SOCKET], {})


def test_one_that_is_over_by_then_is_not_given_as_going_on() -> None:
    openings = Openings()
    for event in (a_change(100, SYN_SENT), a_change(130, ESTABLISHED), Gone(140, SOCKET, 3)):
        openings.take(event, CURL)
    assert openings.untold(900) == {}


PLACES = {
    "common_pid": Field(4, 4, signed=True),
    "skaddr": Field(8, 8, signed=False),
    "newstate": Field(20, 4, signed=True),
    "sport": Field(24, 2, signed=False),
    "dport": Field(26, 2, signed=False),
    "family": Field(28, 2, signed=False),
    "saddr": Field(32, 4, signed=False),
    "daddr": Field(36, 4, signed=False),
    "saddr_v6": Field(40, 16, signed=False),
    "daddr_v6": Field(56, 16, signed=False),
}
FORMATS = {
    STATE: Format(2287, PLACES),
    END: Format(
        2278, {"skaddr": Field(8, 8, signed=False), "sock_cookie": Field(64, 8, signed=False)}
    ),
}


def a_state_event(family: int) -> bytes:
    """An event as this kernel writes it."""
    head = struct.pack("=HBBiQiiHHHH", 2287, 0, 0, 41, SOCKET, 7, 2, 0, 443, family, 6)
    four = bytes((192, 0, 2, 1)) + bytes((198, 51, 100, 7))
    return head + four + bytes(15) + b"\1" + bytes(15) + b"\2"


def test_an_event_of_ipv4_is_read() -> None:
    assert Reader(FORMATS).read(100, a_state_event(2), ()) == a_change(100, SYN_SENT, local=UNBOUND)


def test_an_event_of_ipv6_is_read() -> None:
    read = Reader(FORMATS).read(100, a_state_event(10), ())
    assert isinstance(read, Change)
    assert (read.local, read.remote) == (Endpoint("::1", 0), Endpoint("::2", 443))


def test_an_end_is_read_with_its_cookie() -> None:
    event = struct.pack("=HBBiQ48xQ", 2278, 0, 0, 41, SOCKET, 77)
    assert Reader(FORMATS).read(100, event, {SOCKET}) == Gone(100, SOCKET, 77)


def test_an_event_of_another_kind_is_none() -> None:
    assert Reader(FORMATS).read(100, struct.pack("=HBBiQ", 1, 0, 0, 41, SOCKET), {SOCKET}) is None


def test_events_of_a_socket_that_is_not_followed_are_passed_over() -> None:
    reader = Reader(FORMATS)
    end = struct.pack("=HBBiQ48xQ", 2278, 0, 0, 41, SOCKET, 77)
    established = bytearray(a_state_event(2))
    established[20] = ESTABLISHED
    assert [reader.read(100, bytes(each), ()) for each in (end, established)] == [None, None]


def test_every_cut_of_an_event_is_read_without_an_error() -> None:
    reader = Reader(FORMATS)
    event = a_state_event(10)
    assert len([reader.read(100, event[:end], range(1 << 64)) for end in range(len(event))]) == len(
        event
    )


@pytest.mark.parametrize("lacking", ["skaddr", "newstate", "daddr_v6"])
def test_a_kernel_without_a_field_is_refused_by_its_name(lacking: str) -> None:
    fields = {name: place for name, place in PLACES.items() if name != lacking}
    with pytest.raises(Unreadable, match=lacking):
        tracefs_events.Reader({**FORMATS, STATE: Format(2287, fields)})
