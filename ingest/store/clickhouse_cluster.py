"""The shards together: which one a device's rows go to, and one question put to all of them."""

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs, unquote

from ingest.store import partial
from ingest.store.base import Row, StoreError
from ingest.store.clickhouse_schema import statement
from ingest.store.clickhouse_shard import (
    ANSWER_SECONDS,
    TOO_SLOW,
    Account,
    Refused,
    Shard,
    Silent,
)
from ingest.store.partial import Partial

Done = TypeVar("Done")
PORT = 8123
_USER, _PASSWORD = "PTYWRAP_CLICKHOUSE_USER", "PTYWRAP_CLICKHOUSE_PASSWORD"


class Place(NamedTuple):
    """What a URL names: servers, a database, who we are to them, and which writer of several."""

    addresses: tuple[str, ...]
    database: str
    account: Account
    writer: str


class Answers(NamedTuple):
    """What each shard answered, None where it did not."""

    rows: Sequence[list[Row] | None]

    def all(self) -> list[Row]:
        """Return the rows of all that answered."""
        return [row for rows in self.rows for row in rows or ()]


def place(path: str, environ: "dict[str, str]") -> Place:
    """Read ``[user:password@]host[:port][,host…]/database[?writer=NAME]``, as behind the scheme.

    Without a user the environment names one. StoreError never holds what was read.
    """
    servers, _, rest = path.partition("/")
    database, _, query = rest.partition("?")
    told, _, hosts = servers.rpartition("@")
    user, _, password = told.partition(":")
    account = Account(
        unquote(user) or environ.get(_USER, ""), unquote(password) or environ.get(_PASSWORD, "")
    )
    addresses = tuple(_address(host) for host in hosts.split(",") if host)
    known = database.replace("_", "").isalnum() and database.isascii()
    if not addresses or not known or len(set(addresses)) != len(addresses):
        what = "the URL of the store names no servers and database"
        raise StoreError(what, "say clickhouse://host:port,host:port/database")
    return Place(addresses, database, account, parse_qs(query).get("writer", [""])[0])


def shard_of(device: str, shards: int) -> int:
    """Return the shard of a device's rows: Lamping and Veach's jump hash, so that few move.

    A shard is added at the end of the list; each former place keeps its number.
    """
    key = int.from_bytes(
        hashlib.blake2b(device.encode(), digest_size=8, person=b"ptywrap").digest(), "little"
    )
    chosen, jump = -1, 0
    while jump < shards:
        chosen = jump
        key = (key * 2_862_933_555_777_941_757 + 1) & 0xFFFF_FFFF_FFFF_FFFF
        jump = ((chosen + 1) << 31) // ((key >> 33) + 1)
    return chosen


async def together(works: Iterable[Awaitable[Done]]) -> list[Done]:
    """Do works beside each other, all to their end; then the first failure is raised."""
    done = await asyncio.gather(*works, return_exceptions=True)
    out = []
    for one in done:
        if isinstance(one, BaseException):
            raise one
        out.append(one)
    return out


class Cluster:
    """Every shard, in the order of the URL."""

    def __init__(self, told: Place) -> None:
        self.shards = [Shard(address, told.database, told.account) for address in told.addresses]

    async def ask(
        self, name: str, words: dict[str, str] | None = None, /, **values: Any
    ) -> Answers:
        """Put a question to all shards; one that does not answer in 5 s is left out, and told.

        StoreError: none answered, or one refused.
        """
        text = statement(name, words, **values)
        answers = await together(self._asked(shard, text) for shard in self.shards)
        answered = sum(rows is not None for rows in answers)
        if answered == 0:
            raise self.away()
        if answered < len(answers):
            partial.tell(Partial(len(answers), answered))
        return Answers(answers)

    async def rows(
        self, name: str, words: dict[str, str] | None = None, /, **values: Any
    ) -> list[Row]:
        """Return the rows of all shards that answer."""
        return (await self.ask(name, words, **values)).all()

    async def whole(
        self, name: str, words: dict[str, str] | None = None, /, **values: Any
    ) -> list[Row]:
        """Return the rows of all shards. StoreError: one does not answer."""
        answers = await self.ask(name, words, **values)
        if any(rows is None for rows in answers.rows):
            raise self.away()
        return answers.all()

    def away(self) -> StoreError:
        """Return what it means that a shard does not answer."""
        return StoreError("a server of ClickHouse does not answer", "start it, then try again")

    async def _asked(self, shard: Shard, text: str) -> list[Row] | None:
        if not await shard.there():
            return None
        try:
            return await asyncio.wait_for(shard.rows(text), ANSWER_SECONDS)
        except (Silent, TimeoutError):
            shard.missed()
            return None
        except Refused as refused:
            if refused.code in TOO_SLOW:
                return None
            raise shard.failure(refused) from None


def _address(host: str) -> str:
    name, colon, port = host.rpartition(":")
    named = bool(colon) and not name.endswith(":") and port.isdigit()
    return host if named else f"{host}:{PORT}"
