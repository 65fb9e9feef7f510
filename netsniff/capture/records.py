"""What the capture helper writes into its pipe: one line of text for each event, and no payload.

A line is one of these, in words with a space between them; `-` stands for nothing:

    H at                                               all that comes from now on is heard
    R at                                               what is heard is read at once from now on
    N at source name remote port local port until      a name
    L since until number reason...                     packets that were lost
    F reason...                                        it cannot work, and ends
"""

from typing import NamedTuple, TypeAlias

from netsniff.model import Endpoint, Missed, Name

LONGEST = 1024
"""Bytes of a line; a pipe takes so much in one piece (PIPE_BUF, pipe(7))."""
_SOURCES = frozenset({"sni", "quic", "dns"})
_NOTHING = "-"


class Hears(NamedTuple):
    """The helper hears packets from this moment on, though it cannot read them yet."""

    at_ns: int


class Ready(NamedTuple):
    """The helper has read all it heard, and reads at once what it hears from now on."""

    at_ns: int


class Failed(NamedTuple):
    """The helper cannot work."""

    reason: str


Record: TypeAlias = Hears | Ready | Name | Missed | Failed


def encode(record: Record) -> bytes:
    """Return a record's line; what does not fit is cut, which names never need."""
    if isinstance(record, Hears | Ready):
        words = ["H" if isinstance(record, Hears) else "R", str(record.at_ns)]
    elif isinstance(record, Failed):
        words = ["F", _plain(record.reason)]
    elif isinstance(record, Missed):
        number = _NOTHING if record.number is None else str(record.number)
        words = ["L", str(record.since_ns), str(record.until_ns), number, _plain(record.reason)]
    else:
        local = record.local or Endpoint(_NOTHING, 0)
        words = ["N", str(record.at_ns), record.source, record.name or _NOTHING]
        words += [record.remote.address, str(record.remote.port), local.address, str(local.port)]
        words.append(_NOTHING if record.until_ns is None else str(record.until_ns))
    return " ".join(words).encode("ascii", "replace")[: LONGEST - 1] + b"\n"


def decode(data: bytes) -> tuple[list[Record], int]:
    """Return the whole records there are and how many bytes they took; what is none is left out."""
    used = data.rfind(b"\n") + 1
    found = []
    for line in data[:used].split(b"\n"):
        record = _record(line.decode("ascii", "replace").split(" "))
        if record is not None:
            found.append(record)
    return found, used


def _record(words: list[str]) -> Record | None:
    try:
        match words:
            case ["H", at]:
                return Hears(int(at))
            case ["R", at]:
                return Ready(int(at))
            case ["F", *reason]:
                return Failed(" ".join(reason))
            case ["L", since, until, number, *reason]:
                return Missed(int(since), int(until), _count(number), " ".join(reason), "capture")
            case ["N", at, source, name, *ends] if len(ends) == 5 and source in _SOURCES:
                remote, remote_port, local, local_port, until = ends
                return Name(
                    int(at),
                    source,
                    None if name == _NOTHING else name,
                    Endpoint(remote, int(remote_port)),
                    None if local == _NOTHING else Endpoint(local, int(local_port)),
                    _count(until),
                )
    except ValueError:
        pass
    return None


def _count(word: str) -> int | None:
    return None if word == _NOTHING else int(word)


def _plain(reason: str) -> str:
    return " ".join(reason.split())
