"""Every number of a process has one source, the best there is, and no two are added."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ptywrap.lifecycle.base import Usage
from ptywrap.observe.cost import Cost, best
from tests.ptywrap.observe.events import SHELL, a_fork, a_usage

MS = 1_000_000
FORK = a_fork(5, SHELL, 10 * MS)
SOURCES = ("taskstats", "perf", "zombie", "ledger", "look")

numbers = st.none() | st.integers(0, 99)


@st.composite
def usages(draw: st.DrawFn) -> list[Usage]:
    """Draw what some sources told, each once, in any order."""
    sources = draw(st.lists(st.sampled_from(SOURCES), unique=True, max_size=len(SOURCES)))
    told = []
    for source in sources:
        cpu, moved = draw(st.booleans()), draw(st.booleans())
        one = a_usage(
            FORK,
            source,
            draw(st.integers(0, 99)),
            sys_ns=draw(st.integers(0, 99)) if cpu else None,
            peak_rss_bytes=draw(numbers),
            read_bytes=draw(st.integers(0, 99)) if moved else None,
            write_bytes=draw(st.integers(0, 99)) if moved else None,
        )
        told.append(one if cpu else one._replace(user_ns=None))
    return told


@given(usages())
def test_every_number_is_that_of_one_source(told: list[Usage]) -> None:
    cost = best(told)
    cpu = {(one.user_ns, one.sys_ns, one.source) for one in told} | {(None, None, None)}
    moved = {(one.read_bytes, one.write_bytes) for one in told} | {(None, None)}
    peaks = {one.peak_rss_bytes for one in told} | {None}
    assert (cost.user_ns, cost.sys_ns, cost.source) in cpu
    assert (cost.read_bytes, cost.write_bytes) in moved
    assert cost.peak_rss_bytes in peaks


@given(usages(), st.randoms(use_true_random=False))
def test_it_does_not_matter_who_told_first(told: list[Usage], random: Random) -> None:
    mixed = random.sample(told, len(told))
    assert best(mixed) == best(told)


@given(usages())
def test_what_one_source_tells_is_not_unknown(told: list[Usage]) -> None:
    cost = best(told)
    assert (cost.user_ns is None) == all(one.user_ns is None for one in told)
    assert (cost.read_bytes is None) == all(one.read_bytes is None for one in told)
    assert (cost.peak_rss_bytes is None) == all(one.peak_rss_bytes is None for one in told)


def test_a_zombie_is_preferred_to_the_ledger() -> None:
    told = [a_usage(FORK, "ledger", 30 * MS), a_usage(FORK, "zombie", 20 * MS)]
    assert (best(told).user_ns, best(told).source) == (20 * MS, "zombie")


def test_a_lower_bound_counts_where_it_shows_more_than_ticks_do() -> None:
    told = [a_usage(FORK, "ledger", 30 * MS), a_usage(FORK, "look", 33 * MS)]
    assert (best(told).user_ns, best(told).source) == (33 * MS, "look")
    told = [a_usage(FORK, "ledger", 30 * MS), a_usage(FORK, "look", 29 * MS)]
    assert (best(told).user_ns, best(told).source) == (30 * MS, "ledger")


def test_a_lower_bound_never_beats_a_source_that_counts_every_moment() -> None:
    told = [a_usage(FORK, "perf", 30 * MS), a_usage(FORK, "look", 33 * MS)]
    assert (best(told).user_ns, best(told).source) == (30 * MS, "perf")


def test_memory_is_of_the_look_where_the_end_tells_the_time() -> None:
    told = [a_usage(FORK, "look", 1, peak_rss_bytes=4096), a_usage(FORK, "zombie", 2)]
    assert best(told) == Cost(2, 0, 4096, None, None, "zombie")


def test_of_nothing_nothing_is_known() -> None:
    assert best([]) == Cost()
