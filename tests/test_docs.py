"""What is documented is what the code says, and all of it is documented."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ptywrap import cli, wire

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
)
OFF_SWITCHES = ("PTYWRAP_DISABLE=1", "DO_NOT_TRACK=1", "enabled = false", "/etc/ptywrap/disabled")


def prose(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text()


@pytest.mark.skipif(
    sys.version_info >= (3, 13),
    reason="argparse prints another help since Python 3.13: the pages are made with 3.11",
)
def test_generated_pages_equal_the_code() -> None:
    argv = [sys.executable, "-m", "scripts.docs", "--check"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_every_meaning_belongs_to_a_field() -> None:
    """A meaning that outlived its field would be found by nobody."""
    meanings = tomllib.loads(prose("scripts/docs/meanings.toml"))
    parts = (wire.Split, wire.Download, wire.Daemon, wire.Context, wire.Cache)
    known = {
        kind.__name__.lower(): {field.encode_name for field in msgspec.structs.fields(kind)}
        for kind in (*get_args(wire.Fact), *parts)
    }
    known["any"] = set().union(*known.values())
    stale = [f"{fact}.{n}" for fact, names in meanings.items() for n in names.keys() - known[fact]]
    assert stale == []


@pytest.mark.parametrize("verb", [name for name, _module in cli.VERBS])
def test_the_readme_lists_every_verb(verb: str) -> None:
    assert f"| `ptywrap {verb}" in prose("README.md")


@pytest.mark.parametrize("switch", OFF_SWITCHES)
def test_the_readme_lists_every_off_switch(switch: str) -> None:
    assert f"`{switch}`" in prose("README.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_that_are_there(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose(page))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_what_is_new_is_in_the_changelog() -> None:
    assert prose("CHANGELOG.md").splitlines()[2] == "## Unreleased"
