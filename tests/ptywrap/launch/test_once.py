"""A run happens once: neither late, nor twice, nor not at all."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER, exit_code

pytestmark = pytest.mark.linux


@pytest.fixture
def place() -> Iterator[Place]:
    """Yield a throw-away place and end everything that was started in it."""
    somewhere = Place()
    yield somewhere
    somewhere.close()


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: install strace")
@pytest.mark.parametrize("terminal", [False, True], ids=["pipes", "terminal"])
def test_a_command_whose_exec_takes_longer_than_the_watchdog_runs_once(
    place: Place, terminal: bool
) -> None:
    # As an automounter or a FUSE folder would hold it: 3 s at the execve of this one file.
    program = place.work / "program"
    program.write_text("#!/bin/sh\necho ran >>ran\nexit 9\n")
    program.chmod(0o755)
    hold = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=execve"]
    hold += ["-e", "inject=execve:delay_enter=3000000", "-P", str(program)]
    argv = [*hold, *LAUNCHER, "--quiet", "--", str(program)]
    if terminal:
        status = exit_code(place.open(argv).finish())
    else:
        run = subprocess.run(
            argv,
            env=place.environment(),
            cwd=place.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        status = run.returncode
    assert (status, (place.work / "ran").read_text()) == (9, "ran\n")
