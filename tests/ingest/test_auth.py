"""Who is who, without HTTP: usable, expired, revoked, bound; what is written is what is known."""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from ingest import tokens
from ingest.auth import Auth, Denied, Identity
from ingest.config import Refused
from ingest.tokens import DAY_NS, Secret, Token

Answer = TypeVar("Answer")
MINE, OTHER = "d" * 32, "e" * 32
NOW = time.time_ns()


def _token(data: Path, secret: str, **changes: Any) -> Token:
    """Keep a device's token."""
    values: dict[str, Any] = {
        "digest": tokens.digest(secret),
        "role": "device",
        "tenant": "t",
        "made_at": NOW,
        "team": "team",
        "person": "p",
        "device": MINE,
    }
    token = Token(**(values | changes))
    with tokens.changing(data, NOW) as register:
        register.tokens[token.digest] = token
    return token


def _secret(data: Path, secret: str, **changes: Any) -> None:
    """Keep an enrolment secret of one use."""
    values: dict[str, Any] = {
        "digest": tokens.digest(secret),
        "tenant": "t",
        "made_at": NOW,
        "expires_at": NOW + DAY_NS,
        "uses": 1,
        "team": "team",
    }
    made = Secret(**(values | changes))
    with tokens.changing(data, NOW) as register:
        register.secrets[made.digest] = made


def _do(work: Coroutine[Any, Any, Answer]) -> Answer:
    return asyncio.run(work)


def _status(work: Coroutine[Any, Any, Answer]) -> int:
    """Return the status with which something is denied."""
    with pytest.raises(Denied) as denied:
        _do(work)
    return denied.value.status


def test_a_token_is_who_it_was_made_for(tmp_path: Path) -> None:
    _token(tmp_path, "one")
    assert Auth(tmp_path).identity("one") == Identity(
        tokens.digest("one"), "device", "t", "team", "p", MINE
    )


@pytest.mark.parametrize(
    "changes",
    [{"revoked_at": 1}, {"expires_at": NOW - 1}, {"digest": tokens.digest("another")}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_opens_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    _token(tmp_path, "one", **changes)
    assert Auth(tmp_path).identity("one") is None


def test_a_token_that_expires_later_is_usable(tmp_path: Path) -> None:
    _token(tmp_path, "one", expires_at=NOW + DAY_NS)
    assert Auth(tmp_path).identity("one") is not None


def test_a_token_is_usable_until_it_expires_and_not_then() -> None:
    token = Token("x", "device", "t", 0, expires_at=100)
    assert (token.usable(99), token.usable(100)) == (True, False)


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"uses": 0}, 403), ({"expires_at": NOW - 1}, 403), ({"revoked_at": 1}, 403)],
)
def test_a_secret_that_enrols_nobody(tmp_path: Path, changes: dict[str, int], status: int) -> None:
    _secret(tmp_path, "s", **changes)
    assert _status(Auth(tmp_path).enrolled("s", MINE)) == status


def test_enrolling_uses_a_secret_up_and_keeps_the_token(tmp_path: Path) -> None:
    _secret(tmp_path, "s", uses=2)
    auth = Auth(tmp_path)
    granted = _do(auth.enrolled("s", MINE))
    register = tokens.read(tmp_path)
    assert register.secrets[tokens.digest("s")].uses == 1
    kept = register.tokens[tokens.digest(granted.secret)]
    assert (kept.role, kept.tenant, kept.team, kept.device) == ("device", "t", "team", MINE)
    assert auth.identity(granted.secret) is not None


def test_a_secret_of_a_person_enrols_that_person(tmp_path: Path) -> None:
    _secret(tmp_path, "s", person="p7")
    assert _do(Auth(tmp_path).enrolled("s", MINE)).token.person == "p7"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"device": OTHER}, 403),
        ({"role": "viewer", "device": ""}, 403),
        ({"revoked_at": 1}, 401),
        ({"expires_at": NOW - 1}, 401),
    ],
)
def test_a_token_that_enrols_no_device(
    tmp_path: Path, changes: dict[str, Any], status: int
) -> None:
    _token(tmp_path, "one", **changes)
    assert _status(Auth(tmp_path).enrolled("one", MINE)) == status


def test_a_token_is_bound_once(tmp_path: Path) -> None:
    _token(tmp_path, "one", device="")
    auth = Auth(tmp_path)
    assert _do(auth.enrolled("one", MINE)).token.device == MINE
    written = tokens.stamp(tmp_path)
    assert _do(auth.enrolled("one", MINE)).secret == "one"
    # The second time there was nothing to write.
    assert tokens.stamp(tmp_path) == written
    assert _status(auth.enrolled("one", OTHER)) == 403


def test_an_unknown_secret_is_401(tmp_path: Path) -> None:
    assert _status(Auth(tmp_path).enrolled("nothing", MINE)) == 401


def test_rotation_gives_the_same_rights_and_a_day_to_the_old_one(tmp_path: Path) -> None:
    old = _token(tmp_path, "one")
    granted = _do(Auth(tmp_path).rotated(old.digest))
    kept = tokens.read(tmp_path).tokens
    new = kept[tokens.digest(granted.secret)]
    same = msgspec.structs.replace(new, digest=old.digest, made_at=old.made_at)
    assert same == old
    assert 0 <= kept[old.digest].expires_at - DAY_NS - time.time_ns() + 60 * 10**9 <= 60 * 10**9


def test_rotating_twice_does_not_lengthen_the_old_ones_day(tmp_path: Path) -> None:
    old = _token(tmp_path, "one", expires_at=NOW + DAY_NS // 2)
    _do(Auth(tmp_path).rotated(old.digest))
    assert tokens.read(tmp_path).tokens[old.digest].expires_at == NOW + DAY_NS // 2


def test_what_opens_nothing_is_not_rotated(tmp_path: Path) -> None:
    gone = _token(tmp_path, "one", revoked_at=1)
    assert _status(Auth(tmp_path).rotated(gone.digest)) == 401
    assert _status(Auth(tmp_path).rotated("nothing")) == 401


def test_leaving_revokes_this_device_of_this_person_alone(tmp_path: Path) -> None:
    _token(tmp_path, "mine")
    _token(tmp_path, "mine too")
    _token(tmp_path, "my other machine", device=OTHER)
    _token(tmp_path, "another's", person="p2")
    auth = Auth(tmp_path)
    mine = auth.identity("mine")
    assert mine is not None
    _do(auth.left(mine))
    names = ("mine", "mine too", "my other machine", "another's")
    assert [name for name in names if auth.identity(name)] == ["my other machine", "another's"]


def test_leaving_with_an_unbound_token_revokes_it_alone(tmp_path: Path) -> None:
    _token(tmp_path, "mine", device="")
    _token(tmp_path, "also unbound", device="")
    auth = Auth(tmp_path)
    mine = auth.identity("mine")
    assert mine is not None
    _do(auth.left(mine))
    assert (auth.identity("mine"), auth.identity("also unbound") is None) == (None, False)


def test_a_change_by_another_process_is_seen_at_the_next_refresh(tmp_path: Path) -> None:
    auth = Auth(tmp_path)
    _token(tmp_path, "one")
    before = auth.identity("one")
    _do(auth.refresh())
    assert (before, auth.identity("one") is None) == (None, False)


def test_a_damaged_file_changes_nothing_while_it_runs(tmp_path: Path) -> None:
    _token(tmp_path, "one")
    auth = Auth(tmp_path)
    (tmp_path / tokens.FILE).write_text("{")
    _do(auth.refresh())
    assert auth.identity("one") is not None
    assert _status(auth.enrolled("one", OTHER)) == 503


def test_a_damaged_file_stops_a_start(tmp_path: Path) -> None:
    (tmp_path / tokens.FILE).write_text("{")
    with pytest.raises(Refused):
        Auth(tmp_path)


def test_requests_are_counted_by_device_and_else_by_token(tmp_path: Path) -> None:
    _token(tmp_path, "bound")
    _token(tmp_path, "unbound", device="")
    found = [Auth(tmp_path).identity(name) for name in ("bound", "unbound")]
    assert [one.limited for one in found if one] == [f"t/{MINE}", f"t/{tokens.digest('unbound')}"]


def test_many_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    _secret(tmp_path, "s", uses=100)
    auth = Auth(tmp_path)

    async def many() -> set[str]:
        granted = [auth.enrolled("s", f"{place:032x}") for place in range(100)]
        return {one.secret for one in await asyncio.gather(*granted)}

    made = _do(many())
    assert {tokens.digest(one) for one in made} == tokens.read(tmp_path).tokens.keys()
    assert len(made) == 100


def test_what_opened_nothing_for_a_month_is_forgotten(tmp_path: Path) -> None:
    month = 31 * DAY_NS
    _token(tmp_path, "old", revoked_at=NOW - month)
    _token(tmp_path, "expired", expires_at=NOW - month)
    _token(tmp_path, "lately", revoked_at=NOW - DAY_NS)
    _secret(tmp_path, "s", expires_at=NOW - month)
    _token(tmp_path, "one")
    kept = tokens.read(tmp_path)
    names = {tokens.digest(name): name for name in ("old", "expired", "lately", "one")}
    assert ({names[digest] for digest in kept.tokens}, kept.secrets) == ({"lately", "one"}, {})


def test_the_tenant_stays_what_it_was(tmp_path: Path) -> None:
    first = tokens.service(tmp_path)
    assert (tokens.service(tmp_path), len(bytes.fromhex(first.tenant_key))) == (first, 32)


@pytest.mark.parametrize("content", ["", "{", '{"tenant": 5}', '{"tenant": "t"}'])
def test_a_damaged_tenant_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "service.json").write_text(content)
    with pytest.raises(Refused):
        tokens.service(tmp_path)


def test_what_is_told_of_ones_tokens_has_no_secret(tmp_path: Path) -> None:
    _token(tmp_path, "one")
    _token(tmp_path, "another's", person="p2")
    told = Auth(tmp_path).told("t", "p")
    assert [(row["device"], row["team"], row["revoked_at"]) for row in told] == [
        (MINE, "team", None)
    ]
    assert tokens.digest("one") not in str(told)
