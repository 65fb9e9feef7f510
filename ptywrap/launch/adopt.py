"""After the first prompt: ptyprocess on the pty that is already relayed."""

from ptyprocess import PtyProcess


def adopted(pid: int, master: int) -> PtyProcess:
    """Return a PtyProcess for the pair.

    It must never wait (the keeper is the shell's parent) nor be collected: `__del__` closes the
    master and kills the child. So both delays are 0, and we leave by posix._exit.
    """
    process = PtyProcess(pid, master)
    process.delayafterclose = 0
    process.delayafterterminate = 0
    return process
