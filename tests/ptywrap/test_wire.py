"""Facts keep their meaning from row to record, and ids repeat themselves."""

import subprocess
import sys
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap import wire
from tests import build

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "fact",
    [
        build.a_segment(),
        build.a_session(),
        build.a_command(),
        build.a_process(),
        build.a_flow(),
        build.a_loss(),
        build.a_host(),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_row_decodes_to_the_fact_it_was(fact: wire.Fact) -> None:
    assert wire.decode(wire.encode(fact)) == fact


def test_a_row_is_a_map_any_msgpack_reader_understands() -> None:
    row = msgpack.unpackb(wire.encode(build.a_loss()))

    assert row == {
        "fact": "loss",
        "session": build.SESSION,
        "sensor": "proc_connector",
        "since": build.AT,
        "until": build.AT + 1_000_000,
        "missed": 3,
        "reason": "overrun",
    }


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    row = msgpack.unpackb(wire.encode(build.a_loss())) | {"colour": "green"}

    assert wire.decode(msgpack.packb(row)) == build.a_loss()


def test_a_wrong_type_is_named_by_its_path() -> None:
    row = msgpack.unpackb(wire.encode(build.a_loss())) | {"missed": "three"}

    with pytest.raises(wire.Unreadable, match=r"\$\.missed"):
        wire.decode(msgpack.packb(row))


@given(st.binary(max_size=200))
def test_foreign_bytes_raise_nothing_but_unreadable(data: bytes) -> None:
    with pytest.raises(wire.Unreadable):
        wire.decode(data)


@given(st.integers(0, (1 << 22) - 1), st.integers(0, (1 << 42) - 1), st.integers(0, (1 << 64) - 1))
def test_a_process_id_can_be_undone_so_no_two_are_alike(pid: int, ticks: int, key: int) -> None:
    word = wire.process_id(key, pid, ticks)
    word ^= word >> 31 ^ word >> 62
    word = word * pow(0x94D049BB133111EB, -1, 1 << 64) % (1 << 64)
    word ^= word >> 27 ^ word >> 54
    word = word * pow(0xBF58476D1CE4E5B9, -1, 1 << 64) % (1 << 64)
    word ^= word >> 30 ^ word >> 60

    assert word ^ key == ticks << 22 | pid


def test_a_command_id_repeats_and_tells_sessions_apart() -> None:
    here = wire.command_id(build.SESSION, 100, build.AT)

    assert here == wire.command_id(build.SESSION, 100, build.AT)
    assert here != wire.command_id(bytes(16), 100, build.AT)
    assert -(1 << 63) <= here < 1 << 63


def test_importing_the_schema_loads_the_schema_and_nothing_else_of_ours() -> None:
    code = (
        "import sys; import ptywrap.wire;"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in"
        " ('ptywrap', 'netsniff', 'ingest')))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert ran.stdout.strip() == str(
        [
            "ptywrap",
            "ptywrap.batch",
            "ptywrap.columns",
            "ptywrap.facts",
            "ptywrap.frames",
            "ptywrap.record",
            "ptywrap.strict",
            "ptywrap.tabular",
            "ptywrap.wire",
        ]
    )
