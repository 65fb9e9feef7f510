"""The promises of a source of sockets as checks: what any one must do, and what each promise is."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from netsniff.model import EXACT, Holder, Reading
from netsniff.sources import loopback
from netsniff.sources.base import Promise, Source
from tests.conformance import source_watching as watching
from tests.conformance.source_watching import Load, Story, Truth, Watch

Check = Callable[[Source], None]

_DATAGRAMS = """
import os, socket, sys, time
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
os.read(0, 1)
one.connect(("127.0.0.1", int(sys.argv[1])))
for each in range(5):
    one.send(bytes(1000))
for each in range(3):
    one.recv(2000)
print(os.getpid(), *one.getsockname(), flush=True)
time.sleep(20)  # it is ended when enough was told
"""


def a_living_connection_is_told_with_both_its_ends(source: Source) -> None:
    story = _lives(source)
    for truth in story.truths:
        told = story.watch.told(truth)
        assert told
        assert {(each.local, each.remote) for each in told} == {(truth.local, truth.remote)}
        assert {each.protocol for each in told} == {"tcp"}


def both_families_are_told(source: Source) -> None:
    if not _has_ipv6():
        return
    load = Load(host="::1", hold_ms=_long_ms(source))
    story = watching.watch(source, load, _all(_is_told))
    assert {each.local.address for each in story.watch.told(story.truths[0])} == {"::1"}


def nobody_else_is_called_the_holder(source: Source) -> None:
    story = _lives(source)
    for truth in story.truths:
        told = story.watch.told(truth)
        assert {each.holder.pid for each in told if each.holder} == {truth.pid}


def one_that_is_over_is_told_as_final_once(source: Source) -> None:
    story = _lives(source)
    for truth in story.truths:
        assert [each.final for each in story.watch.told(truth)].count(True) == 1


def what_is_not_known_is_not_called_nothing(source: Source) -> None:
    story = _lives(source)
    for truth in story.truths:
        last = story.watch.final(truth)
        assert last is not None
        assert last.received_bytes in {None, 69_999, 70_000, 70_001}
        assert last.sent_bytes in {None, 5000}


def times_are_those_of_the_monotonic_clock(source: Source) -> None:
    story = _lives(source)
    for truth in story.truths:
        told = story.watch.told(truth)
        assert told
        assert all(story.began_ns < each.at_ns < story.ended_ns for each in told)


def a_process_that_vanished_is_no_error_and_reading_never_blocks(source: Source) -> None:
    watch = Watch(source)
    child = watching.start("pass")
    watching.end(child)
    source.hurry(child.pid)
    watch.quiet(0.1)
    source.rest()
    assert _sees(watch)
    source.close()
    assert watch.longest_ns < 1_000_000_000


def one_that_is_closed_leaves_nothing_open(source: Source) -> None:
    before = _descriptors(), _children()
    assert source.probe().usable
    assert (_descriptors(), _children()) == before
    assert _sees(Watch(source))
    source.close()
    source.close()
    assert (_descriptors(), _children()) == before


def bytes_are_exact_to_one(source: Source) -> None:
    load = Load(connections=10, send=12_345, want=54_321)
    story = watching.watch(source, load, _all(_is_final))
    assert len(story.truths) == load.connections
    for truth in story.truths:
        last = story.watch.final(truth)
        assert last is not None
        assert abs((last.received_bytes or 0) - truth.received_bytes) <= 1
        assert last.sent_bytes == truth.sent_bytes


def every_short_connection_is_told(source: Source) -> None:
    story = watching.watch(source, Load(connections=300), _all(_is_final))
    told = {each.cookie for each in story.watch.events if isinstance(each, Reading) and each.final}
    truths = {truth.cookie for truth in story.truths}
    assert len(truths) == 300
    assert truths <= told


def the_process_of_a_longer_connection_is_told(source: Source) -> None:
    load = Load(processes=3, connections=3, hold_ms=100)
    story = watching.watch(source, load, _all(_is_held))
    _is_right(story)


def the_process_of_any_connection_is_told(source: Source) -> None:
    story = watching.watch(source, Load(processes=5, connections=20), _all(_is_held))
    _is_right(story)


def a_udp_socket_is_told_with_its_holder(source: Source) -> None:
    (told, pid) = _datagrams(source, lambda told: any(each.holder for each in told))
    assert told
    assert {each.remote is not None for each in told} == {True}
    assert {each.holder.pid for each in told if each.holder} == {pid}


def bytes_of_udp_are_exact(source: Source) -> None:
    (told, _) = _datagrams(source, lambda told: (5000, 3000) in _totals(told))
    assert (5000, 3000) in _totals(told)[-1:]


ALWAYS: tuple[Check, ...] = (
    a_living_connection_is_told_with_both_its_ends,
    both_families_are_told,
    nobody_else_is_called_the_holder,
    one_that_is_over_is_told_as_final_once,
    what_is_not_known_is_not_called_nothing,
    times_are_those_of_the_monotonic_clock,
    a_process_that_vanished_is_no_error_and_reading_never_blocks,
    one_that_is_closed_leaves_nothing_open,
)
PROMISED: dict[Promise, tuple[Check, ...]] = {
    Promise.BYTES: (bytes_are_exact_to_one,),
    Promise.EVERY_CONNECTION: (every_short_connection_is_told,),
    Promise.HOLDER: (the_process_of_a_longer_connection_is_told,),
    Promise.SHORT_HOLDER: (the_process_of_any_connection_is_told,),
    Promise.UDP: (a_udp_socket_is_told_with_its_holder,),
    Promise.UDP_BYTES: (bytes_of_udp_are_exact,),
}


_LIVES: dict[type[Source], Story] = {}


def _lives(source: Source) -> Story:
    """Some processes with a connection each, as one source told of them: watched once for all."""
    kind = type(source)
    if kind not in _LIVES:
        load = Load(processes=4, send=5000, want=70_000, hold_ms=_long_ms(source))
        _LIVES[kind] = watching.watch(source, load, _all(_is_final))
    return _LIVES[kind]


def _long_ms(source: Source) -> int:
    """So long that even one that polls has looked at it."""
    return 300 + source.period_ns * 3 // 2_000_000


def _sees(watch: Watch) -> bool:
    """Say whether a connection of our own is told."""
    made = loopback.pair()
    ends = {(end.local, end.remote) for end in made}
    watch.source.hurry(os.getpid())
    seen = watch.until(
        lambda: any((e.local, e.remote) in ends for e in watch.events if isinstance(e, Reading))
    )
    made.close()
    return seen


def _all(is_so: Callable[[Watch, Truth], bool]) -> Callable[[Story], bool]:
    return lambda story: all(is_so(story.watch, truth) for truth in story.truths)


def _is_told(watch: Watch, truth: Truth) -> bool:
    return bool(watch.told(truth))


def _is_final(watch: Watch, truth: Truth) -> bool:
    return watch.final(truth) is not None


def _is_held(watch: Watch, truth: Truth) -> bool:
    return any(each.holder for each in watch.told(truth))


def _is_right(story: Story) -> None:
    assert story.truths
    for truth in story.truths:
        holders = {each.holder for each in story.watch.told(truth) if each.holder}
        assert {_who(each) for each in holders} == {(truth.pid, truth.start_ticks, EXACT)}


def _who(holder: Holder) -> tuple[int, int | None, str]:
    return holder.pid, holder.start_ticks, holder.confidence


def _datagrams(source: Source, done: Callable[[list[Reading]], bool]) -> tuple[list[Reading], int]:
    """Let a program send 5 datagrams of 1000 bytes and get 3; return what was told of it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        watch = Watch(source)
        child = watching.start(_DATAGRAMS, str(peer.getsockname()[1]))
        try:
            source.hurry(child.pid)
            watching.go(child)
            for _ in range(5):
                _, sender = peer.recvfrom(2000)
            for _ in range(3):
                peer.sendto(bytes(1000), sender)
            watch.until(lambda: done(_of(watch, sender)))
            return _of(watch, sender), child.pid
        finally:
            watching.end(child)
            source.close()


def _of(watch: Watch, local: tuple[str, int]) -> list[Reading]:
    readings = (each for each in watch.events if isinstance(each, Reading))
    return [each for each in readings if each.protocol == "udp" and each.local.port == local[1]]


def _totals(told: list[Reading]) -> list[tuple[int | None, int | None]]:
    return [(each.sent_bytes, each.received_bytes) for each in told]


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def _descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def _children() -> int:
    tasks = Path("/proc/self/task")
    return sum(len((each / "children").read_text().split()) for each in tasks.iterdir())
