"""Joining a service and leaving it: one file here, one token there, and nothing else."""

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from ptywrap import clock, config, device, enrolment, locks, paths
from ptywrap.deliveries import Deliveries
from ptywrap.enrolment import Enrolment
from ptywrap.errors import UserError
from ptywrap.outbox import bodies
from ptywrap.ship.courier import Route, asked
from ptywrap.ship.verdict import Answer

_WORD = re.compile(r"[!-~]{1,1000}")  # printable ASCII but for space
_WAIT_S = 35.0  # a request that is under way lasts 30 s at most


def join(url: str, secret: str, *, shown: bool) -> Enrolment:
    """Enrol with the service at an origin; `shown` says whether a person sees its notice now."""
    answer = asked(route(url, secret), "POST", "/v1/enrol", {"device": device.identity()})
    if answer.status in {401, 403} and answer.body is not None:
        raise UserError(f"{url} does not take this token: {said(answer)}", "ask for a new one")
    granted = structs.replace(_granted(url, answer), notice_shown=shown)
    try:
        enrolment.write(granted)
        _state_file().unlink(missing_ok=True)
        if not shown:
            enrolment.leave_notice(granted)
    except OSError as error:
        raise UserError(
            f"cannot write {paths.enrolment_file()}: {error.strerror}", "make room, then join again"
        ) from None
    return granted


def refuse_twice() -> None:
    """Raise UserError where this machine is enrolled already."""
    former = enrolment.read()
    if former is not None:
        raise UserError(f"this machine has joined {former.url}", "`ptywrap leave` first")


def leave() -> tuple[Enrolment, str | None]:
    """Revoke the token and delete what waits; return who was left, and why it may not know."""
    enrolled = enrolment.read()
    if enrolled is None:
        raise UserError("this machine is enrolled nowhere", "`ptywrap join URL` enrols it")
    answer = asked(route(enrolled.url, enrolled.token), "POST", "/v1/leave")
    told = answer.body is not None and (200 <= answer.status < 300 or answer.status == 401)
    folder = paths.device_folder(device.identity())
    paths.private(folder)
    try:
        with locks.locked(folder / "shipper.lock", _WAIT_S):
            enrolment.remove()
            empty(folder)
    except OSError as error:
        raise UserError(
            f"cannot delete what waits: {error.strerror}", f"remove {folder / 'outbox'} by hand"
        ) from None
    return enrolled, None if told else said(answer)


def route(url: str, token: str) -> Route:
    """Return the way to a service by the settings in force."""
    settings = config.load().config
    return Route(url, token, settings.proxy, settings.ca_file)


def take_away(file: Path, secret: str, granted: Enrolment) -> None:
    """Remove the file of a secret that has been used; a device token stays where it is."""
    if granted.token != secret:
        with contextlib.suppress(OSError):
            file.unlink()


def _granted(url: str, answer: Answer) -> Enrolment:
    told: Mapping[str, Any] = answer.body or {}
    texts = {name: told.get(name) for name in ("token", "tenant", "tenant_key")}
    usable = all(map(_is_word, texts.values())) and "/" not in str(texts["tenant"])
    if not 200 <= answer.status < 300 or not usable:
        raise UserError(f"{url} does not enrol us: {said(answer)}", "check the address, try again")
    now = clock.wall_ns()
    made = Enrolment(
        url=url,
        token=str(texts["token"]),
        tenant=str(texts["tenant"]),
        tenant_key=str(texts["tenant_key"]),
        person=_text(told.get("person")),
        team=_text(told.get("team")),
        notice=_text(told.get("notice")) or "",
        joined_at=now,
        rotated_at=now,
    )
    try:
        bytes.fromhex(made.tenant_key)
    except ValueError:
        raise UserError(f"{url} does not enrol us: a key that is none", "tell its owner") from None
    return made


def empty(folder: Path) -> None:
    """Delete what waits or was set aside; its names stay taken, should we ever join again."""
    outbox = folder / "outbox"
    if outbox.is_dir():
        Deliveries(outbox).undo_waiting()
    for place in (outbox, folder / "rejected"):
        for body in bodies(place):
            body.path.unlink(missing_ok=True)
    for path in (outbox / "erase").glob("*.json"):
        path.unlink(missing_ok=True)
    _state_file().unlink(missing_ok=True)


def _state_file() -> Path:
    return paths.device_folder(device.identity()) / "outbox" / "state.json"


def said(answer: Answer) -> str:
    """Return, in words, what an answer that is no yes says."""
    if answer.why:
        return answer.why
    told = answer.body.get("error") if answer.body is not None else None
    if isinstance(told, str):
        return f"{told[:200]} ({answer.status})"
    return f"it answers {answer.status} with what is not a service's: a captive portal?"


def _is_word(value: object) -> bool:
    """Say whether a value can stand in a header and in a list."""
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _text(value: object) -> str | None:
    """Return a text as one line."""
    if not isinstance(value, str):
        return None
    line = " ".join(value[:2000].split())
    return "".join(one for one in line if one.isprintable()) or None
