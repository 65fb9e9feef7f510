"""What the launcher runs after `ptywrap -- CMD`: the run record to a file, a digest to stderr.

Example: ptywrap --json run.json -- make test
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ptywrap import device, paths, segments, service, wire
from ptywrap.cli import digest
from ptywrap.errors import UserError

_SHORT_ID = 8
_PATIENCE_S = 2.0
_LOOKS = 3  # at most: open, then sealed, then archived


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the launcher passes on."""
    parser.add_argument("session", metavar="SESSION")
    parser.add_argument("--json", metavar="FILE", type=Path)
    parser.add_argument("--quiet", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Wait for the run's facts, then write and print them.

    The launcher ends us by SIGTERM after its 2 s: no file half written may stay.
    """
    signal.signal(signal.SIGTERM, _leave)
    answer = service.await_observer("run", _PATIENCE_S, session=args.session)
    if answer is None:
        raise UserError("this run was not observed", "ptywrap doctor says why")
    session, command = bytes.fromhex(answer["session"]), int(answer["command"])
    # Facts in the answer: the line is not over, and may yet be one that is kept nowhere.
    held = [wire.decode(row) for row in answer.get("facts", ())]
    record = wire.run_record(held or _facts(session, command), (session, command))
    if record is None:
        raise UserError("the record of this run is gone", "ptywrap status says what was dropped")
    if args.json is not None:
        _replace(args.json, json.dumps(record, ensure_ascii=False, indent=2) + "\n")
    if not args.quiet and sys.stderr.isatty():
        for line in digest.digest(record, record["command"]["id"][:_SHORT_ID]):
            print(f"ptywrap: {line}" if not line.startswith(" ") else line, file=sys.stderr)
    return 0


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _facts(session: bytes, command: int) -> Iterator[wire.Fact]:
    """Yield the facts of every segment back to the one in which the command was first told."""
    machine = device.identity()
    folders = (paths.archive_folder(machine), paths.spool_folder(machine))
    files = sorted(
        (path for folder in folders for path in segments.every(folder)), key=lambda path: path.name
    )
    told: list[list[wire.Fact]] = []
    for path in reversed(files):
        told.append(_of(path, folders))
        if _before(told[-1], told, (session, command)):
            break
    for facts in reversed(told):
        yield from facts


def _of(path: Path, folders: tuple[Path, ...]) -> list[wire.Fact]:
    """Return a segment's facts, also when it is sealed or archived at this very moment."""
    beginning = path.name.partition(".")[0]
    for _ in range(_LOOKS):
        found = list(segments.facts(path))
        if found or path.exists():
            return found
        path = next((one for at in folders for one in at.glob(f"{beginning}.*")), path)
    return []


def _before(
    facts: list[wire.Fact], told: list[list[wire.Fact]], command: tuple[bytes, int]
) -> bool:
    """Tell whether a segment was begun before the command, so that none older can hold of it."""
    started = [
        fact.started_at
        for group in told
        for fact in group
        if isinstance(fact, wire.Command) and (fact.session, fact.id) == command
    ]
    header = next((fact for fact in facts if isinstance(fact, wire.Segment)), None)
    if header is None or not started or started[0] is None:
        return False
    return header.wall_ns < started[0]


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all; a pipe or device is written to as it is."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(made, _mode(path))
            os.replace(made, path)
        except (OSError, SystemExit):
            with contextlib.suppress(OSError):
                os.unlink(made)
            raise
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}", "name another file") from None


def _mode(path: Path) -> int:
    """Return the mode the file has, else what the umask leaves of 0666."""
    with contextlib.suppress(OSError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
