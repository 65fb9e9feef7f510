"""Starts the observer, detached, when nobody holds its lock; asks it to follow a held command."""

import _socket
import fcntl
import posix
import select
import time

from ptywrap.launch.signals import signal

_APART_NS = 1_000_000_000  # longer than a start takes
_WINDOW_NS = 600_000_000_000
_STARTS = 4  # within the window: one and three restarts; then trying again helps nobody
_YES = b"\xa2ok\xc3"  # msgpack: "ok": true
_LOOKS = 8
_HIGHEST = 1 << 16


class Rouse:
    """The observer of this user, seen from one session."""

    __slots__ = ("_environ", "_folder", "_python", "_started_ns", "again_at_ns")

    def __init__(self, folder: bytes, python: bytes, environ: dict[bytes, bytes]) -> None:
        """Take the marks folder (b"" for none: then there is nothing to observe)."""
        self._folder, self._python, self._environ = folder, python, environ
        self._started_ns: list[int] = []
        self.again_at_ns = 0  # when to look again after a `check` that came too soon, else 0

    def check(self) -> bool:
        """Start the observer if its lock is free; return whether one runs or was started."""
        self.again_at_ns = 0
        if not self._folder:
            return False
        if self._held():
            return True
        now_ns = time.monotonic_ns()
        recent = [at_ns for at_ns in self._started_ns if now_ns - at_ns < _WINDOW_NS]
        self._started_ns = recent
        if len(recent) >= _STARTS:
            return False
        if recent and now_ns - recent[-1] < _APART_NS:
            self.again_at_ns = recent[-1] + _APART_NS
            return False
        recent.append(now_ns)
        return start(self._python, [b"-I", b"-m", b"ptywrap.observe"], self._environ)

    def follow(self, session: str, pid: int, until_ns: int) -> bool:
        """Ask that `pid` be followed, again and again until the observer has come up or time is."""
        if not self.check():
            return False
        tries = 0
        while (left_ns := until_ns - time.monotonic_ns()) > 0:
            answer = self._asked(_request(session, pid), left_ns)
            if answer is not None:
                return _YES in answer
            tries += 1
            if tries % _LOOKS == 0:
                self.check()  # who held the lock may have been about to leave
            select.select([], [], [], 0.004)
        return False

    def _held(self) -> bool:
        """Whether somebody holds the lock."""
        try:
            descriptor = posix.open(self._folder + b"/observer.lock", posix.O_RDONLY | _QUIET)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            posix.close(descriptor)
        return False

    def _asked(self, request: bytes, wait_ns: int) -> bytes | None:
        """Return the answer, None when nobody answers yet."""
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            connection.settimeout(wait_ns / 1e9)
            connection.connect(self._folder + b"/observer.sock")
            connection.sendall(request)
            return connection.recv(512) or None
        except OSError:
            return None
        finally:
            connection.close()


_QUIET = posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK


def _request(session: str, pid: int) -> bytes:
    """Return the frame: u32 length, then one msgpack map of three."""
    body = (
        b"\x83\xa3ask\xa6follow\xa7session\xd9\x20"
        + session.encode()
        + b"\xa3pid\xce"
        + pid.to_bytes(4, "big")
    )
    return len(body).to_bytes(4, "little") + body


def start(python: bytes, arguments: list[bytes], environ: dict[bytes, bytes]) -> bool:
    """Exec a process of ours that belongs to nobody: own session, no descriptor of ours."""
    try:
        pid = posix.fork()
    except OSError:
        return False
    if pid == 0:
        _detached(python, arguments, environ)
    posix.waitpid(pid, 0)
    return True


def _detached(python: bytes, arguments: list[bytes], environ: dict[bytes, bytes]) -> None:
    posix.setsid()
    if posix.fork():
        posix._exit(0)
    signal.set_wakeup_fd(-1)
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    posix.closerange(0, _HIGHEST)
    nowhere = posix.open(b"/dev/null", posix.O_RDWR)
    posix.set_inheritable(nowhere, True)
    posix.dup2(nowhere, 1)
    posix.dup2(nowhere, 2)
    posix.chdir(b"/")
    try:
        posix.execve(python, [python, *arguments], environ)
    except OSError:
        posix._exit(127)
