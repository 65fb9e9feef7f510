"""Layers fold in their order, locks hold, and nothing a file says can stop a launch."""

from pathlib import Path

import pytest

from ptywrap import config
from ptywrap.errors import UserError


@pytest.fixture
def user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "ptywrap").mkdir()
    return tmp_path / "ptywrap" / "config.toml"


def _layer(loaded: config.Loaded, name: str) -> str:
    return next(setting.layer for setting in loaded.settings if setting.name == name)


def test_without_any_file_every_setting_is_a_default(user_file: Path, tmp_path: Path) -> None:
    loaded = config.load(environ={}, system=tmp_path / "none")

    assert not user_file.exists()
    assert loaded.config == config.Config()
    assert {setting.layer for setting in loaded.settings} == {"default"}


def test_a_later_layer_wins_and_is_named(user_file: Path, tmp_path: Path) -> None:
    system = tmp_path / "system.toml"
    system.write_text("observer_idle_seconds = 1\nstore_idle_seconds = 1\nspool_bytes = 1\n")
    user_file.write_text("store_idle_seconds = 2\nspool_bytes = 2\n")

    loaded = config.load(environ={"PTYWRAP_SPOOL_BYTES": "3"}, system=system)

    assert _layer(loaded, "observer_idle_seconds") == str(system)
    assert _layer(loaded, "store_idle_seconds") == str(user_file)
    assert _layer(loaded, "spool_bytes") == "PTYWRAP_SPOOL_BYTES"
    assert loaded.config.spool_bytes == 3


def test_a_locked_key_is_not_changed_by_a_later_layer(user_file: Path, tmp_path: Path) -> None:
    system = tmp_path / "system.toml"
    system.write_text('argv = "shape"\n[locked]\nargv = true\n')
    user_file.write_text('argv = "redacted"\n')

    loaded = config.load(environ={"PTYWRAP_ARGV": "redacted"}, system=system)

    assert loaded.config.argv == "shape"
    assert [complaint.message for complaint in loaded.complaints] == [
        f"`argv` is locked by {system}",
        f"`argv` is locked by {system}",
    ]


@pytest.mark.parametrize(
    "text", ["not toml at all [", "enabled = 'maybe'\n", "[enabled]\n", "\xff", "ignore = 3\n"]
)
def test_a_broken_file_means_defaults_and_a_complaint(
    user_file: Path, tmp_path: Path, text: str
) -> None:
    user_file.write_bytes(text.encode("latin-1"))

    loaded = config.load(environ={}, system=tmp_path / "none")

    assert loaded.config == config.Config()
    assert [complaint.layer for complaint in loaded.complaints] == [str(user_file)]


def test_an_unknown_key_is_refused_on_demand_with_the_nearest(
    user_file: Path, tmp_path: Path
) -> None:
    user_file.write_text("enable = false\n")

    with pytest.raises(UserError, match="`enable` is no setting") as caught:
        config.demand(config.load(environ={}, system=tmp_path / "none"))

    assert caught.value.hint == "did you mean `enabled`?"


@pytest.mark.parametrize("layer", ["system", "user", "environment"])
def test_no_later_layer_undoes_an_off_switch(user_file: Path, tmp_path: Path, layer: str) -> None:
    system = tmp_path / "system.toml"
    said = {"system": "true", "user": "true", "environment": "true"} | {layer: "false"}
    system.write_text(f"enabled = {said['system']}\n")
    user_file.write_text(f"enabled = {said['user']}\n")

    loaded = config.load(environ={"PTYWRAP_ENABLED": said["environment"]}, system=system)

    assert loaded.config.enabled is False


@pytest.mark.parametrize(
    ("environ", "enabled", "switch"),
    [
        ({}, True, None),
        ({"PTYWRAP_DISABLE": "1"}, True, "PTYWRAP_DISABLE"),
        ({"DO_NOT_TRACK": "1"}, True, "DO_NOT_TRACK"),
        ({"DO_NOT_TRACK": "0"}, True, None),
        ({}, False, "enabled = false"),
    ],
)
def test_any_off_switch_wins(environ: dict[str, str], enabled: bool, switch: str | None) -> None:
    assert config.off_switch(environ, config.Config(enabled=enabled)) == switch


def test_settings_of_the_network_may_stand_in_a_table_of_their_own(
    user_file: Path, tmp_path: Path
) -> None:
    user_file.write_text("[network]\nenabled = false\ncapture = true\n")

    loaded = config.load(environ={"PTYWRAP_NETWORK_KERNEL": "false"}, system=tmp_path / "none")

    settings = loaded.config
    told = (settings.network, settings.network_kernel, settings.network_capture)
    assert (told, loaded.complaints) == ((False, False, True), [])


def test_a_setting_in_the_table_of_the_network_is_locked_by_its_name(
    user_file: Path, tmp_path: Path
) -> None:
    system = tmp_path / "system.toml"
    system.write_text("[locked.network]\ncapture = true\n")
    user_file.write_text("[network]\ncapture = true\nkernel = false\n")

    loaded = config.load(environ={}, system=system)

    assert (loaded.config.network_capture, loaded.config.network_kernel) == (False, False)
    assert [one.message for one in loaded.complaints] == [
        f"`network_capture` is locked by {system}"
    ]


def test_a_word_that_is_no_setting_of_the_network_is_refused(
    user_file: Path, tmp_path: Path
) -> None:
    user_file.write_text("[network]\ncaptures = true\n")

    loaded = config.load(environ={}, system=tmp_path / "none")

    assert [one.nearest for one in loaded.complaints] == ["network_capture"]
