"""Shows once, above the first prompt, the line that names the service an administrator joined."""

import posix

from ptywrap.launch import place

_FLAGS = posix.O_RDWR | posix.O_NOFOLLOW | posix.O_CLOEXEC
_LONGEST = 512


def show(environ: dict[bytes, bytes]) -> None:
    """Write the line to the terminal and empty its file; without one, or on any error, nothing."""
    state = place.state(environ)
    try:
        descriptor = posix.open(state + b"/ptywrap/notice", _FLAGS) if state else -1
    except OSError:
        return
    try:
        line = posix.read(descriptor, _LONGEST).partition(b"\n")[0]
        if line and posix.fstat(descriptor).st_uid == posix.getuid():
            posix.ftruncate(descriptor, 0)
            posix.write(1, line + b"\n")
    except OSError:
        pass
    finally:
        if descriptor >= 0:
            posix.close(descriptor)
