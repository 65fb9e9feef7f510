"""The failure matrix, while a session is open: its processes stopped, its files replaced."""

import os
import shutil
import signal
import time

import pytest

from tests.e2e.copies import Copy, a_copy, leave, observed, use
from tests.e2e.places import Place, alive, roles, status_fields
from tests.e2e.terminal import LAUNCHER, PROMPT, best_s, wait_for

pytestmark = pytest.mark.linux


def test_a_stopped_pump_goes_on_at_once(place: Place) -> None:
    window = place.shell()
    pump = roles(window).pump

    def resumed_s() -> float:
        os.kill(pump, signal.SIGSTOP)
        began = time.monotonic()
        window.ask("echo he''re", rb"here\s")
        return time.monotonic() - began

    assert best_s(resumed_s, 0.1) <= 0.1
    assert status_fields(pump)[0] != "T"
    use(window)


def test_a_pump_stopped_during_output_loses_none_of_it(place: Place) -> None:
    window = place.shell()
    pump = roles(window).pump
    window.ask("seq 1 300000; echo e''nd", rb"\b100\r\n")
    start = window.position
    for _number in range(5):
        os.kill(pump, signal.SIGSTOP)
        window.read_once(20)
    shown = window.until(rb"end\r\n")
    assert start > 0
    assert shown == b"".join(b"%d\r\n" % n for n in range(101, 300001)) + b"end\r\n"


@pytest.mark.parametrize("who", ["keeper", "guardian"])
def test_a_stopped_keeper_or_guardian_is_not_noticed(place: Place, who: str) -> None:
    window = place.shell()
    pid = getattr(roles(window), who)
    os.kill(pid, signal.SIGSTOP)
    window.ask("echo he''re", rb"here\s")
    os.kill(pid, signal.SIGCONT)
    use(window)


def test_killing_the_whole_group_leaves_nothing_running(place: Place) -> None:
    window = place.shell()
    session = roles(window)
    os.killpg(window.pid, signal.SIGKILL)
    window.finish()
    assert wait_for(lambda: window.attributes() == window.at_first, 3)
    assert wait_for(lambda: not any(alive(pid) for pid in session), 3)


def test_the_shell_lives_on_when_the_environment_is_deleted(place: Place) -> None:
    copy = a_copy(place)
    window = copy.open(place)
    window.until(PROMPT)
    roles(window)
    shutil.rmtree(copy.environment)
    window.ask("echo he''re", rb"here\s")
    other = copy.open(place)
    other.until(PROMPT)
    assert not observed(other)
    use(other)
    use(window)


def test_the_shell_lives_on_when_everything_is_deleted_and_the_pump_dies(place: Place) -> None:
    copy = a_copy(place)
    window = copy.open(place)
    window.until(PROMPT)
    pump = roles(window).pump
    shutil.rmtree(copy.root)
    os.kill(pump, signal.SIGKILL)
    window.ask("echo he''re", rb"here\s")
    use(window)


def upgrade(copy: Copy) -> None:
    """Replace the package by a newer one, as pip does: the old files go, new ones come."""
    package = copy.root / "ptywrap"
    new = copy.root / "new"
    shutil.copytree(package, new)
    (new / "__init__.py").write_text('"""Newer."""\n\n__version__ = "999.0.0"\n')
    launch = new / "launch"
    for path in launch.glob("*.py"):
        path.write_text(path.read_text() + "\n# newer\n")
    shutil.rmtree(package)
    new.rename(package)


def test_the_shell_lives_on_when_the_package_is_upgraded(place: Place) -> None:
    copy = a_copy(place)
    window = copy.open(place)
    window.until(PROMPT)
    roles(window)
    upgrade(copy)
    window.ask("echo he''re", rb"here\s")
    other = copy.open(place)
    other.until(PROMPT)
    assert observed(other)
    use(other)
    use(window)


def test_the_shell_lives_on_when_its_launcher_is_overwritten_in_place(place: Place) -> None:
    # A shell reads its script as it goes: what is written over it must not be run.
    copy = a_copy(place)
    window = copy.open(place)
    window.until(PROMPT)
    roles(window)
    size = copy.launcher.stat().st_size
    with copy.launcher.open("r+b") as file:
        file.write(b"echo overwritten\n" * (size // 17 + 1000))
    use(window)
    assert b"overwritten" not in window.output


OFF = {
    "disable": {"PTYWRAP_DISABLE": "1"},
    "do not track": {"DO_NOT_TRACK": "1"},
    "config": {},
    "system": {},
}


@pytest.mark.root
@pytest.mark.parametrize("words", [[], ["--quiet", "--", "bash", "-i"]], ids=["shell", "run"])
@pytest.mark.parametrize("switch", OFF)
def test_an_off_switch_gives_the_real_shell_in_the_same_process(
    place: Place, switch: str, words: list[str]
) -> None:
    argv = [*LAUNCHER, *words]
    if switch == "config":
        settings = place.config / "ptywrap"
        settings.mkdir()
        (settings / "config.toml").write_text("# off\nenabled = false\n\n[other]\nkey = 1\n")
    if switch == "system":
        layers = [place.folder(name) for name in ("upper", "layer")]
        (layers[0] / "ptywrap").mkdir()
        (layers[0] / "ptywrap/disabled").touch()
        options = f"lowerdir=/etc,upperdir={layers[0]},workdir={layers[1]}"
        mount = f'mount -t overlay -o {options} overlay /etc && exec "$@"'
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh", *argv]
    window = place.open(argv, place.environment(**OFF[switch]))
    window.until(PROMPT)
    assert not observed(window)
    assert os.path.realpath(f"/proc/{window.pid}/exe") == os.path.realpath("/bin/bash")
    assert place.services() == []
    leave(window)
