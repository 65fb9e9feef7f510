"""Front or store process killed while a fleet posts: nothing acknowledged is lost, nothing twice.

storage.md, row 15. Between laptops and service stands a proxy that refuses a fifth of the posts and
loses a fifth of the answers. The count is taken by an independent reader: plain DuckDB on the file.

usage: python -m scripts.proofs.kills [--part front|store] [--rounds 50] [--laptops 8]
"""

import argparse
import asyncio
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from scripts.fleet.check import Findings, check
from scripts.fleet.dice import Dice
from scripts.fleet.ledger import Fleet, Ledger
from scripts.fleet.life import UNTIL, Window
from scripts.fleet.play import Pace, play
from scripts.fleet.post import Patience
from scripts.fleet.readers import reader
from scripts.proofs.faults import Faults, Weather
from scripts.proofs.service import LIFTED, Service, told, wait

_LOOK_S = 0.005


class Load(NamedTuple):
    """How much is sent while things die."""

    laptops: int = 8
    days: int = 8
    commands: int = 60
    rows: int = 200
    weather: Weather = Weather()


class Killing(NamedTuple):
    """What is killed how often, and how long it lives in between, ms."""

    part: str
    rounds: int = 50
    least_ms: int = 100
    most_ms: int = 900
    seed: int = 1


async def prove(folder: Path, load: Load, killing: Killing, store: str = "") -> dict[str, Any]:
    """Kill under load, then stop in peace and count; return the numbers."""
    service = Service(folder / "data", store, settings=LIFTED)
    faults = Faults(service.url, load.weather)
    ledgers: list[Ledger] = []
    try:
        await asyncio.to_thread(service.start)
        url = await faults.start()
        secret = await asyncio.to_thread(service.secret, "--enrol", "--uses", "100000")
        killer = asyncio.create_task(_kill(service, killing))
        while not killer.done() or not ledgers:
            ledgers.append(Ledger(folder / f"fleet-{len(ledgers)}"))
            await _play(url, ledgers[-1], secret, (len(ledgers), load, killing))
        opened = await killer
        batches = len({fate.batch for ledger in ledgers for fate in ledger.fates()})
        await asyncio.to_thread(service.drained, batches)
        status = await asyncio.to_thread(service.stop)
    finally:
        await faults.stop()
        await asyncio.to_thread(service.close)
    found = counted(ledgers, store or str(service.file))
    return _result(killing, faults, found, opened) | {
        "status_at_the_end": status,
        "holds": found.faults == 0 and status == 0 and found.acknowledged > 0,
    }


async def _play(url: str, ledger: Ledger, secret: str, what: tuple[int, Load, Killing]) -> None:
    """Play one fleet, its days laid over the time that the killing takes at least."""
    seed, load, killing = what
    window = Window(UNTIL, load.days, load.commands)
    fleet = ledger.begin(Fleet(url, load.laptops, seed, window, load.rows))
    patience = Patience(first_s=0.02, total_s=5.0, attempts=400)
    between_s = (killing.least_ms + killing.most_ms) / 2000
    await play(fleet, ledger, secret, Pace(killing.rounds * between_s, patience=patience))


def counted(ledgers: list[Ledger], store: str) -> Findings:
    """Compare what the ledgers were told with what an independent reader finds."""
    held = reader(store)
    try:
        total = Findings()
        for ledger in ledgers:
            total = total.plus(check(ledger.fleet(), ledger, held))
        return total
    finally:
        held.close()


async def _kill(service: Service, killing: Killing) -> list[float]:
    """Kill so many times at seeded moments; return how long each took to be back, s."""
    dice = Dice("kills", killing.seed)
    back = []
    for _ in range(killing.rounds):
        await asyncio.sleep(dice.whole(killing.least_ms, killing.most_ms) / 1000)
        if killing.part == "front":
            await asyncio.to_thread(service.kill_front)
            back.append(await asyncio.to_thread(service.start))
        else:
            back.append(await asyncio.to_thread(_kill_store, service))
    return back


def _kill_store(service: Service) -> float:
    """Kill the store process; return how long the next one took from its start to its socket."""
    wait(lambda: service.store() is not None, "no store process to kill")
    killed = service.store()
    service.kill_store()
    wait(lambda: service.store() not in (None, killed), "no store process comes back")
    born = time.monotonic()
    wait(lambda: _listens(service.data / "store.sock"), "the store process does not listen")
    return time.monotonic() - born


def _listens(path: Path) -> bool:
    time.sleep(_LOOK_S)
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(path))
        except OSError:
            return False
    return True


def _result(killing: Killing, faults: Faults, found: Findings, back: list[float]) -> dict[str, Any]:
    return {
        "killed": killing.part,
        "rounds": killing.rounds,
        "posts_passed": faults.passed,
        "posts_refused": faults.refused,
        "answers_lost": faults.lost,
        "back_s": {"median": round(sorted(back)[len(back) // 2], 3), "most": round(max(back), 3)},
        **found._asdict(),
    }


def main() -> int:
    """Prove it and print the numbers; 0 where the demand is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--part", choices=("front", "store"), default="front", help="what is killed (front)")
    add("--rounds", type=int, default=50, help="how often (50)")
    add("--laptops", type=int, default=8, help="how many post (8)")
    add("--seed", type=int, default=1, help="which moments (1)")
    add("--store", default="", help="an engine's URL; DuckDB in the data folder where none is said")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        load = Load(laptops=args.laptops)
        killing = Killing(args.part, args.rounds, seed=args.seed)
        return told(asyncio.run(prove(Path(folder), load, killing, args.store)))


if __name__ == "__main__":
    sys.exit(main())
