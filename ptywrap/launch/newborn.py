"""The child's side of the fork: the state a bare shell would have found, then its exec."""

import errno
import posix

from ptywrap.launch import errand, inject, notice, place
from ptywrap.launch.signals import signal

# Python ignores PIPE and XFSZ from its start, sh ignores INT and QUIT in a background process.
_CHANGED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD)
_HIGHEST = 1 << 16
_NOT_FOUND = (errno.ENOENT, errno.ENOTDIR)


def become(order: errand.Errand) -> None:
    """Exec the shell or command; an error goes to the keeper as two bytes. Never returns."""
    environ = errand.environ_of(order.launcher)
    keeper = posix.getppid()
    if order.relayed:
        _settle(order)
    if order.relayed and order.is_shell:
        notice.show(environ)
    if not order.is_shell:
        from ptywrap.launch import leader

        if order.relayed:
            leader.lead(order)
    _signals(order.launcher)
    program, argv, environ = _prepared(order, environ, keeper)
    if not order.is_shell:
        posix.close(order.hold_out)
        if posix.read(order.hold_in, 1) != errand.GO:
            raise BrokenPipeError
        posix.write(order.errors_out, leader.used())
    failure = _run(program, argv, environ)
    posix.write(order.errors_out, failure.to_bytes(2, "little"))
    posix._exit(127 if failure in _NOT_FOUND else 126)


def _settle(order: errand.Errand) -> None:
    """Make the slave our terminal; a stderr that is not the terminal stays the caller's."""
    here, there = posix.fstat(0), posix.fstat(2) if _open(2) else None
    same = there is None or (here.st_rdev, here.st_ino) == (there.st_rdev, there.st_ino)
    kept = -1 if same else posix.dup(2)
    posix.login_tty(order.slave)
    if not same:
        posix.dup2(kept, 2)
        posix.close(kept)
    if order.is_shell:
        posix.closerange(3, order.errors_out)
        posix.closerange(order.errors_out + 1, _HIGHEST)
    # Else the caller's other descriptors are the command's: `<(...)` makes such.


def _open(number: int) -> bool:
    try:
        posix.fstat(number)
    except OSError:
        return False
    return True


def _signals(launcher: int) -> None:
    """Give back what was ignored before us, and nothing else; empty mask."""
    ignored = 0
    try:
        for line in errand.whole(b"/proc/%d/status" % launcher).splitlines():
            if line.startswith(b"SigIgn:"):
                ignored = int(line[7:], 16)
    except OSError:
        pass
    for number in _CHANGED:
        was = signal.SIG_IGN if ignored >> (number - 1) & 1 else signal.SIG_DFL
        signal.signal(number, was)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _prepared(
    order: errand.Errand, environ: dict[bytes, bytes], keeper: int
) -> tuple[bytes, list[bytes], dict[bytes, bytes]]:
    """Return program, argv and environment, with the hooks in a shell's."""
    folder, text = place.marks(environ)
    if order.relayed:
        environ[b"PTYWRAP_SESSION"] = order.session.encode()
        environ[b"PTYWRAP_TTY"] = posix.ttyname(0).encode()
        environ[b"PTYWRAP_KEEPER"] = b"%d" % keeper
        environ.pop(b"PTYWRAP_MARKS", None)
    if not order.is_shell:
        return order.command[0], order.command, environ
    environ[b"SHELL"] = order.shell
    if folder:
        environ[b"PTYWRAP_MARKS"] = folder
        environ[b"PTYWRAP_MARKS_TEXT"] = b"1" if text else b"0"
    name = order.shell.rpartition(b"/")[2]  # as terminals, su and login call it
    argv = [b"-" + name if order.login else name]
    hooks = errand.encoded(__file__.rpartition("/launch/")[0] + "/shell")
    if errand.exists(hooks):
        argv, environ = inject.injected(order.shell, argv, environ, hooks, order.login)
    return order.shell, argv, environ


def _run(program: bytes, argv: list[bytes], environ: dict[bytes, bytes]) -> int:
    """Exec as execvp(3) does; return the errno that says why not."""
    if b"/" in program:
        return _tried(program, argv, environ)
    failure = errno.ENOENT
    for folder in environ.get(b"PATH", b"/usr/local/bin:/bin:/usr/bin").split(b":"):
        tried = _tried((folder or b".") + b"/" + program, argv, environ)
        if tried not in _NOT_FOUND:
            failure = tried
            if tried != errno.EACCES:
                break
    return failure


def _tried(path: bytes, argv: list[bytes], environ: dict[bytes, bytes]) -> int:
    try:
        posix.execve(path, argv, environ)
    except OSError as error:
        failure = error.errno or errno.ENOENT
    if failure == errno.ENOEXEC:
        return _tried(b"/bin/sh", [b"/bin/sh", path, *argv[1:]], environ)
    return failure
