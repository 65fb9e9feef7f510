"""Clocks put on one another: steps and sleep change no length."""

from ptywrap.observe.times import Times

HOUR = 3_600_000_000_000
WALL = 1_764_000_000_000_000_000


def test_a_moment_comes_back_from_the_wall() -> None:
    times = Times()
    times.note(1000, WALL)
    assert times.monotonic(times.wall(5000)) == 5000


def test_a_step_of_the_wall_clock_moves_only_what_comes_later() -> None:
    times = Times()
    times.note(0, WALL)
    times.note(10 * HOUR, WALL + 11 * HOUR)
    assert [times.wall(HOUR) - WALL, times.wall(9 * HOUR) - WALL] == [HOUR, 10 * HOUR]


def test_sleep_is_what_the_boot_clock_gained() -> None:
    times = Times()
    times.note(0, WALL, 0)
    times.note(HOUR, WALL + HOUR, HOUR)
    times.note(HOUR + 1, WALL + 2 * HOUR, 2 * HOUR + 1)
    assert [times.asleep(0, 2 * HOUR), times.asleep(HOUR + 1, 2 * HOUR)] == [HOUR, 0]


def test_a_mark_before_sleep_is_not_moved_by_it() -> None:
    times = Times()
    times.note(1000, WALL + 1000)
    times.note(2000, WALL + 2000 + HOUR)
    assert [times.monotonic(WALL + 1500), times.monotonic(WALL + HOUR + 2500)] == [1500, 2500]


def test_nothing_said_is_nothing_known() -> None:
    assert (Times().wall(5), Times().monotonic(5), Times().asleep(0, 9)) == (5, 5, 0)
