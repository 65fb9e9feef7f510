"""What hooks and pump write is read exactly, and nothing else ever passes for it."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap import marks

START = b"\x1eS\t7\t1700000000000001\t/work\x1f\n"
END = b"\x1eE\t7\t1700000000000002\t1\t0 1\t/work\tmake test\x1f\n"
WHOLE = (
    b"\x1eC\t7\t1700000000000001\t1700000000000002\t1\t0 1\t12-12\t/work\t"
    b"   12  make test\n\x1f1700000000000002\x1f\n"
)
STARTED = marks.Started(7, 1_700_000_000_000_001, "/work")
ENDED = marks.Ended(7, 1_700_000_000_000_002, 1, (0, 1), "/work", "make test")
TOLD = marks.Whole(
    7, 1_700_000_000_000_001, 1_700_000_000_000_002, 1, (0, 1), "/work", "make test", private=False
)
NOISE = st.lists(
    st.one_of(
        st.sampled_from(
            [START, END, WHOLE, b"\x1e", b"\x1f", b"\n", b"\t", b"C\t7\t1\t2\t", b"\\"]
        ),
        st.sampled_from([START[:9], END[:25], WHOLE[:80], WHOLE[20:]]),
        st.binary(max_size=20),
    ),
    max_size=12,
).map(b"".join)


def read(pieces: list[bytes]) -> list[marks.ShellRecord]:
    """Return the records of a file that grows piece by piece, read each time it has grown."""
    found: list[marks.ShellRecord] = []
    rest = b""
    for piece in pieces:
        rest += piece
        records, used = marks.shell_records(rest)
        found += records
        rest = rest[used:]
    return found


def a_whole(text: bytes, kept: bytes = b"12-12", status: bytes = b"0") -> bytes:
    """Return bash's record with what `history` printed."""
    head = b"\x1eC\t7\t1\t2\t" + status + b"\t0\t" + kept + b"\t/\t"
    return head + text + b"\x1f2\x1f\n"


def texts(data: bytes) -> list[str | None]:
    """Return the texts of all commands."""
    return [r.text for r in marks.shell_records(data)[0] if not isinstance(r, marks.Started)]


def test_a_start_an_end_and_a_whole_command_are_read() -> None:
    assert marks.shell_records(START + END + WHOLE) == (
        [STARTED, ENDED, TOLD],
        len(START + END + WHOLE),
    )


def test_an_unfinished_record_is_left_for_later() -> None:
    assert marks.shell_records(START + END[:-1]) == ([STARTED], len(START))


def test_a_shell_without_a_clock_tells_a_length() -> None:
    data = b"\x1eS\t7\t0\t/\x1f\n\x1eE\t7\t+250000\t0\t0\t/\tls\x1f\n"
    assert marks.shell_records(data)[0] == [
        marks.Started(7, None, "/"),
        marks.Ended(7, None, 0, (0,), "/", "ls", 250_000),
    ]


@pytest.mark.parametrize("point", [b".", b",", "\u066b".encode()])
def test_a_time_may_have_the_decimal_point_of_its_locale(point: bytes) -> None:
    data = WHOLE.replace(b"1700000000000002", b"1700000000" + point + b"000002")
    assert marks.shell_records(data)[0] == [TOLD]


def test_an_escaped_field_holds_any_byte() -> None:
    fields = [b"7", b"1", b"0", b"0", rb"a\\b\tc\nd\^e\_", rb"echo \t\\t\^\_"]
    data = b"\x1eE\t" + b"\t".join(fields) + b"\x1f\n"
    (record,) = marks.shell_records(data)[0]
    assert isinstance(record, marks.Ended)
    assert (record.cwd, record.text) == ("a\\b\tc\nd\x1ee\x1f", "echo \t\\t\x1e\x1f")


def test_bytes_that_are_no_text_are_written_in_digits() -> None:
    assert texts(b"\x1eE\t7\t1\t0\t0\t/\techo \xff\x1f\n") == ["echo \\xff"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x1eE\t7\t1\t127\t127\t/\thunter2\x1f\n",
        b"\x1eE\t7\t1\t0\t127 0\t/\thunter2\x1f\n",
        b"\x1eE\t7\t1\t0\t0\t/\t\x1f\n",
        b"\x1eE\t7\t1\t0\t0\t/\t secret\x1f\n",
        a_whole(b"   12  hunter2\n", status=b"127"),
        a_whole(b"   11  another line\n"),
        a_whole(b"", kept=b"0"),
        a_whole(b"   12  not kept\n", kept=b"u"),
        a_whole(b"garbage\n   12  a line\n"),
    ],
)
def test_a_text_that_is_not_ours_to_keep_is_none(data: bytes) -> None:
    assert texts(data) == [None]


@pytest.mark.parametrize(
    ("data", "private"),
    [
        (a_whole(b"   12   spaced\n"), True),
        (a_whole(b"   12  a\n   13   b\n", kept=b"12-13"), True),
        (a_whole(b"", kept=b"s"), True),
        (a_whole(b"", kept=b"u"), None),
        (a_whole(b"", kept=b"0"), False),
        (a_whole(b"   12  a\n"), False),
    ],
)
def test_bash_says_whether_a_line_was_private(data: bytes, private: bool | None) -> None:
    (record,) = marks.shell_records(data)[0]
    assert isinstance(record, marks.Whole)
    assert (record.private, record.text is None) == (
        private,
        private is not False or b"a" not in data,
    )


def test_lines_pasted_together_are_one_text() -> None:
    data = a_whole(b"    9  cd a\n   10* make\n\n   12  x\n   11  ls\n", kept=b"9-11")
    assert texts(data) == ["cd a\nmake\n\n   12  x\nls"]


def test_a_text_may_hold_what_closes_and_starts_records() -> None:
    line = b"echo '\x1f\n" + START + b"\x1eC\t8\t1\t2\t0\t0\t1-1\t/\t    1  forged\n\x1f9\x1f\n'"
    assert texts(a_whole(b"   12  " + line + b"\n")) == [line.decode()]


@pytest.mark.parametrize("cut", range(WHOLE.index(b"   12"), len(WHOLE)))
def test_a_torn_record_of_bash_costs_its_own_text_alone(cut: int) -> None:
    assert marks.shell_records(WHOLE[:cut] + WHOLE)[0] == [TOLD._replace(text=None), TOLD]


@pytest.mark.parametrize("cut", range(END.index(b"make"), len(END)))
def test_a_torn_end_costs_its_own_text_alone(cut: int) -> None:
    assert marks.shell_records(END[:cut] + START)[0] == [ENDED._replace(text=None), STARTED]


@pytest.mark.parametrize(
    "data",
    [
        b"\x1eX\t7\t1\t/\x1f\n",
        b"\x1eS 7\t1\t/\x1f\n",
        b"\x1eS\t-7\t1\t/\x1f\n",
        b"\x1eS\t7\tx\t/\x1f\n",
        b"\x1eS\t77777777777\t1\t/\x1f\n",
        b"\x1eS\t7\t1\t\x1f\n",
        b"\x1eE\t7\t1\t0\t\t/\tls\x1f\n",
        b"\x1eE\t7\t1\t0\t0 \t/\tls\x1f\n",
        b"\x1eE\t7\t1\t0\t0\t/\nls\tx\x1f\n",
        b"\x1eC\t7\t1\t2\t0\t0\t1\t/\t\x1f2\x1f\n",
        b"S\t7\t1\t/\x1f\n",
        bytes(100),
    ],
)
def test_what_is_no_record_is_skipped(data: bytes) -> None:
    assert marks.shell_records(data + START) == ([STARTED], len(data + START))


def test_a_text_of_a_mebibyte_is_cut_and_costs_no_other_record() -> None:
    long = b"\x1eE\t7\t1\t0\t0\t/\t" + b"x" * (1 << 20) + b"\x1f\n"
    records = read([long + START])
    assert isinstance(records[0], marks.Ended)
    assert records[1:] == [STARTED]
    assert 100_000 < len(records[0].text or "") < marks.LIMIT_BYTES


def test_a_long_line_of_bash_is_cut_and_costs_no_other_record() -> None:
    records = read([a_whole(b"   12  " + b"x" * (1 << 20) + b"\n") + WHOLE])
    assert isinstance(records[0], marks.Whole)
    assert records[1:] == [TOLD]
    assert 100_000 < len(records[0].text or "") < marks.LIMIT_BYTES


@given(NOISE, st.lists(st.integers(0, 400), max_size=6))
def test_any_cut_gives_the_same_records(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert read(pieces) == read([data])


def test_any_cut_of_long_records_gives_the_same_records() -> None:
    long = b"\x1eE\t7\t1\t0\t0\t/\t" + b"x" * (200 << 10) + b"\x1f\n"
    data = long + WHOLE + a_whole(b"   12  " + b"y" * (200 << 10) + b"\n") + END
    whole = read([data])
    assert len(whole) == 4
    for step in (977, 4096, 65_536, 131_071):
        assert read([data[at : at + step] for at in range(0, len(data), step)]) == whole


@given(NOISE)
def test_reading_byte_by_byte_gives_the_same_records(data: bytes) -> None:
    assert read([bytes([byte]) for byte in data]) == read([data])


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    records, used = marks.shell_records(data)
    assert used <= len(data)
    assert len(records) <= data.count(b"\x1e")


@given(st.text(min_size=1).filter(lambda text: text[0] not in " \n" and text.rstrip("\n") == text))
def test_every_line_of_bash_comes_back_whatever_it_holds(line: str) -> None:
    raw = line.encode("utf-8", "surrogatepass")
    close = b"\x1f1700000000000002\x1f\n"
    told = WHOLE.replace(b"make test", raw)
    assert close in told
    assert texts(told) == [raw.decode("utf-8", "replace")]


def begin(text: bytes = b"/dev/pts/3\0\0/bin/bash\0/home\0bash\0-l", version: int = 1) -> bytes:
    """Return the record that begins a session."""
    body = struct.pack("<BBHIIIQQ", 1, 1, version, 10, 9, 11, 5000, 4000) + text
    return struct.pack("<HBB", len(body), 1, 0) + body


def pump(kind: int, layout: str, *values: int) -> bytes:
    """Return one record of the pump."""
    body = struct.pack(layout, *values)
    return struct.pack("<HBB", len(body), kind, 0) + body


BEGUN = marks.Begin(
    1, 1, 10, 9, 11, 5000, 4000, "/dev/pts/3", "", "/bin/bash", "/home", ("bash", "-l")
)
PUMPED = [
    (begin(), BEGUN),
    (pump(2, "<QQI", 1, 2, 3), marks.Keys(1, 2, 3)),
    (pump(3, "<QQQ", 1, 2, 3), marks.Output(1, 2, 3)),
    (pump(4, "<QI", 1, 2), marks.Foreground(1, 2)),
    (pump(5, "<QB", 1, 1), marks.Screen(1, alternate=True)),
    (pump(6, "<QBB", 1, 0, 1), marks.Mode(1, canonical=False, echo=True)),
    (pump(7, "<QHH", 1, 24, 80), marks.Size(1, 24, 80)),
    (pump(8, "<Q", 1), marks.Suspend(1)),
    (pump(9, "<Q", 1), marks.Resume(1)),
    (pump(10, "<QQQQI", 1, 2, 3, 4, 5), marks.Totals(1, 2, 3, 4, 5)),
    (pump(11, "<QQQQQQ", 1, 2, 3, 4, 5, 6), marks.Rusage(1, 2, 3, 4, 5, 6)),
    (pump(12, "<QQi", 1, 2, -1), marks.End(1, 2, -1)),
    (pump(13, "<QBI", 1, 2, 3), marks.Lost(1, 2, 3)),
]


@pytest.mark.parametrize(("data", "record"), PUMPED)
def test_each_record_of_the_pump_is_read(data: bytes, record: marks.PumpRecord) -> None:
    assert marks.pump_records(data) == ([record], len(data))


def test_a_session_whose_arguments_were_withheld_has_none() -> None:
    (record,) = marks.pump_records(begin(b"/dev/pts/3\0\0/bin/bash\0/home"))[0]
    assert record == BEGUN._replace(argv=())


@pytest.mark.parametrize("data", [begin(version=2), begin(b"/dev/pts/3\0"), bytes(5), b"\7" * 99])
def test_what_the_pump_never_wrote_is_skipped(data: bytes) -> None:
    assert marks.pump_records(data + begin())[0] == [BEGUN]


def test_records_that_were_blanked_are_passed_over() -> None:
    data = bytes(100_000) + begin()
    assert marks.pump_records(data) == ([BEGUN], len(data))


PUMP_NOISE = st.lists(
    st.one_of(
        st.sampled_from([data for data, _record in PUMPED]),
        st.sampled_from([begin()[:-3], b"\0" * 40, pump(8, "<Q", 1)[:7]]),
        st.binary(max_size=12),
    ),
    max_size=12,
).map(b"".join)


@given(PUMP_NOISE, st.integers(1, 50))
def test_any_cut_of_the_pumps_file_gives_the_same_records(data: bytes, step: int) -> None:
    found: list[marks.PumpRecord] = []
    rest = b""
    for at in range(0, len(data), step):
        rest += data[at : at + step]
        records, used = marks.pump_records(rest)
        found += records
        rest = rest[used:]
    assert found == marks.pump_records(data)[0]
