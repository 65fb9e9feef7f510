"""Bytes a process row takes when all is checkpointed and merged: DuckDB, and ClickHouse beside it.

Both are given the same rows (scripts/bench/history.py), in sizes one after the other, so that the
growth shows. ClickHouse is Debian's clickhouse-server with the table that our engine makes there.

usage: python -m scripts.bench.rows [--processes N...] [--folder FOLDER]
"""

import argparse
import shutil
import sys
import tempfile
import urllib.parse
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from ingest.store import clickhouse_schema
from ptywrap import clock
from scripts.bench import history, report
from scripts.bench.paired import Ratio
from tests.ingest.cluster import PROGRAM, Server

_COLUMNS = (
    *("day", "tenant", "device", "person", "team", "batch", "version", "session", "pid"),
    *("start_ticks", "ppid", "parent_ticks", "command", "started_at", "name", "wall_us"),
    *("exit_status", "cpu_user_us", "cpu_sys_us", "peak_rss_bytes", "read_bytes", "write_bytes"),
    *("source", "completeness"),
)
# Tab-separated values take bytes as \xHH.
_SESSION = "regexp_replace(hex(session), '(..)', '\\\\x\\1', 'g')"
_DATABASE = "bench"
_HELD = "SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench'"


class Held(NamedTuple):
    """Rows of a table, and the bytes they take."""

    rows: int
    bytes: int

    @property
    def row(self) -> float:
        """The bytes of one."""
        return self.bytes / self.rows


def main() -> int:
    """Fill one size after the other, write the JSON, and say which demands are not met."""
    args = _arguments()
    rows = [_size(processes, args.place) for processes in args.processes]
    path = report.write("rows", rows, {"duckdb": version("duckdb")}, args.folder)
    return report.told(path, rows)


def _size(processes: int, place: Path | None) -> dict[str, Any]:
    today = clock.wall_ns() // history.DAY_NS
    with tempfile.TemporaryDirectory(prefix="bench-", dir=place) as folder:
        path = Path(folder) / "fleet.duckdb"
        commands = processes // history.PROCESSES
        history.fill(path, history.Size(commands, processes=True), today)
        ours = {name: Held(*held) for name, held in history.sizes(path).items()}
        theirs = _clickhouse(path, Path(folder)) if shutil.which(PROGRAM) else None
    values = {f"DuckDB, {name}": [held.row] for name, held in ours.items()}
    demands = [report.at_most("DuckDB: at most 40 B", 40.0, ours["processes"].row)]
    if theirs is not None:
        values["ClickHouse, processes"] = [theirs.row]
        ratio = ours["processes"].row / theirs.row
        demands.append(report.within("at most 0.7 x ClickHouse", 0.7, Ratio(ratio, ratio, ratio)))
    return report.row(f"bytes a row of {processes} processes", "B", values, demands)


def _clickhouse(path: Path, folder: Path) -> Held:
    """Give the rows of a file to a server, day by day, and return what it holds when merged."""
    server = Server()
    try:
        server.start()
        server.ask(f"CREATE DATABASE {_DATABASE}")
        server.ask(clickhouse_schema.creation("processes"), _DATABASE)
        with duckdb.connect(path, read_only=True) as connection:
            for (day,) in connection.execute("SELECT DISTINCT day FROM processes").fetchall():
                _give(server, _written(connection, str(day), folder / "rows.tsv"))
        _ask(server, "OPTIMIZE TABLE processes FINAL")
        said = server.ask(_HELD)
        number, held = said.split()
        return Held(int(number), int(held))
    finally:
        server.close()


def _written(connection: duckdb.DuckDBPyConnection, day: str, path: Path) -> Path:
    selected = [_SESSION if name == "session" else name for name in _COLUMNS]
    listed = ", ".join(selected)
    rows = f"SELECT {listed} FROM processes WHERE day = '{day}'"  # noqa: S608 - words of ours
    form = "(FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '', ESCAPE '', NULLSTR '\\N')"
    copy = f"COPY ({rows}) TO '{path}' {form}"
    connection.execute(copy)
    return path


def _give(server: Server, path: Path) -> None:
    with path.open("rb") as body:
        columns = ", ".join(_COLUMNS)
        _ask(server, f"INSERT INTO processes ({columns}) FORMAT TabSeparated", body)


def _ask(server: Server, text: str, body: Any = None) -> None:
    query = urllib.parse.urlencode({"database": _DATABASE, "query": text})
    headers = {"Transfer-Encoding": "chunked"} if body else {}
    url = f"http://{server.address}/?{query}"
    request = urllib.request.Request(url, data=body or b"", headers=headers)
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310 - http
        answer.read()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--processes", type=int, nargs="+", default=[100_000], help="sizes (100000)"
    )
    parser.add_argument("--place", type=Path, help="where the store lies while it is measured")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
