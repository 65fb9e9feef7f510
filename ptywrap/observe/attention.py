"""Foreground, keys and the alternate screen of a session -> how long somebody waited (time.md 3.9).

Moments are CLOCK_MONOTONIC ns. Keystrokes are times, never bytes; nothing here is kept longer than
the command it belongs to.
"""

from bisect import bisect_left
from collections.abc import Iterable
from operator import itemgetter

KEYS_NS = 15_000_000_000
"""A key makes the terminal interactive for this long."""
_ENTER_NS = 50_000_000
"""The key that starts a command is no sign that it is used."""

_Span = tuple[int, int]


class Attention:
    """What the terminal of one session showed of the person before it."""

    def __init__(self) -> None:
        self._groups: list[tuple[int, int]] = []
        self._keys: list[_Span] = []
        self._alternate: list[tuple[int, bool]] = []
        self._raw: list[tuple[int, bool]] = []
        self._stopped: list[tuple[int, bool]] = []

    def foreground(self, at_ns: int, group: int) -> None:
        """Take which process group has the terminal from now on."""
        self._groups.append((at_ns, group))

    def keys(self, first_ns: int, last_ns: int) -> None:
        """Take a burst of keys."""
        self._keys.append((first_ns, last_ns))

    def screen(self, at_ns: int, *, alternate: bool) -> None:
        """Take that the alternate screen came or went."""
        self._alternate.append((at_ns, alternate))

    def mode(self, at_ns: int, *, canonical: bool) -> None:
        """Take whether the terminal gives whole lines or single keys."""
        self._raw.append((at_ns, not canonical))

    def stopped(self, at_ns: int, *, stopped: bool) -> None:
        """Take that the whole session was stopped, or goes on."""
        self._stopped.append((at_ns, stopped))

    def wait_ns(self, since_ns: int, until_ns: int, wait: str = "auto") -> int:
        """Return how long of a command's time a person only waited.

        `wait` is the tool's own rule: `no` never waits; `yes` is a known waiter, whose raw
        terminal means nothing; `serve` and `auto` leave it to the terminal.
        """
        if wait == "no" or until_ns <= since_ns:
            return 0
        begun_ns = since_ns + _ENTER_NS
        busy = [(first, last + KEYS_NS) for first, last in self._keys if last > begun_ns]
        busy += _true(self._alternate, until_ns)
        busy += _true(self._stopped, until_ns)
        if wait != "yes":
            busy += _true(self._raw, until_ns)
        return until_ns - since_ns - covered(busy, since_ns, until_ns)

    def last_key(self, before_ns: int) -> int | None:
        """Return when the last burst of keys before a moment ended."""
        return max((last for _, last in self._keys if last <= before_ns), default=None)

    def forget(self, before_ns: int) -> None:
        """Let go of what no command to come can need."""
        self._keys = [keys for keys in self._keys if keys[1] + KEYS_NS > before_ns]
        for changes in (self._groups, self._alternate, self._raw, self._stopped):
            place = bisect_left(changes, before_ns, key=itemgetter(0))
            del changes[: max(place - 1, 0)]


def covered(spans: Iterable[_Span], since_ns: int, until_ns: int) -> int:
    """Return how much of a stretch the union of some spans covers."""
    total, reached = 0, since_ns
    for first, last in sorted(spans):
        start, end = max(first, reached), min(last, until_ns)
        if end > start:
            total += end - start
            reached = end
    return total


def _true(changes: list[tuple[int, bool]], until_ns: int) -> list[_Span]:
    """Return the spans in which a switch was on; it was off before the first change."""
    spans = []
    since = None
    for at, on in changes:
        if on and since is None:
            since = at
        elif not on and since is not None:
            spans.append((since, at))
            since = None
    return spans if since is None else [*spans, (since, until_ns)]
