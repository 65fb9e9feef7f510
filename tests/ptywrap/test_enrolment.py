"""Who is joined is one private file; where it may lead is an origin with TLS, or loopback."""

from pathlib import Path

import pytest

from ptywrap import enrolment
from ptywrap.errors import UserError
from tests import shipping


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "ptywrap"


def test_an_enrolment_is_kept_for_its_owner_alone(state: Path) -> None:
    made = shipping.an_enrolment()
    enrolment.write(made)

    assert enrolment.read() == made
    assert (state / "enrolment.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"url": 1}', "\xff"])
def test_what_is_no_enrolment_enrols_nowhere(state: Path, text: str) -> None:
    state.mkdir()
    (state / "enrolment.json").write_text(text, encoding="latin-1")

    assert enrolment.read() is None


def test_a_key_that_is_none_enrols_nowhere() -> None:
    enrolment.write(shipping.an_enrolment(tenant_key="no hex"))

    assert enrolment.read() is None


def test_a_link_is_not_read(state: Path, tmp_path: Path) -> None:
    enrolment.write(shipping.an_enrolment())
    (state / "enrolment.json").rename(tmp_path / "elsewhere.json")
    (state / "enrolment.json").symlink_to(tmp_path / "elsewhere.json")

    assert enrolment.read() is None


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://ptywrap.example.org", "https://ptywrap.example.org"),
        ("https://ptywrap.example.org/", "https://ptywrap.example.org"),
        ("https://ptywrap.example.org:8443", "https://ptywrap.example.org:8443"),
        ("ptywrap.example.org", "https://ptywrap.example.org"),
        ("HTTPS://Ptywrap.Example.org", "https://ptywrap.example.org"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_an_address_is_its_origin(typed: str, origin: str) -> None:
    assert enrolment.origin(typed) == origin


@pytest.mark.parametrize(
    "typed",
    [
        *("", "https://", "ftp://example.org", "https://example.org:port", "https://exa\x1bmple"),
        *("http://example.org", "http://10.0.0.1", "http://127.0.0.1.example.org"),
        *("https://me:secret@example.org", "https://example.org/v1", "https://example.org?x=1"),
    ],
)
def test_where_nothing_may_be_sent_is_refused(typed: str) -> None:
    with pytest.raises(UserError):
        enrolment.origin(typed)
