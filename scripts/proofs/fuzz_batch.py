"""Feeds made-up bytes to the reader of batches and made-up facts to the projection, by coverage.

What may come out: facts, or Unreadable. What may leave: no secret that any text of a fact held. The
corpus is made at its first run and grows in its folder; without one it is thrown away.

usage: python -m scripts.proofs.fuzz_batch [--seconds N] [--corpus FOLDER] [--target NAME]

Needs atheris (`pip install atheris`), which measures coverage; hypothesis does the same in tests.
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from ptywrap import projection, templates, wire
from tests import filled, recorded
from tests.secrets_made import kept, made

_ROOT = Path(__file__).parents[2]
_KEYS = projection.Keys(bytes(range(32)), "d" * 32)
_SECRET = made(11)["mixed20"]


def main() -> int:
    """Fuzz until the time is over; atheris ends the process, with its own status if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long (60)")
    parser.add_argument("--corpus", type=Path, help="folder that the corpus is kept in")
    parser.add_argument("--target", choices=sorted(TARGETS), default="batch")
    args = parser.parse_args()
    if args.corpus is None:
        return thrown_away(args.seconds, args.target)
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        print("needs atheris: pip install atheris", file=sys.stderr)
        return 1
    seed(args.corpus)
    atheris.instrument_all()
    options = [f"-max_total_time={args.seconds}", "-max_len=65536", "-print_final_stats=1"]
    options += [f"-artifact_prefix={args.corpus}/", str(args.corpus)]
    atheris.Setup([sys.argv[0], *options], TARGETS[args.target](atheris))
    atheris.Fuzz()
    return 0


def thrown_away(seconds: int, target: str) -> int:
    """Fuzz in a child, which atheris ends before it could clean up; a crash prints its input."""
    with tempfile.TemporaryDirectory(prefix="corpus-") as corpus:
        options = ["--seconds", str(seconds), "--target", target, "--corpus", corpus]
        argv = [sys.executable, "-m", "scripts.proofs.fuzz_batch", *options]
        return subprocess.run(argv, cwd=_ROOT, check=False).returncode


def seed(corpus: Path) -> None:
    """Begin a corpus with whole batches and each of their parts."""
    corpus.mkdir(parents=True, exist_ok=True)
    for at, fact in enumerate((*recorded.FACTS, None)):
        told = recorded.FACTS if fact is None else (fact,)
        (corpus / f"batch-{at}").write_bytes(wire.pack(recorded.NAME, recorded.HEADER, told))
    tables = msgpack.unpackb(recorded.batch())["tables"]
    for name, table in tables.items():
        (corpus / f"table-{name}").write_bytes(msgpack.packb(table))


def batch(_: Any) -> Callable[[bytes], None]:
    """Return what reads bytes as a batch, and its facts as a laptop's `sent` does."""

    def read(data: bytes) -> None:
        try:
            facts = list(wire.facts(wire.unpack(data)))
        except wire.Unreadable:
            return
        wire.unpack(wire.pack(recorded.NAME, recorded.HEADER, facts))

    return read


def outward(atheris: Any) -> Callable[[bytes], None]:
    """Return what puts bytes beside a secret into every text of a fact, and looks for it."""
    rules = templates.load((_ROOT / "ptywrap" / "rules.toml").read_text(encoding="utf-8"))

    def leave(data: bytes) -> None:
        given = atheris.FuzzedDataProvider(data)
        struct = filled.FACTS[given.ConsumeIntInRange(0, len(filled.FACTS) - 1)]

        def text(_: str) -> str:
            around: list[str] = [given.ConsumeUnicodeNoSurrogates(size) for size in (20, 9)]
            return _SECRET.join(around)

        left = projection.outward(filled.filled(struct, text), rules, _KEYS)
        if left is not None:
            body = wire.pack(recorded.NAME, recorded.HEADER, [left]).decode("latin-1")
            if kept(body, [_SECRET]):
                raise AssertionError(f"a secret left in {struct.__name__}")

    return leave


TARGETS: dict[str, Callable[[Any], Callable[[bytes], None]]] = {
    "batch": batch,
    "projection": outward,
}

if __name__ == "__main__":
    sys.exit(main())
