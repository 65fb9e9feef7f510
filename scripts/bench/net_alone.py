"""netsniff by itself, as one that watches: lines of JSON, one for each connection that is over."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from scripts.bench.net_cost import family_ns
from scripts.bench.net_netlink import listening
from scripts.bench.net_peers import Told
from scripts.bench.net_product import SETTLE_S
from scripts.bench.net_space import ROOT, Space
from scripts.bench.net_truth import Claim, Truth
from scripts.bench.outer import descendants
from tests.account import Account

_READY_S = 1.0
_PATIENCE_S = 10


class Alone:
    """`python -m netsniff --json`, as root or as an ordinary account."""

    def __init__(self, folder: Path, account: Account | None, number: int = 0) -> None:
        who = "root" if account is None and os.getuid() == 0 else "ordinary"
        self.name = f"netsniff alone, {who}" + (f" {number + 1}" if number else "")
        self._account = account
        self._out = folder / f"netsniff-{who}-{number}.jsonl"

    def begin(self, space: Space) -> None:
        """Start it, and give it time to look around."""
        self._addresses, self._ports = {space.address, space.address6}, space.ports
        account = self._account
        python = sys.executable if account is None else str(account.python)
        whose: dict[str, Any] = {"cwd": ROOT}
        if account is not None:
            whose = {"cwd": account.checkout, "user": account.uid, "group": account.gid}
            whose["extra_groups"] = []
        with self._out.open("wb") as out:
            argv = [python, "-m", "netsniff", "--json"]
            log = subprocess.DEVNULL
            self.process = subprocess.Popen(argv, stdout=out, stderr=log, **whose)
        deadline = time.monotonic() + _PATIENCE_S
        while listening(descendants(self.process.pid)) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(_READY_S)
        self._before = family_ns([self.process.pid])

    def end(self, truths: list[Truth]) -> Told:
        """Stop it as a user does, and return what it said."""
        assert truths is not None
        time.sleep(SETTLE_S)
        cpu_s = (family_ns([self.process.pid]) - self._before) / 1e9
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        claims, missed = read(self._out.read_text(encoding="utf-8"), self._addresses, self._ports)
        return Told(claims, cpu_s, missed)


def read(text: str, addresses: set[str], ports: range) -> tuple[list[Claim], int]:
    """Return connections to the server and the number told as missed."""
    offset = time.time_ns() - time.monotonic_ns()
    claims, missed = [], 0
    for line in text.splitlines():
        one = json.loads(line)
        if "loss" in one:
            missed += one["loss"]["missed"] or 0
        elif one["remote_address"] in addresses and one["remote_port"] in ports:
            claims.append(
                Claim(
                    one.get("local_port"),
                    None if one["opened_at"] is None else one["opened_at"] - offset,
                    None if one["closed_at"] is None else one["closed_at"] - offset,
                    one["received_bytes"],
                    one["sent_bytes"],
                    one["pid"],
                    one["pid_confidence"],
                )
            )
    return claims, missed
