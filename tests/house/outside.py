"""Rule 4: third parties only where the row says so; pure files stay pure; one file reads clocks."""

from pathlib import Path

from tests.house import source
from tests.house.table import rows_of

IMPURE = {"os", "posix", "socket", "time", "random", "secrets", "pathlib", "subprocess"} | {
    *("logging", "asyncio"),
}
# asyncio belongs to the service and the shipper; the wrapper and the observer are poll loops.
ASYNCHRONOUS = ("ptywrap.ship", "ingest")
# Who reads the wall clock, and why it is not asked of ptywrap/clock.py.
WALL_CLOCK = {
    "ptywrap.clock": "where facts take it from",
    "ptywrap.launch.tally": "launch imports nothing of ours, and a mark file carries both clocks",
    "netsniff.live.views": "netsniff imports nothing of ours, and its lines carry wall times",
    "ingest.clock": "ingest imports nothing of ptywrap but the schema",
}
WALL_READERS = frozenset(
    {f"time.{name}" for name in ("time", "time_ns", "clock_gettime", "clock_gettime_ns")}
    | {f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")}
    | {"datetime.date.today"}
)


def strangers(root: Path) -> list[str]:
    """Third parties that a file's row does not name."""
    found = []
    for file in source.read(root).modules():
        rows = rows_of(file.name)
        allowed = set(rows[0].third.split()) if rows else set()
        for line, name in source.imports(file):
            top = name.partition(".")[0]
            ours = top in source.FOLDERS
            if not ours and not source.is_stdlib(top) and top not in allowed:
                found.append(f"{file.path}:{line}: {top} has no place here")
    return found


def impurities(root: Path) -> list[str]:
    """What a pure file imports though it reaches outside, and asyncio where it does not belong."""
    found = []
    for file in source.read(root).modules():
        rows = rows_of(file.name)
        pure = bool(rows) and rows[0].pure
        for line, name in source.imports(file):
            top = name.partition(".")[0]
            if pure and top in IMPURE:
                found.append(f"{file.path}:{line}: a pure file imports {top}")
            elif top == "asyncio" and not f"{file.name}.".startswith(
                tuple(f"{name}." for name in ASYNCHRONOUS)
            ):
                found.append(f"{file.path}:{line}: asyncio is for {' and '.join(ASYNCHRONOUS)}")
    return found


def clocks(root: Path) -> list[str]:
    """Readings of the wall clock outside the files that may."""
    return [
        f"{file.path}:{line}: {name} is read here and not in ptywrap/clock.py"
        for file in source.read(root).modules()
        if file.name not in WALL_CLOCK
        for line, name in source.used(file)
        if name in WALL_READERS
    ]
