"""Marks and the terminal's foreground -> where each command of a session begins and ends.

Records must come in the order of their times; read again in that order they give the same starts,
so a restarted observer derives the same ids. All moments are CLOCK_MONOTONIC ns, but `mark_ns`:
the time exactly as the record that gave the start has it, which goes into the id.
"""

from typing import Any, NamedTuple

HOOKED = frozenset({"bash", "zsh", "fish"})
"""Shells that tell their lines."""
_PATIENCE_NS = 1_000_000_000


class Start(NamedTuple):
    """A command that has begun; `by` is what said so: begin, mark, glance (a mark without
    a time), foreground, both (then `at_ns` is the
    mark's), exec."""

    shell_pid: int
    mark_ns: int
    at_ns: int
    cwd: str | None
    by: str


class Finish(NamedTuple):
    """A command from start to end; `seen` by a mark, by the foreground, or by the shell's end.

    `text` None was withheld or never told; `private` as in `marks.Whole`.
    """

    start: Start
    end_ns: int
    status: int | None
    pipe_status: tuple[int, ...]
    text: str | None
    private: bool | None
    seen: str


class Ending(NamedTuple):
    """What an end record says besides its time; `cwd` is where the command left the shell.

    bash tells where the line was typed instead, in its one mark for both.
    """

    status: int | None
    pipe_status: tuple[int, ...] = ()
    cwd: str | None = None
    text: str | None = None
    private: bool | None = False


Step = Start | Finish


class _Shell:
    """One shell process of the session."""

    def __init__(self, pid: int, *, hooked: bool) -> None:
        self.pid = pid
        self.hooked = hooked
        self.marked = False
        self.open: Start | None = None
        self.left_ns: int | None = None
        self.cwd: str | None = None


class Commands:
    """The commands of one session, shell by shell."""

    def __init__(self, pid: int, shell: str, cwd: str | None = None) -> None:
        name = shell.rpartition("/")[2].lstrip("-")
        self._root = pid
        self._shells = {pid: _Shell(pid, hooked=name in HOOKED)}
        self._shells[pid].cwd = cwd or None
        self._front = pid

    def open(self) -> list[Start]:
        """Return what runs, outermost first."""
        return [
            shell.open
            for shell in self._shells.values()
            if shell.open and not (shell.left_ns is not None and shell.open.by == "foreground")
        ]

    def running(self, pid: int) -> Start | None:
        """Return the command a shell runs."""
        shell = self._shells.get(pid)
        return shell.open if shell else None

    def shells(self) -> list[int]:
        """Return the shells known by now, the session's own first."""
        return list(self._shells)

    def foreground(self, at_ns: int, group: int) -> list[Step]:
        """Take that a process group came to the foreground of the terminal."""
        shell = self._shells.get(group)
        if shell is not None:
            self._front = group
            shell.left_ns = at_ns
            return [] if shell.hooked else self._finish(shell, at_ns, Ending(None), "foreground")
        shell = self._shells[self._front]
        steps: list[Step] = []
        if shell.open is not None and self._forgotten(shell, at_ns):
            steps = self._finish(shell, shell.left_ns or at_ns, Ending(None), "foreground")
        if shell.open is None:
            steps += self._start(shell, Start(shell.pid, at_ns, at_ns, shell.cwd, "foreground"))
        shell.left_ns = None
        return steps

    def started(
        self, pid: int, mark_at_ns: tuple[int, int], cwd: str | None, by: str = "mark"
    ) -> list[Step]:
        """Take a start mark; `by` is "glance" where it holds no time."""
        shell = self._shell(pid)
        mark_ns, at_ns = mark_at_ns
        steps: list[Step] = []
        if shell.open is not None and shell.open.by == "foreground":
            shell.open = None  # of the prompt, or of the same command, whose mark alone counts
        elif shell.open is not None:
            steps = self._finish(shell, at_ns, Ending(None), "foreground")
        shell.marked = True
        return steps + self._start(shell, Start(pid, mark_ns, at_ns, cwd or shell.cwd, by))

    def ended(self, pid: int, at_ns: int, ending: Ending) -> list[Step]:
        """Take an end mark; one without a start is a command of no length."""
        shell = self._shell(pid)
        shell.marked = True
        if shell.open is None:
            shell.open = Start(pid, at_ns, at_ns, shell.cwd, "mark")
        return self._finish(shell, at_ns, ending, "mark")

    def whole(self, pid: int, mark_ns: int, span: tuple[int, int], ending: Ending) -> list[Step]:
        """Take a mark that tells start and end in one."""
        shell = self._shell(pid)
        marked, shell.marked = shell.marked, True
        start_ns, end_ns = span
        steps: list[Step] = []
        opened = shell.open
        if opened is not None and opened.at_ns < start_ns and opened.by != "exec":
            # In a shell that marks, what no mark ended was no command: a prompt's own process.
            finished = self._finish(shell, shell.left_ns or start_ns, Ending(None), "foreground")
            steps = [] if marked else finished
        if shell.open is None:
            shell.open = Start(pid, mark_ns, start_ns, shell.cwd, "mark")
        elif start_ns <= shell.open.at_ns <= end_ns:
            shell.open = shell.open._replace(at_ns=start_ns, by="both")
        shell.open = shell.open._replace(cwd=ending.cwd or shell.cwd)
        return steps + self._finish(shell, end_ns, ending, "mark")

    def replaced(self, pid: int, at_ns: int) -> list[Step]:
        """Take that a shell became another program (`exec`): nothing will mark the end."""
        shell = self._shells.get(pid)
        if shell is None or shell.open is not None:
            return []
        return self._start(shell, Start(pid, at_ns, at_ns, shell.cwd, "exec"))

    def gone(self, pid: int, at_ns: int, status: int | None) -> list[Step]:
        """Take that a shell has ended: what it ran ends with it."""
        shell = self._shells.get(pid)
        if shell is None:
            return []
        steps = self._finish(shell, at_ns, Ending(status), "gone")
        if pid != self._root:
            del self._shells[pid]
        if self._front == pid:
            self._front = self._root
        return steps

    def state(self) -> dict[str, Any]:
        """Return what `restored` needs to go on, as plain values."""
        shells = [
            [s.pid, s.hooked, s.marked, list(s.open) if s.open else None, s.left_ns, s.cwd]
            for s in self._shells.values()
        ]
        return {"root": self._root, "front": self._front, "shells": shells}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where another observer's `state` left off; raises on what is none."""
        shells = {}
        for pid, hooked, marked, opened, left_ns, cwd in state["shells"]:
            shell = _Shell(pid, hooked=hooked)
            shell.marked, shell.left_ns, shell.cwd = marked, left_ns, cwd
            shell.open = Start(*opened) if opened else None
            shells[pid] = shell
        front = state["front"]
        if self._root not in shells or front not in shells:
            raise ValueError("the state of another session")
        self._shells, self._front = shells, front

    def _shell(self, pid: int) -> _Shell:
        shell = self._shells.get(pid)
        if shell is None:
            shell = self._shells[pid] = _Shell(pid, hooked=True)
        return shell

    def _forgotten(self, shell: _Shell, at_ns: int) -> bool:
        """Say whether a prompt came since, though no mark told of it: hooks gave up or are none."""
        left = shell.left_ns
        if left is None or shell.open is None or shell.open.by != "foreground":
            return False
        return not shell.marked and at_ns - left >= _PATIENCE_NS

    def _start(self, shell: _Shell, start: Start) -> list[Step]:
        shell.open, shell.left_ns = start, None
        return [start]

    def _finish(self, shell: _Shell, at_ns: int, ending: Ending, seen: str) -> list[Step]:
        start, shell.open = shell.open, None
        shell.cwd = ending.cwd or shell.cwd
        if start is None:
            return []
        end_ns = max(at_ns, start.at_ns)
        told = (ending.status, ending.pipe_status, ending.text, ending.private)
        return [Finish(start, end_ns, *told, seen)]
