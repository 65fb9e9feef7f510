"""A server that counts every byte of each connection: what flows are compared with.

with Serving("127.0.0.1", delay_s=0.2) as server:
    ...  # connect to server.port, send a line that says how many bytes are wanted
    assert server.counts() == [(received, sent), ...]
"""

import contextlib
import socket
import threading
import time
from typing import NamedTuple, Self

_CHUNK = b"x" * 65536


class Count(NamedTuple):
    """What a client moved: the mirror image of what the server did."""

    received_bytes: int
    sent_bytes: int


class Serving:
    """Serves each connection in a thread: a line with a number, and as many bytes after a pause."""

    def __init__(self, address: str = "127.0.0.1", delay_s: float = 0.0) -> None:
        self._listener = socket.create_server((address, 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._delay_s = delay_s
        self._counts: list[Count] = []
        self._lock = threading.Lock()
        self._met = threading.Event()

    def __enter__(self) -> Self:
        """Begin."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take no more; who waits in `accept` is woken by the shutdown."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def counts(self) -> list[Count]:
        """Return what was moved, by connection, in the order they ended."""
        with self._lock:
            return list(self._counts)

    def met(self, patience_s: float) -> bool:
        """Wait until somebody has connected and asked."""
        return self._met.wait(patience_s)

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        asked = b""
        sent = 0
        with one, contextlib.suppress(OSError):
            while not asked.endswith(b"\n"):
                data = one.recv(4096)
                if not data:
                    break
                asked += data
            self._met.set()
            time.sleep(self._delay_s)
            wanted = int(asked or b"0")
            while sent < wanted:
                sent += one.send(_CHUNK[: wanted - sent])
            one.shutdown(socket.SHUT_WR)
            one.recv(1)
        with self._lock:
            self._counts.append(Count(sent, len(asked)))


CLIENT = """
import socket, sys, threading, time
address, port, size, times, pause, threads = sys.argv[1], *sys.argv[2:]
def fetch():
    for _ in range(int(times)):
        with socket.create_connection((address, int(port))) as one:
            one.sendall(b"%d\\n" % int(size))
            while one.recv(1 << 16):
                pass
            time.sleep(float(pause))
fetching = [threading.Thread(target=fetch) for _ in range(int(threads))]
for each in fetching:
    each.start()
for each in fetching:
    each.join()
"""


class Load(NamedTuple):
    """What a client does: so many bytes each time, and a pause before it closes; in threads."""

    size_bytes: int
    times: int = 1
    pause_s: float = 0.05
    threads: int = 1


def client(python: str, address: str, port: int, load: Load) -> list[str]:
    """Return what connects to a server."""
    words = [address, str(port), *(str(number) for number in load)]
    return [python, "-I", "-S", "-c", CLIENT, *words]
