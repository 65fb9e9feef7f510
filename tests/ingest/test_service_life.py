"""The service killed, stopped, full and without its store: nothing acknowledged is lost."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ingest.service import OPEN_HANDED, ROOT, Answer, Service, alive, batch
from tests.ingest.test_journal_faults import small_disk, strace

SOON_S = 10.0


@pytest.fixture
def running() -> Iterator[Service]:
    """Yield a service of the test's own."""
    made = Service().start()
    yield made
    made.close()


class Posting:
    """Posts batches one after the other, until it is told to end; knows which were acknowledged."""

    def __init__(self, running: Service, token: str, first: int) -> None:
        self.acknowledged: list[str] = []
        self._running = running
        self._token = token
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._post, args=(first,))
        self._thread.start()

    def is_under_way(self) -> bool:
        """Say whether some were acknowledged."""
        return len(self.acknowledged) > 20

    def end(self) -> list[str]:
        """End, and return the ids that were acknowledged."""
        self._ends.set()
        self._thread.join()
        return self.acknowledged

    def _post(self, number: int) -> None:
        while not self._ends.is_set():
            sent = batch(number)
            number += 1
            with contextlib.suppress(OSError, ValueError):
                if self._running.post(self._token, sent).status == 200:
                    self.acknowledged.append(sent.id)


def _posting(running: Service, number: int) -> list[Posting]:
    token = running.device()
    return [Posting(running, token, 100_000 * place) for place in range(number)]


def _wait_until(true: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def test_a_killed_front_has_everything_it_acknowledged() -> None:
    made = Service(away=True)
    told: list[str] = []
    try:
        for _ in range(3):
            made.start()
            posting = _posting(made, 3)
            _wait_until(posting[0].is_under_way, "nothing is taken")
            made.kill()
            told += [name for one in posting for name in one.end()]
        kept = {name for kind, name in made.journalled() if kind == "batch"}
        assert set(told) - kept == set()
    finally:
        made.close()


def test_a_front_killed_between_sync_and_answer_has_the_batch_once() -> None:
    made = Service()
    try:
        # Two syncs begin the journal's file; the second batch's is the last thing it does.
        made.start(before=strace("signal=SIGKILL:when=4"))
        token = made.device()
        assert made.post(token, batch(1)).status == 200
        with pytest.raises((OSError, http.client.HTTPException)):
            made.post(token, batch(2))
        assert made.process is not None
        made.process.wait(SOON_S)
        made.start()
        # The laptop was not answered, and sends it again.
        assert made.post(token, batch(2)).status == 200
        _wait_until(lambda: "batches_stored_total 2" in _metrics(made), "it is not stored")
        _wait_until(lambda: "batches_repeated_total 1" in _metrics(made), "it is not repeated")
        assert "commands_stored_total 2" in _metrics(made)
    finally:
        made.close()


def _metrics(made: Service) -> str:
    return made.asks("GET", "/metrics").body.decode()


def test_a_graceful_stop_answers_what_it_took() -> None:
    running = Service(away=True).start()
    posting = _posting(running, 4)
    _wait_until(posting[0].is_under_way, "nothing is taken")
    assert running.stop() == 0
    told = [name for one in posting for name in one.end()]
    kept = [name for kind, name in running.journalled() if kind == "batch"]
    assert set(told) - set(kept) == set()
    assert "request broke" not in running.log()
    running.close()


def test_a_stopped_front_leaves_no_process(running: Service) -> None:
    child = _store(running)
    running.stop()
    assert not alive(child)


def _store(running: Service) -> int:
    found: list[int] = []

    def look() -> bool:
        done = subprocess.run(
            ["ps", "--ppid", str(running.pid), "-o", "pid="], capture_output=True, check=False
        )
        found[:] = [int(word) for word in done.stdout.split()]
        return bool(found)

    _wait_until(look, "no store process")
    return found[0]


def test_a_killed_store_process_is_started_again(running: Service) -> None:
    first = _store(running)
    os.kill(first, signal.SIGKILL)
    _wait_until(lambda: _store(running) != first, "it stays away")
    assert running.post(running.device(), batch(1)).status == 200


def test_batches_are_taken_while_the_store_is_gone() -> None:
    made = Service(away=True).start()
    try:
        assert made.post(made.device(), batch(1)).status == 200
        assert made.asks("GET", "/", made.token()).status == 503
        assert made.asks("GET", "/healthz").status == 200
    finally:
        made.close()


def test_a_store_that_hangs_costs_its_questions_alone() -> None:
    made = Service(f"{OPEN_HANDED}handler_ms = 500\n").start()
    try:
        token = made.device()
        child = _store(made)
        _wait_until(lambda: made.asks("GET", "/", token).status == 200, "the store stays away")
        os.kill(child, signal.SIGSTOP)
        began = time.monotonic()
        assert made.asks("GET", "/", token).json == {"error": "it took too long"}
        assert time.monotonic() - began < 2
        assert made.post(token, batch(1)).status == 200
        os.kill(child, signal.SIGCONT)
        _wait_until(lambda: made.asks("GET", "/", token).status == 200, "it does not come back")
    finally:
        made.close()


def _refused(made: Service, token: str, number: int) -> Answer:
    answer = made.post(token, batch(number))
    assert 2 <= int(answer.headers["Retry-After"]) <= 300
    return answer


def test_a_full_backlog_refuses_until_it_is_drained() -> None:
    made = Service(f"{OPEN_HANDED}backlog_bytes = 100\n", away=True).start()
    try:
        token = made.device()
        assert made.post(token, batch(1)).status == 200
        _wait_until(lambda: made.asks("GET", "/readyz").status == 503, "it stays ready")
        answer = _refused(made, token, 2)
        assert (answer.status, answer.json["error"]) == (503, "the backlog is full")
    finally:
        made.close()


def test_a_store_that_stays_away_refuses_over_half_the_backlog() -> None:
    settings = f"{OPEN_HANDED}backlog_bytes = 1000\nstore_gone_ms = 300\n"
    made = Service(settings, away=True).start()
    try:
        token = made.device()
        assert made.post(token, batch(1)).status == 200
        _wait_until(lambda: made.asks("GET", "/readyz").status == 503, "it stays ready")
        assert _refused(made, token, 2).status == 503
    finally:
        made.close()


def test_a_disk_that_is_nearly_full_refuses() -> None:
    made = Service(f"{OPEN_HANDED}keep_free_bytes = {1 << 60}\n").start()
    try:
        answer = _refused(made, made.device(), 1)
        assert (answer.status, answer.json["error"]) == (503, "the disk is nearly full")
        assert made.asks("GET", "/readyz").status == 503
    finally:
        made.close()


@pytest.mark.root
def test_a_full_disk_refuses_and_the_front_recovers_by_itself(tmp_path: Path) -> None:
    with small_disk(tmp_path) as folder:
        settings = f"{OPEN_HANDED}keep_free_bytes = 0\nkeep_free_permille = 0\n"
        made = Service(settings, away=True, folder=folder).start()
        try:
            token, secret = made.device(), made.token("--enrol")
            assert made.post(token, batch(1)).status == 200
            ballast = folder / "ballast"
            with ballast.open("wb") as file, contextlib.suppress(OSError):
                while True:
                    os.write(file.fileno(), bytes(4096))
            answers = [made.post(token, batch(number)).status for number in range(2, 40)]
            assert 503 in answers
            assert set(answers) <= {200, 503}
            assert made.enrol(secret).status == 503
            ballast.unlink()
            assert made.enrol(secret).status == 200
            assert made.post(token, batch(50)).status == 200
            kept = [name for _, name in made.journalled()]
            acknowledged = [
                batch(number).id
                for number, status in zip(range(2, 40), answers, strict=True)
                if status == 200
            ]
            assert set(acknowledged) - set(kept) == set()
        finally:
            made.close()


def test_a_second_front_over_the_same_folder_is_told_so(running: Service) -> None:
    done = subprocess.run(
        [*(sys.executable, "-m", "ingest", "serve"), "--data", str(running.data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 2)


def test_a_port_that_is_taken_is_told_in_two_lines(running: Service) -> None:
    with tempfile.TemporaryDirectory(prefix="front-") as folder:
        argv = [sys.executable, "-m", "ingest", "serve", "--data", folder]
        done = subprocess.run(
            [*argv, "--store", "memory:", "--listen", f"127.0.0.1:{running.port}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 2)


def test_the_front_never_loads_an_engine() -> None:
    code = "import ingest.serve, sys; print('duckdb' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
