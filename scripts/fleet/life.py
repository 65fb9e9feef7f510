"""A seeded laptop's working days as sealed segments: what its spool would hold, and when.

Equal seeds, numbers and windows give equal facts, so whoever verifies makes them once more.
"""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from ptywrap import wire
from scripts.fleet.dice import Dice
from scripts.fleet.habits import SHELLS
from scripts.fleet.runs import MS, SECOND, Boot, Shell, Told, a_repository, a_run, told

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
UNTIL = 1_780_272_000_000_000_000
"""2026-06-01: the end of lives that are to be the same tomorrow."""
_SEAL_NS = 10 * MINUTE
_VERSION = "0.1.0"


class Window(NamedTuple):
    """How long laptops live: `days` days up to `until_at`, so many commands a day in the median."""

    until_at: int
    days: int = 7
    commands_a_day: int = 120


class Laptop(NamedTuple):
    """One made-up laptop of a seeded fleet."""

    seed: int
    number: int

    @property
    def device(self) -> str:
        """Its id, 32 hex digits."""
        return Dice("device", self.seed, self.number).text(16).hex()


class Sealed(NamedTuple):
    """A segment that was sealed: its file's stem, its header, its facts, and truly when."""

    stem: str
    header: wire.Segment
    facts: tuple[wire.Fact, ...]
    at: int
    skew_ns: int


def segments(laptop: Laptop, window: Window, rows: int = 1000) -> Iterator[Sealed]:
    """Yield a laptop's segments, oldest first; about `rows` facts or ten minutes in each."""
    dice = Dice("life", laptop.seed, laptop.number)
    number = 0
    for boot, days in _boots(laptop, window, dice):
        tellings = sorted(
            (one for day in days for one in _day(boot, day, window, dice)), key=lambda one: one.at
        )
        for piece in _cut([one for one in tellings if one.at <= window.until_at], rows):
            number += 1
            yield _sealed(boot, number, piece, dice)


def _boots(laptop: Laptop, window: Window, dice: Dice) -> Iterator[tuple[Boot, list[int]]]:
    """Yield each start of the machine and the mornings of the days it stayed up."""
    device = laptop.device
    steady = _skew(dice)
    morning = window.until_at - window.days * DAY
    while morning < window.until_at - HOUR:
        booted = morning + dice.whole(0, 2 * 3600) * SECOND
        # A flat battery takes the clock with it, once in a while.
        skew = steady if not dice.happens(20) else dice.one((-3 * DAY, 400 * DAY, -booted))
        boot = Boot(device, str(UUID(bytes=dice.text(16), version=4)), booted, skew)
        days = [morning]
        while dice.happens(400) and days[-1] + DAY < window.until_at - HOUR:
            days.append(days[-1] + DAY)
        yield boot, days
        morning = days[-1] + DAY


def _skew(dice: Dice) -> int:
    """Return by how much a clock is off: hardly, some minutes, or a whole time zone."""
    if dice.happens(850):
        return dice.shift(0.4 * SECOND)
    return dice.shift(8 * MINUTE) if dice.happens(700) else dice.whole(-9, 9) * HOUR


def _day(boot: Boot, morning: int, window: Window, dice: Dice) -> Iterator[Told]:
    if dice.happens(1000 * 2 / 7):
        return  # somebody's weekend
    begin = max(morning + dice.whole(0, 90) * MINUTE, boot.booted_at + MINUTE)
    yield Told(begin, _host(boot, begin, dice))
    shells = dice.whole(1, 4)
    commands = dice.length(window.commands_a_day, 0.6, 20 * window.commands_a_day)
    for _ in range(shells):
        start = begin + dice.whole(0, 3 * 3600) * SECOND
        yield from _session(boot, start, commands // shells + 1, dice)


def _session(boot: Boot, start: int, commands: int, dice: Dice) -> Iterator[Told]:
    shell = Shell(
        boot, dice.text(16), dice.whole(300, 4_000_000), dice.one(SHELLS), a_repository(dice)
    )
    opened = wire.Session(
        id=shell.session,
        user="ada",
        host=boot.device,
        shell=shell.name,
        terminal=f"/dev/pts/{dice.whole(0, 40)}",
        boot_id=boot.id,
        version=_VERSION,
        started_at=start + boot.skew_ns,
        sensors=["proc_connector", "sock_diag"],
    )
    yield Told(start, opened)
    yield Told(start, wire.Project(repo=shell.repo, alias=f"{shell.repo}-of-ada"))
    at = start
    for _ in range(commands):
        at += dice.length(9 * SECOND, 1.3, 2 * HOUR)
        run = a_run(shell, at, dice)
        yield from told(run, dice)
        at += run.wall_ns
    closed = {name: getattr(opened, name) for name in opened.__struct_fields__}
    yield Told(at + SECOND, wire.Session(**closed | {"ended_at": at + SECOND + boot.skew_ns}))


def _host(boot: Boot, at: int, dice: Dice) -> wire.Host:
    return wire.Host(
        device=boot.device,
        at=at + boot.skew_ns,
        system="Linux",
        release="6.18.0",
        machine="x86_64",
        cpu_model="Imaginary 9000",
        cores=dice.one((4, 8, 12, 16)),
        memory_bytes=dice.one((16, 32, 64)) << 30,
        disk_total_bytes=512 << 30,
        disk_free_bytes=dice.whole(20, 300) << 30,
        file_system="ext4",
        caches=[wire.Cache(name="pip", bytes=dice.length(1 << 30, 1.0, 1 << 36) >> 12 << 12)],
    )


def _cut(tellings: list[Told], rows: int) -> Iterator[list[Told]]:
    piece: list[Told] = []
    for one in tellings:
        if piece and (len(piece) >= rows or one.at - piece[0].at >= _SEAL_NS):
            yield piece
            piece = []
        piece.append(one)
    if piece:
        yield piece


def _sealed(boot: Boot, number: int, piece: list[Told], dice: Dice) -> Sealed:
    begun = piece[0].at
    header = wire.Segment(
        version=wire.VERSION,
        device=boot.device,
        boot_id=boot.id,
        wall_ns=begun + boot.skew_ns,
        monotonic_ns=begun - boot.booted_at,
        boottime_ns=begun - boot.booted_at,
        utc_offset_ns=HOUR,
    )
    stem = f"{number:012d}-{dice.text(6).hex()}.n{len(piece)}"
    return Sealed(stem, header, tuple(one.fact for one in piece), piece[-1].at + MS, boot.skew_ns)
