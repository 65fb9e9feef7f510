"""Everything that ClickHouse holds about one person."""

from typing import Any

from ingest.store.base import Row
from ingest.store.clickhouse_cluster import Cluster, together
from ingest.store.clickhouse_runs import last_told, typed
from ingest.store.clickhouse_schema import SKETCHES, statement
from ingest.store.questions import Owner
from ingest.store.rows import exported
from ingest.store.tables import CHILDREN, SHAPES

_WEEKS = "(week, version) IN (SELECT week, max(version) FROM rolled_weeks GROUP BY week)"
_PERSONAL = ("roll_day", "flow_day", "person_week")


async def export(cluster: Cluster, owner: Owner) -> dict[str, list[Row]]:
    """Return the rows about a person by table. StoreError: a shard is away."""
    names = (*SHAPES, *CHILDREN, *_PERSONAL)
    found = dict(
        zip(
            names,
            await together(_about(cluster, name, owner) for name in names),
            strict=True,
        )
    )
    for name, child in CHILDREN.items():
        parents = {_key(row, child.parent_key): row["batch"] for row in found[child.parent]}
        # What a former telling of a fact had more of is no part of it.
        found[name] = [
            row for row in found[name] if parents.get(_key(row, child.key)) == row["batch"]
        ]
    return {
        name: [exported(name, typed(name, row)) for row in rows] for name, rows in found.items()
    }


async def _about(cluster: Cluster, table: str, owner: Owner) -> list[Row]:
    standing = "1"
    if table == "person_week":
        standing = _WEEKS
    elif table in _PERSONAL:
        kind = "flows" if table == "flow_day" else "commands"
        standing = f"(day, version) IN ({statement('clean', kind=kind)})"
    words = {"table": table, "standing": standing}
    found = await cluster.whole("exported", words, **owner._asdict())
    if table in _PERSONAL:
        return found
    key = SKETCHES[table].key
    return last_told(found, lambda row: _key(row, key))


def _key(row: Row, names: tuple[str, ...]) -> tuple[Any, ...]:
    return row["device"], *(row[name] for name in names)
