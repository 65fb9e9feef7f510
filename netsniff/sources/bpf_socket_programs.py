"""Writes the BPF programs that keep one entry for each socket, in the kernel, by its cookie.

Each hangs on one tracepoint, and reads the kernel's structures where its own description says they
lie. What a state program does is cut by the new state into three programs, though they hang on one
tracepoint: the kernel skips a program that interrupts itself, and so one that is at work for a
connecting process (1 us) does not cost an accepted connection that arrives meanwhile.
"""

from typing import NamedTuple

from netsniff.sources import bpf_assembler as bpf
from netsniff.sources import bpf_entry as entry
from netsniff.sources import bpf_socket_parts as part
from netsniff.sources.bpf_assembler import EQUAL, HALF, NOT_EQUAL, WORD, Label
from netsniff.sources.bpf_socket_parts import AMOUNT, ENTRY, ORIGIN, SOCKET, Layout, Maps, Parts

_TCP_SOCK = 137
"""bpf_skc_to_tcp_sock of enum bpf_func_id."""

# MSG_PEEK, MSG_ERRQUEUE: these bytes come again, or were ours.
_NOT_TAKEN = 0x2 | 0x2000
_ADDRESSED_PORT = 24  # user_port of struct bpf_sock_addr
_ESTABLISHED, _SYN_SENT, _SYN_RECV, _CLOSE = 1, 2, 3, 7


class Program(NamedTuple):
    """One program and the tracepoint it hangs on; none: on every socket that is let go of."""

    name: str
    tracepoint: str
    code: bytes


def programs(at: Layout, maps: Maps) -> tuple[Program, ...]:
    """Write those that follow TCP."""
    state = "inet_sock_set_state"
    return (
        Program("connecting", state, _program(_connecting(at, maps))),
        Program("established", state, _program(_established(at, maps))),
        Program("closing", state, _program(_closing(at, maps))),
        Program("destroyed", "tcp_destroy_sock", _program(_destroyed(at, maps))),
    )


def moving(at: Layout, maps: Maps) -> tuple[Program, ...]:
    """Write those that count bytes, and see UDP; their tracepoints came with Linux 6.3."""
    return (
        Program("sent", "sock_send_length", _program(_moved(at, maps, entry.SENT))),
        Program("received", "sock_recv_length", _program(_moved(at, maps, entry.RECEIVED))),
    )


def released(maps: Maps) -> Program:
    """Write the program that says when a UDP socket ends: no tracepoint does.

    It runs for a control group (BPF_CGROUP_INET_SOCK_RELEASE), whose programs answer 1: go on.
    """
    parts: Parts = [
        bpf.move(SOCKET, 1),
        *part.find(maps),
        bpf.jump("end"),
        Label("found"),
        bpf.load(1, ENTRY, entry.PROTOCOL, HALF),
        bpf.jump_if(NOT_EQUAL, 1, entry.UDP, "end"),
        *part.end(maps),
    ]
    return Program("released", "", _program(parts, answer=1))


def addressed(maps: Maps, *, six: bool) -> Program:
    """Write the program that notes to whom a UDP socket sends that is not connected.

    It runs before the send (BPF_CGROUP_UDP4_SENDMSG, struct bpf_sock_addr) and changes nothing.
    """
    name, address, words = ("addressed6", 8, 4) if six else ("addressed", 4, 1)
    places = [(entry.PEER + 4 * at, address + 4 * at) for at in range(words)]
    parts: Parts = [
        bpf.move(SOCKET, 1),
        bpf.load(AMOUNT, SOCKET, _ADDRESSED_PORT, WORD),
        bpf.jump_if_narrow(EQUAL, AMOUNT, 0, "end"),
        bpf.number(ORIGIN, entry.MET),
        *part.find(maps),
        *part.make(maps),
        Label("found"),
        bpf.store_number(ENTRY, entry.PROTOCOL, entry.UDP, HALF),
        bpf.load(1, ENTRY, entry.PEERS, HALF),
        bpf.jump_if(EQUAL, 1, entry.SEVERAL, "end"),
        bpf.jump_if(EQUAL, 1, 0, "first"),
        bpf.load(1, ENTRY, entry.PEER_PORT, HALF),
        bpf.jump_unless_same(1, AMOUNT, "other"),
    ]
    for there, here in places:
        parts += [bpf.load(1, ENTRY, there, WORD), bpf.load(2, SOCKET, here, WORD)]
        parts += [bpf.jump_unless_same(1, 2, "other")]
    parts += [bpf.jump("end"), Label("first"), bpf.store(ENTRY, entry.PEER_PORT, AMOUNT, HALF)]
    for there, here in places:
        parts += [bpf.load(1, SOCKET, here, WORD), bpf.store(ENTRY, there, 1, WORD)]
    parts += [
        bpf.store_number(ENTRY, entry.PEERS, entry.ONE, HALF),
        bpf.jump("end"),
        Label("other"),
        bpf.store_number(ENTRY, entry.PEERS, entry.SEVERAL, HALF),
    ]
    return Program(name, "", _program(parts, answer=1))


def _program(parts: Parts, *, answer: int = 0) -> bytes:
    return bpf.assemble([*parts, Label("end"), bpf.number(0, answer), bpf.leave()])


def _connecting(at: Layout, maps: Maps) -> Parts:
    """In the process that calls connect: it is the one who opens the socket."""
    return [
        *part.new_state(_SYN_SENT),
        *part.ours(at),
        bpf.number(ORIGIN, entry.CONNECTED),
        *part.find(maps),
        *part.make(maps),
        Label("found"),
        bpf.store_number(ENTRY, entry.CLOSED, 0),
        *part.holder(at),
        *part.addresses(at),
        *part.touch(),
    ]


def _established(at: Layout, maps: Maps) -> Parts:
    """In whatever process was interrupted: the local port is known now, the process is not."""
    return [
        *part.new_state(_ESTABLISHED),
        bpf.load(AMOUNT, 1, 8),
        *part.ours(at),
        bpf.number(ORIGIN, entry.ACCEPTED),
        *part.find(maps),
        bpf.jump_if_narrow(NOT_EQUAL, AMOUNT, _SYN_RECV, "end"),
        *part.make(maps),
        Label("found"),
        *part.addresses(at),
        *part.touch(),
        bpf.store(ENTRY, entry.ESTABLISHED, 0),
    ]


def _closing(at: Layout, maps: Maps) -> Parts:
    return [
        *part.new_state(_CLOSE),
        *part.ours(at),
        *part.find(maps),
        bpf.jump("end"),
        Label("found"),
        *part.touch(),
        bpf.store(ENTRY, entry.CLOSED, 0),
    ]


def _moved(at: Layout, maps: Maps, total: int) -> Parts:
    """After a send or a receive, in the process that called it."""
    first: Parts = []
    if total == entry.RECEIVED:
        first = [
            bpf.load(1, ENTRY, entry.FIRST),
            bpf.jump_if(NOT_EQUAL, 1, 0, "end"),
            bpf.store(ENTRY, entry.FIRST, 0),
        ]
    taken: Parts = [bpf.load(2, 1, 16), bpf.jump_if_narrow(bpf.SET, 2, _NOT_TAKEN, "end")]
    return [
        *(taken if total == entry.RECEIVED else []),
        bpf.load(AMOUNT, 1, 8),
        bpf.jump_if_narrow(bpf.NOT_ABOVE_SIGNED, AMOUNT, 0, "end"),
        bpf.narrow(AMOUNT, AMOUNT),
        bpf.load(SOCKET, 1, 0),
        *part.ours(at),
        bpf.number(ORIGIN, entry.MET),
        *part.find(maps),
        *part.make(maps),
        Label("found"),
        bpf.add_atomically(ENTRY, total, AMOUNT),
        *part.holder(at),
        bpf.load(1, ENTRY, entry.REMOTE_PORT, HALF),
        bpf.jump_if(NOT_EQUAL, 1, 0, "addressed"),
        *part.addresses(at),
        Label("addressed"),
        *part.touch(),
        *first,
    ]


def _destroyed(at: Layout, maps: Maps) -> Parts:
    """When a TCP socket is gone; after CLOSE its process may still have read what had come."""
    return [
        bpf.load(SOCKET, 1, 0),
        *part.ours(at),
        *part.find(maps),
        bpf.jump("end"),
        Label("found"),
        bpf.move(1, SOCKET),
        bpf.call(_TCP_SOCK),
        bpf.jump_if(EQUAL, 0, 0, "uncounted"),
        bpf.load(1, 0, at.tcp_received),
        bpf.store(ENTRY, entry.TCP_RECEIVED, 1),
        bpf.load(1, 0, at.tcp_sent),
        bpf.load(2, 0, at.tcp_repeated),
        bpf.subtract(1, 2),
        bpf.store(ENTRY, entry.TCP_SENT, 1),
        *_copy_word(entry.ROUND_TRIP, at.round_trip),
        *_copy_word(entry.LEAST_ROUND_TRIP, at.least_round_trip),
        *_copy_word(entry.RETRANSMITS, at.retransmits),
        Label("uncounted"),
        *part.end(maps),
    ]


def _copy_word(into: int, offset: int) -> Parts:
    """Copy 4 bytes of the structure in register 0 into the entry."""
    return [bpf.load(1, 0, offset, WORD), bpf.store(ENTRY, into, 1, WORD)]
