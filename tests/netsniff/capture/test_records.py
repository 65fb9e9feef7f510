"""What the capture helper says survives its pipe, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from netsniff.capture import records
from netsniff.capture.records import Failed, Hears, Ready
from netsniff.model import Endpoint, Missed, Name

SAID: list[records.Record] = [
    Hears(4),
    Ready(5),
    Name(6, "sni", "a.example", Endpoint("192.0.2.1", 443), Endpoint("10.0.0.2", 40000)),
    Name(7, "quic", None, Endpoint("2001:db8::1", 443), Endpoint("fe80::2", 40000)),
    Name(8, "dns", "b.example", Endpoint("192.0.2.2", 0), None, 90),
    Missed(9, 10, 3, "packets came faster than they were read", "capture"),
    Missed(11, 12, None, "nobody knows", "capture"),
    Failed("not  permitted\nat all"),
]
LINES = b"".join(records.encode(each) for each in SAID)


def test_records_come_out_as_they_went_in() -> None:
    expected = [*SAID[:-1], Failed("not permitted at all")]
    assert records.decode(LINES) == (expected, len(LINES))


def test_any_cut_keeps_the_rest_for_later() -> None:
    whole, _ = records.decode(LINES)
    for size in range(len(LINES) + 1):
        first, used = records.decode(LINES[:size])
        rest, _ = records.decode(LINES[used:])
        assert first + rest == whole


def test_a_line_is_no_longer_than_a_pipe_takes_at_once() -> None:
    assert len(records.encode(Failed("x" * 5000))) == records.LONGEST


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    _, used = records.decode(data)
    assert used == data.rfind(b"\n") + 1


def test_what_is_no_record_is_left_out() -> None:
    lines = b"N 1 sni a 1.2.3.4 x - 0 -\nN 1 hosts a 1.2.3.4 1 - 0 -\nX\n\nR 5\nR\nL 1 2\n"
    assert records.decode(lines) == ([Ready(5)], len(lines))
