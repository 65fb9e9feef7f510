"""Laptops with the shipper they will have, killed at random behind a bad network: 0 lost, 0 twice.

storage.md row 10: a fifth of the posts refused, a fifth of the answers lost, 7 of 20 laptops killed
with SIGKILL; and every `ptywrap ship` may be killed at any moment too. A laptop is a home of its
own: a process that spools facts as the observer does (`laptop`), `ptywrap join`, `ptywrap ship`.

usage: python -m scripts.proofs.devices [--laptops 20] [--killed 7] [--ships-killed 50]
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ptywrap.projection import Keys, outward
from scripts.fleet.check import CHECKED, STRUCTS, values_of
from scripts.fleet.dice import Dice
from scripts.fleet.life import Laptop
from scripts.fleet.pack import shipped
from scripts.fleet.readers import Reader, Row, reader
from scripts.proofs.faults import Faults, Weather
from scripts.proofs.laptop import accepted, life
from scripts.proofs.service import LIFTED, ROOT, Service, told

_SHIP_S = 60.0
_ROUNDS = 60
# As fast as a shipper may be: no rest between batches, waits a fiftieth of what they are.
_HURRY = ("--between", "0", "--patience", "20", "--stretch", "0.02", "--total", "5")
_AT_ONCE = 2


class Plan(NamedTuple):
    """How many laptops, how many of them are killed, how many ships, facts each, and the seed."""

    laptops: int = 20
    killed: int = 7
    ships_killed: int = 50
    facts: int = 3000
    pace_ms: int = 1000
    seed: int = 3
    weather: Weather = Weather()


class Home:
    """One laptop's folders and the processes in it."""

    def __init__(self, root: Path, seed: int, number: int) -> None:
        """Make the folders, with the device id of a made-up laptop."""
        self.laptop = Laptop(seed, number)
        self.root = root
        self.state = root / "state" / "ptywrap"
        for name in ("home", "state/ptywrap", "run", "data", "config"):
            (root / name).mkdir(mode=0o700, parents=True)
        (self.state / "device").write_text(f"{self.laptop.device}\n")

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of everything here."""
        places = {
            f"XDG_{name}": str(self.root / folder)
            for name, folder in (
                ("STATE_HOME", "state"),
                ("DATA_HOME", "data"),
                ("CONFIG_HOME", "config"),
                ("RUNTIME_DIR", "run"),
            )
        }
        plain = {"HOME": str(self.root / "home"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        return plain | places | more

    async def start(self, *words: str, **more: str) -> asyncio.subprocess.Process:
        """Start a Python module of ours here."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *words),
            cwd=ROOT,
            env=self.environment(**more),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )

    def waits(self) -> int:
        """Return how many bodies and sealed segments are not sent yet."""
        device = self.state / self.laptop.device
        try:
            packed = (device / "outbox" / "packed").read_text()
        except FileNotFoundError:
            packed = ""
        names = {path.name.partition(".")[0] for path in device.glob("*/*.seg")}
        segments = [name for name in names if name not in packed]
        return len(segments) + len(list(device.glob("outbox/*.batch")))

    async def verb(self, *words: str, **more: str) -> tuple[int, str]:
        """Run a verb of ours to its end; return its status and what it complained of."""
        process = await self.start("ptywrap", *words, **more)
        try:
            _, said = await asyncio.wait_for(process.communicate(), _SHIP_S)
        except TimeoutError:
            process.kill()
            _, said = await process.communicate()
        return process.returncode or 0, said.decode(errors="replace")


async def prove(folder: Path, plan: Plan, store: str = "") -> dict[str, Any]:
    """Spool, ship and kill until every laptop has sent all it accepted; return the numbers."""
    service = Service(folder / "data", store, settings=LIFTED)
    faults = Faults(service.url, plan.weather)
    homes = [Home(folder / f"home-{n}", plan.seed, n) for n in range(plan.laptops)]
    try:
        await asyncio.to_thread(service.start)
        url = await faults.start()
        secret = await asyncio.to_thread(service.secret, "--enrol", "--uses", str(plan.laptops))
        fates = _fates(plan)
        lives = zip(homes, fates, strict=True)
        done = await asyncio.gather(
            *(_live(home, (url, secret), plan, fate) for home, fate in lives)
        )
        status = await asyncio.to_thread(service.stop)
    finally:
        await faults.stop()
        await asyncio.to_thread(service.close)
    found = _counted(homes, store or str(service.file), service)
    return {
        "laptops": plan.laptops,
        "laptops_killed": plan.killed,
        "ships_killed": plan.ships_killed - fates[0].left.number,
        "posts_passed": faults.passed,
        "posts_refused": faults.refused,
        "answers_lost": faults.lost,
        "not_done": [said for said in done if said][:5],
        **found,
        "status_at_the_end": status,
        "holds": not any(done)
        and status == 0
        and found["facts"] > 0
        and not any(found[name] for name in ("lost", "twice", "altered", "foreign")),
    }


class _Left:
    """How many ships are still to be killed, over all laptops."""

    def __init__(self, number: int) -> None:
        self.number = number

    def one(self) -> None:
        """Take one, where there is one left."""
        self.number -= self.number > 0


class _Fate(NamedTuple):
    """What happens to one laptop."""

    dice: Dice
    killed: bool
    left: _Left
    gate: asyncio.Semaphore


def _fates(plan: Plan) -> list[_Fate]:
    dice = Dice("devices", plan.seed)
    left, gate = _Left(plan.ships_killed), asyncio.Semaphore(_AT_ONCE)
    return [
        _Fate(Dice(dice.bits(60)), number < plan.killed, left, gate)
        for number in range(plan.laptops)
    ]


async def _live(home: Home, where: tuple[str, str], plan: Plan, fate: _Fate) -> str:
    """Live one laptop's life; return what it could not do, empty where it did all."""
    url, secret = where
    async with fate.gate:
        status, said = await home.verb("join", url, PTYWRAP_TOKEN=secret)
    if status:
        return f"join: {said}"
    words = map(str, (plan.seed, home.laptop.number, plan.facts, plan.pace_ms))
    argv = ("scripts.proofs.laptop", *words)
    spooling = await home.start(*argv)
    if fate.killed:
        await asyncio.sleep(fate.dice.whole(200, 1500) / 1000)
        with contextlib.suppress(ProcessLookupError):
            spooling.kill()
        await spooling.communicate()
        spooling = await home.start(*argv)
    said = ""
    for _ in range(_ROUNDS):
        over = spooling.returncode is not None
        async with fate.gate:
            said = await _ship(home, fate)
        if over and not home.waits():
            return "the laptop did not spool all" if spooling.returncode else ""
        await asyncio.sleep(0.05)
    await spooling.communicate()
    return f"{home.waits()} wait: {said}"


async def _ship(home: Home, fate: _Fate) -> str:
    """Ship what waits; now and then the shipper is killed at some moment of it."""
    process = await home.start("ptywrap.ship", *_HURRY)
    end = _SHIP_S
    if fate.left.number and fate.dice.happens(800):
        end = fate.dice.whole(200, 1200) / 1000
    try:
        _, said = await asyncio.wait_for(process.communicate(), end)
    except TimeoutError:
        fate.left.one()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        _, said = await process.communicate()
    return said.decode(errors="replace")


def _counted(homes: list[Home], store: str, service: Service) -> dict[str, Any]:
    """Compare what the spools accepted with what an independent reader finds."""
    sums: Counter[str] = Counter(facts=0, lost=0, twice=0, altered=0, foreign=0)
    held = reader(store)
    try:
        for home in homes:
            sums += _compared(home, held, service)
    finally:
        held.close()
    return {name: sums[name] for name in ("facts", "lost", "twice", "altered", "foreign")}


def _compared(home: Home, held: Reader, service: Service) -> Counter[str]:
    expected = _expected(home, service)
    sums: Counter[str] = Counter()
    for table, (key, values) in CHECKED.items():
        rows = held.rows(table, (*key, *values), home.laptop.device)
        seen = Counter(row[: len(key)] for row in rows)
        wanted = expected[table]
        sums["facts"] += len(wanted)
        sums["lost"] += len(wanted.keys() - seen.keys())
        sums["foreign"] += len(seen.keys() - wanted.keys())
        sums["twice"] += sum(number - 1 for number in seen.values())
        sums["altered"] += sum(
            row[len(key) :] not in wanted.get(row[: len(key)], [row[len(key) :]]) for row in rows
        )
    return sums


def _expected(home: Home, service: Service) -> dict[str, dict[Row, list[Row]]]:
    """Return by table and key what the last accepted telling said."""
    tenant_key = bytes.fromhex(service.tenant_key())
    keys = Keys(tenant_key, home.laptop.device)
    rules = shipped()
    out: dict[str, dict[Row, list[Row]]] = {table: {} for table in CHECKED}
    number = accepted(home.state)
    for _, fact in islice(life(home.laptop.seed, home.laptop.number), number):
        told_of = outward(fact, rules, keys)
        table = STRUCTS.get(type(told_of))
        if table is not None:
            key, values = CHECKED[table]
            out[table][values_of(told_of, key)] = [values_of(told_of, values)]
    return out


def main() -> int:
    """Prove it and print the numbers; 0 where the demand is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--laptops", type=int, default=20, help="how many (20)")
    add("--killed", type=int, default=7, help="how many of them are killed (7)")
    add("--ships-killed", type=int, default=50, help="how many shippers are killed (50)")
    add("--facts", type=int, default=3000, help="facts each laptop makes (3000)")
    add("--seed", type=int, default=3, help="which laptops and moments (3)")
    add("--store", default="", help="an engine's URL; DuckDB in the data folder where none is said")
    args = parser.parse_args()
    plan = Plan(args.laptops, args.killed, args.ships_killed, args.facts, seed=args.seed)
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        return told(asyncio.run(prove(Path(folder), plan, args.store)))


if __name__ == "__main__":
    sys.exit(main())
