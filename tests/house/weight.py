"""Rule 5: what is loaded before the shell's fork, by the running relay, and with the schema."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect

from tests import home as homes

# The wrapper as its file would run, but its fork tells what is loaded; 5 is the launcher's pipe.
BEFORE_THE_FORK = """
import posix, sys
def told():
    posix.write(1, "\\n".join(sorted(sys.modules)).encode())
    posix._exit(0)
posix.fork = posix.forkpty = told
path = sys.argv[1]
sys.argv[:] = sys.argv[1:]
posix.dup2(1, 5)
exec(compile(open(path).read(), path, "exec"), {"__name__": "__main__", "__file__": path})
"""
# The wrapper as its file would run, but a signal makes each of its processes tell what is loaded.
WHILE_RUNNING = """
import posix, sys, _signal
folder = sys.argv[1]
def told(_number, _frame):
    way = posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC
    to = posix.open(f"{folder}/{posix.getpid()}", way, 0o600)
    posix.write(to, "\\n".join(sorted(sys.modules)).encode())
    posix.close(to)
_signal.signal(_signal.SIGUSR2, told)
path = sys.argv[2]
sys.argv[:] = sys.argv[2:]
exec(compile(open(path).read(), path, "exec"), {"__name__": "__main__", "__file__": path})
"""
# Stands for the environment's interpreter: only the wrapper is run in another way.
INTERPRETER = """#!/bin/sh
case "$1 $2" in
    '-I -S') shift 2; exec {python} -I -S -c {code} {folder} "$@" ;;
esac
exec {python} "$@"
"""
RELAY = {"ptywrap-keeper", "ptywrap-pump"}
PATIENCE_S = 20.0


def bare() -> list[str]:
    """What an interpreter loads for nothing, under the wrapper's options."""
    return _lines("-I", "-S", "-c", "import sys; print('\\n'.join(sorted(sys.modules)))")


def before_the_fork(root: Path) -> list[str]:
    """What is loaded when the wrapper forks the shell."""
    wrapper = str(root / "ptywrap/launch/wrapper.py")
    arguments = ["bare", "0", "0", sys.prefix, "", "", "/bin/sh", "true"]
    return _lines("-I", "-S", "-c", BEFORE_THE_FORK, wrapper, *arguments)


def while_running(root: Path, home: homes.Home) -> dict[str, list[str]]:
    """What keeper and pump have loaded, by the name of the process, once the prompt is there."""
    told = home.folder / "told"
    told.mkdir()
    environment = _environment(home, told)
    environ = home.environ | {"PTYWRAP_VENV": str(environment), "PS1": "ready> "}
    launcher = str(root / "ptywrap/launch/ptywrap.sh")
    window = pexpect.spawn("/bin/sh", [launcher], env=environ | {"SHELL": "/bin/sh"})
    try:
        window.expect_exact("ready> ", timeout=PATIENCE_S)
        # A typed line has gone through the pump, so that it has loaded what a command takes.
        window.sendline("echo a''b")
        window.expect_exact("ab", timeout=PATIENCE_S)
        return _told(home, told)
    finally:
        window.close(force=True)


def with_the_schema() -> list[str]:
    """Which modules of ours `import ptywrap.wire` loads."""
    code = "import ptywrap.wire, sys; print('\\n'.join(sorted(sys.modules)))"
    return [name for name in _lines("-I", "-c", code) if name.partition(".")[0] == "ptywrap"]


def _lines(*arguments: str) -> list[str]:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.split()


def _environment(home: homes.Home, told: Path) -> Path:
    """An environment whose interpreter runs the wrapper so that it can be asked."""
    environment = home.folder / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "lib").symlink_to(Path(sys.prefix, "lib"))
    interpreter = environment / "bin/python"
    interpreter.write_text(
        INTERPRETER.format(
            python=shlex.quote(sys.executable),
            code=shlex.quote(WHILE_RUNNING),
            folder=shlex.quote(str(told)),
        )
    )
    interpreter.chmod(0o755)
    return environment


def _told(home: homes.Home, folder: Path) -> dict[str, list[str]]:
    """Ask keeper and pump until both have told and the pump has adopted the pty."""
    asked = {p.name(): p.pid for p in homes.processes(home) if p.name() in RELAY}
    found: dict[str, list[str]] = {}
    until = time.monotonic() + PATIENCE_S
    while "ptyprocess" not in found.get("ptywrap-pump", ()) or found.keys() != asked.keys():
        assert time.monotonic() < until, (asked, found)
        for pid in asked.values():
            os.kill(pid, signal.SIGUSR2)
            # The keeper sits in sigwait(3), which goes on after a handler: only a signal that it
            # waits for lets Python run one.
            os.kill(pid, signal.SIGCHLD)
        time.sleep(0.1)
        for name, pid in asked.items():
            if (folder / str(pid)).exists():
                found[name] = (folder / str(pid)).read_text().split()
    return found
