"""Restores the terminal when everybody else of ours is dead; sits in a session of its own."""

import fcntl
import posix

from ptywrap.launch import errand
from ptywrap.launch.errand import Modes
from ptywrap.launch.signals import signal
from ptywrap.launch.terminal import Terminal

GOODBYE = b"."
_HIGHEST = 1 << 16
_STTY = (b"/bin/stty", b"/usr/bin/stty")
_PIPE, _NOWHERE, _TERMINAL = 0, 2, 3
# $1 stty, $2 the raw mode as a pattern, $3 the saved mode, $4 the terminal's name: as `restore` of
# Terminal does it, and by name where our descriptor of it is dead.
_SCRIPT = b"""\
printf ptywrap-guard >/proc/$$/comm
IFS= read -r word
[ "$word" = . ] && exit
restore() {
    now=$("$1" -g) || return
    case $now in $2) "$1" "$3" ;; esac
}
restore "$@" <&3 || restore "$@" <"$4"
"""


def start(terminal: Terminal) -> tuple[int, int]:
    """Fork the guardian; return its pid and the pipe end whose last close wakes it.

    Outside the terminal's session, so that no SIGTTOU and no signal to our group stops it.
    """
    ours, theirs = posix.pipe()
    pid = posix.fork()
    if pid == 0:
        posix.setsid()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        errand.named("guard")
        _keep_only(ours, terminal.keys)
        _become_shell(ours, terminal)
        if posix.read(ours, 1) != GOODBYE:
            terminal.restore()
        posix._exit(0)
    posix.close(ours)
    posix.set_blocking(theirs, False)
    return pid, theirs


def dismiss(descriptor: int) -> None:
    """Say goodbye: the terminal is as it should be."""
    try:
        posix.write(descriptor, GOODBYE)
    except OSError:
        pass
    posix.close(descriptor)


def _become_shell(pipe: int, terminal: Terminal) -> None:
    """Wait as a shell, which takes a sixth of our memory; return where that cannot be.

    It restores by `stty -g`, whose numbers (not so on macOS, which has no /proc) are the fields
    that termios.tcgetattr returns.
    """
    stty = next((path for path in _STTY if posix.access(path, posix.X_OK)), None)
    if stty is None or not errand.exists(b"/proc/self/comm"):
        return
    pattern, saved = _told(terminal.raw, b"*"), _told(terminal.saved)
    words = [b"ptywrap-guard", b"-c", _SCRIPT, b"sh", stty, pattern, saved, terminal.name.encode()]
    # The numbers it has to have may be in use by the other one.
    kept = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in (pipe, terminal.keys)]
    try:
        posix.dup2(kept[0], _PIPE)
        posix.dup2(kept[1], _TERMINAL)
        posix.dup2(posix.open(b"/dev/null", posix.O_RDWR), _NOWHERE)
        posix.closerange(_TERMINAL + 1, _HIGHEST)
        posix.execv(b"/bin/sh", words)
    except OSError:
        posix._exit(1)  # the keeper has another one made


def _told(modes: Modes, control: bytes | None = None) -> bytes:
    """Return a mode as `stty -g` prints it (coreutils, busybox); `control` stands for its cflag."""
    *flags, _in, _out, characters = modes
    assert isinstance(characters, list)
    numbers = [*flags, *(one if isinstance(one, int) else one[0] for one in characters)]
    words = [b"%x" % number for number in numbers if isinstance(number, int)]
    if control is not None:
        words[2] = control
    return b":".join(words)


def _keep_only(*descriptors: int) -> None:
    """Close everything else: a pipe of the caller's must not stay open in us."""
    low = 0
    for descriptor in sorted(descriptors):
        posix.closerange(low, descriptor)
        low = descriptor + 1
    posix.closerange(low, _HIGHEST)
