"""The laptop's store process: owns the history file, loads what is sealed, answers over a socket.

Started by name by whoever finds nobody listening; one holds `store.lock`, a second one leaves when
the first answers. It leaves by itself after a minute without a question.
"""

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from ingest import answers, archive, asks, drain, logs, store
from ingest.store import peer
from ingest.store.base import Store, StoreError

Work = Callable[[], Awaitable[dict[str, Any]]]
_log = logging.getLogger(__name__)
_SETTLE_SECONDS = 0.5
_PATH_BYTES = 4096
_LOCK_SECONDS = 20.0
_LOG_BYTES = 1 << 20


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
    os.umask(0o077)
    _open_log(args.log)
    lock = _lock(args.file.parent, args.socket)
    if lock is None:
        return 0
    outcome = asyncio.run(drain.attempt(Local(args).serve))
    logging.shutdown()
    # DuckDB prints at the interpreter's own exit.
    os._exit(0 if outcome["ok"] else 1)


class Local:
    """One store, one socket, and who is being answered."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._drain: drain.Drain | None = None
        self._answering = 0
        self._touched = asyncio.Event()
        self._leaving = asyncio.Event()
        self._opening = asyncio.Lock()
        self._loading = asyncio.Lock()

    async def serve(self) -> dict[str, Any]:
        """Answer until idle or told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._leaving.set)
        self._args.socket.unlink(missing_ok=True)
        # Clients may knock from now on; they are answered when the store is open.
        server = await asyncio.start_unix_server(self._client, self._args.socket)
        self._args.socket.chmod(0o600)
        await drain.attempt(partial(self._twice, self._load_at_start))
        await self._until_left()
        self._args.socket.unlink(missing_ok=True)
        await self._last_round()
        server.close()
        return await self._close()

    async def _opened(self) -> drain.Drain:
        """Return the drain of the open store; where it could not be opened, try again."""
        async with self._opening:
            if self._drain is None:
                self._drain = await self._open()
            return self._drain

    async def _open(self) -> drain.Drain:
        opened: Store = await asyncio.to_thread(store.open, f"duckdb://{self._args.file}")
        device = self._args.spool.parent.name
        filling = drain.Drain(opened, drain.Places(self._args.spool, self._args.archive, device))
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(opened.close)
            await filling.start()
            undo.pop_all()
        return filling

    async def _twice(self, work: Work) -> dict[str, Any]:
        """Do work, and once more on the store opened anew where damage showed."""
        filling = self._drain
        try:
            return await work()
        except StoreError as error:
            if not error.reopen:
                raise
            _log.warning("damage showed: opening anew")
        async with self._opening:
            # Whoever else was being answered may have opened it anew already.
            if self._drain is not None and filling in (self._drain, None):
                filling, self._drain = self._drain, None
                with contextlib.suppress(StoreError):
                    await filling.store.close()
        return await work()

    async def _close(self) -> dict[str, Any]:
        if self._drain is not None:
            await self._drain.settle()
            await self._drain.store.close()
        return {"ok": True}

    async def _until_left(self) -> None:
        """Settle when it is quiet, and return once it has been so for long enough."""
        retired = False
        while not self._leaving.is_set():
            self._touched.clear()
            if await self._disturbed(min(_SETTLE_SECONDS, self._args.idle)):
                continue
            if self._drain is not None:
                await drain.attempt(partial(self._twice, self._settle))
                if not retired:
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
        await (await self._opened()).settle()
        return {"ok": True}

    async def _retire(self) -> dict[str, Any]:
        await (await self._opened()).retire()
        return {"ok": True}

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if peer.is_ours(writer):
                while (body := await peer.frame(reader, asks.QUESTION_LIMIT)) is not None:
                    writer.write(asks.frame(await self._question(body)))
                    await writer.drain()
        except (OSError, EOFError):
            _log.debug("a client hung up")
        finally:
            writer.close()

    async def _question(self, body: bytes) -> dict[str, Any]:
        self._answering += 1
        self._touched.set()
        try:
            return await drain.attempt(partial(self._twice, partial(self._answer, body)))
        finally:
            self._answering -= 1
            self._touched.set()

    async def _answer(self, body: bytes) -> dict[str, Any]:
        try:
            ask = asks.question(body)
        except ValueError as error:
            raise StoreError(f"no such question: {error}", "update ptywrap") from None
        if isinstance(ask, asks.Stop):
            self._leaving.set()
            return {"ok": True}
        filling = await self._opened()
        async with self._loading:
            stale = not await answers.sealed(self._args.observer)
            await filling.load()
        return {"ok": True, "stale": stale, **await answers.answer(ask, filling)}

    async def _load_at_start(self) -> dict[str, Any]:
        await (await self._opened()).load()
        return {"ok": True}


def _lock(folder: Path, path: Path) -> int | None:
    """Become the owner, or return None once the owner answers; one about to leave is waited for.

    The lock holds the path of the owner's socket: another terminal may have another runtime folder.
    """
    archive.made(folder)
    descriptor = os.open(folder / "store.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, _PATH_BYTES, 0)
            reached = _answers(path) or (owner and _answers(Path(os.fsdecode(owner))))
            if reached or time.monotonic() > deadline:
                return None
            time.sleep(0.02)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, os.fsencode(path), 0)
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
    logging.basicConfig(level=logging.INFO, handlers=[logs.to_file(path, _LOG_BYTES, former=1)])
