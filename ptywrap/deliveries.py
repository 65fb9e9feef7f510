"""What became of each segment on its way to a remote destination: a list that only grows.

`packed`, a line an event or several with `; ` between them that hold together, folded to the
present by whoever reads it. A line without its end was torn by a crash and means nothing.

=========================================  =====================================================
``for TENANT``                             whose list it is; another tenant's is begun anew
``packed NAME FACTS SEGMENT,…``            a body was made of them
``tried NAME``                             it may have arrived: its bytes stay as they are
``sent NAME REFUSED``                      the destination has it, but so many rows
``changed NAME FACTS``                     some of it was forgotten before it was ever tried
``withdrawn NAME``                         others stand in its place, or it was forgotten
``undone NAME``                            the same, and its segments are as if never packed
``dropped NAME REASON``                    it had to go, or the destination will never take it
``lost SEGMENT FACTS REASON``              a segment had to go before it was packed
``evicted REASON FACTS``                   so many the shipper itself took from the spool in all
``told SENSOR FACTS``                      so many of one kind of drop were told as Loss facts
``counted WHAT FACTS``                     the sum of lines that have been cleared away
=========================================  =====================================================
"""

import contextlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from ptywrap import kept, locks

WAITING, SENT = "waiting", "sent"
_GONE = frozenset({"withdrawn", "undone"})
_WAIT_S = 5.0
_LONGEST = 1 << 16  # bytes of a line
_NONE = "-"


class Entry(NamedTuple):
    """A body: its facts, the segments they are of, and `waiting`, `sent`, or why it went."""

    facts: int
    stems: tuple[str, ...]
    state: str = WAITING
    tried: bool = False
    refused: int = 0


class Counts(NamedTuple):
    """Facts: `accepted` is `waiting` and `delivered` and all of `dropped`; `refused` are rows."""

    accepted: int
    waiting: int
    delivered: int
    dropped: dict[str, int]
    refused: int


class Deliveries:
    """The list of one destination, read once and kept up to date with what is written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "packed"
        self._lock = folder / "packed.lock"
        self.tenant: str | None = None
        self.entries: dict[str, Entry] = {}
        self.segments: dict[str, str] = {}
        """Stem of a segment that was packed, or lost before, to the name of its body."""
        self.evicted: dict[str, int] = {}
        self.told: dict[str, int] = {}
        self._lost: dict[str, int] = {}
        self._base: dict[str, int] = {}
        self.read()

    def read(self) -> None:
        """Fold the list anew: another process may have written to it."""
        self.tenant = None
        for found in (self.entries, self.segments):
            found.clear()
        for sums in (self.evicted, self.told, self._lost, self._base):
            sums.clear()
        data = kept.own(self._path) or b""
        for line in data.decode(errors="replace").split("\n")[:-1]:
            self._take(line)

    def begin(self, tenant: str) -> None:
        """Make the list this tenant's; another one's is put aside until that one is back.

        Whoever has names of ours must not be given them again for other bytes.
        """
        if self.tenant == tenant:
            return
        with locks.locked(self._lock, _WAIT_S):
            if self.tenant is not None:
                self._path.rename(self._path.with_name(f"packed.{self.tenant}"))
            former = self._path.with_name(f"packed.{tenant}")
            if former.exists():
                former.rename(self._path)
            else:
                kept.write(self._path, f"for {tenant}\n".encode())
        self.read()

    def undo_waiting(self) -> None:
        """Take what waits as never packed; its names stay taken. Raises OSError."""
        waiting = [name for name, one in self.entries.items() if one.state == WAITING]
        if waiting:
            self.add(*(f"undone {name}" for name in waiting))

    def add(self, *events: str) -> None:
        """Write events, all or none, on stable storage when this returns. Raises OSError."""
        line = "; ".join(events)
        with locks.locked(self._lock, _WAIT_S):
            self._append(line)
        self._take(line)

    def counts(self) -> Counts:
        """Return the sums for this destination."""
        live = [entry for entry in self.entries.values() if entry.state not in _GONE]
        dropped = {
            name.partition(":")[2]: number
            for name, number in self._base.items()
            if name.startswith("dropped:")
        }
        for entry in live:
            if entry.state not in {WAITING, SENT}:
                dropped[entry.state] = dropped.get(entry.state, 0) + entry.facts
        for reason, number in self._lost.items():
            dropped[reason] = dropped.get(reason, 0) + number
        return Counts(
            accepted=self._base.get("accepted", 0)
            + sum(entry.facts for entry in live)
            + sum(self._lost.values()),
            waiting=sum(entry.facts for entry in live if entry.state == WAITING),
            delivered=self._base.get("delivered", 0)
            + sum(entry.facts for entry in live if entry.state == SENT),
            dropped=dropped,
            refused=self._base.get("refused", 0) + sum(entry.refused for entry in live),
        )

    def clear(self, there: Collection[str]) -> int:
        """Clear away what is over and whose segments are not `there` any more; return how many.

        A name is forgotten with its segments: until then it may not be given to other bytes.
        """
        with locks.locked(self._lock, _WAIT_S):
            self.read()
            over = {
                name
                for name, entry in self.entries.items()
                if entry.state != WAITING and not any(stem in there for stem in entry.stems)
            }
            if over:
                self._base = self._without(over)
                for name in over:
                    del self.entries[name]
                self._rewrite(there)
        return len(over)

    def _without(self, over: Iterable[str]) -> dict[str, int]:
        base = dict(self._base)

        def count(what: str, number: int) -> None:
            if number:
                base[what] = base.get(what, 0) + number

        for entry in (self.entries[name] for name in over):
            count("refused", entry.refused)
            if entry.state not in _GONE:
                count("accepted", entry.facts)
                what = "delivered" if entry.state == SENT else f"dropped:{entry.state}"
                count(what, entry.facts)
        for reason, number in self._lost.items():
            count("accepted", number)
            count(f"dropped:{reason}", number)
        return base

    def _rewrite(self, there: Collection[str]) -> None:
        lines = [f"for {self.tenant}"] if self.tenant else []
        lines += [f"counted {_joined(what)} {number}" for what, number in self._base.items()]
        lines += [f"evicted {_joined(reason)} {n}" for reason, n in self.evicted.items()]
        lines += [f"told {_joined(sensor)} {number}" for sensor, number in self.told.items()]
        lines += [f"lost {stem} 0 {_NONE}" for stem in self.segments if self._is_lost(stem, there)]
        for name, entry in self.entries.items():
            lines.append(f"packed {name} {entry.facts} {','.join(entry.stems) or _NONE}")
            if entry.tried:
                lines.append(f"tried {name}")
            if entry.state == SENT:
                lines.append(f"sent {name} {entry.refused}")
            elif entry.state in _GONE:
                lines.append(f"{entry.state} {name}")
            elif entry.state != WAITING:
                lines.append(f"dropped {name} {_joined(entry.state)}")
        kept.write(self._path, ("\n".join(lines) + "\n").encode())
        self.read()

    def _is_lost(self, stem: str, there: Collection[str]) -> bool:
        return self.segments[stem] == _NONE and stem in there

    def _append(self, line: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self._path, flags, 0o600), "r+b") as file:
            tail = max(file.seek(0, os.SEEK_END) - _LONGEST, 0)
            file.seek(tail)
            whole = tail + file.read().rfind(b"\n") + 1
            file.truncate(whole)
            file.seek(whole)
            file.write(f"{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def _take(self, line: str) -> None:
        """Take the events of one line; one that a newer version wrote is passed over."""
        for words in (event.split(" ") for event in line.split("; ")):
            with contextlib.suppress(ValueError):
                self._take_one(words)
                if len(words) > 1 and words[1] in self.entries:
                    self.entries[words[1]] = _changed(self.entries[words[1]], words)

    def _take_one(self, words: list[str]) -> None:
        match words:
            case ["for", tenant]:
                self.tenant = tenant
            case ["packed", name, facts, stems]:
                self._pack(name, Entry(int(facts), _listed(stems)))
            case ["undone", name] if name in self.entries:
                for stem in self.entries[name].stems:
                    self.segments.pop(stem, None)
            case ["lost", stem, facts, reason] if stem not in self.segments:
                self._lose(stem, int(facts), _spaced(reason))
            case ["evicted", reason, facts]:
                self.evicted[_spaced(reason)] = int(facts)
            case ["told", sensor, facts]:
                self.told[_spaced(sensor)] = int(facts)
            case ["counted", what, facts]:
                self._base[_spaced(what)] = int(facts)

    def _pack(self, name: str, entry: Entry) -> None:
        known = self.entries.get(name)
        self.entries[name] = entry._replace(tried=known is not None and known.tried)
        self.segments |= dict.fromkeys(entry.stems, name)

    def _lose(self, stem: str, facts: int, reason: str) -> None:
        self.segments[stem] = _NONE
        if facts:
            self._lost[reason] = self._lost.get(reason, 0) + facts


def _changed(entry: Entry, words: list[str]) -> Entry:
    """Return what an event that names a body makes of it."""
    match words:
        case ["tried", _]:
            return entry._replace(tried=True)
        case ["sent", _, refused]:
            return entry._replace(state=SENT, refused=int(refused))
        case ["withdrawn" | "undone", _]:
            return entry._replace(state=words[0])
        case ["changed", _, facts]:
            return entry._replace(facts=int(facts))
        case ["dropped", _, reason]:
            return entry._replace(state=_spaced(reason))
    return entry


def _listed(names: str) -> tuple[str, ...]:
    return tuple(name for name in names.split(",") if name != _NONE)


def _joined(reason: str) -> str:
    return reason.replace(" ", "_")


def _spaced(reason: str) -> str:
    return reason.replace("_", " ")
