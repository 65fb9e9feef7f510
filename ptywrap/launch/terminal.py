"""Raw mode and window size of the user's terminal, and its restoration on every way out."""

import errno
import fcntl
import posix
import termios

from ptywrap.launch.errand import Modes
from ptywrap.launch.signals import signal

_IFLAG_OFF = (
    termios.IGNBRK
    | termios.BRKINT
    | termios.PARMRK
    | termios.ISTRIP
    | termios.INLCR
    | termios.IGNCR
    | termios.ICRNL
    | termios.IXON
    | termios.IXOFF
)
_LFLAG_OFF = termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN


def raw(saved: Modes) -> Modes:
    """Return `saved` in raw mode, every other bit kept."""
    iflag, oflag, cflag, lflag, *speeds, characters = saved
    assert isinstance(iflag, int)
    assert isinstance(oflag, int)
    assert isinstance(cflag, int)
    assert isinstance(lflag, int)
    assert isinstance(characters, list)
    changed = list(characters)
    changed[termios.VMIN], changed[termios.VTIME] = 1, 0
    return [
        iflag & ~_IFLAG_OFF,
        oflag & ~termios.OPOST,
        cflag & ~(termios.CSIZE | termios.PARENB) | termios.CS8,
        lflag & ~_LFLAG_OFF,
        *speeds,
        changed,
    ]


def reopened(descriptor: int, flags: int) -> int:
    """Return a descriptor of our own for a terminal, non-blocking without telling its other users.

    By name; where there is no node (containers), by /proc; at last the one we have, as it is.
    """
    names = [b"/proc/self/fd/%d" % descriptor]
    if _controls_us(descriptor):
        names.append(b"/dev/tty")  # after `su` the node is another user's
    try:
        names.insert(0, posix.ttyname(descriptor).encode())
    except OSError:
        pass
    wanted = posix.fstat(descriptor).st_rdev
    for name in names:
        try:
            found = posix.open(name, flags | posix.O_NOCTTY | posix.O_NONBLOCK | posix.O_CLOEXEC)
        except OSError:
            continue
        if posix.fstat(found).st_rdev == wanted or name == b"/dev/tty":
            return found
        posix.close(found)
    return descriptor


def _controls_us(descriptor: int) -> bool:
    """Whether it is our session's terminal."""
    try:
        posix.tcgetpgrp(descriptor)
    except OSError:
        return False
    return True


class Terminal:
    """The user's terminal: `keys` is read, `screen` is written; `saved` is how it was."""

    __slots__ = ("keys", "name", "raw", "saved", "screen")

    def __init__(self, saved: Modes) -> None:
        """Open it again by name; descriptors 0 and 1 are the caller's to keep as they are."""
        self.saved = saved
        self.raw = raw(saved)
        same = posix.fstat(0).st_rdev == posix.fstat(1).st_rdev
        self.keys = reopened(0, posix.O_RDWR if same else posix.O_RDONLY)
        self.screen = self.keys if same else reopened(1, posix.O_WRONLY)
        try:
            self.name = posix.ttyname(0)
        except OSError:
            self.name = "/dev/tty"

    def make_raw(self) -> None:
        """Set raw mode."""
        termios.tcsetattr(self.keys, termios.TCSANOW, self.raw)

    def restore(self) -> None:
        """Give back the saved mode, unless somebody else has changed it since.

        TCSANOW: waiting for a terminal that does not read would never end. After a hang-up our
        descriptor is dead while the device may live on: then it is opened once more.
        """
        try:
            self._restore(self.keys)
        except (OSError, termios.error):
            try:
                again = posix.open(self.name, posix.O_RDWR | posix.O_NOCTTY | posix.O_NONBLOCK)
            except OSError:
                return
            try:
                self._restore(again)
            except (OSError, termios.error):
                pass
            posix.close(again)

    def _restore(self, descriptor: int) -> None:
        now = termios.tcgetattr(descriptor)
        # Not the control flags and speeds: drivers correct those (pty_set_termios).
        if [*now[:2], now[3], now[6]] == [*self.raw[:2], self.raw[3], self.raw[6]]:
            termios.tcsetattr(descriptor, termios.TCSANOW, self.saved)

    def stop_group(self) -> None:
        """Give the terminal back and stop our whole group; return when we are continued.

        SIGSTOP: a SIGTSTP is discarded for orphaned groups; and the outer shell watches the
        launcher, not us.
        """
        self.restore()
        posix.kill(0, signal.SIGSTOP)
        self.resumed()

    def resumed(self) -> None:
        """Take the terminal again after a SIGCONT; in the background (`bg`) stop once more."""
        while not self.in_foreground():
            posix.kill(0, signal.SIGSTOP)
        self.make_raw()

    def in_foreground(self) -> bool:
        """Whether the terminal's foreground group is ours."""
        try:
            return posix.tcgetpgrp(self.keys) == posix.getpgrp()
        except OSError as error:
            return error.errno == errno.ENOTTY  # it is not our session's: nobody can stop us

    def copy_size(self, master: int) -> bytes:
        """Give our size to the inner terminal, which tells its foreground group; return it."""
        try:
            size = fcntl.ioctl(self.keys, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(master, termios.TIOCSWINSZ, size)
        except OSError:
            return b""
        return size


def modes(master: int) -> tuple[bool, bool] | None:
    """Return whether the inner terminal is canonical and echoes; None when it does not say."""
    try:
        lflag = termios.tcgetattr(master)[3]
    except (OSError, termios.error):
        return None
    return bool(lflag & termios.ICANON), bool(lflag & termios.ECHO)


def job_control(above: int) -> bool:
    """Whether somebody above us can continue us: the launcher's parent is in our session."""
    try:
        return posix.getsid(above) == posix.getsid(0)
    except OSError:
        return False
