"""Who may do what: the files `tokens.json` and `service.json`, written whole and under a lock."""

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from ingest.config import Refused
from ingest.stable import sync

FILE = "tokens.json"
ROLES = ("device", "ci", "viewer", "admin")
DAY_NS = 86_400_000_000_000
OVERLAP_NS = DAY_NS
MOST_SECRET_NS = DAY_NS
_KEPT_NS = 30 * DAY_NS
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Token(Struct, frozen=True, omit_defaults=True):
    """One token, as its SHA-256; times are ns since the epoch, 0 is never.

    `person` is a pseudonym; a device's token has the device it was enrolled for, once it was.
    """

    digest: str
    role: str
    tenant: str
    made_at: int
    team: str = ""
    person: str = ""
    device: str = ""
    expires_at: int = 0
    revoked_at: int = 0

    def usable(self, now: int) -> bool:
        """Say whether it opens anything now."""
        return not self.revoked_at and (not self.expires_at or now < self.expires_at)


class Secret(Struct, frozen=True, omit_defaults=True):
    """One enrolment secret, as its SHA-256: what it makes, and how often yet."""

    digest: str
    tenant: str
    made_at: int
    expires_at: int
    uses: int
    team: str = ""
    person: str = ""
    revoked_at: int = 0

    def usable(self, now: int) -> bool:
        """Say whether it makes a token now."""
        return self.uses > 0 and not self.revoked_at and now < self.expires_at


class Register(Struct):
    """All tokens and secrets by digest."""

    tokens: dict[str, Token] = {}
    secrets: dict[str, Secret] = {}


class Service(NamedTuple):
    """Which tenant this is, and the key of its keyed hashes (hex)."""

    tenant: str
    tenant_key: str


class _File(Struct):
    version: int
    tokens: list[Token]
    secrets: list[Secret]


def made() -> str:
    """Return a new secret of 256 random bits, in hex: no shell and no header trips over it."""
    return secrets.token_hex(32)


def pseudonym() -> str:
    """Return a new person."""
    return secrets.token_hex(8)


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def service(data: Path) -> Service:
    """Return which tenant a data folder is, making it one at the first time."""
    with _locked(data):
        path = data / "service.json"
        if not path.exists():
            new = Service(secrets.token_hex(8), secrets.token_hex(32))
            _write(path, msgspec.json.encode(new._asdict()))
        try:
            return Service(**msgspec.json.decode(path.read_bytes(), type=dict[str, str]))
        except (msgspec.DecodeError, msgspec.ValidationError, TypeError):
            hint = "restore it from the backup: without it no project is recognised again"
            raise Refused(f"{path} is damaged", hint) from None


def read(data: Path) -> Register:
    """Return all tokens; none where there is no file yet."""
    path = data / FILE
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return Register()
    except (msgspec.DecodeError, msgspec.ValidationError):
        hint = "restore it from the backup, or move it aside and enrol everyone again"
        raise Refused(f"{path} is damaged", hint) from None
    return Register(
        {one.digest: one for one in found.tokens}, {one.digest: one for one in found.secrets}
    )


def stamp(data: Path) -> tuple[int, int, int]:
    """Return what changes whenever the file does."""
    try:
        status = (data / FILE).stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def changing(data: Path, now: int) -> Iterator[Register]:
    """Give the register to be changed; it is on stable storage when the block is left in peace.

    What opened nothing for 30 days is forgotten by the way.
    """
    with _locked(data):
        register = read(data)
        yield register
        kept = _File(
            1,
            [one for one in register.tokens.values() if _is_kept(one, now)],
            [one for one in register.secrets.values() if now < one.expires_at + _KEPT_NS],
        )
        _write(data / FILE, msgspec.json.encode(kept))


def _is_kept(token: Token, now: int) -> bool:
    ends = [at for at in (token.expires_at, token.revoked_at) if at]
    return not ends or now < min(ends) + _KEPT_NS


@contextlib.contextmanager
def _locked(data: Path) -> Iterator[None]:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data / "tokens.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _give_to_owner(descriptor, data)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _give_to_owner(descriptor: int, folder: Path) -> None:
    """Give a file that root writes to whom the folder belongs: the service's own account."""
    if os.geteuid() == 0:
        status = folder.stat()
        os.fchown(descriptor, status.st_uid, status.st_gid)


def _write(path: Path, content: bytes) -> None:
    """Replace a file so that a crash leaves the old one or the new one."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, _FLAGS, 0o600)
    try:
        _give_to_owner(descriptor, path.parent)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(path)
    sync(path.parent)
