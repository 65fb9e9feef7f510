"""The run record of interfaces.md section 2, built from the facts of one command."""

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from ptywrap.facts import (
    Command,
    Context,
    Download,
    Fact,
    Flow,
    Host,
    Loss,
    Process,
    Sample,
    Session,
    Split,
)

_HIDDEN = {
    Command: {"session", "id", "shell_pid", "line_cut", "split", "other_reasons", "download"}
    | {"daemons", "free_network_ns", "context"},
    Process: {"session", "start_ticks", "command", "parent_ticks", "argv_cut"},
    Flow: {"session", "id", "command", "process_ticks"},
    Host: {"device", "at", "caches"},
}
"""What a fact holds beside the fields its section of the record shows under the same name."""


def run_record(facts: Iterable[Fact], command: tuple[bytes, int]) -> dict[str, Any] | None:
    """Return the record of the command (session, id), or None where no telling of it is there.

    `facts` may hold anything else too: of facts with one key the last told wins, losses are those
    that overlap the command, host and session the newest.
    """
    told = _Told(command)
    for fact in facts:
        told.add(fact)
    if told.command is None:
        return None
    return told.record(told.command)


class _Told:
    """The last telling of each fact that belongs to one command."""

    def __init__(self, command: tuple[bytes, int]) -> None:
        self.session, self.id = command
        self.command: Command | None = None
        self.sessions: dict[bytes, Session] = {}
        self.host: Host | None = None
        self.processes: dict[tuple[int, int], Process] = {}
        self.flows: dict[int, Flow] = {}
        self.samples: dict[int, Sample] = {}
        self.losses: dict[tuple[bytes, str, int], Loss] = {}

    def add(self, fact: Fact) -> None:
        match fact:
            case Command() if (fact.session, fact.id) == (self.session, self.id):
                self.command = fact
            case Session():
                self.sessions[fact.id] = fact
            case Host():
                self.host = fact if self.host is None or fact.at >= self.host.at else self.host
            case Loss():
                self.losses[fact.session, fact.sensor, fact.since] = fact
            case Process() | Flow() | Sample():
                self._add_part(fact)

    def _add_part(self, fact: Process | Flow | Sample) -> None:
        if (fact.session, fact.command) != (self.session, self.id):
            return
        match fact:
            case Process():
                self.processes[fact.pid, fact.start_ticks] = fact
            case Flow():
                self.flows[fact.id] = fact
            case Sample():
                self.samples[fact.at] = fact

    def record(self, command: Command) -> dict[str, Any]:
        processes = sorted(self.processes.values(), key=lambda one: (one.start_ticks, one.pid))
        return {
            "command": self._command(command),
            "context": structs.asdict(command.context or Context()),
            "split": structs.asdict(command.split) if command.split else _unknown(Split),
            "other_reasons": command.other_reasons or {},
            "download": structs.asdict(command.download)
            if command.download
            else _unknown(Download),
            "processes": [_shown(one) for one in processes],
            "flows": [_shown(one) for one in self.flows.values()],
            "samples": [_sample(one) for _, one in sorted(self.samples.items())],
            "daemons": [structs.asdict(one) for one in command.daemons or []],
            "what_if": {"free_network_ns": command.free_network_ns},
            "tests": None,
            "line_cut": command.line_cut,
            "argv_cut": any(one.argv_cut for one in processes),
            "losses": [_loss(one) for one in self._losses(command)],
            "host": _host(self.host),
        }

    def _command(self, command: Command) -> dict[str, Any]:
        session = self.sessions.get(self.session)
        return {
            "id": f"{command.id & (1 << 64) - 1:016x}",
            "session": self.session.hex(),
            "user": session.user if session else None,
            "host": session.host if session else None,
            "shell": session.shell if session else None,
            **_shown(command),
        }

    def _losses(self, command: Command) -> list[Loss]:
        if command.started_at is None:
            return []
        until = command.started_at + (command.wall_ns or 0)
        overlapping = [
            loss
            for loss in self.losses.values()
            if loss.since <= until and (loss.until is None or loss.until >= command.started_at)
        ]
        return sorted(overlapping, key=lambda loss: (loss.since, loss.sensor))


def _shown(fact: Command | Process | Flow | Host) -> dict[str, Any]:
    hidden = _HIDDEN[type(fact)]
    return {name: value for name, value in structs.asdict(fact).items() if name not in hidden}


def _unknown(part: type[Split] | type[Download]) -> dict[str, None]:
    return dict.fromkeys(part.__struct_fields__)


def _sample(sample: Sample) -> dict[str, Any]:
    row = structs.asdict(sample)
    row["class"] = row.pop("class_")
    del row["session"], row["command"]
    return row


def _loss(loss: Loss) -> dict[str, Any]:
    row = structs.asdict(loss)
    del row["session"]
    return row


def _host(host: Host | None) -> dict[str, Any] | None:
    if host is None:
        return None
    caches = [structs.asdict(cache) for cache in host.caches]
    return {**_shown(host), "caches": caches}
