"""The last steps of a launch: a record that comes too late is said to be missing."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.copies import Copy, a_copy
from tests.e2e.places import Place

pytestmark = pytest.mark.linux


@pytest.fixture
def place() -> Iterator[Place]:
    """Yield a throw-away place and end everything that was started in it."""
    somewhere = Place()
    yield somewhere
    somewhere.close()


def never_done(copy: Copy) -> None:
    """Have the summary hang while its file is half written."""
    summary = copy.module("cli.summary")
    text = summary.read_text()
    asked = "    signal.signal(signal.SIGTERM, _leave)\n"
    written = "file.write(text)"
    assert (text.count(asked), text.count(written)) == (1, 1)
    text = text.replace(asked, f'{asked}    _replace(args.json, "half")\n')
    summary.write_text(text.replace(written, '__import__("time").sleep(60)'))


def test_a_record_that_was_not_written_in_time_is_said_to_be_missing(place: Place) -> None:
    copy = a_copy(place)
    never_done(copy)
    done = subprocess.run(
        [str(copy.launcher), "--json", "run.json", "--", "sh", "-c", "exit 9"],
        env=place.environment(PTYWRAP_VENV=str(copy.environment)),
        cwd=place.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    line = "ptywrap: run.json was not written: accounting took more than 2 s\n"
    left = [path.name for path in place.work.iterdir()]
    assert (done.returncode, done.stderr, left) == (9, line, [])
