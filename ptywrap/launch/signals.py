"""The C module `_signal`, which costs no enum; and who a signal was sent to."""

import _signal as signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import time

__all__ = ["ECHO_NS", "PASSED_ON", "Echoes", "signal"]

ECHO_NS = 100_000_000  # longer than the launcher needs to pass a signal on
# What the launcher passes on, as real-time signals: two of one number would melt into one.
PASSED_ON: dict[int, int] = {
    41: signal.SIGTERM,
    42: signal.SIGHUP,
    43: signal.SIGINT,
    44: signal.SIGQUIT,
    45: signal.SIGTSTP,
}


class Echoes:
    """Tells a signal to the launcher alone from one to our whole group.

    A signal to the group comes twice: from its sender, and passed on by the launcher.
    """

    __slots__ = ("_heard_ns",)

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._heard_ns: dict[int, int] = {}

    def heard(self, number: int) -> int:
        """Return the signal meant, 0 when it is the echo of one that came before."""
        now_ns = time.monotonic_ns()
        meant = PASSED_ON.get(number)
        if meant is None:
            self._heard_ns[number] = now_ns
            return number
        return 0 if now_ns - self._heard_ns.get(meant, -ECHO_NS) < ECHO_NS else meant
