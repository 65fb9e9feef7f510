"""Reads pages of the kernel's tracer put together by hand, whole, cut and damaged."""

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsniff.sources import tracefs_page
from netsniff.sources.tracefs_page import Field, Page, Unreadable

FORMAT = """name: tcp_destroy_sock
ID: 2278
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;
\tfield:__u8 saddr_v6[16];\toffset:30;\tsize:16;\tsigned:0;
\tfield:__data_loc char[] name;\toffset:48;\tsize:4;\tsigned:0;

print fmt: "family=%s", REC->family
"""
EVENT = bytes(range(12))


def a_record(kind: int, passed: int, *rest: bytes) -> bytes:
    """One record: its type, the time passed since the one before, what follows."""
    return struct.pack("=I", passed << 5 | kind) + b"".join(rest)


def a_page(*records: bytes, at_ns: int = 1_000, flags: int = 0) -> bytes:
    """A page of 4 KB, as read from `trace_pipe_raw`."""
    body = b"".join(records)
    return (struct.pack("=QQ", at_ns, len(body) | flags) + body).ljust(4096, b"\0")


def word(value: int) -> bytes:
    """A number of 4 bytes."""
    return struct.pack("=I", value)


def test_each_event_has_the_time_that_passed_since_the_one_before() -> None:
    data = a_page(a_record(3, 5, EVENT), a_record(3, 7, EVENT))
    assert tracefs_page.page(data) == Page([(1_005, EVENT), (1_012, EVENT)], lost=False)


def test_a_long_event_says_its_length_in_a_word_of_its_own() -> None:
    long = bytes(200)
    data = a_page(a_record(0, 5, word(204), long), a_record(3, 1, EVENT))
    assert tracefs_page.page(data).events == [(1_005, long), (1_006, EVENT)]


def test_a_long_time_is_told_in_two_words() -> None:
    extend = a_record(30, 9, word(2))
    data = a_page(extend, a_record(3, 1, EVENT))
    assert tracefs_page.page(data).events == [(1_000 + 9 + (2 << 27) + 1, EVENT)]


def test_a_time_stamp_stands_instead_of_what_passed() -> None:
    stamp = a_record(31, 9, word(2))
    data = a_page(stamp, a_record(3, 1, EVENT), at_ns=5 << 59 | 77)
    assert tracefs_page.page(data).events == [((5 << 59) + 9 + (2 << 27) + 1, EVENT)]


def test_what_was_given_up_is_passed_over() -> None:
    data = a_page(a_record(29, 4, word(12), bytes(8)), a_record(3, 1, EVENT))
    assert tracefs_page.page(data).events == [(1_005, EVENT)]


def test_padding_without_time_ends_a_page() -> None:
    data = a_page(a_record(3, 1, EVENT), a_record(29, 0), a_record(3, 1, EVENT))
    assert tracefs_page.page(data).events == [(1_001, EVENT)]


@pytest.mark.parametrize("flags", [1 << 31, 1 << 30, 3 << 30])
def test_events_that_were_lost_are_said(flags: int) -> None:
    assert tracefs_page.page(a_page(a_record(3, 1, EVENT), flags=flags)).lost


def test_an_empty_page_has_no_events() -> None:
    assert tracefs_page.page(a_page()) == Page([], lost=False)


def test_a_record_that_reaches_beyond_what_was_written_is_refused() -> None:
    with pytest.raises(Unreadable):
        tracefs_page.page(a_page(a_record(4, 1, EVENT)))


def test_a_page_that_is_cut_is_refused() -> None:
    data = a_page(*[a_record(3, 1, EVENT)] * 3)
    for end in range(16 + 3 * 16):
        with pytest.raises(Unreadable):
            tracefs_page.page(data[:end])


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(0, 1 << 64))
def test_noise_raises_its_own_error_or_none(body: bytes, at_ns: int) -> None:
    data = struct.pack("=QQ", at_ns & (1 << 64) - 1, len(body)) + body
    with contextlib.suppress(Unreadable):
        assert sum(len(event) for _, event in tracefs_page.page(data).events) <= len(body)


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_a_short_page_raises_its_own_error_or_none(data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert tracefs_page.page(data).events is not None


def test_a_format_gives_number_and_fields() -> None:
    found = tracefs_page.event_format(FORMAT)
    assert found.number == 2278
    assert found.fields["common_pid"] == Field(4, 4, signed=True)
    assert found.fields["saddr_v6"] == Field(30, 16, signed=False)


def test_a_field_is_read_with_its_sign() -> None:
    found = tracefs_page.event_format(FORMAT)
    event = struct.pack("=HxxiQ", 2278, -1, 0xFFFF888000000000)
    assert found.number_in(event, "common_pid") == -1
    assert found.number_in(event, "skaddr") == 0xFFFF888000000000


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_format_or_unreadable(text: str) -> None:
    with contextlib.suppress(Unreadable):
        assert tracefs_page.event_format(text).number >= 0


@pytest.mark.linux
@pytest.mark.root
def test_this_kernel_gives_the_fields_we_read() -> None:
    file = Path("/sys/kernel/tracing/events/sock/inet_sock_set_state/format")
    if not file.exists():
        pytest.skip("no tracer here: mount -t tracefs nodev /sys/kernel/tracing")
    fields = tracefs_page.event_format(file.read_text()).fields
    assert {"common_pid", "skaddr", "newstate", "sport", "daddr_v6"} <= fields.keys()
