"""Has what waits taken in by the local store and sent by the shipper where no verb asks for it.

The local store, because the quota would drop it; the shipper, once this machine has joined a
service.
"""

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from ptywrap import clock, segments

_LOG = logging.getLogger(__name__)
_MOST_ROWS = 20_000
_OLDEST_NS = 600_000_000_000
_LOOK_NS = 30_000_000_000


class Nudge:
    """Starts the store at 20,000 waiting rows, or for one that has waited ten minutes.

    Looks only when the observer is awake anyway; `start` is what starts the store.
    """

    def __init__(self, folder: Path, start: Callable[[], None]) -> None:
        self._folder = folder
        self._start = start
        self._look_ns = 0

    def settle(self, now_ns: int) -> None:
        """Look, if that is due; whoever was started gets as long as a row may wait."""
        if now_ns < self._look_ns:
            return
        self._look_ns = now_ns + _LOOK_NS
        waiting = segments.sealed(self._folder)
        rows = sum(segments.facts_in(path) for path in waiting)
        if rows >= _MOST_ROWS or (rows and _age_ns(waiting[0]) >= _OLDEST_NS):
            self._look_ns = now_ns + _OLDEST_NS
            self._start()


class Departures:
    """Starts the shipper at 20,000 rows sealed since it last ran, or ten minutes after it.

    The file it locks says by its time when it last ran; `start` is what starts it.
    """

    def __init__(self, spool: Path, enrolment: Path, start: Callable[[], None]) -> None:
        self._spool = spool
        self._enrolment = enrolment
        self._start = start
        self._look_ns = 0

    def settle(self, now_ns: int) -> None:
        """Look, if that is due; whoever was started gets as long as a row may wait."""
        if now_ns < self._look_ns:
            return
        self._look_ns = now_ns + _LOOK_NS
        if self._enrolment.exists() and self._is_due():
            self._look_ns = now_ns + _OLDEST_NS
            self._start()

    def _is_due(self) -> bool:
        folder, now_ns = self._spool.parent, clock.wall_ns()
        last_ns = _written_ns(folder / "shipper.lock")
        if last_ns > now_ns:  # the clock was set back: that is no reason to wait
            last_ns = 0
        fresh = [path for path in segments.sealed(self._spool) if _written_ns(path) > last_ns]
        if sum(segments.facts_in(path) for path in fresh) >= _MOST_ROWS:
            return True
        if now_ns - last_ns < _OLDEST_NS:
            return False
        outbox = folder / "outbox"
        waits = (outbox.glob("*.batch"), (outbox / "erase").glob("*.json"))
        return bool(fresh) or _written_ns(self._spool / "counter") > last_ns or any(map(any, waits))


def start_shipper_gently() -> None:
    """Start the shipper at the lowest priority; a second one leaves at once."""
    # What starting takes (subprocess, msgpack) is no part of every observer.
    from ptywrap.service import starting  # noqa: PLC0415 - see above

    try:
        starting.start_shipper().wait()
    except OSError as error:
        _LOG.warning("the shipper cannot be started: errno %s", error.errno)


def start_gently() -> None:
    """Start the store at the lowest priority; one that runs already is left in peace."""
    # What starting takes (subprocess, msgpack) is no part of every observer.
    from ptywrap.service import starting  # noqa: PLC0415 - see above

    try:
        starting.start_store(gently=True).wait()
    except OSError as error:
        _LOG.warning("the store cannot be started: errno %s", error.errno)


def _age_ns(path: Path) -> int:
    """Return how long ago a segment was written to, 0 where it is gone."""
    with contextlib.suppress(OSError):
        return clock.wall_ns() - path.stat().st_mtime_ns
    return 0


def _written_ns(path: Path) -> int:
    """Return when a file was written to, ns since the epoch, 0 where it is gone."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime_ns
    return 0
