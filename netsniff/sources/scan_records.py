"""What the scanner writes into its pipe and what it is told by another: bytes in, bytes out.

A record is `=IBxxxQ`: length of all, kind, time; then a body:

    HELD     cookie u64, ticks u64, pid u32, parent u32, confidence u8, name 16 bytes, and the
             message of inet_diag that showed the socket
    CLOSED   messages of sockets that were destroyed, each as it came
    TABLE    messages of sockets that live, which are new or moved bytes since the last of this kind
    WHOLE    the cookies of all that live
    OVERRUN  the kernel had no room for some that were destroyed
    FLUSHED  number u32: all that was destroyed before this was asked for has been told

An order is `=BxxxI`: kind and number; HEAR brings the end of a pipe of hints along; SPARE 1 has no
process looked at, for somebody else tells who holds a socket, SPARE 0 ends that. A hint is u64: in
its lower half a process that called exec this moment, in the upper one a number made of its
program's name.
"""

from array import array
from struct import Struct
from typing import NamedTuple

HELD, CLOSED, TABLE, WHOLE, OVERRUN, FLUSHED = range(1, 7)
HURRY, REST, FLUSH, HEAR, SPARE = range(1, 6)

_HEAD = Struct("=IBxxxQ")
_HELD = Struct("=QQIIB16s")
_ORDER = Struct("=BxxxI")
_HINT = Struct("=Q")
_NUMBER = Struct("=I")
_LARGEST = 1 << 24


class Held(NamedTuple):
    """Who holds a socket; `confidence` is of holders.py."""

    at_ns: int
    cookie: int
    ticks: int
    pid: int
    parent: int
    confidence: int
    message: bytes
    name: bytes = b""


class Told(NamedTuple):
    """Any other record; `body` is messages, or empty."""

    kind: int
    at_ns: int
    body: bytes = b""
    number: int = 0


class Torn(Exception):
    """What came is no record: nothing after it can be trusted."""


def record(kind: int, at_ns: int, body: bytes = b"") -> bytes:
    """Return a record."""
    return _HEAD.pack(_HEAD.size + len(body), kind, at_ns) + body


def held(told: Held) -> bytes:
    """Return the record of a holder."""
    numbers = (told.cookie, told.ticks, told.pid, told.parent, told.confidence)
    body = _HELD.pack(*numbers, told.name)
    return record(HELD, told.at_ns, body + told.message)


def whole(at_ns: int, cookies: list[int]) -> bytes:
    """Return the record of all that live."""
    return record(WHOLE, at_ns, array("Q", cookies).tobytes())


def cookies(body: bytes) -> set[int]:
    """Return the cookies of such a record."""
    found = array("Q")
    found.frombytes(body[: len(body) - len(body) % found.itemsize])
    return set(found)


def flushed(at_ns: int, number: int) -> bytes:
    """Return the answer to an order to flush."""
    return record(FLUSHED, at_ns, _NUMBER.pack(number))


def decode(data: bytes) -> tuple[list[Held | Told], int]:
    """Return the records and how many bytes they took; the rest is an incomplete tail.

    Raises Torn.
    """
    found: list[Held | Told] = []
    at = 0
    while at + _HEAD.size <= len(data):
        size, kind, at_ns = _HEAD.unpack_from(data, at)
        if not HELD <= kind <= FLUSHED or not _HEAD.size <= size <= _LARGEST:
            raise Torn(f"a record of kind {kind} and {size} bytes")
        if at + size > len(data):
            break
        found.append(_one(kind, at_ns, data[at + _HEAD.size : at + size]))
        at += size
    return found, at


def _one(kind: int, at_ns: int, body: bytes) -> Held | Told:
    if kind == HELD:
        if len(body) < _HELD.size:
            raise Torn("a holder that is cut")
        cookie, ticks, pid, parent, confidence, name = _HELD.unpack_from(body)
        message = body[_HELD.size :]
        return Held(at_ns, cookie, ticks, pid, parent, confidence, message, name.rstrip(b"\0"))
    if kind == FLUSHED:
        if len(body) != _NUMBER.size:
            raise Torn("a number that is cut")
        return Told(kind, at_ns, number=_NUMBER.unpack(body)[0])
    return Told(kind, at_ns, body)


def order(kind: int, number: int = 0) -> bytes:
    """Return an order to the scanner."""
    return _ORDER.pack(kind, number)


def orders(data: bytes) -> list[tuple[int, int]]:
    """Return the orders in what was read; they are written whole (pipe(7), PIPE_BUF)."""
    return list(_ORDER.iter_unpack(data[: len(data) - len(data) % _ORDER.size]))


def hints(data: bytes) -> list[tuple[int, int]]:
    """Return the processes and programs in what was read."""
    whole = data[: len(data) - len(data) % _HINT.size]
    return [(hint & 0xFFFFFFFF, hint >> 32) for (hint,) in _HINT.iter_unpack(whole)]
