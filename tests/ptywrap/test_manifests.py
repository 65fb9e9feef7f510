"""Manifests are read as text for the names they declare, and a broken one declares nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptywrap import manifests, templates
from tests.ptywrap.words import RULES

MAKEFILE = """\
CC := gcc
PREFIX ?= /usr
.PHONY: all lint world
all: build
build lib.a: a.o
\tpython scripts/build_docs.py
%.o: %.c
\t$(CC) -c $<
install : all
x::
\ttrue
"""
JUSTFILE = """\
set shell := ["bash", "-c"]
alias b := build
version := "1"
# comment: here
build target="all" *flags: lint
    cargo build
@lint:
    true
"""
PACKAGE = '{"name": "x", "scripts": {"test:unit": "jest", "start": "node server.js"}}'
PYPROJECT = """\
[project.scripts]
serve-all = "x:main"
[tool.poe.tasks]
docs-live = "mkdocs"
[tool.hatch.envs.default.scripts]
cov = "pytest"
[tool.pdm.scripts]
go = {cmd = "x"}
"""
TOX = """\
[tox]
envlist = py{311,312}-{a,b}, lint
    docs
skipsdist = true
[testenv]
commands = pytest
[testenv:flake]
deps = flake8
"""


@pytest.mark.parametrize(
    ("file_name", "text", "declared"),
    [
        (
            "Makefile",
            MAKEFILE,
            {"all", "lint", "world", "build", "lib.a", "install", "x", "build_docs.py"},
        ),
        ("justfile", JUSTFILE, {"b", "build", "lint"}),
        ("package.json", PACKAGE, {"test:unit", "start", "server.js"}),
        ("web/package.json", PACKAGE, {"test:unit", "start", "server.js"}),
        ("pyproject.toml", PYPROJECT, {"serve-all", "docs-live", "cov", "go"}),
        (
            "tox.ini",
            TOX,
            {"py311-a", "py311-b", "py312-a", "py312-b", "lint", "docs", "flake"},
        ),
        (".cargo/config.toml", '[alias]\nxtask = "run -p xtask"\n', {"xtask"}),
        ("Rakefile", "task :seed => [:a] do\nend\n", {"seed"}),
        (
            "noxfile.py",
            "@nox.session(python='3')\ndef tests(s):\n  pass\n",
            {"tests"},
        ),
        (
            "Taskfile.yml",
            "version: '3'\ntasks:\n  gen:\n    cmds: [x]\n  up:x:\n    cmds: [y]\n",
            {"gen", "up:x"},
        ),
        ("README.md", MAKEFILE, set()),
    ],
)
def test_a_manifest_declares(file_name: str, text: str, declared: set[str]) -> None:
    assert manifests.names(file_name, text) == declared


def test_a_declared_target_is_shown() -> None:
    declared = manifests.names("Makefile", MAKEFILE)
    assert templates.normalise(["make", "world"], RULES, declared).template == "make world"


@pytest.mark.parametrize("file_name", sorted(manifests.PARSERS))
@pytest.mark.parametrize(
    "text", ["", "{", "[", "[[[[", "\0", '{"scripts": []}', "[alias", "[" * 100_000]
)
def test_a_broken_manifest_declares_nothing(file_name: str, text: str) -> None:
    assert manifests.names(file_name, text) == set()


def test_a_manifest_over_a_mebibyte_declares_nothing() -> None:
    assert manifests.names("Makefile", "all:\n" + "#" * manifests.LIMIT) == set()


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(manifests.PARSERS)),
    st.one_of(
        st.text(max_size=200),
        st.lists(
            st.sampled_from(
                [*MAKEFILE.split("\n"), *TOX.split("\n"), *JUSTFILE.split("\n"), "{", "\t"]
            ),
            max_size=20,
        ).map("\n".join),
    ),
)
def test_any_text_declares_words_that_could_be_names(file_name: str, text: str) -> None:
    found = manifests.names(file_name, text)
    assert [name for name in found if not name[0].isalpha() or " " in name] == []
