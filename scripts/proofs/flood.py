"""One device floods at a hundred times its share: it is told to wait, and nobody else notices.

storage.md row 13, trust.md row 14. The polite devices post batches of 50 events at a steady rate;
the flooder is a process of its own. Before, during and after: the polite ones' p99.

usage: python -m scripts.proofs.flood [--events 10000] [--seconds 10]
"""

import argparse
import asyncio
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import aiohttp
import zstandard

from ptywrap import wire
from scripts.fleet.ledger import Account
from scripts.fleet.life import UNTIL, Laptop, Sealed, Window, segments
from scripts.fleet.post import Client, Patience, Prepared
from scripts.proofs.service import Service, told

EVENTS = 50
_PER_DEVICE = 8
"""Posts a second of one polite device: below the ten it may."""
_SOCKETS = 800
"""Of the flooder: who is told to wait waits a second for it, and so does its connection."""
_LIFTED = "connections_per_address = 4000\nbytes_per_minute = 1000000000\n"


class Phase(NamedTuple):
    """What the polite ones saw in one phase: answers in ms, and statuses."""

    answers: list[float]
    statuses: Counter[int]

    def p99(self) -> float:
        """Return the 99th percentile, ms."""
        return quantiles(self.answers, n=100)[98] if len(self.answers) > 1 else 0.0


async def prove(folder: Path, events: int, seconds: float) -> dict[str, Any]:
    """Measure without, with and without a flood; return the numbers."""
    service = Service(folder / "data", settings=_LIFTED)
    devices = max(events // EVENTS // _PER_DEVICE, 1)
    try:
        await asyncio.to_thread(service.start)
        names = [Laptop(5, number).device for number in range(devices + 1)]
        accounts = await asyncio.to_thread(enrolled, service, names)
        phases = []
        flooded: Counter[int] = Counter()
        for number, flooding in enumerate((False, True, False)):
            if flooding:
                flood = _Flood(service.url, accounts[-1], seconds + 1)
                await asyncio.sleep(0.5)
            phases.append(await _polite(service.url, accounts[:-1], number, seconds))
            if flooding:
                flooded = await asyncio.to_thread(flood.over)
        status = await asyncio.to_thread(service.stop)
    finally:
        await asyncio.to_thread(service.close)
    return _result(phases, flooded, seconds) | {"status_at_the_end": status}


def enrolled(service: Service, devices: Sequence[str]) -> list[Account]:
    """Return an account for each of some devices."""

    async def ask() -> list[Account]:
        client = Client(service.url, Patience())
        try:
            return [await client.enrol(secret, device) for device in devices]
        finally:
            await client.close()

    secret = service.secret("--enrol", "--uses", str(len(devices)))
    return asyncio.run(ask())


def _result(phases: Sequence[Phase], flooded: Counter[int], seconds: float) -> dict[str, Any]:
    calm = median([phases[0].p99(), phases[2].p99()])
    ratio = phases[1].p99() / calm if calm else 0.0
    polite = sum((phase.statuses for phase in phases), Counter())
    return {
        "polite_posts_per_s": [round(len(phase.answers) / seconds) for phase in phases],
        "p99_ms": [round(phase.p99(), 2) for phase in phases],
        "ratio": round(ratio, 2),
        "polite_statuses": dict(polite),
        "flooder_statuses": dict(flooded),
        "flooder_posts_per_s": round(sum(flooded.values()) / seconds),
        "holds": ratio <= 2.0 and flooded[429] > 0 and set(polite) == {200},
    }


class _Flood:
    """The flooder's process, begun at once."""

    def __init__(self, url: str, account: Account, seconds: float) -> None:
        context = multiprocessing.get_context("forkserver")
        self._statuses: multiprocessing.SimpleQueue[dict[int, int]] = context.SimpleQueue()
        self._process = context.Process(
            target=flooder, args=(url, account, seconds, self._statuses)
        )
        self._process.start()

    def over(self) -> Counter[int]:
        """Wait for its end; return how often it got which status."""
        statuses = Counter(self._statuses.get())
        self._process.join()
        return statuses


def flooder(url: str, account: Account, seconds: float, statuses: Any) -> None:
    """Post at a hundred times the share of one device, whatever the answers are."""
    os.nice(19)  # elsewhere it would be another machine's work
    statuses.put(dict(asyncio.run(_flood(url, account, seconds))))


async def _flood(url: str, account: Account, seconds: float) -> Counter[int]:
    """Post over bare sockets, which costs this machine least, at the wanted rate if it can."""
    found: Counter[int] = Counter()
    requests = [_request(account, batch) for batch in prepared(account, 7, 40)]
    begin = time.monotonic()
    turns = iter(range(int(seconds * 100 * _PER_DEVICE)))

    async def connection() -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        for turn in turns:
            reader, writer = await asyncio.open_connection(host, int(port))
            for own in chain([turn], turns):
                now = time.monotonic()
                if now - begin > seconds:
                    break
                await asyncio.sleep(max(begin + own / (100 * _PER_DEVICE) - now, 0))
                writer.write(requests[own % len(requests)])
                status, over = await _answer(reader)
                found[status] += 1
                if over:
                    break
            writer.close()
            if time.monotonic() - begin > seconds:
                return

    await asyncio.gather(*(connection() for _ in range(_SOCKETS)))
    return found


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Return the status of an answer, and whether the connection ends with it."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
    except (OSError, EOFError):
        return 0, True
    return int(head.split(b" ", 2)[1]), b"connection: close" in head


def _request(account: Account, batch: Prepared) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers(account, batch).items()]
    head = ["POST /v1/batches HTTP/1.1", "Host: x", f"Content-Length: {len(batch.body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + batch.body


async def _polite(url: str, accounts: Sequence[Account], phase: int, seconds: float) -> Phase:
    """Post steadily from every polite device; each keeps one request in flight."""
    found = Phase([], Counter())
    number = int(seconds * _PER_DEVICE)
    work = [(account, prepared(account, phase, number)) for account in accounts]
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=len(accounts))
    ) as session:
        begin = time.monotonic() + 0.2

        async def device(place: int, account: Account, batches: Sequence[Prepared]) -> None:
            for turn, batch in enumerate(batches):
                due = begin + (turn + place / len(accounts)) / _PER_DEVICE
                await asyncio.sleep(max(due - time.monotonic(), 0))
                started = time.perf_counter()
                async with session.post(
                    f"{url}/v1/batches", data=batch.body, headers=headers(account, batch)
                ) as answer:
                    await answer.read()
                    found.statuses[answer.status] += 1
                found.answers.append((time.perf_counter() - started) * 1000)

        await asyncio.gather(*(device(place, *pair) for place, pair in enumerate(work)))
    return found


def prepared(account: Account, phase: int, number: int) -> list[Prepared]:
    """Return small batches of one device, each under an id of its own."""
    some = next(
        sealed
        for sealed in segments(Laptop(5, 0), Window(UNTIL, 5), EVENTS)
        if len(sealed.facts) == EVENTS
    )
    compressor = zstandard.ZstdCompressor(level=3)
    out = []
    for place in range(number):
        stem = f"{phase * 100_000 + place + 1:012d}-{'ab' * 6}.n{EVENTS}"
        batch = wire.batch_id(stem, account.device)
        body = compressor.compress(wire.pack(batch, own_header(some, account), some.facts))
        out.append(Prepared(batch, body, EVENTS, 0, 0))
    return out


def own_header(sealed: Sealed, account: Account) -> wire.Segment:
    """Return the header of a segment as if this account's device had sealed it."""
    values = {name: getattr(sealed.header, name) for name in sealed.header.__struct_fields__}
    return wire.Segment(**values | {"device": account.device})


def headers(account: Account, batch: Prepared) -> dict[str, str]:
    """Return what a post is sent with."""
    return {
        "Authorization": f"Bearer {account.token}",
        "Content-Type": "application/msgpack",
        "Content-Encoding": "zstd",
        "Idempotency-Key": batch.batch,
        "X-Ptywrap-Sent-At": str(time.time_ns()),
    }


def main() -> int:
    """Prove it and print the numbers; 0 where the demand is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="events a second (10000)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each phase (10)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        return told(asyncio.run(prove(Path(folder), args.events, args.seconds)))


if __name__ == "__main__":
    sys.exit(main())
