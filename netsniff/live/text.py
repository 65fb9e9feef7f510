"""Lengths and names as words."""

from netsniff.amounts import size


def at_least(number: int | None, unknown: int) -> str:
    """Return bytes, with a `+` where some connections could not be counted."""
    return size(number) + ("+" if number is not None and unknown else "")


def length(ns: int | None) -> str:
    """Return how long something took: `35 ms`, `1.24 s`, `4 m 12 s`; `-` unknown."""
    if ns is None:
        return "-"
    if ns < 999_500_000:
        return f"{(ns + 500_000) // 1_000_000} ms"
    if ns < 59_995_000_000:
        return f"{ns / 1e9:.2f} s"
    seconds = (ns + 500_000_000) // 1_000_000_000
    return f"{seconds // 60} m {seconds % 60:02d} s"


def visible(value: str) -> str:
    """Return text with every control character written out: names are chosen by strangers."""
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in value
    )


def cut(value: str, width: int) -> str:
    """Return text of at most so many characters; what is left out in its middle is an ellipsis."""
    if len(value) <= width:
        return value
    end = (width - 1) // 2
    return f"{value[: width - 1 - end]}…{value[len(value) - end :]}"
