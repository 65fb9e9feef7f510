"""Rows 10 to 13 and 21 of the correctness table: every byte, both ways, to the last one."""

import hashlib
import os
import random
import subprocess
import time

import pytest

from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER, Start, Terminal, best_s, exit_code

pytestmark = pytest.mark.linux
HOSTILE_BYTES = 10_245
MEBIBYTE = 1024 * 1024


def hostile(size: int) -> bytes:
    """Return `size` bytes that hold every value, control sequences and broken UTF-8."""
    piece = (
        bytes(range(256))
        + b"\x03\x04\x11\x13\x1a\x1c\x00\r\n\x1b[?1049h\x1b]0;title\x07\x1b[200~paste\x1b[201~"
        + "žluťoučký 漢字 🙂".encode()
        + b"\xff\xfe\xc0\x80\x1b[6n\x1b[?1049l"
    )
    return (piece * (size // len(piece) + 1))[:size]


def noise(size: int) -> bytes:
    """Return `size` random bytes, the same at every run."""
    return random.Random(size).randbytes(size)  # noqa: S311 (a seed, no secret)


def test_a_run_between_pipes_changes_no_byte(place: Place) -> None:
    done = subprocess.run(
        [*LAUNCHER, "--", "sh", "-c", "cat; echo wrong >&2; exit 9"],
        input=hostile(HOSTILE_BYTES),
        env=place.environment(),
        capture_output=True,
        check=False,
    )
    assert (done.stdout == hostile(HOSTILE_BYTES), done.stderr, done.returncode) == (
        True,
        b"wrong\n",
        9,
    )


def test_a_shell_between_pipes_is_the_real_shell(place: Place) -> None:
    done = subprocess.run(
        LAUNCHER,
        input=b"printf 'a\\0b'; echo wrong >&2; echo [${PTYWRAP_SESSION-}]; exit 9",
        env=place.environment(),
        capture_output=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == (b"a\0b[]\n", b"wrong\n", 9)


def test_standard_error_stays_apart_when_it_is_not_the_terminal(place: Place) -> None:
    (place.work / "hostile").write_bytes(hostile(HOSTILE_BYTES))
    with (place.work / "error").open("wb") as error:
        window = place.command(
            "sh",
            "-c",
            "[ -t 0 ] && [ -t 1 ] && cat hostile >&2; printf seen; exit 9",
            start=Start(standard_error=error.fileno()),
        )
        status = exit_code(window.finish())
    assert (bytes(window.output), status) == (b"seen", 9)
    assert (place.work / "error").read_bytes() == hostile(HOSTILE_BYTES)


def test_output_of_all_byte_values_comes_out_exact(place: Place) -> None:
    (place.work / "hostile").write_bytes(hostile(59_000))
    window = place.command("sh", "-c", "stty raw -echo; cat hostile")
    window.finish()
    assert bytes(window.output) == hostile(59_000)


def test_input_of_random_bytes_goes_in_exact(place: Place) -> None:
    window = raw_reader(place, "cat >got")
    window.send(noise(MEBIBYTE))
    assert exit_code(window.finish()) == 0
    assert digest((place.work / "got").read_bytes()) == digest(noise(MEBIBYTE))


def raw_reader(place: Place, sink: str) -> Terminal:
    """Return a window whose command passes a mebibyte of raw input to `sink`."""
    script = f"stty raw -echo; echo r''eady; head -c {MEBIBYTE} | {sink}"
    window = place.command("bash", "-c", script)
    window.until(rb"ready\n")
    return window


def digest(data: bytes) -> str:
    """Return a hash to compare by, so that a failure does not print a megabyte."""
    return hashlib.sha256(data).hexdigest()


def test_a_paste_comes_back_exact_from_a_terminal_that_writes_first(place: Place) -> None:
    digests = set()

    def paste_s() -> float:
        window = raw_reader(place, "cat")
        began = time.monotonic()
        window.send(noise(MEBIBYTE))
        window.finish()
        took = time.monotonic() - began
        digests.add(digest(bytes(window.output[window.position :])))
        return took

    assert best_s(paste_s, 1.0) <= 1.0
    assert digests == {digest(noise(MEBIBYTE))}


def test_a_paste_is_not_lost_on_a_program_that_reads_late(place: Place) -> None:
    script = "stty raw -echo; echo r''eady; read -r _go <go; exec head -c 300000 >got"
    os.mkfifo(place.work / "go")
    window = place.command("bash", "-c", script)
    window.until(rb"ready\n")
    os.set_blocking(window.master, False)
    sent = 0
    data = noise(300_000)
    go_at = time.monotonic() + 0.3
    while time.monotonic() < go_at:
        try:
            sent += os.write(window.master, data[sent : sent + 4096])
        except BlockingIOError:
            window.read_once()
    (place.work / "go").write_text("go\n")
    window.send(data[sent:])
    window.finish()
    assert digest((place.work / "got").read_bytes()) == digest(data)


@pytest.mark.parametrize("rounds", [50])
def test_the_tail_of_the_output_is_never_cut(place: Place, rounds: int) -> None:
    everything = digest(b"".join(b"%d\r\n" % n for n in range(1, 20001)) + b"END\r\n")
    seen = []
    for _round in range(rounds):
        window = place.command("sh", "-c", "seq 1 20000; echo END")
        window.finish()
        seen.append(digest(bytes(window.output)))
    assert seen == [everything] * rounds


@pytest.mark.parametrize(
    "rounds", [pytest.param(1, id="once"), pytest.param(5, id="five", marks=pytest.mark.slow)]
)
def test_two_hundred_megabytes_come_out_whole(place: Place, rounds: int) -> None:
    size = 200_000_000
    line = b"0123456789abcdef" * 5 + b"\n"
    program = f"yes {line[:-1].decode()} | head -c {size}"
    expected = hashlib.sha256()
    for _piece in range(size // (len(line) * 1000)):
        expected.update(line * 1000)
    expected.update((line * 1000)[: size % (len(line) * 1000)])
    for _round in range(rounds):
        window = place.command("sh", "-c", f"stty raw; {program}")
        got = hashlib.sha256()
        for data in window.stream(120):
            got.update(data)
            window.output.clear()
        assert got.hexdigest() == expected.hexdigest()
