"""A machine and the service it joins, by the verbs a user types."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests import faults, shipping
from tests.home import Home

ROOT = Path(__file__).resolve().parents[1]
SECRET = "a-one-time-secret"
GRANTED = {
    "token": "the-device's-own-token",
    "tenant": shipping.TENANT,
    "tenant_key": "ab" * 32,
    "person": "p1",
    "team": "compilers",
    "notice": "Kept 100 days.\x1b[2J",
}


def ptywrap(home: Home, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a verb in a home, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "ptywrap", *words],
        cwd=ROOT,
        env=home.environ | environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def join(home: Home, it: faults.Service) -> subprocess.CompletedProcess[str]:
    """Join a service as an administrator's script does."""
    return ptywrap(home, "join", it.url, PTYWRAP_TOKEN=SECRET)


def enrolment(home: Home) -> Path:
    """Return where the enrolment of a home is."""
    return Path(home.environ["XDG_STATE_HOME"], "ptywrap", "enrolment.json")


def sent(home: Home) -> list[dict[str, Any]]:
    """Return what `sent --json` prints."""
    found = json.loads(ptywrap(home, "sent", "--json").stdout)
    assert isinstance(found, list)
    return found
