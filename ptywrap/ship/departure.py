"""Who may ship what, when: puts a voyage together from settings, enrolment and this machine."""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from ptywrap import config, device, enrolment, locks, paths, projection, templates
from ptywrap.config import Loaded
from ptywrap.enrolment import Enrolment
from ptywrap.errors import UserError
from ptywrap.outbox import Outbox
from ptywrap.quota import Limits
from ptywrap.ship import erasure, packing, policy
from ptywrap.ship.courier import Deadlines
from ptywrap.ship.restraint import restraint
from ptywrap.ship.state import State
from ptywrap.ship.voyage import Done, Load, Pace, Voyage

_LOOK_S = 60.0
BRIEF = Pace(patience_s=5.0)
"""For a verb whose own work is done: what does not go at once goes later."""


class Outcome(NamedTuple):
    """What came of a departure; `held` says why there was none, or why it ended early."""

    done: Done = Done()
    waiting_batches: int = 0
    waiting_facts: int = 0
    state: State = State()
    held: str | None = None


def depart(
    *,
    asked: bool = False,
    wait_s: float = 0.0,
    pace: Pace = Pace(),  # noqa: B008 - immutable
    deadlines: Deadlines = Deadlines(),  # noqa: B008 - immutable
    tell: Callable[[int, int], object] = lambda _sent, _wait: None,
) -> Outcome:
    """Ship once, if this machine is enrolled and nothing forbids it.

    A user who `asked` waits up to `wait_s` for another shipper to end, and may have `tell` told
    after each batch how many were sent and how many wait.
    """
    enrolled = enrolment.read()
    if enrolled is None:
        return Outcome(held="this machine is enrolled nowhere")
    folder = paths.device_folder(device.identity())
    paths.private(folder)
    with contextlib.ExitStack() as until_done:
        try:
            lock = folder / "shipper.lock"
            if not until_done.enter_context(locks.locked(lock, wait_s)):
                return Outcome(held="another shipper is at it")
            os.utime(lock)
            outbox = Outbox(folder, enrolled.tenant)
            loaded = config.load()
            load = _load(folder, enrolled, loaded)._replace(
                pace=pace, deadlines=deadlines, tell=tell
            )
            _heed(outbox, load, loaded.config.ignore)
        except OSError as error:
            raise UserError(f"the outbox cannot be used: {error}", f"look at {folder}") from None
        return _outcome(enrolled, outbox, load, asked=asked)


def _load(folder: Path, enrolled: Enrolment, loaded: Loaded) -> Load:
    return Load(
        folders=places(folder),
        project=projected(enrolled.key, folder.name),
        held=_watch(loaded),
        limits=Limits(most_bytes=loaded.config.spool_bytes),
        proxy=loaded.config.proxy,
        ca_file=loaded.config.ca_file,
    )


def places(folder: Path) -> tuple[Path, Path]:
    """Return where a device's sealed segments are: waiting for the local store, then archived."""
    return folder / "spool", folder / "archive"


def projected(key: bytes, machine: str) -> packing.Project:
    """Return what makes of a fact what may leave this machine."""
    rules = templates.load(_rules())
    keys = projection.Keys(key, machine)
    return functools.partial(projection.outward, rules=rules, keys=keys)


def remote_ids(names: Iterable[str]) -> list[str]:
    """Return the ids that repositories have at the service; none where none is joined."""
    enrolled = enrolment.read()
    if enrolled is None:
        return []
    keys = projection.Keys(enrolled.key, device.identity())
    return sorted({projection.project_id(name, keys) for name in names})


def held(loaded: Loaded) -> str | None:
    """Return why nothing may leave now, whatever the link is like."""
    switch = config.off_switch(os.environ, loaded.config)
    if switch is not None:
        return f"off, by {switch}"
    if paths.pause_file().exists():
        return "paused"
    return None if loaded.whole else "a settings file cannot be read: `ptywrap config` says which"


def _outcome(enrolled: Enrolment, outbox: Outbox, load: Load, *, asked: bool) -> Outcome:
    voyage = Voyage(enrolled, outbox, load)
    done = voyage.run(asked=asked)
    waiting = outbox.waiting()
    facts = sum(body.facts for body in waiting)
    return Outcome(done, len(waiting), facts, voyage.state, voyage.state.held)


def _heed(outbox: Outbox, load: Load, ignore: list[str]) -> None:
    """Take out what has come to be ignored: packed first, so that one place is searched."""
    request = policy.stricter(outbox.folder, load.folders, ignore)
    if request is not None:
        packing.pack(outbox, load.folders, load.project)
        erasure.carry_out(outbox, request)
    policy.keep(outbox.folder, ignore)


def _watch(loaded: Loaded) -> Callable[[], str | None]:
    """Return what says why to wait; the link is looked at once a minute."""
    looked_at = -_LOOK_S
    found: str | None = None

    def why() -> str | None:
        nonlocal looked_at, found
        now = time.monotonic()
        if loaded.config.ship_sparingly and now - looked_at >= _LOOK_S:
            looked_at, found = now, restraint()
        return held(loaded) or found

    return why


def _rules() -> str:
    return Path(templates.__file__).with_name("rules.toml").read_text(encoding="utf-8")
