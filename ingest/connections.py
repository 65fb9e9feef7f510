"""Connections that are watched from outside aiohttp, which lets a stalled head stay for good.

A connection is waiting for a head, busy with a request, or idle between two. One timer closes
those that wait too long; whoever opens too many from one address is hung up on.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple


class Bounds(NamedTuple):
    """How many, and how long in seconds a head may take and a connection rest."""

    per_address: int
    in_all: int
    head: float
    idle: float


class Connections:
    """The factory of watched connections: what `create_server` is given."""

    def __init__(
        self,
        make: Callable[[], asyncio.Protocol],
        bounds: Bounds,
        trusts: Callable[[str], bool],
    ) -> None:
        self.refused = 0
        self.cut = 0
        self._make = make
        self._bounds = bounds
        self._trusts = trusts
        self._open: dict[asyncio.Protocol, Connection] = {}
        self._addresses: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> "Connection":
        return Connection(self, self._make())

    def __len__(self) -> int:
        return len(self._open)

    def began(self, inner: object) -> float:
        """Say that a head is complete; return by which moment of the loop its body must be."""
        connection = self._open.get(inner) if isinstance(inner, asyncio.Protocol) else None
        if connection is None:
            return self._loop.time() + self._bounds.head
        connection.busy = True
        return connection.since + self._bounds.head

    def ended(self, inner: object) -> None:
        """Say that a request was answered."""
        connection = self._open.get(inner) if isinstance(inner, asyncio.Protocol) else None
        if connection is not None:
            connection.busy = False
            connection.idle = True
            connection.since = self._loop.time()

    def opened(self, connection: "Connection", address: str) -> bool:
        """Take a connection in, or say that there are too many already."""
        many = self._addresses[address] >= self._bounds.per_address and not self._trusts(address)
        if many or len(self._open) >= self._bounds.in_all:
            self.refused += 1
            return False
        self._addresses[address] += 1
        self._open[connection.inner] = connection
        if self._timer is None:
            self._watch()
        return True

    def closed(self, connection: "Connection", address: str) -> None:
        """Let go of a connection."""
        if self._open.pop(connection.inner, None) is not None:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]

    def _watch(self) -> None:
        now = self._loop.time()
        for connection in list(self._open.values()):
            most = self._bounds.idle if connection.idle else self._bounds.head
            if not connection.busy and now - connection.since >= most:
                self.cut += not connection.idle
                connection.cut()
        self._timer = None
        if self._open:
            self._timer = self._loop.call_later(min(0.5, self._bounds.head / 4), self._watch)


class Connection(asyncio.Protocol):
    """One connection; everything goes on to aiohttp's own protocol."""

    def __init__(self, all_of_them: Connections, inner: asyncio.Protocol) -> None:
        self.inner = inner
        self.busy = False
        self.idle = False
        self.since = asyncio.get_running_loop().time()
        self._all = all_of_them
        self._address = ""
        self._transport: asyncio.Transport | None = None
        self._taken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, or hang up."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.since = asyncio.get_running_loop().time()
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._taken = self._all.opened(self, self._address)
        if self._taken:
            self.inner.connection_made(transport)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; the first after a rest begin a head."""
        if self.idle and not self.busy:
            self.idle = False
            self.since = asyncio.get_running_loop().time()
        if self._taken:
            self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self.inner.eof_received() if self._taken else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        if self._taken:
            self._all.closed(self, self._address)
            self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self.inner.resume_writing()

    def cut(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
