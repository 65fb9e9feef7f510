"""A trace of the relay's system calls: it writes to nothing that could hold it up."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.places import Place, needs, read_proc, roles
from tests.e2e.terminal import LAUNCHER, Terminal, wait_for

pytestmark = pytest.mark.linux
CALLS = "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,splice,sendfile"
CALL = re.compile(r"(?:^|\s)(\w+)\((\d+)<([^>]*)>")
NONBLOCKING = os.O_NONBLOCK


class Trace:
    """strace on one process, with what each written descriptor was."""

    def __init__(self, pid: int, path: Path) -> None:
        """Attach, and wait until it is attached."""
        self.pid = pid
        self.path = path
        argv = ["strace", "-y", "-e", f"trace={CALLS}", "-o", str(path), "-p", str(pid)]
        self.process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        assert wait_for(lambda: b"TracerPid:\t0" not in read_proc(pid, "status"))

    def written(self) -> dict[int, str]:
        """Detach and return the descriptors written to, with their names."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        return {int(number): name for _call, number, name in CALL.findall(self.path.read_text())}


def nonblocking(pid: int, descriptor: int) -> bool:
    """Tell whether a descriptor of another process is non-blocking (proc(5): fdinfo, octal)."""
    for line in read_proc(pid, f"fdinfo/{descriptor}").decode().splitlines():
        if line.startswith("flags:"):
            return bool(int(line.split()[1], 8) & NONBLOCKING)
    return False


def exercise(window: Terminal) -> None:
    """Type, print, stop reading for a while, change the size, switch the screen."""
    window.ask("seq 1 30000; echo e''nd", rb"end\s")
    window.resize(30, 90)
    window.ask(r"printf '\e[?1049h\e[?1049l'; echo sw''itched", rb"switched\s")
    window.ask("sleep 0.3; read -rsp as''k x", rb"ask")
    window.ask("secret", rb"ready> ")


def test_the_pump_writes_to_no_blocking_descriptor_but_terminal_and_pty(place: Place) -> None:
    needs("strace")
    window = place.shell()
    pump = roles(window).pump
    trace = Trace(pump, place.root / "trace")
    exercise(window)
    written = trace.written()
    terminal, files, pty = os.ttyname(window.slave), str(place.run), "/dev/ptmx"
    assert {terminal, pty} <= {name.partition("<")[0] for name in written.values()}
    blocking = {
        number: name
        for number, name in written.items()
        if not name.startswith((terminal, pty, files)) and not nonblocking(pump, number)
    }
    assert blocking == {}


def test_the_relay_leaves_the_terminal_blocking_for_others(place: Place) -> None:
    # Descriptors 0 and 1 share their description with the shell above us.
    script = f"{' '.join(LAUNCHER)}; echo back; cat /proc/$$/fdinfo/0"
    outer = place.open(["sh", "-c", script])
    outer.until(rb"ready> ")
    flags = int(read_proc(outer.pid, "fdinfo/0").split(b"flags:")[1].split()[0], 8)
    assert not flags & NONBLOCKING
    outer.line("exit")
    after = outer.until(rb"flags:\s+\d+")
    assert not int(after.split()[-1], 8) & NONBLOCKING
