"""Turns single reads of the relay into bursts, and asks at their ends what else a pty can tell."""

import posix
import time

from ptywrap.launch import tally, terminal
from ptywrap.launch.screen import Screen

_MS = 1_000_000
_KEYS_QUIET_NS = 250 * _MS
_OUTPUT_QUIET_NS = 100 * _MS
_LONGEST_NS = 1000 * _MS
_AFTER_ENTER_NS = 20 * _MS
_IDLE_NS = 250 * _MS


class Bursts:
    """The open bursts of one relay; a timer is wanted only while one is open."""

    __slots__ = (
        "_check_at_ns",
        "_enters",
        "_first_in_ns",
        "_first_out_ns",
        "_foreground",
        "_idle_at_ns",
        "_last_in_ns",
        "_last_out_ns",
        "_master",
        "_mode",
        "_reads",
        "_remind_at_ns",
        "_screen",
        "_size",
        "_size_bytes",
        "_tally",
        "cells",
    )

    def __init__(self, written: tally.Tally, master: int) -> None:
        """Begin with no burst open."""
        self._tally = written
        self.cells = written.page.cells
        self._master = master
        self._screen = Screen()
        self._screen.alternate = bool(self.cells[tally.Page.ALTERNATE])
        self._first_in_ns = self._last_in_ns = self._reads = 0
        self._first_out_ns = self._last_out_ns = self._size_bytes = 0
        self._check_at_ns = self._idle_at_ns = self._remind_at_ns = self._enters = 0
        self._foreground = 0
        self._size = b""
        self._mode: tuple[bool, bool] | None = None

    def typed(self, data: bytes) -> None:
        """Count what came from the terminal."""
        now_ns = time.monotonic_ns()
        self.cells[tally.Page.INPUT] += len(data)
        if not self._reads:
            self._first_in_ns = now_ns
        self._last_in_ns = now_ns
        self._reads += 1
        if b"\r" in data or b"\n" in data:
            self._check_at_ns = now_ns + _AFTER_ENTER_NS
            self._enters += 1
        if now_ns - self._first_in_ns >= _LONGEST_NS:
            self._end_keys()

    def printed(self, data: bytes) -> None:
        """Look at one read of the shell's output."""
        self._size_bytes += len(data)
        if b"\x1b" in data or self._screen.waiting:
            for alternate in self._screen.feed(data):
                self.cells[tally.Page.ALTERNATE] = alternate
                self._tally.append(tally.screen(time.monotonic_ns(), alternate))

    def passed(self) -> None:
        """Take the time of a group of reads of the shell's output."""
        now_ns = time.monotonic_ns()
        if not self._last_out_ns:
            self._first_out_ns = now_ns
        self._last_out_ns = now_ns
        if now_ns - self._first_out_ns >= _LONGEST_NS:
            self._end_output()

    def sized(self, size: bytes) -> None:
        """Record a change of the window."""
        if size and size != self._size:
            self._size = size
            self._tally.append(tally.size(time.monotonic_ns(), size))

    def await_idle(self) -> None:
        """Ask for one call of `idle` once nothing has moved for 250 ms after the first prompt."""
        self._idle_at_ns = 1

    def wait_ms(self) -> int:
        """Return how long the relay may sleep: until the next burst ends, or -1 for ever."""
        due_ns = self._due_ns()
        if not due_ns:
            return -1
        return max(0, (due_ns - time.monotonic_ns() + _MS - 1) // _MS)

    def tick(self) -> bool:
        """End what is due; return True once, at the first idle moment."""
        now_ns = time.monotonic_ns()
        if self._reads and now_ns - self._last_in_ns >= _KEYS_QUIET_NS:
            self._end_keys()
        if self._last_out_ns and now_ns - self._last_out_ns >= _OUTPUT_QUIET_NS:
            self._end_output()
        if self._check_at_ns and now_ns >= self._check_at_ns:
            self._check_at_ns = 0
            self._look()
        if self._remind_at_ns and now_ns >= self._remind_at_ns:
            self._remind_at_ns = 0
            self._enters += 1
        if self._idle_at_ns > 1 and now_ns >= self._idle_at_ns:
            self._idle_at_ns = 0
            return True
        return False

    def remind(self, at_ns: int) -> None:
        """Say at this time that Enter was pressed, as if it were now; 0 for not at all."""
        self._remind_at_ns = at_ns

    def entered(self) -> bool:
        """Return whether Enter was pressed since the last question, and its check is over."""
        if self._check_at_ns or not self._enters:
            return False
        self._enters = 0
        return True

    def close(self) -> None:
        """End what is open, at the end of the relay."""
        if self._reads:
            self._end_keys()
        if self._last_out_ns:
            self._end_output()

    def _due_ns(self) -> int:
        dues = [at_ns for at_ns in (self._check_at_ns, self._remind_at_ns) if at_ns]
        if self._reads:
            dues.append(self._last_in_ns + _KEYS_QUIET_NS)
        if self._last_out_ns:
            dues.append(self._last_out_ns + _OUTPUT_QUIET_NS)
        if self._idle_at_ns > 1:
            dues.append(self._idle_at_ns)
        return min(dues) if dues else 0

    def _end_keys(self) -> None:
        self._tally.append(tally.keys(self._first_in_ns, self._last_in_ns, self._reads))
        self._reads = 0
        self._ended(self._last_in_ns)

    def _end_output(self) -> None:
        self._tally.append(tally.output(self._first_out_ns, self._last_out_ns, self._size_bytes))
        self._size_bytes = 0
        self._look()
        self._ended(self._last_out_ns)
        self._last_out_ns = 0

    def _ended(self, last_ns: int) -> None:
        self._tally.totals()
        if self._idle_at_ns:
            self._idle_at_ns = last_ns + _IDLE_NS

    def _look(self) -> None:
        """Record the foreground group and the input mode where they have changed."""
        now_ns = time.monotonic_ns()
        try:
            group = posix.tcgetpgrp(self._master)
        except OSError:
            group = 0
        if group > 0 and group != self._foreground:
            self._foreground = group
            self._tally.append(tally.foreground(now_ns, group))
        mode = terminal.modes(self._master)
        if mode is not None and mode != self._mode:
            self._mode = mode
            self._tally.append(tally.mode(now_ns, *mode))
