"""The failure matrix, at start: whatever is broken, there is a shell."""

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.copies import Copy, a_copy, observed, use
from tests.e2e.places import Place, needs
from tests.e2e.terminal import PROMPT, ROOT, best_s, exit_code

pytestmark = pytest.mark.linux
MODULES = sorted(path.stem for path in (ROOT / "ptywrap/launch").glob("*.py"))
KILL_OURSELVES = "import posix\nposix.kill(posix.getpid(), {number})\n"


def environment_deleted(copy: Copy) -> None:
    """Take the environment away."""
    shutil.rmtree(copy.environment)


def environment_emptied(copy: Copy) -> None:
    """Take all but the folder away."""
    shutil.rmtree(copy.environment)
    copy.python.parent.mkdir(parents=True)


def interpreter_garbage(copy: Copy) -> None:
    """Put bytes in its place that are no program."""
    copy.python.unlink()
    copy.python.write_bytes(b"\x7fELF" + bytes(range(256)) * 16)
    copy.python.chmod(0o755)


def interpreter_empty(copy: Copy) -> None:
    """Put an empty file in its place, as a full disk would."""
    copy.python.unlink()
    copy.python.touch(0o755)


def interpreter_not_executable(copy: Copy) -> None:
    """Leave a file there that nobody may run."""
    copy.python.unlink()
    copy.python.write_text("#!/bin/sh\n")
    copy.python.chmod(0o644)


def interpreter_without_base(copy: Copy) -> None:
    """Take away what the link leads to, as an upgrade of the system's Python does."""
    copy.python.unlink()
    copy.python.symlink_to("/nonexistent/python3")


def interpreter_a_folder(copy: Copy) -> None:
    """Put a folder in its place."""
    copy.python.unlink()
    copy.python.mkdir()


def interpreter_of_another_kind(copy: Copy) -> None:
    """Put a program in its place that is no Python."""
    copy.python.unlink()
    copy.python.symlink_to("/bin/false")


def package_deleted(copy: Copy) -> None:
    """Take the wrapper away."""
    copy.module("launch.wrapper").unlink()


def syntax_error(copy: Copy) -> None:
    """Break the main file."""
    copy.module("launch.wrapper").write_text("def (\n")


def import_error(copy: Copy) -> None:
    """Let the main file import what is not there."""
    path = copy.module("launch.wrapper")
    path.write_text(f"import absent\n{path.read_text()}")


def other_errors(copy: Copy) -> None:
    """Let the main file raise."""
    copy.module("launch.wrapper").write_text("raise RuntimeError('x' * 5000)\n")


def ends_at_once(copy: Copy) -> None:
    """Let the main file end well before it did anything."""
    copy.module("launch.wrapper").write_text("")


def segfault(copy: Copy) -> None:
    """Let the interpreter die of a segmentation fault."""
    copy.module("launch.wrapper").write_text(KILL_OURSELVES.format(number=int(signal.SIGSEGV)))


def killed(copy: Copy) -> None:
    """Let the interpreter be killed."""
    copy.module("launch.wrapper").write_text(KILL_OURSELVES.format(number=int(signal.SIGKILL)))


FAULTS: list[Callable[[Copy], None]] = [
    environment_deleted,
    environment_emptied,
    interpreter_garbage,
    interpreter_empty,
    interpreter_not_executable,
    interpreter_without_base,
    interpreter_a_folder,
    interpreter_of_another_kind,
    package_deleted,
    syntax_error,
    import_error,
    other_errors,
    ends_at_once,
    segfault,
    killed,
]


def named(fault: Callable[[Copy], None]) -> str:
    """Return a fault's name for the test's."""
    return fault.__name__


@pytest.mark.parametrize("fault", FAULTS, ids=named)
def test_the_real_shell_is_there_at_once_when_the_start_is_broken(
    place: Place, fault: Callable[[Copy], None]
) -> None:
    copy = a_copy(place)
    fault(copy)

    def prompt_s() -> float:
        began = time.monotonic()
        window = copy.open(place)
        window.until(PROMPT)
        took_s = time.monotonic() - began
        assert not observed(window)
        use(window)
        return took_s

    assert best_s(prompt_s, 0.1) <= 0.1


@pytest.mark.parametrize("fault", FAULTS, ids=named)
def test_a_command_runs_when_the_start_is_broken(
    place: Place, fault: Callable[[Copy], None]
) -> None:
    copy = a_copy(place)
    fault(copy)
    environment = place.environment(PTYWRAP_VENV=str(copy.environment))
    argv = [str(copy.launcher), "--quiet", "--", "sh", "-c", "echo ru''ns; exit 9"]
    window = place.open(argv, environment)
    assert exit_code(window.finish()) == 9
    assert bytes(window.output).endswith(b"runs\r\n")
    assert bytes(window.output).count(b"\n") <= 2, bytes(window.output)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize("fault", [environment_deleted, syntax_error], ids=named)
def test_every_real_shell_is_there_when_the_start_is_broken(
    place: Place, shell: str, fault: Callable[[Copy], None]
) -> None:
    needs(shell)
    copy = a_copy(place)
    fault(copy)
    window = copy.open(place, SHELL=f"/usr/bin/{shell}")
    window.until(PROMPT)
    window.line("exit 37")
    assert exit_code(window.finish()) == 37
    assert window.attributes() == window.at_first


def test_a_login_shell_stays_one_when_the_start_is_broken(place: Place) -> None:
    copy = a_copy(place)
    environment_deleted(copy)
    window = place.open([str(copy.launcher), "-l"], place.environment(PTYWRAP_VENV=None))
    window.until(PROMPT)
    window.ask("shopt login_shell", rb"login_shell\s+on")


@pytest.mark.parametrize("loop", ["while True:\n    pass\n", "import time\ntime.sleep(99)\n"])
def test_the_real_shell_is_there_in_two_seconds_when_the_start_hangs(
    place: Place, loop: str
) -> None:
    copy = a_copy(place)
    copy.module("launch.wrapper").write_text(loop)

    def prompt_s() -> float:
        began = time.monotonic()
        window = copy.open(place)
        window.until(PROMPT)
        took_s = time.monotonic() - began
        assert not observed(window)
        use(window)
        return took_s

    assert best_s(prompt_s, 2.2) <= 2.2


@pytest.mark.parametrize("text", ["def (\n", "raise RuntimeError\n", "", None])
@pytest.mark.parametrize(
    "module", [name for name in MODULES if name not in ("__init__", "wrapper")]
)
def test_a_shell_is_there_when_any_module_is_broken(
    place: Place, module: str, text: str | None
) -> None:
    copy = a_copy(place)
    if text is None:
        copy.module(f"launch.{module}").unlink()
    else:
        copy.module(f"launch.{module}").write_text(text)
    use(copy.open(place))


def test_an_unbroken_copy_is_observed(place: Place) -> None:
    window = a_copy(place).open(place)
    window.until(PROMPT)
    assert observed(window)
    use(window)


def test_the_copy_is_not_the_product_itself(place: Place) -> None:
    assert not a_copy(place).launcher.samefile(Path(ROOT) / "ptywrap/launch/ptywrap.sh")
