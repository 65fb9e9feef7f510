"""A fleet at a server: enrols each laptop, makes its batches, sends them at their times."""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from scripts.fleet.ledger import Account, Fate, Fleet, Ledger
from scripts.fleet.life import DAY, Laptop
from scripts.fleet.pack import prepared
from scripts.fleet.post import Client, Patience, Prepared

_AT_ONCE = 32


class Pace(NamedTuple):
    """How fast a fleet plays: the whole window in `over_s`, 0 at once; processes that prepare."""

    over_s: float = 0.0
    workers: int = 1
    patience: Patience = Patience()
    connections: int = 64


class Played(NamedTuple):
    """What came of it: the fates of this run, how long making and sending took, bytes sent."""

    fates: Sequence[Fate]
    made_s: float
    sent_s: float
    sent_bytes: int


async def play(fleet: Fleet, ledger: Ledger, secret: str, pace: Pace) -> Played:
    """Play a fleet to its end; what the ledger has as acknowledged is not sent again."""
    client = Client(fleet.url, pace.patience, pace.connections)
    try:
        accounts = await enrol(fleet, ledger, client, secret)
        begun = time.monotonic()
        batches = await _made(fleet, accounts, pace.workers)
        made = time.monotonic()
        known = {fate.batch for fate in ledger.fates() if fate.outcome == "acknowledged"}
        waiting = [
            (account, [one for one in mine if one.batch not in known])
            for account, mine in zip(accounts, batches, strict=True)
        ]
        start = _Start(asyncio.get_running_loop().time(), fleet, pace.over_s)
        done = await asyncio.gather(
            *(_send_all(client, ledger, account, mine, start) for account, mine in waiting)
        )
        size = sum(len(one.body) for _, mine in waiting for one in mine)
        fates = [fate for mine in done for fate in mine]
        return Played(fates, made - begun, time.monotonic() - made, size)
    finally:
        await client.close()


async def enrol(fleet: Fleet, ledger: Ledger, client: Client, secret: str) -> list[Account]:
    """Return an account for each laptop, those of a former run first."""
    known = ledger.accounts()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> Account:
        device = Laptop(fleet.seed, number).device
        if device in known:
            return known[device]
        async with gate:
            account = await client.enrol(secret, device)
        ledger.enrolled(account)
        return account

    return list(await asyncio.gather(*map(one, range(fleet.laptops))))


class _Start(NamedTuple):
    """When playing began, by the loop's clock, and how the window is laid over it."""

    at_s: float
    fleet: Fleet
    over_s: float

    def due_s(self, batch: Prepared) -> float:
        window = self.fleet.window
        behind = batch.due_at - (window.until_at - window.days * DAY)
        return self.at_s + self.over_s * behind / (window.days * DAY)


async def _made(fleet: Fleet, accounts: Sequence[Account], workers: int) -> list[list[Prepared]]:
    loop = asyncio.get_running_loop()
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        jobs = [
            loop.run_in_executor(pool, prepared, fleet, number, account)
            for number, account in enumerate(accounts)
        ]
        return list(await asyncio.gather(*jobs))


async def _send_all(
    client: Client, ledger: Ledger, account: Account, batches: Sequence[Prepared], start: _Start
) -> list[Fate]:
    """Send one laptop's batches, one in flight, oldest due first; stop where it is refused."""
    fates = []
    for batch in sorted(batches, key=lambda one: one.due_at):
        wait = start.due_s(batch) - asyncio.get_running_loop().time()
        if start.over_s and wait > 0:
            await asyncio.sleep(wait)
        fate = await client.send(account, batch)
        ledger.told(fate)
        fates.append(fate)
        if fate.outcome == "refused":
            break
    return fates
