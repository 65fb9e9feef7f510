"""The end of the socket that owns a store: takes calls, answers them, one beside the other."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from ingest.store import calls, partial, peer
from ingest.store.base import Store, StoreError

_log = logging.getLogger(__name__)
Opened = Callable[[], Awaitable[Store]]


async def listen(path: Path, opened: Opened) -> asyncio.Server:
    """Take calls at a socket for this user alone; `opened` waits until there is a store."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if peer.is_ours(writer):
                while (body := await peer.frame(reader, calls.CALL_LIMIT)) is not None:
                    writer.write(await _answer(body, opened))
                    await writer.drain()
        except (OSError, EOFError):
            _log.debug("a client hung up")
        finally:
            writer.close()

    path.unlink(missing_ok=True)
    # No umask: it is of the whole process, and the store is opened in a thread meanwhile. Whoever
    # knocks before the mode is set is looked at as everybody is.
    server = await asyncio.start_unix_server(client, path)
    path.chmod(0o600)
    return server


async def _answer(body: bytes, opened: Opened) -> bytes:
    try:
        name, arguments = calls.called(body)
        with partial.hearing() as heard:
            answer = await getattr(await opened(), name)(**arguments)
        return calls.answer(answer, partial.worst(heard))
    except StoreError as error:
        return calls.refusal(error)
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        # An argument that is missing or that no column can hold; never what an exception says.
        where = traceback.extract_tb(error.__traceback__)[-1]
        _log.warning("refused: %s, at %s:%d", type(error).__name__, where.filename, where.lineno)
        return calls.refusal(StoreError("the store cannot answer that", "its log says where"))
