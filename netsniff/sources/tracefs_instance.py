"""Linux, root: a tracer of our own under /sys/kernel/tracing/instances, gone when we are.

What somebody else traces is not touched. One that was killed leaves its folder behind: the next one
that opens removes it.
"""

import contextlib
import os
import sys
import time
from pathlib import Path

from netsniff.sources import tracefs_page
from netsniff.sources.tracefs_page import Format, Page, Unreadable

assert sys.platform == "linux"

_PLACES = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
_NAME = "netsniff"
_ALL_BUFFERS_KB, _LEAST_KB, _MOST_KB = 8192, 256, 2048
"""There is one buffer for each processor; 45 events fill a page of 4 KB."""

_PAGES_AT_ONCE = 1024


class Instance:
    """A tracer that writes these events, each with a filter. Making it raises OSError."""

    def __init__(self, wanted: dict[str, str]) -> None:
        self._folder = _place() / "instances" / f"{_NAME}-{os.getpid()}-{time.monotonic_ns()}"
        self._pipes: list[int] = []
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self.formats: dict[str, Format] = {}
        remove_left()
        self._folder.mkdir()
        made = False
        try:
            self._set_up(wanted)
            made = True
        finally:
            if not made:
                self.close()

    def pages(self) -> list[Page]:
        """Return what was written since the last call, for each processor in order of time.

        Raises OSError, Unreadable.
        """
        found = []
        for pipe in self._pipes:
            for _ in range(_PAGES_AT_ONCE):
                try:
                    data = os.read(pipe, self._page_bytes)
                except BlockingIOError:
                    break
                if not data:
                    break
                found.append(tracefs_page.page(data))
        return found

    def close(self) -> None:
        """Remove it."""
        while self._pipes:
            os.close(self._pipes.pop())
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _set_up(self, wanted: dict[str, str]) -> None:
        """Have events written in a clock of ours; a page is as large as a page of memory."""
        each_kb = _ALL_BUFFERS_KB // (os.cpu_count() or 1)
        _write(self._folder / "trace_clock", "mono")
        _write(self._folder / "buffer_size_kb", str(max(_LEAST_KB, min(each_kb, _MOST_KB))))
        for event, condition in wanted.items():
            folder = self._folder / "events" / event
            try:
                self.formats[event] = tracefs_page.event_format((folder / "format").read_text())
            except Unreadable as failure:
                raise OSError(0, str(failure)) from failure
            if condition:
                _write(folder / "filter", condition)
        for pipe in sorted(self._folder.glob("per_cpu/cpu*/trace_pipe_raw")):
            self._pipes.append(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        for event in wanted:
            _write(self._folder / "events" / event / "enable", "1")


def remove_left() -> None:
    """Remove what processes have left that are no more."""
    for folder in (_place() / "instances").glob(f"{_NAME}-*-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _place() -> Path:
    return next((place for place in _PLACES if (place / "instances").is_dir()), _PLACES[0])


def _write(file: Path, text: str) -> None:
    file.write_text(text)
