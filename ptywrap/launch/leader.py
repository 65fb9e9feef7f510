"""Leads the inner session of a relayed command, as an interactive shell would.

Were the command itself the session's leader, the kernel would discard its SIGTSTP (nobody in the
session could continue it: Ctrl-Z would do nothing), and hang up what it leaves in the background.
"""

import posix
from resource import RLIMIT_CORE, RUSAGE_SELF, getrlimit, getrusage, setrlimit, struct_rusage

from ptywrap.launch.errand import Errand, named
from ptywrap.launch.signals import signal
from ptywrap.launch.status import code_of, signal_of

_IGNORED = (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGINT, signal.SIGQUIT)
_HIGHEST = 1 << 16
MEASURED_BYTES = 40


def lead(order: Errand) -> None:
    """Fork the command's process, in front and in a group of its own; return in it alone.

    It tells the keeper its pid; when it has ended, we tell what wait4 said of it and leave alike.
    """
    pid = posix.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTTOU,))
        posix.setpgid(0, 0)
        posix.tcsetpgrp(0, posix.getpid())
        posix.write(order.errors_out, posix.getpid().to_bytes(4, "little"))
        return
    named("leader")
    setrlimit(RLIMIT_CORE, (0, getrlimit(RLIMIT_CORE)[1]))
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    posix.closerange(3, order.told_out)
    posix.closerange(order.told_out + 1, _HIGHEST)
    ended = _stood_behind(pid, order.told_out)
    number = signal_of(ended)
    if number is not None:
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        posix.kill(posix.getpid(), number)
    posix._exit(code_of(ended) or 0)


def _stood_behind(command: int, told: int) -> int:
    """Wait for the command, and stop and go on with it; return its wait status."""
    ours = posix.getpgrp()
    while True:
        _pid, ended, usage = posix.wait4(command, posix.WUNTRACED)
        _give_terminal(ours)  # who leads a session to its end hangs up the group in front
        if ended & 0xFF != 0x7F:
            posix.write(told, measured(usage))
            return ended
        posix.kill(posix.getpid(), signal.SIGSTOP)
        _give_terminal(command)
        posix.kill(-command, signal.SIGCONT)


def _give_terminal(group: int) -> None:
    try:
        posix.tcsetpgrp(0, group)
    except OSError:
        return  # hung up


def used() -> bytes:
    """Return what we have used before the exec: wait4 will count it as the command's."""
    return measured(getrusage(RUSAGE_SELF))


def measured(usage: struct_rusage) -> bytes:
    """Return five numbers of 8 bytes: microseconds of user and of system, bytes resident at most,
    read and written.
    """
    numbers = (
        round(usage.ru_utime * 1_000_000),
        round(usage.ru_stime * 1_000_000),
        usage.ru_maxrss * 1024,
        usage.ru_inblock * 512,
        usage.ru_oublock * 512,
    )
    return b"".join(number.to_bytes(8, "little") for number in numbers)


def numbers(told: bytes) -> tuple[int, ...]:
    """Return the numbers again, zeros for none."""
    return tuple(int.from_bytes(told[at : at + 8], "little") for at in range(0, MEASURED_BYTES, 8))
