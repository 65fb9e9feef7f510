"""Puts a file, or a folder's names, on stable storage."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Sync a file's bytes, or which names a folder has (fsync(2)). Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
