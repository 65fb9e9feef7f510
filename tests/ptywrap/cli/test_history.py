"""What the verbs print of a real history: whole in a pipe, fitted in a terminal, light on the way.

The local store is started by the first question and answers all of them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from ptywrap import clock, spool, wire
from tests import build
from tests import home as homes
from tests.home import Home

ROOT = Path(__file__).parents[3]
LONG = "make " + "x" * 200
HOSTILE = "echo \x1b[2J"
CHAIN = 230
IDS = {1 << 60: LONG, 2 << 60: HOSTILE, 3 << 60: "chain"}
# A log that a pipe reads waits for these and no others of ours.
OURS = [
    *("ptywrap", "ptywrap.cli", "ptywrap.cli.base", "ptywrap.cli.log", "ptywrap.cli.page"),
    *("ptywrap.cli.text", "ptywrap.cli.window", "ptywrap.clock", "ptywrap.errors"),
    *("ptywrap.paths", "ptywrap.service"),
]
# On top of the interpreter's own and the site's, C extensions included.
MORE_MODULES = 75
WEIGH = """
import sys
before = set(sys.modules)
from ptywrap.cli import main
status = main(["log", "--json"])
print("\\n".join(sorted(set(sys.modules) - before)), file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def filled() -> Iterator[Home]:
    """Yield a home whose history holds three commands, the last one a chain of processes."""
    home = homes.a_home()
    state = Path(home.environ["XDG_STATE_HOME"], "ptywrap")
    state.mkdir(mode=0o700)
    (state / "device").write_text(build.DEVICE)
    now = clock.wall_ns()
    header = build.a_segment(
        wall_ns=now,
        monotonic_ns=clock.monotonic_ns(),
        boottime_ns=clock.boottime_ns(),
        boot_id=clock.boot_id(),
    )
    writer = spool.Spool(state / build.DEVICE / "spool", lambda: header, clock.monotonic_ns)
    for identifier, line in IDS.items():
        command = build.a_command(id=identifier, line=line, started_at=now - 60_000_000_000)
        assert writer.append(command)
    for number in range(CHAIN):
        assert writer.append(_link(number, now))
    assert writer.seal() is not None
    writer.close()
    yield home
    homes.close(home)


def _link(number: int, now_ns: int) -> wire.Process:
    """Return one process of a chain in which each has started the next."""
    return build.a_process(
        command=3 << 60,
        pid=5000 + number,
        ppid=4999 + number,
        start_ticks=70_000 + number,
        started_at=now_ns,
        argv=["sh", f"link-{number}"],
    )


def _piped(home: Home, *words: str) -> str:
    argv = [sys.executable, "-m", "ptywrap", *words]
    return subprocess.run(
        argv, cwd=ROOT, env=home.environ, stdout=-1, text=True, timeout=60, check=True
    ).stdout


def _shown(home: Home, *words: str) -> str:
    """Return what a verb prints in a terminal of 60 columns."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "ptywrap", *words],
        cwd=str(ROOT),
        env=home.environ,
        dimensions=(24, 60),
        timeout=60,
    )
    child.expect(pexpect.EOF)
    child.close()
    assert isinstance(child.before, bytes)
    return child.before.decode().replace("\r\n", "\n")


def test_a_pipe_is_given_every_line_whole(filled: Home) -> None:
    lines = _piped(filled, "log").splitlines()

    assert [line.rpartition("exit 2  ")[2] for line in lines[1:]].count(LONG) == 1


def test_in_a_terminal_only_the_command_gives_way(filled: Home) -> None:
    whole = [line.split()[0] for line in _piped(filled, "log").splitlines()[1:]]

    shown = _shown(filled, "log").splitlines()[1:]

    assert [line.split()[0] for line in shown] == whole
    assert [len(line) - len("\x1b[31m\x1b[0m") for line in shown if "xxx" in line] == [60]


@pytest.mark.parametrize("words", [("log",), ("show", "2000")])
def test_an_escape_sequence_in_a_line_is_seen_not_obeyed(
    filled: Home, words: tuple[str, ...]
) -> None:
    shown = _shown(filled, *words)

    assert "echo \\x1b[2J" in shown
    assert "\x1b[2J" not in shown


def test_a_terminal_shows_all_of_a_chain_that_is_told(filled: Home) -> None:
    shown = _shown(filled, "show", "last")

    assert [n for n in range(CHAIN) if f"link-{n}\x1b" in shown] == list(range(200))
    assert "30 more (--json has all)" in shown


def test_json_has_all_of_a_chain(filled: Home) -> None:
    assert len(json.loads(_piped(filled, "show", "last", "--json"))["processes"]) == CHAIN


def test_a_log_in_json_loads_little(filled: Home) -> None:
    _piped(filled, "log", "--json")  # from here on the store runs

    argv = [sys.executable, "-c", WEIGH]
    ran = subprocess.run(
        argv, cwd=ROOT, env=filled.environ, capture_output=True, text=True, check=True
    )

    loaded = ran.stderr.split()
    assert len(json.loads(ran.stdout)) == 3
    assert [name for name in loaded if name.partition(".")[0] == "ptywrap"] == OURS
    assert len(loaded) <= MORE_MODULES
