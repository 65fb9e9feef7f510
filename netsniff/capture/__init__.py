"""Starts and hears the capture helper: names of hosts from packets, by one process of its own.

It is off unless asked for. As root, or with CAP_NET_RAW in the ambient set of whoever starts us
(systemd: AmbientCapabilities), it works as it is; otherwise a launcher with `cap_net_raw+ep` opens
the socket (scripts/deploy/capture.c). The helper keeps no capability and hands on names alone.

    capture = Capture()
    if capture.probe().usable:
        descriptor = capture.open()       # poll it; Source-like from here on
        for event in capture.read():      # Name: give it to the Book; Missed: a Loss
            ...
        capture.close()

When the helper has died, `read` tells a Missed, and the `read` after that raises SourceError: close
it, wait a little, open it again. A second Missed then tells of the time in between.
"""

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from netsniff.capture import records
from netsniff.model import Missed, Name
from netsniff.sources.base import Probe, SourceError

LAUNCHERS = ("/usr/libexec/ptywrap-capture", "/usr/local/libexec/ptywrap-capture")
"""Where a launcher is looked for when none is named."""
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from netsniff.capture import helper; helper.main(sys.argv[2:])"
)
_PIPE, _ABOVE = 3, 16
_CHUNK, _MOST = 1 << 16, 1 << 20
_ENVIRONMENT = {"LC_ALL": "C"}
_REMEDY = (
    "run as root, or start it with CAP_NET_RAW in the ambient set, or install the launcher of "
    "scripts/deploy/capture.c"
)


class Capture:
    """One running helper, or none."""

    name = "capture"

    def __init__(self, launcher: str | None = None) -> None:
        self.launcher = launcher
        """A program with `cap_net_raw+ep` made from scripts/deploy/capture.c; None: look for it."""
        self.pid: int | None = None
        self.hears = self.ready = False
        """Whether the helper hears packets already, and whether it has told the first of them: it
        takes half a second to learn to read."""
        self._pipe = -1
        self._tail = b""
        self._heard_ns = 0
        self._reason = ""
        self._deaf: Missed | None = None

    def probe(self) -> Probe:
        """Say whether names can be captured here, without leaving anything open."""
        family = getattr(socket, "AF_PACKET", None)
        if family is None:
            return Probe(
                usable=False, reason="this system has no packet sockets", remedy="use Linux"
            )
        if not _folders("scapy"):
            return Probe(
                usable=False,
                reason="scapy is not installed",
                remedy="pip install 'ptywrap[capture]'",
            )
        if self._launcher() is None:
            try:
                socket.socket(family, socket.SOCK_DGRAM, 0).close()
            except OSError as error:
                return Probe(
                    usable=False, reason=f"no packet socket: {error.strerror}", remedy=_REMEDY
                )
        if not _folders("cryptography"):
            return Probe(
                usable=True, reason="without names of QUIC", remedy="pip install 'ptywrap[capture]'"
            )
        return Probe(usable=True)

    def open(self) -> int:
        """Start the helper; return the descriptor to poll. Raises OSError."""
        self.close()
        launcher = self._launcher()
        argv = [sys.executable, "-I", "-S", "-c", _START, str(Path(__file__).parents[2])]
        argv += ["given" if launcher else "open", *_folders("scapy", "cryptography")]
        if launcher:
            argv = [launcher, *argv]
        self._pipe, writer = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            self.pid = _started(argv, writer)
        except OSError:
            self.close()
            raise
        finally:
            os.close(writer)
        self._heard_ns = time.monotonic_ns()
        return self._pipe

    def read(self) -> list[Name | Missed]:
        """Tell what was heard since; never blocks. Raises SourceError once the helper is gone."""
        if self.pid is None:
            raise SourceError(self._reason or "the capture helper does not run")
        now_ns = time.monotonic_ns()
        data, ended = self._taken()
        found, used = records.decode(self._tail + data)
        self._tail = (self._tail + data)[used:][: records.LONGEST]
        events: list[Name | Missed] = []
        for record in found:
            if isinstance(record, Name | Missed):
                events.append(record)
            elif isinstance(record, records.Failed):
                self._reason = f"the capture helper cannot work: {record.reason}"
            elif isinstance(record, records.Hears):
                self.hears = True
                events += self._heard_again(record.at_ns)
            else:
                self.ready = True
        if ended:
            events.append(self._died(now_ns))
        self._heard_ns = now_ns
        return events

    def close(self) -> None:
        """End the helper; what was not read is gone."""
        self._end()
        self._reason = ""

    def _died(self, now_ns: int) -> Missed:
        self._reason = self._reason or "the capture helper ended"
        self._end()
        missed = Missed(self._heard_ns, now_ns, None, self._reason, self.name)
        self._deaf = self._deaf or missed._replace(since_ns=now_ns)
        return missed

    def _heard_again(self, now_ns: int) -> list[Missed]:
        """The time since a former helper died."""
        deaf, self._deaf = self._deaf, None
        return [] if deaf is None else [deaf._replace(until_ns=now_ns)]

    def _end(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        self.pid, self._pipe, self._tail = None, -1, b""
        self.hears = self.ready = False

    def _taken(self) -> tuple[bytes, bool]:
        """What is in the pipe, at most a megabyte, and whether its other end is closed."""
        data = bytearray()
        while len(data) < _MOST:
            try:
                piece = os.read(self._pipe, _CHUNK)
            except BlockingIOError:
                return bytes(data), False
            if not piece:
                return bytes(data), True
            data += piece
        return bytes(data), False

    def _launcher(self) -> str | None:
        """The launcher there is; root needs none, and runs none that an account could replace."""
        if self.launcher is None and os.geteuid() == 0:
            return None
        places = LAUNCHERS if self.launcher is None else (self.launcher,)
        return next((place for place in places if os.access(place, os.X_OK)), None)


def _started(argv: list[str], writer: int) -> int:
    """Start the helper: nothing on its standard descriptors, the pipe on the one it expects."""
    idle = os.open(os.devnull, os.O_RDWR)
    # Out of the way of the numbers they are copied to.
    high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for each in (idle, writer)]
    os.close(idle)
    copies = [(os.POSIX_SPAWN_DUP2, high[0], number) for number in range(_PIPE)]
    try:
        return os.posix_spawn(
            argv[0],
            argv,
            _ENVIRONMENT,
            file_actions=[*copies, (os.POSIX_SPAWN_DUP2, high[1], _PIPE)],
            setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGHUP],
            setsigmask=[],
            setsid=True,  # a terminal's interrupt is not for it
        )
    finally:
        for each in high:
            os.close(each)


def _folders(*packages: str) -> list[str]:
    """The folders that hold these packages, each once; those not installed are left out."""
    found = []
    for package in packages:
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            found.append(str(Path(spec.origin).parents[1]))
    return list(dict.fromkeys(found))
