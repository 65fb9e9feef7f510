"""What was sent and what will be, as it is in the bodies: what `ptywrap sent` prints."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ptywrap import enrolment, wire
from ptywrap.deliveries import Deliveries
from ptywrap.outbox import Body, bodies
from ptywrap.ship import departure, packing

_NO_KEY = bytes(32)


class Shown(NamedTuple):
    """A body: `state` is sent, waiting, or next; `at` is when it was put there, None for next."""

    batch: str
    state: str
    at: int | None
    data: bytes

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of the batch by table; bytes are hex. Raises wire.Unreadable."""
        found = wire.unpack(packing.plain(self.data)).tables
        return {name: list(_rows(table)) for name, table in found.items()}

    def record(self) -> dict[str, Any]:
        """Return what is printed as JSON: the exact bytes of the body, and what they say."""
        return {
            "batch": self.batch,
            "state": self.state,
            "at": self.at,
            "bytes": len(self.data),
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "body": base64.b64encode(self.data).decode(),
            "tables": self.tables(),
        }


def shown(folder: Path) -> Iterator[Shown]:
    """Yield every body of a device: sent, waiting, and those its unpacked segments would be.

    Before `join` there is no tenant's key: names are hashed by one of zeros.
    """
    for state in ("sent", "outbox"):
        for body in bodies(folder / state):
            found = _shown(body, "sent" if state == "sent" else "waiting", folder.name)
            if found is not None:
                yield found
    enrolled = enrolment.read()
    key = _NO_KEY if enrolled is None else enrolled.key
    deliveries = Deliveries(folder / "outbox")
    known = deliveries.segments if enrolled and deliveries.tenant == enrolled.tenant else ()
    places = departure.places(folder)
    project = departure.projected(key, folder.name)
    found_sources = packing.sources(places, packing.unpacked(places, known), project)
    for group in packing.groups(found_sources):
        for made in packing.joined(group, group[-1].name)[1]:
            yield Shown(_batch_id(made.name, folder.name), "next", None, made.data)


def _shown(body: Body, state: str, device: str) -> Shown | None:
    try:
        data, at = body.path.read_bytes(), body.path.stat().st_mtime_ns
    except OSError:
        return None
    return Shown(_batch_id(body.name, device), state, at, data)


def _batch_id(name: str, device: str) -> str:
    stem, dot, part = name.partition(".")
    return wire.batch_id(stem, device) + dot + part


def _rows(table: wire.Table) -> Iterator[dict[str, Any]]:
    names = list(table.columns)
    columns = [_values(table.columns[name], table.rows) for name in names]
    for row in zip(*columns, strict=True):
        yield {name: value for name, value in zip(names, row, strict=True) if value is not None}


def _values(packed: wire.Packed, rows: int) -> list[Any]:
    return [
        value.hex() if isinstance(value, bytes) else _plain(value)
        for value in wire.values(packed, rows)
    ]


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
