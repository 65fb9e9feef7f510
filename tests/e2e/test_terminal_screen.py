"""Row 24 of the correctness table: full-screen programs, resizing and pasting look as bare."""

import os
import shlex
import time
from pathlib import Path

import pytest

from tests.e2e.multiplexer import Multiplexer, Screen, Step
from tests.e2e.places import Place, needs
from tests.e2e.terminal import LAUNCHER, wait_for

pytestmark = pytest.mark.linux
BARE = ["bash", "-i"]
PASTE_BYTES = 256 * 1024
STORM = 200
# No meters, and of the processes only one: nothing on the screen depends on the moment.
HTOPRC = """htop_version=3.2.2
config_reader_min_version=3
fields=0 1
hide_kernel_threads=1
header_layout=one_100
column_meters_0=Blank
column_meter_modes_0=2
"""


def both(place: Place, steps: list[Step]) -> tuple[list[Screen], list[Screen]]:
    """Return the screens of the same steps bare and wrapped."""
    screens = []
    for argv in (BARE, LAUNCHER):
        window = Multiplexer(place, argv)
        screens.append(window.play([Step((), "ready>"), *steps]))
        window.close()
    return screens[0], screens[1]


def numbered(place: Place) -> Path:
    """Write a file of numbered lines."""
    path = place.work / "numbered"
    path.write_text("".join(f"line {number} of many\n" for number in range(1, 501)))
    return path


def test_vim_looks_as_bare(place: Place) -> None:
    needs("vim")
    numbered(place)
    bare, wrapped = both(
        place,
        [
            Step(("vim -u NONE -i NONE -n -N numbered", "Enter"), "line 29 of many"),
            Step(("25jihello there", "Escape"), "hello there"),
            Step((":split", "Enter", ":set number ruler hlsearch", "Enter"), "26 .*hello there"),
            Step(("/line 300", "Enter"), "300 .*line 300"),
            Step((":q!", "Enter", ":q!", "Enter"), r"ready>\s*$"),
        ],
    )
    assert wrapped == bare


def test_less_looks_as_bare(place: Place) -> None:
    needs("less")
    numbered(place)
    bare, wrapped = both(
        place,
        [
            Step(("less -M numbered", "Enter"), "line 29 of many"),
            Step(("Space",), "line 58 of many"),
            Step(("/line 300", "Enter"), "line 300 of many"),
            Step(("G",), "line 500 of many"),
            Step(("q",), r"ready>\s*$"),
        ],
    )
    assert wrapped == bare


def test_fzf_looks_as_bare(place: Place) -> None:
    needs("fzf")
    bare, wrapped = both(
        place,
        [
            Step(("seq 1 1000 | fzf", "Enter"), "1000/1000"),
            Step(("42",), "28/1000"),
            Step(("Up", "Up"), "> 421"),
            Step(("Enter",), r"421\nready>\s*$"),
        ],
    )
    assert wrapped == bare


def test_htop_looks_as_bare(place: Place) -> None:
    needs("htop")
    (place.work / "htoprc").write_text(HTOPRC)
    window = place.open(["sleep", "600"])
    start = f"HTOPRC=htoprc htop -C -p {window.pid}"
    bare, wrapped = both(
        place,
        [
            Step((start, "Enter"), "sleep 600"),
            Step(("F1",), "show this help screen"),
            Step(("q",), "sleep 600"),
            Step(("F10",), r"ready>\s*$"),
        ],
    )
    assert wrapped == bare


@pytest.mark.parametrize("argv", [BARE, LAUNCHER], ids=["bare", "wrapped"])
def test_a_storm_of_sizes_ends_in_the_last_one(place: Place, argv: list[str]) -> None:
    window = place.open(argv)
    window.until(rb"ready> ")
    began = time.monotonic()
    for number in range(STORM):
        window.resize(20 + number % 30, 60 + number % 90)
        window.read_once(0)
        wait_until(began + number / STORM)
    window.resize(47, 147)
    window.ask("until [ \"$(stty size)\" = '47 147' ]; do :; done; echo gr''own", rb"grown\s")


def test_vim_looks_as_bare_after_a_storm_of_sizes(place: Place) -> None:
    needs("vim")
    numbered(place)
    screens = []
    for argv in (BARE, LAUNCHER):
        window = Multiplexer(place, argv)
        window.play(
            [
                Step((), "ready>"),
                Step(("vim -u NONE -i NONE -n -N numbered", "Enter"), "line 29 of many"),
            ]
        )
        storm: list[str] = []
        for number in range(STORM):
            size = ("-x", str(60 + number % 50), "-y", str(20 + number % 15))
            storm += ["resize-window", *size, ";"]
        window.tell(*storm, "resize-window", "-x", "97", "-y", "33")
        screens.append(window.play([Step((), "line 32 of many"), Step(("G",), "line 500")]))
        window.close()
    assert screens[1] == screens[0]


def test_a_bracketed_paste_arrives_whole_and_looks_as_bare(place: Place) -> None:
    needs("vim")
    line = "pasted words, fifty-nine of them or so, 漢字 and žluťoučký\n"
    text = line * (PASTE_BYTES // len(line.encode()) + 1)
    (place.work / "text").write_text(text)
    results = []
    for name, argv in (("bare", BARE), ("wrapped", LAUNCHER)):
        window = Multiplexer(place, argv)
        window.play([Step((), "ready>")])
        window.tell("load-buffer", "text")
        vim = shlex.join(["vim", "-u", "NONE", "-i", "NONE", "-n", "-N", name])
        window.play([Step((vim, "Enter"), r'"\w+" \[New'), Step(("i",), "INSERT")])
        window.tell("paste-buffer", "-p")
        saved = place.work / name
        window.tell("send-keys", "Escape", ":set encoding=utf-8", "Enter", ":w", "Enter")
        assert wait_for(saved.exists)
        screen = window.settled("written")
        results.append((screen.text.replace(name, "FILE"), screen.cursor, os.stat(saved).st_size))
        window.close()
    assert results[1] == results[0]
    assert (place.work / "wrapped").read_text() == text + "\n"


def wait_until(moment_s: float) -> None:
    """Wait until the monotonic clock shows a moment: what paces a storm, not what a test awaits."""
    wait_for(lambda: time.monotonic() >= moment_s)
