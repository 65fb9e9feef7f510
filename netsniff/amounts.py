"""Bytes and counts as words, for whatever shows them."""

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


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 process`, `2,412 processes`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
