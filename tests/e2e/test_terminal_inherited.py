"""Row 19 of the correctness table: what a shell and its commands inherit is what bare gives."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.places import SHELLS, Place
from tests.e2e.terminal import LAUNCHER, PROMPT, Start, Terminal

pytestmark = pytest.mark.linux
# Run instead of a shell, so that no shell's own settings hide what was inherited.
PROBE = r"""#!/bin/sh
while read -r name value; do
    case $name in SigBlk: | SigIgn: | ShdPnd:) echo "$name $value" ;; esac
done </proc/$$/status
umask
cat /proc/$$/limits
cat /proc/$$/oom_score_adj
pwd
nice
for descriptor in /proc/$$/fd/*; do echo "${descriptor##*/}"; done
for descriptor in 0 1 2; do
    [ "$(readlink /proc/$$/fd/$descriptor)" = "$(tty)" ] && echo "$descriptor is the terminal"
done
echo SHLVL=${SHLVL-}
stty -a
echo the end
"""
END = rb"the end\s"


def probe(place: Place) -> Path:
    """Write the probe and return its path."""
    path = place.work / "probe"
    path.write_text(PROBE)
    path.chmod(0o755)
    return path


def seen(window: Terminal) -> list[str]:
    """Return the probe's lines, without the descriptor that reads the probe itself."""
    return window.until(END).decode().splitlines()


def odd() -> None:
    """Leave the ordinary: what was changed before us must arrive too."""
    os.umask(0o037)
    os.nice(3)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    resource.setrlimit(resource.RLIMIT_CORE, (12345, 12345))
    resource.setrlimit(resource.RLIMIT_NOFILE, (333, 444))
    Path("/proc/self/oom_score_adj").write_text("100")


def nothing() -> None:
    """Change nothing."""


def unblocked(line: str) -> str:
    """Return a line of the probe with an empty signal mask: the one thing we always set."""
    return "SigBlk: 0000000000000000" if line.startswith("SigBlk:") else line


@pytest.mark.parametrize("before", [nothing, odd])
def test_a_shell_inherits_what_it_would_inherit_bare(
    place: Place, before: Callable[[], None]
) -> None:
    path = probe(place)
    start = Start(before=before)
    environment = place.environment(SHELL=str(path))
    bare = seen(place.open([str(path)], environment, start))
    wrapped = seen(place.open(LAUNCHER, environment, start))
    assert wrapped == [unblocked(line) for line in bare]


@pytest.mark.parametrize("before", [nothing, odd])
def test_a_command_inherits_what_it_would_inherit_bare(
    place: Place, before: Callable[[], None]
) -> None:
    path = probe(place)
    start = Start(before=before)
    bare = seen(place.open([str(path)], start=start))
    wrapped = seen(place.command(str(path), start=start))
    assert wrapped == [unblocked(line) for line in bare]


def environment_of(place: Place, argv: list[str], shell: str) -> dict[str, str]:
    """Return what a command sees that is run by the shell started so."""
    window = place.open(argv, place.shell_environment(shell))
    window.until(PROMPT)
    window.ask("env -0 >environment; echo wri''tten", rb"written\s")
    pairs = (place.work / "environment").read_text().split("\0")
    window.close()
    return dict(pair.split("=", 1) for pair in pairs if pair)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_environment_gains_our_variables_and_nothing_else(place: Place, shell: str) -> None:
    bare = environment_of(place, [f"/usr/bin/{shell}", "-i"], shell)
    wrapped = environment_of(place, LAUNCHER, shell)
    ours = {name for name in wrapped if name.startswith("PTYWRAP_") and name not in bare}
    assert ours == {"PTYWRAP_KEEPER", "PTYWRAP_MARKS", "PTYWRAP_SESSION", "PTYWRAP_TTY"}
    assert {name: value for name, value in wrapped.items() if name not in ours} == bare


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_typed_in_a_session_inherits_what_it_would_inherit_bare(
    place: Place, shell: str
) -> None:
    path = probe(place)
    answers = []
    for argv in ([f"/usr/bin/{shell}", "-i"], LAUNCHER):
        window = place.open(argv, place.shell_environment(shell))
        window.until(PROMPT)
        window.ask(f"{path} >answer 2>&1; echo wri''tten", rb"written\s")
        answers.append((place.work / "answer").read_text())
    assert answers[1] == answers[0]


@pytest.mark.parametrize("output", ["/dev/tty", "/dev/null"], ids=["relayed", "bare"])
def test_descriptors_of_the_caller_reach_a_command(place: Place, output: str) -> None:
    # make's job server hands its pipe to a command by number.
    (place.work / "data").write_text("passed on\n")
    script = f'exec 3<data 4>copy; exec "$@" >{output}'
    run = [*LAUNCHER, "--quiet", "--", "sh", "-c", "cat <&3 >&4"]
    place.open(["sh", "-c", script, "sh", *run]).finish()
    assert (place.work / "copy").read_text() == "passed on\n"


@pytest.mark.parametrize("words", [[], ["--quiet", "--", "sh", "-c", "env -0 >environment"]])
def test_an_exported_variable_of_any_name_arrives_unchanged(place: Place, words: list[str]) -> None:
    odd_values = {
        "ENV": "/nonexistent",
        "IFS": "x",
        "_pw_mode": "theirs",
        "PS4": "$(echo)",
        "f": "",
    }
    environment = place.environment(**odd_values)
    if not words:
        environment["SHELL"] = str(place.work / "shell")
        (place.work / "shell").write_text("#!/bin/sh\nenv -0 >environment\n")
        (place.work / "shell").chmod(0o755)
    place.open([*LAUNCHER, *words], environment).finish()
    pairs = (place.work / "environment").read_text().split("\0")
    assert {name: value for name, _, value in (p.partition("=") for p in pairs)}.items() >= (
        {name: value for name, value in odd_values.items() if name != "IFS"}
    ).items()
