"""Brings the members into line with /proc after events were lost (lifecycle 3.2, steps 4 and 5)."""

import sys
from collections.abc import Iterable, Iterator, Mapping

from ptywrap.lifecycle import membership, proctree, tracker

assert sys.platform == "linux"


def compare(followed: tracker.Tracker, seen: Mapping[int, proctree.Stat], at: int) -> None:
    """Tell what must have happened unseen before a walk that began `at`.

    Who is gone has ended, at the time of the walk at the latest, with the status that a held
    descriptor knows; who is new below a member was born; who runs another program called exec.
    """
    living = followed.members.living
    roots = {pid: member.root for pid, member in living.items()}
    before = list(living.items())
    for pid, member in before:
        stat = seen.get(pid)
        if stat is None or stat.start_ticks != member.start_ticks or stat.ended:
            followed.lose(pid, at)
        elif proctree.exiting(stat):
            followed.wait(pid)
    for stat in _newcomers(seen.values(), living, roots):
        above = living.get(stat.ppid)
        followed.find(stat, roots[stat.session] if above is None else above.root)
    for pid, member in before:
        if living.get(pid) is member and _runs_another(pid, member):
            member.walked_at = at
            followed.members.tell_program(seen[pid], at)


def _newcomers(
    seen: Iterable[proctree.Stat], living: Mapping[int, membership.Member], roots: Mapping[int, int]
) -> Iterator[proctree.Stat]:
    """Yield who is below a member but is none yet, parents before children.

    `living` grows while the caller takes them in. Who lost its parent in the gap is told by its
    session: only what a member started can be in the session that member leads.
    """
    below: dict[int, list[proctree.Stat]] = {}
    orphans = []
    for stat in seen:
        if stat.pid in living or stat.ended:
            continue
        below.setdefault(stat.ppid, []).append(stat)
        if stat.ppid not in living and stat.session in roots:
            orphans.append(stat)
    queue = [each for pid in list(living) for each in below.get(pid, ())]
    while queue or orphans:
        stat = queue.pop() if queue else orphans.pop()
        if stat.pid not in living:
            yield stat
            queue.extend(below.get(stat.pid, ()))


def _runs_another(pid: int, member: membership.Member) -> bool:
    known = member.program
    argv, _ = proctree.argv(pid)
    return argv is not None and (known is None or known.argv != argv)
