"""A TLS server of many names on one address, for the bench of the network.

usage: python -m scripts.bench.net_tls ADDRESS PORT CERTIFICATE KEY

It answers a request of `GET /SIZE` with so many bytes and closes. The certificate is for no name:
clients of the bench do not look.
"""

import socket
import ssl
import sys
import threading

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"


def main() -> int:
    """Serve until ended."""
    address, port, certificate, key = sys.argv[1:5]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, int(port)), family=family, backlog=512) as listener:
        print("ready", flush=True)
        while True:
            accepted, _ = listener.accept()
            threading.Thread(target=_serve, args=(accepted, context), daemon=True).start()


def _serve(accepted: socket.socket, context: ssl.SSLContext) -> None:
    try:
        with context.wrap_socket(accepted, server_side=True) as one:
            request = one.recv(65536)
            size = int(request.split(b" ", 2)[1].strip(b"/"))
            one.sendall(_HEAD % size + bytes(size))
    except (OSError, ValueError, IndexError):
        accepted.close()


if __name__ == "__main__":
    sys.exit(main())
