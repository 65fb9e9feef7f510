"""The session a run was typed in: then the line and the run are one command."""

from itertools import pairwise
from typing import NamedTuple

from ptywrap.observe.session import Session
from ptywrap.observe.ward import Ward


class Outer(NamedTuple):
    """The session a run was typed in: its shell, and the process this forked for it."""

    session: Session
    shell: int
    launcher: int


def typed_in(ward: Ward, session: Session) -> Outer | None:
    """Return the session in whose shell a run was typed: shell, launcher, keeper, command."""
    parent = ward.active.get(session.begin.parent)
    if parent is None:
        return None
    line = ward.kernel.forebears(session.begin.keeper_pid)[:3]
    for launcher, shell in pairwise(line):
        if shell.pid in parent.commands.shells():
            return Outer(parent, shell.pid, launcher.pid)
    return None


def born_ns(ward: Ward, outer: Outer) -> int | None:
    """Return when the launcher of a run was born, as the tree of its session tells."""
    life = ward.tree.live.get(outer.launcher)
    if life is not None and life.ppid == outer.shell:
        return life.top_ns
    return outer.session.held.born_ns(outer.launcher, outer.shell)
