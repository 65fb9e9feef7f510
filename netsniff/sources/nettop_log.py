"""Reads what nettop writes in logging mode: comma-separated samples, each begun by a header.

A line of a process (NAME.PID) comes before those of its flows. Columns are found by the header's
names, for they differ between releases. Byte counts are totals since the flow began. See
nettop(1), options -L, -n, -x and -J.
"""

from typing import NamedTuple, TypeAlias

from netsniff.model import LIKELY, Endpoint, Holder, Protocol, Reading

_STATES = {
    "Established": 1,
    "SynSent": 2,
    "SynReceived": 3,
    "FinWait1": 4,
    "FinWait2": 5,
    "CloseWait": 8,
    "LastAck": 9,
    "Closing": 11,
}
"""Those of a connection; the numbers are of include/net/tcp_states.h, as everywhere here."""
_CLOSED = 7
_LONGEST_LINE = 4096
_Key: TypeAlias = tuple[Protocol, Endpoint, Endpoint | None, int]


class Flow(NamedTuple):
    """A line about a socket, under its process; None where the column is missing or empty."""

    pid: int
    name: str
    protocol: Protocol
    local: Endpoint
    remote: Endpoint | None
    state: int | None
    received_bytes: int | None
    sent_bytes: int | None
    rtt_ns: int | None


class Log:
    """Takes output as it comes, cut anywhere, and gives a sample when the next one begins."""

    def __init__(self) -> None:
        self._rest = b""
        self._columns: dict[str, int] = {}
        self._process: tuple[int, str] | None = None
        self._flows: list[Flow] = []
        self.unread = 0
        """How many lines were not understood."""

    def feed(self, data: bytes) -> list[list[Flow]]:
        """Return the samples that are whole by now."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_LONGEST_LINE:]
        samples: list[list[Flow]] = []
        for line in lines:
            fields = line.decode("utf-8", "replace").rstrip("\r").split(",")
            if "bytes_in" in fields:
                if self._columns:
                    samples.append(self._flows)
                self._flows, self._process = [], None
                # Its end looks like one more column without a name: the first one counts.
                self._columns = {name: fields.index(name) for name in fields}
            elif line:
                self._line(fields)
        return samples

    def _line(self, fields: list[str]) -> None:
        who = self._field(fields, "")
        protocol, _, ends = who.partition(" ")
        if "<->" in ends and protocol[:3] in {"tcp", "udp"}:
            self._flow(fields, protocol, ends)
            return
        name, _, pid = who.rpartition(".")
        self._process = (int(pid), name) if _is_number(pid) else None
        self.unread += self._process is None

    def _flow(self, fields: list[str], protocol: str, ends: str) -> None:
        first, _, second = ends.partition("<->")
        mark = "." if protocol.endswith("6") else ":"
        local, remote = _endpoint(first, mark), _endpoint(second, mark)
        if self._process is None or local is None:
            self.unread += 1
            return
        self._flows.append(
            Flow(
                *self._process,
                "tcp" if protocol.startswith("tcp") else "udp",
                local,
                remote if remote is not None and remote.port else None,
                _STATES.get(self._field(fields, "state")),
                _count(self._field(fields, "bytes_in")),
                _count(self._field(fields, "bytes_out")),
                _milliseconds(self._field(fields, "rtt_avg")),
            )
        )

    def _field(self, fields: list[str], name: str) -> str:
        at = self._columns.get(name, len(fields))
        return fields[at].strip() if at < len(fields) else ""


class Sockets:
    """Those of the last sample, to tell which are gone in the next."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._living: dict[_Key, Reading] | None = None

    def sample(self, flows: list[Flow], at_ns: int) -> list[Reading]:
        """Return what a sample says, and those once more that are no longer in it.

        Listeners are left out. What the first sample has was there before we looked.
        """
        before = self._living or {}
        now: dict[_Key, Reading] = {}
        for flow in flows:
            key = (flow.protocol, flow.local, flow.remote, flow.pid)
            old = before.get(key)
            baseline = self._living is None if old is None else old.baseline
            if flow.protocol == "udp" or (flow.state is not None and flow.remote is not None):
                now[key] = _reading(flow, at_ns, self._source)._replace(baseline=baseline)
        gone = [
            each._replace(at_ns=at_ns, state=_CLOSED, final=True)
            for key, each in before.items()
            if key not in now
        ]
        self._living = now
        return [*gone, *now.values()]


def _reading(flow: Flow, at_ns: int, source: str) -> Reading:
    return Reading(
        at_ns=at_ns,
        source=source,
        protocol=flow.protocol,
        local=flow.local,
        remote=flow.remote,
        holder=Holder(flow.pid, None, LIKELY, flow.name[:15]),
        state=flow.state,
        received_bytes=flow.received_bytes,
        sent_bytes=flow.sent_bytes,
        rtt_ns=flow.rtt_ns,
    )


def _endpoint(text: str, mark: str) -> Endpoint | None:
    """Read ADDRESS:PORT, or ADDRESS.PORT of IPv6; `*` stands for any; a scope is left out."""
    address, _, port = text.rpartition(mark)
    number = 0 if port == "*" else _count(port)
    if not address or number is None or number > 0xFFFF:
        return None
    any_address = "::" if mark == "." else "0.0.0.0"  # noqa: S104 a name for what is not bound
    plain = any_address if address == "*" else address.partition("%")[0]
    return Endpoint(plain, number)


def _count(text: str) -> int | None:
    return int(text) if _is_number(text) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _milliseconds(text: str) -> int | None:
    """Read `39.81 ms` as ns, without a float."""
    whole, _, fraction = text.removesuffix(" ms").partition(".")
    fraction = fraction[:6].ljust(6, "0")
    if not _is_number(whole) or not _is_number(fraction):
        return None
    return (int(whole) * 1_000_000 + int(fraction)) or None
