"""With which service this machine is enrolled: one file, `enrolment.json`, for its owner alone."""

import urllib.parse
from ipaddress import ip_address
from pathlib import Path

import msgspec
from msgspec import Struct

from ptywrap import kept, paths
from ptywrap.errors import UserError

ROTATE_NS = 30 * 86_400 * 1_000_000_000


class Enrolment(Struct, frozen=True, kw_only=True):
    """What `join` was given: who is asked with which token, and the key that names are hashed by.

    `tenant_key` is hex; `*_at` are ns since the epoch; `notice` is what the service says of itself,
    and was shown at once or left for the next first prompt.
    """

    url: str
    token: str
    tenant: str
    tenant_key: str
    person: str | None = None
    team: str | None = None
    notice: str = ""
    joined_at: int = 0
    rotated_at: int = 0
    notice_shown: bool = False

    @property
    def key(self) -> bytes:
        """Return the tenant's key as bytes."""
        return bytes.fromhex(self.tenant_key)


def read() -> Enrolment | None:
    """Return the enrolment, or None where there is none that can be used."""
    data = kept.own(paths.enrolment_file())
    try:
        found = msgspec.json.decode(data or b"", type=Enrolment)
        usable = bool(found.key)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return None
    return found if usable else None


def write(enrolment: Enrolment) -> None:
    """Keep an enrolment in place of the one before. Raises OSError."""
    paths.private(paths.enrolment_file().parent)
    kept.write(paths.enrolment_file(), msgspec.json.encode(enrolment))


def remove() -> None:
    """Be enrolled nowhere. Raises OSError."""
    paths.enrolment_file().unlink(missing_ok=True)
    notice_file().unlink(missing_ok=True)


def notice_file() -> Path:
    """Return the file whose one line the launcher shows before the next first prompt."""
    return paths.state_folder() / "notice"


def leave_notice(enrolment: Enrolment) -> None:
    """Have the next shell that is opened name the service. Raises OSError."""
    line = f"ptywrap: what commands cost goes to {enrolment.url} (`ptywrap sent` prints it)"
    kept.write(notice_file(), f"{line}\n".encode())


def origin(text: str) -> str:
    """Return `scheme://host[:port]` of what a user typed; UserError where we may not send there."""
    hint = "write https://HOST[:PORT]"
    try:
        parts = urllib.parse.urlsplit(text if "://" in text else f"https://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UserError("that is no address of a service", hint) from None
    if parts.scheme not in {"http", "https"} or not host or not host.isprintable():
        raise UserError("that is no address of a service", hint)
    if parts.username is not None or parts.query or parts.fragment or parts.path.strip("/"):
        raise UserError("an address has a host and a port, nothing else", hint)
    if parts.scheme == "http" and not _is_loopback(host):
        raise UserError(f"{host} without TLS: everybody on the way could read along", hint)
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + (f":{port}" if port is not None else "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
