"""Speaks inet_diag: asks the kernel for its sockets, and reads what an answer holds at first sight.

The process that looks at every answer imports this with C modules only: no typing, no NamedTuple.
What a message says in full is read by `diag_message`. Layouts: linux/netlink.h, linux/inet_diag.h.
Numbers are in the machine's byte order but ports, which are big endian.
"""

from struct import Struct, error

INET, INET6 = 2, 10
TCP, UDP = 6, 17

ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE = range(1, 8)
CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING = range(8, 12)
LIVING = 0xB36
"""A bit for each state of a connection that has a tcp_info; no listener, no TIME_WAIT."""

HEADER_BYTES, MESSAGE_BYTES = 16, 88
"""Of nlmsghdr, and of nlmsghdr with inet_diag_msg: what every message about a socket has."""

_BOTH_FAMILIES, _ONE_FAMILY = 18, 20
"""TCPDIAG_GETSOCK knows TCP alone and walks the kernel's table once for both families: half the
time of two dumps by SOCK_DIAG_BY_FAMILY, which asks for one family and protocol."""

_ERROR, _DONE = 2, 3
_REQUEST, _DUMP = 0x1, 0x300
_INFO = 1 << 1  # INET_DIAG_INFO is 2, and the mask counts from 1
_REQ_BYTECODE = 1

_HEADER = Struct("=IHHII")
_OLD = Struct("=BBBB48xII")
_NEW = Struct("=BBBBI48x")
_ATTRIBUTE = Struct("=HH")
_START = Struct("=IH2xI")
_STATUS = Struct("=i")
_FIRST = Struct("=IH10xBB42xII12xII")

# inet_diag_bc_op: code, how far to jump on yes, how far on no; the end accepts, 4 past it rejects.
_OPERATION = Struct("=BBH")
_HOST = Struct("=BBxxi")
_JUMP, _S_AT_LEAST, _S_AT_MOST, _D_AT_LEAST, _D_AT_MOST, _D_HOST = 1, 2, 3, 4, 5, 8
_ANY_PORT = -1


class Unreadable(Exception):
    """What came is no answer of inet_diag, or was cut."""


def dump_request(
    sequence: int, states: int = LIVING, *, bytecode: bytes = b"", info: bool = True
) -> bytes:
    """Ask for all TCP sockets in these states, IPv4 and IPv6, that the bytecode accepts."""
    asked = _OLD.pack(0, 0, 0, _INFO if info else 0, states, 0)
    return _request(_BOTH_FAMILIES, _DUMP, sequence, asked + _filter(bytecode))


def family_request(
    sequence: int, family: int, protocol: int, states: int = LIVING, bytecode: bytes = b""
) -> bytes:
    """Ask for all sockets of one family and protocol; UDP sockets are ESTABLISHED or CLOSE."""
    asked = _NEW.pack(family, protocol, _INFO, 0, states)
    return _request(_ONE_FAMILY, _DUMP, sequence, asked + _filter(bytecode))


def _request(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    return _HEADER.pack(HEADER_BYTES + len(body), kind, _REQUEST | flags, sequence, 0) + body


def _filter(bytecode: bytes) -> bytes:
    return _ATTRIBUTE.pack(4 + len(bytecode), _REQ_BYTECODE) + bytecode if bytecode else b""


def local_ports(low: int, high: int) -> bytes:
    """Return the condition that the local port lies between two, these included."""
    return _port(_S_AT_LEAST, low) + _port(_S_AT_MOST, high)


def remote_ports(low: int, high: int) -> bytes:
    """Return the condition that the peer's port lies between two, these included."""
    return _port(_D_AT_LEAST, low) + _port(_D_AT_MOST, high)


def remote_network(address: bytes, bits: int) -> bytes:
    """Return the condition that the first bits of the peer's address are these; IPv4 has 4 bytes.

    One of IPv4 is met by IPv4 in IPv6 as well (inet_diag_bc_run, net/ipv4/inet_diag.c).
    """
    family = INET if len(address) == 4 else INET6
    size = _OPERATION.size + _HOST.size + len(address)
    return _OPERATION.pack(_D_HOST, size, 0) + _HOST.pack(family, bits, _ANY_PORT) + address


def _port(code: int, port: int) -> bytes:
    return _OPERATION.pack(code, 8, 0) + _OPERATION.pack(0, 0, port)


def accepting(*, all_of: tuple[bytes, ...] = (), none_of: tuple[bytes, ...] = ()) -> bytes:
    """Return the bytecode that accepts what meets all of some conditions and none of others.

    The kernel wants every jump on no to land where steps on yes can lead (valid_cc), so a condition
    that must not hold is one whose yes leads to a jump out.
    """
    end = sum(map(len, all_of)) + sum(len(each) + _OPERATION.size for each in none_of)
    program = b""
    for each in all_of:
        program += _with_no(each, end + 4 - len(program), relative=False)
    for each in none_of:
        program += _with_no(each, len(each) + _OPERATION.size, relative=True)
        program += _OPERATION.pack(_JUMP, 4, end + 4 - len(program))
    return program


def _with_no(condition: bytes, no: int, *, relative: bool) -> bytes:
    """Fill in where each step of a condition goes on no, told from where the condition begins."""
    filled, at = b"", 0
    while at < len(condition):
        code, size, _ = _OPERATION.unpack_from(condition, at)
        filled += _OPERATION.pack(code, size, no - at) + condition[at + 4 : at + size]
        at += size
    return filled


LOOPBACK = (remote_network(bytes((127, 0, 0, 0)), 8), remote_network(bytes(15) + b"\1", 128))
"""The conditions of which a connection within the machine meets one."""
WITHOUT_LOOPBACK = accepting(none_of=LOOPBACK)


def sequence(data: bytes | bytearray | memoryview, size: int) -> int:
    """Return the number of the request that a datagram answers; 0: it was sent unasked."""
    if min(size, len(data)) < HEADER_BYTES:
        raise Unreadable("a datagram shorter than its header")
    return int(_START.unpack_from(data)[2])


def first_sight(
    data: bytes | bytearray | memoryview, size: int
) -> tuple[list[tuple[int, int, int, int, int, int]], int | None]:
    """Return the sockets of a datagram, and how the dump ended.

    Each is (cookie, inode, uid, state, where its message begins, where it ends). None: the dump
    goes on; 0: it is done; else the kernel's errno. A destroyed socket has inode and uid 0.
    """
    seen = []
    at, size = 0, min(size, len(data))
    unpack = _FIRST.unpack_from
    try:
        while at < size:
            length, kind, _, state, low, high, uid, inode = unpack(data, at)
            end = at + length
            if kind not in {_BOTH_FAMILIES, _ONE_FAMILY}:
                break
            if length < MESSAGE_BYTES or end > size:
                raise Unreadable("a message that is cut")
            seen.append((low | high << 32, inode, uid, state, at, end))
            at = (end + 3) & ~3
    except error:
        pass  # too short for a socket: the end, or the buffer ends here
    return seen, _status(data, at, size)


def _status(data: bytes | bytearray | memoryview, at: int, size: int) -> int | None:
    if at >= size:
        return None
    if at + HEADER_BYTES + 4 > size:
        raise Unreadable("a message that is cut")
    length, kind, _ = _START.unpack_from(data, at)
    if kind not in {_ERROR, _DONE} or length < HEADER_BYTES + 4:
        raise Unreadable("a message of another kind")
    return -int(_STATUS.unpack_from(data, at + HEADER_BYTES)[0])
