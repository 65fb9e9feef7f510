"""Facts out of trees: parts that sum up, sources that are never added."""

from hypothesis import given
from hypothesis import strategies as st

from ptywrap import wire
from ptywrap.observe import account
from ptywrap.observe.account import Cpu
from ptywrap.observe.base import Reading
from ptywrap.observe.path import Piece, Span, pieces
from tests.ptywrap.observe.test_path import END, trees


def parts(split: wire.Split) -> list[int]:
    """Return those of the seven parts that are known."""
    values = [getattr(split, name) for name in wire.Split.__struct_fields__]
    return [value for value in values if value is not None]


@given(trees(), st.none() | st.integers(0, 5 * END), st.integers(0, END), st.data())
def test_the_parts_sum_to_the_wall(
    spans: list[Span], cpu_ns: int | None, root_ns: int, data: st.DataObject
) -> None:
    known = [span._replace(cpu_ns=data.draw(st.none() | st.integers(0, END))) for span in spans]
    split = account.split(pieces(known, 0, END), known, cpu_ns, root_ns)
    assert sum(parts(split)) == END
    assert min(parts(split)) >= 0


def test_a_process_of_known_cost_computed_that_long() -> None:
    spans = [Span(2, 0, 1000, -1, 300)]
    split = account.split([Piece(0, 0, 1000)], spans, 300)
    assert (split.cpu_ns, split.other_ns) == (300, 700)


def test_what_nothing_measured_is_unknown() -> None:
    split = account.split([Piece(0, 0, 1000)], [Span(2, 0, 1000, -1, 300)], 300)
    unknown = (split.runqueue_ns, split.disk_ns, split.network_ns, split.input_ns, split.lock_ns)
    assert unknown == (None,) * 5


def test_many_threads_do_not_compute_longer_than_the_clock_runs() -> None:
    spans = [Span(2, 0, 1000, -1, 3000)]
    assert account.split([Piece(0, 0, 1000)], spans, 3000).cpu_ns == 1000


def test_where_only_the_total_is_known_it_is_spread_over_those_nobody_waited_for() -> None:
    spans = [Span(2, 0, 1000, -1, None), Span(3, 0, 1000, -1, None)]
    assert account.split(pieces(spans, 0, 1000), spans, 1000).cpu_ns == 500


def test_with_no_total_all_is_other() -> None:
    spans = [Span(2, 0, 1000, -1, None)]
    assert account.split(pieces(spans, 0, 1000), spans, None).other_ns == 1000


def test_the_shell_itself_may_compute() -> None:
    assert account.split([Piece(-1, 0, 1000)], [], None, 400).cpu_ns == 400


def test_an_exit_code_and_a_signal_are_told_apart() -> None:
    statuses = [3 << 8, 9, 11 | 0x80, 0, None, -1]
    assert [account.ending(status) for status in statuses] == [
        (3, None),
        (None, 9),
        (None, 11),
        (0, None),
        (None, None),
        (None, None),
    ]


def test_what_a_shell_reaped_is_the_difference_around_the_marks() -> None:
    readings = [
        Reading(10, 5, 1, 100, None),
        Reading(20, 6, 2, 200, None),
        Reading(40, 16, 4, 900, None),
        Reading(60, 99, 99, 999, None),
    ]
    assert account.spent(readings, 25, 35) == Cpu(10, 2, None, 700, None)


def test_without_a_reading_before_the_command_nothing_is_known() -> None:
    assert account.spent([Reading(40, 1, 1, 1, 1)], 25, 35) == Cpu()


sources = st.builds(
    Cpu, st.none() | st.integers(0, 99), st.integers(0, 99), st.none() | st.integers(1, 99)
)


@given(st.lists(sources, max_size=4))
def test_cpu_time_has_one_source(told: list[Cpu]) -> None:
    best = account.chosen(*told)
    pairs = [(cpu.user_ns, cpu.sys_ns) for cpu in told if cpu.user_ns is not None]
    assert (best.user_ns, best.sys_ns) == (pairs[0] if pairs else (None, None))


@given(st.integers(0, 1 << 62))
def test_process_times_are_whole_microseconds(ns: int) -> None:
    cut = account.microseconds(ns)
    assert (cut % 1000, 0 <= ns - cut < 1000) == (0, True)
