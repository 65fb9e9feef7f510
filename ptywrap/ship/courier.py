"""The one file that talks to a service: to the origin it was told, within deadlines, no redirects.

TLS 1.2 or newer; a proxy and a private authority come from the settings, never the environment.
"""

import asyncio
import email.utils
import json
import os
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp

from ptywrap import __version__, clock
from ptywrap.errors import UserError
from ptywrap.ship.verdict import Answer, asked_s

_MOST_ANSWER_BYTES = 1 << 16
_NETWORK = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


class Deadlines(NamedTuple):
    """How long a connection, a silence within an answer, and all of a request may last, seconds.

    The last is what cuts an answer that comes a byte at a time.
    """

    connect_s: float = 3.0
    read_s: float = 10.0
    total_s: float = 30.0


class Route(NamedTuple):
    """To whom and how: `proxy` and `ca_file` are the settings of those names."""

    url: str
    token: str
    proxy: str | None = None
    ca_file: str | None = None
    deadlines: Deadlines = Deadlines()


class Courier:
    """A session with one service; use it as an async context."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._token = route.token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Courier":
        """Open nothing yet: the first request does."""
        deadlines = self._route.deadlines
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, ssl=_trust(self._route)),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": f"ptywrap/{__version__}", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(
                total=deadlines.total_s,
                connect=deadlines.connect_s,
                sock_connect=deadlines.connect_s,
                sock_read=deadlines.read_s,
            ),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()

    def bear(self, token: str) -> None:
        """Show another token from now on."""
        self._token = token

    async def batch(self, body: bytes, batch: str) -> Answer:
        """Send one batch as it is."""
        headers = {
            "Content-Type": "application/msgpack",
            "Content-Encoding": "zstd",
            "Idempotency-Key": batch,
            "X-Ptywrap-Sent-At": str(clock.wall_ns()),
        }
        return await self.ask("POST", "/v1/batches", body, headers)

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer to one request; one that did not come has status 0."""
        if self._session is None:
            raise RuntimeError("a courier is an async context")
        headers = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        try:
            async with self._session.request(
                method,
                self._route.url + path,
                data=body or None,
                headers=headers,
                allow_redirects=False,
                proxy=self._route.proxy,
            ) as response:
                return _answer(response, await _read(response))
        except _NETWORK as error:
            return Answer(0, why=_told(error))


def asked(route: Route, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
    """Return the answer to one request of a verb, JSON both ways."""

    async def ask() -> Answer:
        async with Courier(route) as courier:
            headers = {"Content-Type": "application/json"}
            return await courier.ask(method, path, json.dumps(body or {}).encode(), headers)

    return asyncio.run(ask())


def _trust(route: Route) -> ssl.SSLContext | bool:
    """Return whom to trust; the system's authorities take a while to read and are for TLS alone."""
    return _context(route.ca_file) if route.url.startswith("https:") else True


def _context(ca_file: str | None) -> ssl.SSLContext:
    # OpenSSL would take authorities from these two, unseen by `ptywrap config`.
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        os.environ.pop(variable, None)
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UserError(
            f"`ca_file` cannot be used: {error.strerror or error}",
            "name a file of PEM certificates",
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer, cut where it is longer than any of ours."""
    parts = bytearray()
    while len(parts) < _MOST_ANSWER_BYTES and (part := await response.content.readany()):
        parts += part
    return bytes(parts[:_MOST_ANSWER_BYTES])


def _answer(response: aiohttp.ClientResponse, data: bytes) -> Answer:
    body = None
    if response.content_type == "application/json":
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        body = found if isinstance(found, dict) else None
    header = response.headers.get("Retry-After")
    return Answer(response.status, body, asked_s(header, _until_s(header)))


def _until_s(header: str | None) -> float | None:
    """Return the seconds until the date in a Retry-After (RFC 9110, 10.2.3); None for no date."""
    try:
        at = email.utils.parsedate_to_datetime(header or "")
        return at.timestamp() - clock.wall_ns() / 1e9
    except (TypeError, ValueError, OverflowError):
        return None


def _told(error: Exception) -> str:
    """Say what happened instead of an answer, in words that hold nothing of the request."""
    told = f"the connection broke: {type(error).__name__}"
    match error:
        case aiohttp.ClientConnectorDNSError():
            told = "its name is not known here"
        case aiohttp.ClientConnectorCertificateError():
            told = f"its TLS certificate is not trusted: {_tls(error)}"
        case aiohttp.ClientConnectorSSLError():
            told = f"TLS does not come about: {_tls(error)}"
        case aiohttp.ConnectionTimeoutError():
            told = "no connection in time"
        case TimeoutError():
            told = "no answer in time"
        case aiohttp.ClientHttpProxyError():
            told = f"the proxy answers {error.status}"
        case aiohttp.ClientConnectorError():
            told = f"no connection: {os.strerror(error.os_error.errno or 0)}"
    return told


def _tls(error: Exception) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
    words = (getattr(cause, name, None) for name in ("verify_message", "reason"))
    return next((str(word) for word in words if word), type(cause).__name__)
