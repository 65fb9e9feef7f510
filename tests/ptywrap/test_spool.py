"""The spool keeps what it accepted, counts what it dropped, and outlives its writer."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptywrap import quota, segments, spool, wire
from tests import build

ROOT = Path(__file__).parents[2]


def _spool(folder: Path, **limits: int) -> spool.Spool:
    ticks = itertools.count(step=1_000_000)
    return spool.Spool(folder, build.a_segment, lambda: next(ticks), quota.Limits(**limits))


def _facts(folder: Path) -> list[wire.Fact]:
    return [fact for fact in segments.recent(folder) if not isinstance(fact, wire.Segment)]


def test_a_sealed_segment_is_named_for_the_facts_it_holds(tmp_path: Path) -> None:
    writer = _spool(tmp_path / "spool")
    writer.append(build.a_command())
    writer.append(build.a_process())

    path = writer.seal()

    assert path is not None
    assert path.name.startswith("000000000001-")
    assert segments.facts_in(path) == 2
    assert list(segments.facts(path)) == [build.a_segment(), build.a_command(), build.a_process()]


def test_sealing_nothing_leaves_no_file(tmp_path: Path) -> None:
    writer = _spool(tmp_path / "spool")

    assert writer.seal() is None
    assert segments.sealed(tmp_path / "spool") == []


def test_what_is_still_open_can_be_read(tmp_path: Path) -> None:
    writer = _spool(tmp_path / "spool")
    writer.append(build.a_loss())

    assert _facts(tmp_path / "spool") == [build.a_loss()]


def test_a_full_segment_is_sealed_and_the_next_one_begun(tmp_path: Path) -> None:
    writer = _spool(tmp_path / "spool")
    for number in range(spool.SEAL_FACTS + 1):
        writer.append(wire.Project(repo="r", alias=str(number)))

    assert [segments.facts_in(path) for path in segments.sealed(tmp_path / "spool")] == [
        spool.SEAL_FACTS
    ]
    assert len(_facts(tmp_path / "spool")) == spool.SEAL_FACTS + 1


def test_an_old_segment_is_sealed_at_a_tick(tmp_path: Path) -> None:
    now = [0]
    writer = spool.Spool(tmp_path / "spool", build.a_segment, lambda: now[0])
    writer.append(build.a_loss())

    now[0] = spool.SEAL_AGE_NS
    writer.tick()

    assert len(segments.sealed(tmp_path / "spool")) == 1


def test_an_idle_spool_asks_for_no_wake_up(tmp_path: Path) -> None:
    assert _spool(tmp_path / "spool").tick() is None


def test_over_quota_the_oldest_go_and_the_count_stays_exact(tmp_path: Path) -> None:
    writer = _spool(tmp_path / "device" / "spool", most_bytes=600_000)
    accepted = sum(
        writer.append(build.a_process(pid=pid % 99, start_ticks=pid)) for pid in range(9000)
    )
    writer.close()

    kept = _facts(tmp_path / "device" / "spool")

    assert len(kept) + writer.dropped["quota"] == accepted == writer.accepted == 9000
    assert [fact.start_ticks for fact in kept if isinstance(fact, wire.Process)] == list(
        range(9000 - len(kept), 9000)
    )


def test_a_killed_writers_facts_are_adopted(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with _writing_child(folder) as child:
        child.send_signal(signal.SIGKILL)
        child.wait()

    assert spool.adopt(folder) == 1
    assert _facts(folder) == [build.a_loss(since=number) for number in range(5)]


def test_a_living_writers_segment_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with _writing_child(folder):
        assert spool.adopt(folder) == 0


def test_a_torn_tail_is_cut_at_adoption(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    writer = _spool(folder)
    writer.append(build.a_loss())
    (path,) = folder.glob("*.open")
    torn = tmp_path / "torn.open"
    torn.write_bytes(path.read_bytes() + wire.MAGIC + b"half a frame")
    writer.close()
    path.with_name(path.name).unlink(missing_ok=True)
    for old in folder.glob("*.seg"):
        old.unlink()
    torn.rename(folder / "000000000009-abcdefabcdef.open")

    spool.adopt(folder)

    assert [path.name for path in segments.sealed(folder)] == ["000000000009-abcdefabcdef.n1.seg"]
    assert _facts(folder) == [build.a_loss()]


def test_order_is_the_counter_also_after_it_was_lost(tmp_path: Path) -> None:
    # The quota counts what lies beside the folder too: so not in pytest's own.
    folder = tmp_path / "spool"
    writer = _spool(folder)
    writer.append(build.a_loss(since=1))
    writer.seal()
    (folder / "counter").unlink()
    writer.append(build.a_loss(since=2))
    writer.seal()

    assert [path.name[:12] for path in segments.sealed(folder)] == [
        "000000000001",
        "000000000002",
    ]


def test_a_segment_of_an_unknown_version_is_passed_over(tmp_path: Path) -> None:
    writer = spool.Spool(tmp_path, lambda: build.a_segment(version=99), lambda: 0)
    writer.append(build.a_loss())
    writer.close()

    assert _facts(tmp_path) == []


@pytest.mark.root
@pytest.mark.linux
@pytest.mark.skipif(os.getuid() != 0, reason="mounts a tmpfs: run as root")
def test_a_full_disk_keeps_the_newest_and_counts_the_rest(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=True)
    try:
        writer = _spool(tmp_path / "device" / "spool")
        accepted = [writer.append(build.a_process(start_ticks=tick)) for tick in range(9000)]
        writer.close()
        kept = _facts(tmp_path / "device" / "spool")
    finally:
        subprocess.run(["umount", tmp_path], check=True)

    assert all(accepted)
    assert len(kept) + writer.dropped["quota"] == 9000
    assert isinstance(kept[-1], wire.Process)
    assert kept[-1].start_ticks == 8999


@contextlib.contextmanager
def _writing_child(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that appended five losses and holds its segment open."""
    code = (
        "import sys, time; from pathlib import Path; from ptywrap import spool;"
        "from tests import build;"
        "s = spool.Spool(Path(sys.argv[1]), build.a_segment, time.monotonic_ns);"
        "[s.append(build.a_loss(since=n)) for n in range(5)];"
        "print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, folder], cwd=ROOT, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        yield child
        child.kill()


def test_what_the_store_already_has_goes_before_what_it_has_not(tmp_path: Path) -> None:
    archive = tmp_path / "device" / "archive"
    archive.mkdir(parents=True)
    (archive / "000000000001-aaaaaaaaaaaa.n9.seg").write_bytes(bytes(1_000_000))
    writer = _spool(tmp_path / "device" / "spool", most_bytes=500_000)

    writer.append(build.a_loss())

    assert list(archive.iterdir()) == []
    assert writer.dropped == {}


def test_what_is_older_than_thirty_days_goes_and_is_counted(tmp_path: Path) -> None:
    writer = _spool(tmp_path / "device" / "spool")
    writer.append(build.a_command())
    old = writer.seal()
    assert old is not None
    long_ago = time.time() - 31 * 86_400
    os.utime(old, (long_ago, long_ago))
    writer.append(build.a_command())
    assert (old.exists(), writer.dropped) == (False, {"age": 1})
