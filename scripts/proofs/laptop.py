"""A laptop of a proof: a process that spools made-up facts where the observer would, until killed.

Run as `python -m scripts.proofs.laptop SEED NUMBER FACTS PACE_MS` with the home's environment. A
fact is in `accepted` (its place in the life, a line) once `append` has returned: from then on it
must reach the store. Started again it adopts what it left, and goes on with what it had not
accepted.
"""

import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ptywrap import clock, device, paths, spool, wire
from scripts.fleet.life import UNTIL, Laptop, Window, segments

# One window for all who make the same facts again.
WINDOW = Window(UNTIL, days=6)
_SEAL_EVERY = 150


def life(seed: int, number: int) -> Iterator[tuple[wire.Segment, wire.Fact]]:
    """Yield a laptop's facts, each with the header of a segment that may hold it."""
    for sealed in segments(Laptop(seed, number), WINDOW):
        for fact in sealed.facts:
            yield sealed.header, fact


def accepted(state: Path) -> int:
    """Return how many facts a laptop's spool has accepted: the first so many of its life."""
    try:
        return (state / "accepted").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def main() -> int:
    """Spool the life from where it stopped; ends by itself after so many facts."""
    seed, number, most, pace_ms = map(int, sys.argv[1:5])
    state = paths.state_folder()
    folder = paths.spool_folder(device.identity())
    paths.private(folder)
    spool.adopt(folder)
    ledger = os.open(state / "accepted", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    writer: spool.Spool | None = None
    header: wire.Segment | None = None
    told = accepted(state)
    for place, (own, fact) in enumerate(islice(life(seed, number), told, most), start=told):
        if writer is None or own.boot_id != (header.boot_id if header else ""):
            # A boot is one run of the observer: what it had open is sealed at its end.
            header = own
            if writer is not None:
                writer.close()
            writer = _writer(folder, header)
        if not writer.append(fact):
            return 1
        os.write(ledger, b"%d\n" % place)
        if place % _SEAL_EVERY == _SEAL_EVERY - 1:
            writer.seal()
            time.sleep(pace_ms / 1000)
    if writer is not None:
        writer.close()
    return 0


def _writer(folder: Path, header: wire.Segment) -> spool.Spool:
    return spool.Spool(folder, lambda: header, clock.monotonic_ns)


if __name__ == "__main__":
    sys.exit(main())
