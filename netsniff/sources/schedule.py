"""Decides when to look: at a process that was just born, and at the table of all sockets.

Times are nanoseconds of CLOCK_MONOTONIC. A program is known by a number made of its name; what it
did the last times tells when its next process will have a socket.
"""

MS = 1_000_000

_GROPING = tuple(round(each * MS) for each in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24))
"""Looks at a process of a program not known yet, since its exec."""
_STEP_NS = 800_000
"""Looks are made together, at multiples of this: waking costs more than looking."""
_MOST_STEP_NS = 2 * _STEP_NS
_REMEMBERED = 24
_SURE = 6
"""After so many processes without a socket, a program is taken to open none; only the 8th, 16th,
32nd... is looked at like one of an unknown program: most of them come in storms."""
_AGAIN = 8
"""One in so many is watched for a second socket, though none of them had one."""
_PROGRAMS = 1024
_FULL_NS = 500 * MS


class Program:
    """What is known of one program."""

    __slots__ = ("again", "delays", "descriptor", "fastest_ns", "met", "openers")

    def __init__(self) -> None:
        self.met = self.openers = self.again = 0
        self.delays: list[int] = []
        self.fastest_ns = 0
        """The shortest delay ever; 0: none was seen."""
        self.descriptor = -1
        """The number its last socket had; -1: none was seen."""


class Programs:
    """What is known of all of them."""

    def __init__(self) -> None:
        self._known: dict[int, Program] = {}

    def met(self, name: int) -> Program:
        """Return what is known of a program of which a process was born now."""
        program = self._known.get(name)
        if program is None:
            while len(self._known) >= _PROGRAMS:
                del self._known[next(iter(self._known))]
            program = self._known[name] = Program()
        program.met += 1
        return program


def plan(program: Program) -> tuple[int, ...]:
    """Return how long after its exec a process of a program is to be looked at."""
    if program.delays:
        return _window(sorted(program.delays), program.fastest_ns)
    if program.met > _SURE and program.met & (program.met - 1):
        return ()
    return _GROPING


def goes_on(program: Program) -> bool:
    """Say whether a process of it that was seen with one socket may open another one soon."""
    return program.again > 0 or program.openers <= _SURE or program.openers % _AGAIN == 0


def together(at_ns: int) -> int:
    """Return the next moment at which looks are made."""
    return -(-at_ns // _STEP_NS) * _STEP_NS


def opened(program: Program, delay_ns: int, descriptor: int) -> None:
    """Learn that a process of it was seen with a new socket so long after its exec."""
    program.openers += 1
    program.descriptor = descriptor
    program.delays.append(delay_ns)
    program.fastest_ns = min(program.fastest_ns or delay_ns, delay_ns)
    del program.delays[:-_REMEMBERED]


def _window(delays: list[int], fastest_ns: int) -> tuple[int, ...]:
    """Return looks from a third before the first delay to a third after the last.

    Where processes take longer than they need, for others want the processor, too, so do their
    connections, and there may be more time from look to look.
    """
    start = delays[0] * 2 // 3
    end = delays[-1] + delays[-1] // 3 + 2 * MS
    crowded = delays[len(delays) // 2] * _STEP_NS // 2 // max(fastest_ns, 1)
    step = max(_STEP_NS, min(crowded, _MOST_STEP_NS), (end - start) // 40)
    return tuple(range(start, end, step))


class Pace:
    """When to see whether connections were begun, and to read the table of sockets if so.

    The kernel counts connections: to ask costs 0.014 ms of processor time. To read the table costs
    more the more sockets are about, TIME_WAIT among them: 0.15 ms with none, 2.5 ms with 30,000. So
    after it was read there is a pause of some multiple of that.
    """

    def __init__(self, now_ns: int) -> None:
        self.event_ns = self.fresh_ns = now_ns - 10_000 * MS
        self.asked_ns = self.read_ns = now_ns
        self.cost_ns = 0
        self.full_pause_ns = _FULL_NS
        """How long after it was read in full it is to be read so again."""
        self.wanted_ns: int | None = None

    def want(self, at_ns: int) -> None:
        """Wish to ask at that time at the latest: a socket was found that is not known."""
        if self.wanted_ns is None or at_ns < self.wanted_ns:
            self.wanted_ns = at_ns

    def asked(self, now_ns: int) -> None:
        """Note that the kernel was asked what it has counted, and had nothing new."""
        self.asked_ns = now_ns
        self.wanted_ns = None

    def read(self, now_ns: int, cost_ns: int, *, full: bool = False) -> None:
        """Note that the table was read, and the processor time it took."""
        self.asked_ns = self.read_ns = now_ns
        self.wanted_ns = None
        if full:
            self.full_pause_ns = max(_FULL_NS, cost_ns * 50)
            return
        self.cost_ns = (self.cost_ns * 3 + cost_ns) // 4

    def due_ns(self, now_ns: int, *, rich: bool = True) -> int:
        """Return when to ask; with no processor time left, seldom."""
        if not rich:
            return max(self.asked_ns + 250 * MS, self.read_ns + self.cost_ns * 100)
        due = max(self.asked_ns + self._interval(now_ns), self.read_ns + self.cost_ns * 6)
        if self.wanted_ns is None:
            return due
        return min(due, max(self.wanted_ns, self.read_ns + self.cost_ns * 2))

    def _interval(self, now_ns: int) -> int:
        if now_ns - self.fresh_ns < 300 * MS:
            return 6 * MS
        since = now_ns - self.event_ns
        if since < 2_000 * MS:
            return 10 * MS
        return 100 * MS if since < 10_000 * MS else 250 * MS


class Lull:
    """How long not to hear of execs, after one that was of no interest: most come in storms."""

    def __init__(self) -> None:
        self._pause_ns = 0

    def after(self, *, interesting: bool) -> int:
        """Return the pause after hearing of some."""
        self._pause_ns = 0 if interesting else min(max(self._pause_ns * 2, MS // 4), 4 * MS)
        return self._pause_ns


class Budget:
    """Processor time that may be spent: it flows in steadily, and some may be saved up."""

    def __init__(self, now_ns: int, used_ns: int, permille: int, saved_ns: int) -> None:
        self._permille, self._most = permille, saved_ns
        self._left, self._now, self._used = saved_ns, now_ns, used_ns

    def allows(self, now_ns: int, used_ns: int) -> bool:
        """Say whether there is some left, at a time, after so much was used in all."""
        self._left += (now_ns - self._now) * self._permille // 1000 - (used_ns - self._used)
        self._left = min(self._left, self._most)
        self._now, self._used = now_ns, used_ns
        return self._left > 0


def busy_budget(now_ns: int, used_ns: int) -> Budget:
    """Return what may be spent while somebody of interest runs."""
    return Budget(now_ns, used_ns, 300, 500 * MS)


def resting_budget(now_ns: int, used_ns: int) -> Budget:
    """Return what may be spent on execs that come while nobody of interest runs: one may be."""
    return Budget(now_ns, used_ns, 10, 100 * MS)
