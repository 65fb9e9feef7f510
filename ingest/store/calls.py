"""Calls of a `Store` as frames over a socket: the method's name and typed arguments, never SQL.

A frame is a u32 little-endian length and so many bytes: one of `VERSION`, then MessagePack. A call
is `[name, {argument: value}]`, answered by `[true, value]` or `[false, [what, hint]]`; an answer
that not every shard had a part in is `[true, value, [shards, answered]]`. Types are those of the
protocol's own annotations, so that a method added there can be called at once.
"""

import struct
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, get_type_hints

import msgspec

from ingest.store import partial
from ingest.store.base import Store, StoreError
from ingest.store.partial import Partial

VERSION = 1
LENGTH = struct.Struct("<I")
CALL_LIMIT = 1 << 20
ANSWER_LIMIT = 1 << 30
_OWNERS_ALONE = frozenset({"add", "settle", "close", "fold", "retire"})
# A moment has no time zone here, and a day is a text.
_encoder = msgspec.msgpack.Encoder()


class Call(NamedTuple):
    """A method of `Store` and its arguments by name."""

    name: str
    arguments: Mapping[str, Any]


class _Said(NamedTuple):
    name: str
    arguments: dict[str, msgspec.Raw]


class _Answer(NamedTuple):
    ok: bool
    value: msgspec.Raw
    label: Partial | None = None


class _Refusal(NamedTuple):
    what: str
    hint: str


_said = msgspec.msgpack.Decoder(_Said)
_answered = msgspec.msgpack.Decoder(_Answer)
_refused = msgspec.msgpack.Decoder(_Refusal)


def may_be_called(name: str) -> bool:
    """Say whether a method is for others than the store's owner."""
    method = getattr(Store, name, None)
    return not name.startswith("_") and name not in _OWNERS_ALONE and callable(method)


def call(name: str, arguments: Mapping[str, Any]) -> bytes:
    """Return the frame that calls a method."""
    return _frame((name, arguments))


def called(body: bytes) -> Call:
    """Return the call of a frame's body; StoreError where it is none that may be made."""
    try:
        said = _said.decode(_opened(body))
        hints = _hints(said.name)
        arguments = {
            name: msgspec.msgpack.decode(raw, type=hints[name])
            for name, raw in said.arguments.items()
        }
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise StoreError(f"no call of a store: {error}", "update both ends") from None
    return Call(said.name, arguments)


def answer(value: Any, label: Partial | None = None) -> bytes:
    """Return the frame of an answer, labelled where it is of some shards alone."""
    return _frame((True, value) if label is None else (True, value, label))


def refusal(error: StoreError) -> bytes:
    """Return the frame that says why there is no answer."""
    return _frame((False, (str(error), error.hint)))


def answered(name: str, body: bytes) -> Any:
    """Return what a method answered, its label told; StoreError with what the other end said."""
    try:
        ok, raw, label = _answered.decode(_opened(body))
        if label is not None:
            partial.tell(label)
        if ok:
            return msgspec.msgpack.decode(raw, type=_hints(name)["return"])
        refused = _refused.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"no answer of a store: {error}", "update both ends") from None
    raise StoreError(refused.what, refused.hint)


def _frame(content: Any) -> bytes:
    body = _encoder.encode(content)
    return LENGTH.pack(len(body) + 1) + bytes((VERSION,)) + body


def _opened(body: bytes) -> memoryview:
    if body[:1] != bytes((VERSION,)):
        raise StoreError("the store process is of another version", "restart the service")
    return memoryview(body)[1:]


@cache
def _hints(name: str) -> dict[str, Any]:
    if not may_be_called(name):
        raise KeyError(name)
    return get_type_hints(getattr(Store, name))
