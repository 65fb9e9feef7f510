"""Print the service's ClickHouse tables with replicated engines, for a cluster that has keepers.

usage: python -m scripts.deploy.replicated [--database ptywrap] [--cluster ptywrap] > tables.sql

The service makes plain tables where there are none; made beforehand, these are the ones it finds.
They are its own statements with another engine; each server fills in {shard} and {replica}.
"""

import argparse
import sys
from collections.abc import Iterator

from ingest.store import clickhouse_schema

_PLAIN = "ENGINE = ReplacingMergeTree(version)"


def statements(database: str, cluster: str) -> Iterator[str]:
    """Yield the statements that make a database and its tables on every server of a cluster."""
    yield f"CREATE DATABASE IF NOT EXISTS `{database}` ON CLUSTER `{cluster}`"
    for table in clickhouse_schema.SKETCHES:
        plain = clickhouse_schema.creation(table)
        name, engine = f"`{table}` (", f"/clickhouse/tables/{{shard}}/{database}/{table}"
        if plain.count(name) != 1 or plain.count(_PLAIN) != 1:
            raise ValueError(f"the statement for {table} is not the one this knows: {plain[:80]}")
        placed = plain.replace(name, f"`{database}`.`{table}` ON CLUSTER `{cluster}` (")
        yield placed.replace(
            _PLAIN, f"ENGINE = ReplicatedReplacingMergeTree('{engine}', '{{replica}}', version)"
        )


def main() -> int:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="ptywrap", help="as in --store of serve (ptywrap)")
    parser.add_argument("--cluster", default="ptywrap", help="as in cluster.xml (ptywrap)")
    args = parser.parse_args()
    print(";\n".join(statements(args.database, args.cluster)) + ";")
    return 0


if __name__ == "__main__":
    sys.exit(main())
