"""What the scanner tells becomes readings."""

import struct

from netsniff.model import Event, Missed, Reading
from netsniff.sources import holders, scan_records
from netsniff.sources.scan_records import CLOSED, TABLE, WHOLE, Held, Told
from netsniff.sources.told_sockets import ToldSockets, messages
from tests.netsniff.diag_built import a_message, an_info

COOKIE = 2**32 + 5
LIVES = a_message(info=an_info(bytes_received=70, bytes_sent=7))
ENDED = a_message(state=7, info=an_info(bytes_received=101, bytes_sent=9))
LISTENS = a_message(ports=(40000, 0), state=7)


def a_whole(*cookies: int) -> Told:
    """The end of a table with these sockets."""
    return Told(WHOLE, 1, struct.pack(f"={len(cookies)}Q", *cookies))


def told(records: list[Told | Held], *, doubt_after: int | None = None) -> list[Reading]:
    """What is told of some records."""
    sockets = ToldSockets("sock_diag", 4026531840)
    found: list[Event] = []
    for number, record in enumerate(records):
        if isinstance(record, Held):
            sockets.held(record, found)
        else:
            sockets.told(record, found)
        if number == doubt_after:
            sockets.doubt()
    return [event for event in found if not isinstance(event, Missed)]


def test_one_that_was_there_at_the_first_look_is_part_of_the_baseline() -> None:
    first = told([Told(TABLE, 1, LIVES), a_whole(COOKIE), Told(CLOSED, 2, ENDED)])
    assert [each.baseline for each in first] == [True, True]


def test_nothing_was_there_before_in_a_namespace_that_was_met_empty() -> None:
    sockets = ToldSockets("sock_diag", 4026531840, fresh=True)
    found: list[Event] = []
    for record in (Told(TABLE, 1, LIVES), a_whole(COOKIE), Told(CLOSED, 2, ENDED)):
        sockets.told(record, found)
    assert [each.baseline for each in found if isinstance(each, Reading)] == [False, False]


def test_one_that_came_later_is_not() -> None:
    later = told([a_whole(), Told(TABLE, 1, LIVES), Told(CLOSED, 2, ENDED)])
    assert [(each.baseline, each.final) for each in later] == [(False, False), (False, True)]


def test_one_that_ended_during_the_first_look_began_after_we_did() -> None:
    assert [each.baseline for each in told([Told(CLOSED, 2, ENDED)])] == [False]


def test_the_last_totals_are_told_with_namespace_and_cookie() -> None:
    (last,) = told([a_whole(), Told(CLOSED, 2, ENDED)])
    assert (last.namespace, last.cookie, last.received_bytes, last.sent_bytes, last.final) == (
        4026531840,
        COOKIE,
        100,
        9,
        True,
    )


def test_a_holder_is_told_with_what_was_read_of_it() -> None:
    held = Held(5, COOKIE, 99, 7, 1, holders.EXACT, LIVES, b"curl")
    (reading,) = told([a_whole(), held])
    assert reading.holder == (7, 99, "exact", "curl", 1)


def test_one_that_was_never_connected_is_not_told() -> None:
    assert told([a_whole(), Told(CLOSED, 2, LISTENS)]) == []


def test_after_a_hole_one_that_vanished_is_told_to_be_over_without_totals() -> None:
    records = [a_whole(), Told(TABLE, 1, LIVES), a_whole(COOKIE), a_whole(), a_whole()]
    last = told(list(records), doubt_after=2)[-1]
    assert (last.final, last.cookie, last.received_bytes) == (True, COOKIE, None)


def test_without_a_hole_one_that_vanished_is_waited_for() -> None:
    records = [a_whole(), Told(TABLE, 1, LIVES), a_whole(COOKIE), a_whole(), a_whole()]
    assert [each.final for each in told(list(records))] == [False]


def test_after_a_hole_one_that_is_still_there_goes_on() -> None:
    records = [a_whole(), Told(TABLE, 1, LIVES), *[a_whole(COOKIE)] * 3]
    assert [each.final for each in told(list(records), doubt_after=1)] == [False]


def test_messages_of_any_length_are_told_apart() -> None:
    odd = struct.pack("=I", 19) + b"x" * 15
    assert list(messages(odd + b"\0" + LIVES)) == [odd, LIVES]


def test_what_is_no_message_ends_the_run() -> None:
    assert list(messages(LIVES + b"\0" * 40)) == [LIVES]
    assert scan_records.cookies(b"\1" + bytes(7) + b"cut") == {1}
