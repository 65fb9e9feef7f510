"""The session a run was typed in: then the line and the run are one command."""

from itertools import pairwise

from ptywrap.observe.closing import Outer
from ptywrap.observe.session import Session
from ptywrap.observe.ward import Ward


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
