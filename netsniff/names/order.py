"""Puts pieces of a stream in order."""

from collections.abc import Iterable

_SPACE = 1 << 32


def contiguous(pieces: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the stream from offset 0 up to the first hole; what overlaps counts once."""
    stream = bytearray()
    for offset, piece in sorted(pieces, key=lambda each: each[0]):
        if offset > len(stream):
            break
        stream += piece[len(stream) - offset :]
    return bytes(stream)


def joined(segments: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the stream that TCP segments (sequence number, payload) make, first one first given.

    Sequence numbers wrap (RFC 9293 section 3.4); a segment from before the first is left out.
    """
    given = list(segments)
    if not given:
        return b""
    first = given[0][0]
    offsets = [((sequence - first) % _SPACE, payload) for sequence, payload in given]
    return contiguous(each for each in offsets if each[0] < _SPACE // 2)
