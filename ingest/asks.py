"""What may be asked of the local store over its socket, and the frames both ways.

A frame is a u32 little-endian length and one msgpack map: `{"ask": NAME, …}`, answered by
`{"ok": true, …}` or `{"ok": false, "what": …, "hint": …}`.
"""

import struct
from typing import Any

import msgspec
from msgspec import Struct

LENGTH = struct.Struct("<I")
QUESTION_LIMIT = 1 << 20


class Log(Struct, tag_field="ask", tag="log"):
    """Commands, newest first; `since_ns` is ns since the epoch."""

    limit: int | None = None
    since_ns: int | None = None
    repo: str | None = None
    cwd: str | None = None
    failed: bool = False
    text: str | None = None


class Show(Struct, tag_field="ask", tag="show"):
    """The run record of one command: a hex prefix of its id, or `last`."""

    id: str = "last"


class ShowFacts(Struct, tag_field="ask", tag="show_facts"):
    """The facts of one command as rows."""

    id: str = "last"


class Usual(Struct, tag_field="ask", tag="usual"):
    """How long commands of these templates usually take."""

    templates: list[str]


class Forget(Struct, tag_field="ask", tag="forget"):
    """Delete everything, or what began at or after `since_ns`, or what is of `repo`."""

    since_ns: int | None = None
    repo: str | None = None


class Status(Struct, tag_field="ask", tag="status"):
    """What is held, and what waits."""


class Stop(Struct, tag_field="ask", tag="stop"):
    """Settle and leave."""


Ask = Log | Show | ShowFacts | Usual | Forget | Status | Stop
_decoder: msgspec.msgpack.Decoder[Ask] = msgspec.msgpack.Decoder(Ask)


def question(body: bytes) -> Ask:
    """Return the question of a frame's body; ValueError says what is wrong with it."""
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def frame(content: dict[str, Any]) -> bytes:
    """Return the bytes of one frame."""
    body = msgspec.msgpack.encode(content)
    return LENGTH.pack(len(body)) + body


def answer(body: bytes) -> dict[str, Any]:
    """Return the map of an answer's body; ValueError where it is none."""
    try:
        return msgspec.msgpack.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def rows(facts: Any) -> list[dict[str, Any]]:
    """Return facts as their maps, bytes as hex."""
    maps = [msgspec.to_builtins(fact, builtin_types=(bytes,)) for fact in facts]
    return [
        {name: value.hex() if isinstance(value, bytes) else value for name, value in one.items()}
        for one in maps
    ]
