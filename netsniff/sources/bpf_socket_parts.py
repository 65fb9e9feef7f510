"""Writes the parts that BPF programs about sockets share: find an entry, make it, fill it.

A part is a list of instructions that leaves these registers alone, each for what it holds.
"""

from typing import NamedTuple, TypeAlias

from netsniff.sources import bpf_assembler as bpf
from netsniff.sources import bpf_entry as entry
from netsniff.sources.bpf_assembler import DOUBLE, EQUAL, HALF, NOT_EQUAL, WORD, Instruction, Label
from netsniff.sources.bpf_types import Types

Parts: TypeAlias = list[Instruction | Label]

SOCKET, AMOUNT, ENTRY, ORIGIN = 6, 7, 8, 9

REFUSED, LISTENING = 0, 1
"""Numbers: sockets that found no room; not 0 while somebody wants to hear the bell."""

# enum bpf_func_id
_LOOK_UP, _UPDATE, _KTIME, _PID, _COOKIE, _RING, _TASK = 1, 2, 5, 14, 46, 130, 158
_IF_ABSENT, _WAKE = 1, 2
_KERNEL_THREAD = 0x00200000
_KEY, _VALUE = -8, -8 - entry.SIZE


class Layout(NamedTuple):
    """Where this kernel keeps what the programs read: offsets in bytes."""

    family: int
    protocol: int
    number: int
    remote_port: int
    remote: int
    local: int
    remote6: int
    local6: int
    net: int
    inode: int
    leader: int
    born: int
    flags: int
    name: int
    parent: int
    pid: int
    tcp_received: int
    tcp_sent: int
    tcp_repeated: int
    round_trip: int
    least_round_trip: int
    retransmits: int


class Maps(NamedTuple):
    """Descriptors of maps: entries by cookie; cookies that found no room; numbers; the bell."""

    entries: int
    refused: int
    numbers: int
    bell: int


def layout(types: Types) -> Layout:
    """Look up what the programs read. Raises NoSuchType."""
    common, task, tcp = "sock_common", "task_struct", "tcp_sock"
    return Layout(
        family=types.offset(common, "skc_family"),
        protocol=types.offset("sock", "sk_protocol"),
        number=types.offset(common, "skc_num"),
        remote_port=types.offset(common, "skc_dport"),
        remote=types.offset(common, "skc_daddr"),
        local=types.offset(common, "skc_rcv_saddr"),
        remote6=types.offset(common, "skc_v6_daddr"),
        local6=types.offset(common, "skc_v6_rcv_saddr"),
        net=types.offset(common, "skc_net", "net"),
        inode=types.offset("net", "ns", "inum"),
        leader=types.offset(task, "group_leader"),
        born=types.offset(task, "start_boottime"),
        flags=types.offset(task, "flags"),
        name=types.offset(task, "comm"),
        parent=types.offset(task, "real_parent"),
        pid=types.offset(task, "tgid"),
        tcp_received=types.offset(tcp, "bytes_received"),
        tcp_sent=types.offset(tcp, "bytes_sent"),
        tcp_repeated=types.offset(tcp, "bytes_retrans"),
        round_trip=types.offset(tcp, "srtt_us"),
        least_round_trip=types.offset(tcp, "rtt_min")
        + types.offset("minmax", "s")
        + types.offset("minmax_sample", "v"),
        retransmits=types.offset(tcp, "total_retrans"),
    )


def new_state(wanted: int) -> Parts:
    return [
        bpf.load(2, 1, 16),
        bpf.jump_if_narrow(NOT_EQUAL, 2, wanted, "end"),
        bpf.load(SOCKET, 1, 0),
    ]


def ours(at: Layout) -> Parts:
    """TCP and UDP over IPv4 and IPv6 alone."""
    return [
        bpf.load(2, SOCKET, at.family, HALF),
        bpf.jump_if(EQUAL, 2, entry.FAMILY_4, "inet"),
        bpf.jump_if(NOT_EQUAL, 2, entry.FAMILY_6, "end"),
        Label("inet"),
        bpf.load(2, SOCKET, at.protocol, HALF),
        bpf.jump_if(EQUAL, 2, entry.TCP, "ours"),
        bpf.jump_if(NOT_EQUAL, 2, entry.UDP, "end"),
        Label("ours"),
    ]


def find(maps: Maps) -> Parts:
    """Go on at `found` with the entry of this socket, or fall through without one."""
    return [
        bpf.move(1, SOCKET),
        bpf.call(_COOKIE),
        bpf.store(10, _KEY, 0),
        *_look_up(maps.entries, _KEY),
        bpf.move(ENTRY, 0),
        bpf.jump_if(NOT_EQUAL, 0, 0, "found"),
    ]


def _look_up(descriptor: int, key: int) -> Parts:
    return [
        bpf.map_of(1, descriptor),
        bpf.move(2, 10),
        bpf.add(2, key),
        bpf.call(_LOOK_UP),
    ]


def make(maps: Maps) -> Parts:
    """Make an entry of the origin in its register; where there is no room, count its socket once.

    The value made may be another's by now: whoever comes second adds to it all the same.
    """
    zeros: Parts = [
        bpf.store_number(10, _VALUE + at, 0) for at in range(8, entry.SIZE, 8) if at != entry.ORIGIN
    ]
    return [
        *zeros,
        bpf.call(_KTIME),
        bpf.store(10, _VALUE + entry.OPENED, 0),
        bpf.store(10, _VALUE + entry.ORIGIN, ORIGIN),
        *_put(maps.entries, _VALUE),
        *_look_up(maps.entries, _KEY),
        bpf.move(ENTRY, 0),
        bpf.jump_if(NOT_EQUAL, 0, 0, "found"),
        *_put(maps.refused, _VALUE),
        bpf.jump_if(NOT_EQUAL, 0, 0, "end"),
        *_number(maps, REFUSED),
        bpf.number(1, 1),
        bpf.add_atomically(0, 0, 1),
        bpf.jump("end"),
    ]


def _number(maps: Maps, which: int) -> Parts:
    """Put the address of one of the numbers into register 0."""
    return [
        bpf.store_number(10, _VALUE, which, WORD),
        *_look_up(maps.numbers, _VALUE),
        bpf.jump_if(EQUAL, 0, 0, "end"),
    ]


def _put(descriptor: int, value: int) -> Parts:
    return [
        bpf.map_of(1, descriptor),
        bpf.move(2, 10),
        bpf.add(2, _KEY),
        bpf.move(3, 10),
        bpf.add(3, value),
        bpf.number(4, _IF_ABSENT),
        bpf.call(_UPDATE),
    ]


def holder(at: Layout) -> Parts:
    """Take the process that runs as the holder, where there is none yet; never a kernel thread.

    The pid is taken first and by one instruction, so that of two processes only one writes; when it
    was born is written last, by which a holder becomes valid.
    """
    return [
        bpf.load(1, ENTRY, entry.PID, WORD),
        bpf.jump_if(NOT_EQUAL, 1, 0, "held"),
        bpf.call(_PID),
        bpf.shift_right(0, 32),
        bpf.move(ORIGIN, 0),
        bpf.jump_if(EQUAL, 0, 0, "held"),
        bpf.call(_TASK),
        bpf.load(1, 0, at.flags, WORD),
        bpf.jump_if_narrow(bpf.SET, 1, _KERNEL_THREAD, "held"),
        bpf.load(1, 0, at.leader),
        bpf.load(2, 1, at.born),
        bpf.number(0, 0),
        bpf.take_if_zero(ENTRY, entry.PID, ORIGIN),
        bpf.jump_if_narrow(NOT_EQUAL, 0, 0, "held"),
        *(bpf.load(3, 1, at.name), bpf.store(ENTRY, entry.NAME, 3)),
        *(bpf.load(3, 1, at.name + 8), bpf.store(ENTRY, entry.NAME + 8, 3)),
        *(bpf.load(3, 1, at.parent), bpf.load(3, 3, at.pid, WORD)),
        bpf.store(ENTRY, entry.PARENT, 3, WORD),
        bpf.store(ENTRY, entry.BORN, 2),
        Label("held"),
    ]


def addresses(at: Layout) -> Parts:
    """Copy both addresses and the namespace; the family last, by which an entry becomes valid."""
    return [
        bpf.load(1, SOCKET, at.number, HALF),
        bpf.store(ENTRY, entry.LOCAL_PORT, 1, HALF),
        bpf.load(1, SOCKET, at.remote_port, HALF),
        bpf.store(ENTRY, entry.REMOTE_PORT, 1, HALF),
        bpf.load(1, SOCKET, at.net),
        bpf.load(1, 1, at.inode, WORD),
        bpf.store(ENTRY, entry.NAMESPACE, 1, WORD),
        bpf.load(1, SOCKET, at.protocol, HALF),
        bpf.store(ENTRY, entry.PROTOCOL, 1, HALF),
        bpf.load(ORIGIN, SOCKET, at.family, HALF),
        bpf.jump_if(EQUAL, ORIGIN, entry.FAMILY_6, "six"),
        bpf.load(1, SOCKET, at.local, WORD),
        bpf.store(ENTRY, entry.LOCAL, 1, WORD),
        bpf.load(1, SOCKET, at.remote, WORD),
        bpf.store(ENTRY, entry.REMOTE, 1, WORD),
        bpf.jump("copied"),
        Label("six"),
        *_copy(entry.LOCAL, at.local6),
        *_copy(entry.REMOTE, at.remote6),
        Label("copied"),
        bpf.store(ENTRY, entry.FAMILY, ORIGIN, HALF),
    ]


def _copy(into: int, offset: int) -> Parts:
    """Copy an IPv6 address into the entry."""
    return [
        bpf.load(1, SOCKET, offset, DOUBLE),
        bpf.store(ENTRY, into, 1),
        bpf.load(1, SOCKET, offset + 8, DOUBLE),
        bpf.store(ENTRY, into + 8, 1),
    ]


def touch() -> Parts:
    """Note the moment; it is left in register 0."""
    return [bpf.call(_KTIME), bpf.store(ENTRY, entry.TOUCHED, 0)]


def end(maps: Maps) -> Parts:
    """Note that the socket is no more, and ring once for whoever listens."""
    return [
        *touch(),
        bpf.store(ENTRY, entry.ENDED, 0),
        *_number(maps, LISTENING),
        bpf.load(1, 0, 0),
        bpf.jump_if(EQUAL, 1, 0, "end"),
        bpf.number(1, 0),
        bpf.exchange(0, 0, 1),
        bpf.jump_if(EQUAL, 1, 0, "end"),
        bpf.map_of(1, maps.bell),
        bpf.move(2, 10),
        bpf.add(2, _KEY),
        bpf.number(3, -_KEY),
        bpf.number(4, _WAKE),
        bpf.call(_RING),
    ]
