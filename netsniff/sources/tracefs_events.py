"""Turns what the kernel's tracer wrote into changes of sockets, by the formats of this kernel."""

import functools
import sys
from collections.abc import Container

from netsniff.model import Endpoint
from netsniff.sources.diag_message import address
from netsniff.sources.tracefs_openings import SYN_SENT, Change, Gone
from netsniff.sources.tracefs_page import Format, Unreadable

STATE, END = "sock/inet_sock_set_state", "tcp/tcp_destroy_sock"
WANTED = {
    STATE: "protocol == 6 && (newstate == 1 || newstate == 2 || newstate == 7)",
    END: "",
}
"""Events, and which of them: TCP that connects, is connected, is closed."""

_NEEDED = {
    STATE: (
        *("common_pid", "skaddr", "newstate", "sport", "dport", "family"),
        *("saddr", "daddr", "saddr_v6", "daddr_v6"),
    ),
    END: ("skaddr",),
}
_COOKIE = "sock_cookie"
_INET = 2
_address = functools.lru_cache(maxsize=1024)(address)


class Reader:
    """Reads events of WANTED. Making it raises Unreadable where a field is lacking."""

    def __init__(self, formats: dict[str, Format]) -> None:
        for event, needed in _NEEDED.items():
            lacking = set(needed) - formats[event].fields.keys()
            if lacking:
                raise Unreadable(f"the kernel's event {event} has no {min(lacking)}")
        self._state, self._end = formats[STATE], formats[END]
        self.tells_cookies = _COOKIE in self._end.fields

    def read(self, at_ns: int, event: bytes, followed: Container[int]) -> Change | Gone | None:
        """Return what an event says; None: it is another one, or of a socket not followed."""
        kind = int.from_bytes(event[:2], sys.byteorder)
        if kind == self._end.number:
            cookie = self._end.number_in(event, _COOKIE) if self.tells_cookies else None
            socket = self._end.number_in(event, "skaddr")
            return Gone(at_ns, socket, cookie or None) if socket in followed else None
        return self._change(at_ns, event, followed) if kind == self._state.number else None

    def _change(self, at_ns: int, event: bytes, followed: Container[int]) -> Change | None:
        state = self._state
        socket, after = state.number_in(event, "skaddr"), state.number_in(event, "newstate")
        if after != SYN_SENT and socket not in followed:
            return None
        four = state.number_in(event, "family") == _INET
        ends = []
        for end in ("s", "d"):
            data = state.bytes_in(event, f"{end}addr" if four else f"{end}addr_v6")
            if len(data) < (4 if four else 16):
                return None
            text = _address(_INET if four else 10, data)
            ends.append(Endpoint(text, state.number_in(event, f"{end}port")))
        return Change(at_ns, state.number_in(event, "common_pid"), socket, after, ends[0], ends[1])
