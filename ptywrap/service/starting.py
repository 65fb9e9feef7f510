"""Starts the local store and the shipper by name, detached: no import leads to them."""

import subprocess
import sys

from ptywrap import config, device, paths

# The observer's own bound on memory is not theirs.
_GENTLY = ("sh", "-c", 'ulimit -Sv "$(ulimit -Hv)"; "$@" &', "sh", "nice", "-n", "19")


def start_store(*, gently: bool = False) -> subprocess.Popen[bytes]:
    """Start the local store process, detached from this terminal.

    `gently` is at nice 19 and no child of ours: then what is returned ends at once.
    """
    machine = device.identity()
    for folder in (paths.history_file().parent, paths.runtime_folder(), paths.state_folder()):
        paths.private(folder)
    return _start(
        [
            *(_GENTLY if gently else ()),
            *(sys.executable, "-I", "-m", "ingest", "local"),
            *("--file", str(paths.history_file())),
            *("--spool", str(paths.spool_folder(machine))),
            *("--archive", str(paths.archive_folder(machine))),
            *("--socket", str(paths.store_socket())),
            *("--observer", str(paths.observer_socket())),
            *("--log", str(paths.log_file("store"))),
            *("--idle", str(config.load().config.store_idle_seconds)),
        ]
    )


def start_shipper() -> subprocess.Popen[bytes]:
    """Start the shipper at nice 19, no child of ours: what is returned ends at once."""
    return _start([*_GENTLY, sys.executable, "-I", "-m", "ptywrap.ship"])


def _start(argv: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
