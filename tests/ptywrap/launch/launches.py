"""Launches without a terminal, for tests that ask what the launcher becomes."""

import subprocess

from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER


def said(place: Place, *words: str, **environ: str | None) -> tuple[int, str]:
    """Return status and stdout of a launch without a terminal."""
    done = subprocess.run(
        [*LAUNCHER, *words],
        env=place.environment(**environ),
        cwd=place.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return done.returncode, done.stdout


def configured(place: Place, text: str) -> None:
    """Write the user's settings."""
    folder = place.config / "ptywrap"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(text)


def with_system(place: Place, text: str, argv: list[str]) -> list[str]:
    """Return argv that runs with this system file, in its own view of /etc."""
    upper, work = place.folder("upper"), place.folder("layer")
    (upper / "ptywrap").mkdir()
    (upper / "ptywrap/config.toml").write_text(text)
    options = f"lowerdir=/etc,upperdir={upper},workdir={work}"
    mount = f'mount -t overlay -o {options} overlay /etc && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh", *argv]
