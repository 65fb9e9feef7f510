"""A TLS server that knows who was asked for, and clients that say it in one piece or in several."""

import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from netsniff.model import Connection

PAYLOAD = b"canary-in-the-payload"


class Server:
    """Serves TLS on loopback; `asked` is its truth: the client's port and the name it sent."""

    def __init__(self, folder: Path) -> None:
        self.asked: dict[int, str | None] = {}
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*_certificate(folder))
        self._context.sni_callback = self._note
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def visit(self, name: str) -> Connection:
        """Connect as a program does, send and end; return what a source of sockets would tell."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        opened_ns = time.monotonic_ns()
        with socket.create_connection(("127.0.0.1", self.port)) as plain:
            port = plain.getsockname()[1]
            with context.wrap_socket(plain, server_hostname=name) as client:
                client.sendall(PAYLOAD)
                client.recv(1)
        return self._connection(port, opened_ns)

    def say(self, *pieces: bytes) -> Connection:
        """Connect and send bytes, each of them in a segment of its own."""
        opened_ns = time.monotonic_ns()
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                client.sendall(piece)
                time.sleep(0.01)
            port = client.getsockname()[1]
        return self._connection(port, opened_ns)

    def _connection(self, port: int, opened_ns: int) -> Connection:
        return Connection(
            "tcp",
            remote_address="127.0.0.1",
            remote_port=self.port,
            local_address="127.0.0.1",
            local_port=port,
            opened_ns=opened_ns,
            closed_ns=time.monotonic_ns(),
        )

    def _note(self, client: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        assert isinstance(client, ssl.SSLSocket)
        self.asked[client.getpeername()[1]] = name

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            with suppress(OSError), self._context.wrap_socket(plain, server_side=True) as client:
                client.recv(1024)
                client.sendall(b"x")


def _certificate(folder: Path) -> tuple[Path, Path]:
    chain, key = folder / "chain.pem", folder / "key.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-subj", "/CN=test", "-out", str(chain), "-keyout", str(key)]
    subprocess.run(argv, check=True, capture_output=True)
    return chain, key
