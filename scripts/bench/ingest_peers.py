"""What the same events cost VictoriaMetrics and ClickHouse, fed directly, each in its fastest form.

VictoriaMetrics takes influx lines, a batch a request. ClickHouse takes Native blocks made
beforehand, a batch an insert, into tables as ours are there; and, to say what whoever groups for it
would gain, 50 batches an insert. CPU time is read when they say that all of it can be asked for.
"""

import asyncio
import contextlib
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
import psutil

from ingest.entries import BATCH, Entry
from ingest.store import clickhouse_load, clickhouse_schema
from ingest.store.clickhouse_columns import columns
from ingest.unpacking import unpacked
from ptywrap import wire
from scripts.bench.ingest_batches import Made, lines
from scripts.proofs.service import free_port, wait
from tests.ingest.cluster import Server

CONNECTIONS = 8
VICTORIA = "victoria-metrics"
CLICKHOUSE = "clickhouse-server"
Post = Callable[[aiohttp.ClientSession], Awaitable[None]]


class Cost(NamedTuple):
    """CPU seconds of all processes of a server, and how long it took to take all in."""

    cpu_s: float
    wall_s: float


class Fed(NamedTuple):
    """What the server took, and what it took with the making of its blocks."""

    server: Cost
    all: Cost


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Let what is started within run on one core, and this process on the others."""
    # macOS cannot say which core: there is no such measurement there.
    system: Any = os
    every = system.sched_getaffinity(0)
    system.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        system.sched_setaffinity(0, every - {core} or every)


def cpu_s(*pids: int) -> float:
    """Return user and system seconds of processes, all their threads together."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(one.user + one.system for one in times)


async def poured(posts: Sequence[Post]) -> None:
    """Make all posts, a few at a time over connections that stay open."""
    waiting = iter(posts)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS), auto_decompress=False
    ) as session:

        async def one_after_the_other() -> None:
            for post in waiting:
                await post(session)

        await asyncio.gather(*(one_after_the_other() for _ in range(CONNECTIONS)))


def victoria(made: Sequence[Made], core: int) -> Cost:
    """Feed VictoriaMetrics one batch a request."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    told = [lines(one) for one in made]
    with tempfile.TemporaryDirectory(prefix="bench-victoria-") as folder:
        argv = [
            *(VICTORIA, f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}"),
            *("-retentionPeriod=100y", "-loggerLevel=ERROR"),
        ]
        with on_core(core):
            process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait(lambda: _got(f"{url}/health") == "OK", f"{VICTORIA} does not start")
            posts = [_post(f"{url}/write?precision=ms", body, 204) for body, _ in told]
            cost = _taken(posts, process.pid, lambda: _got(f"{url}/internal/force_flush"))
            _expect(_victorias_rows(_got(f"{url}/metrics")), sum(n for _, n in told))
        finally:
            process.kill()
            process.wait()
    return cost


def clickhouse(made: Sequence[Made], core: int, grouped: int) -> Fed:
    """Feed ClickHouse so many batches an insert, without us.

    The second cost is with the making of the blocks from what laptops send.
    """
    begun = time.process_time()
    inserts = [
        insert
        for start in range(0, len(made), grouped)
        for insert in _blocks(made[start : start + grouped])
    ]
    making = time.process_time() - begun
    server = Server()
    try:
        with on_core(core):
            server.start()
        for table in clickhouse_schema.FACTS:
            server.ask(clickhouse_schema.creation(table))
        url = f"http://{server.address}/"
        posts = [_post(f"{url}?query={quote(query)}", body, 200) for query, body, _ in inserts]
        cost = _taken(posts, pid_of(server), lambda: server.ask("SELECT 1"))
        told = sum(rows for query, _, rows in inserts if "samples" in query)
        _expect(int(server.ask("SELECT count() FROM samples")), told)
    finally:
        server.close()
    return Fed(cost, Cost(cost.cpu_s + making, cost.wall_s))


def entry(made: Made, received_at: int) -> Entry:
    """Return a batch as it would stand in the journal."""
    return Entry(
        BATCH, "bench", made.device, made.device, "core", made.id, bytes(32), received_at, 0, "",
        made.plain,
    )  # fmt: skip


def _blocks(made: Sequence[Made]) -> Iterator[tuple[str, bytes, int]]:
    batches = [unpacked(wire.unpack(one.plain), entry(one, time.time_ns())).batch for one in made]
    items = [clickhouse_load.Item(batch, columns(batch)) for batch in batches]
    boots = {item.boot: item.booted_at for item in items}
    for block in clickhouse_load.blocks(clickhouse_load.group(items, boots)):
        # What tells rollups of touched days is no block of rows.
        if block.columns:
            names = clickhouse_schema.listed(block.columns)
            yield f"INSERT INTO `{block.table}` ({names}) FORMAT Native", block.body, block.rows


def _taken(posts: Sequence[Post], pid: int, settle: Callable[[], object]) -> Cost:
    before, begun = cpu_s(pid), time.monotonic()
    asyncio.run(poured(posts))
    settle()
    return Cost(cpu_s(pid) - before, time.monotonic() - begun)


def _post(url: str, body: bytes, expected: int) -> Post:
    async def post(session: aiohttp.ClientSession) -> None:
        async with session.post(url, data=body) as response:
            if response.status != expected:
                raise RuntimeError(f"{response.status}: {(await response.text())[:500]}")

    return post


def _got(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
            text: bytes = answer.read()
    except OSError:
        return ""
    return text.decode()


def _victorias_rows(text: str) -> int:
    name = 'vm_rows_inserted_total{type="influx"}'
    return next((int(line.split()[-1]) for line in text.splitlines() if line.startswith(name)), 0)


def pid_of(server: Server) -> int:
    """Return the process that listens where a server does."""
    port = int(server.address.rpartition(":")[2])
    found = psutil.net_connections("tcp4")
    return next(c.pid for c in found if c.laddr and c.laddr.port == port and c.pid is not None)


def _expect(value: int, wanted: int) -> None:
    if value != wanted:
        raise RuntimeError(f"{value} where {wanted} was to be")
