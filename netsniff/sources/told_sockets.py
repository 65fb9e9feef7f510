"""Turns what the scanner tells into readings, and remembers which sockets live."""

import sys
from collections.abc import Iterable

from netsniff.model import EXACT, LIKELY, Event, Holder, Reading
from netsniff.sources import diag, diag_message, holders, scan_records

_CONFIDENCE = {holders.EXACT: EXACT, holders.LIKELY: LIKELY}


class ToldSockets:
    """The sockets of one network namespace as they were told; `drained_ns`: the last moment up to
    which all that were destroyed have been told.
    """

    def __init__(self, source: str, namespace: int, *, fresh: bool = False) -> None:
        """Begin; `fresh`: the namespace had no connection yet when we learned of it."""
        self.drained_ns = 0
        self._fresh = fresh
        self._source, self._namespace = source, namespace
        self._baseline: set[int] | None = None
        """Those that were there at the first look; None: it is not over yet."""
        self._living: dict[int, Reading] = {}
        self._doubt = 0

    @property
    def met(self) -> int | None:
        """How many were there at the first look; None: it is not over yet."""
        return None if self._baseline is None else len(self._baseline)

    def held(self, record: scan_records.Held, found: list[Event]) -> None:
        """Take a holder."""
        reading = self._reading(record.message, record.at_ns)
        if reading is not None:
            confidence = _CONFIDENCE.get(record.confidence, LIKELY)
            name = record.name.decode("utf-8", "replace") or None
            holder = Holder(record.pid, record.ticks, confidence, name, record.parent)
            found.append(reading._replace(holder=holder))

    def told(self, record: scan_records.Told, found: list[Event]) -> None:
        """Take sockets that were destroyed, or that the table shows."""
        if record.kind == scan_records.WHOLE:
            self._whole(record.at_ns, scan_records.cookies(record.body), found)
            return
        final = record.kind == scan_records.CLOSED
        for message in messages(record.body):
            reading = self._reading(message, record.at_ns, final=final)
            if reading is None:
                continue
            cookie = reading.cookie or 0
            if final:
                self._living.pop(cookie, None)
            else:
                self._living[cookie] = reading
            if reading.remote is not None:  # else it was never connected
                found.append(reading)
        if final:
            self.drained_ns = record.at_ns

    def doubt(self) -> None:
        """Sockets were destroyed and nobody told: those that the table shows no more are gone."""
        self._doubt = 2

    def leave(self, at_ns: int, found: list[Event]) -> None:
        """Tell the end of all that live: nobody looks at them any more."""
        self._end(at_ns, set(), found)

    def _whole(self, at_ns: int, shown: set[int], found: list[Event]) -> None:
        if self._baseline is None:
            self._baseline = shown
        elif self._doubt:
            self._doubt -= 1
            if not self._doubt:
                self._end(at_ns, shown, found)

    def _end(self, at_ns: int, shown: set[int], found: list[Event]) -> None:
        """Tell the end of those that vanished; what they moved at last is not known."""
        for cookie in self._living.keys() - shown:
            gone = self._living.pop(cookie)
            found.append(
                Reading(
                    at_ns,
                    self._source,
                    gone.protocol,
                    gone.local,
                    gone.remote,
                    self._namespace,
                    cookie,
                    state=diag.CLOSE,
                    final=True,
                    baseline=gone.baseline,
                )
            )

    def _reading(self, message: bytes, at_ns: int, *, final: bool = False) -> Reading | None:
        try:
            told = diag_message.told(message)
        except diag.Unreadable:
            return None
        baseline = told.cookie in self._baseline if self._baseline is not None else not final
        baseline = baseline and not self._fresh
        return diag_message.reading(told, at_ns, self._source, final=final)._replace(
            namespace=self._namespace, baseline=baseline
        )


def messages(body: bytes) -> Iterable[bytes]:
    """Yield the messages in a run of them, each padded to 4 bytes (linux/netlink.h)."""
    at = 0
    while at + diag.HEADER_BYTES <= len(body):
        size = int.from_bytes(body[at : at + 4], sys.byteorder)
        if size < diag.HEADER_BYTES:
            return
        yield body[at : at + size]
        at += (size + 3) & ~3
