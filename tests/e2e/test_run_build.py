"""`ptywrap --json run.json -- pip wheel psutil`: a real download and build, held against strace."""

import json
import os
import re
import shutil
import subprocess
from typing import Any, NamedTuple

import pytest

from tests import home as homes
from tests.conformance import strace_truth
from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER, PRODUCT

pytestmark = [
    pytest.mark.linux,
    pytest.mark.slow,
    pytest.mark.skipif(
        [str(PRODUCT)] != LAUNCHER, reason="about the product alone: unset PTYWRAP_TEST_LAUNCHER"
    ),
]

BUILD = ["wheel", "--no-cache-dir", "--no-binary", ":all:", "--no-deps", "psutil", "-w", "out/"]
# Where packages come from is the caller's: it may be a mirror behind a proxy.
INDEX = re.compile(r"(?i)pip_|.*_proxy$|ssl_cert_file$|requests_ca_bundle$")


class Built(NamedTuple):
    """The record of one build, and what strace saw of the same."""

    record: dict[str, Any]
    true: dict[int, strace_truth.Seen]


@pytest.fixture
def built(place: Place) -> Built:
    """Run pip under strace under the product."""
    pip = shutil.which("pip3") or shutil.which("pip")
    for program, found in (("strace", shutil.which("strace")), ("gcc", shutil.which("gcc"))):
        if found is None:
            pytest.skip(f"needs {program}: apt-get install {program}")
    if pip is None:
        pytest.skip("needs pip: apt-get install python3-pip")
    (place.work / "trace").mkdir()
    prefix = place.work / "trace" / "process"
    index = {name: value for name, value in homes.clean_environ().items() if INDEX.match(name)}
    done = subprocess.run(
        [*LAUNCHER, "--json", "run.json", "--", *strace_truth.command(prefix), pip, *BUILD],
        env=place.environment() | index | {"PATH": os.environ["PATH"]},
        cwd=place.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=240,
        check=False,
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode and re.search(r"No matching distribution|Could not find a version", said):
        pytest.skip("needs a package index: connect this machine to one")
    assert done.returncode == 0, said[-2000:]
    return Built(json.loads((place.work / "run.json").read_text()), strace_truth.read(prefix))


def test_the_record_of_a_real_build_holds_every_process_and_how_it_ended(built: Built) -> None:
    told = {
        one["pid"]: _wait_status(one["exit_status"], one["signal"])
        for one in built.record["processes"]
    }
    true = {pid: seen.status for pid, seen in built.true.items()}

    assert {pid: told.get(pid) for pid in true} == true
    assert len(true) > 50
    assert built.record["losses"] == []


def _wait_status(status: int | None, number: int | None) -> int | None:
    """Return what wait(2) says of an end; a core dump is no part of the record."""
    return number if status is None else status << 8
