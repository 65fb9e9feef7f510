"""One end of a connection, as the odd cases hold it: connect, ask, read all."""

import socket

SIZE, STEP = 30_000, 8


def connected(to: tuple[str, int], above: int = 0) -> socket.socket:
    """Return a socket connected to the server's port so far above the first."""
    return socket.create_connection((to[0], to[1] + above))


def fetch(one: socket.socket, at: int, words: str = "") -> None:
    """Ask for the size of connection `at`, read all, leave the socket open."""
    size = SIZE + STEP * at
    one.sendall(b"GET /0/%012d%s HTTP/1.1\r\nHost: bench\r\n\r\n" % (size, words.encode()))
    got, head = 0, b""
    while True:
        data = one.recv(1 << 18)
        if not data:
            return
        head += data if b"\r\n\r\n" not in head else b""
        got += len(data)
        if b"\r\n\r\n" in head and got >= size + head.index(b"\r\n\r\n") + 4:
            return


def once(to: tuple[str, int], at: int) -> None:
    """Make one ordinary connection."""
    with connected(to) as one:
        fetch(one, at)
