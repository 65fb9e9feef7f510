"""What the front does to a body, under a fuzzer that sees coverage: one error of ours, or rows.

With atheris where it is installed (`pip install atheris`, in an environment of its own), else with
the seeded mutator of `mutations`. What is accepted is made ready for the store as well.

usage: python -m scripts.proofs.fuzz_receive [--seconds 60] [--corpus FOLDER]
"""

import argparse
import hashlib
import importlib.util
import sys
import time
from collections import Counter
from itertools import repeat
from pathlib import Path
from typing import Any

from ingest import entries, unpacking
from ingest.auth import Denied
from ingest.entries import Entry
from ingest.receive import examined
from ptywrap import wire
from scripts.fleet.life import UNTIL, Laptop, Window, segments
from scripts.proofs.mutations import bodies

DEVICE = Laptop(3, 1).device
_NAME = wire.batch_id(f"{1:012d}-{'cd' * 6}.n100", DEVICE)


def one(data: bytes, encoding: str = "") -> str:
    """Do to a body what the front and then the store process do; return what came of it."""
    entry = Entry(
        kind=entries.BATCH,
        tenant="t",
        device=DEVICE,
        person="p",
        team="",
        id=_NAME,
        digest=hashlib.sha256(data).digest(),
        received_at=UNTIL,
        sent_at=UNTIL,
        encoding=encoding,
        body=data,
    )
    try:
        examined(entry)
    except Denied as denied:
        return str(denied.status)
    batch = wire.unpack(data) if not encoding else None
    if batch is not None:
        found = unpacking.unpacked(batch, entry)
        for table in found.batch.tables.values():
            for values in table.columns.values():
                assert len(values) == table.rows
    return "taken"


def plain() -> bytes:
    """Return a good batch of one laptop."""
    sealed = next(one for one in segments(Laptop(3, 1), Window(UNTIL, 6)) if len(one.facts) > 90)
    return wire.pack(_NAME, sealed.header, sealed.facts[:100])


def mutated(seconds: float) -> Counter[str]:
    """Look at seeded bodies for so long; return what came of them."""
    found: Counter[str] = Counter()
    end = time.monotonic() + seconds
    for body in bodies(repeat(plain()), 1):
        if body.encoding in {"zstd", "gzip", ""}:
            found[one(body.data, body.encoding)] += 1
        if time.monotonic() > end:
            return found
    return found


def guided(seconds: float, corpus: Path) -> None:
    """Hand over to atheris, which leaves the process at its end."""
    atheris: Any = importlib.import_module("atheris")
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "good").write_bytes(plain())

    def look(data: bytes) -> None:
        one(data)

    atheris.instrument_all()
    options = [sys.argv[0], f"-max_total_time={int(seconds)}", "-max_len=65536", str(corpus)]
    atheris.Setup(options, look)
    atheris.Fuzz()


def main() -> int:
    """Fuzz; 0 where nothing but our own errors came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--corpus", type=Path, default=Path("corpus"), help="atheris keeps it here")
    args = parser.parse_args()
    if importlib.util.find_spec("atheris") is not None:
        guided(args.seconds, args.corpus)
    print(dict(mutated(args.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
