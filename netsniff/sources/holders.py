"""Keeps who holds which socket: joins what a look at a process showed with the table of sockets.

A look tells the inode of a socket, the table its inode and its cookie. Either may come first.
"""

from collections.abc import Iterable

EXACT, LIKELY = 2, 1
_PATIENCE_NS = 50_000_000
"""So long a socket that a process was seen with may be missing in the table: not connected yet."""
_TRIES_NS = tuple(each * 1_000_000 for each in (0, 20, 60, 200, 1000, 5000, 30_000))


class Hold:
    """A process that was seen with a socket."""

    __slots__ = ("confidence", "name", "parent", "pid", "seen_ns", "ticks")

    def __init__(
        self, pid: int, born: tuple[int, int, bytes], confidence: int, seen_ns: int
    ) -> None:
        self.pid = pid
        self.parent, self.ticks, self.name = born
        self.confidence, self.seen_ns = confidence, seen_ns


class Stray:
    """A socket of the table nobody was seen with so far."""

    __slots__ = ("absent_ns", "cookie", "message", "next_ns", "tries")

    def __init__(self, cookie: int, message: bytes, now_ns: int, absent_ns: int = 0) -> None:
        self.cookie, self.message, self.next_ns, self.tries = cookie, message, now_ns, 0
        self.absent_ns = absent_ns


class Holders:
    """All sockets that the table showed lately, by inode."""

    def __init__(self) -> None:
        self.waiting: dict[int, Hold] = {}
        """Seen in a process, not yet in the table."""
        self.strays: dict[int, Stray] = {}
        self.known: dict[int, int] = {}
        """Inode to cookie of those whose holder was told."""
        self.complete_ns = 0
        """When all that were connected were known from the table."""

    def new(self, inode: int) -> bool:
        """Say whether a socket that a process was seen with is news."""
        return inode not in self.known and inode not in self.waiting

    def hold(self, inode: int, hold: Hold) -> Stray | None:
        """Take who holds a socket; return it if the table has shown it."""
        stray = self.strays.pop(inode, None)
        if stray is None:
            self.waiting[inode] = hold
        else:
            self.known[inode] = stray.cookie
        return stray

    def shown(self, inode: int, cookie: int, message: bytes, now_ns: int) -> Hold | None:
        """Take a socket of the table that is not known; return who holds it, if that is known."""
        hold = self.waiting.pop(inode, None)
        if hold is None:
            self.strays[inode] = Stray(cookie, message, now_ns, self.complete_ns)
        else:
            self.known[inode] = cookie
        return hold

    def keep(self, inodes: Iterable[int], now_ns: int) -> None:
        """Forget all that the table, which was read from this time on, does not show any more."""
        self.complete_ns = now_ns
        shown = set(inodes)
        if len(self.known) > len(shown) or not self.known.keys() <= shown:
            self.known = {each: self.known[each] for each in self.known if each in shown}
        if not self.strays.keys() <= shown:
            self.strays = {each: self.strays[each] for each in self.strays if each in shown}
        for inode, hold in list(self.waiting.items()):
            if now_ns - hold.seen_ns > _PATIENCE_NS:
                del self.waiting[inode]

    def absent_ns(self, inode: int) -> int:
        """Return when a socket was not connected yet; 0: it may have been at any time."""
        stray = self.strays.get(inode)
        return self.complete_ns if stray is None else stray.absent_ns

    def sought(self, now_ns: int) -> set[int]:
        """Return the sockets for which it is time to look for a holder."""
        return {inode for inode, stray in self.strays.items() if stray.next_ns <= now_ns}

    def missed(self, inodes: Iterable[int], now_ns: int) -> None:
        """Note that nobody was found; each time it takes longer to the next try."""
        for inode in inodes:
            stray = self.strays.get(inode)
            if stray is not None:
                stray.tries = min(stray.tries + 1, len(_TRIES_NS) - 1)
                stray.next_ns = now_ns + _TRIES_NS[stray.tries]
