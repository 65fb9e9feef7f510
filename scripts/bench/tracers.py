"""Rivals that watch processes too: each runs a command and is ready before the command begins."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

_PATIENCE_S = 15.0
_TRIES = 3
# lifecycle probes of bpftrace; `join` needs the syscall's argument list.
_PROGRAM = """\
BEGIN { @in[$1] = 1; printf("ready\\n"); }
tracepoint:sched:sched_process_fork /@in[args->parent_pid]/ {
    @in[args->child_pid] = 1; printf("F %d %d\\n", args->parent_pid, args->child_pid);
}
tracepoint:syscalls:sys_enter_execve /@in[pid]/ { printf("A %d ", pid); join(args->argv); }
tracepoint:sched:sched_process_exec /@in[pid]/ { printf("E %d %s\\n", pid, str(args->filename)); }
tracepoint:sched:sched_process_exit /@in[tid]/ {
    if (pid == tid) { printf("X %d %d\\n", pid, curtask->exit_code); }
    delete(@in[tid]);
}
"""


def here() -> list[str]:
    """Return the names of those that can run now."""
    found = ["strace -f"] if shutil.which("strace") else []
    if os.getuid() == 0 and shutil.which("bpftrace"):
        tried = [
            "bpftrace",
            "-q",
            "-e",
            "tracepoint:sched:sched_process_exit { } BEGIN { exit(); }",
        ]
        with contextlib.suppress(subprocess.TimeoutExpired):
            if subprocess.run(tried, capture_output=True, check=False, timeout=20).returncode == 0:
                found.append("bpftrace")
    return found


def version(name: str) -> str:
    """Return the first line a tracer says about itself."""
    program = name.partition(" ")[0]
    ran = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (ran.stdout or ran.stderr).strip().partition("\n")[0]


def strace(folder: Path, argv: list[str]) -> None:
    """Run an argv in a folder under strace."""
    out = str(folder / "strace.out")
    command = ["strace", "-f", "-q", "-e", "trace=process", "-o", out, *argv]
    subprocess.run(command, check=True, cwd=folder)


def bpftrace(folder: Path, argv: list[str]) -> None:
    """Run an argv in a folder while bpftrace watches what we start, output in `bpftrace.out`."""
    path = folder / "bpftrace.out"
    tracer = _tracer(path)
    try:
        os.truncate(path, 0)
        subprocess.run(argv, check=True, cwd=folder)
    finally:
        tracer.terminate()
        tracer.wait()


def _tracer(path: Path) -> subprocess.Popen[bytes]:
    """Start bpftrace and wait until it tells; where many start at once it may fail to attach."""
    environ = os.environ | {"BPFTRACE_PERF_RB_PAGES": "512", "BPFTRACE_MAP_KEYS_MAX": "65536"}
    command = ["bpftrace", "-q", "-B", "line", "-e", _PROGRAM, str(os.getpid())]
    for _ in range(_TRIES):
        path.write_bytes(b"")
        with path.open("ab") as out:
            tracer = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env=environ)
        if _attached(path, tracer):
            return tracer
        tracer.kill()
        tracer.wait()
    raise RuntimeError("bpftrace does not start")


def deaths(folder: Path) -> int:
    """Return how many deaths bpftrace told in its last run."""
    told = (folder / "bpftrace.out").read_text(encoding="utf-8", errors="replace")
    return sum(line.startswith("X ") for line in told.splitlines())


def _attached(path: Path, tracer: subprocess.Popen[bytes]) -> bool:
    """Start tiny programs until the end of one is told: probes attach after BEGIN has printed."""
    deadline = time.monotonic() + _PATIENCE_S
    while tracer.poll() is None and time.monotonic() < deadline:
        told = path.read_text(errors="replace")
        if any(line.startswith("X ") for line in told.splitlines()):
            return True
        if "ready" in told:
            subprocess.run([sys.executable, "-IS", "-c", ""], check=True)
        time.sleep(0.1)
    return False
