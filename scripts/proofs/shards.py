"""A whole service before two ClickHouse shards, one of them killed for seconds while a fleet posts.

storage.md row 17, from the laptops' side: they see no error, nothing is lost or twice, what waited
is drained soon after the shard is back. With `--rounds` the store process is killed as well, while
a fifth of the posts are refused and a fifth of the answers lost. Counted by plain HTTP.

usage: python -m scripts.proofs.shards [--away 8] [--rounds 0]
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts.fleet.ledger import Fleet, Ledger
from scripts.fleet.life import UNTIL, Window
from scripts.fleet.play import Pace, Played, play
from scripts.fleet.post import Patience
from scripts.proofs.kills import Killing, Load, counted
from scripts.proofs.kills import prove as killed
from scripts.proofs.service import LIFTED, Service, told
from tests.ingest import cluster

DRAIN_S = 10.0
_BEFORE_S = 2.0
_DATABASE = "ptywrap"


async def prove(folder: Path, pair: list[cluster.Server], away_s: float) -> dict[str, Any]:
    """Kill the second shard under load and start it again; return the numbers."""
    store = url(pair)
    service = Service(folder / "data", store, settings=LIFTED)
    ledger = Ledger(folder / "fleet")
    try:
        await asyncio.to_thread(service.start)
        secret = await asyncio.to_thread(service.secret, "--enrol", "--uses", "100")
        fleet = ledger.begin(Fleet(service.url, 8, 21, Window(UNTIL, 3, 60), 200))
        pace = Pace(over_s=away_s + 2 * _BEFORE_S, patience=Patience(first_s=0.05))
        playing = asyncio.create_task(play(fleet, ledger, secret, pace))
        await asyncio.sleep(2 * _BEFORE_S)
        whole = await asyncio.to_thread(_label, service, ledger)
        pair[1].kill()
        await asyncio.sleep(away_s)
        short = await asyncio.to_thread(_label, service, ledger)
        await asyncio.to_thread(pair[1].start)
        played = await playing
        drained = await asyncio.to_thread(service.drained, len(played.fates))
        status = await asyncio.to_thread(service.stop)
    finally:
        await asyncio.to_thread(service.close)
    result = _result(played, ledger, store, drained)
    labelled = (whole, short) == (None, {"shards": 2, "answered": 1})
    result["holds"] = result["holds"] and labelled
    return result | {"labelled": labelled, "status_at_the_end": status}


def _label(service: Service, ledger: Ledger) -> Any:
    """Return the label of somebody's own page just now."""
    account = next(iter(ledger.accounts().values()))
    bearer = f"Bearer {account.token}"
    _, body = service.asks("/", Accept="application/json", Authorization=bearer)
    return json.loads(body).get("partial")


def url(pair: list[cluster.Server]) -> str:
    """Return the store's URL of some shards."""
    return f"clickhouse://{','.join(one.address for one in pair)}/{_DATABASE}"


def _result(played: Played, ledger: Ledger, store: str, drained: float) -> dict[str, Any]:
    found = counted([ledger], store)
    more = sum(fate.attempts - 1 for fate in played.fates)
    return {
        "attempts_that_came_to_nothing": more,
        "drained_s": round(drained, 2),
        **found._asdict(),
        "holds": found.faults == more == 0
        and found.acknowledged == found.batches
        and drained <= DRAIN_S,
    }


def main() -> int:
    """Prove it and print the numbers; 0 where the demand is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--away", type=float, default=8.0, help="s for which a shard is gone (8)")
    parser.add_argument("--rounds", type=int, default=0, help="kills of the store process too (0)")
    args = parser.parse_args()
    pair = cluster.servers(2)
    try:
        with tempfile.TemporaryDirectory(prefix="proof-") as folder:
            result = asyncio.run(prove(Path(folder), pair, args.away))
        status = told(result)
        if args.rounds:
            with tempfile.TemporaryDirectory(prefix="proof-") as folder:
                killing = Killing("store", args.rounds)
                status |= told(asyncio.run(killed(Path(folder), Load(), killing, url(pair))))
    finally:
        for one in pair:
            one.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
