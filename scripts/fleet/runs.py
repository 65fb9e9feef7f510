"""One made-up command as the facts an observer tells of it: itself, its processes, its flows."""

from collections.abc import Iterator
from typing import NamedTuple

from ptywrap import wire
from scripts.fleet.dice import Dice
from scripts.fleet.habits import BRANCHES, HABITS, REPOSITORIES, Habit

MS = 1_000_000
SECOND = 1000 * MS
_TICK_NS = 10 * MS
# A commit is seen by every command until the next one.
_COMMIT_NS = 1800 * SECOND
_MOST_PROCESSES = 400
_MOST_SAMPLES = 60
_LONGEST_MS = 3 * 3600 * 1000
_KINDS = ("cpu", "disk", "network", "child", "other")


class Boot(NamedTuple):
    """A laptop from one start to the next: when it truly was, and by how much its clock is off."""

    device: str
    id: str
    booted_at: int
    skew_ns: int


class Told(NamedTuple):
    """A fact and the true moment at which the observer told it."""

    at: int
    fact: wire.Fact


class Shell(NamedTuple):
    """An open shell: where it is and what it is called."""

    boot: Boot
    session: bytes
    pid: int
    name: str
    repo: str


class Run(NamedTuple):
    """One command about to be told: its shell, its habit, its true start and its length."""

    shell: Shell
    habit: Habit
    id: int
    at: int
    wall_ns: int
    processes: int

    @property
    def started_at(self) -> int:
        """The start as the laptop's clock tells it."""
        return self.at + self.shell.boot.skew_ns

    @property
    def ticks(self) -> int:
        """The start in ticks of 10 ms since boot."""
        return (self.at - self.shell.boot.booted_at) // _TICK_NS


def a_run(shell: Shell, at: int, dice: Dice) -> Run:
    """Return the next command of a shell: which one, and how long it takes."""
    habit = dice.ranked(HABITS)
    wall = dice.length(habit.median_ms * 1000, habit.spread, _LONGEST_MS * 1000) * 1000
    number = wire.command_id(shell.session, shell.pid, at - shell.boot.booted_at)
    processes = dice.number(habit.processes, _MOST_PROCESSES)
    return Run(shell, habit, number, at, wall, processes)


def told(run: Run, dice: Dice) -> Iterator[Told]:
    """Yield everything that is told of a run, its first telling first."""
    if run.shell.name != "bash":  # bash below 5.3 writes no start
        yield Told(run.at, _begun(run))
    flows = list(_flows(run, dice))
    for process in _tree(run, dice):
        yield Told(run.at + process.wall_ns if process.wall_ns else run.at, process)
    for flow in flows:
        yield Told(run.at + run.wall_ns, flow)
    yield from _samples(run, dice)
    yield Told(run.at + run.wall_ns, _ended(run, flows, dice))
    if dice.happens(2):
        loss = wire.Loss(
            session=run.shell.session,
            sensor="proc_connector",
            since=run.started_at,
            until=run.started_at + run.wall_ns,
            missed=dice.whole(1, 40),
            reason="overrun",
        )
        yield Told(run.at + run.wall_ns, loss)


def _begun(run: Run) -> wire.Command:
    return wire.Command(
        session=run.shell.session,
        id=run.id,
        shell_pid=run.shell.pid,
        cwd=f"/home/ada/{run.shell.repo.rpartition('/')[2]}",
        repo=run.shell.repo,
        started_at=run.started_at,
    )


def _ended(run: Run, flows: list[wire.Flow], dice: Dice) -> wire.Command:
    failed = dice.happens(run.habit.failures_permille)
    parts = _split(run, dice)
    cpu = parts.cpu_ns or 0
    return wire.Command(
        session=run.shell.session,
        id=run.id,
        line=run.habit.line,
        shell_pid=run.shell.pid,
        shape=run.habit.template,
        template=run.habit.template,
        category=run.habit.category,
        cwd=f"/home/ada/{run.shell.repo.rpartition('/')[2]}",
        repo=run.shell.repo,
        branch=dice.one(BRANCHES),
        commit=Dice("commit", run.shell.session.hex(), run.at // _COMMIT_NS).text(20).hex(),
        actor="agent" if dice.happens(60) else "human",
        started_at=run.started_at,
        wall_ns=run.wall_ns,
        suspended_ns=0,
        exit_status=dice.one((1, 2, 1, 101)) if failed else 0,
        cpu_user_ns=cpu * 3 // 4,
        cpu_sys_ns=cpu // 4,
        peak_rss_bytes=dice.length(40 << 20, 1.0, 8 << 30) >> 12 << 12,
        read_bytes=dice.length(200_000, 2.0, 1 << 34) >> 12 << 12,
        write_bytes=dice.length(80_000, 2.0, 1 << 33) >> 12 << 12,
        received_bytes=sum(flow.received_bytes or 0 for flow in flows),
        sent_bytes=sum(flow.sent_bytes or 0 for flow in flows),
        connections=len(flows),
        process_count=run.processes,
        completeness="raced" if dice.happens(30) else "exact",
        split=parts,
        other_reasons={"asleep": parts.other_ns} if parts.other_ns else None,
        wait_ns=0 if run.habit.category == "interactive" else run.wall_ns,
        prompt_ns=dice.length(9 * MS, 0.5, SECOND),
        context=_context(run, dice),
    )


def _context(run: Run, dice: Dice) -> wire.Context:
    return wire.Context(
        tool_version=f"{dice.whole(1, 3)}.{dice.whole(0, 9)}",
        power_source=dice.one(("mains", "mains", "battery")),
        pressure_cpu_permille=dice.whole(0, 400),
        changed_files=dice.whole(0, 12),
        boot_at=run.shell.boot.booted_at + run.shell.boot.skew_ns,
    )


def _split(run: Run, dice: Dice) -> wire.Split:
    """Divide the wall time; what is left over is `other`, so that the parts add up exactly."""
    cpu = int(run.wall_ns * dice.share() * 0.8)
    left = run.wall_ns - cpu
    network = int(left * dice.share()) if run.habit.hosts else 0
    disk = int((left - network) * dice.share() * 0.3)
    runqueue = int((left - network - disk) * dice.share() * 0.2)
    return wire.Split(
        cpu_ns=cpu,
        runqueue_ns=runqueue,
        disk_ns=disk,
        network_ns=network,
        other_ns=left - network - disk - runqueue,
    )


def _tree(run: Run, dice: Dice) -> Iterator[wire.Process]:
    """Yield the first process and those it and its children start, one behind the other."""
    first = (dice.whole(300, 4_000_000), run.ticks)
    born = [first]
    yield _process(run, dice, first, (run.shell.pid, 0))
    for _ in range(run.processes - 1):
        parent = dice.one(born[-3:])
        later = run.ticks + int(dice.share() * run.wall_ns / _TICK_NS)
        own = ((born[-1][0] + dice.whole(1, 3)) % (1 << 22), max(later, parent[1]))
        if own in born:
            continue
        born.append(own)
        yield _process(run, dice, own, parent)


def _process(run: Run, dice: Dice, own: tuple[int, int], parent: tuple[int, int]) -> wire.Process:
    pid, ticks = own
    at = max(run.at, run.shell.boot.booted_at + ticks * _TICK_NS)
    left = max(run.at + run.wall_ns - at, MS)
    is_first = parent[0] == run.shell.pid
    name = run.habit.program if is_first else dice.one(run.habit.programs or ("sh",))
    wall = left if is_first else int(left * dice.share())
    cpu = int(wall * dice.share() * 0.6)
    return wire.Process(
        session=run.shell.session,
        pid=pid,
        start_ticks=ticks,
        command=run.id,
        ppid=parent[0],
        parent_ticks=parent[1] or None,
        name=name.rpartition("/")[2],
        exe=f"/usr/bin/{name.rpartition('/')[2]}",
        argv=run.habit.line.split() if is_first else [name, f"--job={dice.whole(1, 400)}"],
        cwd=f"/home/ada/{run.shell.repo.rpartition('/')[2]}",
        started_at=(at + run.shell.boot.skew_ns) // 1000 * 1000,
        wall_ns=wall // 1000 * 1000,
        exit_status=1 if dice.happens(15) else 0,
        cpu_user_ns=cpu * 3 // 4 // 1000 * 1000,
        cpu_sys_ns=cpu // 4 // 1000 * 1000,
        peak_rss_bytes=dice.length(12 << 20, 0.9, 4 << 30) >> 12 << 12,
        read_bytes=0 if dice.happens(600) else dice.whole(1, 900) << 12,
        write_bytes=0 if dice.happens(700) else dice.whole(1, 300) << 12,
        source="proc_connector",
        completeness="exact",
    )


def _flows(run: Run, dice: Dice) -> Iterator[wire.Flow]:
    boot = run.shell.boot
    for host in run.habit.hosts:
        for _ in range(dice.number(3, 24)):
            opened = run.started_at + int(run.wall_ns * dice.share())
            first_byte = opened + dice.length(60 * MS, 0.8, 20 * SECOND)
            yield wire.Flow(
                session=run.shell.session,
                id=wire.flow_id(boot.id, 4_026_531_840, dice.bits(40)),
                command=run.id,
                pid=None if dice.happens(50) else dice.whole(300, 4_000_000),
                pid_confidence="likely",
                protocol="tcp",
                remote_host=host,
                host_source="dns",
                remote_address=f"192.0.2.{dice.whole(1, 254)}",
                remote_port=443,
                opened_at=opened,
                connect_ns=dice.length(22 * MS, 0.7, 5 * SECOND),
                first_byte_at=first_byte,
                closed_at=max(first_byte, run.started_at + run.wall_ns),
                received_bytes=dice.length(60_000, 2.0, 1 << 32),
                sent_bytes=dice.length(1_500, 1.0, 1 << 28),
                rtt_ns=dice.length(18 * MS, 0.6, SECOND),
                retransmits=dice.whole(0, 2),
            )


def _samples(run: Run, dice: Dice) -> Iterator[Told]:
    """Yield the timeline of a run of seconds, a piece a second, longer ones where it is long."""
    seconds = run.wall_ns // SECOND
    if seconds < 2:
        return
    number = min(seconds, _MOST_SAMPLES)
    length = run.wall_ns // number
    for place in range(number):
        begun = run.at + place * length
        yield Told(
            begun + length,
            wire.Sample(
                session=run.shell.session,
                command=run.id,
                at=begun + run.shell.boot.skew_ns,
                length_ns=length,
                class_=dice.one(_KINDS),
                cpu_ns=int(length * dice.share()),
                cores_permille=dice.whole(0, 4000),
            ),
        )


def a_repository(dice: Dice) -> str:
    """Return where a shell is working."""
    return dice.ranked(REPOSITORIES)
