"""Run the aggregation service: take batches in over HTTP, keep them, answer their owners.

    ptywrap-ingest serve --listen 0.0.0.0:7979 --data /var/lib/ptywrap-ingest

Settings stand in `config.toml` of the data folder. SIGTERM stops it without losing anything, SIGHUP
has it read its certificate again.
"""

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import resource
import signal
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from aiohttp import web

from ingest import app, child, config, logs, store
from ingest.config import Refused, ServerConfig
from ingest.connections import Bounds, Connections
from ingest.front import Front
from ingest.store import remote

_LOG_BYTES = 16 << 20
_LOG_FILES = 5
_BACKLOG = 1024
_HANDSHAKE_SECONDS = 10.0
_SOCKET = "store.sock"
_SOCKET_BYTES = 103
"""What unix(7) has room for, on the smaller of our systems."""
_log = logging.getLogger(__name__)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is told on the command line; it wins over the file."""
    parser.add_argument(
        "--listen", type=_place, metavar="HOST:PORT", help="where to listen (127.0.0.1:7979)"
    )
    parser.add_argument(
        "--data", type=Path, default=config.default_data(), help="journal, tokens, facts"
    )
    parser.add_argument(
        "--store", type=_engine, metavar="URL", help="where facts rest (DuckDB under --data)"
    )
    parser.add_argument("--certificate", metavar="FILE", help="PEM chain, for TLS of our own")
    parser.add_argument("--private-key", metavar="FILE", help="PEM key of the certificate")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    os.umask(0o077)
    data = args.data.absolute()
    told = {
        name: getattr(args, name)
        for name in ("listen", "store", "certificate", "private_key")
        if getattr(args, name) is not None
    }
    settings = msgspec.structs.replace(config.loaded(data / config.FILE), **told)
    try:
        config.checked(settings)
    except ValueError as error:
        raise Refused(str(error), "`ptywrap-ingest serve --help` shows how") from None
    tls = _tls(settings)
    _prepared(data)
    with _alone(data):
        _open_log(data)
        asyncio.run(_serve(data, settings, tls))
    return 0


def _place(text: str) -> str:
    try:
        config.address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _engine(text: str) -> str:
    known = [scheme for scheme, _, _ in store.ENGINES]
    if text.partition(":")[0] not in known:
        raise argparse.ArgumentTypeError(f"`{text}` names no engine: {', '.join(known)}")
    return text


async def _serve(data: Path, settings: ServerConfig, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    leaving = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)
    if sys.stdin is not None and sys.stdin.isatty():
        # Its terminal was closed.
        loop.add_signal_handler(signal.SIGHUP, leaving.set)
    else:
        loop.add_signal_handler(signal.SIGHUP, _renew, settings, tls)
    socket = data / _SOCKET
    owner = child.Child(child.argv(data, settings.store_url(data), socket))
    front = Front(data, settings, remote.open_store(str(socket)), owner)
    runner = web.AppRunner(
        app.make_app(front),
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=settings.idle_ms / 1000,
        lingering_time=0.5,
        shutdown_timeout=settings.handler_ms / 1000,
        max_line_size=4096,
        max_field_size=4096,
        max_headers=64,
    )
    try:
        await runner.setup()
        owner.start()
        await front.start()
        server = await _listening(front, runner, tls)
        _say(server, tls)
        await leaving.wait()
        front.stopping = True
        server.close()
    finally:
        await runner.cleanup()
        await front.close()
    _log.info("stopped")


async def _listening(
    front: Front, runner: web.AppRunner, tls: ssl.SSLContext | None
) -> asyncio.Server:
    settings = front.config
    assert runner.server is not None
    bounds = Bounds(
        settings.connections_per_address,
        min(settings.all_connections, _descriptors() - 128),
        settings.head_and_body_ms / 1000,
        settings.idle_ms / 1000,
    )
    front.connections = Connections(runner.server, bounds, settings.trusts)
    host, port = config.address(settings.listen)
    try:
        return await asyncio.get_running_loop().create_server(
            front.connections,
            host or None,
            port,
            backlog=_BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if tls else None,
        )
    except OSError as error:
        hint = "choose another one with --listen HOST:PORT"
        raise Refused(f"cannot listen at {settings.listen}: {error.strerror}", hint) from None


def _say(server: asyncio.Server, tls: ssl.SSLContext | None) -> None:
    """Print where it listens, which port 0 leaves open, on stderr."""
    scheme = "http" if tls is None else "https"
    for one in server.sockets:
        host, port = one.getsockname()[:2]
        named = f"[{host}]" if ":" in host else host
        print(f"ptywrap-ingest: listening at {scheme}://{named}:{port}", file=sys.stderr)
        _log.info("listening at port %d", port)
    sys.stderr.flush()


def _tls(settings: ServerConfig) -> ssl.SSLContext | None:
    if not settings.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(settings, context)
    return context


def _load(settings: ServerConfig, context: ssl.SSLContext) -> None:
    try:
        context.load_cert_chain(settings.certificate, settings.private_key)
    except OSError as error:
        what = f"the certificate cannot be used: {error.strerror or error}"
        raise Refused(what, "certificate and private_key are PEM files") from None


def _renew(settings: ServerConfig, context: ssl.SSLContext | None) -> None:
    """Read the certificate again at SIGHUP; who is connected already keeps the old one."""
    if context is None:
        return
    try:
        _load(settings, context)
    except Refused as refused:
        _log.warning("the old certificate stays: %s", refused.message)
    else:
        _log.info("the certificate was read again")


def _prepared(data: Path) -> None:
    if len(os.fsencode(data / _SOCKET)) > _SOCKET_BYTES:
        hint = "choose a shorter path with --data DIR"
        raise Refused(f"{data} is too long for a socket in it", hint)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        hint = "choose another folder with --data DIR"
        raise Refused(f"{data} cannot be used: {error.strerror}", hint) from None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else max(soft, 256)


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[None]:
    descriptor = os.open(data / "front.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "stop it first, or choose another folder with --data DIR"
            raise Refused(f"another service uses {data}", hint) from None
        yield
    finally:
        os.close(descriptor)


def _open_log(data: Path) -> None:
    handler = logs.to_file(data / "logs" / "front.log", _LOG_BYTES, _LOG_FILES)
    # Where no log can be written the service goes on without.
    logging.raiseExceptions = False
    # What an administrator has to act on is said where the service was started, too.
    aloud = logging.StreamHandler()
    aloud.setLevel(logging.WARNING)
    aloud.setFormatter(logging.Formatter("ptywrap-ingest: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler, aloud])
