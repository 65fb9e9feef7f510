"""Whether the service can take in more: the journal's backlog, the disk and the store process."""

import os
import secrets
from collections import deque
from pathlib import Path
from typing import NamedTuple

from ingest import journal
from ingest.config import ServerConfig
from ingest.journal import Position

_LEAST_SECONDS = 2
_MOST_SECONDS = 300
_LOOKS = 60


class Seen(NamedTuple):
    """What the front knows when it looks: the loop's time, and where in the journal the store is.

    `written_bytes` is all that was ever written to the journal, `silent_seconds` for how long the
    store has not answered.
    """

    at: float
    position: Position
    written_bytes: int
    silent_seconds: float


class Room:
    """What the last look saw; `refusal` is empty, or why nothing is taken in now."""

    def __init__(self, data: Path, config: ServerConfig) -> None:
        self.backlog_bytes = 0
        self.refusal = ""
        self._data = data
        self._config = config
        self._looks: deque[tuple[float, int, int]] = deque(maxlen=_LOOKS)

    def look(self, seen: Seen) -> None:
        """Look at the journal's files and the disk."""
        self.backlog_bytes = journal.bytes_behind(self._data / "journal", seen.position)
        self._looks.append((seen.at, self.backlog_bytes, seen.written_bytes))
        self.refusal = self._refusal(seen.silent_seconds)

    def retry_seconds(self) -> int:
        """Return when to come again: backlog by drain rate, 2 to 300 s, no two alike."""
        seconds = _LEAST_SECONDS
        if self.refusal:
            seconds = int(min(max(self.backlog_bytes / self._rate(), seconds), _MOST_SECONDS))
        least = min(seconds, _MOST_SECONDS * 2 // 3)
        most = min(seconds * 3 // 2, _MOST_SECONDS)
        return least + secrets.randbelow(most - least + 1)

    def _rate(self) -> float:
        """Return how many bytes a second left the backlog lately; never 0."""
        if len(self._looks) < 2:
            return 1 << 20
        (began, first, before), (ended, last, after) = self._looks[0], self._looks[-1]
        drained = (after - before) - (last - first)
        return max(drained / max(ended - began, 1.0), 1 << 16)

    def _refusal(self, silent_seconds: float) -> str:
        config = self._config
        if self.backlog_bytes > config.backlog_bytes:
            return "the backlog is full"
        try:
            disk = os.statvfs(self._data)
        except OSError:
            return "the disk cannot be read"
        free = disk.f_bavail * disk.f_frsize
        total = disk.f_blocks * disk.f_frsize
        if free < max(config.keep_free_bytes, total * config.keep_free_permille // 1000):
            return "the disk is nearly full"
        gone = silent_seconds * 1000 > config.store_gone_ms
        if gone and self.backlog_bytes > config.backlog_bytes // 2:
            return "the store process is gone"
        return ""
