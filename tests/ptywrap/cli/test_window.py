"""A window is what a user writes: a length back from now, a date, or all."""

import datetime

import pytest

from ptywrap.cli import window
from ptywrap.errors import UserError

NOW = 1_764_000_000_000_000_000
DAY = 86_400_000_000_000


@pytest.mark.parametrize(
    ("text", "back"), [("7d", 7 * DAY), ("24h", DAY), ("30m", DAY // 48), ("90s", 90_000_000_000)]
)
def test_a_length_counts_back_from_now(text: str, back: int) -> None:
    assert window.since_ns(text, NOW) == NOW - back


def test_all_has_no_beginning() -> None:
    assert window.since_ns("all", NOW) is None


@pytest.mark.parametrize("text", ["999999999999d", "9999999999w", "1969-01-01"])
def test_what_reaches_back_before_the_epoch_is_everything(text: str) -> None:
    assert window.since_ns(text, NOW) == 0


def test_a_date_begins_at_local_midnight() -> None:
    begin = window.since_ns("2026-11-01", NOW)

    assert begin is not None
    assert datetime.datetime.fromtimestamp(begin // 10**9).isoformat() == "2026-11-01T00:00:00"  # noqa: DTZ006


@pytest.mark.parametrize("text", ["", "soon", "7", "7y", "-3d", "2026-13-01"])
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(UserError) as caught:
        window.since_ns(text, NOW)

    assert caught.value.hint == "write 30m, 24h, 7d, 4w, a date, or all"
