"""Facts leave made private, or not at all."""

from itertools import count
from pathlib import Path

from ptywrap import segments, spool, wire
from ptywrap.observe.recorder import Recorder
from tests import build

S = 1_000_000_000


def a_recorder(folder: Path, *ignore: str) -> Recorder:
    """Return a recorder that takes lines away."""

    def inward(fact: wire.Fact) -> wire.Fact:
        return build.a_command(line=None) if isinstance(fact, wire.Command) else fact

    ticks = count(0, 10_000_000_000)
    written = spool.Spool(folder / "spool", build.a_segment, lambda: next(ticks))
    return Recorder(written, inward, folder / "paused", ignore)


def kept(folder: Path) -> list[wire.Fact]:
    """Return what reached the spool."""
    return [f for f in segments.recent(folder / "spool") if not isinstance(f, wire.Segment)]


def test_a_fact_is_made_private_before_it_is_written(tmp_path: Path) -> None:
    a_recorder(tmp_path).tell(build.a_command())
    assert kept(tmp_path) == [build.a_command(line=None)]


def test_while_paused_nothing_is_written(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path)
    recorder.pause(10)
    recorder.tell(build.a_command())
    recorder.keep(build.a_process())
    assert not (tmp_path / "spool").exists()


def test_a_pause_outlives_the_observer(tmp_path: Path) -> None:
    a_recorder(tmp_path).pause(10)
    again = a_recorder(tmp_path)
    assert (again.paused, again.was_paused(5)) == (True, True)


def test_what_began_in_a_pause_is_known(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path)
    recorder.pause(10)
    recorder.resume(20)
    assert [recorder.was_paused(at) for at in (5, 10, 19, 20)] == [False, True, True, False]


def test_lines_are_ignored_by_a_space_and_by_expressions(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path, "^vault ", "(broken")
    lines = [" ls", "\tls", "vault read", "ls vault ", None]
    assert [recorder.ignores(line) for line in lines] == [True, True, True, False, False]


def test_what_the_spool_dropped_is_told_once_it_takes_facts_again(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path)
    (tmp_path / "spool").write_text("a file in the folder's place")
    recorder.tell(build.a_process())
    recorder.own_up(build.SESSION, 10 * S)
    (tmp_path / "spool").unlink()
    recorder.own_up(build.SESSION, 20 * S)
    recorder.own_up(build.SESSION, 30 * S)
    (loss,) = [fact for fact in kept(tmp_path) if isinstance(fact, wire.Loss)]
    assert (loss.until, loss.missed, loss.sensor) == (20 * S, 2, "spool (no room)")


def test_the_observer_of_another_runtime_folder_pauses_this_one(tmp_path: Path) -> None:
    one, other = a_recorder(tmp_path), a_recorder(tmp_path)
    other.pause(10)
    one.heed(11)
    assert one.paused
    other.resume(20)
    one.heed(21)
    assert [one.was_paused(at) for at in (10, 11, 20, 21)] == [False, True, True, False]
