"""What the observer answers: follow, run, seal, pause, resume, forget, status."""

import os
from collections.abc import Callable
from typing import Any

import msgspec

from ptywrap import __version__, clock, wire
from ptywrap.observe import checkout
from ptywrap.observe.base import Upkeep
from ptywrap.observe.commands import Start
from ptywrap.observe.control import Reply
from ptywrap.observe.session import Session
from ptywrap.observe.sessions import Sessions

_RUN_NS = 2_000_000_000
_LAG_NS = 100_000_000
_LOOK_MS = 10
_SINCE = "_since"

Answer = dict[str, Any]
Question = Callable[[dict[str, Any]], Answer | None]
"""Takes the request, with when it came as `_since`; None: not yet, ask again."""


class Asks:
    """The questions, over the sessions of one observer."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._ward = sessions.ward
        self._recorder = sessions.ward.teller.recorder
        self._started_at = clock.wall_ns()

    def table(self) -> dict[str, Question]:
        """Return the questions by name."""
        return {
            "follow": self.follow,
            "run": self.run,
            "seal": self.seal,
            "pause": self.pause,
            "resume": self.resume,
            "forget": self.forget,
            "status": self.status,
        }

    def follow(self, request: dict[str, Any]) -> Answer | None:
        """Take the pid of a held command; no once nobody can tell of it."""
        pid = request.get("pid")
        if not isinstance(pid, int) or pid <= 0:
            return refusal("no pid")
        if self._sessions.follow(pid):
            return {"ok": True}
        return refusal("no sensor works here", "`ptywrap doctor` says why")

    def run(self, request: dict[str, Any]) -> Answer | None:
        """Say what a run was told under, once it was; no after two seconds."""
        name = str(request.get("session"))
        since_ns = int(request[_SINCE])
        outcomes = self._sessions.outcomes
        if name not in outcomes:
            late = clock.monotonic_ns() - since_ns > _RUN_NS
            return refusal("the run is not accounted for yet") if late else None
        key, facts = outcomes[name].key, outcomes[name].facts
        if outcomes[name].paused:
            return refusal("nothing is recorded while paused", "`ptywrap resume` ends that")
        if key is None:
            return refusal("this command is recorded nowhere", "see `ignore` in `ptywrap config`")
        # Its line is not over yet: only then it is known whether anything of it may be kept.
        held = {"facts": [wire.encode(fact) for fact in facts]} if facts else {}
        return {"ok": True, "session": key.session.hex(), "command": key.id, **held}

    def seal(self, request: dict[str, Any]) -> Answer:
        """Tell what is over and seal the segment, so that a reader finds it."""
        del request
        self._settle()
        path = self._recorder.spool.seal()
        return {"ok": True, "sealed": path.name if path is not None else None}

    def pause(self, request: dict[str, Any]) -> Answer:
        """Tell what is over, then record nothing until `resume`."""
        del request
        self._settle()
        try:
            self._recorder.pause(clock.monotonic_ns())
        except OSError as error:
            return refusal(f"cannot be remembered: {error.strerror}", "check the state folder")
        return {"ok": True}

    def resume(self, request: dict[str, Any]) -> Answer:
        """Record again what starts from now on."""
        del request
        try:
            self._recorder.resume(clock.monotonic_ns())
        except OSError as error:
            return refusal(f"cannot be remembered: {error.strerror}", "check the state folder")
        return {"ok": True}

    def forget(self, request: dict[str, Any]) -> Answer:
        """Let go of what is only in memory and seal the rest: the store deletes it there."""
        return self.seal(request)

    def status(self, request: dict[str, Any]) -> Answer:
        """Say what is running, who tells, what was kept and dropped, and what we cost."""
        del request
        ward, spool = self._ward, self._recorder.spool
        names, network = ward.sensors.names, ward.network
        return {
            "ok": True,
            "version": __version__,
            "pid": os.getpid(),
            "paused": self._recorder.paused,
            "backend": names[0] if names else None,
            "sensors": ward.names,
            "started_at": self._started_at,
            **self._cost(),
            "accepted": spool.accepted,
            "dropped": spool.dropped,
            "sessions": [_session(one) for one in ward.active.values()],
            "running": [self._running(*one) for one in self._sessions.running()],
            "losses": [_loss(one) for one in self._recorder.losses],
            "said": [[name, *probe] for name, probe in [*network.said, *ward.sensors.said]],
        }

    def _cost(self) -> Answer:
        """Say what we and our children cost; that is the netlink reader, where there is one."""
        kernel, pid = self._ward.kernel, os.getpid()
        own = kernel.upkeep(pid) or Upkeep(0, 0)
        found = [kernel.upkeep(child) for child in kernel.children(pid)]
        below = [upkeep for upkeep in found if upkeep is not None]
        return {
            "cpu_ns": own.cpu_ns,
            "rss_bytes": own.rss_bytes,
            "reader_cpu_ns": sum(one.cpu_ns for one in below) if below else None,
            "reader_rss_bytes": sum(one.rss_bytes for one in below) if below else None,
        }

    def _running(self, session: Session, start: Start) -> Answer:
        key = self._ward.closing.key(session, start)
        place = checkout.checkout(start.cwd) if start.cwd else None
        named = self._ward.called(session, start, place)
        return {
            "session": key.session.hex(),
            "command": key.id,
            "template": named.template,
            "shape": named.shape,
            "cwd": start.cwd,
            "repo": place.repo if place else None,
            "started_at": self._ward.teller.started_at(start),
        }

    def _settle(self) -> None:
        now_ns = clock.monotonic_ns()
        self._sessions.scan(now_ns)
        self._ward.drain()
        while self._sessions.lagging() and clock.monotonic_ns() - now_ns < _LAG_NS:
            self._ward.sensors.wait(_LOOK_MS)
            self._ward.drain()
        self._sessions.advance(now_ns, flush=True)


def replying(questions: dict[str, Question]) -> Reply:
    """Return what answers bodies of msgpack maps by some questions."""

    def reply(body: bytes, asked_ns: int) -> bytes | None:
        request = _request(body)
        question = questions.get(str(request.get("ask")))
        if question is None:
            hint = "use a verb and an observer of one version"
            answer: Answer | None = refusal("an unknown question", hint)
        else:
            answer = question(request | {_SINCE: asked_ns})
        return None if answer is None else msgspec.msgpack.encode(answer)

    return reply


def refusal(what: str, hint: str = "") -> Answer:
    """Return the answer no."""
    return {"ok": False, "what": what, "hint": hint}


def _session(session: Session) -> Answer:
    begin = session.begin
    return {
        "session": session.id.hex(),
        "shell": begin.shell.rpartition("/")[2].lstrip("-") or None,
        "terminal": begin.tty or None,
        "shell_pid": begin.shell_pid,
        "started_at": begin.wall_ns,
        "run": session.run,
    }


def _loss(loss: wire.Loss) -> Answer:
    return {name: getattr(loss, name) for name in ("sensor", "since", "until", "missed", "reason")}


def _request(body: bytes) -> dict[str, Any]:
    try:
        request = msgspec.msgpack.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return request if isinstance(request, dict) else {}
