"""What is to be recorded nowhere leaves no byte; what may be kept was made private before."""

import pytest

from tests.e2e.observing import Observing, typed
from tests.e2e.places import SHELLS, Place
from tests.e2e.terminal import LAUNCHER, wait_for

pytestmark = pytest.mark.linux


def everywhere(observing: Observing) -> bytes:
    """Return every byte in every file of ours but what a shell has not been read yet."""
    place = observing.place
    tops = [top / "ptywrap" for top in (place.state, place.run, place.data)]
    paths = [path for top in tops for path in top.rglob("*")]
    return b"".join(path.read_bytes() for path in paths if path.is_file())


@pytest.mark.parametrize("shell", SHELLS)
def test_a_line_that_starts_with_a_space_is_recorded_nowhere(
    observing: Observing, shell: str
) -> None:
    window = observing.shell(shell)
    typed(window, "sleep 0.1", " sh -c 'sleep 0.2; echo canary-one'", "/bin/true")
    observing.command("/bin/true")
    assert sorted(one.line or "" for one in observing.commands()) == ["/bin/true", "sleep 0.1"]
    assert wait_for(lambda: b"canary-one" not in everywhere(observing))


@pytest.mark.parametrize("shell", SHELLS)
def test_of_a_run_in_a_private_line_nothing_is_recorded(observing: Observing, shell: str) -> None:
    (observing.place.home / ".bashrc").write_text("PS1='ready> '\nHISTCONTROL=ignoreboth\n")
    window = observing.shell(shell)
    start = f"{LAUNCHER[0]} --quiet --"
    typed(window, "/bin/true 1", f" {start} echo canary-five")
    typed(window, f" {start} sh -c 'sleep 0.3; : canary-five'", f"{start} /bin/true 2")
    observing.command(f"{start} /bin/true 2")
    told = sorted(one.line or "" for one in observing.commands())
    assert told == ["/bin/true 1", f"{start} /bin/true 2"]
    assert wait_for(lambda: b"canary-five" not in everywhere(observing))


@pytest.mark.parametrize("shell", SHELLS)
def test_of_a_run_in_an_ignored_line_nothing_is_recorded(place: Place, shell: str) -> None:
    folder = place.config / "ptywrap"
    folder.mkdir()
    (folder / "config.toml").write_text('ignore = ["canary-six"]\n')
    observing = Observing(place)
    observing.start()
    window = observing.shell(shell)
    line = f"{LAUNCHER[0]} --quiet -- sh -c 'sleep 0.2; : hushed'; : canary-six"
    typed(window, "/bin/true 1", line, "/bin/true 2")
    observing.command("/bin/true 2")
    assert sorted(one.line or "" for one in observing.commands()) == ["/bin/true 1", "/bin/true 2"]
    assert wait_for(lambda: b"hushed" not in everywhere(observing))
    observing.close()


def test_bash_tells_a_private_line_from_a_repetition_by_what_it_ran(observing: Observing) -> None:
    (observing.place.home / ".bashrc").write_text("PS1='ready> '\nHISTCONTROL=ignoreboth\n")
    window = observing.shell()
    typed(window, "sleep 0.1", "sleep 0.1", " sleep 0.2", "sleep 0.3")
    observing.command("sleep 0.3")
    told = sorted(observing.commands(), key=lambda one: one.started_at or 0)
    assert [(one.line, one.template) for one in told] == [
        ("sleep 0.1", "sleep"),
        (None, "sleep"),
        ("sleep 0.3", "sleep"),
    ]
    assert [one.argv for one in observing.processes(told[1])] == [None]


def test_a_line_that_settings_ignore_is_recorded_nowhere(place: Place) -> None:
    folder = place.config / "ptywrap"
    folder.mkdir()
    (folder / "config.toml").write_text('ignore = ["canary-[a-z]+"]\n')
    observing = Observing(place)
    observing.start()
    window = observing.shell("zsh")
    typed(window, "sh -c 'sleep 0.2; echo canary-two'", "/bin/true")
    observing.command("/bin/true")
    assert [one.line for one in observing.commands()] == ["/bin/true"]
    assert wait_for(lambda: b"canary-two" not in everywhere(observing))
    observing.close()


def test_a_password_typed_at_the_prompt_is_not_kept(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "canary-three", "/bin/true")
    observing.command("/bin/true")
    told = [one for one in observing.commands() if one.exit_status == 127]
    assert [(one.line, one.template) for one in told] == [(None, None)]
    assert wait_for(lambda: b"canary-three" not in everywhere(observing))


def test_marks_are_blanked_once_they_are_kept(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "echo canary-four")
    observing.command("echo canary-four")

    def marked() -> bytes:
        return b"".join(path.read_bytes() for path in observing.marks.iterdir() if path.is_file())

    assert wait_for(lambda: b"canary-four" not in marked())


def test_a_secret_in_an_argument_is_taken_out_before_it_is_kept(observing: Observing) -> None:
    secret = "hunter" + "2" * 3
    window = observing.shell()
    typed(window, f"/bin/true --password={secret}")
    observing.until(observing.commands)
    assert secret.encode() not in observing.bytes_spooled()


def test_while_paused_nothing_is_recorded_over_a_restart_too(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "/bin/true 1")
    observing.command("/bin/true 1")
    observing.ask("pause")
    before = observing.bytes_spooled()
    typed(window, "/bin/true 2")
    observing.stop()
    observing.start()
    typed(window, "/bin/true 3")
    assert observing.ask("status")["paused"]
    observing.ask("seal")
    assert observing.bytes_spooled() == before
    observing.ask("resume")
    typed(window, "/bin/true 4")
    observing.command("/bin/true 4")
    assert sorted(one.line or "" for one in observing.commands()) == ["/bin/true 1", "/bin/true 4"]


@pytest.mark.parametrize("name", ["PTYWRAP_DISABLE", "DO_NOT_TRACK"])
def test_switched_off_it_does_not_even_start(place: Place, name: str) -> None:
    observing = Observing(place)
    assert observing.finish(**{name: "1"}) == 0
    assert not observing.marks.exists()
