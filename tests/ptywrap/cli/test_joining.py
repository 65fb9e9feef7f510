"""Joining a service, shipping to it and leaving it, as a user does it."""

import json
import sys
from pathlib import Path

import pexpect
import pytest

from ptywrap import wire
from tests import build, faults, joined, shipping
from tests.home import Home
from tests.shipping import Machine

ROOT = Path(__file__).parents[3]


def test_joining_says_with_whom_and_under_which_notice(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    ran = joined.join(home, it)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (
        f"joined {it.url} as a member of compilers\n"
        "Kept 100 days.[2J\n"
        "`ptywrap sent` prints what goes there; `ptywrap leave` ends it\n"
    )
    asked = it.requests[0]
    assert asked.headers["authorization"] == f"Bearer {joined.SECRET}"
    assert json.loads(asked.body) == {"device": build.DEVICE}
    assert machine.outbox().device == build.DEVICE


def test_the_token_is_for_its_owners_eyes_alone(home: Home, it: faults.Service) -> None:
    joined.join(home, it)

    assert json.loads(joined.enrolment(home).read_text())["token"] == joined.GRANTED["token"]
    assert joined.enrolment(home).stat().st_mode & 0o777 == 0o600


def test_a_file_whose_secret_was_used_is_removed(
    home: Home, it: faults.Service, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{joined.SECRET}\n")

    assert joined.ptywrap(home, "join", it.url, "--token-file", str(file)).returncode == 0
    assert not file.exists()
    assert it.requests[0].headers["authorization"] == f"Bearer {joined.SECRET}"


def test_a_file_of_a_device_token_stays(home: Home, it: faults.Service, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(joined.GRANTED["token"])

    assert joined.ptywrap(home, "join", it.url, "--token-file", str(file)).returncode == 0
    assert file.exists()


def test_a_prompt_shows_nothing_of_the_secret(home: Home, it: faults.Service) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "ptywrap", "join", it.url],
        cwd=str(ROOT),
        env=home.environ,
        encoding="utf-8",
        timeout=30,
    )
    child.expect("token: ")
    child.waitnoecho()
    child.sendline(joined.SECRET)
    child.expect(pexpect.EOF)
    child.close()

    assert joined.SECRET not in (child.before or "")
    assert (child.exitstatus, it.requests[0].headers["authorization"]) == (
        0,
        f"Bearer {joined.SECRET}",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["join", "http://ptywrap.example.org"], "ptywrap: ptywrap.example.org without TLS"),
        (["join", "https://me:pw@example.org"], "ptywrap: an address has a host and a port"),
        (["join", "http://127.0.0.1:1"], "ptywrap: no token was given\n"),
        (["join", "http://127.0.0.1:1", "--token-file", "/nowhere"], "ptywrap: cannot read"),
        (["leave"], "ptywrap: this machine is enrolled nowhere\n"),
        (["ship"], "ptywrap: this machine is enrolled nowhere\n"),
        (["dashboard", "--remote"], "ptywrap: this machine is enrolled nowhere\n"),
        (["dashboard"], "ptywrap: there are no pages of this machine's own yet\n"),
    ],
)
def test_what_cannot_be_is_told_in_two_lines(home: Home, words: list[str], said: str) -> None:
    ran = joined.ptywrap(home, *words)

    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 2)
    assert ran.stderr.startswith(said)


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("401", "does not take this token: not now (401)"),
        ("500", "does not enrol us: not now (500)"),
        ("portal", "does not enrol us: it answers 200 with what is not a service's"),
        ("reset", "does not enrol us: the connection broke"),
    ],
)
def test_who_is_not_taken_is_not_enrolled(
    home: Home, it: faults.Service, mood: str, said: str
) -> None:
    it.moods.append(mood)
    ran = joined.join(home, it)

    assert ran.returncode == 1
    assert said in ran.stderr
    assert not joined.enrolment(home).exists()


def test_an_answer_that_cannot_be_kept_enrols_nobody(home: Home, it: faults.Service) -> None:
    it.enrolling["tenant"] = "../../somewhere"

    assert joined.join(home, it).returncode == 1
    assert not joined.enrolment(home).exists()


def test_joining_twice_is_refused(home: Home, it: faults.Service) -> None:
    joined.join(home, it)
    ran = joined.join(home, it)

    assert (ran.returncode, ran.stderr) == (
        1,
        f"ptywrap: this machine has joined {it.url}\n  `ptywrap leave` first\n",
    )


def test_shipping_tells_what_went(home: Home, machine: Machine, it: faults.Service) -> None:
    joined.join(home, it)
    ran = joined.ptywrap(home, "ship")

    assert (ran.returncode, ran.stdout) == (0, f"sent to {it.url}: 1 batch, 2 facts\n")
    assert shipping.counted(machine)["delivered"] == 2


def test_shipping_tells_what_waits_and_why(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    joined.join(home, it)
    it.moods.append("503 600")
    ran = joined.ptywrap(home, "ship")

    assert (ran.returncode, ran.stderr) == (
        1,
        "ptywrap: 1 batch waits, 2 facts: 503: not now\n"
        "  they are kept, and sent later by themselves\n",
    )
    assert shipping.counted(machine)["waiting"] == 2


def test_a_stranger_is_told_what_to_do(home: Home, machine: Machine, it: faults.Service) -> None:
    joined.join(home, it)
    it.moods.append("401")
    ran = joined.ptywrap(home, "ship")

    assert (ran.returncode, ran.stderr) == (
        1,
        "ptywrap: 1 batch waits, 2 facts: 401: not now\n"
        "  they are kept; ask for a new token, `ptywrap leave`, then join with it\n",
    )
    assert shipping.counted(machine)["waiting"] == 2


def test_leaving_revokes_the_token_and_deletes_what_waits(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    joined.join(home, it)
    it.moods.append("503 600")
    joined.ptywrap(home, "ship")
    ran = joined.ptywrap(home, "leave")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"left {it.url}; nothing is sent any more\n"
    last = it.requests[-1]
    assert (last.path, last.headers["authorization"]) == (
        "/v1/leave",
        f"Bearer {joined.GRANTED['token']}",
    )
    assert not joined.enrolment(home).exists()
    assert machine.outbox().waiting() == []


def test_leaving_without_the_service_leaves_all_the_same(home: Home, it: faults.Service) -> None:
    joined.join(home, it)
    it.moods.append("500")
    ran = joined.ptywrap(home, "leave")

    assert (ran.returncode, joined.enrolment(home).exists()) == (0, False)
    assert "could not be told" in ran.stderr


def test_joining_again_sends_nothing_twice_and_nothing_differently(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    joined.join(home, it)
    joined.ptywrap(home, "ship")
    machine.seal(build.a_command(id=77))
    it.moods.append("lost")
    it.moods.append("503 600")
    joined.ptywrap(home, "ship")
    joined.ptywrap(home, "leave")
    joined.join(home, it)
    joined.ptywrap(home, "ship")

    commands = [fact for fact in shipping.stored(it) if isinstance(fact, wire.Command)]
    assert it.differed == 0
    assert {fact.id for fact in commands} == {77, build.a_command().id}
    assert shipping.counted(machine)["waiting"] == 0
