"""Whose sessions these are, on which boot of which machine."""

from typing import NamedTuple

from ptywrap import wire


class Identity(NamedTuple):
    """A user, a machine, and one boot of it."""

    user: str
    device: str
    boot_id: str

    @property
    def host_session(self) -> bytes:
        """The session that owns what belongs to no shell."""
        return wire.host_session(self.device, self.boot_id)
