"""Follows connections from the process that opens them to their cookie, by the kernel's address.

The process is right only where a connection begins (SYN_SENT); the local port is known only later,
when somebody else runs; the cookie is told at the end. An address is used again, but not before.
"""

from typing import NamedTuple

from netsniff.model import Endpoint, Holder, Reading

SOURCE = "tracefs"
ESTABLISHED, SYN_SENT, CLOSE = 1, 2, 7


class Change(NamedTuple):
    """A socket, by its address in the kernel, changed its state; `thread` ran meanwhile."""

    at_ns: int
    thread: int
    socket: int
    state: int
    local: Endpoint
    remote: Endpoint


class Gone(NamedTuple):
    """A socket is no more; `cookie` None: the kernel did not say."""

    at_ns: int
    socket: int
    cookie: int | None


class Opening(NamedTuple):
    """What is known of a connection that a process of this machine has opened."""

    opened_ns: int
    holder: Holder | None
    local: Endpoint
    remote: Endpoint
    established_ns: int | None = None
    closed_ns: int | None = None
    cookie: int | None = None

    def reading(self, at_ns: int, namespace: int | None, *, final: bool = False) -> Reading:
        """Say it."""
        connect_ns = None if self.established_ns is None else self.established_ns - self.opened_ns
        living = ESTABLISHED if self.established_ns else SYN_SENT
        return Reading(
            at_ns=at_ns,
            source=SOURCE,
            protocol="tcp",
            local=self.local,
            remote=self.remote,
            namespace=None if self.cookie is None else namespace,
            cookie=self.cookie,
            holder=self.holder,
            state=CLOSE if final or self.closed_ns else living,
            opened_ns=self.opened_ns,
            connect_ns=connect_ns,
            final=final,
        )


class Openings:
    """The connections that were opened since we look and are not over."""

    def __init__(self) -> None:
        self._open: dict[int, Opening] = {}
        self._untold: dict[int, None] = {}

    def take(self, event: Change | Gone, holder: Holder | None = None) -> Opening | None:
        """Take an event, in the order of time; return a connection that is over by it."""
        known = self._open.get(event.socket)
        if isinstance(event, Gone):
            self._untold.pop(event.socket, None)
            self._open.pop(event.socket, None)
            if known is None:
                return None
            return known._replace(cookie=event.cookie, closed_ns=known.closed_ns or event.at_ns)
        if event.state == SYN_SENT:
            self._untold.pop(event.socket, None)
            self._open[event.socket] = Opening(event.at_ns, holder, event.local, event.remote)
        elif known is not None:
            self._open[event.socket] = _changed(known, event)
            if event.state == ESTABLISHED:
                self._untold[event.socket] = None
        return None

    def __contains__(self, socket: object) -> bool:
        """Whether a socket is one of them."""
        return socket in self._open

    def untold(self, before_ns: int) -> dict[int, Opening]:
        """Return, each once, those that were established before a moment and are not over."""
        found: dict[int, Opening] = {}
        for socket in self._untold:
            opening = self._open[socket]
            if (opening.established_ns or before_ns) >= before_ns:
                break
            found[socket] = opening
        for socket in found:
            del self._untold[socket]
        return found


def _changed(known: Opening, event: Change) -> Opening:
    local = event.local if event.local.port else known.local
    if event.state == ESTABLISHED:
        return known._replace(local=local, established_ns=event.at_ns)
    return known._replace(local=local, closed_ns=event.at_ns)
