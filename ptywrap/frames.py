"""CRC frames, the one on-disk framing of ours, and a scan that finds its way again after damage.

A frame is a 20-byte little-endian header and a payload; in segments it has at most 1 MiB:

====== ==== ==================================================================
field  size meaning
====== ==== ==================================================================
magic  4    ``F5 50 57 31``; F5 never occurs in UTF-8 text
length 4    payload bytes
seq    8    counts from 0 within one file, +1 a frame
crc    4    CRC-32 (zlib) of length, seq and payload
====== ==== ==================================================================
"""

import zlib
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

MAGIC = b"\xf5PW1"
LIMIT = 1 << 20
_HEAD = Struct("<4sIQI")
_COVERED = Struct("<IQ")
HEADER_BYTES = _HEAD.size


class Frame(NamedTuple):
    """One intact frame: where it starts in the file, its number and its payload."""

    offset: int
    seq: int
    payload: bytes


def frame(seq: int, payload: bytes, limit: int = LIMIT) -> bytes:
    """Return the bytes of one frame; ValueError when the payload is over `limit` bytes."""
    if len(payload) > limit:
        raise ValueError(f"a frame holds at most {limit} bytes, not {len(payload)}")
    crc = zlib.crc32(payload, zlib.crc32(_COVERED.pack(len(payload), seq)))
    return _HEAD.pack(MAGIC, len(payload), seq, crc) + payload


def scan(data: bytes | memoryview, limit: int = LIMIT) -> Iterator[Frame]:
    """Yield the intact frames of any bytes in order; damage costs only the frames it touches.

    On any mismatch the scan goes on at the next magic *after* the current one, so a lying length
    cannot swallow what follows. It never raises.
    """
    raw = bytes(data)
    end = len(raw)
    at = raw.find(MAGIC)
    while at >= 0 and end - at >= HEADER_BYTES:
        _, length, seq, crc = _HEAD.unpack_from(raw, at)
        stop = at + HEADER_BYTES + length
        if length <= limit and stop <= end and _intact(raw, at, stop, crc):
            yield Frame(at, seq, raw[at + HEADER_BYTES : stop])
            at = stop if raw.startswith(MAGIC, stop) else raw.find(MAGIC, stop)
        else:
            at = raw.find(MAGIC, at + 1)


def intact_end(data: bytes, limit: int = LIMIT) -> int:
    """Return the offset behind the last intact frame: what a dead writer's file is cut to."""
    end = 0
    for found in scan(data, limit):
        end = found.offset + HEADER_BYTES + len(found.payload)
    return end


def _intact(raw: bytes, at: int, stop: int, crc: int) -> bool:
    view = memoryview(raw)
    head = zlib.crc32(view[at + 4 : at + 16])
    return zlib.crc32(view[at + HEADER_BYTES : stop], head) == crc
