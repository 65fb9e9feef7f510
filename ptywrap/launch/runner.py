"""`-- CMD` without a relay: the command has our descriptors and our process group."""

import posix
import time
from resource import struct_rusage

from ptywrap.launch import errand, guardian, leaving, place, rouse, tally
from ptywrap.launch.signals import signal

_HOLD_NS = 300_000_000
_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_FORWARDED = (signal.SIGTERM, signal.SIGHUP)
_WAITED = (signal.SIGCHLD, *_FORWARDED)


def run(order: errand.Errand, pid: int) -> None:
    """Wait for the command and leave as it left. Never returns.

    The terminal's signals reach the command by themselves; we ignore them.
    """
    posix.close(order.errors_out)
    posix.close(order.hold_in)
    leaving.without_core()
    for number in _TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    for number in _WAITED:
        signal.signal(number, _waited)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED)
    guardian.named("run")
    environ = errand.environ_of(order.launcher)
    folder, text = place.marks(environ)
    written = tally.Tally(folder, order.session)
    written.begin(tally.opening(order, (pid, posix.getpid(), 0), environ, text))
    python = errand.encoded(order.environment) + b"/bin/python"
    until_ns = time.monotonic_ns() + _HOLD_NS
    if not rouse.Rouse(folder, python, environ).follow(order.session, pid, until_ns):
        written.append(tally.lost(time.monotonic_ns(), tally.NOT_HELD, 1))
    failure = leaving.exec_failure(order)
    leaving.stop_watchdog(order.watchdog)
    leaving.announce()
    ended, usage = _waited_for(order, pid)
    written.append(tally.rusage(time.monotonic_ns(), usage))
    written.end(ended)
    if failure:
        leaving.explain(order, failure)
    else:
        leaving.summarise(order)
    leaving.leave(ended)


def _waited_for(order: errand.Errand, command: int) -> tuple[int, struct_rusage]:
    """Return status and usage; stop when the command stops, pass on what is sent to us alone."""
    while True:
        pid, ended, usage = posix.wait4(-1, posix.WNOHANG | posix.WUNTRACED)
        if pid == command and ended & 0xFF == 0x7F:
            posix.kill(order.launcher, signal.SIGSTOP)
            posix.kill(posix.getpid(), signal.SIGSTOP)
            posix.kill(command, signal.SIGCONT)
        elif pid == command:
            return ended, usage
        elif pid == 0:
            number = signal.sigwait(_WAITED)
            if number != signal.SIGCHLD:
                posix.kill(command, number)


def _waited(_number: int, _frame: object) -> None:
    """Do nothing: the signals are blocked and waited for."""
