"""The bench of the network judges by the right connection, whatever ports and times repeat."""

import pytest

from scripts.bench.net_peers import hogs
from scripts.bench.net_truth import Claim, Rest, Traced, Truth, score, with_pids

MS = 1_000_000


def a_truth(port: int, at_ms: int, received: int, pid: int | None = 7) -> Truth:
    """A connection of one millisecond."""
    times = (at_ms * MS, (at_ms + 1) * MS)
    return Truth(80, "192.0.2.1", port, *times, 100, received, reset=False, pid=pid)


def a_claim(port: int | None, at_ms: int, received: int, pid: int | None = 7) -> Claim:
    """A claim about a connection that closed then."""
    return Claim(port, None, at_ms * MS, received, 100, pid, "exact" if pid else "none")


def test_two_connections_of_one_port_are_two() -> None:
    truths = [a_truth(5000, 0, 10), a_truth(5000, 1, 30)]
    found = score(truths, [a_claim(5000, 2, 30), a_claim(5000, 2, 10)])
    assert (found.seen, found.within) == (2, 2)


def test_one_claim_is_about_one_connection_though_its_port_came_back() -> None:
    truths = [a_truth(5000, 0, 10), a_truth(5000, 2, 30)]
    assert score(truths, [a_claim(5000, 3, 30)]).seen == 1


def test_a_claim_of_another_time_is_about_nothing() -> None:
    found = score([a_truth(5000, 0, 10)], [a_claim(5000, 9000, 10)])
    assert (found.seen, found.foreign) == (0, 1)


@pytest.mark.parametrize(("off", "within"), [(0, 1), (1, 1), (-1, 1), (2, 0)])
def test_bytes_are_right_within_one(off: int, within: int) -> None:
    assert score([a_truth(5000, 0, 10)], [a_claim(5000, 1, 10 + off)]).within == within


def test_a_wrong_process_called_exact_is_counted() -> None:
    found = score([a_truth(5000, 0, 10)], [a_claim(5000, 1, 10, pid=8)])
    assert (found.right, found.wrong, found.wrong_exact) == (0, 1, 1)


def test_without_a_port_bytes_tell_which_connection_is_meant() -> None:
    truths = [a_truth(5000, 0, 10, pid=7), a_truth(5001, 0, 30, pid=8)]
    found = score(truths, [a_claim(None, 1, 30, pid=8), a_claim(None, 1, 10, pid=7)])
    assert (found.right, found.wrong) == (2, 0)


def test_what_is_summed_up_counts_when_its_bytes_agree() -> None:
    truths = [a_truth(5000, 0, 10), a_truth(5001, 0, 30), a_truth(5002, 0, 50)]
    found = score(truths, [a_claim(None, 1, 10)], Rest(2, 80, 200))
    assert (found.seen, found.within) == (3, 3)


def test_what_is_summed_up_does_not_count_when_a_byte_too_many_is_missing() -> None:
    truths = [a_truth(5000, 0, 10), a_truth(5001, 0, 30)]
    assert score(truths, [a_claim(None, 1, 10)], Rest(1, 28, 100)).within == 1


def test_the_kernel_names_the_process_of_each_connection_of_a_port() -> None:
    truths = [a_truth(5000, 0, 10, None), a_truth(5000, 1, 30, None)]
    traced = [Traced(5000, 8, MS, 2 * MS, 30, 100), Traced(5000, 7, 0, MS, 10, 100)]
    assert [one.pid for one in with_pids(truths, traced)] == [7, 8]


def test_a_process_of_nethogs_has_the_most_it_was_ever_said_to_have() -> None:
    first = "\nRefreshing:\ncurl/12/0\t10\t200\nunknown TCP/0/0\t0\t0\n"
    text = f"{first}\nRefreshing:\ncurl/12/0\t5\t300\n"
    assert hogs(text) == {12: (300, 10)}
