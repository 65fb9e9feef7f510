"""Bytes, lengths and names as words; the only place of this package that formats a number."""

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(number: int | None) -> str:
    """Return bytes in powers of a thousand, at most seven wide: `512 B`, `1.2 MB`; `-` unknown."""
    if number is None:
        return "-"
    value, unit = float(number), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = 1 if unit and value < 99.95 else 0
    return f"{value:.{digits}f} {_UNITS[unit]}"


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


def count(number: int, noun: str) -> str:
    """Return `1 socket`, `2,412 sockets`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
