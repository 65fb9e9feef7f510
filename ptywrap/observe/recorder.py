"""The one way a fact goes: made private, then appended; nothing passes while paused."""

import contextlib
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ptywrap import wire
from ptywrap.spool import Spool

_AGAIN_NS = 5_000_000_000
_LOSSES = 20


class Recorder:
    """Where facts leave the observer. `ignore` are expressions of lines that are kept nowhere."""

    def __init__(
        self,
        spool: Spool,
        inward: Callable[[wire.Fact], wire.Fact],
        pause_file: Path,
        ignore: Sequence[str] = (),
    ) -> None:
        self.spool = spool
        self.losses: deque[wire.Loss] = deque(maxlen=_LOSSES)
        """The newest that were told."""
        self._inward = inward
        self._holding: list[wire.Fact] | None = None
        self._dropped: dict[str, int] = {}
        self._owned_up_at = 0
        self._pause_file = pause_file
        self._ignore = _expressions(ignore)
        self._pauses: list[tuple[int, int | None]] = [(0, None)] if pause_file.exists() else []

    @property
    def paused(self) -> bool:
        """Whether nothing is recorded."""
        return bool(self._pauses) and self._pauses[-1][1] is None

    @property
    def ignoring(self) -> bool:
        """Whether some lines are kept nowhere: then a command may not be told before its line."""
        return bool(self._ignore)

    def private(self, fact: wire.Fact) -> wire.Fact:
        """Return what of a fact may be kept."""
        return self._inward(fact)

    def tell(self, fact: wire.Fact) -> None:
        """Make a fact private and append it."""
        if self.paused:
            return
        if isinstance(fact, wire.Loss):
            self.losses.append(fact)
        self.keep(self._inward(fact))

    def keep(self, fact: wire.Fact) -> None:
        """Append a fact that was made private before."""
        if self.paused:
            return
        if self._holding is not None:
            self._holding.append(fact)
        else:
            self.spool.append(fact)

    @contextlib.contextmanager
    def holding(self) -> Iterator[list[wire.Fact]]:
        """Keep what is told meanwhile in memory: whoever asked may still drop it."""
        held: list[wire.Fact] = []
        self._holding = held
        try:
            yield held
        finally:
            self._holding = None

    def own_up(self, session: bytes, wall_ns: int) -> None:
        """Tell as losses what the spool had to drop since; tried again until it takes them."""
        dropped = dict(self.spool.dropped)
        if self.paused or dropped == self._dropped or wall_ns < self._owned_up_at + _AGAIN_NS:
            return
        since, self._owned_up_at = self._owned_up_at or wall_ns, wall_ns
        for reason, number in dropped.items():
            missed = number - self._dropped.get(reason, 0)
            loss = wire.Loss(
                session=session,
                sensor=f"spool ({reason})",
                since=since,
                until=wall_ns,
                missed=missed,
                reason=f"facts were dropped: {reason}",
            )
            if missed > 0 and self.spool.append(loss):
                self.losses.append(loss)
                self._dropped[reason] = number

    def ignores(self, line: str | None) -> bool:
        """Say whether a line is to be recorded nowhere."""
        if line is None:
            return False
        return line[:1].isspace() or any(one.search(line) for one in self._ignore)

    def was_paused(self, at_ns: int) -> bool:
        """Say whether recording was paused at a (monotonic) moment."""
        return any(
            since <= at_ns and (until is None or at_ns < until) for since, until in self._pauses
        )

    def heed(self, at_ns: int) -> None:
        """Pause and resume with this user's other observers: there is one a runtime folder."""
        asked = self._pause_file.exists()
        if asked and not self.paused:
            self._pauses.append((at_ns, None))
        elif self.paused and not asked:
            self._pauses[-1] = (self._pauses[-1][0], at_ns)

    def pause(self, at_ns: int) -> None:
        """Stop recording until `resume`, over restarts too. Raises OSError."""
        if not self.paused:
            self._pause_file.touch(mode=0o600)
            self._pauses.append((at_ns, None))

    def resume(self, at_ns: int) -> None:
        """Record again what starts from now on. Raises OSError."""
        self._pause_file.unlink(missing_ok=True)
        if self.paused:
            self._pauses[-1] = (self._pauses[-1][0], at_ns)
            del self._pauses[:-16]


def _expressions(texts: Sequence[str]) -> list[re.Pattern[str]]:
    found = []
    for text in texts:
        with contextlib.suppress(re.error):
            found.append(re.compile(text))
    return found
