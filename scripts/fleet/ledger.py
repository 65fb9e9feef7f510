"""What a fleet was told: who it is, and each batch's fate, a line of JSON each, on stable storage.

A line is written before the next batch of that laptop is sent, so a killed fleet knows no less than
its laptops would.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from scripts.fleet.life import Window


class Account(NamedTuple):
    """What a laptop got for its secret."""

    device: str
    token: str
    tenant_key: str


class Fate(NamedTuple):
    """How the sending of one batch ended; `outcome` is acknowledged, rejected or unknown."""

    batch: str
    device: str
    outcome: str
    status: int
    attempts: int
    rows: int
    repeated: bool = False
    took_ns: int = 0
    """From the first attempt to the answer, waiting between attempts included."""
    answer_ns: int = 0
    """The last attempt alone."""


class Fleet(NamedTuple):
    """What a fleet was made of; enough to make its facts once more."""

    url: str
    laptops: int
    seed: int
    window: Window
    rows: int


class Ledger:
    """The folder of a fleet: `fleet.json`, `accounts.jsonl` (private) and `fates.jsonl`."""

    def __init__(self, folder: Path) -> None:
        """Make the folder for its owner alone."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder

    def begin(self, fleet: Fleet) -> Fleet:
        """Keep what the fleet is made of; return what it was made of where it is older."""
        file = self.folder / "fleet.json"
        if file.exists():
            return self.fleet()._replace(url=fleet.url)
        file.write_text(json.dumps(fleet._asdict() | {"window": fleet.window._asdict()}) + "\n")
        return fleet

    def fleet(self) -> Fleet:
        """Return what the fleet is made of."""
        kept = json.loads((self.folder / "fleet.json").read_text())
        return Fleet(**kept | {"window": Window(**kept["window"])})

    def accounts(self) -> dict[str, Account]:
        """Return the accounts by device."""
        return {one["device"]: Account(**one) for one in self._lines("accounts.jsonl")}

    def fates(self) -> list[Fate]:
        """Return every fate in the order they were told."""
        return [Fate(**one) for one in self._lines("fates.jsonl")]

    def enrolled(self, account: Account) -> None:
        """Keep an account, readable for the owner alone."""
        self._append("accounts.jsonl", account._asdict())

    def told(self, fate: Fate) -> None:
        """Keep a fate."""
        self._append("fates.jsonl", fate._asdict())

    def _append(self, name: str, value: dict[str, Any]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self.folder / name, flags, 0o600)
        try:
            os.write(descriptor, json.dumps(value).encode() + b"\n")
        finally:
            os.close(descriptor)

    def _lines(self, name: str) -> list[dict[str, Any]]:
        try:
            text = (self.folder / name).read_text()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind("\n") + 1]  # a kill may have cut the last line
        return [json.loads(line) for line in whole.splitlines()]
