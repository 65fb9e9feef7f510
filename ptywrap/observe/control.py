"""The observer's socket: frames of u32 length and a body each way, from this user alone.

An answer that is not there yet is asked for again at each turn of the loop, until its time is over.
What bodies mean is `reply`'s affair: whoever waits for the first answer waits for our imports, too.
"""

import contextlib
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from ptywrap import clock

_LENGTH = struct.Struct("<I")
_PEER = struct.Struct("3i")
_REQUEST_BYTES = 64 << 10
_MOST = 64
_PATIENCE_NS = 10_000_000_000

Reply = Callable[[bytes, int], bytes | None]
"""Takes the body of a request and when it came, gives that of the answer; None: not yet."""


class _Link:
    """One connection: what it asked so far, what it is still to be answered."""

    def __init__(self, link: socket.socket, now_ns: int) -> None:
        self.socket = link
        self.since_ns = now_ns
        self.asked = bytearray()
        self.request: bytes | None = None
        self.asked_ns = 0
        self.answer = b""


class Control:
    """Listens, and answers by `reply`. Raises OSError when the socket cannot be made."""

    def __init__(self, path: Path, reply: Reply) -> None:
        self.reply = reply
        self._path = path
        self._links: dict[int, _Link] = {}
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)  # noqa: FBT003 - its one parameter
        before = os.umask(0o177)
        try:
            self._listener.bind(str(path))
        finally:
            os.umask(before)
        self._listener.listen(_MOST)

    @property
    def descriptors(self) -> list[int]:
        """What to poll for reading."""
        return [self._listener.fileno(), *self._links]

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for an answer that is not there yet."""
        return any(link.request is not None for link in self._links.values())

    def serve(self, ready: set[int]) -> None:
        """Take what is readable and answer what can be."""
        now_ns = clock.monotonic_ns()
        if self._listener.fileno() in ready:
            self._accept(now_ns)
        for number, link in list(self._links.items()):
            if number in ready:
                self._read(link)
            if link.request is not None:
                self._ask(link, link.request)
            if link.answer:
                self._write(link)
            if now_ns - link.since_ns > _PATIENCE_NS:
                self._drop(link)

    def serve_all(self) -> None:
        """Take and answer whatever there is, where nobody has polled."""
        # Twice: who is accepted has mostly asked already, and may have hung up again.
        self.serve({self._listener.fileno()})
        self.serve(set(self._links))

    def close(self) -> None:
        """Stop listening and hang up."""
        for link in list(self._links.values()):
            self._drop(link)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self, now_ns: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                link, _ = self._listener.accept()
                if len(self._links) >= _MOST or not _ours(link):
                    link.close()
                    continue
                link.setblocking(False)  # noqa: FBT003 - its one parameter
                self._links[link.fileno()] = _Link(link, now_ns)

    def _read(self, link: _Link) -> None:
        try:
            data = link.socket.recv(_REQUEST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(link)
            return
        link.asked += data
        if len(link.asked) < _LENGTH.size:
            return
        (length,) = _LENGTH.unpack_from(link.asked)
        if length > _REQUEST_BYTES:
            self._drop(link)
        elif len(link.asked) >= _LENGTH.size + length:
            link.request = bytes(link.asked[_LENGTH.size : _LENGTH.size + length])
            link.asked_ns = clock.monotonic_ns()
            link.asked.clear()

    def _ask(self, link: _Link, request: bytes) -> None:
        answer = self.reply(request, link.asked_ns)
        if answer is not None:
            link.request = None
            link.answer = _LENGTH.pack(len(answer)) + answer

    def _write(self, link: _Link) -> None:
        try:
            sent = link.socket.send(link.answer)
        except BlockingIOError:
            return
        except OSError:
            self._drop(link)
            return
        link.answer = link.answer[sent:]

    def _drop(self, link: _Link) -> None:
        self._links.pop(link.socket.fileno(), None)
        link.socket.close()


def _ours(link: socket.socket) -> bool:
    """Say whether the other end is of this user (unix(7)); elsewhere the 0700 folder must do."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    try:
        _, uid, _ = _PEER.unpack(link.getsockopt(socket.SOL_SOCKET, option, _PEER.size))
    except OSError:
        return False
    return bool(uid == os.getuid())
