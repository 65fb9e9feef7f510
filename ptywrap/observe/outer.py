"""The session a run was typed in: then the line and the run are one command."""

from itertools import pairwise

from ptywrap.observe.claims import Outer
from ptywrap.observe.session import Session
from ptywrap.observe.ward import Ward

_OURS = {"ptywrap", "ptywrap.sh", "wrapper.py"}


def typed_in(ward: Ward, session: Session) -> Outer | None:
    """Return the session in whose shell a run was typed: shell, launcher, keeper, command."""
    parent = ward.active.get(session.begin.parent)
    if parent is None:
        return None
    begin = session.begin
    if begin.above_pid in parent.commands.shells():
        return Outer(parent, begin.above_pid, begin.launcher_pid)
    for launcher, shell in pairwise(ward.kernel.forebears(session.begin.keeper_pid)):
        if not _OURS.intersection(launcher.names):
            return None
        if shell.pid in parent.commands.shells():
            return Outer(parent, shell.pid, launcher.pid)
    return None
