"""What the launcher asked for and what was made before the fork, for both sides of it."""

import posix
import sys

Modes = list[int | list[bytes | int]]  # what termios.tcgetattr returns


GO = b"."  # what a held command waits for; without it the launcher runs it, and once is enough


class Errand:
    """One launch. `arguments` are those of wrapper.py, in the order of the launcher's exec."""

    __slots__ = (
        "above",
        "command",
        "environment",
        "errors_in",
        "errors_out",
        "hold_in",
        "hold_out",
        "inside",
        "json",
        "launcher",
        "login",
        "master",
        "mode",
        "quiet",
        "saved",
        "session",
        "shell",
        "slave",
        "told_in",
        "told_out",
        "used",
        "watchdog",
    )

    def __init__(
        self,
        arguments: list[str],
        session: str,
        launcher: int,
        descriptors: list[int],
        saved: Modes | None,
    ) -> None:
        """Take the words apart; `descriptors` are three pipes, then master and slave if relayed."""
        self.mode = arguments[1]
        self.watchdog = int(arguments[2])
        self.above = int(arguments[3])  # the launcher's parent
        self.environment = arguments[4]  # the virtual environment's folder
        self.login = "l" in arguments[5]
        self.inside = "i" in arguments[5]
        self.quiet = "q" in arguments[5]
        self.json = arguments[6]
        self.shell = encoded(arguments[7])
        self.command = [encoded(word) for word in arguments[8:]]
        self.session = session
        self.launcher = launcher
        self.errors_in, self.errors_out, self.hold_in, self.hold_out = descriptors[:4]
        self.told_in, self.told_out = descriptors[4:6]
        self.master, self.slave = descriptors[6:] or (-1, -1)
        self.saved = saved
        self.used: tuple[int, ...] = (0, 0)  # before the exec (leader.measured)

    @property
    def relayed(self) -> bool:
        """Whether a pty stands between the terminal and the child."""
        return self.mode != "bare"

    @property
    def is_shell(self) -> bool:
        """Whether the child is the user's shell and not one command."""
        return self.mode == "shell"


def encoded(word: str) -> bytes:
    """Return an argument as the bytes it was; Python decoded it with surrogates."""
    return word.encode(sys.getfilesystemencoding(), "surrogateescape")


def environ_of(launcher: int) -> dict[bytes, bytes]:
    """Return the environment the launcher was started with, as the kernel kept it.

    Not ours: dash adds PWD and drops exported bash functions, Python under the C locale adds
    LC_CTYPE (PEP 538). See proc_pid_environ(5).
    """
    try:
        blob = whole(b"/proc/%d/environ" % launcher)
    except OSError:
        blob = b""
    if not blob:
        return dict(posix.environ)
    pairs = [entry.partition(b"=") for entry in blob.split(b"\0") if entry]
    found: dict[bytes, bytes] = {}
    for name, equals, value in pairs:
        if equals:
            found.setdefault(name, value)
    return found


def whole(path: bytes) -> bytes:
    """Return the content of a small file."""
    descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        parts = []
        while part := posix.read(descriptor, 1 << 16):
            parts.append(part)
    finally:
        posix.close(descriptor)
    return b"".join(parts)


def exists(path: bytes) -> bool:
    """Whether there is such a file or folder."""
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def named(role: str) -> None:
    """Show our role in `ps`; all our processes have the same command line."""
    try:
        descriptor = posix.open(b"/proc/self/comm", posix.O_WRONLY | posix.O_NONBLOCK)
    except OSError:
        return
    try:
        posix.write(descriptor, b"ptywrap-" + role.encode())
    except OSError:
        pass
    posix.close(descriptor)
