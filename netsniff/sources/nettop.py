"""Runs nettop once a second and reads its log: bytes and processes of living sockets on macOS."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable

from netsniff.model import Event
from netsniff.sources.base import Probe, Promise, SourceError
from netsniff.sources.nettop_log import Log, Sockets

assert sys.platform == "darwin"

_PROGRAM = "/usr/bin/nettop"
_COMMAND = (_PROGRAM, "-L", "0", "-s", "1", "-n", "-x", "-J", "state,bytes_in,bytes_out,rtt_avg")
"""Log without end, a sample a second, numbers instead of names, no units, these columns alone."""


class Nettop:
    """The source; what lives between two samples is not seen, and totals are those of the last."""

    name = "nettop"
    promises = frozenset({Promise.UNPRIVILEGED})
    period_ns = 1_000_000_000
    verified = False

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._log = Log()
        self._sockets = Sockets(self.name)
        self._resting = False

    def probe(self) -> Probe:
        """Look for the program."""
        if shutil.which(_PROGRAM) is None:
            return Probe(usable=False, reason=f"there is no {_PROGRAM}")
        return Probe(usable=True)

    def open(self) -> int:
        """Start the program; return its output to poll. Raises OSError."""
        self._log, self._sockets, self._resting = Log(), Sockets(self.name), False
        self._child = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        descriptor = self._child.stdout.fileno()
        os.set_blocking(descriptor, False)
        return descriptor

    def hurry(self, pid: int) -> None:
        """End a rest; a sample comes once a second all the same."""
        self._resting = False

    def rest(self) -> None:
        """Tell nothing until the next `hurry`; what is gone meanwhile is told then."""
        self._resting = True

    def read(self) -> Iterable[Event]:
        """Tell what the last whole samples say, and once more what is no longer in them."""
        told: list[Event] = []
        for flows in self._log.feed(self._output()):
            if not self._resting:
                told.extend(self._sockets.sample(flows, time.monotonic_ns()))
        return told

    def close(self) -> None:
        """End the program."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            assert self._child.stdout is not None
            self._child.stdout.close()
            self._child = None

    def _output(self) -> bytes:
        assert self._child is not None
        assert self._child.stdout is not None
        data = b""
        while True:
            try:
                more = os.read(self._child.stdout.fileno(), 65536)
            except BlockingIOError:
                return data
            if not more:
                raise SourceError("nettop has ended")
            data += more
