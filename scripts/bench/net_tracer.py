"""The kernel's socket tracepoints through bpftrace: whose each connection was, and its bytes.

A pid is right only where the state becomes SYN_SENT, in the process's own context; the port is told
first at ESTABLISHED. Both are joined by the socket's address in the kernel, until it closes.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.bench import stand
from scripts.bench.net_truth import Traced

_PATIENCE_S = 20.0
_PROGRAM = """\
BEGIN { printf("ready\\n"); }
tracepoint:sock:inet_sock_set_state /args->protocol == 6 && args->newstate == 2/ {
    @pid[args->skaddr] = pid; @received[args->skaddr] = 0; @sent[args->skaddr] = 0;
}
tracepoint:sock:inet_sock_set_state
/args->protocol == 6 && args->oldstate == 2 && args->newstate == 1 && @pid[args->skaddr]/ {
    @opened[args->skaddr] = nsecs;
    printf("E %d %d %d %llu\\n", args->sport, args->dport, @pid[args->skaddr], nsecs);
}
tracepoint:sock:inet_sock_set_state
/args->protocol == 6 && args->newstate == 7 && @pid[args->skaddr]/ {
    printf("C %d %d %d %llu %llu %llu %llu\\n", args->sport, args->dport, @pid[args->skaddr],
        @opened[args->skaddr], nsecs, @received[args->skaddr], @sent[args->skaddr]);
    delete(@pid[args->skaddr]); delete(@opened[args->skaddr]);
    delete(@received[args->skaddr]); delete(@sent[args->skaddr]);
}
tracepoint:sock:sock_recv_length /args->ret > 0 && (args->flags & 2) == 0 && @pid[args->sk]/ {
    @received[args->sk] = @received[args->sk] + (uint64)args->ret;
}
tracepoint:sock:sock_send_length /args->ret > 0 && @pid[args->sk]/ {
    @sent[args->sk] = @sent[args->sk] + (uint64)args->ret;
}
tracepoint:sock:sock_recv_length
/args->protocol == 17 && args->ret > 0 && (args->flags & 2) == 0 && !@pid[args->sk]/ {
    @datagrams_in[pid] = sum(args->ret);
}
tracepoint:sock:sock_send_length /args->protocol == 17 && args->ret > 0 && !@pid[args->sk]/ {
    @datagrams_out[pid] = sum(args->ret);
}
interval:s:1 { print(@datagrams_in); print(@datagrams_out); }
"""


class Tracer:
    """A running bpftrace and what it has told so far."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path) -> None:
        self.process = process
        self._out = out
        self._read = 0

    def cpu_ns(self) -> int:
        """Return the processor time it took so far, its start included."""
        return stand.cpu_ns(self.process.pid)

    def take(self) -> list[tuple[int, Traced]]:
        """Return connections that closed since last asked, with the port they went to."""
        with self._out.open("rb") as file:
            file.seek(self._read)
            told = file.read()
        whole = told[: told.rfind(b"\n") + 1]
        self._read += len(whole)
        found = []
        for line in whole.decode(errors="replace").splitlines():
            words = line.split()
            if len(words) == 8 and words[0] == "C":
                sport, dport, pid, opened, closed, received, sent = map(int, words[1:])
                traced = Traced(sport, pid, opened or closed, closed, received, sent)
                found.append((dport, traced))
        return found


def usable() -> bool:
    """Say whether it can run here."""
    return os.getuid() == 0 and shutil.which("bpftrace") is not None


@contextmanager
def tracer(folder: Path) -> Iterator[Tracer]:
    """Start it and wait until it tells."""
    out = folder / "tracepoints.out"
    environ = os.environ | {"BPFTRACE_PERF_RB_PAGES": "1024", "BPFTRACE_MAP_KEYS_MAX": "65536"}
    with out.open("wb") as file:
        process = subprocess.Popen(
            ["bpftrace", "-q", "-B", "line", "-e", _PROGRAM],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environ,
        )
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while b"ready" not in out.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"bpftrace does not start: {out.read_text()[-400:]}")
            time.sleep(0.05)
        time.sleep(0.5)
        yield Tracer(process, out)
    finally:
        process.terminate()
        process.wait()
