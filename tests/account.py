"""A second, ordinary account: what root may do must not hide what a user may not.

    def test_something(second: account.Account) -> None:
        home = account.a_home(second)
        done = account.run_as(second, ["id", "-u"], home.environ)

The account is made once, by root, and stays. Where it cannot read the checkout, it gets a readable
copy with an environment of its own, which goes when the tests end.
"""

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import home

NAME = "ptywraptest"
ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")


class Account(NamedTuple):
    """Who it is, and the checkout and environment it can read."""

    name: str
    uid: int
    gid: int
    checkout: Path
    environment: Path

    @property
    def python(self) -> Path:
        """The interpreter it runs."""
        return self.environment / "bin/python"


@functools.cache
def ordinary() -> Account:
    """The second account, made when it is not there; skips the test where that is impossible."""
    if os.getuid() != 0:
        pytest.skip("a second account needs root: run the tests as root")
    entry = _entry()
    account = Account(NAME, entry.pw_uid, entry.pw_gid, ROOT, Path(sys.prefix))
    return account if _can_run(account) else _copied(account)


def a_home(account: Account) -> home.Home:
    """A home of the account's own; end it with `home.close`."""
    made = home.a_home(home.Owner(account.uid, account.gid))
    made.environ.update(USER=account.name, LOGNAME=account.name)
    made.environ["PTYWRAP_VENV"] = str(account.environment)
    return made


def popen_as(
    account: Account, argv: Sequence[str | Path], environ: Mapping[str, str], **options: Any
) -> subprocess.Popen[bytes]:
    """Start a process as the account, in its home unless `cwd` says otherwise."""
    options.setdefault("cwd", environ.get("HOME", "/"))
    return subprocess.Popen(
        argv, env=dict(environ), user=account.uid, group=account.gid, extra_groups=[], **options
    )


def run_as(
    account: Account, argv: Sequence[str | Path], environ: Mapping[str, str], **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a process as the account and keep what it says, as text."""
    options.setdefault("cwd", environ.get("HOME", "/"))
    return subprocess.run(
        argv,
        check=False,
        env=dict(environ),
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        **{"capture_output": True, "text": True, "timeout": 120} | options,
    )


def becoming(account: Account) -> Callable[[], None]:
    """What a forked child calls before its exec to be the account, for children on a pty."""

    def become() -> None:
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)

    return become


def _entry() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/usr/bin:/sbin")
        if useradd is None:
            pytest.skip("a second account needs useradd: install the package passwd")
        # Another worker may have been faster: only the entry counts.
        subprocess.run([useradd, "-m", "-s", "/bin/bash", NAME], check=False)
        return pwd.getpwnam(NAME)


def _can_run(account: Account) -> bool:
    """Whether it can run its interpreter and read its checkout."""
    try:
        code = f"import ptywrap; open({str(account.checkout / 'pyproject.toml')!r}).close()"
        done = run_as(account, [account.python, "-I", "-c", code], {"HOME": "/"})
    except PermissionError:
        return False
    return done.returncode == 0


def _copied(account: Account) -> Account:
    folder = Path(tempfile.mkdtemp(prefix="ptywrap-checkout-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    checkout = folder / "ptywrap"
    shutil.copytree(ROOT, checkout, ignore=LEFT_OUT)
    subprocess.run(["chmod", "-R", "a+rX", checkout], check=True)
    environ = home.clean_environ()
    script = [checkout / "scripts/environment.sh", checkout]
    subprocess.run(["sh", *script], env=environ, stdout=subprocess.DEVNULL, check=True)
    copied = account._replace(checkout=checkout, environment=checkout / ".venv")
    if not _can_run(copied):
        pytest.skip("no Python that a second account can run: install python3 and python3-venv")
    return copied
