"""What an answer to a batch means, and how long to wait after one that means `later`."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

LONGEST_S = 300.0
"""The longest wait between two attempts; only the service itself may ask for a longer one."""
_ASKED_S = 3600.0
_WRONG = frozenset({400, 422})
_STRANGER = frozenset({401, 403})
_SOON = frozenset({408, 425, 429})


class Answer(NamedTuple):
    """What came back: `body` is the JSON object in it, None where there is none.

    `status` 0 is no answer at all, and `why` says what happened instead.
    """

    status: int
    body: Mapping[str, Any] | None = None
    retry_after_s: float | None = None
    why: str = ""


class Meaning(Enum):
    """What is to be done with the body that was sent."""

    KEPT = "the service has it"
    WRONG = "it will never take it"
    HALVE = "it is too large"
    STRANGER = "it does not know this device"
    LATER = "it may take it later"


class Verdict(NamedTuple):
    """A meaning, in words for `status`, and the wait and the refused rows the service told."""

    meaning: Meaning
    why: str = ""
    retry_after_s: float | None = None
    refused: int = 0


def verdict(answer: Answer, batch: str) -> Verdict:
    """Return what an answer to a batch means.

    Only JSON of the service's own is taken for a yes or a no: a captive portal and a proxy answer
    with any status they like.
    """
    ours, status = answer.body, answer.status
    why = _why(answer)
    if status == 413:
        return Verdict(Meaning.HALVE, why)
    if ours is not None and 200 <= status < 300 and ours.get("batch") == batch:
        refused = ours.get("rejected")
        return Verdict(Meaning.KEPT, refused=refused if isinstance(refused, int) else 0)
    if ours is not None and "error" in ours:
        if status in _WRONG:
            return Verdict(Meaning.WRONG, why)
        if status in _STRANGER:
            return Verdict(Meaning.STRANGER, why)
    return Verdict(Meaning.LATER, why, answer.retry_after_s)


def wait_s(failures: int, draw: float) -> float:
    """Return the wait after so many failures in a row: `draw` (0 to 1) of a doubling bound.

    Full jitter, as in "Exponential Backoff and Jitter" (Brooker, 2015): many laptops that lost a
    service together do not come back together.
    """
    return draw * min(LONGEST_S, 2.0 ** min(failures, 16))


def asked_s(header: str | None, until_s: float | None) -> float | None:
    """Return what a Retry-After asks for, at most an hour; `until_s` is what a date in it means."""
    if header is None:
        return None
    text = header.strip()
    wait = float(text) if text.isascii() and text.isdigit() and len(text) < 12 else until_s
    return None if wait is None else min(max(wait, 1.0), _ASKED_S)


def _why(answer: Answer) -> str:
    if answer.why:
        return answer.why
    if answer.body is None and (answer.status < 300 or answer.status == 511):
        return f"{answer.status} with a page that is not the service's: a captive portal?"
    if 300 <= answer.status < 400:
        return f"{answer.status}: it sends us elsewhere, where we do not go"
    said = answer.body.get("error") if answer.body is not None else None
    if not isinstance(said, str):
        said = "busy" if answer.status in _SOON else "no reason told"
    return f"{answer.status}: {said[:200]}"
