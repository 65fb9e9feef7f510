"""Wait statuses (waitpid(2)) -> how we leave: the same code, or death by the same signal."""

UNKNOWN = -1  # the kernel told nobody; we leave with 255


def code_of(status: int) -> int | None:
    """Return the exit code in a raw wait status, None for a death by signal."""
    if status == UNKNOWN:
        return 255
    return status >> 8 & 0xFF if status & 0x7F == 0 else None


def signal_of(status: int) -> int | None:
    """Return the signal that ended the process, None when it left by itself."""
    if status == UNKNOWN or status & 0x7F in (0, 0x7F):
        return None
    return status & 0x7F


def of_signal(number: int) -> int:
    """Return the wait status of a death by signal."""
    return number


def said(status: int) -> bytes:
    """Return the line that tells the launcher how to leave."""
    number = signal_of(status)
    if number is not None:
        return b"signal %d\n" % number
    return b"exit %d\n" % (code_of(status) or 0)


def from_stat(line: bytes) -> int:
    """Return the wait status in /proc/PID/stat, its last field (proc_pid_stat(5)).

    The kernel shows 0 for a process of another user: the caller must know it is its own.
    """
    fields = line.rpartition(b")")[2].split()
    try:
        return int(fields[49])
    except (IndexError, ValueError):
        return UNKNOWN
