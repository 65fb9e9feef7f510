"""The folder of mark files, by the rule of `paths.marks_folder`, with system calls alone."""

import posix

from ptywrap.launch import errand

_MEMORY = (b"tmpfs", b"ramfs")
_REMOTE = (b"fuse", b"nfs", b"cifs", b"smb", b"9p", b"ceph", b"afs", b"autofs")
_DIRECTORY = 0o040000
_LINKS_NOT_FOLLOWED = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC


def marks(environ: dict[bytes, bytes]) -> tuple[bytes, bool]:
    """Return the folder, made and private, or b"" for none, and whether text may be in it.

    Memory-backed storage only, or no text: a typed line must never reach a disk (terminal.md 3.8).
    """
    mounts = _mounts()
    devices = {device for device, _point, kind in mounts if kind in _MEMORY}
    runtime = environ.get(b"XDG_RUNTIME_DIR", b"")
    if runtime.startswith(b"/") and not _remote(runtime, mounts) and _ours_in(runtime, devices):
        folder = runtime + b"/ptywrap"
        if _private(folder):
            return folder, True
    if _device(b"/dev/shm") in devices:
        folder = b"/dev/shm/ptywrap-%d" % posix.getuid()
        if _private(folder):
            return folder, True
    folder = state(environ) + b"/ptywrap/marks"
    if state(environ) and _made(folder) and _private(folder):
        return folder, False
    return b"", False


def state(environ: dict[bytes, bytes]) -> bytes:
    """Return the folder of states, b"" where nothing says where it is."""
    told = environ.get(b"XDG_STATE_HOME", b"")
    if told.startswith(b"/"):
        return told
    home = environ.get(b"HOME", b"")
    return home + b"/.local/state" if home.startswith(b"/") else b""


def _mounts() -> list[tuple[bytes, bytes, bytes]]:
    """Return `major:minor`, mount point and kind of each mount (proc_pid_mountinfo(5))."""
    try:
        lines = errand.whole(b"/proc/self/mountinfo").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        head, _, tail = line.partition(b" - ")
        words = head.split(b" ", 5)
        found.append((words[2], words[4], tail.partition(b" ")[0]))
    return found


def _remote(path: bytes, mounts: list[tuple[bytes, bytes, bytes]]) -> bool:
    """Whether a path lies where the first look may take seconds, told without that look."""
    longest, kind = 0, b""
    for _device, point, mounted in mounts:
        if len(point) >= longest and (path + b"/").startswith(point.rstrip(b"/") + b"/"):
            longest, kind = len(point), mounted
    return kind.startswith(_REMOTE)


def _device(path: bytes) -> bytes:
    try:
        number = posix.stat(path).st_dev
    except OSError:
        return b""
    return b"%d:%d" % (posix.major(number), posix.minor(number))


def _ours_in(path: bytes, devices: set[bytes]) -> bool:
    """Whether a folder is in memory and this user's: `su` leaves the variable of another."""
    try:
        return _device(path) in devices and posix.stat(path).st_uid == posix.getuid()
    except OSError:
        return False


def _made(folder: bytes) -> bool:
    """Make the folders above; the last one is for `_private`."""
    parts = folder.split(b"/")
    for length in range(2, len(parts)):
        try:
            posix.mkdir(b"/".join(parts[:length]), 0o700)
        except FileExistsError:
            continue
        except OSError:
            return False
    return True


def _private(folder: bytes) -> bool:
    """Make the folder 0700; False when it is a link, or somebody else's, or cannot be."""
    try:
        posix.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except OSError:
        return False
    try:
        descriptor = posix.open(folder, _LINKS_NOT_FOLLOWED)
    except OSError:
        return False
    try:
        found = posix.fstat(descriptor)
        if found.st_uid != posix.getuid():
            return False
        if found.st_mode & 0o7777 != 0o700:
            posix.fchmod(descriptor, 0o700)
    except OSError:
        return False
    finally:
        posix.close(descriptor)
    return True
