"""Rows 1 to 4 and 11 of the acceptance table."""

import subprocess
import sys
from collections.abc import Sequence

from scripts.bench import net_loads, net_peers
from scripts.bench.net_alone import Alone
from scripts.bench.net_field import Field
from scripts.bench.net_loads import Bars, Load
from scripts.bench.net_round import Round, Rows, Way, one_round, rows
from scripts.bench.net_space import PORT

_PEERS = ["nethogs", "psutil 100 ms"]
_MINUTE_S = 61.0
_OTHERS, _OTHERS_SIZE = 20, 900_000


def acceptance(field: Field, loads: Sequence[Load], repeats: int, only: str) -> Rows:
    """Run each load beside the peers under each product, then without peers, then alone."""
    made: Rows = []
    for load in loads:
        if only in load.title:
            print(f"  {load.title}", file=sys.stderr, flush=True)
            made += rows(load, [one for _ in range(repeats) for one in _each_way(field, load)])
    return made


def _each_way(field: Field, load: Load) -> list[Round]:
    """Watch a load in every way there is, once each."""
    last = field.ordinary
    alone = [Alone(field.folder, last.stand.account), *net_peers.here(["psutil 50 ms"])]
    ways = [Way(product, net_peers.here(_PEERS)) for product in field.products]
    if load.bars.cpu_of_nethogs is not None:
        ways.append(Way(last, label=", no rivals"))
    ways.append(Way(last, alone, bare=True))
    return [one_round(field, load, way) for way in ways]


def strays(field: Field, load: Load) -> Rows:
    """Run a load whose processes an ordinary user cannot find, and wait for what is summed up."""
    title = f"{load.title}; a minute later"
    way = Way(field.ordinary, linger_s=_MINUTE_S)
    return rows(load._replace(title=title, bars=Bars()), [one_round(field, load, way)])


def mixed(field: Field, loads: Sequence[Load], repeats: int) -> Rows:
    """Rows 1 to 3 while twenty other processes of the same user talk to the same server."""
    made: Rows = []
    for load in loads:
        found = []
        for _ in range(repeats):
            others = _others(field)
            try:
                found.append(one_round(field, load, Way(field.ordinary), below=_OTHERS_SIZE))
            finally:
                _end(others)
        title = f"{load.title}; beside {_OTHERS} other processes of the user"
        made += rows(load._replace(title=title, bars=Bars(strays=True)), found)
    return made


def _others(field: Field) -> list[subprocess.Popen[bytes]]:
    product = field.ordinary
    started = []
    for at in range(_OTHERS):
        numbers = (PORT, 100_000, 5, 5_000, _OTHERS_SIZE + 100_000 * at)
        argv = net_loads.client("net_client", "brief", field.space.address, *numbers)
        options = {"cwd": product.work, "stderr": subprocess.DEVNULL}
        started.append(product.stand.start(argv, **options))
    return started


def _end(started: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in started:
        process.kill()
        process.wait()
