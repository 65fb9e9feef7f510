"""What the observer keeps of one session: its files, what they said so far, where to go on."""

import contextlib
import shlex
from bisect import insort
from operator import itemgetter
from pathlib import Path

import msgspec

from ptywrap import marks
from ptywrap.observe.attention import Attention
from ptywrap.observe.base import Reading
from ptywrap.observe.commands import Commands, Start, Step
from ptywrap.observe.digest import Digest
from ptywrap.observe.fold import (
    Gone,
    Known,
    Record,
    Replaced,
    Told,
    moments,
    packed,
    steps,
    undated,
    unpacked,
)
from ptywrap.observe.held import Held
from ptywrap.observe.markfile import MarkFile
from ptywrap.observe.times import Times
from ptywrap.observe.tree import Life

SHELL, RELAYED, BARE = 1, 2, 3
NO_TEXT = 4
_FORMAT = 1
_BEGIN_BYTES = 64 << 10


Queued = tuple[int, Told]


class Session:
    """One shell or run under observation, known by its `SESSION.pty`.

    `read` takes what was appended, `advance` applies what is older than a moment in the order of
    its times, and gives the steps of its commands.
    """

    def __init__(self, folder: Path, name: str, begin: marks.Begin, times: Times) -> None:
        self.name = name
        self.id = bytes.fromhex(name)
        self.begin = begin
        self.times = times
        self.attention = Attention()
        self.commands = Commands(begin.shell_pid, begin.shell, begin.cwd)
        text = not begin.flags & NO_TEXT
        self.held = Held(folder / f"{name}.held" if text else None)
        self.flows = Held(folder / f"{name}.flows" if text else None, late=True)
        self.readings: dict[int, list[Reading]] = {}
        self.spans: list[tuple[int, int, int, int | None]] = []
        """Shell, since, until, command (None: recorded nowhere) of commands something outlived."""
        self.blind: list[tuple[int, int]] = []
        """Spans in which nobody looked at this session (CLOCK_MONOTONIC ns)."""
        self.actor: str | None = None
        self.rusage: marks.Rusage | None = None
        self.end: marks.End | None = None
        self.losses: list[marks.Lost] = []
        self.line = shlex.join(begin.argv) if begin.mode != SHELL else ""
        self.hidden = False
        """Whether this run is to be recorded nowhere."""
        self.digest: Digest | None = None
        """What a run's processes were that were told as they ended."""
        self.executed: int | None = None
        """When a run's command was executed; until then its words may be anything."""
        self.launchers: set[int] = set()
        self.tops: set[int] = set()
        """Launchers of runs typed here: their pids, and when they were born once that is known."""
        self.fresh = True
        self.unsaved = False
        self._folder = folder
        self._queue: list[Queued] = []
        self._pump: MarkFile | None = None
        self._shells: dict[int, MarkFile] = {}
        self._leaving: list[MarkFile] = []
        self._restore()

    @property
    def run(self) -> bool:
        """Whether this is one `-- CMD`, and no shell."""
        return self.begin.mode != SHELL

    @property
    def began(self) -> Start:
        """The start of a run: its first record."""
        begin = self.begin
        return Start(begin.shell_pid, begin.at_ns, begin.at_ns, begin.cwd, "begin")

    @property
    def due_ns(self) -> int | None:
        """When the oldest record that waits was written."""
        return self._queue[0][0] if self._queue else None

    def is_ours(self, life: Life) -> bool:
        """Say whether a process is a launcher of ours, or below one: no part of what was typed."""
        if life.pid in self.launchers:
            self.launchers.discard(life.pid)
            self.tops.add(life.top_ns)
        return life.top_ns in self.tops

    def read(self, now_ns: int, pids: list[int]) -> list[int]:
        """Take what was appended to the pump's and to these shells' files.

        Returns the shells that have told something: a good moment to read what they used.
        """
        told = [pid for pid in pids if self._read_shell(pid, now_ns)]
        if self._pump is None:
            with contextlib.suppress(OSError):
                self._pump = MarkFile(self._folder / f"{self.name}.pty", marks.pump_records)
        if self._pump is not None:
            for record in self._pump.read():
                self._take(record)
        return told

    def queue(self, at_ns: int, record: Replaced | Gone) -> None:
        """Take what the kernel told of a shell, in its turn."""
        insort(self._queue, (at_ns, record), key=itemgetter(0))

    def advance(self, until_ns: int) -> list[Step]:
        """Apply the records up to a moment."""
        found: list[Step] = []
        while self._queue and self._queue[0][0] <= until_ns:
            at_ns, record = self._queue.pop(0)
            found += steps(self.commands, at_ns, record, self.times.monotonic)
        return found

    def save(self) -> None:
        """Keep where to go on, then blank what is kept there or has become facts."""
        files: list[MarkFile] = [*self._shells.values()]
        self.unsaved = False
        state = {
            "format": _FORMAT,
            "pump": self._pump.offset if self._pump else 0,
            "shells": {str(pid): [f.inode, f.offset] for pid, f in self._shells.items()},
            "commands": self.commands.state(),
            "readings": {str(p): [list(r) for r in all_[-2:]] for p, all_ in self.readings.items()},
            "queue": [[at_ns, *packed(record)] for at_ns, record in self._queue],
            "spans": [list(span) for span in self.spans],
        }
        path = self._folder / f"{self.name}.told"
        fresh = path.with_name(path.name + ".new")
        with contextlib.suppress(OSError):
            fresh.touch(mode=0o600)
            fresh.write_bytes(msgspec.msgpack.encode(state))
            fresh.rename(path)
            for file in files:
                file.blank()
                self._rotate(file)

    def close(self, *, remove: bool) -> None:
        """Let go of the files; `remove` them once the session is over."""
        for file in [*self._shells.values(), *self._leaving]:
            file.close()
        if self._pump is not None:
            self._pump.close()
        self.held.close(remove=remove)
        self.flows.close(remove=remove)
        if remove:
            for path in self._folder.glob(f"{self.name}.*"):
                path.unlink(missing_ok=True)

    def _read_shell(self, pid: int, now_ns: int) -> bool:
        file = self._shells.get(pid)
        if file is None:
            try:
                file = MarkFile(self._folder / f"{self.name}.{pid}", marks.shell_records)
            except OSError:
                return False
            self._shells[pid] = file
        told = self._queued(file, now_ns)
        if file.replaced():
            self._leaving.append(self._shells.pop(pid))
        for old in self._leaving:
            self._queued(old, now_ns)
        return told

    def _queued(self, file: MarkFile, now_ns: int) -> bool:
        """Take a shell's new records; one without a time was written when its file last changed."""
        records = file.read()
        monotonic = self.times.monotonic
        known = Known(file.last_ns, monotonic(file.changed_ns()), now_ns)
        dated = moments(records, known, monotonic)
        file.last_ns = dated[-1] if dated else file.last_ns
        # Dated by us and not by the shell: the next observer must not date it again.
        self.unsaved = self.unsaved or any(undated(record) for record in records)
        for queued in zip(dated, records, strict=True):
            insort(self._queue, queued, key=itemgetter(0))
        return bool(records)

    def _rotate(self, file: MarkFile) -> None:
        while len(self._leaving) > 1:
            gone = self._leaving.pop(0)
            gone.close()
        if file.rotate():
            with contextlib.suppress(OSError):
                file.path.with_name(file.path.name + ".old").unlink()

    def _take(self, record: Record) -> None:
        match record:
            case marks.Totals():
                self.times.hear(record.at_ns, record.wall_ns)
            case marks.Keys():
                self.attention.keys(record.first_ns, record.last_ns)
            case marks.Screen():
                self.attention.screen(record.at_ns, alternate=record.alternate)
            case marks.Mode():
                self.attention.mode(record.at_ns, canonical=record.canonical)
            case marks.Suspend() | marks.Resume():
                stopped = isinstance(record, marks.Suspend)
                self.attention.stopped(record.at_ns, stopped=stopped)
            case marks.Foreground():
                self.attention.foreground(record.at_ns, record.group)
                insort(self._queue, (record.at_ns, record), key=itemgetter(0))
            case marks.Rusage():
                self.rusage = record
            case marks.End():
                self.end = record
            case marks.Lost():
                self.losses.append(record)

    def _restore(self) -> None:
        """Go on where another observer stopped; without its word, begin at the beginning."""
        try:
            state = msgspec.msgpack.decode((self._folder / f"{self.name}.told").read_bytes())
            if state["format"] != _FORMAT:
                return
            self.commands.restore(state["commands"])
            self.spans = [(a, b, c, d) for a, b, c, d in state["spans"]]
            for pid, readings in state["readings"].items():
                self.readings[int(pid)] = [Reading(*reading) for reading in readings]
            self._queue = [(at_ns, unpacked(values)) for at_ns, *values in state["queue"]]
            self.fresh = False
            self._reopen(state["pump"], state["shells"])
        except (OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError):
            return

    def _reopen(self, pump: int, shells: dict[str, list[int]]) -> None:
        self._pump = MarkFile(self._folder / f"{self.name}.pty", marks.pump_records, pump)
        for pid, (inode, offset) in shells.items():
            with contextlib.suppress(OSError):
                path = self._folder / f"{self.name}.{pid}"
                file = MarkFile(path, marks.shell_records, offset)
                if file.inode == inode:
                    self._shells[int(pid)] = file
                else:
                    file.close()


def begin_of(path: Path) -> marks.Begin | None:
    """Return the first record of a `SESSION.pty`, None while it is not there."""
    try:
        with path.open("rb") as file:
            records, _ = marks.pump_records(file.read(_BEGIN_BYTES))
    except OSError:
        return None
    first = records[0] if records else None
    return first if isinstance(first, marks.Begin) else None
