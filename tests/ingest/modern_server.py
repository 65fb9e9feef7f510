"""A modern ClickHouse inside chdb behind as much of its HTTP interface as the engine speaks.

usage: PYTHON tests/ingest/modern_server.py FOLDER, with a Python that has chdb; prints its port.
"""

import asyncio
import importlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Modern:
    """One session of chdb, which does one statement after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Not of our environment: mypy would not find it.
        self._session: Any = importlib.import_module("chdb.session").Session(str(folder / "data"))

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Do the statement of a body, or that of a path with the body as its rows."""
        asked = {name: found[0] for name, found in parse_qs(urlsplit(path).query).items()}
        try:
            return 200, self._done(asked.get("database", "default"), asked.get("query"), body)
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            sys.stderr.write(f"{error}\n")
            return 500, f"Code: {code[1] if code else 1}. DB::Exception".encode()

    def _done(self, database: str, query: str | None, body: bytes) -> bytes:
        self._session.query(f"USE `{database}`")
        if query is not None:
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".native") as held:
                held.write(body)
                held.flush()
                told = query.removesuffix(" FORMAT Native")
                rows = f"SELECT * FROM file('{held.name}', 'Native')"  # noqa: S608 - ours
                self._session.query(f"{told} {rows}")
            return b""
        told, _, form = body.decode().rpartition(" FORMAT ")
        if form == "Native":
            return bytes(self._session.query(told, "Native").bytes())
        self._session.query(body.decode())
        return b""


async def main() -> None:
    """Serve until killed."""
    modern = Modern(Path(sys.argv[1]))

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
            status, said = modern.answer(head.split()[1].decode(), body)
            writer.write(b"HTTP/1.1 %d .\r\nContent-Length: %d\r\n\r\n" % (status, len(said)))
            writer.write(said)
            await writer.drain()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - whoever began it reads it
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
