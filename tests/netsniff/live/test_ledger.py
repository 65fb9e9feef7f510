"""Connections add up by process and host; rates are of the last look; what is over is folded."""

from typing import Any

from netsniff.live.ledger import ORDERS, Ledger, Owner, Row
from netsniff.model import Connection

CURL = Owner("curl", 41, 9000)
SECOND = 1_000_000_000


def a_connection(**changes: Any) -> Connection:
    """Return a connection of 300 bytes to example.org."""
    values: dict[str, Any] = {
        "protocol": "tcp",
        "pid": 41,
        "process_ticks": 9000,
        "pid_confidence": "exact",
        "remote_host": "example.org",
        "remote_address": "192.0.2.7",
        "received_bytes": 200,
        "sent_bytes": 100,
        "final": True,
    }
    return Connection(**(values | changes))


def only(ledger: Ledger) -> Row:
    """Return its one row."""
    rows = ledger.rows()
    assert len(rows) == 1
    return rows[0]


def test_an_open_and_a_closed_connection_of_one_process_and_host_are_one_row() -> None:
    ledger = Ledger()
    ledger.close(CURL, a_connection())
    ledger.refresh([(CURL, a_connection(received_bytes=5))], SECOND)
    row = only(ledger)
    assert (row.total.received, row.total.sent, row.open) == (205, 200, 1)


def test_a_rate_is_what_came_between_two_looks() -> None:
    ledger = Ledger()
    ledger.refresh([(CURL, a_connection(received_bytes=1_000))], SECOND)
    ledger.refresh([(CURL, a_connection(received_bytes=4_000))], 3 * SECOND)
    assert only(ledger).received_rate == 1_500


def test_a_connection_that_came_and_went_between_two_looks_has_a_rate() -> None:
    ledger = Ledger()
    ledger.refresh([], SECOND)
    ledger.close(CURL, a_connection(received_bytes=700))
    ledger.refresh([], 2 * SECOND)
    assert only(ledger).received_rate == 700


def test_a_connection_that_closes_adds_nothing_twice() -> None:
    ledger = Ledger()
    ledger.refresh([(CURL, a_connection())], SECOND)
    ledger.close(CURL, a_connection())
    ledger.refresh([], 2 * SECOND)
    row = only(ledger)
    assert (row.total.received, row.received_rate, row.open) == (200, 0, 0)


def test_bytes_nobody_told_are_not_known_to_be_none() -> None:
    ledger = Ledger()
    ledger.close(CURL, a_connection(received_bytes=None, sent_bytes=None))
    ledger.refresh([], SECOND)
    assert not only(ledger).total.known


def test_a_sum_with_a_connection_nobody_counted_says_so() -> None:
    ledger = Ledger()
    ledger.close(CURL, a_connection())
    ledger.close(CURL, a_connection(received_bytes=None, sent_bytes=None))
    ledger.refresh([], SECOND)
    total = only(ledger).total
    assert (total.known, total.received, total.unknown) == (True, 200, 1)


def test_one_that_was_only_just_found_casts_no_doubt_on_the_sum() -> None:
    ledger = Ledger()
    found = a_connection(received_bytes=None, sent_bytes=None, final=False)
    ledger.refresh([(CURL, a_connection(final=False)), (CURL, found)], SECOND)
    assert only(ledger).total.unknown == 0


def test_a_thousand_processes_that_are_over_are_one_row() -> None:
    ledger = Ledger()
    for pid in range(1, 1_001):
        ledger.close(Owner("curl", pid), a_connection(pid=pid))
    ledger.refresh([], SECOND)
    ledger.fold(ledger.owners())
    row = only(ledger)
    assert (row.key.owner, row.total.received, row.ended) == (Owner("curl", None), 200_000, 1_000)


def test_folding_makes_no_rate_jump() -> None:
    ledger = Ledger()
    ledger.close(CURL, a_connection())
    ledger.refresh([], SECOND)
    ledger.fold([CURL])
    ledger.refresh([], 2 * SECOND)
    assert only(ledger).received_rate == 0


def test_a_process_with_an_open_connection_is_not_over() -> None:
    ledger = Ledger()
    ledger.close(CURL, a_connection())
    ledger.refresh([(CURL, a_connection())], SECOND)
    assert ledger.owners() == set()


def test_what_stays_within_the_machine_is_not_in_the_total() -> None:
    ledger = Ledger()
    ledger.close(CURL, a_connection())
    ledger.close(CURL, a_connection(remote_host="localhost", loopback=True))
    ledger.refresh([], SECOND)
    assert ledger.total().total.connections == 1


def test_rows_are_many_at_most() -> None:
    ledger = Ledger()
    for number in range(5_000):
        ledger.close(CURL, a_connection(remote_host=f"host{number}"))
    ledger.refresh([], SECOND)
    ledger.fold([CURL])
    row = only(ledger)
    assert (row.key.host, row.total.connections) == ("(other hosts)", 5_000)


def test_each_order_puts_first_what_it_says() -> None:
    ledger = Ledger()
    ledger.close(Owner("apt", 7), a_connection(pid=7, remote_host="z.org", received_bytes=9_000))
    ledger.refresh([(Owner("wget", 8), a_connection(pid=8, remote_host="a.org"))], SECOND)
    ledger.refresh(
        [(Owner("wget", 8), a_connection(received_bytes=999, pid=8, remote_host="a.org"))],
        2 * SECOND,
    )
    first = {order: ledger.rows(order)[0].key.owner.name for order in ORDERS}
    assert first == {"rate": "wget", "total": "apt", "process": "apt", "host": "wget"}
