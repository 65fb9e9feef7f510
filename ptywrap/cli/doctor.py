"""Check every sensor, run a self-test in a real terminal, and say what to do about what fails.

The self-test opens your shell through the launcher in a pseudo-terminal of its own, with history,
spool and marks in a throw-away folder: nothing of it enters your history.

Example: ptywrap doctor
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pexpect

import ptywrap
from netsniff import sources
from netsniff.capture import Capture
from ptywrap import config, device, lifecycle, paths, segments, wire
from ptywrap.cli import page, status
from ptywrap.cli.base import Column, Line, Narrow, Page, Part, Style

_LAUNCHER = Path(ptywrap.__file__).parent / "launch" / "ptywrap.sh"
_PATIENCE_S = 5.0
_STATUS = 37


class Check(NamedTuple):
    """One thing that works or does not; `reason` and `remedy` are empty where it does."""

    name: str
    usable: bool
    reason: str = ""
    remedy: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the output."""
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> int:
    """Check everything; 1 where the self-test fails."""
    on = page.choose(plain=args.json)
    with on.progress() as progress:
        progress("probing the sensors")
        sensors = _sensors()
        progress("running your shell through the launcher")
        rehearsal = _rehearsal()
    found = {
        "places": _places(),
        "settings": [complaint._asdict() for complaint in config.load().complaints],
        "sensors": [check._asdict() for check in sensors],
        "self_test": [check._asdict() for check in rehearsal],
        "status": status.gather(),
    }
    if args.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _print(on, found)
    return 0 if all(check.usable for check in rehearsal) else 1


def _sensors() -> list[Check]:
    """Probe, open and self-test each lifecycle backend and source of sockets of this system."""
    checks = []
    for backend in lifecycle.here():
        probe, _, _ = lifecycle.start(backend)
        backend.close()
        checks.append(Check(backend.name, probe.usable, probe.reason, probe.remedy))
    return checks + _sockets(config.load().config)


def _sockets(settings: config.Config) -> list[Check]:
    """Check who tells of connections, and the helper that hears names, where it is wanted."""
    if not settings.network:
        reason, remedy = "connections are not told of", "network = true in the settings"
        return [
            Check(name, usable=False, reason=reason, remedy=remedy)
            for name in ("sock_diag", "capture")
        ]
    checks = []
    for source in sources.here():
        told, _, _ = sources.start(source)
        source.close()
        reason = told.reason if source.verified else f"not run on macOS {told.reason}".rstrip()
        checks.append(Check(source.name, told.usable, reason, told.remedy))
    hearing = Capture().probe()
    if hearing.usable and not settings.network_capture:
        remedy = "network_capture = true: hosts are named by what connections ask for"
        return [*checks, Check("capture", usable=False, reason="not switched on", remedy=remedy)]
    return [*checks, Check("capture", hearing.usable, hearing.reason, hearing.remedy)]


def _places() -> dict[str, str]:
    marks = paths.marks_folder()
    return {
        "settings": str(paths.config_file()),
        "history": str(paths.history_file()),
        "spool": str(paths.spool_folder(device.identity())),
        "logs": str(paths.state_folder()),
        "marks": str(marks.folder) if marks.text else f"{marks.folder} (not memory: without text)",
        "sockets": str(paths.runtime_folder()),
    }


def _rehearsal() -> list[Check]:
    """Drive the real shell through the real launcher, and look for what was recorded."""
    switched_off = config.off_switch(os.environ, config.load().config)
    if switched_off:
        return [Check("switched on", usable=False, reason=switched_off, remedy="switch it on")]
    memory = paths.marks_folder()
    parent = memory.folder.parent if memory.text and memory.folder else None
    folder = Path(tempfile.mkdtemp(prefix="ptywrap-doctor-", dir=parent))
    try:
        return list(_played(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _played(folder: Path) -> Iterator[Check]:
    child = pexpect.spawn(
        "/bin/sh",
        [str(_LAUNCHER)],
        env=_environ(folder),
        timeout=_PATIENCE_S,
        dimensions=(24, 80),
        encoding="utf-8",
        codec_errors="replace",
    )
    # What the line says differs from what it prints, so that an echo cannot be taken for output.
    child.sendline("echo rehearsal-$((40 + 2))")
    try:
        child.expect("rehearsal-42")
        yield Check("runs a command", usable=True)
        child.sendline(f"exit {_STATUS}")
        child.expect(pexpect.EOF)
    except (pexpect.EOF, pexpect.TIMEOUT):
        child.close(force=True)
        yield Check(
            "runs a command",
            usable=False,
            reason="your shell did not answer through the launcher",
            remedy="look for output of its start-up files",
        )
        return
    child.close()
    left = child.exitstatus
    yield Check("passes the exit status", left == _STATUS, "" if left == _STATUS else f"got {left}")
    yield _recorded(folder)


def _recorded(folder: Path) -> Check:
    """Wait for the command in the throw-away spool."""
    deadline = time.monotonic() + _PATIENCE_S
    spools = folder / "state" / "ptywrap"
    while time.monotonic() < deadline:
        for place in spools.glob("*/spool"):
            for fact in segments.recent(place):
                if isinstance(fact, wire.Command) and fact.exit_status == 0:
                    return Check("records it", usable=True)
        time.sleep(0.05)
    log = spools / "observer.log"
    said = log.read_text(errors="replace").splitlines()[-1:] if log.exists() else []
    return Check("records it", usable=False, reason=" ".join(said) or "no fact arrived")


def _environ(folder: Path) -> dict[str, str]:
    """Return our environment with every place of ours moved into `folder`, outside any session."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PTYWRAP_")}
    moved = {"XDG_STATE_HOME": "state", "XDG_DATA_HOME": "data", "XDG_RUNTIME_DIR": "run"}
    for name, below in moved.items():
        (folder / below).mkdir(mode=0o700)
        kept[name] = str(folder / below)
    return kept | {"PTYWRAP_VENV": sys.prefix, "PTYWRAP_OBSERVER_IDLE_SECONDS": "1"}


def _print(on: Page, found: dict[str, Any]) -> None:
    for title, checks in (("SENSORS", found["sensors"]), ("SELF-TEST", found["self_test"])):
        columns = [Column(title, Narrow.KEEP), Column("", Narrow.FOLD)]
        on.table(columns, [_check(check) for check in checks])
    for complaint in found["settings"]:
        on.line(f"setting passed over: {complaint['layer']}: {complaint['message']}")
    on.fields(found["places"])
    status.report(on, found["status"])


def _check(check: dict[str, Any]) -> list[Line]:
    mark, style = ("✓", Style.GOOD) if check["usable"] else ("✗", Style.BAD)
    said = " · ".join(part for part in (check["reason"], check["remedy"]) if part)
    return [Part(f"{mark} {check['name']}", style), said]
