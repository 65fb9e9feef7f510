"""The capture helper: a process that hears filtered packets and says the names in them, no more.

First it opens its socket, or takes the one a launcher opened for it; then it gives up every
privilege; only then does it import what reads packets. It ends when nobody reads its pipe any more.
"""

import os
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from netsniff.capture import privilege, records
from netsniff.capture.filter import KEPT_BYTES
from netsniff.model import Missed, Name

assert sys.platform == "linux"

PIPE, SOCKET = 3, 4
"""The descriptors it is started with: where names go; the launcher's socket, if there is one."""
_BATCH = 64  # packets before drops are looked at
_MOST_EARLY, _MOMENT_MS = 4096, 20
_MOST_DESCRIPTORS = 1 << 16
_NO_ROOM = "packets came faster than they were read"


class Early:
    """Keeps packets with their times while the main thread still learns to read them."""

    def __init__(self, heard: socket.socket) -> None:
        self._kept: deque[tuple[bytes, int]] = deque()
        self._heard, self._enough = heard, False
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def end(self) -> Iterable[tuple[bytes, int]]:
        """Stop; return what was kept."""
        self._enough = True
        self._thread.join()
        return self._kept

    def _keep(self) -> None:
        ready = select.poll()
        ready.register(self._heard, select.POLLIN)
        while not self._enough and len(self._kept) < _MOST_EARLY:
            if ready.poll(_MOMENT_MS):
                self._kept += _waiting(self._heard, 1)


class Helper:
    """The loop: packets in, names out."""

    def __init__(
        self, heard: socket.socket, pipe: int, names: Callable[[bytes, int], list[Name]]
    ) -> None:
        self.heard, self.pipe, self.names = heard, pipe, names
        self.looked_ns = time.monotonic_ns()

    def serve(self) -> None:
        """Serve until the other end of the pipe is closed."""
        ready = select.poll()
        ready.register(self.heard, select.POLLIN)
        ready.register(self.pipe, 0)  # POLLERR: whoever started us is gone
        while True:
            if any(descriptor == self.pipe for descriptor, _ in ready.poll()):
                return
            self.pass_on(_waiting(self.heard, _BATCH))

    def pass_on(self, packets: Iterable[tuple[bytes, int]]) -> None:
        """Tell the names in packets, and how many packets were lost meanwhile."""
        for packet, at_ns in packets:
            for name in self.names(packet, at_ns):
                tell(self.pipe, name)
        now_ns, lost = time.monotonic_ns(), privilege.dropped(self.heard)
        if lost:
            tell(self.pipe, Missed(self.looked_ns, now_ns, lost, _NO_ROOM, "capture"))
        self.looked_ns = now_ns


def _waiting(heard: socket.socket, most: int) -> Iterator[tuple[bytes, int]]:
    """Yield the packets that are there, at most so many, with the time."""
    for _ in range(most):
        try:
            packet = heard.recv(KEPT_BYTES, socket.MSG_DONTWAIT)
        except OSError:  # nothing is left, or an interface went down
            return
        yield packet, time.monotonic_ns()


def tell(pipe: int, record: records.Record) -> None:
    """Write one record; it waits while the pipe is full. Raises BrokenPipeError."""
    os.write(pipe, records.encode(record))


def main(words: list[str]) -> None:
    """Run: `open` or `given`, then the folders where scapy and cryptography lie."""
    try:
        given = words[0] == "given"
        os.closerange(SOCKET + 1 if given else SOCKET, _MOST_DESCRIPTORS)  # what others left open
        heard = privilege.adopted(SOCKET) if given else privilege.packet_socket()
        privilege.give_up()
        tell(PIPE, records.Hears(time.monotonic_ns()))
        early = Early(heard)
        sys.path.extend(words[1:])
        decoder = import_module("netsniff.capture.decode").Decoder(_cipher())
    except (OSError, ImportError, privilege.Refused) as error:
        tell(PIPE, records.Failed(str(error)))
        return
    try:
        helper = Helper(heard, PIPE, decoder.names)
        helper.pass_on(early.end())
        tell(PIPE, records.Ready(time.monotonic_ns()))
        helper.serve()
    except BrokenPipeError:
        return


def _cipher() -> object:
    """AES for QUIC, or None where the package is missing: its connections then stay unnamed."""
    try:
        return import_module("netsniff.capture.cipher").Aes()
    except ImportError:
        return None
