"""A token's life: made, used to enrol, rotated, revoked; and the verb that does it."""

import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from ingest import tokens
from ingest.__main__ import main
from tests.ingest.service import Service, batch

OTHER = "e" * 32
SOON_S = 5.0


def _eventually(running: Service, token: str, status: int) -> bool:
    until = time.monotonic() + SOON_S
    while running.asks("GET", "/v1/me/export", token).status != status:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_an_enrolment_secret_gives_a_token_and_the_tenants_key(running: Service) -> None:
    secret = running.token("--enrol", "--team", "build")
    answer = running.enrol(secret).json
    assert answer["token"] != secret
    assert answer["team"] == "build"
    assert len(bytes.fromhex(answer["tenant_key"])) == 32
    assert answer["notice"]
    assert running.post(answer["token"], batch(1)).status == 200


def test_an_enrolment_secret_works_as_often_as_it_says(running: Service) -> None:
    secret = running.token("--enrol", "--uses", "2")
    statuses = [running.enrol(secret, f"{number:032x}").status for number in range(4)]
    assert statuses == [200, 200, 403, 403]


def test_everyone_an_enrolment_secret_enrols_is_another_person(running: Service) -> None:
    secret = running.token("--enrol", "--uses", "2")
    people = {running.enrol(secret, f"{number:032x}").json["person"] for number in range(2)}
    assert len(people) == 2


def test_an_enrolment_secret_that_is_too_old_is_refused(running: Service) -> None:
    secret = running.token("--enrol")
    with tokens.changing(running.data, 0) as register:
        digest = tokens.digest(secret)
        old = msgspec.structs.replace(register.secrets[digest], expires_at=1)
        register.secrets[digest] = old
    assert running.enrol(secret).status == 403


def test_an_enrolment_secret_opens_nothing_else(running: Service) -> None:
    secret = running.token("--enrol")
    assert running.asks("GET", "/v1/me/export", secret).status == 401


def test_a_device_token_is_bound_by_enrolling_and_given_back(running: Service) -> None:
    token = running.token()
    answers = [running.enrol(token) for _ in range(2)]
    assert [answer.json["token"] for answer in answers] == [token, token]
    assert running.enrol(token, OTHER).status == 403


def test_a_second_machine_joins_a_person(running: Service) -> None:
    person = running.enrol(running.token()).json["person"]
    second = running.token("--person", person)
    assert running.enrol(second, OTHER).json["person"] == person


def test_nobody_enrols_with_what_is_no_token(running: Service) -> None:
    assert running.enrol("0" * 64).status == 401


@pytest.mark.parametrize("device", ["", "D" * 32, "d" * 31, "../" * 10])
def test_a_device_is_32_hex_digits(running: Service, device: str) -> None:
    assert running.enrol(running.token(), device).status == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"device": 5}', b"\xff", b"[" * 4000])
def test_a_body_that_is_no_json_of_ours_is_refused(running: Service, body: bytes) -> None:
    answer = running.asks("POST", "/v1/enrol", "0" * 64, body)
    assert (answer.status, list(answer.json)) == (400, ["error"])


def test_after_rotation_both_tokens_work_and_the_old_one_for_a_day(running: Service) -> None:
    old = running.device()
    new = running.asks("POST", "/v1/rotate", old, b"{}").json["token"]
    assert running.post(new, batch(2)).status == running.post(old, batch(3)).status == 200
    register = tokens.read(running.data)
    left = register.tokens[tokens.digest(old)].expires_at - time.time_ns()
    assert 23 * 3600 < left / 1e9 <= 24 * 3600


def test_leaving_revokes_at_once_what_rotation_left_too(running: Service) -> None:
    old = running.device()
    new = running.asks("POST", "/v1/rotate", old, b"{}").json["token"]
    assert running.asks("POST", "/v1/leave", new, b"{}").json == {"left": True}
    assert [running.asks("GET", "/v1/me/export", one).status for one in (old, new)] == [401, 401]


def test_a_revoked_token_opens_nothing_soon(running: Service) -> None:
    token = running.device()
    done = running.tokens("revoke", tokens.digest(token)[:12])
    assert (done.returncode, done.stdout) == (0, "")
    assert _eventually(running, token, 401)


def test_a_person_is_revoked_with_every_device(running: Service) -> None:
    first = running.token()
    person = running.enrol(first).json["person"]
    second = running.token("--person", person)
    running.tokens("revoke", "--person", person)
    assert _eventually(running, first, 401)
    assert _eventually(running, second, 401)


def test_a_token_made_while_it_runs_works_at_once(running: Service) -> None:
    assert running.asks("GET", "/v1/me/export", running.token()).status == 200


def test_create_prints_the_secret_alone_and_keeps_its_digest(running: Service) -> None:
    done = running.tokens("create")
    assert re.fullmatch(r"[0-9a-f]{64}\n", done.stdout)
    kept = (running.data / "tokens.json").read_text()
    assert done.stdout.strip() not in kept
    assert tokens.digest(done.stdout.strip()) in kept


def test_the_files_are_their_owners_alone(running: Service) -> None:
    modes = {name: (running.data / name).stat().st_mode & 0o777 for name in ("tokens.json",)}
    modes["service.json"] = (running.data / "service.json").stat().st_mode & 0o777
    assert modes == {"tokens.json": 0o600, "service.json": 0o600}


@pytest.mark.root
def test_what_root_makes_belongs_to_the_services_account(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("giving files away needs root: run the tests as root")
    os.chown(tmp_path, 12_345, 12_345)
    assert main(["token", "create", "--data", str(tmp_path)]) == 0
    owners = {path.name: path.stat().st_uid for path in tmp_path.iterdir()}
    assert owners == {
        "tokens.json": 12_345,
        "service.json": 12_345,
        "tokens.lock": 12_345,
    }


def test_list_shows_tokens_and_no_secret(running: Service) -> None:
    secret = running.token("--team", "listed")
    rows = json.loads(running.tokens("list", "--json").stdout)
    mine = [row for row in rows if row["team"] == "listed"]
    assert [(row["role"], row["state"], row["id"]) for row in mine] == [
        ("device", "usable", tokens.digest(secret)[:12])
    ]
    assert secret not in running.tokens("list").stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("create", "--role", "king"),
        ("create", "--uses", "3"),
        ("create", "--enrol", "--hours", "25"),
        ("create", "--enrol", "--uses", "0"),
        ("create", "--enrol", "--role", "admin"),
        ("revoke",),
        ("revoke", "abc"),
    ],
)
def test_wrong_usage_is_2(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["token", *words])
    assert left.value.code == 2


@pytest.mark.parametrize("words", [("revoke", "0" * 12), ("create", "--person", "nobody")])
def test_a_failure_is_told_in_two_lines(running: Service, words: tuple[str, ...]) -> None:
    done = running.tokens(*words)
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (1, 2, "")


def test_many_enrol_at_once_and_each_is_kept(running: Service) -> None:
    secret = running.token("--enrol", "--uses", "30")
    with ThreadPoolExecutor(10) as many:
        answers = list(many.map(lambda n: running.enrol(secret, f"{n:032x}"), range(40)))
    given = [answer.json["token"] for answer in answers if answer.status == 200]
    assert len(set(given)) == 30
    register = tokens.read(running.data)
    assert {tokens.digest(token) for token in given} <= register.tokens.keys()
