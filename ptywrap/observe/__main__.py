"""Started by name, detached: takes the lock, proves its sensors, then observes."""

import contextlib
import fcntl
import functools
import logging
import logging.handlers
import os
import pwd
import resource
import sys
import time
from pathlib import Path

from ptywrap import clock, config, device, paths, privacy, templates, wire
from ptywrap.observe import system, watch
from ptywrap.observe.observer import Places, observer
from ptywrap.observe.recorder import Recorder
from ptywrap.observe.sensors import Sensors
from ptywrap.observe.telling import Teller
from ptywrap.observe.times import Times
from ptywrap.observe.tree import Tree
from ptywrap.observe.ward import Identity
from ptywrap.spool import Limits, Spool, adopt

_LOG = logging.getLogger(__name__)
_MEMORY_BYTES = 150 << 20
_LOG_BYTES = 1 << 20


def main() -> int:
    """Observe as the one observer of this user; 0 at once where another one does."""
    settings = config.load()
    idle_s = _idle_s(sys.argv[1:], settings.config.observer_idle_seconds)
    if config.off_switch(os.environ, settings.config) is not None:
        return 0
    marks = paths.marks_folder()
    if marks.folder is None or not paths.private(marks.folder):
        return 1
    lock = _alone(paths.observer_lock())
    if lock is None:
        return 0
    _modest()
    _log()
    died_ns = _predecessor(lock)
    sensors = Sensors()
    sensors.start()
    user = pwd.getpwuid(os.getuid()).pw_name
    identity = Identity(user, device.identity(), clock.boot_id())
    teller = _teller(settings.config, identity)
    parts = (identity, sensors, teller, system())
    places = Places(marks.folder, paths.observer_socket(), lock)
    observing = observer(places, parts, watch(marks.folder), idle_s * 1_000_000_000)
    observing.begin(died_ns)
    observing.run()
    os.ftruncate(lock, 0)
    return 0


def _idle_s(words: list[str], otherwise: int) -> int:
    """Return how long to stay after the last session: `--idle SECONDS`, all there is to ask.

    argparse would cost 1.4 MB for as long as we stay.
    """
    match words:
        case []:
            return otherwise
        case ["--idle", seconds] if seconds.isdecimal():
            return int(seconds)
    raise SystemExit("usage: python -m ptywrap.observe [--idle SECONDS]")


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
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def _log() -> None:
    if not paths.private(paths.state_folder()):
        return
    handler = logging.handlers.RotatingFileHandler(
        paths.log_file("observer"), maxBytes=_LOG_BYTES, backupCount=1, delay=True
    )
    logging.basicConfig(
        handlers=[handler], level=logging.INFO, format="%(asctime)s %(name)s %(message)s"
    )


def _teller(settings: config.Config, identity: Identity) -> Teller:
    times = Times()
    folder = paths.spool_folder(identity.device)
    adopt(folder)

    def header() -> wire.Segment:
        told = clock.clocks()
        return wire.Segment(
            version=wire.VERSION,
            device=identity.device,
            boot_id=identity.boot_id,
            wall_ns=told.wall_ns,
            monotonic_ns=told.monotonic_ns,
            boottime_ns=told.boottime_ns,
            utc_offset_ns=told.utc_offset_ns,
        )

    spool = Spool(folder, header, clock.monotonic_ns, Limits(most_bytes=settings.spool_bytes))
    rules = templates.load(_rules())
    shape_only = settings.argv == "shape"
    inward = functools.partial(
        privacy.inward, rules=rules, argv="shape" if shape_only else "redacted"
    )
    recorder = Recorder(spool, inward, paths.pause_file(), settings.ignore)
    return Teller(recorder, rules, times, Tree())


def _rules() -> str:
    return Path(templates.__file__).with_name("rules.toml").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
