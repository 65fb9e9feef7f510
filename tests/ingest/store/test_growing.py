"""Files that former releases wrote: opened, grown and kept; those of a later one are refused."""

import lzma
from pathlib import Path

import pytest

from ingest import store
from ingest.store.base import Counts, StoreError
from ingest.store.duckdb_file import SCHEMA, open_file
from ingest.store.tables import CHILDREN, SHAPES, kinds
from tests import build
from tests.ingest.batches import Asked, a_command

_RECORDED = sorted((Path(__file__).parents[2] / "data" / "store").glob("schema_*.duckdb.xz"))
"""A file as each schema first wrote it: two commands, the first with a fact of every kind."""

_MEMORY = 128 << 20


@pytest.fixture(params=_RECORDED, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of each recorded file."""
    copy = tmp_path / "history.duckdb"
    copy.write_bytes(lzma.decompress(request.param.read_bytes()))
    copy.chmod(0o600)
    return copy


def test_every_schema_has_its_recorded_file() -> None:
    assert [path.name for path in _RECORDED] == [
        f"schema_{number}.duckdb.xz" for number in range(1, SCHEMA + 1)
    ]


def test_a_former_file_keeps_its_rows(path: Path) -> None:
    asked = Asked(store.open(f"duckdb://{path}"))
    lines = asked.lines()
    counts = asked.do(asked.store.counts())
    facts = [type(fact).__name__ for fact in asked.show("last").facts]
    asked.close()
    assert (asked.store.repaired, lines, counts._replace(bytes=0), facts) == (
        (),
        ["make test", "make"],
        Counts(2, 1, 1, 1, 3, 1, build.AT + 10**9, build.AT + 2 * 10**9, 0),
        ["Command", "Session", "Process", "Flow", "Sample", "Loss", "Host"],
    )


def test_a_former_file_grows_every_column(path: Path) -> None:
    with open_file(path, _MEMORY).connection as connection:
        found = connection.execute("SELECT table_name, column_name FROM duckdb_columns()")
        there = set(found.fetchall())
    wanted = {(table, column) for table in (*SHAPES, *CHILDREN) for column in kinds(table)}
    assert wanted - there == set()


def test_a_former_file_takes_what_is_told_from_now_on(path: Path) -> None:
    asked = Asked(store.open(f"duckdb://{path}"))
    known = asked.tell(1, a_command(1))
    asked.tell(2, a_command(2, line="told again"), a_command(3, line="new"))
    lines = asked.lines()
    asked.close()
    assert (known, lines) == (0, ["new", "told again", "make"])


def test_a_file_of_a_later_schema_is_refused_and_left_alone(path: Path) -> None:
    with open_file(path, _MEMORY).connection as connection:
        connection.execute("UPDATE about SET schema = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError) as refused:
        store.open(f"duckdb://{path}")
    told = (str(refused.value), refused.value.hint)
    aside = list(path.parent.glob("*.damaged-*"))
    assert (told, aside, path.read_bytes() == before) == (
        (f"{path} was written by a newer ptywrap", "update ptywrap"),
        [],
        True,
    )
