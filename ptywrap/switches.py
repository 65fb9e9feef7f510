"""The off switches that need no configuration to be read: who must know soon asks here."""

from collections.abc import Mapping

from ptywrap import paths

_OFF = ("PTYWRAP_DISABLE", "DO_NOT_TRACK")


def thrown(environ: Mapping[str, str]) -> str | None:
    """Return the name of the switch in force, or None; any one wins over all configuration."""
    for name in _OFF:
        if environ.get(name) == "1":
            return name
    return str(paths.SYSTEM_SWITCH) if paths.SYSTEM_SWITCH.exists() else None
