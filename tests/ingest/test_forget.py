"""What is forgotten leaves no byte in any file: store, WAL, spool, archive, or what is aside."""

from typing import Any

import pytest

from ptywrap import wire
from tests import build
from tests.ingest.batches import a_command
from tests.ingest.laptop import Laptop

SECRET = "correct-horse-battery-staple"
OTHER = "kept-for-good"


def _secret(mark: int) -> list[wire.Fact]:
    """Return a command that says the secret in every text it and its parts have."""
    command = a_command(
        mark,
        line=f"deploy {SECRET}",
        shape=SECRET,
        template=SECRET,
        cwd=f"/srv/{SECRET}",
        repo=f"example.org/{SECRET}",
        branch=SECRET,
        daemons=[wire.Daemon(name=SECRET, peer=SECRET)],
        other_reasons={SECRET: 1},
        context=wire.Context(other_busy=[SECRET]),
    )
    texts = {"name": SECRET, "exe": SECRET, "argv": [SECRET], "cwd": SECRET}
    at = command.started_at or 0
    return [
        command,
        build.a_process(command=command.id, started_at=at, **texts),
        build.a_flow(command=command.id, opened_at=at, remote_host=SECRET),
        wire.Sample(session=build.SESSION, command=command.id, at=at, label=SECRET),
        wire.Commit(session=build.SESSION, commit=SECRET, repo=command.repo, branch=SECRET, at=at),
        wire.Project(repo=f"example.org/{SECRET}", alias=SECRET),
    ]


def _filled(laptop: Laptop) -> None:
    """Have a secret in the archive and the store's file, and one more in WAL and spool."""
    kept = a_command(1, line=OTHER)
    laptop.seal(build.a_session(), kept, build.a_process(command=kept.id, pid=5), *_secret(60))
    laptop.start()
    laptop.ask("status")
    laptop.stop()
    laptop.seal(*_secret(61))
    laptop.start()
    laptop.ask("status")


SCOPES: dict[str, dict[str, Any]] = {
    "all": {},
    "since": {"since_ns": build.AT + 60 * 10**9},
    "repo": {"repo": SECRET},
    "both": {"since_ns": build.AT + 60 * 10**9, "repo": SECRET},
}


@pytest.mark.parametrize("scope", SCOPES)
def test_no_byte_of_a_forgotten_command_is_left(laptop: Laptop, scope: str) -> None:
    _filled(laptop)
    before = laptop.holding(SECRET.encode())
    forgotten = laptop.ask("forget", **SCOPES[scope])["commands"]
    laptop.stop()
    # A checkout's remotes say nothing of when: they go with their repository or with everything.
    text = f"deploy {SECRET}" if scope == "since" else SECRET
    assert (
        "history.duckdb" in before,
        len(before) >= 3,
        forgotten,
        laptop.holding(text.encode()),
    ) == (
        True,
        True,
        3 if scope == "all" else 2,
        [],
    )


@pytest.mark.parametrize("scope", [name for name in SCOPES if name != "all"])
def test_the_other_commands_stay(laptop: Laptop, scope: str) -> None:
    _filled(laptop)
    laptop.ask("forget", **SCOPES[scope])
    laptop.stop()
    laptop.start()
    processes = laptop.ask("show", id="last")["record"]["processes"]
    assert (laptop.lines(), len(processes)) == ([OTHER], 1)


def test_what_was_forgotten_does_not_come_back_when_the_file_is_filled_again(
    laptop: Laptop,
) -> None:
    _filled(laptop)
    laptop.ask("forget", repo=SECRET)
    laptop.stop()
    laptop.file.write_bytes(b"damaged" * 4000)
    laptop.start()
    assert laptop.lines() == [OTHER]


def test_files_that_were_moved_aside_as_damaged_go_too(laptop: Laptop) -> None:
    _filled(laptop)
    laptop.kill()
    data = bytearray(laptop.file.read_bytes())
    data[4096 * 3] ^= 1
    data[:4096] = bytes(4096)
    laptop.file.write_bytes(data)
    laptop.start()
    laptop.ask("status")
    aside = list(laptop.file.parent.glob("*.damaged-*"))
    laptop.ask("forget", repo=SECRET)
    laptop.stop()
    assert (len(aside) > 0, laptop.holding(SECRET.encode())) == (True, [])


def test_a_damaged_segment_goes_whole_for_nobody_can_say_what_was_in_it(laptop: Laptop) -> None:
    path = laptop.seal(*_secret(1))
    data = bytearray(path.read_bytes())
    at = data.find(SECRET.encode())
    data[at + 40] ^= 1
    path.write_bytes(data)
    laptop.start()
    laptop.ask("forget", repo="no such repository")
    laptop.stop()
    (kept,) = laptop.archive.iterdir()
    assert kept.read_bytes().count(SECRET.encode()) < bytes(data).count(SECRET.encode())


def test_forgetting_twice_finds_nothing_the_second_time(laptop: Laptop) -> None:
    _filled(laptop)
    counts = [laptop.ask("forget")["commands"] for _ in range(2)]
    assert counts == [3, 0]


def test_it_goes_on_recording_after_everything_was_forgotten(laptop: Laptop) -> None:
    _filled(laptop)
    laptop.ask("forget")
    laptop.seal(a_command(5, line="new"))
    assert laptop.lines() == ["new"]
