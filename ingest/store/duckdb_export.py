"""Everything that DuckDB holds about one person."""

from duckdb import DuckDBPyConnection

from ingest.store.base import Row
from ingest.store.duckdb_file import statement
from ingest.store.duckdb_runs import fetch
from ingest.store.questions import Owner
from ingest.store.rows import exported
from ingest.store.tables import CHILDREN, SHAPES

_PERSONAL = ("roll_day", "person_week", "flow_day")


def export(cursor: DuckDBPyConnection, owner: Owner) -> dict[str, list[Row]]:
    """Return the rows about a person by table, in one transaction."""
    cursor.execute("BEGIN")
    try:
        return {
            table: [exported(table, row) for row in _about(cursor, table, owner)]
            for table in (*SHAPES, *CHILDREN, *_PERSONAL)
        }
    finally:
        cursor.execute("ROLLBACK")


def _about(cursor: DuckDBPyConnection, table: str, owner: Owner) -> list[Row]:
    return fetch(cursor, statement("export", table=table), owner._asdict())
