"""The service's store process: sole owner of the engine, fed by the journal, asked over a socket.

It is the front's child (`ingest.child`): the end of its stdin, a pipe, says that the front is gone.
One holds `store.lock`; it leaves at SIGTERM when what is journalled is stored and settled.
"""

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import stat
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from ingest import drain, logs, store
from ingest.filling import Filling
from ingest.groups import GROUP_SECONDS, Size
from ingest.store import serve
from ingest.store.base import Store, StoreError

_LOCK_SECONDS = 30.0
_LOG_BYTES = 4 << 20
_log = logging.getLogger(__name__)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the places it is told: it finds none by itself."""
    parser.add_argument("--data", type=Path, required=True, help="the service's data folder")
    parser.add_argument("--store", required=True, metavar="URL", help="where facts rest")
    parser.add_argument("--socket", type=Path, required=True, help="where questions are taken")
    parser.add_argument(
        "--wait", type=float, default=GROUP_SECONDS, metavar="S", help="for a group to grow (1)"
    )


def run(args: argparse.Namespace) -> NoReturn:
    """Own the store until told to leave; leaves with 1 where opening it anew may help."""
    os.umask(0o077)
    _open_log(args.data / "logs")
    status = 1
    if _lock(args.data) is not None:
        status = 0 if asyncio.run(drain.attempt(partial(_serve, args)))["ok"] else 1
    logging.shutdown()
    # DuckDB prints at the interpreter's own exit.
    os._exit(status)


class Owned:
    """The store once it is open, waited for by whoever asks before."""

    def __init__(self) -> None:
        self._opened: asyncio.Future[Store] = asyncio.get_running_loop().create_future()

    async def store(self) -> Store:
        """Return the store, when it is open."""
        return await asyncio.shield(self._opened)

    def open(self, opened: Store) -> None:
        """Give it to all that wait."""
        self._opened.set_result(opened)


async def _serve(args: argparse.Namespace) -> dict[str, Any]:
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, leaving.set)
    _watch_parent(loop, leaving)
    owned = Owned()
    server = await serve.listen(args.socket, owned.store)
    try:
        opened: Store = await asyncio.to_thread(store.open, args.store)
    except StoreError as error:
        _log.error("the store cannot be opened: %s; %s", error, error.hint)
        raise
    filling = Filling(opened, args.data / "journal", Size(seconds=args.wait))
    await filling.start()
    owned.open(opened)
    _log.info("the store is open, pid %d", os.getpid())
    await filling.run(leaving)
    server.close()
    await opened.close()
    return {"ok": True}


def _watch_parent(loop: asyncio.AbstractEventLoop, leaving: asyncio.Event) -> None:
    """Leave when the pipe at stdin ends: the front has died."""
    try:
        piped = stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return
    if not piped:
        return

    def readable() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            leaving.set()

    loop.add_reader(sys.stdin.fileno(), readable)


def _lock(data: Path) -> int | None:
    """Become the owner of a data folder, or return None where another stays it."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data / "store.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                _log.error("another store process owns this folder")
                os.close(descriptor)
                return None
            time.sleep(0.05)
        else:
            return descriptor


def _open_log(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = logs.to_file(folder / "store.log", _LOG_BYTES, former=2)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
