"""Proves that the kernel answers inet_diag as we read it, by a connection whose numbers we know.

The layout of tcp_info is a promise of the kernel's, but a module may be missing, a sandbox may say
no, and an emulated kernel may answer with less: then it is said here, before anybody counts on it.
"""

import select
import sys
import time
from errno import EACCES, EAFNOSUPPORT, ENOENT, EPERM, EPROTONOSUPPORT

from netsniff.sources import diag, diag_message, diag_socket, loopback
from netsniff.sources.base import Probe
from netsniff.sources.diag_message import Told

assert sys.platform == "linux"

_PATIENCE_NS = 1_000_000_000
_LONGEST_US = 10_000_000
_MOST_SEGMENTS = 100
_ENOUGH = 1000
"""As many end in half a second where a thousand connections a second come and go within us."""
_LISTENERS = 1
"""Of `loopback.pair`: it dies, too."""
_SANDBOX = "run it outside of the sandbox, or let it open sockets of AF_NETLINK"
_MODULES = "load the kernel's modules inet_diag and tcp_diag: modprobe tcp_diag"
_REMEDIES = {
    EPERM: ("a sandbox forbids netlink sockets", _SANDBOX),
    EACCES: ("a sandbox forbids netlink sockets", _SANDBOX),
    EAFNOSUPPORT: ("no netlink sockets may be opened here", _SANDBOX),
    EPROTONOSUPPORT: ("this kernel has no sock_diag", "use one built with CONFIG_INET_DIAG"),
    ENOENT: ("this kernel has no tcp_diag", _MODULES),
}
_OLD = "use Linux 4.19 or newer"


def check() -> Probe:
    """Say whether dumps and the news of destroyed sockets are right; takes a second at most."""
    questions: diag_socket.Questions | None = None
    deaths: diag_socket.Deaths | None = None
    try:
        questions = diag_socket.Questions()
        deaths = diag_socket.Deaths()
        probe = _compared(questions, deaths)
        return probe if probe.reason else roomy(deaths.buffer_bytes)
    except OSError as failure:
        return refused(failure)
    except diag.Unreadable as failure:
        return Probe(usable=False, reason=f"the kernel's answer is not understood: {failure}")
    finally:
        for each in (questions, deaths):
            if each is not None:
                each.close()


def roomy(buffer_bytes: int) -> Probe:
    """Say how few sockets may die at once before some are lost, where that is few."""
    room = buffer_bytes // diag_socket.DEATH_BYTES
    if room >= _ENOUGH:
        return Probe(usable=True)
    remedy = "allow more: sysctl net.core.rmem_max=8388608"
    return Probe(usable=True, reason=f"room for {room} sockets that end at once", remedy=remedy)


def refused(failure: OSError) -> Probe:
    """Return what an error of these sockets means, and what would help."""
    known = _REMEDIES.get(failure.errno or 0)
    if known is None:
        return Probe(usable=False, reason=f"the kernel refused: {failure.strerror}")
    return Probe(usable=False, reason=known[0], remedy=known[1])


def _compared(questions: diag_socket.Questions, deaths: diag_socket.Deaths) -> Probe:
    try:
        made = loopback.pair()
    except OSError:
        _told_of(questions, 0)  # it answers at least
        return Probe(usable=True, reason="not compared: there is no loopback here")
    port = made.client.local.port
    ends = ((made.client, False), (made.server, True))
    try:
        for end, serves in ends:
            found = _told_of(questions, end.local.port, port if serves else None)
            wrong = differs(found, end, serves=serves) if found else "a connection was not told"
            if wrong:
                return Probe(usable=False, reason=wrong, remedy=_OLD)
    finally:
        made.close()
    return ended(deaths, ends)


def ended(deaths: diag_socket.Deaths, ends: tuple[tuple[loopback.End, bool], ...]) -> Probe:
    """Compare the last that is told of both ends. In a storm of others it may be long in coming."""
    cookies = {end.cookie for end, _ in ends if end.cookie is not None}
    buried, others = _buried(deaths, cookies)
    if others and len(buried) < len(cookies):
        return Probe(usable=True, reason="not compared: the kernel is late to tell of the dead")
    for end, serves in ends:
        if end.cookie is None:
            continue
        last = buried.get(end.cookie)
        wrong = moved(last, serves=serves) if last else "the end of a connection was not told"
        if wrong:
            return Probe(usable=False, reason=wrong, remedy=_OLD)
    return Probe(usable=True)


def _told_of(
    questions: diag_socket.Questions, local: int, remote: int | None = None
) -> Told | None:
    """Ask for the connection with these ports; a filter that does not work finds none or others."""
    conditions = [diag.local_ports(local, local)]
    if remote is not None:
        conditions.append(diag.remote_ports(remote, remote))
    questions.ask(bytecode=diag.accepting(all_of=tuple(conditions)))
    found: Told | None = None
    while (seen := questions.answer()) is not None:
        for *_, begin, end in seen:
            found = diag_message.told(bytes(questions.view[begin:end]))
    return found


def _buried(deaths: diag_socket.Deaths, cookies: set[int]) -> tuple[dict[int, Told], int]:
    """Return what is told of these at last, and how many others are told meanwhile."""
    poller = select.poll()
    poller.register(deaths.fileno(), select.POLLIN)
    found: dict[int, Told] = {}
    others = 0
    deadline_ns = time.monotonic_ns() + _PATIENCE_NS
    while cookies - found.keys() and (left_ns := deadline_ns - time.monotonic_ns()) > 0:
        poller.poll(left_ns // 1_000_000 + 1)
        for datagram in deaths.take():
            for cookie, *_, begin, end in diag.first_sight(datagram, len(datagram))[0]:
                if cookie in cookies:
                    found[cookie] = diag_message.told(datagram[begin:end])
                else:
                    others += 1
    return found, max(0, others - _LISTENERS)


def differs(seen: Told, end: loopback.End, *, serves: bool) -> str:
    """Return what is wrong with what was told of a living end; empty: nothing is."""
    info = seen.info
    if info is None or info.bytes_sent is None:
        return "this kernel does not tell what a connection sent"
    same = (
        ((seen.local, seen.remote) == (end.local, end.remote), "addresses"),
        (end.cookie in {None, seen.cookie}, "cookie"),
        (seen.inode == end.inode, "inode"),
        (seen.state == diag.ESTABLISHED, "state"),
        (0 < (info.rtt_us or 0) < _LONGEST_US, "round trip"),
        (0 < (info.segments_received or 0) < _MOST_SEGMENTS, "number of segments"),
    )
    wrong = [what for right, what in same if not right]
    if wrong:
        return f"a connection was told with a wrong {wrong[0]}"
    return moved(seen, serves=serves)


def moved(seen: Told, *, serves: bool) -> str:
    """Return whether other bytes were told than had been moved; empty: the same."""
    sent, received = loopback.FROM_CLIENT_BYTES, loopback.FROM_SERVER_BYTES
    if serves:
        sent, received = received, sent
    if diag_message.received(seen) != received:
        return "a connection was told with wrong received bytes"
    if diag_message.sent(seen) != sent:
        return "a connection was told with wrong sent bytes"
    return ""
