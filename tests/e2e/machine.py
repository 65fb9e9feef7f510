"""A machine whose second account has us as its login shell, in a mount namespace of its own.

Nothing of the real machine changes: /etc has a layer over it, /dev/shm is a new one.
"""

import shutil
import socket
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import account
from tests.e2e.places import Place
from tests.e2e.terminal import wait_for

TOOLS = ("unshare", "mount", "ssh", "ssh-keygen", "/usr/sbin/sshd")
# The folder of what differs comes first, then the program. All of /etc is covered, not its two
# files: who renames a file in the real /etc takes away what is mounted on it, everywhere.
ENTER = """
etc=$1/etc
mount -t tmpfs tmpfs "$etc" && mkdir "$etc/upper" "$etc/work" &&
cp "$1/passwd" "$1/shadow" "$etc/upper" &&
mount -t overlay -o "lowerdir=/etc,upperdir=$etc/upper,workdir=$etc/work" overlay /etc &&
mount -t tmpfs -o mode=1777 tmpfs /dev/shm && shift && exec "$@"
"""
SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/visitor.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PrintMotd no
PrintLastLog no
"""


class Machine(NamedTuple):
    """Where its files are, who visits it, and what stands in passwd as that account's shell."""

    folder: Path
    who: account.Account
    launcher: Path

    def inside(self, *argv: str) -> list[str]:
        """Return the command that runs `argv` on this machine, as root."""
        unshare = ["unshare", "--mount", "--propagation", "private"]
        return [*unshare, "sh", "-c", ENTER, "sh", str(self.folder), *argv]


class Server(NamedTuple):
    """A running sshd, and the words of ssh that lead to it."""

    process: subprocess.Popen[bytes]
    port: int
    options: list[str]
    address: str

    @property
    def rsh(self) -> str:
        """The same words as one line, for programs that start ssh themselves."""
        return " ".join(["ssh", "-p", str(self.port), *self.options])


def a_machine(place: Place) -> Machine:
    """Make a machine whose second account lives in `place`; skip where that is impossible."""
    for tool in TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}: install util-linux and openssh-server")
    who = account.ordinary()
    folder = place.folder("machine")
    (folder / "etc").mkdir()
    launcher = who.environment / "bin/ptywrap"
    if who.environment == who.checkout / ".venv":
        launcher = who.checkout / "ptywrap/launch/ptywrap.sh"
    write_accounts(folder, who, place.home, launcher)
    # Which shell it is would otherwise depend on what this machine has installed; `su` without
    # an option keeps the variable that names the second folder.
    for folder_of_settings in (place.home / ".config/ptywrap", place.config / "ptywrap"):
        folder_of_settings.mkdir(parents=True)
        (folder_of_settings / "config.toml").write_text('shell = "/bin/bash"\n')
    place.root.chmod(0o755)
    place.give(who.uid, who.gid)
    return Machine(folder, who, launcher)


def write_accounts(folder: Path, who: account.Account, home: Path, shell: Path) -> None:
    """Write passwd and shadow as they are, but for the one account."""
    others = [
        line
        for line in Path("/etc/passwd").read_text().splitlines()
        if not line.startswith(f"{who.name}:")
    ]
    entry = f"{who.name}:x:{who.uid}:{who.gid}::{home}:{shell}"
    (folder / "passwd").write_text("\n".join([*others, entry, ""]))
    (folder / "shadow").write_text(f"root:*:19000:0:99999:7:::\n{who.name}:*:19000:0:99999:7:::\n")


def a_server(place: Place, machine: Machine) -> Server:
    """Start sshd on loopback with keys made now; it ends with the place."""
    for name in ("host", "visitor"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(machine.folder / name)]
        subprocess.run(make, check=True)
    # sshd reads the visitor's keys as the visitor.
    machine.folder.chmod(0o755)
    port = free_port()
    config = machine.folder / "sshd_config"
    config.write_text(SSHD.format(port=port, folder=machine.folder))
    Path("/run/sshd").mkdir(exist_ok=True)
    argv = machine.inside("/usr/sbin/sshd", "-D", "-e", "-f", str(config))
    log = (place.root / "sshd.log").open("wb")
    process = subprocess.Popen(argv, env=place.environment(), stdout=log, stderr=log)
    log.close()
    assert wait_for(lambda: answers(port), 10), (place.root / "sshd.log").read_text()
    options = ["-F", "none", "-i", str(machine.folder / "visitor"), "-o", "BatchMode=yes"]
    options += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    options += ["-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"]
    return Server(process, port, options, f"{machine.who.name}@127.0.0.1")


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Tell whether someone listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def close(server: Server) -> None:
    """End the server; sessions end with the place."""
    server.process.kill()
    server.process.wait()
