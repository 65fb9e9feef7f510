"""What the service can be told: built-in values, then the file `config.toml` of its data folder."""

import difflib
import ipaddress
import os
import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct

FILE = "config.toml"
NOTICE = (
    "What your commands look like (listed programs, subcommands and flag names, no values), how "
    "long they took and what they waited for is sent to this service. Nobody sees an individual's "
    "rows but that individual; groups below 5 people are not shown. Not for performance reviews. "
    "`ptywrap sent` prints exactly what went; `ptywrap leave` ends it; `ptywrap forget` erases it."
)


class Refused(Exception):
    """What a user asked for cannot be done: what, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ServerConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Every setting; what is empty is off or derived."""

    listen: str = "127.0.0.1:7979"
    """HOST:PORT to listen at."""
    store: str = ""
    """Where facts rest, `duckdb:///path/file.duckdb` or `clickhouse://host:port[,…]/database`;
    empty: DuckDB in the data folder.
    """
    origin: str = ""
    """How users reach the service, for links (`https://ptywrap.example.org`); empty: as they
    asked.
    """
    notice: str = NOTICE
    """What a laptop is told when it joins."""
    certificate: str = ""
    """PEM file of the certificate and its chain, for TLS of our own."""
    private_key: str = ""
    """PEM file of the certificate's key."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose X-Forwarded-For is believed."""
    requests_per_second: int = 10
    """Requests of one device; 429 above."""
    bytes_per_minute: int = 5 << 20
    """Bytes of one device; 429 above."""
    all_requests_per_second: int = 20_000
    """Requests of all devices together; 429 above."""
    all_waiting_bytes: int = 128 << 20
    """Bodies in memory at one moment; 503 above."""
    connections_per_address: int = 64
    """Open connections from one address; more are hung up on."""
    all_connections: int = 8192
    """Open connections in all."""
    head_and_body_ms: int = 10_000
    """How long a head, and a head with its body, may take to arrive."""
    handler_ms: int = 15_000
    """How long an answer may take."""
    export_ms: int = 60_000
    """How long the export of a person's rows may take."""
    idle_ms: int = 30_000
    """How long a connection may rest between two requests."""
    backlog_bytes: int = 1 << 30
    """Most bytes in the journal that the store has not taken in; 503 above."""
    keep_free_bytes: int = 500 << 20
    """Bytes of the disk that stay free; 503 below."""
    keep_free_permille: int = 50
    """Thousandths of the disk that stay free; 503 below."""
    store_gone_ms: int = 60_000
    """How long the store process may be gone once the backlog is half full; 503 after."""
    cores: int = 2
    """Bodies that are looked at in the same moment."""

    def store_url(self, data: Path) -> str:
        """Return where facts rest."""
        return self.store or f"duckdb://{data / 'fleet.duckdb'}"

    def trusts(self, address: str) -> bool:
        """Say whether a peer is a proxy of ours."""
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(known in ipaddress.ip_network(one) for one in self.trusted_proxies)


def default_data() -> Path:
    """Return where the service keeps everything unless it is told: $XDG_STATE_HOME's."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "ptywrap-ingest"


def loaded(path: Path) -> ServerConfig:
    """Return the settings of a file, all built in where there is none; Refused says what is wrong.

    A service that does not do what it was told is worse than one that does not start.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return ServerConfig()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}", "let this account read it") from (
            None
        )
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{path} is not TOML: {error}", "mend that line") from None
    known = ServerConfig.__struct_fields__
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"known are: {', '.join(known)}"
            raise Refused(f"{path}: there is no setting `{key}`", hint)
    try:
        config = msgspec.convert(raw, ServerConfig)
        checked(config)
    except (msgspec.ValidationError, ValueError) as error:
        raise Refused(f"{path}: {error}", "docs/deploy.md lists every setting") from None
    return config


def checked(config: ServerConfig) -> None:
    """Raise ValueError where a setting cannot be meant."""
    address(config.listen)
    for network in config.trusted_proxies:
        ipaddress.ip_network(network)
    if config.store and ":" not in config.store:
        raise ValueError(f"`{config.store}` is no URL of a store")
    if bool(config.certificate) != bool(config.private_key):
        raise ValueError("certificate and private_key go together")
    for name in config.__struct_fields__:
        value = getattr(config, name)
        if isinstance(value, int) and value < 0:
            raise ValueError(f"{name} is below zero")


def address(listen: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT, an IPv6 host in brackets; ValueError where it is none."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"`{listen}` is no HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)
