"""The loads of the bench of the network: what a client does, and what is demanded of who watches.

Each connection of a load asks for another size, so that its bytes tell which it was even where no
port is told.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from scripts.bench.net_space import PORT, ROOT, Space

STEP = 8
Argv = Callable[[Space, Path], list[str]]
PYTHON = "/usr/bin/python3"
_CLIENTS = ("net_client.py", "net_odd.py", "net_odd_ends.py", "net_odd_owners.py", "net_hello.py")


class Bars(NamedTuple):
    """Most that is permitted, in percent of connections; None: nothing is demanded of it."""

    unseen: float = 0.0
    inexact: float = 0.0
    ownerless_ordinary: float | None = None
    ownerless_root: float | None = 0.0
    likely: float | None = 5.0
    """Of those called likely, how many may be wrong."""
    strays: bool = False
    """An ordinary user's observer sums up what it finds no process for, and tells it late."""
    cpu_of_nethogs: float | None = None
    cpu_of_psutil: float | None = None


class Load(NamedTuple):
    """What is run, and how many connections it makes to the server."""

    title: str
    number: int
    argv: Argv
    bars: Bars = Bars()
    beside: bool = True
    """Whether nethogs and psutil watch it, too."""


def clients(folder: Path) -> None:
    """Put the client programs where any account may run them."""
    place = folder / "scripts" / "bench"
    place.mkdir(parents=True)
    for name in _CLIENTS:
        shutil.copy(ROOT / "scripts" / "bench" / name, place)


def client(module: str, *words: object) -> list[str]:
    """Return the argv of a client program, to be run in the folder of the clients."""
    return [PYTHON, "-ESm", f"scripts.bench.{module}", *map(str, words)]


def curls(number: int, delay_us: int, size: int, *, six: bool = False) -> Argv:
    """Run so many curl by xargs, eight at a time."""

    def argv(space: Space, _folder: Path) -> list[str]:
        sizes = f"seq {size} {STEP} {size + STEP * (number - 1)}"
        url = space.url(delay_us, "@", six=six)
        return ["/bin/sh", "-c", f"{sizes} | xargs -P8 -I@ curl -g -s -o /dev/null '{url}'"]

    return argv


def shape(name: str, *numbers: int, port: int = 0) -> Argv:
    """Run one shape of the client: number, rate, delay in microseconds, size."""

    def argv(space: Space, _folder: Path) -> list[str]:
        return client("net_client", name, space.address, PORT + port, *numbers)

    return argv


def every(scale: int = 1) -> list[Load]:
    """Return rows 1 to 4 of the acceptance table, each `scale` times smaller."""
    short = Bars(ownerless_ordinary=25.0, cpu_of_nethogs=0.5, cpu_of_psutil=0.25)
    longer = short._replace(ownerless_ordinary=0.5)
    whole = Bars(ownerless_ordinary=0.0)
    many = 600 // scale
    return [
        Load("300 curl of 1 to 2 ms", 300 // scale, curls(300 // scale, 0, 50_000), short),
        Load("200 curl of 20 ms", 200 // scale, curls(200 // scale, 20_000, 50_000), longer),
        Load("600 at 200/s of 20 ms", many, shape("steady", many, 200, 20_000, 10_000), longer),
        Load("600 at 200/s of 100 ms", many, shape("steady", many, 200, 100_000, 10_000), whole),
        Load("50 curl over IPv6 of 50 ms", 50, curls(50, 50_000, 50_000, six=True), whole),
        Load(
            "600 at 200/s under 1 ms, one process",
            many,
            shape("brief", many, 200, 0, 2_000),
            Bars(strays=True),
        ),
    ]
