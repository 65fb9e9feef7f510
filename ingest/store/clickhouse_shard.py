"""One ClickHouse server over plain HTTP: what it is told, asked and, when silent, asked again.

A server that does not answer in time has perhaps done what it was told: `Silent`. One that answers
that it cannot has not: `Refused`. Neither carries what the server said, which holds our SQL.
"""

import asyncio
import contextlib
import io
import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

import aiohttp

from ingest.store import clickhouse_native as native
from ingest.store.base import Row, StoreError
from ingest.store.clickhouse_schema import (
    SCHEMA,
    SKETCHES,
    creation,
    literal,
    statement,
)
from ptywrap import wire

ANSWER_SECONDS = 5.0
INSERT_SECONDS = 30.0
MUTATION_SECONDS = 600.0
_CONNECT_SECONDS = 2.0
_POLL_SECONDS = 0.02
_PING_SECONDS = 0.5
_LOOK_SECONDS = 1.0
# Its disk is full or fails; too busy, too slow, too many parts, out of memory, shutting down: asked
# later it may do it.
_FAILING = frozenset({74, 75, 76, 243, 1000, 1001})
_PASSING = _FAILING | {159, 160, 202, 203, 209, 210, 236, 241, 242, 252, 394}
_NO_TABLE, _NO_DATABASE, _HAS_COLUMN, _NO_USER = (60, 81, 44, frozenset({192, 193, 194, 516}))
GONE = frozenset({_NO_TABLE, _NO_DATABASE})
TOO_SLOW = frozenset({159, 160, 209, 241})
# Since then an insert can be had on stable storage before it is answered.
_MODERN = 21


class Silent(Exception):
    """The shard gave no answer: nobody knows whether it did what it was told."""


class Refused(Exception):
    """The shard said no; `code` is ClickHouse's number for why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with code {code}")
        self.code = code


class Account(NamedTuple):
    """Who we are to the servers; empty is their default user."""

    user: str = ""
    password: str = ""


class Shard:
    """A server and our database in it, made or grown before its first use."""

    def __init__(self, address: str, database: str, account: Account) -> None:
        self.address = address
        self._database = database
        self._account = account
        self._session: aiohttp.ClientSession | None = None
        self._silent = False
        self._looked_at = float("-inf")
        self._prepared = False
        self._preparing = asyncio.Lock()

    async def rows(self, text: str, seconds: float = ANSWER_SECONDS) -> list[Row]:
        """Return what a SELECT without its FORMAT answers."""
        await self.prepare()
        return await self._rows(text, seconds)

    async def insert(self, table: str, columns: Sequence[str], body: bytes) -> None:
        """Send one block."""
        await self.prepare()
        names = ", ".join(f"`{name}`" for name in columns)
        await self._post(f"INSERT INTO `{table}` ({names}) FORMAT Native", body, INSERT_SECONDS)

    async def tell(self, text: str, seconds: float = INSERT_SECONDS) -> None:
        """Have a statement done that answers nothing."""
        await self.prepare()
        await self._post("", text.encode(), seconds)

    async def mutated(self, table: str, text: str) -> None:
        """Have rows of a table deleted, and wait until no part that is read holds them."""
        await self.tell(text)
        waiting = statement("mutating", table=table)
        until = asyncio.get_running_loop().time() + MUTATION_SECONDS
        while (await self.rows(waiting))[0]["waiting"]:
            if asyncio.get_running_loop().time() > until:
                raise Silent(self.address)
            await asyncio.sleep(_POLL_SECONDS)

    async def there(self) -> bool:
        """Say whether it answers again, where it was silent: a question would wait for its end."""
        now = asyncio.get_running_loop().time()
        if self._silent and now - self._looked_at > _LOOK_SECONDS:
            self._looked_at = now
            with contextlib.suppress(Silent, Refused):
                await self._sent("GET", "/ping", {}, b"", _PING_SECONDS)
        return not self._silent

    def missed(self) -> None:
        """Take note that it did not answer in time."""
        self._silent = True

    async def prepare(self) -> None:
        """Make the database and the tables that are missing, and add columns that are new.

        StoreError: a newer ptywrap wrote there, or we may not.
        """
        if self._prepared:
            return
        async with self._preparing:
            if self._prepared:
                return
            try:
                await self._prepare()
            except Refused as refused:
                raise self.failure(refused) from None
            self._prepared = True

    def failure(self, refused: Refused) -> StoreError:
        """Return what a refusal means to whoever runs the service."""
        if refused.code in GONE:
            self._prepared = False
        hint = "look at the server's own log"
        if refused.code in _NO_USER:
            hint = "look at the user and the password of the store's URL or environment"
        return StoreError(f"ClickHouse at {self.address} refused: code {refused.code}", hint)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _prepare(self) -> None:
        version = (await self._rows("SELECT version() AS version", database=""))[0]["version"]
        modern = int(version.partition(".")[0]) >= _MODERN
        there = await self._rows(statement("databases", name=self._database), database="")
        if not there:
            await self._post("", f"CREATE DATABASE IF NOT EXISTS `{self._database}`".encode(),
                             INSERT_SECONDS, database="")  # fmt: skip
        found: dict[str, set[str]] = {}
        for row in await self._rows(statement("columns", database=self._database)):
            found.setdefault(row["table"], set()).add(row["name"])
        if "about" in found:
            await self._check_schema()
        for table, sketch in SKETCHES.items():
            if table not in found:
                await self._post("", creation(table, synced=modern).encode(), INSERT_SECONDS)
                continue
            for column in sketch.columns.keys() - found[table]:
                await self._grow(table, column, sketch.columns[column])
        if "about" not in found:
            text = statement("tell_schema", name="ptywrap", schema=SCHEMA)
            await self._post("", text.encode(), INSERT_SECONDS)

    async def _check_schema(self) -> None:
        about = await self._rows(statement("about"))
        if any(row["schema"] > SCHEMA for row in about):
            what = f"ClickHouse at {self.address} was written by a newer ptywrap"
            raise StoreError(what, "update ptywrap")

    async def _grow(self, table: str, column: str, kind: str) -> None:
        text = statement("grow", {"table": table, "column": column, "type": kind})
        try:
            await self._post("", text.encode(), INSERT_SECONDS)
        except Refused as refused:
            # Another of us was faster.
            if refused.code != _HAS_COLUMN:
                raise

    async def _rows(
        self, text: str, seconds: float = ANSWER_SECONDS, database: str | None = None
    ) -> list[Row]:
        data = await self._post("", f"{text} FORMAT Native".encode(), seconds, database=database)
        try:
            return native.rows(data)
        except wire.Unreadable:
            raise Silent(self.address) from None

    async def _post(
        self, query: str, body: bytes, seconds: float, database: str | None = None
    ) -> bytes:
        named = self._database if database is None else database
        parameters = {
            **({"database": named} if named else {}),
            **({"query": query} if query else {}),
            # An error in the middle of an answer must not look like its end.
            "wait_end_of_query": "1",
            "max_execution_time": str(max(1, int(seconds))),
            "max_query_size": str(64 << 20),
        }
        return await self._sent("POST", "/", parameters, body, seconds)

    async def _sent(
        self, method: str, path: str, parameters: dict[str, str], body: bytes, seconds: float
    ) -> bytes:
        session = self._connected()
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS)
        url = f"http://{self.address}{path}"
        try:
            async with session.request(
                method,
                url,
                params=parameters,
                data=io.BytesIO(body),
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                data = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            self._silent = True
            raise Silent(self.address) from None
        self._silent = False
        if status == 200:
            return data
        found = re.match(rb"\s*Code: (\d+)", data)
        code = int(found[1]) if found else 0
        if not found or code in _PASSING:
            raise Silent(f"{self.address}, status {status}, code {code}")
        raise Refused(code)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {}
            if self._account.user or self._account.password:
                told = f"{self._account.user or 'default'}:{self._account.password}"
                headers["Authorization"] = f"Basic {b64encode(told.encode()).decode()}"
            self._session = aiohttp.ClientSession(
                headers=headers, trust_env=False, auto_decompress=False
            )
        return self._session


def names(values: Sequence[Any]) -> str:
    """Return values for an IN of SQL, which takes no empty list."""
    return literal(values) if values else "(NULL)"
