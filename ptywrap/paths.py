"""Where configuration, history, spool, marks and sockets live; makes folders and nothing else."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SYSTEM_CONFIG = Path(
    "/Library/Application Support/ptywrap/config.toml"
    if sys.platform == "darwin"
    else "/etc/ptywrap/config.toml"
)
SYSTEM_SWITCH = Path("/etc/ptywrap/disabled")
_MEMORY = frozenset({"tmpfs", "ramfs"})
_REMOTE = ("fuse", "nfs", "cifs", "smb", "9p", "ceph", "afs", "autofs")


class _Mount(NamedTuple):
    """A mount's `major:minor`, where it is, and its kind."""

    device: str
    point: str
    kind: str


class Marks(NamedTuple):
    """The folder of mark files, or None where there is no place; `text` may lines be in it."""

    folder: Path | None
    text: bool


def config_folder() -> Path:
    """Return `$XDG_CONFIG_HOME/ptywrap`."""
    return _home("XDG_CONFIG_HOME", ".config") / "ptywrap"


def data_folder() -> Path:
    """Return `$XDG_DATA_HOME/ptywrap`."""
    return _home("XDG_DATA_HOME", ".local/share") / "ptywrap"


def state_folder() -> Path:
    """Return `$XDG_STATE_HOME/ptywrap`."""
    return _home("XDG_STATE_HOME", ".local/state") / "ptywrap"


def config_file() -> Path:
    """Return the user's own configuration file."""
    return config_folder() / "config.toml"


def history_file() -> Path:
    """Return the local store's file."""
    return data_folder() / "history.duckdb"


def log_file(name: str) -> Path:
    """Return the log of one of our processes."""
    return state_folder() / f"{name}.log"


def enrolment_file() -> Path:
    """Return the file that says which service this machine has joined."""
    return state_folder() / "enrolment.json"


def pause_file() -> Path:
    """Return the file whose presence means that recording is paused."""
    return state_folder() / "paused"


def device_folder(device: str) -> Path:
    """Return the folder of one machine; keeps two machines with one NFS home apart."""
    return state_folder() / device


def spool_folder(device: str) -> Path:
    """Return where the observer appends segments."""
    return device_folder(device) / "spool"


def archive_folder(device: str) -> Path:
    """Return where segments rest once the local store has them."""
    return device_folder(device) / "archive"


def runtime_folder() -> Path:
    """Return where sockets and locks live: the marks folder, else the state folder."""
    marks = marks_folder()
    return marks.folder if marks.folder is not None else state_folder()


def observer_lock() -> Path:
    """Return the file the one observer of this user holds `flock` on; its content is the pid."""
    return runtime_folder() / "observer.lock"


def observer_socket() -> Path:
    """Return the observer's control socket."""
    return runtime_folder() / "observer.sock"


def store_socket() -> Path:
    """Return the local store's socket."""
    return runtime_folder() / "store.sock"


def store_sockets() -> Iterator[Path]:
    """Yield where the local store may listen: here, or where its lock says it was started."""
    yield store_socket()
    try:
        owner = (data_folder() / "store.lock").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    if owner.startswith("/"):
        yield Path(owner)


def marks_folder() -> Marks:
    """Make and return the first private place in memory, else one in the state folder, textless.

    The same rule stands in `launch.place`, which may import nothing of ours; a test ties the two
    (terminal.md 3.8).
    """
    for folder, text in _marks_places():
        if private(folder):
            return Marks(folder, text)
    return Marks(None, text=False)


def _marks_places() -> Iterator[tuple[Path, bool]]:
    mounts = _mounts()
    memory = {mount.device for mount in mounts if mount.kind in _MEMORY}
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and not _remote(runtime, mounts) and _ours_in(runtime, memory):
        yield Path(runtime) / "ptywrap", True
    if _device("/dev/shm") in memory:  # noqa: S108 - 0700 and its owner are checked by `private`
        yield Path(f"/dev/shm/ptywrap-{os.getuid()}"), True  # noqa: S108
    yield state_folder() / "marks", False


def private(folder: Path) -> bool:
    """Make `folder` 0700 and ours; False when it cannot be, or is a link or somebody else's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return False
    if stat.S_IMODE(found.st_mode) != 0o700:
        try:
            folder.chmod(0o700)
        except OSError:
            return False
    return True


def _home(variable: str, below_home: str) -> Path:
    value = os.environ.get(variable, "")
    if value.startswith("/"):
        return Path(value)
    return Path(os.path.expanduser("~")) / below_home


def _device(path: str) -> str | None:
    try:
        number = os.stat(path).st_dev
    except OSError:
        return None
    return f"{os.major(number)}:{os.minor(number)}"


def _ours_in(path: str, devices: set[str]) -> bool:
    """Tell whether a folder is in memory and this user's: `su` leaves the variable of another."""
    try:
        return _device(path) in devices and os.stat(path).st_uid == os.getuid()
    except OSError:
        return False


def _remote(path: str, mounts: list[_Mount]) -> bool:
    """Tell whether the first look at a path may take seconds, without that look."""
    above = [mount for mount in mounts if (path + "/").startswith(mount.point.rstrip("/") + "/")]
    nearest = max(above, key=lambda mount: len(mount.point), default=None)
    return nearest is not None and nearest.kind.startswith(_REMOTE)


def _mounts() -> list[_Mount]:
    """Return every mount of ours (proc_pid_mountinfo(5)); none where there is no /proc."""
    found = []
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                head, _, tail = line.partition(" - ")
                words = head.split(" ", 5)
                found.append(_Mount(words[2], words[4], tail.split(" ", 1)[0]))
    except OSError:
        return []
    return found
