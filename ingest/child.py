"""The store process as the front's child: started, watched, started again, told to leave.

It is `PYTHON -I -m ingest store --data DIR --store URL --socket PATH`. SIGTERM asks it to settle
and leave. Its stdin is a pipe that nobody writes to: the end of it says that the front has died,
and that another front may be waiting for the store's lock.
"""

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 30.0
_LEAVING_SECONDS = 30.0
_log = logging.getLogger(__name__)


def argv(data: Path, store: str, socket: Path) -> list[str]:
    """Return how the store process is started."""
    return [
        *(sys.executable, "-I", "-m", "ingest", "store"),
        *("--data", str(data), "--store", store, "--socket", str(socket)),
    ]


class Child:
    """One process that is to run for as long as the front does."""

    def __init__(self, arguments: list[str]) -> None:
        self.starts = 0
        self._argv = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._leaving = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    @property
    def pid(self) -> int | None:
        """The process that runs, if one does."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Begin to see to it that one runs."""
        self._task = self._loop.create_task(self._keep())

    async def stop(self) -> None:
        """Ask it to leave and wait; kill it when it does not."""
        self._leaving.set()
        if self._task is None:
            return
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _LEAVING_SECONDS)
            except TimeoutError:
                _log.warning("the store process does not leave: killed")
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        await self._task

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._leaving.is_set():
            began = self._loop.time()
            await self._run()
            if self._loop.time() - began >= _STEADY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _run(self) -> None:
        """Run it once, to its end."""
        try:
            # The reading end alone is the child's: it goes with us, however we die.
            theirs, ours = os.pipe()
            try:
                self._process = await asyncio.create_subprocess_exec(*self._argv, stdin=theirs)
            finally:
                os.close(theirs)
        except OSError as error:
            _log.warning("the store process cannot be started: %s", error.strerror)
            return
        self.starts += 1
        if self._leaving.is_set():
            self._process.terminate()
        _log.info("the store process runs, pid %d", self._process.pid)
        try:
            status = await self._process.wait()
        finally:
            os.close(ours)
            self._process = None
        if not self._leaving.is_set():
            _log.warning("the store process ended with status %d: store.log says why", status)
