"""Malformed and hostile bodies from a seed: cut, flipped, lying, bombs, maps of the wrong kind."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgpack
import zstandard

from scripts.fleet.dice import Dice

_LEVEL = 3
_WORDS: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    1 << 63,
    -(1 << 63),
    1 << 40,
    "",
    "x" * 40,
    b"",
    b"\xff" * 9,
    [],
    {},
)


class Body(NamedTuple):
    """What is posted: the kind of harm, the encoding it claims, and the bytes."""

    kind: str
    encoding: str
    data: bytes


def bodies(plains: Iterable[bytes], seed: int) -> Iterator[Body]:
    """Yield a body for each good batch, whose plain bytes they are made from."""
    dice = Dice("bodies", seed)
    makers: tuple[Callable[[bytes, Dice], Body], ...] = (
        *(_flipped, _cut, _doubled, _lying, _retyped, _renamed, _columns, _nested, _noise),
        *(_wrong_frame, _trailing, _wrong_encoding),
    )
    for plain in plains:
        yield dice.one(makers)(plain, dice)


def bombs() -> Iterator[Body]:
    """Yield the few that are large: what inflates to far more than it weighs, or nests for ever."""
    zeros = bytes(1 << 20)
    stated = zstandard.ZstdCompressor(level=_LEVEL).compress(zeros * 200)
    yield Body("zstd bomb that states its size", "zstd", stated)
    stream = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=False).compressobj()
    unstated = b"".join(stream.compress(zeros) for _ in range(200)) + stream.flush()
    yield Body("zstd bomb that states none", "zstd", unstated)
    wide = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=0)
    windowed = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    yield Body(
        "zstd with a window of 128 MiB",
        "zstd",
        windowed.compress(zeros * 200) + windowed.flush(),
    )
    yield Body("gzip bomb", "gzip", gzip.compress(zeros * 100))
    yield Body(
        "a MiB of empty maps", "zstd", _packed(b"\xdd" + b"\x00\x10\x00\x00" + b"\x80" * (1 << 20))
    )
    yield Body("a MiB of open arrays", "zstd", _packed(b"\x91" * (1 << 20)))
    yield Body("a MiB of open maps", "zstd", _packed(b"\x81\xa1x" * (1 << 18)))
    yield Body("a text of 4 GiB that is not there", "zstd", _packed(b"\xdb\xff\xff\xff\xff"))
    yield Body("a map of 4 G entries that is not there", "zstd", _packed(b"\xdf\xff\xff\xff\xff"))
    yield Body("more than a MiB", "zstd", Dice("large").text((1 << 20) + 1))


def _packed(plain: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_LEVEL).compress(plain)


def _flipped(plain: bytes, dice: Dice) -> Body:
    """A bit turned: in the frame, or in what the frame holds, which no checksum guards."""
    inside = dice.happens(700)
    data = bytearray(plain if inside else _packed(plain))
    for _ in range(dice.whole(1, 8)):
        data[dice.whole(0, len(data) - 1)] ^= 1 << dice.whole(0, 7)
    return Body("flipped", "zstd", _packed(bytes(data)) if inside else bytes(data))


def _cut(plain: bytes, dice: Dice) -> Body:
    inside = dice.happens(500)
    data = plain if inside else _packed(plain)
    data = data[: dice.whole(0, len(data) - 1)]
    return Body("cut", "zstd", _packed(data) if inside else data)


def _doubled(plain: bytes, dice: Dice) -> Body:
    """A piece said again in another place: lengths no longer fit."""
    start = dice.whole(0, len(plain) - 1)
    piece = plain[start : start + dice.whole(1, 400)]
    at = dice.whole(0, len(plain))
    return Body("doubled", "zstd", _packed(plain[:at] + piece + plain[at:]))


def _lying(plain: bytes, dice: Dice) -> Body:
    """A length that says more than there is (MessagePack's 32-bit heads)."""
    data = bytearray(plain)
    at = dice.whole(0, len(data) - 6)
    data[at : at + 5] = bytes([dice.one((0xC6, 0xC9, 0xDB, 0xDD, 0xDF))]) + dice.text(4)
    return Body("lying", "zstd", _packed(bytes(data)))


def _retyped(plain: bytes, dice: Dice) -> Body:
    """A value of the head or of a table's that is of another kind."""
    tree = _tree(plain)
    name = dice.one(tuple(tree))
    tree[name] = dice.one(_WORDS)
    return Body("retyped", "zstd", _encoded(tree))


def _renamed(plain: bytes, dice: Dice) -> Body:
    """Tables and columns nobody knows, and names that are none."""
    tree = _tree(plain)
    tables = tree["tables"]
    old = dice.one(tuple(tables))
    new = dice.one(("facts", "commands; drop", "", "x" * 300, "a/../b", "no-such"))
    if dice.happens(500):
        tables[new] = tables.pop(old)
    else:
        columns = tables[old]["cols"]
        columns[new] = columns.pop(dice.one(tuple(columns)))
    return Body("renamed", "zstd", _encoded(tree))


def _columns(plain: bytes, dice: Dice) -> Body:
    """A column of another kind, width, length or value than its rows need."""
    tree = _tree(plain)
    table = tree["tables"][dice.one(tuple(tree["tables"]))]
    name = dice.one(tuple(table["cols"]))
    column = table["cols"][name]
    place = dice.whole(0, len(column) - 1)
    column[place] = dice.one((*_WORDS, "n", "o", "d", "c", 1, 2, 3, 4, 8, [1 << 63], [[[]]]))
    if dice.happens(200):
        table["n"] = dice.one((0, -1, 4097, 1 << 31, table["n"] + 1, None))
    return Body("columns", "zstd", _encoded(tree))


def _nested(_plain: bytes, dice: Dice) -> Body:
    depth = dice.whole(1, 3000)
    head = dice.one((b"\x91", b"\x81\xa1a", b"\xdc\x00\x01"))
    return Body("nested", "zstd", _packed(head * depth + b"\xc0"))


def _noise(_plain: bytes, dice: Dice) -> Body:
    data = dice.text(dice.whole(0, 2000))
    return Body("noise", "zstd", _packed(data) if dice.happens(500) else data)


def _wrong_frame(plain: bytes, dice: Dice) -> Body:
    """A frame's own header, changed: sizes, windows and dictionaries that are not there."""
    data = bytearray(_packed(plain))
    for at in range(4, 4 + dice.whole(1, 8)):
        data[at] = dice.bits(8)
    return Body("wrong frame", "zstd", bytes(data))


def _trailing(plain: bytes, dice: Dice) -> Body:
    more = _packed(plain) if dice.happens(500) else dice.text(dice.whole(1, 60))
    inside = dice.happens(300)
    return Body("trailing", "zstd", _packed(plain + more) if inside else _packed(plain) + more)


def _wrong_encoding(plain: bytes, dice: Dice) -> Body:
    encoding = dice.one(("gzip", "br", "", "deflate", "zstd, zstd", "x" * 50))
    return Body("wrong encoding", encoding, _packed(plain) if dice.happens(500) else plain)


def _tree(plain: bytes) -> dict[str, Any]:
    tree: dict[str, Any] = msgpack.unpackb(plain)
    return tree


def _encoded(tree: dict[str, Any]) -> bytes:
    try:
        return _packed(msgpack.packb(tree))
    except (OverflowError, ValueError):
        return _packed(msgpack.packb({"v": 1}))
