"""A relay before a server of ClickHouse that kills it between an insert and its answer."""

import asyncio
import contextlib

from tests.ingest.cluster import Server

_CHUNK = 1 << 16


class Relay:
    """Passes bytes on; when armed, the server is killed at an insert and its answer is lost."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cuts = 0
        self._armed = 0
        self._after_s: float | None = None
        self._listening: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Return where it listens."""
        assert self._listening is not None
        host, port = self._listening.sockets[0].getsockname()
        return f"{host}:{port}"

    async def start(self) -> None:
        """Begin to listen."""
        self._listening = await asyncio.start_server(self._client, "127.0.0.1", 0)

    def arm(self, inserts: int, after_s: float | None = None) -> None:
        """Kill the server at the insert that comes behind so many others.

        It is killed when it has answered, or so many seconds after it was asked.
        """
        self._armed, self._after_s = inserts + 1, after_s

    async def close(self) -> None:
        """Cut all connections and stop listening."""
        if self._listening is not None:
            self._listening.close()
        for task in self._passing:
            task.cancel()
        if self._passing:
            await asyncio.wait(self._passing)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        host, _, port = self.server.address.partition(":")
        async with contextlib.AsyncExitStack() as undo:
            undo.enter_context(contextlib.suppress(OSError, EOFError))
            undo.push_async_callback(_closed, writer)
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
            undo.push_async_callback(_closed, far_writer)
            await self._pass(reader, writer, far_reader, far_writer)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        doomed = False

        async def ask() -> None:
            nonlocal doomed
            while data := await reader.read(_CHUNK):
                if data.startswith(b"POST") and b"INSERT" in data and self._armed:
                    self._armed -= 1
                    doomed = self._armed == 0
                far_writer.write(data)
                await far_writer.drain()
                if doomed and self._after_s is not None:
                    await asyncio.sleep(self._after_s)
                    self._cut()
                    break
            far_writer.write_eof()

        asking = asyncio.create_task(ask())
        try:
            while data := await far_reader.read(_CHUNK):
                if doomed and self._after_s is None:
                    self._cut()
                    return
                writer.write(data)
                await writer.drain()
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    def _cut(self) -> None:
        self.server.kill()
        self.cuts += 1


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
