"""Ancestors, environment and terminal -> who runs the commands: human, agent, ci, script.

An agent is an ancestor of category `ai`; a build machine sets CI; without a terminal nobody types.
"""

from collections.abc import Collection, Iterable, Mapping

from ptywrap.observe.base import Forebear

_NO = frozenset({"", "0", "false", "no"})


def actor(
    ancestors: Iterable[Forebear],
    environ: Mapping[str, str],
    agents: Collection[str],
    *,
    terminal: bool,
) -> str:
    """Return who acts; `agents` are the names of programs of category `ai`.

    `environ` holds the variables by which build machines tell themselves, and no others.
    """
    if any(name in agents for above in ancestors for name in above.names):
        return "agent"
    if any(value.lower() not in _NO for value in environ.values()):
        return "ci"
    return "human" if terminal else "script"
