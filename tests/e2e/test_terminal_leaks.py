"""Row 28 of the correctness table: sessions opened and closed leave nothing behind."""

import pytest

from tests.e2e.places import SHELLS, Place, alive
from tests.e2e.terminal import PROMPT, exit_code, wait_for

pytestmark = pytest.mark.linux
# What stays while an observer waits for the next session.
OBSERVERS = {"observer.lock", "observer.sock"}


def files_of_ours(place: Place) -> set[str]:
    """Return the names in the marks folder and the sockets' folder."""
    return {path.name for path in (place.run / "ptywrap").rglob("*")} - OBSERVERS


def session_processes(place: Place) -> list[int]:
    """Return what runs here and is not meant to outlive a session."""
    services = place.services()
    return [pid for pid in place.processes() if pid not in services and alive(pid)]


@pytest.mark.parametrize("count", [45, pytest.param(200, marks=pytest.mark.slow)])
def test_sessions_opened_and_closed_leave_no_process_and_no_file(place: Place, count: int) -> None:
    codes = []
    for number in range(count):
        window = place.shell(SHELLS[number % 3])
        assert files_of_ours(place), "no file of a session where the test looks for them"
        window.line("exit 3")
        codes.append(exit_code(window.finish()))
        window.close()
    assert codes == [3] * count
    # Observer, its reader, store: a second observer started meanwhile finds the lock held.
    assert wait_for(lambda: len(place.services()) <= 3, 10), place.services()
    assert wait_for(lambda: not session_processes(place), 10), session_processes(place)
    assert wait_for(lambda: not files_of_ours(place), 20), files_of_ours(place)


def test_sessions_that_are_open_together_leave_no_process_and_no_file(place: Place) -> None:
    windows = [place.shell() for _number in range(20)]
    for window in windows:
        window.ask("echo he''re", rb"here\s")
    for window in windows[:10]:
        window.close_window()
    for window in windows[10:]:
        window.ask("", PROMPT)
        window.line("exit 3")
    assert [exit_code(window.finish()) for window in windows[10:]] == [3] * 10
    assert wait_for(lambda: all(window.ended() for window in windows[:10]), 5)
    assert wait_for(lambda: not session_processes(place), 10), session_processes(place)
    assert wait_for(lambda: not files_of_ours(place), 20), files_of_ours(place)


def test_runs_leave_no_process_and_no_file(place: Place) -> None:
    for _number in range(10):
        window = place.command("true")
        assert exit_code(window.finish()) == 0
        window.close()
    assert wait_for(lambda: not session_processes(place), 10), session_processes(place)
    assert wait_for(lambda: not files_of_ours(place), 20), files_of_ours(place)
