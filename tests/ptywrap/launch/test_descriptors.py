"""The caller's descriptors from 3 on are the command's, as they were; our own are not."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.copies import a_copy
from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER, Start, exit_code

pytestmark = pytest.mark.linux
# make's job server is at 3 and 4; `<(...)` of bash begins at 63, of zsh and fish at 11.
USED = [
    [3, 4],
    [5],
    [7],
    [8],
    [9],
    [5, 7],
    [5, 8],
    [5, 7, 8],
    [3, 4, 6, 9],
    [5, 6, 7, 8],
    [3, 4, 5, 6],
    [4, 5, 7, 8, 9],
    [3, 4, 5, 6, 7, 8, 9],
    [5, 12, 63],
]
# Python, as dash cannot write above 9. Where dash finds no number below 10 for its script it leaves
# that open at 10: we cannot close it, and look no further than 9 for what is ours.
TELL = """
import os, sys
for number in map(int, sys.argv[1:]):
    os.write(number, b"%d\\n" % number)
here = {n for n in range(3, 10) if os.path.exists(f"/proc/self/fd/{n}")}
print(sorted(here | set(map(int, sys.argv[1:]))), flush=True)
raise SystemExit(9)
"""


@pytest.fixture
def place() -> Iterator[Place]:
    """Yield a throw-away place and end everything that was started in it."""
    somewhere = Place()
    yield somewhere
    somewhere.close()


def command(launcher: str, numbers: list[int]) -> list[str]:
    """Return the run of a command that writes to each of these descriptors and lists its own."""
    tell = ["/usr/bin/python3", "-I", "-S", "-c", TELL, *map(str, numbers)]
    return [launcher, "--quiet", "--", *tell]


def spread(path: Path, numbers: list[int]) -> None:
    """Give these numbers, and no other, to a file."""
    high = os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 200, inheritable=False)
    os.closerange(3, high)
    os.closerange(high + 1, os.sysconf("SC_OPEN_MAX"))
    for number in numbers:
        os.dup2(high, number)


def told(place: Place, launcher: str, numbers: list[int], **environ: str) -> tuple[int, str, str]:
    """Return status, stdout and what came into the file, of a run without a terminal."""
    path = place.work / "told"
    done = subprocess.run(
        command(launcher, numbers),
        env=place.environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        close_fds=False,
        preexec_fn=lambda: spread(path, numbers),
        check=False,
        timeout=20,
    )
    return done.returncode, done.stdout, path.read_text()


def expected(numbers: list[int]) -> str:
    """Return what comes into the file."""
    return "".join(f"{number}\n" for number in numbers)


@pytest.mark.parametrize("numbers", USED, ids=str)
def test_without_a_terminal_a_command_has_them(place: Place, numbers: list[int]) -> None:
    assert told(place, LAUNCHER[0], numbers) == (9, f"{numbers}\n", expected(numbers))


@pytest.mark.parametrize("numbers", USED, ids=str)
def test_on_a_terminal_a_command_has_them(place: Place, numbers: list[int]) -> None:
    path = place.work / "told"
    start = Start(before=lambda: spread(path, numbers))
    window = place.open(command(LAUNCHER[0], numbers), start=start)
    status = exit_code(window.finish())
    assert (status, bytes(window.output)) == (9, f"{numbers}\r\n".encode())
    assert path.read_text() == expected(numbers)


@pytest.mark.parametrize("numbers", [[5], [5, 7, 8], [3, 4, 5, 6, 7, 8, 9]], ids=str)
def test_a_command_has_them_when_our_start_is_broken(place: Place, numbers: list[int]) -> None:
    copy = a_copy(place)
    copy.module("launch.wrapper").write_text("raise RuntimeError\n")
    found = told(place, str(copy.launcher), numbers, PTYWRAP_VENV=str(copy.environment))
    assert found == (9, f"{numbers}\n", expected(numbers))
