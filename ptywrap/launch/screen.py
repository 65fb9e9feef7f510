"""Alternate screen on or off, from passing output, across any cut.

Programs switch by `ESC [ ? parameters h` (on) or `l` (off) with 1049, 1047 or 47 among the
parameters (xterm, "ctlseqs"). Only sequences of at most 15 bytes count, so that what is kept from
one read to the next is 14 bytes at most and any cut gives the same result.
"""

LIMIT_BYTES = 15
_START = b"\x1b[?"
_ALTERNATE = frozenset({b"1049", b"1047", b"47"})
_PARAMETERS = frozenset(b"0123456789;")


class Screen:
    """Which screen is shown; `feed` says each change."""

    __slots__ = ("_kept", "alternate")

    def __init__(self) -> None:
        """Start on the main screen, as a new terminal does."""
        self.alternate = False
        self._kept = b""

    @property
    def waiting(self) -> bool:
        """Whether the last output ended within a sequence."""
        return bool(self._kept)

    def feed(self, data: bytes) -> list[bool]:
        """Take the next output; return the states it switched to, in order (mostly none)."""
        if self._kept:
            data = self._kept + data
            self._kept = b""
        changes: list[bool] = []
        at = data.find(_START)
        while at >= 0:
            state = _switch(data[at : at + LIMIT_BYTES])
            if state is not None and state != self.alternate:
                self.alternate = state
                changes.append(state)
            at = data.find(_START, at + 1)
        last = data.rfind(b"\x1b", max(0, len(data) - LIMIT_BYTES + 1))
        if last >= 0 and _unfinished(data[last:]):
            self._kept = data[last:]
        return changes


def _switch(sequence: bytes) -> bool | None:
    """Return what a sequence switches the alternate screen to; None for any other sequence."""
    for place in range(3, len(sequence)):
        letter = sequence[place]
        if letter in _PARAMETERS:
            continue
        if letter not in b"hl" or _ALTERNATE.isdisjoint(sequence[3:place].split(b";")):
            return None
        return letter == 0x68
    return None


def _unfinished(end: bytes) -> bool:
    """Whether more bytes could make a sequence of these."""
    return end[:3] == _START[: len(end)] and all(byte in _PARAMETERS for byte in end[3:])
