"""A connection as a sentence and as JSON."""

import json
from typing import Any

import pytest

from netsniff import amounts
from netsniff.live import lines, text
from netsniff.model import Connection, Missed


def a_connection(**changes: Any) -> Connection:
    """Return a connection of 1.2 MB that took 1.5 s and is over."""
    values: dict[str, Any] = {
        "protocol": "tcp",
        "pid": 41,
        "pid_confidence": "exact",
        "remote_host": "example.org",
        "remote_address": "192.0.2.7",
        "remote_port": 443,
        "opened_ns": 1_000_000_000,
        "closed_ns": 2_500_000_000,
        "received_bytes": 1_200_000,
        "sent_bytes": 512,
        "final": True,
    }
    return Connection(**(values | changes))


def test_a_sentence_says_who_moved_what_to_whom() -> None:
    assert lines.sentence(a_connection(), "curl") == (
        "curl [41]  example.org:443  tcp  received 1.2 MB  sent 512 B  1.50 s"
    )


def test_an_open_connection_is_said_to_be_open() -> None:
    said = lines.sentence(a_connection(closed_ns=None, final=False), "curl")
    assert said.endswith("still open")


def test_bytes_nobody_told_are_a_dash() -> None:
    said = lines.sentence(a_connection(received_bytes=None), "curl")
    assert "received -  sent 512 B" in said


def test_a_holder_that_is_only_likely_is_said_to_be() -> None:
    said = lines.sentence(a_connection(pid_confidence="likely"), "curl")
    assert said.startswith("probably curl [41]")


def test_an_address_of_ipv6_is_told_from_its_port() -> None:
    connection = a_connection(remote_host=None, remote_address="2001:db8::7")
    assert lines.peer(connection) == "[2001:db8::7]:443"


def test_a_name_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in lines.sentence(a_connection(remote_host="\x1b[2J"), "\x1b]0;x\x07")


def test_json_carries_wall_times_and_null_for_what_is_unknown() -> None:
    told = json.loads(lines.record(a_connection(received_bytes=None), "curl", 10**18))
    chosen = {name: told[name] for name in ("process", "opened_at", "closed_at", "received_bytes")}
    assert chosen == {
        "process": "curl",
        "opened_at": 10**18 + 1_000_000_000,
        "closed_at": 10**18 + 2_500_000_000,
        "received_bytes": None,
    }


def test_a_hole_is_a_line_of_its_own_kind() -> None:
    told = json.loads(lines.loss(Missed(1, 2, 300, "overflow", "sock_diag"), 1_000))
    assert told == {
        "loss": {
            "sensor": "sock_diag",
            "since": 1_001,
            "until": 1_002,
            "missed": 300,
            "reason": "overflow",
        }
    }


@pytest.mark.parametrize(
    ("number", "words"),
    [(None, "-"), (0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (99_960, "100 kB")],
)
def test_sizes_are_words(number: int | None, words: str) -> None:
    assert amounts.size(number) == words


@pytest.mark.parametrize("number", [10**power - 1 for power in range(1, 18)])
def test_a_size_fits_its_column(number: int) -> None:
    assert len(amounts.size(number)) <= 7


def test_a_long_text_loses_its_middle() -> None:
    assert text.cut("registry.example.org", 11) == "regis…e.org"
