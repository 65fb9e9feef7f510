"""What the memory engine holds: rows by their keys, the lists in them, and what is past keeping."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from ingest.store import memory_rows, rows
from ingest.store.base import Batch, Row
from ingest.store.tables import CHILDREN, SHAPES
from ptywrap import wire

Key = tuple[Any, ...]
_ROLLED = ("commands", "flows")
_MOST = (1 << 63) - 1


class Held:
    """All rows of all tables, below the tenant and device they are of."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Row]] = {name: {} for name in SHAPES}
        self.lists: dict[str, dict[Key, list[Row]]] = {name: {} for name in CHILDREN}
        # What a service's rollups would know of rows that are gone.
        self.past: dict[str, list[Row]] = {name: [] for name in _ROLLED}
        self._booted: dict[Key, int] = {}

    def boot(self, batch: Batch) -> None:
        """Remember when a boot first said it began: its rows' days are counted from there."""
        boot = (batch.tenant, batch.device, batch.boot)
        self._booted.setdefault(boot, batch.wall_ns - batch.boottime_ns)

    def take(self, batch: Batch, name: str) -> None:
        """Put the rows of one table of a batch in the place of what they tell again."""
        taken = self.rows[name]
        kept: set[Key] = set()
        booted_at = self._booted[batch.tenant, batch.device, batch.boot]
        for told in memory_rows.told(batch.tables[name]):
            row = memory_rows.whole(batch, name, told, booted_at)
            key = (batch.tenant, batch.device, *(row[part] for part in SHAPES[name].key))
            if key not in taken or taken[key]["version"] <= batch.number:
                taken[key] = row
                kept.add(key)
        for child_name, child in CHILDREN.items():
            if child.parent == name:
                self._take_lists(batch, child_name, kept)

    def drop(self, name: str, gone: Callable[[Row], bool]) -> list[Row]:
        """Take rows out, and the lists in them; return the rows."""
        keys = [key for key, row in self.rows[name].items() if gone(row)]
        dropped = [self.rows[name].pop(key) for key in keys]
        for child_name, child in CHILDREN.items():
            if child.parent == name:
                for key in keys:
                    self.lists[child_name].pop(key, None)
        return dropped

    def rolled(self, name: str) -> Iterator[Row]:
        """Yield rows that are here, and those of tenants that were here."""
        return chain(self.rows[name].values(), self.past[name])

    def newest(self) -> list[Row]:
        """Return the commands, newest first, with their sessions' user and shell."""
        found = self.rows["commands"].values()
        ordered = sorted(found, key=lambda row: (row["started_at"] or 0, row["id"]), reverse=True)
        return [row | self._who(row) for row in ordered]

    def aliased(self, repo: str | None) -> dict[str, list[str]]:
        """Return the repos of each tenant that have an alias."""
        out: dict[str, list[str]] = {}
        for row in self.rows["projects"].values():
            if row["alias"] == repo:
                out.setdefault(row["tenant"], []).append(row["repo"])
        return out

    def where(self, name: str, **equal: Any) -> Iterator[Row]:
        """Yield the rows of a table that have these values."""
        for row in self.rows[name].values():
            if all(row[field] == value for field, value in equal.items()):
                yield row

    def run(self, row: Row) -> list[wire.Fact]:
        """Return the facts of the run of a row of `commands`, the Command first."""
        machine = {"tenant": row["tenant"], "device": row["device"]}
        key = {**machine, "session": row["session"], "command": row["id"]}
        since = row["started_at"] or 0
        until = min(since + (row["wall_ns"] or 0), _MOST)
        losses = (
            loss
            for loss in self.where("losses", **machine)
            if loss["since"] <= until and (loss["until"] is None or loss["until"] >= since)
        )
        lists = [self._of(row, name) for name in ("daemons", "other_reasons")]
        return [
            rows.command(row, *lists),
            *map(rows.session, self.where("sessions", **machine, id=row["session"])),
            *map(rows.process, sorted(self.where("processes", **key), key=birth)),
            *map(rows.flow, self.where("flows", **key)),
            *map(rows.sample, self.where("samples", **key)),
            *map(rows.loss, losses),
            *self._host(row, until),
        ]

    def _host(self, row: Row, until: int) -> Iterator[wire.Fact]:
        hosts = sorted(
            self.where("hosts", tenant=row["tenant"], device=row["device"]),
            key=lambda host: host["at"],
        )
        for host in [host for host in hosts if host["at"] <= until][-1:] or hosts[:1]:
            key = (host["tenant"], host["device"], host["at"])
            yield rows.host(host, self.lists["caches"].get(key, []))

    def _take_lists(self, batch: Batch, name: str, parents: set[Key]) -> None:
        lists = self.lists[name]
        for key in parents:
            lists.pop(key, None)
        if name not in batch.tables:
            return
        for row in memory_rows.told(batch.tables[name]):
            key = (batch.tenant, batch.device, *(row[part] for part in CHILDREN[name].key))
            if key in parents:
                lists.setdefault(key, []).append(row)

    def _who(self, row: Row) -> Row:
        session = self.rows["sessions"].get((row["tenant"], row["device"], row["session"]), {})
        return {"user": session.get("user"), "shell": session.get("shell")}

    def _of(self, row: Row, name: str) -> list[Row]:
        key = (row["tenant"], row["device"], row["session"], row["id"])
        return self.lists[name].get(key, [])


def birth(process: Row) -> tuple[int, int]:
    """Return what processes of one machine are ordered by."""
    return process["start_ticks"], process["pid"]
