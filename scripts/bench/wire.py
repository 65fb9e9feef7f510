"""What an event costs on the wire and on the way into columns, against row maps of the same facts.

Made-up laptops of scripts/fleet (Zipf commands, lognormal times, no two batches alike) and what an
observer told of real builds on this machine; both as they leave it (`projection.outward`), 1,000
facts in a batch. Row maps are what segments hold, one MessagePack map a fact, defaults omitted.
They are read by the msgpack package, and for comparison by msgspec's types, which know the schema.

usage: python -m scripts.bench.wire [--batches N] [--repeats N] [--folder FOLDER]
"""

import argparse
import contextlib
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import numpy
import zstandard

from ingest import decoding
from ingest.store.tables import tables
from ptywrap import projection, segments, tabular, templates, wire
from scripts.bench import report
from scripts.bench.paired import interleaved, ratio
from scripts.bench.peers import ROOT
from scripts.bench.stand import Stand
from scripts.fleet.life import UNTIL, Laptop, Window
from scripts.fleet.life import segments as lived
from tests import bombs
from tests import home as homes
from tests.conformance import workloads

EVENTS = 1000
_KEYS = projection.Keys(bytes(range(32)), "d" * 32)
_LEVEL = 3


class Batch(NamedTuple):
    """The facts of one batch as they leave a machine, and the header of their segment."""

    header: wire.Segment
    facts: list[wire.Fact]

    def columns(self) -> bytes:
        """Return the batch as it travels, before it is compressed."""
        return wire.pack("000000000001-0123456789ab.n1000", self.header, self.facts)

    def rows(self) -> bytes:
        """Return the facts as row maps, one behind the other."""
        return b"".join(map(wire.encode, self.facts))


def main() -> int:
    """Measure, write the JSON, and say which demands are not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=9, help="made-up batches (9)")
    parser.add_argument("--repeats", type=int, default=15, help="rounds of each timing (15)")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    args = parser.parse_args()
    made_up = [next(batches(made(seed))) for seed in range(args.batches)]
    real = list(batches(recorded()))
    rows = [
        size_row(f"bytes an event, {EVENTS} facts a batch, made-up laptops", made_up, 31),
        size_row(f"bytes an event, {len(real[0].facts)} facts a batch, builds here", real, None),
        decode_row("an event to columns of the engine, made-up laptops", made_up, args.repeats),
        decode_row(
            f"an event to columns of the engine, {EVENTS} processes",
            [processes(seed) for seed in range(args.batches)],
            args.repeats,
        ),
        hostile_row(),
    ]
    versions = {name: version(name) for name in ("msgspec", "msgpack", "zstandard", "numpy")}
    return report.told(report.write("wire", rows, versions, args.folder), rows)


def rules() -> templates.Rules:
    """Return the shipped rules."""
    return templates.load((ROOT / "ptywrap" / "rules.toml").read_text(encoding="utf-8"))


def made(seed: int) -> Iterator[wire.Fact]:
    """Yield what a made-up laptop tells in a month, the header of each segment first."""
    for sealed in lived(Laptop(seed, seed), Window(UNTIL, days=30)):
        yield sealed.header
        yield from sealed.facts


def processes(seed: int) -> Batch:
    """Return a batch of processes alone, as builds make them."""
    facts = (fact for fact in made(seed) if isinstance(fact, wire.Process | wire.Segment))
    return next(batches(facts))


def recorded() -> Iterator[wire.Fact]:
    """Yield what an observer tells of real builds in a home of their own."""
    home = homes.a_home()
    stand = Stand(home, None)
    try:
        for name, make in workloads.WORKLOADS.items():
            folder = home.folder / name
            folder.mkdir()
            stand.run([*stand.launcher, "--quiet", "--", *make(folder).argv], folder)
            stand.calm()
        state = Path(home.environ["XDG_STATE_HOME"])
        yield from [
            fact for spool in state.glob("ptywrap/*/spool") for fact in segments.recent(spool)
        ]
    finally:
        homes.close(home)


def batches(facts: Iterator[wire.Fact]) -> Iterator[Batch]:
    """Yield whole batches of the latest telling of each fact, as it leaves; a short one alone."""
    known = rules()
    header: wire.Segment | None = None
    held: list[wire.Fact] = []
    told = False
    for fact in facts:
        left = projection.outward(fact, known, _KEYS)
        if isinstance(left, wire.Segment):
            header = header or left
        elif left is not None:
            held.append(left)
        if header is not None and len(held) >= EVENTS:
            latest = tabular.latest(held)
            if len(latest) == EVENTS:
                yield Batch(header, latest)
                told, header, held = True, None, []
    if not told and header is not None:
        yield Batch(header, tabular.latest(held))


def size_row(title: str, found: Sequence[Batch], bar: float | None) -> dict[str, Any]:
    """Weigh batches and the row maps of the same facts, each compressed alone."""
    squeeze = zstandard.ZstdCompressor(level=_LEVEL).compress
    bytes_of: dict[str, Callable[[Batch], bytes]] = {
        "columns + zstd": lambda one: squeeze(one.columns()),
        "row maps + zstd": lambda one: squeeze(one.rows()),
        "columns": Batch.columns,
        "row maps": Batch.rows,
    }
    taken = {
        name: [len(weighed(one)) / len(one.facts) for one in found]
        for name, weighed in bytes_of.items()
    }
    against = ratio(taken["columns + zstd"], taken["row maps + zstd"])
    demands = [report.within("columns over row maps, both compressed", 0.67, against)]
    if bar is not None:
        worst = max(taken["columns + zstd"])
        demands.append(report.at_most("bytes an event, the worst batch", bar, worst))
    return report.row(title, "bytes", taken, demands)


def decode_row(title: str, found: Sequence[Batch], repeats: int) -> dict[str, Any]:
    """Time the way from bytes to columns of the engine, each way in turn."""
    columns = [one.columns() for one in found]
    rows = [[wire.encode(fact) for fact in one.facts] for one in found]
    events = sum(len(one.facts) for one in found)
    ways: dict[str, Callable[[], object]] = {
        "columns": lambda: list(map(by_columns, columns)),
        "row maps": lambda: list(map(by_rows, rows)),
        "row maps, msgspec's types": lambda: list(map(by_types, rows)),
    }
    timed = {name: partial(_microseconds, way, events) for name, way in ways.items()}
    taken = interleaved(timed, repeats)
    against = ratio(taken["columns"], taken["row maps"])
    return report.row(title, "µs", taken, [report.within("columns over row maps", 0.1, against)])


def by_columns(body: bytes) -> list[Any]:
    """Return a batch's columns as the store process makes them."""
    return [
        decoding.decoded(packed, table.rows, spec)
        for name, table in wire.unpack(body).tables.items()
        for specs in [decoding.SPECS[name]]
        for column, packed in table.columns.items()
        if (spec := specs.get(column))
    ]


def by_rows(encoded: Sequence[bytes]) -> list[Any]:
    """Return row maps' columns by the msgpack package, what is nested left as it is."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in encoded:
        told = msgpack.unpackb(row)
        found.setdefault(told.pop("fact"), []).append(told)
    return [
        _array([told.get(name) for told in some])
        for some in found.values()
        for name in {name: None for told in some for name in told}
    ]


def by_types(encoded: Sequence[bytes]) -> list[Any]:
    """Return row maps' columns as the laptop's store makes them: facts first, by msgspec."""
    return [
        _array(list(values))
        for table in tables(list(map(wire.decode, encoded)))[0].values()
        for values in table.columns.values()
    ]


def _array(values: list[Any]) -> Any:
    """Return values as an array, numbers with what is known of them."""
    if type(next((value for value in values if value is not None), None)) is not int:
        out = numpy.empty(len(values), object)
        out[:] = values
        return out
    if None not in values:
        return numpy.array(values, numpy.int64)
    known = numpy.array([value is not None for value in values])
    return numpy.array([value or 0 for value in values], numpy.int64), known


def hostile_row() -> dict[str, Any]:
    """Take the time and the memory of bodies that are made to cost much, the worst of each."""
    taken: dict[str, list[float]] = {}
    for kind, bodies in (("open arrays", bombs.OPENED), ("within bounds", bombs.WITHIN)):
        taken[f"{kind}, ms"] = [_refused(body) for body in bodies.values()]
        taken[f"{kind}, MiB"] = [_peak(body) for body in bodies.values()]
    slowest = max(max(values) for name, values in taken.items() if name.endswith("ms"))
    largest = max(max(values) for name, values in taken.items() if name.endswith("MiB"))
    demands = [
        report.at_most("slowest, ms", 20, slowest),
        report.at_most("largest, MiB", 64, largest),
    ]
    return report.row("reading hostile bodies of up to 4 MiB", "ms or MiB", taken, demands)


def _refused(body: bytes) -> float:
    return min(_microseconds(partial(_read, body), 1) for _ in range(3)) / 1000


def _peak(body: bytes) -> float:
    tracemalloc.start()
    try:
        _read(body)
        return tracemalloc.get_traced_memory()[1] / bombs.MIB
    finally:
        tracemalloc.stop()


def _read(body: bytes) -> None:
    with contextlib.suppress(wire.Unreadable):
        wire.unpack(body)


def _microseconds(run: Callable[[], object], events: int) -> float:
    """Return the processor time of the faster of two runs, of one event: others use it, too."""
    best = float("inf")
    for _ in range(2):
        start = time.process_time_ns()
        run()
        best = min(best, (time.process_time_ns() - start) / 1000)
    return best / events


if __name__ == "__main__":
    sys.exit(main())
