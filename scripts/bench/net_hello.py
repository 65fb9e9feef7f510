"""A TLS client that cuts its first message in two, for the bench of the network.

usage: python -m scripts.bench.net_hello ADDRESS PORT NAME SIZE WHERE NUMBER

WHERE is `whole`, or where the cut lies: `after`, `inside` or `before` the name. Standard library.
"""

import socket
import ssl
import sys
import time

_PAUSE_S = 0.03


def cut(hello: bytes, name: bytes, where: str) -> int:
    """Return how many bytes of a first message the first segment holds."""
    start = hello.index(name)
    places = {"whole": len(hello), "after": start + len(name), "inside": start + 3}
    return places.get(where, start - 20)


def fetch(to: tuple[str, int], name: str, size: int, where: str) -> None:
    """Fetch `size` bytes from a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with socket.create_connection(to) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            hello = outgoing.read()
        at = cut(hello, name.encode(), where)
        one.sendall(hello[:at])
        if hello[at:]:
            time.sleep(_PAUSE_S)
            one.sendall(hello[at:])
        while True:
            incoming.write(one.recv(65536))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                one.sendall(outgoing.read())
        tls.write(b"GET /%d HTTP/1.1\r\n\r\n" % size)
        one.sendall(outgoing.read())
        while data := one.recv(65536):
            incoming.write(data)
        time.sleep(_PAUSE_S)


def main() -> None:
    """Fetch so often."""
    address, port, name, size, where, number = sys.argv[1:7]
    for _ in range(int(number)):
        fetch((address, int(port)), name, int(size), where)


if __name__ == "__main__":
    main()
