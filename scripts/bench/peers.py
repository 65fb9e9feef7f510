"""Who is measured beside us, and how each is told to run a shell.

Every peer runs `$SHELL`, an executable file, in a pty inside the pty the measurement holds.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LAUNCHER = ROOT / "ptywrap" / "launch" / "ptywrap.sh"

_STDLIB = "import os, pty; pty.spawn(os.environ['SHELL'])"
_PEXPECT = "import os, pexpect; pexpect.spawn(os.environ['SHELL']).interact()"


class Peer(NamedTuple):
    """A named rival; `argv` takes the shell's path and a scratch folder."""

    name: str
    argv: Callable[[str, Path], list[str]]
    version: list[str] | None = None


def _beside_python(name: str) -> str:
    """Return a program of this environment, else of PATH."""
    here = Path(sys.executable).parent / name
    return str(here) if here.exists() else name


BARE = Peer("bare", lambda shell, _: [shell])
OURS = Peer("ptywrap", lambda _shell, _folder: ["/bin/sh", str(LAUNCHER)])
SCRIPT = Peer(
    "script",
    lambda _shell, _folder: ["script", "-q", "/dev/null"],
    ["script", "--version"],
)
ATUIN = Peer(
    "atuin",
    lambda shell, _: [_beside_python("atuin"), "pty-proxy", "--shell", shell],
    [_beside_python("atuin"), "--version"],
)
TLOG = Peer(
    "tlog-rec",
    lambda shell, folder: [
        "tlog-rec",
        "--writer=file",
        f"--file-path={folder / 'tlog.out'}",
        shell,
    ],
    ["tlog-rec", "--version"],
)
ASCIINEMA = Peer(
    "asciinema",
    lambda shell, folder: [
        "asciinema",
        "rec",
        "--quiet",
        "--overwrite",
        f"--command={shell}",
        str(folder / "asciinema.cast"),
    ],
    ["asciinema", "--version"],
)
EXPECT = Peer(
    "expect",
    lambda shell, _: ["expect", "-c", f"log_user 1; spawn -noecho {shell}; interact"],
    ["expect", "-v"],
)
STDLIB = Peer("stdlib pty", lambda _shell, _folder: [sys.executable, "-c", _STDLIB])
PEXPECT = Peer("pexpect", lambda _shell, _folder: [sys.executable, "-c", _PEXPECT])

RIVALS = (SCRIPT, ATUIN, TLOG, ASCIINEMA)


@contextmanager
def utmp() -> Iterator[None]:
    """Give tlog-rec the /run/utmp it refuses to start without, where root may and none is there."""
    path = Path("/run/utmp")
    made = os.getuid() == 0 and not path.exists()
    if made:
        path.touch()
    try:
        yield
    finally:
        if made:
            path.unlink(missing_ok=True)


def here(peers: tuple[Peer, ...]) -> tuple[Peer, ...]:
    """Return those whose program is on this machine."""
    return tuple(peer for peer in peers if shutil.which(peer.argv("/bin/sh", Path("/tmp"))[0]))  # noqa: S108


def version(peer: Peer) -> str | None:
    """Return the first line a peer says about itself."""
    if peer.version is None:
        return None
    ran = subprocess.run(peer.version, capture_output=True, text=True, check=False)
    said = (ran.stdout or ran.stderr).strip().splitlines()
    return said[0] if said else None


def environ(shell: str, folder: Path) -> dict[str, str]:
    """Return the environment every peer gets: a home and places of its own, `shell` as $SHELL."""
    places = {f"XDG_{name}": folder / name.lower() for name in ("STATE_HOME", "DATA_HOME")}
    runtime = Path("/dev/shm") / f"bench-{folder.name}"  # noqa: S108 - 0700 below
    for place in (*places.values(), runtime):
        place.mkdir(mode=0o700, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "USER": os.environ.get("USER", "root"),
        "SHELL": shell,
        "PTYWRAP_VENV": sys.prefix,
        "XDG_RUNTIME_DIR": str(runtime),
    } | {name: str(place) for name, place in places.items()}
