"""What the local store answers to each question: the maps that verbs and pages are given."""

import asyncio
import os
from pathlib import Path
from typing import Any

from ingest import asks, clock
from ingest.drain import Drain
from ingest.store.base import LogQuestion, Run, Scope, Store, StoreError

_SEAL_SECONDS = 0.2
_USUAL_NS = 28 * 86_400_000_000_000


async def answer(ask: asks.Ask, filling: Drain) -> dict[str, Any]:
    """Return what is known, without whether it is fresh; StoreError where that is nothing."""
    known = filling.store
    match ask:
        case asks.Log():
            return (await known.log(_log_question(ask)))._asdict()
        case asks.Show():
            return {"record": (await _run(known, ask.id)).record()}
        case asks.ShowFacts():
            return {"facts": asks.rows((await _run(known, ask.id)).facts)}
        case asks.Usual():
            return {"usual": await known.usual(ask.templates, clock.wall_ns() - _USUAL_NS)}
        case asks.Forget():
            return {"commands": await filling.forget(Scope(ask.since_ns, ask.repo))}
        case _:
            return await _status(filling)


async def sealed(observer: Path | None) -> bool:
    """Ask the observer to seal; False where one runs but does not answer within 200 ms."""
    if observer is None:
        return True
    try:
        async with asyncio.timeout(_SEAL_SECONDS):
            reader, writer = await asyncio.open_unix_connection(observer)
            try:
                writer.write(asks.frame({"ask": "seal"}))
                (length,) = asks.LENGTH.unpack(await reader.readexactly(asks.LENGTH.size))
                body = await reader.readexactly(min(length, asks.QUESTION_LIMIT))
                return bool(asks.answer(body).get("ok"))
            finally:
                writer.close()
    except (FileNotFoundError, ConnectionRefusedError):
        return True
    except (OSError, EOFError, ValueError):
        return False


def _log_question(ask: asks.Log) -> LogQuestion:
    return LogQuestion(
        limit=ask.limit,
        since_at=ask.since_ns,
        repo=ask.repo,
        cwd=ask.cwd,
        failed=ask.failed,
        text=ask.text,
    )


async def _run(known: Store, name: str) -> Run:
    found = await known.show(name)
    if found.matches == 1:
        return found
    if name == "last":
        raise StoreError("no command has been recorded yet", "run one in a ptywrap shell")
    if found.matches:
        raise StoreError(
            f"`{name}` begins the ids of {found.matches} commands", "give more of its digits"
        )
    raise StoreError(f"no command's id begins with `{name}`", "`ptywrap log` prints the ids")


async def _status(filling: Drain) -> dict[str, Any]:
    waiting = filling.waiting()
    return {
        **(await filling.store.counts())._asdict(),
        "waiting_segments": waiting.segments,
        "waiting_facts": waiting.facts,
        "repaired": list(filling.store.repaired),
        "pid": os.getpid(),
    }
