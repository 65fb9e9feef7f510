"""`-- CMD` without a relay: the command has our descriptors and our process group."""

import posix
import time
from resource import struct_rusage

from ptywrap.launch import errand, leaving, place, rouse, tally
from ptywrap.launch.leader import measured, numbers
from ptywrap.launch.signals import ECHO_NS, PASSED_ON, Echoes, passed_on, received, signal

_HOLD_NS = 300_000_000
_TERMINAL = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_SENT = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_WAITED = (signal.SIGCHLD, *_SENT, *PASSED_ON)


def run(order: errand.Errand, pid: int) -> None:
    """Wait for the command and leave as it left. Never returns.

    The terminal's signals reach the command by themselves.
    """
    posix.close(order.errors_out)
    posix.close(order.hold_in)
    leaving.without_core()
    for number in _TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    for number in _WAITED:
        signal.signal(number, _waited)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED)
    errand.named("run")
    environ = errand.environ_of(order.launcher)
    folder, text = place.marks(environ)
    written = tally.Tally(folder, order.session)
    written.begin(tally.opening(order, (pid, posix.getpid(), 0), environ, text))
    python = errand.encoded(order.environment) + b"/bin/python"
    until_ns = time.monotonic_ns() + _HOLD_NS
    if not rouse.Rouse(folder, python, environ).follow(order.session, pid, until_ns):
        written.append(tally.lost(time.monotonic_ns(), tally.NOT_HELD, 1))
    failure = leaving.exec_failure(order)
    if failure == leaving.OUR_FAULT:
        leaving.give_up()
    ended, usage = _waited_for(order, pid)
    written.append(tally.rusage(time.monotonic_ns(), numbers(measured(usage)), order.used))
    written.end(ended)
    if failure:
        leaving.explain(order, failure)
    else:
        leaving.summarise(order)
    leaving.leave(ended)


def _waited_for(order: errand.Errand, command: int) -> tuple[int, struct_rusage]:
    """Return status and usage; stop when the command stops, pass on what is sent to us alone."""
    post = Post(command)
    while True:
        pid, ended, usage = posix.wait4(-1, posix.WNOHANG | posix.WUNTRACED)
        if pid == command and ended & 0xFF == 0x7F:
            passed_on(order.launcher, signal.SIGSTOP)
            posix.kill(posix.getpid(), signal.SIGSTOP)
            posix.kill(command, signal.SIGCONT)
        elif pid == command:
            return ended, usage
        elif pid == 0:
            post.wait()


class Post:
    """Passes signals on to the command, but those that its group has got already."""

    __slots__ = ("_command", "_echoes", "_held")

    def __init__(self, command: int) -> None:
        """Take its pid."""
        self._echoes = Echoes()
        self._command = command
        self._held = 0  # what somebody sent, while it is open whether the group got it too

    def wait(self) -> None:
        """Sleep until a signal comes, or until it is clear that one came to us alone."""
        number, sender = received(_WAITED, ECHO_NS if self._held else -1)
        if not number:
            passed_on(self._command, self._held)
            self._held = 0
        elif number != signal.SIGCHLD:
            self._received(number, sender)

    def _received(self, number: int, sender: int) -> None:
        meant = self._echoes.heard(number)
        if number != meant:  # passed on by the launcher
            self._held = 0
            if meant:
                passed_on(self._command, meant)
        elif sender:  # 0 is the kernel: to the group, for the terminal
            self._held = number


def _waited(_number: int, _frame: object) -> None:
    """Do nothing: the signals are blocked and waited for."""
