"""Which machine this is: an id made at the first run, or derived where nothing can be written."""

import contextlib
import os

# Through hashlib it would bring OpenSSL: 4 MB in the observer.
from _blake2 import blake2b
from pathlib import Path

from ptywrap import paths


def identity() -> str:
    """Return this machine's id (32 hex digits), made at first run and kept in the state folder.

    Where nothing can be written, a value derived from the machine id serves: the same next time.
    """
    file = paths.state_folder() / "device"
    with contextlib.suppress(OSError, ValueError):
        return _kept(file)
    try:
        paths.private(file.parent)
        _keep(file, os.urandom(16).hex())
        return _kept(file)
    except (OSError, ValueError):
        return _derived()


def _kept(file: Path) -> str:
    device = file.read_text(encoding="ascii").strip()
    if len(device) != 32 or not set(device) <= set("0123456789abcdef"):
        raise ValueError("a device id is 32 hex digits")
    return device


def _keep(file: Path, made: str) -> None:
    """Put an id in its place whole: of two that are made at once the first one stays."""
    fresh = file.with_name(f"device.{made}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="ascii") as opened:
            opened.write(made + "\n")
        try:
            os.link(fresh, file)
        except FileExistsError:
            with contextlib.suppress(ValueError):
                _kept(file)
                return
            # What is no id came of a full disk or a bad copy, and would stay for ever.
            os.replace(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)


def _derived() -> str:
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            machine = file.read().strip()
    except OSError:
        machine = ""
    return blake2b(
        f"{machine}:{os.getuid()}".encode(), digest_size=16, person=b"device"
    ).hexdigest()
