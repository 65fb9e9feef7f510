"""The observer's first stage: it holds the lock, listens, proves its sensors, follows who asks.

A command waits for this, at most 300 ms (terminal.md 3.6), so it imports little: no msgspec, no
rules, no logging. Everything else is loaded afterwards, while events wait in the reader's pipe.
"""

import contextlib
import fcntl
import os
import resource
import time
from pathlib import Path
from typing import NamedTuple

from ptywrap import paths, switches
from ptywrap.observe.control import Control
from ptywrap.observe.network_sources import Sources
from ptywrap.observe.sensors import Senses, Sensors

_MEMORY_BYTES = 100 << 20
_SOURCES_MS = 50
"""How long a held command waits for who finds the holders of its sockets, at most."""
_SPARE_NS = 120_000_000
"""With so much gone already a held command does not wait for the kernel's tracer, too."""
# msgpack, as launch/rouse.py writes it: a map of "ask", "session" (32 characters) and "pid" (u32).
_ASKED = b"\x83\xa3ask\xa6follow\xa7session\xd9\x20"
_NAME_BYTES = 32
_PID = b"\xa3pid\xce"
_PID_BYTES = 4
_YES = b"\x81\xa2ok\xc3"


class Ready(NamedTuple):
    """What the second stage goes on with.

    `lock` is an open descriptor, `died_ns` the wall time at which an observer that did not take its
    leave last looked.
    """

    folder: Path
    lock: int
    died_ns: int | None
    sensors: Sensors
    sources: Sources
    control: Control

    def serve(self) -> None:
        """Answer who asks by now, and take what the sensors know: no buffer overflows meanwhile."""
        self.control.serve_all()
        if self.sensors.followed:
            self.sensors.settle()

    def leave(self) -> None:
        """Let go of everything, where there is nothing to observe."""
        self.control.close()
        self.sensors.close()
        self.sources.close()
        os.ftruncate(self.lock, 0)


class NoPlace(Exception):
    """There is no folder of ours for marks, lock and socket."""


def ready() -> Ready | None:
    """Become the one observer of this user; None: there is one, or none is wanted.

    Raises NoPlace.
    """
    if switches.thrown(os.environ) is not None:
        return None
    folder = paths.marks_folder().folder
    if folder is None or not paths.private(folder):
        raise NoPlace
    lock = _alone(paths.observer_lock())
    if lock is None:
        return None
    began_ns = time.monotonic_ns()
    _modest()
    died_ns = _predecessor(lock)
    sources = Sources()
    sources.begin()
    sensors = Sensors(sources.hints)
    control = Control(
        paths.observer_socket(), lambda body, _: _reply(Senses(sensors, sources), body)
    )
    sensors.start()
    sources.wait(_SOURCES_MS)
    if time.monotonic_ns() - began_ns < _SPARE_NS and _traces():
        sources.trace()
    made = Ready(folder, lock, died_ns, sensors, sources, control)
    made.serve()
    return made


def _traces() -> bool:
    """Say whether we may have the tracer, and nobody has switched it off: settings come later."""
    if os.geteuid() or any(name.startswith("PTYWRAP_NETWORK") for name in os.environ):
        return False
    return not (paths.SYSTEM_CONFIG.exists() or paths.config_file().exists())


def held_command(body: bytes) -> int | None:
    """Return the pid of a `follow` request in the one shape in which wrappers write it."""
    head, rest = body[: len(_ASKED)], body[len(_ASKED) + _NAME_BYTES :]
    if head != _ASKED or rest[: len(_PID)] != _PID or len(rest) != len(_PID) + _PID_BYTES:
        return None
    return int.from_bytes(rest[len(_PID) :], "big")


def _reply(senses: Senses, body: bytes) -> bytes | None:
    """Answer a held command; whatever else is asked waits for the second stage."""
    pid = held_command(body)
    if not pid or not senses.sensors.ready:
        return None
    senses.sensors.follow(pid)
    senses.sensors.settle()
    senses.sources.hurry(pid)
    return _YES


def _alone(path: Path) -> int | None:
    """Return the lock, None where another observer holds it; a glance at it lasts no 50 ms."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    for _ in range(5):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        time.sleep(0.01)
    os.close(descriptor)
    return None


def _predecessor(lock: int) -> int | None:
    """Return the wall time at which an observer that did not take its leave last looked."""
    died = os.fstat(lock).st_mtime_ns if os.pread(lock, 16, 0).strip() else None
    os.ftruncate(lock, 0)
    os.pwrite(lock, b"%d\n" % os.getpid(), 0)
    return died


def _modest() -> None:
    """Be the first to go when memory is short, never larger than agreed, and leave no core."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        # The upper limit is for whom we start: the local store maps a library of 68 MB.
        _, highest = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, highest))
