"""MessagePack from others, decoded within the bounds of trust.md 3.7; nothing else passes.

The decoder itself bounds texts, bins, arrays and maps, but not depth, and it counts what an array
holds only once that array is whole: a body of open arrays costs thirty times its size before. So a
long body is walked over first, value by value, without making any of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from ptywrap.columns import Unreadable

Pairs = list[tuple[Any, Any]]

DEPTH = 8
ELEMENTS = 50_000
ARRAY_LIMIT = 4096
_MAP_LIMIT = 256
_TEXT_LIMIT = 16_384
_BIN_LIMIT = 65_536
_WALKED = 512 << 10
_SCALARS = frozenset({int, bool, str, bytes, type(None)})


class Head(NamedTuple):
    """What a first byte says: bytes to skip, bytes of the length behind it, and what is inside.

    `each` values stand inside for one of that length; where it is 0 the length is one of bytes.
    """

    size: int
    width: int = 0
    each: int = 0
    inside: int = 0


def decoded(body: bytes) -> Any:
    """Return what one MessagePack value says, or raise Unreadable.

    Of a body of up to 512 KiB the depth is not looked at: its reader asks `plain` of what it passes
    over.
    """
    # The observer and the verbs import the schema too, and unpack nothing.
    import msgpack  # noqa: PLC0415

    if len(body) > _WALKED:
        _walk(body)
    pairs, listed = _hooks()
    try:
        return msgpack.unpackb(
            body,
            strict_map_key=True,
            max_array_len=ARRAY_LIMIT,
            max_map_len=_MAP_LIMIT,
            max_str_len=_TEXT_LIMIT,
            max_bin_len=_BIN_LIMIT,
            max_ext_len=0,
            object_pairs_hook=pairs,
            list_hook=listed,
        )
    except Unreadable:
        raise
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise Unreadable(f"no MessagePack of ours: {type(error).__name__}") from None


def _hooks() -> tuple[Callable[[Pairs], dict[Any, Any]], Callable[[list[Any]], list[Any]]]:
    """Return what makes a map of its pairs and a list of its values, and counts both."""
    seen = 0

    def pairs(found: Pairs) -> dict[Any, Any]:
        nonlocal seen
        seen += 2 * len(found) + 1
        if seen > ELEMENTS:
            raise Unreadable(f"more than {ELEMENTS} elements")
        out = dict(found)
        if len(out) != len(found):
            raise Unreadable("a key that stands twice")
        return out

    def listed(found: list[Any]) -> list[Any]:
        nonlocal seen
        seen += len(found) + 1
        if seen > ELEMENTS:
            raise Unreadable(f"more than {ELEMENTS} elements")
        return found

    return pairs, listed


def plain(value: Any, depth: int) -> bool:
    """Say whether a value nobody reads holds only what may travel, `depth` levels at most."""
    if isinstance(value, dict):
        return depth > 0 and all(
            type(name) is str and plain(inner, depth - 1) for name, inner in value.items()
        )
    if isinstance(value, list):
        return depth > 0 and all(plain(inner, depth - 1) for inner in value)
    return type(value) in _SCALARS


def head(first: int) -> Head:
    """Return what a first byte says (the MessagePack specification, "Formats")."""
    if first in _LONG:
        return _LONG[first]
    if 0x80 <= first < 0x90:
        return Head(1, inside=2 * (first & 15))
    if 0x90 <= first < 0xA0:
        return Head(1, inside=first & 15)
    return Head(1 + (first & 31) if 0xA0 <= first < 0xC0 else 1)


_LONG = {
    **{first: Head(1, width) for first, width in zip((0xC4, 0xC5, 0xC6), (1, 2, 4), strict=True)},
    **{first: Head(2, width) for first, width in zip((0xC7, 0xC8, 0xC9), (1, 2, 4), strict=True)},
    **{first: Head(1, width) for first, width in zip((0xD9, 0xDA, 0xDB), (1, 2, 4), strict=True)},
    **{0xCA + at: Head(size) for at, size in enumerate((5, 9, 2, 3, 5, 9, 2, 3, 5, 9))},
    **{0xD4 + at: Head(2 + (1 << at)) for at in range(5)},
    0xDC: Head(1, 2, 1),
    0xDD: Head(1, 4, 1),
    0xDE: Head(1, 2, 2),
    0xDF: Head(1, 4, 2),
}
_HEADS = tuple(map(head, range(256)))


def _walk(body: bytes) -> None:
    """Raise Unreadable for more elements or deeper ones than may be, at no more than their cost."""
    at = seen = 0
    left = [1]
    while left:
        if not left[-1]:
            left.pop()
            continue
        left[-1] -= 1
        seen += 1
        if seen > ELEMENTS or len(left) > DEPTH + 1 or at >= len(body):
            raise Unreadable(f"more than {ELEMENTS} elements, or {DEPTH} levels, or cut off")
        size, width, each, inside = _HEADS[body[at]]
        if width:
            length = int.from_bytes(body[at + 1 : at + 1 + width], "big")
            inside += length * each
            at += width + (0 if each else length)
        at += size
        if inside:
            left.append(inside)
