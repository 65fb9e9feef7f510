"""Who holds which socket: looks at processes and the table of sockets, in any order."""

from netsniff.sources.holders import EXACT, Hold, Holders

MS = 1_000_000


def a_hold(*, pid: int = 7, seen_ms: int = 0) -> Hold:
    """A process that was seen with a socket."""
    return Hold(pid, (1, 99, b"curl"), EXACT, seen_ms * MS)


def test_a_process_seen_first_gets_the_socket_when_the_table_shows_it() -> None:
    holders = Holders()
    hold = a_hold()
    early = holders.hold(100, hold)
    assert (early, holders.shown(100, 5, b"m", MS), holders.known) == (None, hold, {100: 5})


def test_a_socket_shown_first_waits_for_its_process() -> None:
    holders = Holders()
    early = holders.shown(100, 5, b"m", MS)
    stray = holders.hold(100, a_hold())
    assert stray is not None
    assert (early, stray.cookie, stray.message, holders.known) == (None, 5, b"m", {100: 5})


def test_a_known_socket_is_no_news() -> None:
    holders = Holders()
    holders.hold(100, a_hold())
    holders.hold(200, a_hold())
    holders.shown(100, 5, b"m", MS)
    assert [holders.new(inode) for inode in (100, 200, 300)] == [False, False, True]


def test_what_the_table_shows_no_more_is_forgotten() -> None:
    holders = Holders()
    for inode in (100, 200):
        holders.hold(inode, a_hold())
        holders.shown(inode, inode, b"m", MS)
    holders.shown(300, 300, b"m", MS)
    holders.keep([200], MS)
    assert (holders.known, holders.strays) == ({200: 200}, {})


def test_a_socket_that_is_never_connected_is_forgotten_after_a_while() -> None:
    holders = Holders()
    holders.hold(100, a_hold(seen_ms=0))
    holders.hold(200, a_hold(seen_ms=30))
    holders.keep([], 60 * MS)
    assert list(holders.waiting) == [200]


def test_a_socket_nobody_holds_is_looked_for_less_and_less_often() -> None:
    holders = Holders()
    holders.shown(100, 5, b"m", 0)
    looked, now = [], 0
    while now < 10_000:
        if holders.sought(now * MS):
            looked.append(now)
            holders.missed([100], now * MS)
        now += 1
    assert looked == [0, 20, 80, 280, 1280, 6280]


def test_a_socket_that_vanished_meanwhile_is_not_missed() -> None:
    holders = Holders()
    holders.missed([100], 0)
    assert holders.strays == {}


def test_a_socket_was_not_connected_when_the_table_was_complete_without_it() -> None:
    holders = Holders()
    holders.keep([], 10 * MS)
    holders.shown(100, 5, b"m", 20 * MS)
    holders.keep([100], 20 * MS)
    assert [holders.absent_ns(inode) for inode in (100, 200)] == [10 * MS, 20 * MS]
