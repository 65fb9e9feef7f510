"""The failure matrix, places: folders that are missing, read-only, full, slow or removed."""

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from ptywrap import marks
from tests.e2e.copies import leave, observed, use
from tests.e2e.places import SHELLS, Place, shell_pid, variables
from tests.e2e.terminal import LAUNCHER, PROMPT, Terminal, best_s, exit_code, wait_for

pytestmark = pytest.mark.linux
SLOW = Path(__file__).with_name("slow.py")
PROMPT_BAR_S = 0.05
# Without a home, bash falls back to the prompt of the system or of passwd's home.
ANY_PROMPT = rb"[>$#] (?:\x1b\[\S*)?$"
PRIVATE = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]


def after(line: str, *argv: str) -> list[str]:
    """Return a command that runs `argv` in a mount namespace of its own after a shell line."""
    return [*PRIVATE, f'{line} && exec "$@"', "sh", *(argv or LAUNCHER)]


def marks_of(window: Terminal) -> str | None:
    """Return the marks folder of the session in the window."""
    return variables(shell_pid(window)).get("PTYWRAP_MARKS")


POISON: dict[str, dict[str, str | None]] = {
    "no runtime folder": {"XDG_RUNTIME_DIR": None},
    "no folders at all": dict.fromkeys(
        ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
    ),
    "python": {"PYTHONHOME": "/nonexistent", "PYTHONPATH": "/nonexistent"},
    "python startup": {"PYTHONSTARTUP": "/nonexistent", "PYTHONINSPECT": "1", "PYTHONVERBOSE": "9"},
    "linker": {"LD_LIBRARY_PATH": "/nonexistent"},
    "no home": {"HOME": None},
    "home is absent": {"HOME": "/nonexistent"},
    "home is empty": {"HOME": ""},
    "folders are absent": {
        "XDG_RUNTIME_DIR": "/nonexistent",
        "XDG_STATE_HOME": "/nonexistent",
        "XDG_DATA_HOME": "/nonexistent",
        "XDG_CONFIG_HOME": "/nonexistent",
    },
    "folders are relative": {"XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "state"},
    "no path": {"PATH": None},
    "no language": {"LANG": None, "LC_ALL": "xx_XX.nonsense"},
    "no terminal type": {"TERM": None},
}


@pytest.mark.root
@pytest.mark.parametrize("name", POISON)
def test_a_session_is_observed_in_a_poor_environment(lodging: Place, name: str) -> None:
    environment = lodging.environment(**POISON[name])
    words = [f"{key}={value}" for key, value in environment.items()]
    # A new /dev/shm keeps what is made there out of the real one.
    fresh = after("mount -t tmpfs -o mode=1777 tmpfs /dev/shm", "env", "-i", *words, *LAUNCHER)
    window = lodging.open(fresh)
    window.until(ANY_PROMPT)
    window.ask("unset PROMPT_COMMAND; PS1='ready> '", PROMPT)
    assert observed(window)
    leave(window)


@pytest.mark.root
def test_marks_go_to_shared_memory_without_a_runtime_folder(lodging: Place) -> None:
    window = lodging.open(
        after("mount -t tmpfs -o mode=1777 tmpfs /dev/shm"),
        lodging.environment(XDG_RUNTIME_DIR=None),
    )
    window.until(PROMPT)
    assert marks_of(window) == f"/dev/shm/ptywrap-{os.getuid()}"
    use(window)


@pytest.mark.root
def test_marks_go_to_the_state_folder_where_no_memory_is(lodging: Place) -> None:
    # The runtime folder of this place is on disk, and so is what is bound over /dev/shm.
    (lodging.root / "shm").mkdir()
    window = lodging.open(after(f"mount --bind {lodging.root}/shm /dev/shm"))
    window.until(PROMPT)
    assert marks_of(window) == f"{lodging.state}/ptywrap/marks"
    use(window)


@pytest.mark.root
def test_a_session_goes_on_without_any_folder_for_marks(lodging: Place) -> None:
    window = lodging.open(
        after(
            f"mount -t tmpfs -o ro tmpfs /dev/shm && mount -t tmpfs -o ro tmpfs {lodging.state}"
            f" && mount -t tmpfs -o ro tmpfs {lodging.run}"
        )
    )
    window.until(PROMPT)
    assert observed(window)
    assert marks_of(window) is None
    use(window)


@pytest.mark.root
def test_a_session_goes_on_in_a_read_only_home(place: Place) -> None:
    binding = f"mount --bind {place.root} {place.root} && mount -o remount,ro,bind {place.root}"
    window = place.open(after(binding))
    window.until(PROMPT)
    assert observed(window)
    use(window)


def prompt_s(window: Terminal) -> float:
    """Return how long a command takes from Enter to the next prompt."""
    window.send(b": qui''ck")
    window.until(rb"ck")
    began = time.monotonic()
    window.ask("", PROMPT)
    return time.monotonic() - began


def prompts_are_quick(window: Terminal) -> None:
    """Assert that no prompt is held up; on a busy machine three in a row tell."""
    window.line("")
    window.ask("echo se''ttled", rb"settled\s[\s\S]*ready> ")
    best = best_s(lambda: max(prompt_s(window) for _number in range(3)), PROMPT_BAR_S, 10)
    assert best <= PROMPT_BAR_S


@pytest.mark.root
@pytest.mark.parametrize("shell", SHELLS)
def test_a_full_runtime_folder_delays_no_prompt_and_is_counted(place: Place, shell: str) -> None:
    mount = f"mount -t tmpfs -o size=64k,mode=0700 tmpfs {place.run}"
    full = f"{{ head -c 1M /dev/zero >{place.run}/filler 2>/dev/null; :; }}"
    window = place.open(after(f"{mount} && {full}"), place.shell_environment(shell))
    window.until(PROMPT)
    folder = Path(f"/proc/{shell_pid(window, shell)}/root{place.run}")
    prompts_are_quick(window)
    # fish itself says once that a write failed, and nothing can keep it from it.
    assert window.output.count(b"No space") <= (1 if shell == "fish" else 0)
    (folder / "filler").unlink()
    assert wait_for(lambda: lost_after_a_command(window, folder / "ptywrap") > 0, 5)
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


def lost_after_a_command(window: Terminal, folder: Path) -> int:
    """Run a command, so that the pump has something to say, and return `lost`."""
    window.ask("echo do''ne", rb"done\s")
    return lost(folder)


def lost(folder: Path) -> int:
    """Return how many records of the pump in a marks folder are counted as not written."""
    count = 0
    for path in folder.glob("*.pty"):
        records, _used = marks.pump_records(path.read_bytes())
        for record in records:
            if isinstance(record, marks.Totals):
                count = max(count, record.lost)
            if isinstance(record, marks.Lost):
                count += record.number
    return count


@pytest.mark.root
@pytest.mark.parametrize("shell", SHELLS)
def test_a_slow_runtime_folder_delays_no_prompt(place: Place, shell: str) -> None:
    if not Path("/dev/fuse").exists():
        pytest.skip("no /dev/fuse: load the kernel's module fuse")
    mount = f"{sys.executable} {SLOW} {place.run}"
    window = place.open(after(mount), place.shell_environment(shell))
    window.until(PROMPT)
    assert observed_in(window, shell)
    prompts_are_quick(window)
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


def observed_in(window: Terminal, shell: str) -> bool:
    """Tell whether the shell in the window, of any kind, is one of a session of ours."""
    return "PTYWRAP_SESSION" in variables(shell_pid(window, shell))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_removed_runtime_folder_delays_no_prompt(place: Place, shell: str) -> None:
    window = place.shell(shell)
    window.ask("echo he''re", rb"here\s")
    shutil.rmtree(place.run)
    prompts_are_quick(window)
    assert b"such file" not in window.output
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


@pytest.mark.parametrize("shell", SHELLS)
def test_an_unusable_runtime_folder_prints_nothing(place: Place, shell: str) -> None:
    (place.run / "ptywrap").write_text("in the way")
    window = place.shell(shell)
    assert b"ptywrap" not in window.output
    window.line("exit 37")
    assert exit_code(window.finish()) == 37
