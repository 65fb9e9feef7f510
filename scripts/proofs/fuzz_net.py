"""Throws damaged messages at every parser of netsniff: no exception but its own, and no loop.

With atheris where it is installed (`pip install atheris`, in an environment of its own) it sees
coverage and goes on for `--seconds`; else, or with `--mutations N`, so many seeded mutations are
thrown at each parser, after every cut of every good message.

usage: python -m scripts.proofs.fuzz_net [--seconds 600] [--corpus FOLDER]
       python -m scripts.proofs.fuzz_net --mutations N [--record]
"""

import argparse
import importlib
import importlib.util
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from scripts.bench import report
from scripts.fleet.dice import Dice
from scripts.proofs.net_targets import Target, targets

LONGEST_SECONDS = 2
"""A parser that takes so long over one message of a few kilobytes is in a loop."""
_STUCK_SECONDS = 60
"""The same for atheris, which may have to share the machine for ten minutes."""
_MOST_BYTES = 65536
_EDGES = (0, 1, 3, 4, 0x7F, 0x80, 0xFF)


def cuts(target: Target) -> int:
    """Read every beginning of every good message; return how many there were."""
    number = 0
    for seed in target.seeds:
        for end in range(len(seed) + 1):
            target.read(seed[:end])
            number += 1
    return number


def mutations(target: Target, seed: int) -> Iterator[bytes]:
    """Yield damaged messages without end, the same ones for the same seed."""
    dice = Dice("net", target.name, seed)
    while True:
        data = bytearray(dice.one(target.seeds))
        for _ in range(dice.whole(1, 6)):
            _damage(data, dice, target.seeds)
        yield bytes(data[:_MOST_BYTES])


def _damage(data: bytearray, dice: Dice, seeds: tuple[bytes, ...]) -> None:
    """Do one thing to a message: turn a bit, set a field, cut, say twice, put in another's part."""
    if not data:
        data += dice.text(dice.whole(1, 64))
        return
    at = dice.whole(0, len(data) - 1)
    size = dice.whole(1, 32)
    kind = dice.whole(0, 6)
    if kind == 0:
        data[at] ^= 1 << dice.whole(0, 7)
    elif kind == 1:
        width = dice.one((1, 2, 4, 8))
        data[at : at + width] = bytes(dice.one(_EDGES) for _ in range(width))
    elif kind == 2:
        del data[at:]
    elif kind == 3:
        del data[at : at + size]
    elif kind == 4:
        data[at:at] = data[at : at + size] * dice.whole(1, 40)
    elif kind == 5:
        other = dice.one(seeds)
        begin = dice.whole(0, max(0, len(other) - 1))
        data[at : at + size] = other[begin : begin + dice.whole(1, 200)]
    else:
        data[at : at + size] = dice.text(size)


def thrown(target: Target, number: int, *, longest_seconds: float = LONGEST_SECONDS) -> int:
    """Throw so many mutations at a parser; return how many were read. A loop ends by an alarm."""

    def loops(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"one message took {longest_seconds} s")

    made, whole = mutations(target, 1), 0
    before = signal.signal(signal.SIGALRM, loops)
    try:
        for _ in range(number):
            data = next(made)
            signal.setitimer(signal.ITIMER_REAL, longest_seconds)
            read = False
            try:
                target.read(data)
                read = True
                whole += 1
            finally:
                if not read:
                    print(f"{target.name}: {data.hex()}", file=sys.stderr)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return whole


def guided(seconds: float, corpus: Path) -> None:
    """Hand over to atheris, which leaves the process at its end; byte 1 says whose the rest is."""
    atheris: Any = importlib.import_module("atheris")
    corpus.mkdir(parents=True, exist_ok=True)
    atheris.instrument_all()
    chosen = targets()
    for first, target in enumerate(chosen):
        for number, seed in enumerate(target.seeds):
            (corpus / f"{target.name}-{number}").write_bytes(bytes((first,)) + seed)

    def look(data: bytes) -> None:
        if data:
            chosen[data[0] % len(chosen)].read(data[1:])

    options = [
        sys.argv[0],
        f"-max_total_time={int(seconds)}",
        f"-max_len={_MOST_BYTES}",
        f"-timeout={_STUCK_SECONDS}",
        f"-artifact_prefix={corpus}/",
        str(corpus),
    ]
    atheris.Setup(options, look)
    atheris.Fuzz()


def main() -> int:
    """Fuzz; 0 where nothing but the parsers' own errors came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long atheris goes on")
    parser.add_argument("--corpus", type=Path, default=Path("corpus"), help="atheris keeps it here")
    parser.add_argument("--mutations", type=int, help="throw so many at each, without atheris")
    parser.add_argument("--record", action="store_true", help="write docs/measure/damage.json")
    args = parser.parse_args()
    if args.mutations is None and importlib.util.find_spec("atheris") is not None:
        guided(args.seconds, args.corpus)
    number = args.mutations or 100_000
    rows = []
    for target in targets():
        began = time.monotonic()
        cut = cuts(target)
        thrown(target, number)
        took = time.monotonic() - began
        print(f"{target.name}: {cut} cuts, {number} mutations, {took:.1f} s")
        # It is here, so no fault came: the first one ends the run.
        faults = report.at_most("exceptions not its own, and loops, at most 0", 0, 0)
        read = {"netsniff": [cut + number]}
        rows.append(report.row(f"damaged messages read: {target.name}", "messages", read, [faults]))
    if args.record:
        report.write("damage", rows, {}, report.FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
