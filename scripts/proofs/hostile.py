"""Malformed and hostile bodies against a running service: no 5xx, little memory, nobody disturbed.

storage.md row 24, trust.md row 13. Bodies from a seeded mutator (`mutations`), bombs one by one
with the front's peak memory read around each, heads and bodies that stall. Afterwards a good batch
lands, and neither process was started again.

usage: python -m scripts.proofs.hostile [--bodies 100000] [--seed 1]
"""

import argparse
import asyncio
import io
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import zstandard

from ptywrap import wire
from scripts.fleet.ledger import Account
from scripts.fleet.life import UNTIL, Laptop, Window, segments
from scripts.fleet.post import Client, Patience, Prepared
from scripts.fleet.readers import reader
from scripts.proofs.flood import headers, own_header
from scripts.proofs.mutations import Body, bodies, bombs
from scripts.proofs.service import LIFTED, Service, resident_bytes, told

MOST_EXTRA_BYTES = 64 << 20
GONE_S = 11.0
_AT_ONCE = 4


async def prove(folder: Path, number: int, seed: int, settings: str = "") -> dict[str, Any]:
    """Post so many bodies and every bomb, stall, then post a good one; return the numbers."""
    service = Service(folder / "data", settings=LIFTED + settings)
    try:
        await asyncio.to_thread(service.start)
        secret = await asyncio.to_thread(service.secret, "--enrol", "--uses", "3")
        client = Client(service.url, Patience(total_s=20.0))
        try:
            account = await client.enrol(secret, Laptop(seed, 0).device)
            before = (service.front, service.store())
            grown = await _bombs(service, account)
            statuses, unkind = await _bodies(service, account, number, seed)
            stalled = await _stalls(service, account)
            good = _good(account, 99_999_999)
            fate = await client.send(account, good)
        finally:
            await client.close()
        after = (service.front, service.store())
        status = await asyncio.to_thread(service.stop)
        stored = _stored(service, account, good.batch)
    finally:
        await asyncio.to_thread(service.close)
    most = max(extra for _, extra in grown.values())
    return {
        "bodies": number,
        "statuses": dict(sorted(statuses.items())),
        "not_understood": unkind[:10],
        "bombs": {kind: [answer, extra >> 10] for kind, (answer, extra) in grown.items()},
        "most_extra_mib": round(most / (1 << 20), 1),
        "stalled_s": {kind: round(seconds, 2) for kind, seconds in stalled.items()},
        "same_processes": before == after,
        "good_one_after": fate.outcome,
        "rows_of_the_good_one": stored,
        "holds": not unkind
        and most <= MOST_EXTRA_BYTES
        and max(stalled.values()) <= GONE_S
        and (before == after, fate.outcome, status) == (True, "acknowledged", 0)
        and stored > 0,
    }


def _stored(service: Service, account: Account, batch: str) -> int:
    """Return how many rows of a batch an independent reader finds."""
    held = reader(str(service.file))
    try:
        names = ("commands", "processes", "flows", "samples", "sessions", "projects")
        rows = [held.rows(name, ("batch",), account.device) for name in names]
    finally:
        held.close()
    return sum(row == (batch,) for found in rows for row in found)


async def _bodies(
    service: Service, account: Account, number: int, seed: int
) -> tuple[Counter[int], list[str]]:
    """Post mutated bodies; return how often which status came, and what came that should not."""
    first = _plain(account, 1)
    # Each under an id of its own: what one of them is taken in as must not answer for the others.
    plains = (first.replace(_stem(1), _stem(turn)) for turn in range(1, number + 1))
    statuses: Counter[int] = Counter()
    unkind: list[str] = []
    waiting = enumerate(bodies(plains, seed), start=1)
    async with aiohttp.ClientSession() as session:

        async def worker() -> None:
            for turn, body in waiting:
                status = await _post(session, service.url, (account, turn), body)
                statuses[status] += 1
                if status == 0 or status >= 500:
                    unkind.append(f"{status}: {body.kind}, {len(body.data)} bytes")

        await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
    return statuses, unkind


async def _post(
    session: aiohttp.ClientSession, url: str, who: tuple[Account, int], body: Body
) -> int:
    account, turn = who
    named = Prepared(_name(account, turn), body.data, 0, 0, 0)
    sent = headers(account, named) | {"Content-Encoding": body.encoding}
    try:
        data = io.BytesIO(body.data)  # a large body as bytes makes aiohttp warn
        async with session.post(f"{url}/v1/batches", data=data, headers=sent) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


async def _bombs(service: Service, account: Account) -> dict[str, tuple[int, int]]:
    """Post each bomb alone; return by kind its status and by how much the front grew meanwhile."""
    found = {}
    async with aiohttp.ClientSession() as session:
        for body in bombs():
            forget_peak(service.front)
            before = resident_bytes(service.front)
            status = await _post(session, service.url, (account, 0), body)
            extra = resident_bytes(service.front, "VmHWM") - before
            found[body.kind] = (status, max(extra, 0))
    return found


async def _stalls(service: Service, account: Account) -> dict[str, float]:
    """Begin requests that never end; return by kind after how many s they were cut."""
    head = (
        f"POST /v1/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {account.token}\r\n"
        "Content-Type: application/msgpack\r\nContent-Encoding: zstd\r\n"
        f"Idempotency-Key: {_name(account, 2)}\r\nContent-Length: 5000\r\n"
    )
    kinds = {
        "no byte at all": b"",
        "a head without its end": head.encode(),
        "a body without its end": f"{head}\r\nxx".encode(),
    }
    lengths = await asyncio.gather(
        *(_stalled(service, data, slowly=False) for data in kinds.values()),
        _stalled(service, head.encode() * 20, slowly=True),
    )
    return dict(zip((*kinds, "a byte now and then"), lengths, strict=True))


async def _stalled(service: Service, data: bytes, *, slowly: bool) -> float:
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    dripping: asyncio.Task[None] | None = None
    if slowly:
        dripping = asyncio.create_task(_drip(writer, data))
    else:
        writer.write(data)
    try:
        while await asyncio.wait_for(reader.read(4096), 3 * GONE_S):
            pass
    except (OSError, TimeoutError):
        pass
    finally:
        if dripping is not None:
            dripping.cancel()
        writer.close()
    return time.monotonic() - begun


async def _drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.2)


def forget_peak(pid: int) -> None:
    """Make the kernel count a process's peak memory anew (proc_pid_clear_refs(5): 5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _name(account: Account, number: int) -> str:
    return wire.batch_id(_stem(number).decode(), account.device)


def _stem(number: int) -> bytes:
    return f"{number:012d}-{'cd' * 6}.n100".encode()


def _plain(account: Account, number: int) -> bytes:
    """Return a good batch of this device, plain."""
    sealed = next(one for one in segments(Laptop(3, 1), Window(UNTIL, 6)) if len(one.facts) > 90)
    return wire.pack(_name(account, number), own_header(sealed, account), sealed.facts[:100])


def _good(account: Account, number: int) -> Prepared:
    body = zstandard.ZstdCompressor(level=3).compress(_plain(account, number))
    return Prepared(_name(account, number), body, 100, 0, 0)


def main() -> int:
    """Prove it and print the numbers; 0 where the demand is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--seed", type=int, default=1, help="which (1)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        return told(asyncio.run(prove(Path(folder), args.bodies, args.seed)))


if __name__ == "__main__":
    sys.exit(main())
