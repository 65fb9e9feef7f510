"""What the pump does besides relaying, at moments when nobody waits for it."""

import sys

from ptywrap.launch.rouse import Rouse


class Chores:
    """Adoption and the observer's start."""

    __slots__ = ("_master", "_rouse", "_shell", "_site", "process")

    def __init__(self, rouse: Rouse, site: str, shell: int, master: int) -> None:
        """Do nothing yet."""
        self._rouse, self._site, self._shell, self._master = rouse, site, shell, master
        self.process: object | None = None

    def first_idle(self) -> None:
        """The first prompt is out and nothing has moved for 250 ms."""
        self._rouse.check()
        sys.path.append(self._site)
        try:
            from ptywrap.launch import adopt  # noqa: PLC0415 - 12 ms, not before the prompt
        except ImportError:
            return  # the environment was deleted while we run
        self.process = adopt.adopted(self._shell, self._master)

    def after_enter(self) -> None:
        """A command was started."""
        self._rouse.check()
