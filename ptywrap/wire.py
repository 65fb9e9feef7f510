"""The facts' ids and rows, and the one door through which other packages reach the schema.

A row is a fact's msgpack map with defaults omitted, tag ``fact``.
"""

# Through hashlib it would bring OpenSSL: 4 MB in the observer.
from _blake2 import blake2b
from collections.abc import Iterable

import msgspec

from ptywrap.batch import (
    BATCH_LIMIT,
    BODY_LIMIT,
    ROWS_LIMIT,
    Batch,
    Clocks,
    Table,
    facts,
    pack,
    unpack,
)
from ptywrap.columns import Packed, Unreadable, values
from ptywrap.facts import (
    Cache,
    Command,
    Commit,
    Context,
    Daemon,
    Download,
    Fact,
    Flow,
    Host,
    Loss,
    Process,
    Project,
    Sample,
    Segment,
    Session,
    Split,
)
from ptywrap.frames import HEADER_BYTES, LIMIT, MAGIC, Frame, frame, intact_end, scan
from ptywrap.record import run_record
from ptywrap.tabular import COLUMNS, latest

__all__ = [
    "BATCH_LIMIT",
    "BODY_LIMIT",
    "COLUMNS",
    "HEADER_BYTES",
    "LIMIT",
    "MAGIC",
    "ROWS_LIMIT",
    "Batch",
    "Cache",
    "Clocks",
    "Command",
    "Commit",
    "Context",
    "Daemon",
    "Download",
    "Fact",
    "Flow",
    "Frame",
    "Host",
    "Loss",
    "Packed",
    "Process",
    "Project",
    "Sample",
    "Segment",
    "Session",
    "Split",
    "Table",
    "Unreadable",
    "facts",
    "frame",
    "intact_end",
    "latest",
    "pack",
    "run_record",
    "scan",
    "unpack",
    "values",
]

VERSION = 1
TEXT_LIMIT = 4096
"""Bytes a line, an argv or any other text may have in a fact; a longer one is cut and marked."""

_WORD = (1 << 64) - 1


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Fact] = msgspec.msgpack.Decoder(Fact)


def encode(fact: Fact) -> bytes:
    """Return a fact's row: one msgpack map, tag ``fact``, defaults omitted."""
    return _encoder.encode(fact)


def decode(row: bytes) -> Fact:
    """Return the fact of a row; Unreadable names the path of what is wrong.

    An unknown kind is Unreadable too: the caller counts it as a Loss and goes on.
    """
    try:
        return _decoder.decode(row)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from None


def batch_id(stem: str, device: str) -> str:
    """Return the id of the batch that a segment is, from its file's stem; here and remotely."""
    return f"{stem}-{device}"


def boot_key(device: str, boot_id: str) -> int:
    """Return the 64-bit key that process ids of one boot of one machine are mixed with."""
    digest = blake2b(boot_id.encode(), digest_size=8, key=device.encode()[:64]).digest()
    return int.from_bytes(digest, "little")


def process_id(key: int, pid: int, start_ticks: int) -> int:
    """Return a process's id: a bijection of (pid < 2^22, ticks of 10 ms since boot < 2^42).

    splitmix64's finaliser (Steele, Lea, Flood 2014) over the word, mixed with `boot_key`: no
    two processes of a boot are alike, a restarted observer repeats it. Never stored, never sent.
    """
    word = ((start_ticks << 22 | pid) ^ key) & _WORD
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
    return word ^ word >> 31


def command_id(session: bytes, shell_pid: int, start_mark_ns: int) -> int:
    """Return a command's id: a signed 64-bit hash keyed by its session, never 0."""
    return _keyed(session, b"command", shell_pid, start_mark_ns)


def flow_id(boot_id: str, namespace: int, cookie: int) -> int:
    """Return a connection's id: a signed 64-bit hash keyed by the boot, never 0."""
    return _keyed(boot_id.encode(), b"flow", namespace, cookie)


def flow_id_of_ends(boot_id: str, namespace: int, ends: Iterable[str]) -> int:
    """Return the id of a connection without a cookie: of its protocol, ends and process."""
    digest = blake2b("\0".join(ends).encode(), digest_size=8, person=b"ends").digest()
    return _keyed(
        boot_id.encode(), b"ends", namespace, int.from_bytes(digest, "little", signed=True)
    )


def host_session(device: str, boot_id: str) -> bytes:
    """Return the id of the session that owns what belongs to no shell, one a boot."""
    return blake2b(
        boot_id.encode(), digest_size=16, key=device.encode()[:64], person=b"host"
    ).digest()


def hexadecimal(identifier: int) -> str:
    """Return an id as 16 hex digits, the form users see the shortest unique prefix of."""
    return f"{identifier & _WORD:016x}"


def _keyed(key: bytes, person: bytes, *numbers: int) -> int:
    text = b"".join(number.to_bytes(8, "little", signed=True) for number in numbers)
    digest = blake2b(text, digest_size=8, key=key[:64], person=person).digest()
    return int.from_bytes(digest, "little", signed=True) or 1
