"""The failure matrix, limits: few descriptors, few processes, no pty, no inotify."""

import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.copies import Copy, a_copy, observed, use
from tests.e2e.places import Place, removed
from tests.e2e.terminal import LAUNCHER, PROMPT, Start, exit_code, wait_for

pytestmark = pytest.mark.linux
PROCESS_GROUPS = Path("/sys/fs/cgroup/pids")
# dash cannot even open a script with fewer: it moves it to descriptor 10 or above.
SCRIPT_DESCRIPTORS = 12


def bare_works(place: Place, start: Start) -> bool:
    """Tell whether a bare shell can be used under the same limit: no more is asked of us."""
    window = place.open(["bash", "-i"], start=start)
    window.line("echo $((6*7))''")
    window.line("exit 37")
    return exit_code(window.finish()) == 37 and b"42" in window.output


@pytest.mark.parametrize("count", range(SCRIPT_DESCRIPTORS, 17))
def test_a_shell_is_there_with_few_descriptors(place: Place, count: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

    assert bare_works(place, Start(before=limit))
    use(place.open(LAUNCHER, start=Start(before=limit)))


def with_few(place: Place, count: int) -> Copy:
    """Return a copy whose wrapper, not its launcher, has few descriptors."""
    copy = a_copy(place)
    real = copy.python.with_name("real")
    copy.python.rename(real)
    copy.python.write_text(f'#!/bin/sh\nulimit -n {count}\nexec {real} "$@"\n')
    copy.python.chmod(0o755)
    return copy


@pytest.mark.parametrize("count", range(4, 17))
def test_a_shell_is_there_when_the_wrapper_has_few_descriptors(place: Place, count: int) -> None:
    use(with_few(place, count).open(place))


@pytest.mark.parametrize("count", [4, 6, 8, 10, 12, 16])
def test_a_command_runs_when_the_wrapper_has_few_descriptors(place: Place, count: int) -> None:
    copy = with_few(place, count)
    argv = [str(copy.launcher), "--quiet", "--", "sh", "-c", "echo ru''ns; exit 9"]
    window = place.open(argv, place.environment(PTYWRAP_VENV=None))
    assert exit_code(window.finish()) == 9
    assert b"runs\r\n" in window.output


@pytest.fixture
def few_processes(place: Place) -> Iterator[Path]:
    """Yield a group that may hold few processes; skip where none can be made."""
    if not PROCESS_GROUPS.is_dir():
        pytest.skip("no process controller of cgroup v1 is mounted at /sys/fs/cgroup/pids")
    group = PROCESS_GROUPS / place.root.name
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no process group can be made ({error}): run the tests as root")
    yield group
    (group / "pids.max").write_text("max")
    assert wait_for(lambda: removed(group)), group


@pytest.mark.root
@pytest.mark.parametrize("count", range(1, 11))
def test_a_shell_is_there_with_few_processes(place: Place, few_processes: Path, count: int) -> None:
    (few_processes / "pids.max").write_text(str(count))

    def enter() -> None:
        (few_processes / "cgroup.procs").write_text(str(os.getpid()))

    window = place.open(LAUNCHER, start=Start(before=enter))
    window.until(PROMPT)
    (few_processes / "pids.max").write_text("max")
    use(window)


def unshared(*argv: str) -> list[str]:
    """Return a command that runs `argv` in a mount namespace of its own after a shell line."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", *argv]


@pytest.mark.root
def test_a_shell_is_there_when_no_pty_is_left(place: Place) -> None:
    # A pty file system of its own that has one to give, which is taken.
    mount = "mount -t devpts -o newinstance,max=1,ptmxmode=0666 devpts /dev/pts"
    line = f'{mount} && {{ sleep 600 9<>/dev/ptmx & }} && exec "$@"'
    window = place.open(unshared(line, "sh", *LAUNCHER))
    window.until(PROMPT)
    assert not observed(window)
    use(window)


@pytest.mark.root
def test_a_shell_is_there_when_no_pty_can_be_opened(place: Place) -> None:
    line = 'mount --bind /dev/null /dev/ptmx && exec "$@"'
    window = place.open(unshared(line, "sh", *LAUNCHER))
    window.until(PROMPT)
    assert not observed(window)
    use(window)


@pytest.mark.root
def test_a_command_runs_when_no_pty_can_be_opened(place: Place) -> None:
    line = 'mount --bind /dev/null /dev/ptmx && exec "$@"'
    run = [*LAUNCHER, "--quiet", "--", "sh", "-c", "echo ru''ns; exit 9"]
    window = place.open(unshared(line, "sh", *run))
    assert (exit_code(window.finish()), bytes(window.output)) == (9, b"runs\r\n")


@pytest.mark.root
def test_a_session_goes_on_where_its_terminal_has_no_name(place: Place) -> None:
    line = 'mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts && exec "$@"'
    window = place.open(unshared(line, "sh", *LAUNCHER))
    window.until(PROMPT)
    use(window)


@pytest.mark.root
@pytest.mark.parametrize("limit", ["max_inotify_instances", "max_inotify_watches"])
def test_a_session_needs_no_inotify(place: Place, limit: str) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("no unshare: install util-linux")
    line = f'echo 0 >/proc/sys/user/{limit} && exec "$@"'
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", line, "sh", *LAUNCHER]
    window = place.open(argv)
    window.until(PROMPT)
    for _number in range(3):
        window.ask("echo he''re", rb"here\s")
    use(window)
