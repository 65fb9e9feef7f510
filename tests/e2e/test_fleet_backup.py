"""A backup taken as docs/deploy.md says, and a service that goes on from it."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.fleet.ledger import Fleet, Ledger
from scripts.fleet.life import UNTIL, Window
from scripts.fleet.pack import prepared
from scripts.fleet.play import Pace, Played, play
from scripts.fleet.post import Client, Patience
from scripts.proofs.kills import counted
from scripts.proofs.service import ROOT, Service

pytestmark = [
    pytest.mark.linux,
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("flock") is None, reason="no flock: install the package util-linux"
    ),
]
BACKUP = ROOT / "scripts" / "deploy" / "backup"
FLEET = Fleet("", 1, 8, Window(UNTIL, 2, 15), 200)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Yield a service of the test's own."""
    made = Service(tmp_path / "data")
    yield made
    made.close()


def copied(*words: str | Path) -> tuple[int, str]:
    """Run the script; return its status and what it complained of."""
    done = subprocess.run([BACKUP, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def sent(service: Service, ledger: Ledger) -> Played:
    """Send a fleet's days to a service."""
    secret = service.secret("--enrol", "--uses", "2")
    fleet = ledger.begin(FLEET._replace(url=service.url))
    return asyncio.run(play(fleet, ledger, secret, Pace(patience=Patience(first_s=0.05))))


def test_a_restored_service_has_everything_and_knows_its_laptops(
    service: Service, tmp_path: Path
) -> None:
    service.start()
    ledger = Ledger(tmp_path / "fleet")
    played = sent(service, ledger)
    service.stop()
    assert copied(service.data, tmp_path / "copy") == (0, "")
    shutil.rmtree(service.data)
    assert copied("--restore", tmp_path / "copy", service.data) == (0, "")
    service.start()

    async def again() -> str:
        account = next(iter(ledger.accounts().values()))
        batch = prepared(ledger.fleet(), 0, account)[0]
        client = Client(service.url, Patience())
        try:
            fate = await client.send(account, batch)
        finally:
            await client.close()
        return fate.outcome

    assert asyncio.run(again()) == "acknowledged"
    service.stop()
    found = counted([ledger], str(service.file))
    assert (found.faults, found.acknowledged) == (0, len(played.fates))


def test_a_service_that_runs_is_not_copied(service: Service, tmp_path: Path) -> None:
    service.start()
    status, said = copied(service.data, tmp_path / "copy")
    assert (status, "stop it, copy, start it again" in said) == (1, True)
    assert not (tmp_path / "copy").exists()


def test_nothing_is_written_over(service: Service, tmp_path: Path) -> None:
    (service.data / "service.json").write_text("{}")
    (tmp_path / "copy").mkdir()
    assert copied(service.data, tmp_path / "copy")[0] == 1
