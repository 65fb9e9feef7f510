"""Who a signal was sent to."""

import signal
import subprocess
from pathlib import Path

import ptywrap.launch
from ptywrap.launch.signals import ECHO_NS, PASSED_ON, Echoes, passed_on

PASSED_TERM = {meant: number for number, meant in PASSED_ON.items()}[signal.SIGTERM]


def test_a_signal_that_only_the_launcher_got_is_meant() -> None:
    assert Echoes().heard(PASSED_TERM) == signal.SIGTERM


def test_a_signal_to_the_group_is_meant_once() -> None:
    echoes = Echoes()
    assert [echoes.heard(signal.SIGTERM), echoes.heard(PASSED_TERM)] == [signal.SIGTERM, 0]


def test_another_signal_passed_on_is_no_echo() -> None:
    echoes = Echoes()
    echoes.heard(signal.SIGINT)
    assert echoes.heard(PASSED_TERM) == signal.SIGTERM


def test_an_echo_comes_soon_or_is_none() -> None:
    echoes = Echoes()
    echoes.heard(signal.SIGTERM)
    echoes._heard_ns[signal.SIGTERM] -= ECHO_NS
    assert echoes.heard(PASSED_TERM) == signal.SIGTERM


def test_an_echo_that_was_stopped_with_us_is_none_when_we_go_on() -> None:
    echoes = Echoes()
    echoes.heard(signal.SIGTERM)
    echoes._heard_ns[signal.SIGTERM] -= ECHO_NS
    echoes.acted(signal.SIGTERM)
    assert echoes.heard(PASSED_TERM) == 0


def test_the_launcher_passes_on_what_we_know() -> None:
    launcher = Path(ptywrap.launch.__path__[0]) / "ptywrap.sh"
    text = launcher.read_text()
    told = {
        number: signal.Signals(meant).name[3:]
        for number, meant in PASSED_ON.items()
        if f"_pw_pass {signal.Signals(meant).name[3:]} {number}'" in text
    }
    assert told == {41: "TERM", 42: "HUP", 43: "INT", 44: "QUIT", 45: "TSTP"}


def test_a_signal_to_somebody_who_has_ended_is_no_fault_of_ours() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    passed_on(ended.pid, signal.SIGTERM)
    assert ended.returncode == 0
