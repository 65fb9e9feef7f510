"""Says what a lifecycle backend is and in which words it tells births and deaths.

To add one: write one file in this folder, named for its mechanism, with a class `Watch` that has
the methods of `Backend`; if it works on one system only, open it with `assert sys.platform ==
"..."`. Add one line to `BACKENDS` in `__init__.py`, best first. Claim only the promises that
tests/conformance/test_lifecycle.py can hold you to on a machine that has the mechanism; the suite
runs against every entry by itself, and a self-test (`selftest.py`) stands between a backend that
opens and one that is in force.

Times (`at`, `since`, `until`) are nanoseconds of CLOCK_MONOTONIC. `status` is a wait status as
wait(2) gives it: signal in the low seven bits, 0x80 for a core, else the exit code times 256.
Unknown is None, never 0.

**Identity.** A process is (boot, pid, start ticks): field 22 of /proc/PID/stat, clock ticks since
boot. A pid alone is reused. Every observation of one process carries the same `start_ticks`: read
from field 22 at the first chance, else (gone before we looked) the time of its fork event put on
CLOCK_BOOTTIME and cut to ticks. Who restarts and meets the living therefore derives the same
identity. Fork comes before Exec, Usage and Exit of a process, once; a backend that learns of a
process late makes its Fork up from /proc, marked `sampled`. Of one process, Exit is last; a Usage
comes before it. An Exec with the `at` of an earlier one of the same process replaces it.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

Completeness: TypeAlias = Literal["exact", "raced", "sampled"]
ArgvSource: TypeAlias = Literal["proc", "bpf", "audit", "comm", "none"]

EXACT: Completeness = "exact"
RACED: Completeness = "raced"
SAMPLED: Completeness = "sampled"

ARGV_BYTES = 4096
"""What is kept of an argument list, separators included."""


class Fork(NamedTuple):
    """A process was born, or was found alive when the backend began to look (then `sampled`).

    `ppid` is the parent at birth where that was seen; who is found late has its parent of that
    moment. `root` is the nearest followed pid it lives below: who was reparented hangs there.
    The birth of a followed pid itself is exact even when it is found alive: it was named to us.
    """

    pid: int
    ppid: int
    at: int
    start_ticks: int
    parent_ticks: int | None
    root: int
    source: str
    completeness: Completeness


class Exec(NamedTuple):
    """A process replaced its program.

    `argv` is text; bytes that are no UTF-8 are written as backslash escapes. `argv_cut` says that
    it was longer than ARGV_BYTES. `name` is the kernel's name of the process (at most 15 bytes)
    where it was read, else None.
    """

    pid: int
    at: int
    argv: tuple[str, ...] | None
    exe: str | None
    cwd: str | None
    argv_src: ArgvSource
    argv_cut: bool
    name: str | None
    start_ticks: int
    source: str
    completeness: Completeness


class Exit(NamedTuple):
    """A process ended: all its threads, and no exec followed."""

    pid: int
    at: int
    status: int | None
    start_ticks: int
    source: str
    completeness: Completeness


class Usage(NamedTuple):
    """What one process used from its birth to `at`, its children not counted.

    One source, never a sum of two. `source` names it: `zombie` is a read of /proc that won against
    the reaper, and `raced`; `ledger` is by how much its parent's reaped children grew when only
    this one can have added it, `raced` too; `look` is a last look at a living process, a lower
    bound, `sampled`.
    """

    pid: int
    at: int
    user_ns: int | None
    sys_ns: int | None
    peak_rss_bytes: int | None
    read_bytes: int | None
    write_bytes: int | None
    start_ticks: int
    source: str
    completeness: Completeness


class Totals(NamedTuple):
    """What a living process and those it has waited for used so far; differences of two count.

    `child_user_ns` and `child_sys_ns` hold the reaped children only, in steps of one clock tick;
    the bytes hold the process itself, too, and are None where the kernel keeps none.
    """

    at: int
    child_user_ns: int
    child_sys_ns: int
    read_bytes: int | None
    write_bytes: int | None


class Reaped(NamedTuple):
    """What the children that a living process has waited for used so far, with their children.

    CPU time in steps of one clock tick, each kind cut to whole ones; bytes exactly, None where they
    cannot be told from the process's own. `unreaped` are the children it has not waited for yet,
    alive or not. The process itself is not counted.
    """

    pid: int
    start_ticks: int
    at: int
    user_ns: int
    sys_ns: int
    read_bytes: int | None
    write_bytes: int | None
    unreaped: frozenset[int]


class Gap(NamedTuple):
    """Between `since` and `until` events were lost: `missed`, or None where nobody can count."""

    since: int
    until: int
    missed: int | None
    reason: str
    source: str


Event: TypeAlias = Fork | Exec | Exit | Usage | Gap


class Promise(Enum):
    """What a backend claims; each member has a test in the conformance suite."""

    EXIT_STATUS = "the exit status or signal of every process it saw"
    SHORT_LIVED = "every process, however short its life"
    ARGV = "the arguments of every process that lives for a moment"
    UNPRIVILEGED = "works for an ordinary user"
    EXACT_CPU = "the CPU time of each process, exactly"
    TELLS_LOSS = "says when it lost events"


class Probe(NamedTuple):
    """Whether a backend can be used here; if not, why, and what would help."""

    usable: bool
    reason: str = ""
    remedy: str = ""


class SensorError(Exception):
    """Raised by `read` when a backend cannot go on.

    Its caller closes it, tells a Loss and chooses the next one.
    """


@runtime_checkable
class Hinting(Protocol):
    """A backend that can tell others of each exec the moment it hears of it."""

    hints: int
    """The end of a pipe, set before `open`; it must not block. -1: nobody listens."""


class Backend(Protocol):
    """One way to see processes start and end.

    The order of calls is probe, open, self-test (follow, read, leave), then follow and leave as
    sessions come and go, read whenever the descriptor is readable (or every `period_ns`, where open
    gave None) and right after each follow, close.
    """

    name: str
    """The `source` of its observations."""
    promises: frozenset[Promise]
    period_ns: int
    """How often to call `read` while a command runs, where open gives no descriptor; else 0."""
    verified: bool
    """False for an adapter that was only ever fed recordings."""

    def probe(self) -> Probe:
        """Says whether it could work, without lasting effect; a self-test says that it does."""
        ...

    def open(self) -> int | None:
        """Starts it; returns the one descriptor to poll for reading, the same until close.

        Raises OSError.
        """
        ...

    def follow(self, pid: int) -> None:
        """Takes a process and all below it, the living and those to come.

        The next `read` tells the living as Forks, without the descriptor becoming readable. A pid
        that is already below another root takes its subtree to the new root: no Fork again. A pid
        that is gone is no error, and nothing is told of it unless its life was seen.
        """
        ...

    def leave(self, pid: int) -> None:
        """Forgets a followed pid and its subtree, without events; back to an outer root, if any."""
        ...

    def read(self) -> Iterable[Event]:
        """Gives what is known by now, per process in order; never blocks, bounded per call.

        Raises SensorError, nothing else.
        """
        ...

    def close(self) -> None:
        """Stops and frees everything; safe to call twice, and after SensorError."""
        ...
