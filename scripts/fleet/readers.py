"""Readers of a store that share no line with it: plain DuckDB, plain HTTP to ClickHouse."""

import json
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import duckdb

Row = tuple[Any, ...]


class Reader(Protocol):
    """Whoever reads rows of one device; bytes come as hex."""

    def rows(self, table: str, columns: Sequence[str], device: str) -> list[Row]:
        """Return the rows of a device, every telling that is not replaced."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class DuckDbFile:
    """A file whose owner has ended: nobody else can open it."""

    def __init__(self, path: Path) -> None:
        """Open the file, for reading alone."""
        self._held = duckdb.connect(str(path), read_only=True)

    def rows(self, table: str, columns: Sequence[str], device: str) -> list[Row]:
        """Return the rows of a device."""
        names = ", ".join(f'"{name}"' for name in columns)
        found = self._held.execute(
            f'SELECT {names} FROM "{table}" WHERE device = ?',  # noqa: S608 - names of ours
            [device],
        ).fetchall()
        return [tuple(map(_plain, row)) for row in found]

    def close(self) -> None:
        """Close the file."""
        self._held.close()


class ClickHouseShards:
    """The shards of a cluster, asked one after the other; FINAL, so that replaced tellings go."""

    def __init__(self, shards: Sequence[str], database: str) -> None:
        """Take `host:port` of one replica of each shard."""
        self._shards = shards
        self._database = database

    def rows(self, table: str, columns: Sequence[str], device: str) -> list[Row]:
        """Return the rows of a device from every shard."""
        names = ", ".join(_TEXT.get(name, "{0}").format(f"`{name}`") for name in columns)
        query = (
            f"SELECT {names} FROM {self._database}.{table} FINAL "  # noqa: S608 - names of ours
            f"WHERE device = '{device}' FORMAT JSONCompact"
        )
        parameters = urllib.parse.urlencode({"output_format_json_quote_64bit_integers": "0"})
        found = []
        for shard in self._shards:
            request = urllib.request.Request(f"http://{shard}/?{parameters}", data=query.encode())
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                found += [tuple(row) for row in json.load(answer)["data"]]
        return found

    def close(self) -> None:
        """There is nothing to let go of."""


_TEXT = {"session": "lower(hex({0}))"}


def reader(url: str) -> Reader:
    """Return the reader of a store's URL, as `ptywrap-ingest serve --store` takes it, or a path."""
    parts = urlsplit(url)
    if parts.scheme == "clickhouse":
        return ClickHouseShards(parts.netloc.split(","), parts.path.strip("/") or "ptywrap")
    return DuckDbFile(Path(parts.path if parts.scheme else url))


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes | bytearray) else value
