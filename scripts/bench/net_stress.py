"""Very many connections: over few ports beside burners, and while whoever reads is stalled."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.bench import net_loads, report
from scripts.bench.net_alone import Alone
from scripts.bench.net_field import Field
from scripts.bench.net_loads import Bars, Load
from scripts.bench.net_netlink import drops, listening
from scripts.bench.net_peers import Told
from scripts.bench.net_round import Rows, Way, one_round, rows
from scripts.bench.net_space import PORT, Space
from scripts.bench.outer import descendants

_BURNERS = 8
_PORTS = (42_000, 42_199)
_STALL_S = 3.0
_LATER = 1_000_000
"""From what size on a connection is one of those after the stall."""


def crowded(field: Field, repeats: int, number: int, observers: int) -> Rows:
    """Run so many curl over 200 local ports beside burners, under the product and others alone."""
    load = Load(
        f"{number:,} curl over 200 ports beside {_BURNERS} burners and {observers} observers",
        number,
        _over_few_ports(number),
        Bars(),
    )
    account = field.ordinary.stand.account
    taken = []
    for at in range(repeats):
        alone = [Alone(field.folder, account, place) for place in range(1, observers)]
        print(f"  stress {at + 1} of {repeats}", file=sys.stderr, flush=True)
        with burners():
            taken.append(one_round(field, load, Way(field.ours, alone)))
    return rows(load, taken)


def _over_few_ports(number: int) -> net_loads.Argv:
    """Give curl few local ports; the server closes first, so that they come back at once."""

    def argv(space: Space, _folder: Path) -> list[str]:
        last = 50_000 + net_loads.STEP * (number - 1)
        url = space.url(0, "@/close")
        ports = f"{_PORTS[0]}-{_PORTS[1]}"
        curl = f"curl -s -o /dev/null --local-port {ports} --retry 3 '{url}'"
        return ["/bin/sh", "-c", f"seq 50000 {net_loads.STEP} {last} | xargs -P16 -I@ {curl}; true"]

    return argv


@contextlib.contextmanager
def burners() -> Iterator[None]:
    """Keep the processors busy."""
    spin = [sys.executable, "-ISc", "while True: pass"]
    started = [subprocess.Popen(spin) for _ in range(_BURNERS)]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


def stalled(field: Field, number: int) -> Rows:
    """Stop whoever reads for seconds under as many connections as the machine makes."""
    alone = Alone(field.folder, field.ordinary.stand.account)
    alone.begin(field.space)
    field.space.take(0)
    reader = listening(descendants(alone.process.pid))
    if reader is None:
        alone.end([])
        raise RuntimeError("nobody of netsniff listens to destroyed sockets")
    pid, inode = reader
    before = drops(inode)
    client = field.ordinary.stand.start(_many(field, number, 100), cwd=field.ordinary.work)
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(_STALL_S)
    finally:
        client.wait()
        os.kill(pid, signal.SIGCONT)
    time.sleep(_STALL_S)
    made = len(field.space.take()[0])
    dropped = drops(inode) - before
    field.ordinary.stand.run(_many(field, 100, _LATER), cwd=field.ordinary.work)
    field.space.take()
    told = alone.end([])
    after = sum((one.received_bytes or 0) >= _LATER for one in told.claims)
    return _stall_rows(made, dropped, told, after)


def _many(field: Field, number: int, size: int) -> list[str]:
    words = (field.space.address, PORT, number, 0, 0, size)
    return net_loads.client("net_client", "brief", *words)


def _stall_rows(made: int, dropped: int, told: Told, after: int) -> Rows:
    seen, missed = len(told.claims) - after, told.missed or 0
    values = {
        "connections made": [float(made)],
        "messages dropped by the kernel": [float(dropped)],
        "seen": [float(seen)],
        "told as missed": [float(missed)],
    }
    title = f"reader stopped for {_STALL_S:g} s"
    demands = [
        report.at_most("none neither seen nor told as missed", 0.0, max(0, made - seen - missed)),
        report.at_most("told as missed is what the kernel dropped", 0.0, abs(missed - dropped)),
    ]
    none = [report.at_most("none", 0.0, 100.0 - after)]
    later = {"netsniff alone": [100.0 - after]}
    return [
        report.row(f"{title}: connections", "", values, demands),
        report.row(f"{title}: not seen of 100 afterwards", "%", later, none),
    ]
