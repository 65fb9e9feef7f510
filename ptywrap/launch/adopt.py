"""What the pump does besides relaying, when nobody waits for it: ptyprocess, the observer's start.

ptyprocess takes milliseconds to import: it comes at the first idle moment after the prompt.
"""

import sys

from ptywrap.launch.rouse import Rouse
from ptywrap.launch.signals import signal


class Chores:
    """Adoption of the pty that is already relayed, and a look after the observer."""

    __slots__ = ("_master", "_rouse", "_shell", "_site", "process")

    def __init__(self, rouse: Rouse, site: str, shell: int, master: int) -> None:
        """Do nothing yet."""
        self._rouse, self._site, self._shell, self._master = rouse, site, shell, master
        self.process: object | None = None

    def first_idle(self) -> None:
        """Nothing has moved for 250 ms after the first prompt."""
        self.after_enter()
        try:
            self.process = _adopted(self._shell, self._master, self._site)
        except ImportError:
            return  # the environment was deleted while we run

    def after_enter(self) -> int:
        """A command was started; return when to look after the observer again, 0 for never."""
        self._rouse.check()
        return self._rouse.again_at_ns


def _adopted(pid: int, master: int, site: str) -> object:
    """Return a PtyProcess for the pair.

    It must never wait (the keeper is the shell's parent) nor be collected: `__del__` closes the
    master and kills the child. So both delays are 0, and we leave by posix._exit.
    """
    sys.path.append(site)
    # Without shutil it uses its own copy of `which`, and of `signal` it uses what the C module has:
    # 29 modules and 1 MB stay out of every session.
    modules: dict[str, object] = sys.modules  # type: ignore[assignment]  # None forbids an import
    kept = {name: modules.get(name) for name in ("shutil", "signal")}
    modules.update(shutil=None, signal=signal)
    try:
        from ptyprocess import PtyProcess
    finally:
        for name, module in kept.items():
            modules.pop(name)
            if module is not None:
                modules[name] = module
    process = PtyProcess(pid, master)
    process.delayafterclose = 0
    process.delayafterterminate = 0
    return process
