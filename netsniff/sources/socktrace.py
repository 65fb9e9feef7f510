"""Linux, root: BPF programs of ours on the kernel's socket tracepoints: every pid, every byte.

What connects or moves bytes is seen in the process that does it: no connection is too short, and
UDP has bytes. Nothing is compiled and nothing is installed: the programs are written here, checked
by the kernel, and gone when our descriptors close, however we end. They see all network namespaces.

Not seen: bytes of TCP that no send or receive moves (splice, or received and never read) until the
connection ends; who accepted a connection on which nothing was ever moved; the peer of a UDP socket
that is not connected.
"""

import errno
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from netsniff.model import Event, Missed, Reading
from netsniff.sources import bpf_entry, bpf_kernel, bpf_sockets, loopback, socktrace_check
from netsniff.sources.base import Probe, Promise, SourceError
from netsniff.sources.bpf_types import NoSuchType

assert sys.platform == "linux"

_OLD = (
    "use Linux 5.12 or newer (6.3 for UDP), built with CONFIG_DEBUG_INFO_BTF and CONFIG_BPF_EVENTS"
)
_AGAIN_NS, _SOON_NS, _SELDOM_NS = 1_000_000_000, 50_000_000, 5_000_000_000
"""How long until the next read: at most; after a socket ended, which wakes us else; at rest."""

_BREATH_NS = 2_000_000
_IDLE_NS = 60_000_000_000
"""When one that nothing was told of may be over without a word."""

_REFUSALS = {
    errno.EPERM: ("only root may load programs into the kernel", "start it as root"),
    errno.EACCES: ("the kernel's checker refused a program", _OLD),
    errno.ENOENT: ("this kernel does not describe its types", _OLD),
    errno.ENOSYS: ("this kernel has no BPF", _OLD),
}
_PROMISES = frozenset(
    {
        *(Promise.BYTES, Promise.EVERY_CONNECTION, Promise.HOLDER, Promise.SHORT_HOLDER),
        *(Promise.UDP, Promise.UDP_BYTES, Promise.TELLS_LOSS),
    }
)


class SockTrace:
    """Sockets as the kernel's own tracepoints tell them."""

    name = bpf_entry.SOURCE
    promises = _PROMISES
    period_ns = _AGAIN_NS
    verified = True

    def __init__(
        self,
        room: int = bpf_sockets.ROOM,
        idle_ns: int = _IDLE_NS,
        kernel: bpf_kernel.Kernel | None = None,
    ) -> None:
        self._kernel = kernel
        self._idle_ns = idle_ns
        self._room = room
        self._sockets: bpf_sockets.Sockets | None = None
        self._refused = 0
        self._read_ns = self._looked_ns = self._swept_ns = 0
        self._resting = False
        self._terms = bpf_entry.Terms(os.sysconf("SC_CLK_TCK"))

    def probe(self) -> Probe:
        """Say whether the kernel lets us, and tells of a connection of ours what is right."""
        try:
            self.open()
            wrong = self._compared()
        except NoSuchType as lacking:
            return Probe(usable=False, reason=str(lacking), remedy=_OLD)
        except OSError as failure:
            return _refused(failure)
        finally:
            self.close()
        return Probe(usable=not wrong, reason=wrong)

    def open(self) -> int | None:
        """Begin: 50 ms, of which most is the kernel's check of the programs. Raises OSError."""
        try:
            self._sockets = bpf_sockets.Sockets(self._room, self._kernel)
        except NoSuchType as lacking:
            raise OSError(errno.ENOENT, str(lacking)) from lacking
        counted = self._sockets.tells_bytes
        self._terms = self._terms._replace(counted=counted)
        self.promises = _PROMISES if counted else _PROMISES - {Promise.UDP, Promise.UDP_BYTES}
        self._refused = 0
        self._read_ns = self._swept_ns = time.monotonic_ns()
        self._looked_ns = 0
        self._sockets.listen(_AGAIN_NS, for_ends=True)
        return self._sockets.bell.fileno()

    def hurry(self, pid: int) -> None:
        """Be rung again when sockets end; the kernel tells of every process anyway."""
        if self._resting and self._sockets is not None:
            self._resting = False
            self._sockets.listen(_SOON_NS, for_ends=True)

    def rest(self) -> None:
        """Be rung by time alone, and seldom, to throw away what the kernel keeps."""
        if not self._resting and self._sockets is not None:
            self._resting = True
            self._sockets.listen(_SELDOM_NS, for_ends=False)

    def read(self) -> Iterable[Event]:
        """Tell what changed. Raises SourceError."""
        sockets = self._sockets
        if sockets is None:
            return []
        # It is asked at every turn of a loop.
        if time.monotonic_ns() - self._looked_ns < _BREATH_NS and not sockets.bell.rings():
            return []
        try:
            return self._now()
        except OSError as failure:
            raise SourceError(f"the kernel's table cannot be read: {failure.strerror}") from failure

    def close(self) -> None:
        """End the programs; what was not read is gone."""
        if self._sockets is not None:
            self._sockets.close()
            self._sockets = None

    def _now(self) -> list[Event]:
        sockets = self._sockets
        if sockets is None:
            return []
        if self._resting:
            return self._discarded(sockets)
        since_ns, self._read_ns = self._read_ns, time.monotonic_ns()
        now_ns = self._looked_ns = self._read_ns
        # First, so that what ends while we read rings.
        sockets.listen(_AGAIN_NS, for_ends=True)
        kept = sockets.changed()
        if any(each.entry.ended_ns for each in kept):
            sockets.listen(_SOON_NS, for_ends=False)
        if now_ns - self._swept_ns >= self._idle_ns:
            self._swept_ns = now_ns
            kept += self._swept(sockets, now_ns)
        events: list[Event] = []
        refused = sockets.refused()
        if refused > self._refused:
            missing, self._refused = refused - self._refused, refused
            reason = "too many sockets at once"
            events.append(Missed(since_ns, now_ns, missing, reason, self.name))
        for cookie, entry in kept:
            told = bpf_entry.reading(cookie, entry, now_ns, self._terms)
            if told is not None:
                events.append(told)
        return events

    def _discarded(self, sockets: bpf_sockets.Sockets) -> list[Event]:
        """Make room at rest; what ended just now may be of somebody who has just begun."""
        self._looked_ns = self._read_ns = time.monotonic_ns()
        sockets.listen(_SELDOM_NS, for_ends=False)
        sockets.discard(self._read_ns - _AGAIN_NS)
        self._refused = sockets.refused()
        return []

    def _swept(self, sockets: bpf_sockets.Sockets, now_ns: int) -> list[bpf_sockets.Kept]:
        """Make room: end those whose end nothing told, once their process is no more."""
        found = [
            kept._replace(entry=kept.entry._replace(ended_ns=kept.entry.touched_ns))
            for kept in sockets.idle(now_ns - self._idle_ns)
            if (kept.entry.closed_ns or kept.entry.protocol == bpf_entry.UDP)
            and not Path(f"/proc/{kept.entry.pid}").exists()
        ]
        sockets.forget([kept.cookie for kept in found])
        return found

    def _compared(self) -> str:
        """Return what is told wrong of a connection of ours; empty: nothing, or no loopback."""
        try:
            made = loopback.pair()
        except OSError:
            return ""
        try:
            events = [event for event in self._now() if isinstance(event, Reading)]
        finally:
            made.close()
        told = {event.cookie: event for event in events if event.cookie is not None}
        differs = socktrace_check.differs
        if not self._terms.counted:
            return differs(told, made.client, (None, None))
        sent, received = loopback.FROM_CLIENT_BYTES, loopback.FROM_SERVER_BYTES
        wrong = differs(told, made.client, (received, sent))
        return wrong or differs(told, made.server, (sent, received))


def _refused(failure: OSError) -> Probe:
    reason, remedy = _REFUSALS.get(failure.errno or 0, ("the kernel refused", _OLD))
    said = failure.strerror or ""
    return Probe(usable=False, reason=f"{reason}: {said}" if said else reason, remedy=remedy)
