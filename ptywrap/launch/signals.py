"""The C module `_signal`, which costs no enum; and who a signal was sent to."""

import _signal as signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import posix
import time

__all__ = ["ECHO_NS", "PASSED_ON", "Echoes", "passed_on", "received", "signal"]

ECHO_NS = 100_000_000  # longer than the launcher needs to pass a signal on
# What the launcher passes on, as real-time signals: two of one number would melt into one.
# Where there are none (macOS) the launcher passes nothing on.
PASSED_ON: dict[int, int] = {
    number: meant
    for number, meant in (
        (41, signal.SIGTERM),
        (42, signal.SIGHUP),
        (43, signal.SIGINT),
        (44, signal.SIGQUIT),
        (45, signal.SIGTSTP),
    )
    if number <= getattr(signal, "SIGRTMAX", 0)
}
_STEP_SECONDS = 0.005


def received(numbers: tuple[int, ...], wait_ns: int) -> tuple[int, int]:
    """Wait for one of these blocked signals; return it and its sender's pid, 0 for the kernel.

    `wait_ns` below 0 is for ever; (0, 0) when it is over. Where nobody tells a sender (macOS),
    those that a terminal sends count as sent by the kernel.
    """
    if hasattr(signal, "sigtimedwait"):
        if wait_ns < 0:
            found = signal.sigwaitinfo(numbers)
        else:
            found = signal.sigtimedwait(numbers, wait_ns / 1e9)
        return (0, 0) if found is None else (found.si_signo, found.si_pid)
    until_ns = time.monotonic_ns() + wait_ns
    while wait_ns >= 0 and signal.sigpending().isdisjoint(numbers):
        if time.monotonic_ns() >= until_ns:
            return 0, 0
        time.sleep(_STEP_SECONDS)
    number = int(signal.sigwait(numbers))
    return number, 0 if number in (signal.SIGINT, signal.SIGQUIT) else -1


def passed_on(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended, or become another's, meanwhile."""
    try:
        posix.kill(pid, number)
    except OSError:
        return


def pass_on_above(number: int) -> None:
    """Send a signal to our parent as one that was passed on, where there are signals for that."""
    ways = [way for way, meant in PASSED_ON.items() if meant == number]
    posix.kill(posix.getppid(), ways[0] if ways else number)


class Echoes:
    """Tells a signal to the launcher alone from one to our whole group.

    A signal to the group comes twice: from its sender, and passed on by launcher or pump, which may
    have been stopped before they could do so.
    """

    __slots__ = ("_heard_ns",)

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._heard_ns: dict[int, int] = {}

    def acted(self, number: int) -> None:
        """Count from now for how long an echo of a signal may still come."""
        self._heard_ns[number] = time.monotonic_ns()

    def heard(self, number: int) -> int:
        """Return the signal meant, 0 when it is the echo of one that came before."""
        now_ns = time.monotonic_ns()
        meant = PASSED_ON.get(number)
        if meant is None:
            self._heard_ns[number] = now_ns
            return number
        return 0 if now_ns - self._heard_ns.get(meant, -ECHO_NS) < ECHO_NS else meant
