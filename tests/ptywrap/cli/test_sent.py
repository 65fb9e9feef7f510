"""Once joined: what was sent, what status says of it, the pages, and what is forgotten."""

import base64
import json
import os
from pathlib import Path

import pexpect
import pytest

from ptywrap import wire
from ptywrap.ship import packing
from tests import build, faults, joined
from tests.home import Home
from tests.shipping import Machine

ROOT = Path(__file__).parents[3]


def test_before_joining_sent_prints_what_would_be(home: Home, machine: Machine) -> None:
    (one,) = joined.sent(home)

    assert (one["state"], sorted(one["tables"])) == (
        "next",
        ["commands", "other_reasons", "processes"],
    )
    assert machine.spool.is_dir()
    assert "would be sent" in joined.ptywrap(home, "sent").stdout
    assert "nothing leaves it" in joined.ptywrap(home, "sent").stdout


def test_sent_prints_the_bytes_that_the_service_received(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    joined.join(home, it)
    (before,) = joined.sent(home)
    joined.ptywrap(home, "ship")
    machine.seal(build.a_command(id=77))

    sent, following = joined.sent(home)

    assert [sent["state"], following["state"]] == ["sent", "next"]
    received = it.batches()[0].body
    assert base64.b64decode(sent["body"]) == received
    assert base64.b64decode(before["body"]) == received
    assert (sent["sha256"], sent["bytes"]) == (faults.digest(received), len(received))
    rows = wire.unpack(packing.plain(received)).tables
    assert {name: len(found) for name, found in sent["tables"].items()} == {
        name: table.rows for name, table in rows.items()
    }


def test_sent_prints_every_value_that_went(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    joined.join(home, it)
    joined.ptywrap(home, "ship")

    printed = joined.ptywrap(home, "sent").stdout

    (command,) = joined.sent(home)[0]["tables"]["commands"]
    assert machine.spool.is_dir()
    assert all(f"{name}=" in printed for name in command)
    assert "template=make" in printed


def test_status_says_where_it_goes_and_what_went_wrong(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    joined.join(home, it)
    it.moods.append("400")
    joined.ptywrap(home, "ship")
    machine.seal(build.a_command(id=77))
    it.moods.append("401")
    joined.ptywrap(home, "ship")

    printed = joined.ptywrap(home, "status").stdout
    service = json.loads(joined.ptywrap(home, "status", "--json").stdout)["service"]

    # What was rejected is told as a loss, and that is of another boot than the test's.
    assert f"joined {it.url} (compilers): 2 facts wait, 2 batches packed; last sent: " in printed
    assert "401: not now" in printed
    assert "rejected by the service, kept aside: 1 batch: 400: not now" in printed
    assert (service["rejected_batches"], service["dropped"]) == (1, {"rejected": 2})


def test_the_dashboards_link_is_the_first_line(home: Home, it: faults.Service) -> None:
    joined.join(home, it)
    it.enrolling = {"url": f"{it.url}/link/once"}
    ran = joined.ptywrap(home, "dashboard", "--remote", "--no-browser")

    assert (ran.returncode, ran.stdout) == (0, f"{it.url}/link/once\n")
    assert it.requests[-1].path == "/v1/me/link"


@pytest.mark.parametrize("url", ["https://elsewhere.example/link", "javascript:alert(1)", 7])
def test_a_link_to_elsewhere_is_not_opened(home: Home, it: faults.Service, url: object) -> None:
    joined.join(home, it)
    it.enrolling = {"url": url}
    ran = joined.ptywrap(home, "dashboard", "--remote", "--no-browser")

    assert (ran.returncode, ran.stdout) == (1, "")


def test_who_was_joined_by_an_administrator_is_told_above_the_first_prompt(
    home: Home, it: faults.Service
) -> None:
    joined.join(home, it)
    launcher = ROOT / "ptywrap" / "launch" / "ptywrap.sh"
    shown = []
    for _ in range(2):
        environ = home.environ | {"PS1": "ready$ "}
        child = pexpect.spawn("sh", [str(launcher)], env=environ, encoding="utf-8", timeout=30)
        child.expect("[$#] ")
        shown.append(str(child.before).count(it.url))
        child.sendline("exit")
        child.expect(pexpect.EOF)
        child.close()

    assert shown == [1, 0]


def test_forgetting_reaches_the_service(home: Home, machine: Machine, it: faults.Service) -> None:
    joined.join(home, it)
    joined.ptywrap(home, "ship")
    machine.seal(build.a_command(id=77))
    ran = joined.ptywrap(home, "forget", "--yes")

    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "the service erases it too")
    assert it.paths()[-1] == "DELETE /v1/me"
    assert len(it.batches()) == 1
    assert list((machine.device / "sent").glob("*.batch")) == []


def test_forgetting_a_repository_asks_for_it_by_its_remote_id(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    joined.join(home, it)
    joined.ptywrap(home, "ship")
    joined.ptywrap(home, "forget", "--yes", "--repo", "engine")

    sent = wire.facts(wire.unpack(packing.plain(it.batches()[0].body)))
    (repo,) = {fact.repo for fact in sent if isinstance(fact, wire.Command)}
    assert machine.spool.is_dir()
    assert f"DELETE /v1/me?repo={repo}" in it.paths()


def test_after_leaving_nothing_that_was_sent_outlives_forgetting(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    joined.join(home, it)
    joined.ptywrap(home, "ship")
    joined.ptywrap(home, "leave")
    assert len(list((machine.device / "sent").iterdir())) == 1

    assert joined.ptywrap(home, "forget", "--yes").returncode == 0
    assert list((machine.device / "sent").iterdir()) == []


def test_a_service_that_does_not_answer_is_asked_again_later(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    joined.join(home, it)
    it.moods.append("503 600")
    ran = joined.ptywrap(home, "forget", "--yes")

    assert "will be asked to erase it too" in ran.stdout
    assert len(os.listdir(machine.device / "outbox" / "erase")) == 1
