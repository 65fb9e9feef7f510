"""The laptop's store process: owns the history file, loads what is sealed, answers over a socket.

Started by name by whoever finds nobody listening; one holds `store.lock`, a second one leaves when
the first answers. It leaves by itself after a minute without a question.
"""

import argparse
import asyncio
import contextlib
import fcntl
import logging
import logging.handlers
import os
import signal
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from ingest import answers, archive, asks, drain, store
from ingest.store.base import Store, StoreError

Work = Callable[[], Awaitable[dict[str, Any]]]
_log = logging.getLogger(__name__)
_SETTLE_SECONDS = 0.5
_LOCK_SECONDS = 20.0
_LOG_BYTES = 1 << 20
_PEER = struct.Struct("3i")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the places it is told: it finds none by itself."""
    parser.add_argument("--file", type=Path, required=True, help="the history, a DuckDB file")
    parser.add_argument("--spool", type=Path, required=True, help="where segments are sealed")
    parser.add_argument("--archive", type=Path, required=True, help="where loaded segments rest")
    parser.add_argument("--socket", type=Path, required=True, help="where questions are taken")
    parser.add_argument("--observer", type=Path, help="the observer's socket, asked to seal")
    parser.add_argument("--log", type=Path, help="its log, rotated by size")
    parser.add_argument("--idle", type=float, default=60.0, metavar="S", help="leave after (60)")


def run(args: argparse.Namespace) -> int:
    """Own the file until nobody has asked for a while. Never returns where DuckDB was loaded."""
    _open_log(args.log)
    os.umask(0o077)
    lock = _lock(args.file.parent, args.socket)
    if lock is None:
        return 0
    status = asyncio.run(Local(args).serve())
    logging.shutdown()
    # DuckDB prints at the interpreter's own exit.
    os._exit(status)


class Local:
    """One store, one socket, and who is being answered."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._drain: drain.Drain | None = None
        self._refusal: dict[str, Any] | None = None
        self._answering = 0
        self._touched = asyncio.Event()
        self._leaving = asyncio.Event()
        self._loading = asyncio.Lock()

    async def serve(self) -> int:
        """Answer until idle or told to stop; 1 where the store could not be opened."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._leaving.set)
        self._args.socket.unlink(missing_ok=True)
        # Clients may knock from now on; they are answered when the store is open.
        server = await asyncio.start_unix_server(self._client, self._args.socket)
        self._args.socket.chmod(0o600)
        opened = await drain.attempt(partial(self._twice, self._open))
        if not opened["ok"]:
            self._refusal = opened
        await self._until_left()
        self._args.socket.unlink(missing_ok=True)
        await self._last_round()
        server.close()
        if self._drain is not None:
            await drain.attempt(self._close)
        return 0 if self._refusal is None else 1

    async def _open(self) -> dict[str, Any]:
        device = self._args.spool.parent.name
        opened: Store = await asyncio.to_thread(store.open, f"duckdb://{self._args.file}")
        places = drain.Places(self._args.spool, self._args.archive, device)
        filling = drain.Drain(opened, places)
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(opened.close)
            await filling.start()
            await filling.load()
            undo.pop_all()
        self._drain = filling
        return {"ok": True}

    async def _twice(self, work: Work) -> dict[str, Any]:
        """Do work, and once more on the store opened anew where damage showed."""
        try:
            return await work()
        except StoreError as error:
            if not error.reopen:
                raise
            _log.warning("opened anew: %s", error)
        filling, self._drain = self._drain, None
        if filling is not None:
            with contextlib.suppress(StoreError):
                await filling.store.close()
        if work != self._open:
            await self._open()
        return await work()

    async def _close(self) -> dict[str, Any]:
        filling = self._open_drain()
        await filling.settle()
        await filling.store.close()
        return {"ok": True}

    async def _until_left(self) -> None:
        """Settle when it is quiet, and return once it has been so for long enough."""
        retired = False
        while not self._leaving.is_set():
            self._touched.clear()
            if await self._disturbed(min(_SETTLE_SECONDS, self._args.idle)):
                continue
            await drain.attempt(partial(self._twice, self._settle))
            if not retired and self._drain is not None:
                retired = (await drain.attempt(partial(self._twice, self._retire)))["ok"]
            rest = max(self._args.idle - _SETTLE_SECONDS, 0.0)
            if not await self._disturbed(rest) and not self._answering:
                return

    async def _disturbed(self, seconds: float) -> bool:
        """Wait for a question or the order to leave; say whether one came in time."""
        waits = [asyncio.create_task(event.wait()) for event in (self._touched, self._leaving)]
        done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        return bool(done)

    async def _last_round(self) -> None:
        """Answer who knocked before the socket's name went away."""
        await asyncio.sleep(0.05)
        while self._answering:
            await asyncio.sleep(0.01)

    async def _settle(self) -> dict[str, Any]:
        if self._drain is not None:
            await self._drain.settle()
        return {"ok": True}

    async def _retire(self) -> dict[str, Any]:
        await self._open_drain().retire()
        return {"ok": True}

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._answering += 1
        self._touched.set()
        try:
            if _is_ours(writer):
                await self._questions(reader, writer)
        except (OSError, EOFError, asyncio.IncompleteReadError):
            _log.debug("a client hung up")
        finally:
            self._answering -= 1
            self._touched.set()
            writer.close()

    async def _questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(asks.LENGTH.size):
            head += await reader.readexactly(asks.LENGTH.size - len(head))
            (length,) = asks.LENGTH.unpack(head)
            if length > asks.QUESTION_LIMIT:
                return
            body = await reader.readexactly(length)
            self._touched.set()
            writer.write(
                asks.frame(await drain.attempt(partial(self._twice, partial(self._answer, body))))
            )
            await writer.drain()

    async def _answer(self, body: bytes) -> dict[str, Any]:
        try:
            ask = asks.question(body)
        except ValueError as error:
            raise StoreError(f"no such question: {error}", "update ptywrap") from None
        while self._drain is None and self._refusal is None:
            await asyncio.sleep(0.005)
        if isinstance(ask, asks.Stop):
            self._leaving.set()
            return {"ok": True}
        if self._refusal is not None:
            return self._refusal
        stale = await self._load()
        return {"ok": True, "stale": stale, **await answers.answer(ask, self._open_drain())}

    async def _load(self) -> bool:
        """Have the observer seal, and load; say whether the newest facts may be missing."""
        async with self._loading:
            stale = not await answers.sealed(self._args.observer)
            await self._open_drain().load()
            return stale

    def _open_drain(self) -> drain.Drain:
        if self._drain is None:
            raise StoreError("the local store is not open", "try again")
        return self._drain


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Check the client's uid (unix(7), SO_PEERCRED; elsewhere the 0700 folder must do)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, option, _PEER.size)
    _, uid, _ = _PEER.unpack(peer)
    return bool(uid == os.getuid())


def _lock(folder: Path, path: Path) -> int | None:
    """Become the owner, or return None once the owner answers; one about to leave is waited for."""
    archive.made(folder)
    descriptor = os.open(folder / "store.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _answers(path) or time.monotonic() > deadline:
                return None
            time.sleep(0.02)
        else:
            return descriptor


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock, contextlib.suppress(OSError):
        knock.connect(str(path))
        return True
    return False


def _open_log(path: Path | None) -> None:
    if path is None:
        return
    archive.made(path.parent)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
