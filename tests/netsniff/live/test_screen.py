"""The table fits 80 columns and any height, and says what it left out."""

import io
from typing import Any

from rich.console import Console

from netsniff.live.ledger import Ledger, Owner
from netsniff.live.screen import Frame, drawn
from netsniff.model import Connection


def a_ledger(rows: int, **changes: Any) -> Ledger:
    """Return so many processes with a connection each to a host of a long name."""
    ledger = Ledger()
    values: dict[str, Any] = {
        "protocol": "tcp",
        "remote_host": "a-host-with-a-rather-long-name.of.an.example.org",
        "received_bytes": 123_456_789,
        "sent_bytes": 999_000_000,
        "final": True,
    }
    for pid in range(1_000_000, 1_000_000 + rows):
        connection = Connection(**(values | {"pid": pid} | changes))
        ledger.close(Owner("a-rather-long-program", pid), connection)
    ledger.refresh([], 1)
    return ledger


def lines(ledger: Ledger, *, width: int = 80, height: int = 24, live: bool = True) -> list[str]:
    """Return the lines that a terminal of this size would show."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    notes = ("not told: bytes of UDP",)
    frame = Frame(ledger.rows(), ledger.total(), "rate", notes, live)
    with console.capture() as told:
        console.print(drawn(frame, console))
    return told.get().splitlines()


def test_no_line_is_wider_than_eighty_columns() -> None:
    assert max(len(line) for line in lines(a_ledger(3))) <= 80


def test_eighty_columns_cut_the_host_and_no_number() -> None:
    row = lines(a_ledger(1))[1]
    assert row.split() == ["1000000", "a-rathe…program", row.split()[2], "123", "MB", "999", "MB"]


def test_ten_thousand_rows_fit_the_height() -> None:
    shown = lines(a_ledger(10_000))
    assert len(shown) <= 24
    assert any(line.startswith("… and 9,9") for line in shown)


def test_what_is_printed_at_the_end_is_whole() -> None:
    assert sum("a-rathe" in line for line in lines(a_ledger(50), live=False)) == 50


def test_what_is_not_told_stands_below() -> None:
    assert "not told: bytes of UDP" in lines(a_ledger(1), live=False)[-1]


def test_bytes_nobody_told_are_dashes() -> None:
    row = lines(a_ledger(1, received_bytes=None, sent_bytes=None))[1]
    assert row.split()[-2:] == ["-", "-"]
