"""A store that asks the process that owns one: what the front holds, for it has no engine."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest.store import calls
from ingest.store.base import (
    Batch,
    Counts,
    Forgotten,
    Keep,
    Log,
    LogQuestion,
    Progress,
    Row,
    Run,
    Scope,
    StoreError,
    Totals,
)
from ingest.store.questions import (
    Median,
    Owner,
    Periods,
    Program,
    Remotes,
    Templates,
    Window,
)
from ptywrap import wire

_SECONDS = 15.0
_PATIENT_SECONDS = 600.0
_PATIENT = frozenset({"forget", "export"})


def open_store(path: str) -> "Remote":
    """Return a store at a socket; nobody need be there yet."""
    return Remote(Path(path))


class Remote:
    """Asks over one connection a question; the owner adds, folds, retires and settles itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repaired: tuple[str, ...] = ()

    async def add(self, batches: Sequence[Batch], progress: Progress | None = None) -> int:
        """Refuse: batches go into the journal."""
        raise StoreError("batches are not added over a socket", "put them into the journal")

    async def position(self) -> tuple[int, int]:
        """Return the number and offset of the newest progress."""
        found: tuple[int, int] = await self._ask("position")
        return found

    async def known(self, batches: Sequence[str]) -> frozenset[str]:
        """Return which of these batch ids have been added."""
        found: frozenset[str] = await self._ask("known", batches=batches)
        return found

    async def log(self, question: LogQuestion) -> Log:
        """Return commands, newest first."""
        found: Log = await self._ask("log", question=question)
        return found

    async def mine(
        self, owner: Owner, limit: int | None = None, since_at: int | None = None
    ) -> Log:
        """Return a person's commands, newest first."""
        found: Log = await self._ask("mine", owner=owner, limit=limit, since_at=since_at)
        return found

    async def export(self, owner: Owner) -> dict[str, list[Row]]:
        """Return all rows about a person by table."""
        found: dict[str, list[Row]] = await self._ask("export", owner=owner)
        return found

    async def show(self, command: str, owner: Owner | None = None) -> Run:
        """Return the run of the command an id's hex prefix or `last` names."""
        found: Run = await self._ask("show", command=command, owner=owner)
        return found

    async def tree(
        self, session: bytes, command: int, owner: Owner | None = None
    ) -> list[wire.Process]:
        """Return the processes of a command in the order of their birth."""
        found: list[wire.Process] = await self._ask(
            "tree", session=session, command=command, owner=owner
        )
        return found

    async def templates(self, window: Window) -> Templates:
        """Return what each template cost."""
        found: Templates = await self._ask("templates", window=window)
        return found

    async def daily(self, window: Window, template: str | None) -> Periods:
        """Return what one template cost on each day."""
        found: Periods = await self._ask("daily", window=window, template=template)
        return found

    async def weekly(self, window: Window) -> Periods:
        """Return what each ISO week cost."""
        found: Periods = await self._ask("weekly", window=window)
        return found

    async def programs(self, window: Window) -> list[Program]:
        """Return the programs that took most CPU."""
        found: list[Program] = await self._ask("programs", window=window)
        return found

    async def remotes(self, window: Window) -> Remotes:
        """Return the hosts that were spoken to."""
        found: Remotes = await self._ask("remotes", window=window)
        return found

    async def medians(self, window: Window) -> list[Median]:
        """Return the closed weeks within the window."""
        found: list[Median] = await self._ask("medians", window=window)
        return found

    async def unique(self, commands: Sequence[int]) -> int:
        """Return how many hex digits tell each of these ids from every stored command's."""
        found: int = await self._ask("unique", commands=commands)
        return found

    async def usual(self, templates: Sequence[str], since_at: int) -> dict[str, int]:
        """Return the median ns of the well-ended runs since then."""
        found: dict[str, int] = await self._ask("usual", templates=templates, since_at=since_at)
        return found

    async def counts(self) -> Counts:
        """Return what is there."""
        found: Counts = await self._ask("counts")
        return found

    async def totals(self) -> Totals:
        """Return what was taken in since the store began."""
        found: Totals = await self._ask("totals")
        return found

    async def forget(self, scope: Scope) -> Forgotten:
        """Remove the rows of a scope."""
        found: Forgotten = await self._ask("forget", scope=scope)
        return found

    async def retire(self, keep: Keep) -> int:
        """Do nothing: the owner does it by itself."""
        return 0

    async def fold(self, now_at: int) -> None:
        """Do nothing: the owner does it by itself."""

    async def settle(self) -> None:
        """Do nothing: the owner does it by itself."""

    async def close(self) -> None:
        """Do nothing: there is no connection between questions."""

    async def _ask(self, name: str, **arguments: Any) -> Any:
        seconds = _PATIENT_SECONDS if name in _PATIENT else _SECONDS
        try:
            async with asyncio.timeout(seconds):
                return calls.answered(name, await self._answer(calls.call(name, arguments)))
        except TimeoutError:
            raise StoreError("the store process does not answer", "try again") from None
        except (OSError, EOFError):
            raise StoreError("the store process is not there", "it is being restarted") from None

    async def _answer(self, frame: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            writer.write(frame)
            await writer.drain()
            (length,) = calls.LENGTH.unpack(await reader.readexactly(calls.LENGTH.size))
            if length > calls.ANSWER_LIMIT:
                raise StoreError("the answer is too long", "ask for less")
            return await reader.readexactly(length)
        finally:
            writer.close()
