"""Lifecycle events -> the live tree of every session and its finished processes.

A process belongs to the nearest *shell* above it (a shell under observation, or a run's command)
and to the moment its topmost ancestor below that shell was forked: that moment later decides which
command it was part of. Reparenting and `setsid` change neither.
"""

from collections.abc import Iterator

from ptywrap.lifecycle.base import Event, Exec, Exit, Fork, Usage
from ptywrap.observe.cost import Cost, best

_WORSE = {"exact": 0, "raced": 1, "sampled": 2}
_LINGER = 4096


class Life:
    """One process, from its birth on; times are CLOCK_MONOTONIC ns, `ended_ns` None while it lives.

    `shell` is the pid of the nearest shell, `top_ns` when its topmost ancestor below it was born,
    `loose` where that is known to a kernel's tick alone, since it was found alive. A shell itself,
    where it is nobody's descendant, has `shell` 0.
    """

    __slots__ = (
        "argv",
        "argv_cut",
        "born",
        "born_ns",
        "cwd",
        "end",
        "ended_ns",
        "exe",
        "exec_ns",
        "execs",
        "last_ns",
        "loose",
        "name",
        "parent_ticks",
        "pid",
        "ppid",
        "program",
        "shell",
        "source",
        "start_ticks",
        "status",
        "top_ns",
        "used",
    )

    def __init__(self, fork: Fork) -> None:
        self.pid = fork.pid
        self.start_ticks = fork.start_ticks
        self.ppid = fork.ppid
        self.parent_ticks = fork.parent_ticks
        self.born_ns = fork.at
        self.source = fork.source
        self.born: str = fork.completeness
        self.program: str = "exact"
        self.end: str = "exact"
        self.shell = 0
        self.top_ns = fork.at
        self.loose = fork.completeness == "sampled"
        self.name: str | None = None
        self.exe: str | None = None
        self.argv: tuple[str, ...] | None = None
        self.argv_cut = False
        self.cwd: str | None = None
        self.execs = 0
        self.exec_ns: int | None = None
        self.last_ns: int | None = None
        self.used: dict[str, Usage] = {}
        self.ended_ns: int | None = None
        self.status: int | None = None

    @property
    def completeness(self) -> str:
        """How well it was seen: the worst of its birth, what it last executed, and its end."""
        return worst(self.born, self.program, self.end)

    @property
    def cost(self) -> Cost:
        """What it used, each number by one source; how well that is known is its own matter."""
        return best(self.used.values())


class Tree:
    """The processes below all shells. Feed it events in order; it gives what has ended."""

    def __init__(self) -> None:
        self.live: dict[int, Life] = {}
        self.shells: set[int] = set()
        """Pids whose children each start something of their own."""
        self.runs: set[int] = set()
        """Those of them that belong to what they start: the commands of `-- CMD`."""
        self.closed: dict[tuple[int, int], Life] = {}
        """Ended lately: what is said of them late still finds them (see `settle`)."""

    def shell(self, pid: int, *, run: bool = False) -> None:
        """Take a pid as a shell: what it forks starts something of its own."""
        self.shells.add(pid)
        life = self.live.get(pid)
        if run:
            self.runs.add(pid)
            if life is not None:
                life.shell, life.top_ns = pid, life.born_ns
        children: dict[int, list[Life]] = {}
        for each in self.live.values():
            children.setdefault(each.ppid, []).append(each)
        for child in children.get(pid, ()):
            _move(child, pid, children, self.shells)

    def unshell(self, pid: int) -> None:
        """Forget a shell; its descendants keep what they belong to."""
        self.shells.discard(pid)
        self.runs.discard(pid)

    def drop(self, shell: int) -> None:
        """Forget every living process that belongs to a shell, without an end."""
        for pid in [life.pid for life in self.live.values() if life.shell == shell]:
            del self.live[pid]

    def apply(self, event: Event) -> Life | None:
        """Take one event; return the shell it ended, or the former owner of a reused pid."""
        match event:
            case Fork():
                return self._born(event)
            case Exec():
                self._renamed(event)
            case Usage():
                self._used(event)
            case Exit():
                return self._ended(event)
        return None

    def settle(self, before_ns: int) -> list[Life]:
        """Return those that ended before a moment: nothing more will be said of them."""
        done: list[Life] = []
        for key, life in list(self.closed.items()):
            if (life.ended_ns or 0) > before_ns and len(self.closed) - len(done) <= _LINGER:
                break
            done.append(life)
            del self.closed[key]
        return done

    def lost(self, gone: set[int], at_ns: int) -> list[Life]:
        """Close those of the pids that nobody saw end: status unknown, `raced`."""
        ended = []
        for pid in gone & self.live.keys():
            life = self.live[pid]
            self._close(life, at_ns, None, "raced")
            ended.append(life)
        return ended

    def above(self, pid: int) -> Iterator[Life]:
        """Yield a live process and its live ancestors by birth, nearest first."""
        seen = set()
        life = self.live.get(pid)
        while life is not None and life.pid not in seen:
            seen.add(life.pid)
            yield life
            life = self.live.get(life.ppid)

    def below(self, shell: int) -> list[Life]:
        """Return the living that belong to a shell."""
        return [life for life in self.live.values() if life.shell == shell]

    def _born(self, fork: Fork) -> Life | None:
        known = self.live.get(fork.pid)
        if known is not None and known.start_ticks == fork.start_ticks:
            return None
        if known is not None:
            # The pid was given to another process: the end of the former was not seen.
            self._close(known, fork.at, None, "raced")
        life = Life(fork)
        self._place(life, fork)
        self.live[fork.pid] = life
        return known

    def _place(self, life: Life, fork: Fork) -> None:
        parent = self.live.get(fork.ppid)
        if fork.pid in self.runs:
            life.shell = fork.pid
        elif parent is not None and parent.start_ticks <= fork.start_ticks:
            life.name, life.exe = parent.name, parent.exe
            if parent.pid in self.shells:
                life.shell = parent.pid
            else:
                life.shell, life.top_ns = parent.shell, parent.top_ns
                life.loose = parent.loose
        elif fork.ppid in self.shells or fork.root != fork.pid:
            life.shell = fork.ppid if fork.ppid in self.shells else fork.root

    def _renamed(self, event: Exec) -> None:
        life = self._of(event.pid, event.start_ticks)
        if life is None:
            return
        if life.exec_ns is None:
            life.exec_ns = event.at
        if event.at != life.last_ns:
            life.execs += 1
            life.last_ns = event.at
        life.argv, life.argv_cut = event.argv, event.argv_cut
        life.exe, life.cwd = event.exe, event.cwd or life.cwd
        life.name = named(event.exe, event.argv, event.name)
        life.program = event.completeness

    def _used(self, event: Usage) -> None:
        life = self._of(event.pid, event.start_ticks)
        if life is not None:
            life.used[event.source] = event

    def _ended(self, event: Exit) -> Life | None:
        life = self.live.get(event.pid)
        if life is None or life.start_ticks != event.start_ticks:
            return None
        self._close(life, event.at, event.status, event.completeness)
        return life

    def _close(self, life: Life, at_ns: int, status: int | None, completeness: str) -> None:
        life.ended_ns = max(at_ns, life.born_ns)
        life.status = status
        life.end = completeness
        del self.live[life.pid]
        self.closed[life.pid, life.start_ticks] = life

    def _of(self, pid: int, start_ticks: int) -> Life | None:
        life = self.live.get(pid)
        if life is not None and life.start_ticks == start_ticks:
            return life
        return self.closed.get((pid, start_ticks))


def _move(life: Life, shell: int, children: dict[int, list[Life]], shells: set[int]) -> None:
    waiting = [life]
    top_ns, loose = life.born_ns, life.born == "sampled"
    while waiting:
        each = waiting.pop()
        each.shell, each.top_ns, each.loose = shell, top_ns, loose
        if each.pid not in shells:
            waiting.extend(child for child in children.get(each.pid, ()) if child is not each)


def worst(*several: str) -> str:
    """Return the least of several completenesses."""
    if several.count("exact") == len(several):
        return "exact"
    return max(several, key=lambda one: _WORSE.get(one, 2))


def named(exe: str | None, argv: tuple[str, ...] | None, name: str | None) -> str | None:
    """Return what a process is called: by how it was called, its program's file, or the kernel.

    A program may write anything into its arguments; what holds a space is no name.
    """
    called = (argv[0] if argv else "").rpartition("/")[2].lstrip("-")
    if called and " " not in called:
        return called
    return (exe or "").removesuffix(" (deleted)").rpartition("/")[2] or name or called or None
