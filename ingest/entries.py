"""What one frame of the service's journal says: a MessagePack array in the order of `Entry`."""

from typing import NamedTuple

import msgspec

from ptywrap import wire

BATCH = "batch"
ERASE = "erase"
REPEATED = "repeated"


class Entry(NamedTuple):
    """One thing that was acknowledged: a batch, an erasure, or a batch that came again.

    `body` is the batch as it came, compressed by `encoding` (zstd, gzip or ""), and `digest` its
    SHA-256; of an erasure the MessagePack map `{since, repo}`; of a repeated batch nothing.
    `received_at` and `sent_at` are ns since the epoch, `sent_at` 0 where it was not told.
    """

    kind: str
    tenant: str
    device: str
    person: str
    team: str
    id: str
    digest: bytes
    received_at: int
    sent_at: int
    encoding: str
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Entry)


def packed(entry: Entry) -> bytes:
    """Return the payload of an entry's frame."""
    return _encoder.encode(entry)


def entry(payload: bytes) -> Entry:
    """Return the entry of a frame's payload, or raise Unreadable."""
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise wire.Unreadable(f"no entry of a journal: {error}") from None
