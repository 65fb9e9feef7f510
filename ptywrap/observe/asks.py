"""What the observer answers: follow, run, seal, pause, resume, forget, status."""

from typing import Any

from ptywrap import clock
from ptywrap.observe.control import Answer, Question, refusal
from ptywrap.observe.sessions import Sessions

_RUN_NS = 2_000_000_000
_LAG_NS = 100_000_000
_LOOK_MS = 10


class Asks:
    """The questions, over the sessions of one observer."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._ward = sessions.ward
        self._recorder = sessions.ward.teller.recorder
        self.seals = 0

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
        since_ns = request.setdefault("_since", clock.monotonic_ns())
        outcomes = self._sessions.outcomes
        if name not in outcomes:
            late = clock.monotonic_ns() - since_ns > _RUN_NS
            return refusal("the run is not accounted for yet") if late else None
        key = outcomes[name]
        if key is None:
            return refusal("this command is recorded nowhere", "see `ignore` in `ptywrap config`")
        return {"ok": True, "session": key.session.hex(), "command": key.id}

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
        """Say what is running, who tells, and what was kept and dropped."""
        del request
        now_ns = clock.monotonic_ns()
        spool = self._recorder.spool
        running = []
        for session, start in self._sessions.running():
            key = self._ward.closing.key(session, start)
            running.append(
                {
                    "session": key.session.hex(),
                    "command": key.id,
                    "since_ns": now_ns - start.at_ns,
                    "cwd": start.cwd,
                    "template": self._ward.template(session, start),
                }
            )
        sensors = self._ward.sensors
        return {
            "ok": True,
            "sensors": sensors.names,
            "said": [
                {"name": name, "usable": p.usable, "reason": p.reason, "remedy": p.remedy}
                for name, p in sensors.said
            ],
            "sessions": len(self._ward.active),
            "running": running,
            "paused": self._recorder.paused,
            "accepted": spool.accepted,
            "dropped": spool.dropped,
        }

    def _settle(self) -> None:
        now_ns = clock.monotonic_ns()
        self._sessions.scan(now_ns)
        self._ward.drain()
        while self._sessions.lagging() and clock.monotonic_ns() - now_ns < _LAG_NS:
            self._ward.sensors.wait(_LOOK_MS)
            self._ward.drain()
        self._sessions.advance(now_ns, flush=True)
