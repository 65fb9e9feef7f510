"""The names that manifests at hand declare: read as text, never run; again once they change."""

import os
import stat
from typing import NamedTuple

from ptywrap import manifests

_FOLDERS = 64
_NAMES = 4096
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NOTHING: frozenset[str] = frozenset()

Version = tuple[int, int, int]
"""What tells one content of a file from another: inode, size, time of its last change."""


class _Read(NamedTuple):
    version: Version
    names: frozenset[str]


class Declared:
    """What the manifests in some folders declare; keeps those of the folders asked for last."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, _Read]] = {}

    def names(self, *folders: str | None) -> frozenset[str]:
        """Return the names declared in any of some folders, a checkout's root and a cwd, say."""
        wanted = {folder: None for folder in folders if folder and folder.startswith("/")}
        found = _NOTHING.union(*(self._folder(folder) for folder in wanted))
        while len(self._folders) > _FOLDERS:
            del self._folders[next(iter(self._folders))]
        return found

    def _folder(self, folder: str) -> frozenset[str]:
        before = self._folders.pop(folder, {})
        now: dict[str, _Read] = {}
        for name in manifests.PARSERS:
            path = os.path.join(folder, name)
            version = _version(path)
            if version is None:
                continue
            known = before.get(name)
            if known is None or known.version != version:
                known = _Read(version, _declared(path, name))
            now[name] = known
        self._folders[folder] = now
        return _NOTHING.union(*(read.names for read in now.values()))


def _version(path: str) -> Version | None:
    """Return what a file is like now; None where there is none that may be read."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode) or found.st_size > manifests.LIMIT:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _declared(path: str, name: str) -> frozenset[str]:
    try:
        # Not to wait: in between it may have become a pipe.
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return _NOTHING
    try:
        data = os.read(descriptor, manifests.LIMIT)
    except OSError:
        return _NOTHING
    finally:
        os.close(descriptor)
    found = manifests.names(name, data.decode("utf-8", "replace"))
    return found if len(found) <= _NAMES else frozenset(sorted(found)[:_NAMES])
