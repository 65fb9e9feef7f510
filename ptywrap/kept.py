"""Files that are there whole or not at all, after a crash too: written, synced, then renamed."""

import contextlib
import os
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def write(path: Path, data: bytes) -> None:
    """Put a file in its place, 0600, data and name on stable storage. Raises OSError."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(fresh, _FLAGS, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """Put a folder's names on stable storage."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def own(path: Path) -> bytes | None:
    """Return what is in a file of this user's, no link; None where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read() if os.fstat(file.fileno()).st_uid == os.getuid() else None
