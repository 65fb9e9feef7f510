"""ClickHouse servers on loopback for tests: started, killed, started again on the same port."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PROGRAM = "clickhouse-server"
# 18.16 makes four files of a column that may be unknown: in memory that takes a sixth of the time.
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 1 << 30
_READY_SECONDS = 20.0
_WATCH = 'read -r _; kill -9 "$1"; rm -rf -- "$2"'
_CONFIG = """<?xml version="1.0"?>
<yandex>
  <logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog>
    <size>10M</size><count>2</count></logger>
  <http_port>{http}</http_port>
  <tcp_port>{tcp}</tcp_port>
  <listen_host>127.0.0.1</listen_host>
  <max_connections>256</max_connections>
  <keep_alive_timeout>3</keep_alive_timeout>
  <max_concurrent_queries>100</max_concurrent_queries>
  <uncompressed_cache_size>8388608</uncompressed_cache_size>
  <mark_cache_size>33554432</mark_cache_size>
  <merge_tree><old_parts_lifetime>1</old_parts_lifetime></merge_tree>
  <path>{folder}/data/</path>
  <tmp_path>{folder}/tmp/</tmp_path>
  <user_files_path>{folder}/files/</user_files_path>
  <format_schema_path>{folder}/schemas/</format_schema_path>
  <users_config>{folder}/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <timezone>UTC</timezone>
</yandex>
"""
_USERS = """<?xml version="1.0"?>
<yandex>
  <profiles><default><max_memory_usage>2000000000</max_memory_usage><max_threads>2</max_threads>
  </default></profiles>
  <quotas><default/></quotas>
  <users><default><password>{password}</password><networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota></default></users>
</yandex>
"""


class Server:
    """One server in a folder of its own; it keeps its port and its data over a kill."""

    def __init__(self, password: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ptywrap-clickhouse-", dir=_parent()))
        self.port, tcp = _free_port(), _free_port()
        for name in ("data", "tmp", "files", "schemas"):
            (self.folder / name).mkdir()
        text = _CONFIG.format(folder=self.folder, http=self.port, tcp=tcp)
        (self.folder / "config.xml").write_text(text)
        (self.folder / "users.xml").write_text(_USERS.format(password=password))
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [PROGRAM, f"--config-file={self.folder}/config.xml"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,
        )
        # A test run that is killed ends nothing: the end of this pipe does.
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "watch", str(self._process.pid), str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        until = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                said = (self.folder / "errors").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{PROGRAM} does not start: {said}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it as the kernel would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Have it accept connections and answer nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its folder."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, text: str, database: str = "default") -> str:
        """Return what it answers to plain SQL: the independent reader."""
        url = f"http://{self.address}/?database={database}"
        with urllib.request.urlopen(url, data=text.encode(), timeout=30) as answer:
            said: bytes = answer.read()
        return said.decode().strip()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/ping", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _end(self, number: signal.Signals) -> None:
        if self._watch is not None:
            self._watch.kill()
            self._watch.communicate()
            self._watch = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)
            self._process.wait()
            self._process = None


def _parent() -> Path | None:
    """Return where a server's folder goes: into memory where that has room."""
    if not os.access(_MEMORY, os.W_OK):
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free > _ROOM_BYTES else None


def servers(number: int) -> list[Server]:
    """Return so many running servers, or skip."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is missing: install Debian's package clickhouse-server")
    with contextlib.ExitStack() as undo:
        made = []
        for _ in range(number):
            server = Server()
            undo.callback(server.close)
            server.start()
            made.append(server)
        undo.pop_all()
    return made


def empty(made: list[Server], database: str) -> None:
    """Remove all rows of a database: making it anew takes ten times as long."""
    for server in made:
        found = server.ask("SELECT DISTINCT database, table FROM system.parts WHERE active")
        tables = [line.split("\t") for line in found.splitlines()]
        for table in (name for where, name in tables if where == database and name != "about"):
            server.ask(f"TRUNCATE TABLE `{table}`", database)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
