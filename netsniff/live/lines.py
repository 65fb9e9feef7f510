"""One line for each connection: words for people, JSON for programs.

The JSON has the fields of `flows[]` in the run record of ptywrap: integers, nanoseconds since the
Unix epoch (`*_at`) or lengths (`*_ns`), bytes; null is unknown.
"""

import json

from netsniff import amounts
from netsniff.live import text
from netsniff.live.ledger import host
from netsniff.model import LIKELY, Connection, Missed


def sentence(connection: Connection, process: str) -> str:
    """Return what a connection was, in words; bytes nobody told are a dash."""
    pid = "" if connection.pid is None else f" [{connection.pid}]"
    doubt = "probably " if connection.pid_confidence == LIKELY else ""
    took = None
    if connection.opened_ns is not None and connection.closed_ns is not None:
        took = connection.closed_ns - connection.opened_ns
    return (
        f"{doubt}{text.visible(process)}{pid}  {peer(connection)}  {connection.protocol}  "
        f"received {amounts.size(connection.received_bytes)}  "
        f"sent {amounts.size(connection.sent_bytes)}  "
        f"{text.length(took) if connection.final else 'still open'}"
    )


def peer(connection: Connection) -> str:
    """Return host and port of the other end."""
    name = text.visible(host(connection))
    if connection.remote_port is None:
        return name
    return (
        f"[{name}]:{connection.remote_port}" if ":" in name else f"{name}:{connection.remote_port}"
    )


def record(connection: Connection, process: str | None, epoch_ns: int) -> str:
    """Return a connection as a line of JSON; `epoch_ns` is the wall time of monotonic 0."""
    fields = {
        "pid": connection.pid,
        "pid_confidence": connection.pid_confidence,
        "process": process,
        "protocol": connection.protocol,
        "remote_host": connection.remote_host,
        "host_source": connection.host_source,
        "remote_address": connection.remote_address,
        "remote_port": connection.remote_port,
        "opened_at": _wall(connection.opened_ns, epoch_ns),
        "connect_ns": connection.connect_ns,
        "first_byte_at": _wall(connection.first_byte_ns, epoch_ns),
        "closed_at": _wall(connection.closed_ns, epoch_ns),
        "received_bytes": connection.received_bytes,
        "sent_bytes": connection.sent_bytes,
        "rtt_ns": connection.rtt_ns,
        "retransmits": connection.retransmits,
        "loopback": connection.loopback,
        "local_address": connection.local_address,
        "local_port": connection.local_port,
        "source": connection.source,
    }
    return json.dumps(fields, ensure_ascii=False)


def loss(missed: Missed, epoch_ns: int) -> str:
    """Return a hole as a line of JSON: the fields of `losses[]` under one name."""
    fields = {
        "sensor": missed.source,
        "since": missed.since_ns + epoch_ns,
        "until": missed.until_ns + epoch_ns,
        "missed": missed.number,
        "reason": missed.reason,
    }
    return json.dumps({"loss": fields}, ensure_ascii=False)


def loss_sentence(missed: Missed) -> str:
    """Return a hole in words."""
    number = "an unknown number of" if missed.number is None else f"{missed.number:,}"
    return f"missed {number} connections: {text.visible(missed.reason)} ({missed.source})"


def _wall(at_ns: int | None, epoch_ns: int) -> int | None:
    return None if at_ns is None else at_ns + epoch_ns
