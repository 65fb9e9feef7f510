"""Asks observer and local store over their sockets; has the store started if nobody answers.

One exchange: u32 little-endian length and a msgpack map each way; `{"ask": NAME, …}` is answered by
`{"ok": true, …}` or `{"ok": false, "what": …, "hint": …}`. Both ends check that the other is ours.
"""

import contextlib
import fcntl
import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

import msgpack

from ptywrap import paths
from ptywrap.errors import UserError

ANSWER_LIMIT = 256 << 20
_START_S = 0.5
_LENGTH = struct.Struct("<I")
_PEER = struct.Struct("3i")


def ask(path: Path, question: str, *, wait_s: float = 30.0, **arguments: Any) -> dict[str, Any]:
    """Return the answer of whoever listens at `path`.

    ConnectionError or FileNotFoundError: nobody does. UserError: the answer was no, or none came.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(wait_s)
        link.connect(str(path))
        _refuse_strangers(link, path)
        try:
            answer = _exchange(link, {"ask": question, **arguments})
        except (TimeoutError, EOFError, ValueError) as error:
            raise UserError(f"no answer to `{question}` at {path}: {error}", "try again") from None
    if not answer.get("ok"):
        raise UserError(str(answer.get("what", "refused")), str(answer.get("hint", "")))
    return answer


def ask_observer(question: str, **arguments: Any) -> dict[str, Any] | None:
    """Return the observer's answer, or None where none runs."""
    try:
        return ask(paths.observer_socket(), question, wait_s=5.0, **arguments)
    except (ConnectionError, FileNotFoundError):
        return None


def await_observer(question: str, within_s: float, **arguments: Any) -> dict[str, Any] | None:
    """Return the answer of an observer that may be about to start, or None where none comes.

    Who holds the lock will answer; one that has been started takes a moment to get that far.
    """
    began = time.monotonic()
    while (answer := ask_observer(question, **arguments)) is None:
        waited = time.monotonic() - began
        if waited > within_s or (waited > _START_S and not _held(paths.observer_lock())):
            return None
        time.sleep(0.02)
    return answer


def ask_store(question: str, **arguments: Any) -> dict[str, Any]:
    """Return the local store's answer; it is started when its socket does not answer."""
    for path in paths.store_sockets():
        with contextlib.suppress(ConnectionError, FileNotFoundError):
            return ask(path, question, **arguments)
    # Mostly one answers: what starting takes (subprocess, hashlib) is no part of every question.
    from ptywrap.service import starting

    process = starting.start_store()
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        for path in paths.store_sockets():
            with contextlib.suppress(ConnectionError, FileNotFoundError):
                return ask(path, question, **arguments)
        # A second starter finds the lock held and leaves with 0: then the first one will answer.
        if process.poll() not in (None, 0):
            break
        time.sleep(0.01)
    raise UserError(
        "the local store does not start", f"its log says why: {paths.log_file('store')}"
    )


def _held(path: Path) -> bool:
    """Say whether somebody holds a lock (flock(2))."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _exchange(link: socket.socket, question: dict[str, Any]) -> dict[str, Any]:
    body = msgpack.packb(question)
    link.sendall(_LENGTH.pack(len(body)) + body)
    (length,) = _LENGTH.unpack(_read(link, _LENGTH.size))
    if length > ANSWER_LIMIT:
        raise ValueError("the answer is too long")
    answer = msgpack.unpackb(_read(link, length), strict_map_key=False)
    if not isinstance(answer, dict):
        raise ValueError("the answer is no map")  # noqa: TRY004 - bytes from outside, not a bug
    return answer


def _read(link: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = link.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError("it hung up")
        parts += part
    return bytes(parts)


def _refuse_strangers(link: socket.socket, path: Path) -> None:
    """Check the listener's uid (unix(7), SO_PEERCRED; elsewhere the 0700 folder must do)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return
    _, uid, _ = _PEER.unpack(link.getsockopt(socket.SOL_SOCKET, option, _PEER.size))
    if uid != os.getuid():
        raise UserError(f"{path} belongs to another user", "remove it, then try again")
