"""Makes a connection of ours whose every number is known, to hold a source to what it tells."""

import os
import socket
import struct
from typing import NamedTuple

from netsniff.model import Endpoint

_SO_COOKIE = 57  # asm-generic/socket.h, since Linux 4.12
FROM_CLIENT_BYTES, FROM_SERVER_BYTES = 1237, 4099
"""What went each way: no power of two, and neither is found by chance in another field."""


class End(NamedTuple):
    """One end of a pair, and who the kernel says it is; `cookie` None: it does not say."""

    socket: socket.socket
    local: Endpoint
    remote: Endpoint
    cookie: int | None
    inode: int


class Pair(NamedTuple):
    """Two ends of one connection; each has read all that the other sent."""

    client: End
    server: End

    def close(self) -> None:
        """Close both, the server's first: both ends see the other's FIN."""
        self.server.socket.close()
        self.client.socket.recv(1)
        self.client.socket.close()


def pair() -> Pair:
    """Return a pair over 127.0.0.1. Raises OSError: there is no loopback here."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client = socket.socket()  # create_connection would load what international names need
        client.settimeout(1)
        client.connect(listener.getsockname())
        listener.settimeout(1)
        server, _ = listener.accept()
    client.sendall(bytes(FROM_CLIENT_BYTES))
    server.sendall(bytes(FROM_SERVER_BYTES))
    for end, size in ((server, FROM_CLIENT_BYTES), (client, FROM_SERVER_BYTES)):
        end.settimeout(1)
        end.recv(size, socket.MSG_WAITALL)
    return Pair(_end(client), _end(server))


def _end(one: socket.socket) -> End:
    local, remote = Endpoint(*one.getsockname()), Endpoint(*one.getpeername())
    return End(one, local, remote, _cookie(one), os.fstat(one.fileno()).st_ino)


def _cookie(one: socket.socket) -> int | None:
    try:
        return int(struct.unpack("=Q", one.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8))[0])
    except (OSError, struct.error):
        return None
