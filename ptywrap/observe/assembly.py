"""The observer's second stage: settings, words and spool, loaded while commands run already."""

import functools
import logging
import logging.handlers
import os
import pwd
from pathlib import Path

from ptywrap import clock, config, device, paths, privacy, templates, wire
from ptywrap.observe import system, watch
from ptywrap.observe.identity import Identity
from ptywrap.observe.network_sources import KERNEL
from ptywrap.observe.observer import Observer
from ptywrap.observe.readiness import Ready
from ptywrap.observe.recorder import Recorder
from ptywrap.observe.sensors import Senses
from ptywrap.observe.telling import Teller
from ptywrap.observe.times import Times
from ptywrap.observe.tree import Tree
from ptywrap.observe.ward import Ward
from ptywrap.quota import Limits
from ptywrap.spool import Spool, adopt

_LOG_BYTES = 1 << 20


def observing(ready: Ready, idle_s: int | None) -> Observer | None:
    """Return what observes from now on, None where that is switched off."""
    settings = config.load().config
    if config.off_switch(os.environ, settings) is not None:
        return None
    _log()
    identity = Identity(pwd.getpwuid(os.getuid()).pw_name, device.identity(), clock.boot_id())
    teller = _teller(settings, identity)
    ready.serve()
    ward = Ward(identity, Senses(ready.sensors, ready.sources), teller, system())
    if idle_s is None:
        idle_s = settings.observer_idle_seconds
    made = Observer(ready, ward, watch(ready.folder), idle_s * 1_000_000_000)
    if settings.network:
        unwanted = frozenset[str]() if settings.network_kernel else KERNEL
        ward.network.begin(unwanted, capture=settings.network_capture)
    else:
        ward.network.close()
    made.look()
    made.begin(ready.died_ns)
    return made


def _log() -> None:
    if not paths.private(paths.state_folder()):
        return
    handler = logging.handlers.RotatingFileHandler(
        paths.log_file("observer"), maxBytes=_LOG_BYTES, backupCount=1, delay=True
    )
    logging.basicConfig(
        handlers=[handler], level=logging.INFO, format="%(asctime)s %(name)s %(message)s"
    )


def _teller(settings: config.Config, identity: Identity) -> Teller:
    times = Times()
    folder = paths.spool_folder(identity.device)
    adopt(folder)

    def header() -> wire.Segment:
        told = clock.clocks()
        return wire.Segment(
            version=wire.VERSION,
            device=identity.device,
            boot_id=identity.boot_id,
            wall_ns=told.wall_ns,
            monotonic_ns=told.monotonic_ns,
            boottime_ns=told.boottime_ns,
            utc_offset_ns=told.utc_offset_ns,
        )

    spool = Spool(folder, header, clock.monotonic_ns, Limits(most_bytes=settings.spool_bytes))
    own = [(tuple(prefix.split()), name) for prefix, name in settings.templates.items()]
    rules = templates.load(_rules())._replace(own=tuple(one for one in own if one[0]))
    shape_only = settings.argv == "shape"
    inward = functools.partial(
        privacy.inward, rules=rules, argv="shape" if shape_only else "redacted"
    )
    recorder = Recorder(spool, inward, paths.pause_file(), settings.ignore)
    return Teller(recorder, rules, times, Tree())


def _rules() -> str:
    return Path(templates.__file__).with_name("rules.toml").read_text(encoding="utf-8")
