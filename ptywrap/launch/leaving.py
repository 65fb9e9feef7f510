"""The last steps of a launch: one line if the exec failed, the summary, the status."""

import errno
import posix
import resource
import select
import sys
import time

from ptywrap.launch.errand import GO, Errand, encoded
from ptywrap.launch.leader import MEASURED_BYTES, numbers
from ptywrap.launch.signals import signal
from ptywrap.launch.status import code_of, said, signal_of

OUR_FAULT = 0xFFFF  # what wrapper.py's top says of a child that broke before its exec
_STATUS = 5
_SUMMARY_NS = 1_900_000_000
_CLEARING_NS = 100_000_000  # of the 2 s we promise
_STEP_SECONDS = 0.005
_WORDS = {
    errno.ENOENT: b"not found",
    errno.ENOTDIR: b"not found",
    errno.EACCES: b"Permission denied",
    errno.ENOEXEC: b"cannot execute: wrong format",
    errno.E2BIG: b"argument list too long",
}


def without_core() -> None:
    """Never leave a core file of ours: terminal bytes pass through our memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def exec_failure(order: Errand) -> int:
    """Let the child go; return the errno that kept it from its exec, 0 for none, or OUR_FAULT.

    A command says first what it used until then. Its exec may take longer than the watchdog waits
    (a PATH over a network), and it must not run twice: all is said before it may go.
    """
    if not order.is_shell:
        commit(order)
        try:
            posix.write(order.hold_out, GO)
        except OSError:
            return OUR_FAULT  # it ended before
    posix.close(order.hold_out)
    told = b""
    while part := posix.read(order.errors_in, 64):
        told += part
    posix.close(order.errors_in)
    order.hold_out = order.errors_in = -1
    if not order.is_shell and len(told) >= MEASURED_BYTES:
        order.used = numbers(told)
        told = told[MEASURED_BYTES:]
    return int.from_bytes(told, "little")


def command_pid(order: Errand) -> int:
    """Return the pid of a relayed command, a child of the inner session's leader; 0 for none."""
    told = posix.read(order.errors_in, 4)
    return int.from_bytes(told, "little") if len(told) == 4 else 0


def measured(order: Errand) -> tuple[int, ...]:
    """Return what wait4 told the leader of the inner session; nothing where it was killed."""
    posix.set_blocking(order.told_in, False)
    try:
        return numbers(posix.read(order.told_in, MEASURED_BYTES))
    except BlockingIOError:
        return ()


def explain(order: Errand, failure: int) -> None:
    """Say in one line why nothing ran."""
    what = order.shell if order.is_shell else order.command[0]
    why = _WORDS.get(failure, b"cannot execute (errno %d)" % failure)
    tell(b"ptywrap: " + what + b": " + why + b"\n")


def tell(line: bytes) -> None:
    """Write our one line to the user's stderr, if it can be written."""
    try:
        posix.write(2, line)
    except OSError:
        return


def commit(order: Errand) -> None:
    """End the launcher's watchdog, our child since the launcher's exec, and tell the launcher."""
    try:
        posix.kill(order.watchdog, signal.SIGTERM)
    except OSError:
        pass  # somebody else ended it
    announce()


def announce() -> None:
    """Tell the launcher that the shell runs: from here on there is nothing to fall back to."""
    _to_launcher(b"started\n")


def summarise(order: Errand) -> None:
    """Print the summary and write the run record; never longer than 2 s, never our status."""
    shown = not order.quiet and posix.isatty(2)
    if not shown and not order.json:
        return
    words = [sys.executable, "-I", "-m", "ptywrap", "summary", order.session]
    if order.json:
        words += ["--json", order.json]
    if not shown:
        words.append("--quiet")
    argv = [encoded(word) for word in words]
    try:
        pid = posix.fork()
    except OSError:
        return
    if pid == 0:
        _become(argv)
    until_ns = time.monotonic_ns() + _SUMMARY_NS
    while posix.waitpid(pid, posix.WNOHANG) == (0, 0):
        if time.monotonic_ns() > until_ns:
            _cut_short(order, pid)
            return
        select.select([], [], [], _STEP_SECONDS)


def _cut_short(order: Errand, summary: int) -> None:
    """End a summary that takes too long, with time to remove a file half written; say so."""
    posix.kill(summary, signal.SIGTERM)
    until_ns = time.monotonic_ns() + _CLEARING_NS
    while (ended := posix.waitpid(summary, posix.WNOHANG)) == (0, 0):
        if time.monotonic_ns() > until_ns:
            posix.kill(summary, signal.SIGKILL)
        select.select([], [], [], _STEP_SECONDS)
    if order.json and ended[1]:
        name = encoded(order.json)
        tell(b"ptywrap: " + name + b" was not written: accounting took more than 2 s\n")


def give_up() -> None:
    """Have the launcher become the real shell or command: ours cannot be used. Never returns."""
    _to_launcher(b"failed\n")
    posix._exit(70)


def leave(ended: int) -> None:
    """Leave as the shell left: its code, or death by its signal. Never returns."""
    _to_launcher(said(ended))
    number = signal_of(ended)
    if number is not None:
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        posix.kill(posix.getpid(), number)
    code = code_of(ended)
    posix._exit(255 if code is None else code)


def _become(argv: list[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        posix.execve(argv[0], argv, dict(posix.environ))
    except OSError:
        posix._exit(127)


def _to_launcher(line: bytes) -> None:
    try:
        posix.set_blocking(_STATUS, False)
        posix.write(_STATUS, line)
    except OSError:
        return
