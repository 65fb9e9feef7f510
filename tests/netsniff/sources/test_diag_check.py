"""Proves that a kernel which refuses, or answers otherwise, is found out before it is relied on."""

import errno
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netsniff.model import Endpoint
from netsniff.sources.base import Probe
from tests import forbidding

if sys.platform != "linux":
    pytest.skip("needs a Linux kernel: run it on Linux", allow_module_level=True)
assert sys.platform == "linux"

from netsniff.sources import diag_check, diag_message, diag_socket, loopback  # noqa: E402 - Linux alone

ROOT = str(Path(__file__).parents[3])
CHECK = "from netsniff.sources import diag_check; print(*diag_check.check(), sep='|')"


def answer(*before: str) -> list[str]:
    """What a check of its own process says, run by way of other programs."""
    argv = [*before, sys.executable, "-c", CHECK]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n").split("|")


def test_this_kernel_answers_as_we_read_it() -> None:
    assert diag_check.check() == Probe(usable=True)


@pytest.mark.skipif(not forbidding.POSSIBLE, reason=forbidding.NEEDS)
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("EPERM", "a sandbox forbids netlink sockets"),
        ("EAFNOSUPPORT", "no netlink sockets may be opened here"),
        ("EPROTONOSUPPORT", "this kernel has no sock_diag"),
    ],
)
def test_a_refusal_is_told_with_its_reason_and_a_remedy(error: str, reason: str) -> None:
    usable, told, remedy = answer(sys.executable, forbidding.SCRIPT, "sock_diag", error)
    assert (usable, told) == ("False", reason)
    assert remedy


def test_a_missing_module_is_told_with_how_to_load_it() -> None:
    probe = diag_check.refused(OSError(errno.ENOENT, "No such file or directory"))
    assert (probe.usable, "modprobe tcp_diag" in probe.remedy) == (False, True)


def test_an_error_that_nobody_expected_is_told_as_the_kernel_names_it() -> None:
    probe = diag_check.refused(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert probe == Probe(usable=False, reason="the kernel refused: Cannot allocate memory")


def test_a_small_buffer_is_used_and_told_with_how_to_allow_more() -> None:
    probe = diag_check.roomy(425_984)  # what an ordinary user gets of Debian's own setting
    assert (probe.usable, probe.reason) == (True, "room for 332 sockets that end at once")
    assert "net.core.rmem_max" in probe.remedy


def test_a_large_buffer_is_no_matter_to_tell() -> None:
    assert diag_check.roomy(8 << 20) == Probe(usable=True)


@pytest.mark.root
@pytest.mark.skipif(not shutil.which("unshare"), reason="no unshare: install util-linux")
def test_without_a_loopback_it_is_used_but_said_to_be_untested() -> None:
    usable, told, _ = answer("unshare", "--net")
    assert (usable, told) == ("True", "not compared: there is no loopback here")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"local": Endpoint("127.0.0.2", 1)}, "addresses"),
        ({"cookie": 1}, "cookie"),
        ({"inode": 1}, "inode"),
        ({"state": 8}, "state"),
        ({"info": None}, "does not tell what a connection sent"),
        ({"bytes_sent": None}, "does not tell what a connection sent"),
        ({"bytes_sent": 1}, "sent bytes"),
        ({"bytes_received": 1}, "received bytes"),
        ({"rtt_us": 0}, "round trip"),
        ({"segments_received": 1 << 20}, "number of segments"),
        ({}, ""),
    ],
)
def test_every_field_that_is_read_from_the_wrong_place_is_found_out(
    change: dict[str, Any], said: str
) -> None:
    made = loopback.pair()
    questions = diag_socket.Questions()
    questions.ask()
    found: dict[int, diag_message.Told] = {}
    while (seen := questions.answer()) is not None:
        found |= {e[1]: diag_message.told(bytes(questions.view[e[4] : e[5]])) for e in seen}
    questions.close()
    made.close()
    told = found[made.client.inode]
    assert told.info is not None
    inner = {name: value for name, value in change.items() if name in told.info._fields}
    outer = {name: value for name, value in change.items() if name in told._fields}
    told = told._replace(**{"info": told.info._replace(**inner), **outer})
    wrong = diag_check.differs(told, made.client, serves=False)
    assert (said in wrong, bool(wrong)) == (True, bool(change))


@pytest.mark.root
@pytest.mark.skipif(not shutil.which("unshare"), reason="no unshare: install util-linux")
@pytest.mark.parametrize(
    ("others", "usable", "reason"),
    [
        (0, "False", "the end of a connection was not told"),
        (3, "True", "not compared: the kernel is late to tell of the dead"),
    ],
)
def test_a_kernel_that_is_late_is_no_kernel_that_does_not_tell(
    others: int, usable: str, reason: str
) -> None:
    """One connection stays open, as if its end were not told yet; some others end."""
    code = (
        "from tests.netsniff.own_space import loopback_up; loopback_up();"
        "from netsniff.sources import diag_check, diag_socket, loopback;"
        "ours = loopback.pair(); deaths = diag_socket.Deaths();"
        f"[loopback.pair().close() for _ in range({others})];"
        "ends = ((ours.client, False), (ours.server, True));"
        "print(*diag_check.ended(deaths, ends)[:2], sep='|')"
    )
    argv = ["unshare", "--net", sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().split("|") == [usable, reason]
