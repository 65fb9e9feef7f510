"""What a shipper leaves to the next one, and to `status`: how it went, and when to try again."""

import contextlib
from pathlib import Path

import msgspec
from msgspec import Struct

from ptywrap import clock, kept

_S = 1_000_000_000
_LONGEST_NS = 3600 * _S


class State(Struct, frozen=True, kw_only=True):
    """`failures` in a row; nothing is tried before `not_before`, which the service may have asked.

    Moments are ns since the epoch. `error` is what the last attempt met, None where it went well;
    `rejected` is why a batch was last set aside; `held` why nothing was tried.
    """

    failures: int = 0
    not_before: int = 0
    asked: bool = False
    error: str | None = None
    error_at: int | None = None
    sent_at: int | None = None
    stopped: bool = False
    held: str | None = None
    rejected: str | None = None

    def wait_s(self) -> float:
        """Return how long nothing may be tried; a clock that was set back makes it no longer."""
        left = self.not_before - clock.wall_ns()
        return left / _S if 0 < left <= _LONGEST_NS else 0.0

    def failed(self, error: str, wait_s: float, *, asked: bool = False) -> "State":
        """Return the state after an attempt that did not go well."""
        now = clock.wall_ns()
        return msgspec.structs.replace(
            self,
            failures=self.failures + 1,
            not_before=now + int(wait_s * _S),
            asked=asked,
            error=error,
            error_at=now,
            held=None,
        )

    def went(self) -> "State":
        """Return the state after an attempt that went well."""
        return State(sent_at=clock.wall_ns(), rejected=self.rejected)


def read(outbox: Path) -> State:
    """Return the state in an outbox; a new one where it cannot be read."""
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(kept.own(outbox / "state.json") or b"{}", type=State)
    return State()


def write(outbox: Path, state: State) -> None:
    """Keep the state; where that cannot be done the next shipper only tries too early."""
    with contextlib.suppress(OSError):
        kept.write(outbox / "state.json", msgspec.json.encode(state))
