"""Parent of the shell: reaps it, keeps its pty open, and puts a new pump where one died."""

import gc
import posix
import time

from ptywrap.launch import (
    errand,
    guardian,
    leaving,
    place,
    pump,
    rouse,
    tally,
)
from ptywrap.launch.adopt import Chores
from ptywrap.launch.bursts import Bursts
from ptywrap.launch.heir import pidfd, site, status_of
from ptywrap.launch.signals import PASSED_ON, Echoes, passed_on, received, signal
from ptywrap.launch.status import UNKNOWN, code_of, of_signal
from ptywrap.launch.terminal import Terminal, job_control

_WAITED = (
    signal.SIGCHLD,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    *PASSED_ON,
)
_FAULTS = 5  # of our own code in one session; then a relay is hopeless
_GUARDIANS = 5
_HANG_UP_NS = 2_000_000_000
_HOLD_NS = 300_000_000
_FAULT = 70  # the exit code of wrapper.py's top


def keep(order: errand.Errand, shell: int) -> None:
    """Stand behind one relayed launch until it has ended. Never returns."""
    posix.close(order.errors_out)
    posix.close(order.hold_in)
    leaving.without_core()
    gc.disable()  # a collection would touch, and so copy, every page that the three share
    for number in (signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(number, signal.SIG_IGN)
    for number in _WAITED:
        signal.signal(number, _waited)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED)
    keeper = Keeper(order, shell)
    keeper.start()
    keeper.begin()
    keeper.loop()


class Keeper:
    """One session's keeper."""

    __slots__ = (
        "_alone",
        "_command",
        "_environ",
        "_failure",
        "_faults",
        "_folder",
        "_guardian",
        "_guardians",
        "_order",
        "_pump",
        "_rouse",
        "_shell",
        "_status",
        "_tally",
        "_terminal",
        "_text",
        "_watch",
    )

    def __init__(self, order: errand.Errand, shell: int) -> None:
        """Open everything that a pump will need."""
        self._order, self._shell = order, shell
        self._status: int | None = None
        self._failure = self._faults = self._guardians = 0
        self._pump = self._command = 0
        self._alone = False
        self._terminal = Terminal(order.saved or [])
        self._guardian = (0, -1)
        self._environ = errand.environ_of(order.launcher)
        self._folder, self._text = place.marks(self._environ)
        self._tally = tally.Tally(self._folder, order.session)
        self._watch = pump.Watch(pidfd(shell), pidfd(posix.getpid()), pidfd(order.launcher))
        python = errand.encoded(order.environment) + b"/bin/python"
        self._rouse = rouse.Rouse(self._folder, python, self._environ)
        self._guard()
        self._terminal.make_raw()

    def start(self) -> None:
        """Fork a pump; where no process can be had, the keeper relays by itself."""
        try:
            pid = posix.fork()
        except OSError:
            self._alone = True
            return
        if pid == 0:
            for descriptor in (self._order.slave, self._order.hold_out, self._order.errors_in):
                if descriptor >= 0:
                    posix.close(descriptor)
            errand.named("pump")
            if self._order.is_shell:
                leaving.announce()  # it has a user now, whatever becomes of the keeper
            self._leave_as_pump(self._relay(self._watch))
        self._pump = pid

    def begin(self) -> None:
        """Write the first record, let a held command go, and stop the watchdog."""
        errand.named("keeper")
        if not self._order.is_shell:
            self._command = leaving.command_pid(self._order)
            if not self._command:
                self._give_up()
        pids = (self._command or self._shell, posix.getpid(), self._pump)
        self._tally.begin(tally.opening(self._order, pids, self._environ, self._text))
        if not self._order.is_shell:
            self._hold()
        self._failure = leaving.exec_failure(self._order)
        if self._failure == leaving.OUR_FAULT:
            self._give_up()
        if self._order.is_shell:
            leaving.commit(self._order)

    def _hold(self) -> None:
        """Keep a command from its exec until the observer can miss nothing of it, or 300 ms."""
        until_ns = time.monotonic_ns() + _HOLD_NS
        if not self._rouse.follow(self._order.session, self._command, until_ns):
            self._tally.append(tally.lost(time.monotonic_ns(), tally.NOT_HELD, 1))

    def loop(self) -> None:
        """Sleep until something happens to a child or to us. Never returns."""
        echoes = Echoes()
        while True:
            self._reap()
            if self._alone:
                self._relay_here()
                continue
            number = echoes.heard(signal.sigwait(_WAITED))
            if number in (signal.SIGTERM, signal.SIGHUP):
                self._hang_up(number)
            elif number == signal.SIGTSTP:
                self._suspend()
                echoes.acted(number)
            elif number == signal.SIGCONT:
                self._terminal.resumed()
            elif number not in (0, signal.SIGCHLD):
                passed_on(self._command or self._shell, number)

    def _guard(self) -> None:
        """Have a guardian; a few times again if somebody kills it."""
        self._guardians += 1
        if self._guardian[1] >= 0:
            posix.close(self._guardian[1])
            self._guardian = (0, -1)
        if self._guardians > _GUARDIANS:
            return
        try:
            self._guardian = guardian.start(self._terminal)
        except OSError:
            return

    def _relay(self, watch: pump.Watch) -> int:
        order = self._order
        chores = Chores(self._rouse, site(order.environment), self._shell, order.master)
        bursts = Bursts(self._tally, order.master)
        return pump.Pump(self._terminal, order.master, watch, bursts, chores).run()

    def _relay_here(self) -> None:
        """Be the pump too."""
        self._alone = False
        code = self._relay(pump.Watch(self._watch.shell, -1, self._watch.launcher))
        signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED)
        if code != pump.ENDED:
            self._hang_up(code - pump.HUNG_UP)

    def _leave_as_pump(self, code: int) -> None:
        """End the pump's process; if the keeper is gone, do its last duties first."""
        if self._watch.keeper >= 0:
            posix._exit(code)
        ended = status_of(self._watch.shell, self._shell)
        if code != pump.ENDED:
            ended = of_signal(code - pump.HUNG_UP)
        self._finish(ended)

    def _reap(self) -> None:
        """Take every news of a child there is."""
        while True:
            try:
                pid, ended = posix.waitpid(-1, posix.WNOHANG | posix.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._shell:
                self._of_shell(ended)
            elif pid == self._pump:
                self._of_pump(ended)
            elif pid == self._guardian[0]:
                self._guard()
            if self._status is not None and not self._pump:
                self._finish(self._status)

    def _of_shell(self, ended: int) -> None:
        if ended & 0xFF == 0x7F:
            self._suspend()
            return
        self._status = ended
        if self._watch.shell < 0 and self._pump:
            posix.kill(self._pump, signal.SIGUSR1)

    def _of_pump(self, ended: int) -> None:
        if ended & 0xFF == 0x7F:
            posix.kill(self._pump, signal.SIGCONT)
            return
        self._pump = 0
        code = code_of(ended)
        if code is not None and code >= pump.HUNG_UP and code != _FAULT:
            self._hang_up(code - pump.HUNG_UP)
        if code == pump.ENDED:
            return
        self._faults += code is not None
        if self._faults > _FAULTS:
            self._give_up()
        self._tally.append(tally.in_flight(self._tally.page))
        self.start()

    def _suspend(self) -> None:
        """The shell stopped itself, or somebody wants us to stop; go on at once if nobody could."""
        self._tally.append(tally.suspend(time.monotonic_ns()))
        if job_control(self._order.above):
            self._terminal.stop_group()
        self._terminal.copy_size(self._order.master)
        self._tally.append(tally.resume(time.monotonic_ns()))
        try:
            posix.kill(-self._shell, signal.SIGCONT)
        except OSError:
            return

    def _hang_up(self, number: int) -> None:
        """Let the kernel hang up the inner session, and die by the same signal. Never returns."""
        self._close()
        self._order.quiet = True
        self._finish(of_signal(number))

    def _give_up(self) -> None:
        """End what there is, and leave the user with the real shell. Never returns."""
        self._close()
        if self._guardian[1] >= 0:
            guardian.dismiss(self._guardian[1])
        self._tally.end(UNKNOWN if self._status is None else self._status)
        leaving.give_up()

    def _close(self) -> None:
        """End the relay and close the pty; wait for the shell, at most 2 s."""
        if self._pump:
            posix.kill(self._pump, signal.SIGKILL)
            posix.waitpid(self._pump, 0)
            self._pump = 0
        posix.close(self._order.master)
        posix.close(self._order.slave)
        self._terminal.restore()
        until_ns = time.monotonic_ns() + _HANG_UP_NS
        while self._status is None and (left_ns := until_ns - time.monotonic_ns()) > 0:
            pid, ended = posix.waitpid(self._shell, posix.WNOHANG)
            if pid:
                self._status = ended
                break
            received(_WAITED[:1], left_ns)

    def _finish(self, ended: int) -> None:
        """The end, in the order the user sees it. Never returns."""
        self._terminal.restore()
        if self._guardian[1] >= 0:
            guardian.dismiss(self._guardian[1])
        if not self._order.is_shell and (used := leaving.measured(self._order)):
            self._tally.append(tally.rusage(time.monotonic_ns(), used, self._order.used))
        self._tally.end(ended)
        self._rouse.check()  # a session too short for an idle moment wants its file read, too
        if self._failure:
            leaving.explain(self._order, self._failure)
        if ended == UNKNOWN:
            leaving.tell(b"ptywrap: the exit status is not known\n")
        if not self._order.is_shell and not self._failure:
            leaving.summarise(self._order)
        leaving.leave(ended)


def _waited(_number: int, _frame: object) -> None:
    """Do nothing: the signals are blocked and waited for."""
