"""A compressed body as plain bytes, bounded: no body takes more memory than it may."""

import zlib

import zstandard

from ptywrap import wire

LIMIT = wire.BATCH_LIMIT
ENCODINGS = ("zstd", "gzip", "")
_WINDOW_BYTES = 8 << 20
_GZIP = 31
_UNTOLD = (-1, (1 << 64) - 1)


class TooLarge(Exception):
    """It would be more than the limit once inflated."""


def plain(body: bytes, encoding: str, limit: int = LIMIT) -> bytes:
    """Return a body inflated, at most `limit` bytes; TooLarge, or Unreadable where it is damaged.

    Bytes behind the one frame or member are refused: two readers could differ about them.
    """
    if encoding == "zstd":
        return _zstd(body, limit)
    if encoding == "gzip":
        return _gzip(body, limit)
    if len(body) > limit:
        raise TooLarge
    return body


def told_bytes(body: bytes, encoding: str) -> int | None:
    """Return how many bytes a body says it will be, None where it does not say."""
    if encoding == "":
        return len(body)
    if encoding != "zstd":
        return None
    try:
        told = zstandard.frame_content_size(body)
    except zstandard.ZstdError:
        return 0
    return None if told in _UNTOLD else told


def _zstd(body: bytes, limit: int) -> bytes:
    try:
        told = zstandard.frame_content_size(body)
        # The decompressor takes a frame's own size for the limit, whatever limit it is given.
        if told not in _UNTOLD and told > limit:
            raise TooLarge
        reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        if told in _UNTOLD:
            return _untold(reader, body, limit)
        return reader.decompress(
            body, max_output_size=limit, read_across_frames=False, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise wire.Unreadable(f"no zstd frame of ours: {error}") from None


def _untold(reader: zstandard.ZstdDecompressor, body: bytes, limit: int) -> bytes:
    """Inflate a frame that does not tell its size, once it is known to be small enough.

    Here zstandard passes over what is behind it, whatever it is told.
    """
    with reader.stream_reader(body) as stream:
        if len(stream.read(limit + 1)) > limit:
            raise TooLarge
    whole = reader.decompressobj()
    out = whole.decompress(body)
    if not whole.eof or whole.unused_data:
        raise wire.Unreadable("zstd: cut short, or more behind its end")
    return out


def _gzip(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        out = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise wire.Unreadable(f"no gzip of ours: {error}") from None
    if len(out) > limit:
        raise TooLarge
    if not stream.eof or stream.unused_data:
        raise wire.Unreadable("gzip: cut short, or more behind its end")
    return out
