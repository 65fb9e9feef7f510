"""The relay: terminal <-> pty, one pending buffer each way, no timer while nothing moves."""

import errno
import posix
import select
import termios
import time

from ptywrap.launch.adopt import Chores
from ptywrap.launch.bursts import Bursts
from ptywrap.launch.signals import pass_on_above, signal
from ptywrap.launch.tally import Page
from ptywrap.launch.terminal import Terminal

ENDED = 0
HUNG_UP = 64  # plus the signal
_READ_BYTES = 1 << 16
_READS = 8
_DRAIN_BYTES = 4 << 20
_DRAIN_NS = 200_000_000
_STUCK_MS = 2000
_IN, _OUT, _GONE = select.POLLIN, select.POLLOUT, select.POLLHUP | select.POLLERR
_WATCHED = (
    signal.SIGWINCH,
    signal.SIGCONT,
    signal.SIGTSTP,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,  # the keeper: the shell has ended (where there is no pidfd)
)


class Watch:
    """Pidfds whose readiness is the end of shell, keeper, launcher; -1 where there is none."""

    __slots__ = ("keeper", "launcher", "shell")

    def __init__(self, shell: int, keeper: int, launcher: int) -> None:
        """Take them."""
        self.shell, self.keeper, self.launcher = shell, keeper, launcher


class Pump:
    """One relay. `run` returns how it ended: ENDED, or HUNG_UP plus a signal."""

    __slots__ = (
        "_bursts",
        "_cells",
        "_chores",
        "_from_shell",
        "_from_terminal",
        "_going",
        "_keys",
        "_left",
        "_master",
        "_poll",
        "_screen",
        "_signals",
        "_terminal",
        "_watch",
    )

    def __init__(
        self, terminal: Terminal, master: int, watch: Watch, bursts: Bursts, chores: Chores
    ) -> None:
        """Set up signals and descriptors; nothing is read before `run`."""
        self._terminal, self._master, self._watch = terminal, master, watch
        self._keys, self._screen = terminal.keys, terminal.screen
        self._bursts, self._chores, self._cells = bursts, chores, bursts.cells
        self._from_shell = b""  # read, not yet written to the terminal
        self._from_terminal = b""
        self._going = True
        self._left = ENDED
        posix.set_blocking(master, False)
        self._signals, wake = posix.pipe()
        posix.set_blocking(self._signals, False)
        posix.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in _WATCHED:
            signal.signal(number, _noted)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._poll = select.poll()
        for descriptor in (self._signals, watch.shell, watch.keeper, watch.launcher):
            if descriptor >= 0:
                self._poll.register(descriptor, _IN)

    def run(self) -> int:
        """Relay until the shell has ended or the terminal is gone."""
        self._bursts.sized(self._terminal.copy_size(self._master))
        self._bursts.await_idle()
        self._interest()
        bursts, poll = self._bursts, self._poll.poll
        while self._going:
            for descriptor, event in poll(bursts.wait_ms()):
                self._ready(descriptor, event)
            if bursts.tick():
                self._chores.first_idle()
            if bursts.entered():
                bursts.remind(self._chores.after_enter())
        if self._left == ENDED:
            self._drain()
        bursts.close()
        return self._left

    def leave(self, number: int) -> None:
        """End the relay as if the terminal had been hung up with this signal."""
        self._going = False
        self._left = HUNG_UP + number

    def _ready(self, descriptor: int, event: int) -> None:
        if descriptor == self._master:
            if event & _IN:
                self._output()
            if event & _OUT:
                self._flush_input()
            elif event & _GONE and not event & _IN:
                self._poll.unregister(descriptor)  # the shell's end will be told by its pidfd
        elif descriptor in (self._keys, self._screen):
            if event & _OUT:
                self._flush_output()
            if event & _IN:
                self._input()
            elif event & _GONE:
                self.leave(signal.SIGHUP)
        else:
            self._news(descriptor)

    def _news(self, descriptor: int) -> None:
        """Somebody ended, or a signal came."""
        if descriptor == self._signals:
            self._signalled()
        elif descriptor == self._watch.shell:
            self._going = False
        elif descriptor == self._watch.launcher:
            # Whoever waits for us has lost us: the outer shell has the terminal back.
            self.leave(signal.SIGHUP)
        else:
            self._poll.unregister(descriptor)
            self._watch.keeper = -1

    def _output(self) -> None:
        """Move what the shell wrote: at most 8 reads, then the input has its turn."""
        cells, bursts = self._cells, self._bursts
        for turn in range(_READS):
            try:
                data = posix.read(self._master, _READ_BYTES)
            except OSError as error:
                if error.errno != errno.EAGAIN:  # EIO: no slave is open any more
                    self._poll.unregister(self._master)
                if not turn:
                    return
                break
            cells[Page.READ] += len(data)
            all_sent = self._send(data)
            bursts.printed(data)
            if not all_sent:
                self._interest()
                break
        bursts.passed()

    def _send(self, data: bytes) -> bool:
        """Write to the terminal at once; keep what it does not take."""
        try:
            written = posix.write(self._screen, data)
        except BlockingIOError:
            written = 0
        except OSError:
            self.leave(signal.SIGHUP)
            return False
        self._cells[Page.WRITTEN] += written
        self._from_shell = data[written:]
        return not self._from_shell

    def _flush_output(self) -> None:
        if self._from_shell and self._send(self._from_shell):
            self._interest()

    def _input(self) -> None:
        """Move what was typed."""
        try:
            data = posix.read(self._keys, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._unreadable()
            return
        if not data:
            self.leave(signal.SIGHUP)
            return
        self._from_terminal = data
        self._flush_input()
        self._bursts.typed(data)

    def _flush_input(self) -> None:
        """Write to the shell; a shell that does not read stops the input and nothing else."""
        waited = self._from_terminal
        if not waited:
            return
        try:
            written = posix.write(self._master, waited)
        except BlockingIOError:
            written = 0
        except OSError:
            written = len(waited)  # the shell has ended
        self._from_terminal = waited[written:]
        self._interest()

    def _unreadable(self) -> None:
        """Tell a hung-up terminal from one that is another group's for now (both are EIO)."""
        try:
            termios.tcgetattr(self._keys)
        except (OSError, termios.error):
            self.leave(signal.SIGHUP)
            return
        self._suspend()

    def _interest(self) -> None:
        """Stop polling a source whose sink is not flushed; the directions are independent."""
        to_shell, to_screen = self._from_terminal, self._from_shell
        keys = 0 if to_shell else _IN
        self._ask(self._master, (0 if to_screen else _IN) | (_OUT if to_shell else 0))
        if self._screen == self._keys:
            keys |= _OUT if to_screen else 0
        else:
            self._ask(self._screen, _OUT if to_screen else 0)
        self._ask(self._keys, keys)

    def _ask(self, descriptor: int, events: int) -> None:
        self._poll.register(descriptor, events)

    def _signalled(self) -> None:
        """Act on signals in the order they came: a SIGCONT takes back an earlier SIGTSTP."""
        try:
            noted = posix.read(self._signals, 512)
        except BlockingIOError:
            return
        for number in noted:
            if number in (signal.SIGTERM, signal.SIGHUP):
                self.leave(number)
                return
        if signal.SIGUSR1 in noted:
            self._going = False
        if signal.SIGWINCH in noted or signal.SIGCONT in noted:
            self._bursts.sized(self._terminal.copy_size(self._master))
        if signal.SIGCONT in noted and self._watch.keeper < 0:
            self._terminal.resumed()
        if signal.SIGTSTP in noted[noted.rfind(bytes((signal.SIGCONT,))) + 1 :]:
            self._stopped()

    def _stopped(self) -> None:
        """Pass a stop signal on; the keeper may have had it, too."""
        if self._watch.keeper >= 0:
            pass_on_above(signal.SIGTSTP)
        else:
            self._terminal.stop_group()

    def _suspend(self) -> None:
        """Have everything of ours stopped; the keeper does it as long as it lives."""
        if self._watch.keeper >= 0:
            posix.kill(posix.getppid(), signal.SIGTSTP)
        else:
            self._terminal.stop_group()

    def _drain(self) -> None:
        """Move the tail: until the master has no more, 4 MiB or 200 ms.

        Never until EIO: a background job may hold the slave for ever. A read that says EAGAIN has
        flushed the kernel's own queue first (n_tty_read), so nothing the shell wrote is missed.
        """
        until_ns = time.monotonic_ns() + _DRAIN_NS
        left = _DRAIN_BYTES
        while self._flushed() and left > 0 and time.monotonic_ns() < until_ns:
            try:
                data = posix.read(self._master, _READ_BYTES)
            except OSError:
                break
            if not data:
                break
            self._cells[Page.READ] += len(data)
            left -= len(data)
            self._send(data)
            self._bursts.printed(data)
            self._bursts.passed()
        self._flushed()

    def _flushed(self) -> bool:
        """Wait until the terminal has taken what is pending; give up on one that takes nothing."""
        sink = select.poll()
        sink.register(self._screen, _OUT)
        while self._from_shell and self._left == ENDED:
            ready = sink.poll(_STUCK_MS)
            if not ready or ready[0][1] & _GONE:
                return False
            self._send(self._from_shell)
        return self._left == ENDED


def _noted(_number: int, _frame: object) -> None:
    """Do nothing: the byte in the wake-up pipe is what counts."""
