"""Manifests are read where a command ran, again once they change, and nothing in them can harm."""

import os
from pathlib import Path

import pytest

from ptywrap import manifests
from ptywrap.observe.declared import Declared


def test_root_and_cwd_declare_together(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("deploy-blue:\n\ttrue\n")
    (tmp_path / "web").mkdir()
    (tmp_path / "web/package.json").write_text('{"scripts": {"storybook": "x"}}')

    found = Declared().names(str(tmp_path), str(tmp_path / "web"))

    assert found == {"deploy-blue", "storybook"}


def test_a_manifest_in_a_folder_of_its_own_counts(tmp_path: Path) -> None:
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo/config.toml").write_text('[alias]\nxtask = "run"\n')

    assert Declared().names(str(tmp_path)) == {"xtask"}


def test_a_changed_manifest_is_read_again(tmp_path: Path) -> None:
    declared = Declared()
    (tmp_path / "justfile").write_text("one:\n")
    declared.names(str(tmp_path))
    (tmp_path / "justfile").write_text("three:\n")

    assert declared.names(str(tmp_path)) == {"three"}


def test_an_unchanged_manifest_is_not_opened_again(tmp_path: Path) -> None:
    declared = Declared()
    manifest = tmp_path / "justfile"
    manifest.write_text("one:\n")
    declared.names(str(tmp_path))
    changed = manifest.stat().st_mtime_ns
    # As long, as old, in the same place: nobody can tell but by reading.
    manifest.write_text("two:\n")
    os.utime(manifest, ns=(changed, changed))

    assert declared.names(str(tmp_path)) == {"one"}


def test_a_manifest_that_is_gone_declares_nothing(tmp_path: Path) -> None:
    declared = Declared()
    (tmp_path / "Makefile").write_text("all:\n")
    declared.names(str(tmp_path))
    (tmp_path / "Makefile").unlink()

    assert declared.names(str(tmp_path)) == frozenset()


@pytest.mark.parametrize("folder", [None, "", "relative", "/nowhere/at/all", "/\0"])
def test_no_place_declares_nothing(folder: str | None) -> None:
    assert Declared().names(folder, folder) == frozenset()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "Makefile")

    assert Declared().names(str(tmp_path)) == frozenset()


def test_a_folder_of_that_name_declares_nothing(tmp_path: Path) -> None:
    (tmp_path / "Makefile").mkdir()

    assert Declared().names(str(tmp_path)) == frozenset()


def test_a_huge_manifest_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("all:\n" + "#" * manifests.LIMIT)

    assert Declared().names(str(tmp_path)) == frozenset()


def test_bytes_that_are_no_text_harm_nothing(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes(b"\xff\xfe\0:\ngood:\n")

    assert Declared().names(str(tmp_path)) == {"good"}


def test_of_too_many_names_some_are_kept(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("".join(f"t{number}:\n" for number in range(9000)))

    assert len(Declared().names(str(tmp_path))) == 4096


def test_few_folders_are_remembered(tmp_path: Path) -> None:
    declared = Declared()
    for number in range(100):
        declared.names(str(tmp_path / str(number)))

    assert len(declared._folders) == 64
