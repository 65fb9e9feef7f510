"""The capture helper: a process that hears filtered packets and says the names in them, no more.

First it opens its socket, or takes the one a launcher opened for it; then it gives up every
privilege; only then does it import what reads packets. It ends when nobody reads its pipe any more.
"""

import os
import select
import socket
import sys
import time
from collections.abc import Callable
from importlib import import_module

from netsniff.capture import privilege, records
from netsniff.capture.filter import KEPT_BYTES
from netsniff.model import Missed, Name

assert sys.platform == "linux"

PIPE, SOCKET = 3, 4
"""The descriptors it is started with: where names go; the launcher's socket, if there is one."""
_BATCH = 64  # packets before the pipe is written and drops are looked at
_MOST_DESCRIPTORS = 1 << 16
_NO_ROOM = "packets came faster than they were read"


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
            self.take()

    def take(self) -> None:
        """Read what is there, a batch at most, and pass on the names."""
        said: list[records.Record] = []
        for _ in range(_BATCH):
            try:
                packet = self.heard.recv(KEPT_BYTES, socket.MSG_DONTWAIT)
            except OSError:  # nothing is left, or an interface went down
                break
            said += self.names(packet, time.monotonic_ns())
        now_ns, lost = time.monotonic_ns(), privilege.dropped(self.heard)
        if lost:
            said.append(Missed(self.looked_ns, now_ns, lost, _NO_ROOM, "capture"))
        self.looked_ns = now_ns
        for record in said:
            tell(self.pipe, record)


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
        sys.path.extend(words[1:])
        decoder = import_module("netsniff.capture.decode").Decoder(_cipher())
    except (OSError, ImportError, privilege.Refused) as error:
        tell(PIPE, records.Failed(str(error)))
        return
    try:
        tell(PIPE, records.Ready(time.monotonic_ns()))
        Helper(heard, PIPE, decoder.names).serve()
    except BrokenPipeError:
        return


def _cipher() -> object:
    """AES for QUIC, or None where the package is missing: its connections then stay unnamed."""
    try:
        return import_module("netsniff.capture.cipher").Aes()
    except ImportError:
        return None
