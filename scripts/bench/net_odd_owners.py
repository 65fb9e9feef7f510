"""Connections that another process uses than opened them; run where `net_odd.py` is.

Whoever connects is the owner, whoever uses it later.
"""

import array
import os
import socket
import sys
import threading
import time

from scripts.bench.net_odd_ends import SIZE, STEP, connected, fetch, once


def execed(to: tuple[str, int], number: int) -> None:
    """Connect, become another program, and use the socket there."""
    for at in range(number):
        pid = os.fork()
        if pid == 0:
            one = connected(to)
            os.set_inheritable(one.fileno(), True)
            script = (
                "import socket,sys; s=socket.socket(fileno=int(sys.argv[1]));"
                "s.sendall(b'GET /0/%012d/close HTTP/1.1\\r\\n\\r\\n' % int(sys.argv[2]))\n"
                "while s.recv(1<<18): pass"
            )
            words = [sys.executable, "-ISc", script, str(one.fileno()), str(SIZE + STEP * at)]
            os.execv(sys.executable, words)
        os.waitpid(pid, 0)


def inherited(to: tuple[str, int], number: int) -> None:
    """Connect, and let a child use it while the parent closes its own end of it."""
    for at in range(number):
        one = connected(to)
        pid = os.fork()
        if pid == 0:
            fetch(one, at)
            os._exit(0)
        one.close()
        os.waitpid(pid, 0)


def shared(to: tuple[str, int], number: int) -> None:
    """Connect, and hold it in four children at once for 30 ms."""
    for at in range(number):
        with connected(to) as one:
            pids = []
            for _ in range(4):
                pid = os.fork()
                if pid == 0:
                    time.sleep(0.03)
                    os._exit(0)
                pids.append(pid)
            fetch(one, at)
            for pid in pids:
                os.waitpid(pid, 0)


def passed_on(to: tuple[str, int], number: int) -> None:
    """Connect in a child that hands the socket to its parent (SCM_RIGHTS) and ends."""
    for at in range(number):
        here, there = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            one = connected(to)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [one.fileno()]))]
            there.sendmsg([b"x"], rights)
            os._exit(0)
        _, handed, _, _ = here.recvmsg(1, 64)
        os.waitpid(pid, 0)
        with socket.socket(fileno=array.array("i", handed[0][2])[0]) as one:
            fetch(one, at)
        here.close()
        there.close()


def threads(to: tuple[str, int], number: int) -> None:
    """Connect from eight threads."""

    def some(first: int) -> None:
        for at in range(first, number, 8):
            once(to, at)

    every = [threading.Thread(target=some, args=(first,)) for first in range(8)]
    for one in every:
        one.start()
    for one in every:
        one.join()


def forks(to: tuple[str, int], number: int) -> None:
    """Fork for each connection, as a fork server does: no program is executed."""
    for at in range(number):
        pid = os.fork()
        if pid == 0:
            once(to, at)
            os._exit(0)
        if at % 4 == 3:
            os.waitpid(pid, 0)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def killed(to: tuple[str, int], number: int) -> None:
    """Die by SIGKILL with the socket open."""
    for at in range(number):
        pid = os.fork()
        if pid == 0:
            fetch(connected(to), at)
            os.kill(os.getpid(), 9)
        os.waitpid(pid, 0)
