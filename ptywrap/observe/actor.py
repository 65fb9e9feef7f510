"""Ancestors, environment and terminal -> who runs the commands: human, agent, ci, script.

An agent is an ancestor of category `ai`; a build machine sets CI; without a terminal nobody types.
"""

from collections.abc import Callable, Iterable, Mapping

_NO = frozenset({"", "0", "false", "no"})


def actor(
    ancestors: Iterable[str],
    environ: Mapping[str, str],
    category: Callable[[str], str | None],
    *,
    terminal: bool,
) -> str:
    """Return who acts; `ancestors` are programs' names, `category` says what a program is for."""
    if any(category(name) == "ai" for name in ancestors):
        return "agent"
    if environ.get("CI", "").lower() not in _NO:
        return "ci"
    return "human" if terminal else "script"
