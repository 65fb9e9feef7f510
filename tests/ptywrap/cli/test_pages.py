"""A plain page aligns and cuts nothing; a terminal's page has colours and fits the width."""

import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from ptywrap.cli.base import Bar, Branch, Column, Narrow, Part, Style
from ptywrap.cli.page import choose
from ptywrap.cli.plain_page import PlainPage
from tests.home import Home

ROOT = Path(__file__).parents[3]
START = """
import sys
sys.path.insert(0, sys.argv[1])
from ptywrap.cli.base import Bar, Branch, Column, Narrow, Part, Style
from ptywrap.cli.page import choose
page = choose()
"""
COLUMNS = [Column("ID", Narrow.KEEP), Column("TOOK", right=True), Column("LINE", Narrow.CUT)]


def _in_a_terminal(home: Home, code: str, environ: dict[str, str] | None = None) -> str:
    """Return what a child prints through the page it chooses, in a pty of 40 columns."""
    python, *words = _argv(home, code)
    everything = home.environ | (environ or {})
    child = pexpect.spawn(python, words, env=everything, dimensions=(24, 40), timeout=60)
    child.expect(pexpect.EOF)
    child.close()
    assert isinstance(child.before, bytes)
    return child.before.decode().replace("\r\n", "\n")


def _through_a_pipe(home: Home, code: str) -> str:
    argv = _argv(home, code)
    return subprocess.run(argv, env=home.environ, stdout=-1, text=True, check=True).stdout


def _argv(home: Home, code: str) -> list[str]:
    script = home.folder / "script.py"
    script.write_text(START + code)
    return [sys.executable, "-I", str(script), str(ROOT)]


def test_plain_columns_are_aligned_and_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    PlainPage().table(COLUMNS, [("3f2a", "1.24 s", "x" * 200), ("41", Part("9 ms"), "ls")])

    assert capsys.readouterr().out == (
        f"ID      TOOK  LINE\n3f2a  1.24 s  {'x' * 200}\n41      9 ms  ls\n"
    )


def test_plain_columns_are_aligned_by_cells_not_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    columns = [Column("A"), Column("B")]

    PlainPage().table(columns, [("日本", "1"), ("e\u0301", "2"), ("abcd", "3")])

    assert capsys.readouterr().out == "A     B\n日本  1\ne\u0301     2\nabcd  3\n"


def test_a_plain_table_without_rows_is_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    PlainPage().table(COLUMNS, [])

    assert capsys.readouterr().out == "ID  TOOK  LINE\n"


def test_plain_fields_and_bars_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    page = PlainPage()
    page.fields({"in": "/home", "branch": "main"})
    page.bars([Bar("cpu", 3, Style.CPU, ("3 s", "75 %")), Bar("you", 1, Style.INPUT, ("1 s", "-"))])

    assert capsys.readouterr().out == (
        "in      /home\nbranch  main\ncpu  ███  3 s  75 %\nyou  █    1 s  -\n"
    )


def test_no_bars_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    PlainPage().bars([])

    assert capsys.readouterr().out == ""


def test_a_plain_line_has_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    PlainPage().line("it ", Part("failed", Style.BAD))
    PlainPage().line()

    assert capsys.readouterr().out == "it failed\n\n"


def test_a_plain_tree_draws_its_branches(capsys: pytest.CaptureFixture[str]) -> None:
    branches = [Branch("a"), Branch("b", 0), Branch("c"), Branch("d", 0), Branch("e", 2)]

    PlainPage().tree(Part("5 processes", Style.TITLE), branches)

    assert capsys.readouterr().out.splitlines() == [
        "5 processes",
        "├── a",
        "│   ├── b",
        "│   └── d",
        "└── c",
        "    └── e",
    ]


def test_a_long_chain_is_drawn_without_recursion(capsys: pytest.CaptureFixture[str]) -> None:
    deep = sys.getrecursionlimit() + 1000

    PlainPage().tree("chain", [Branch("x", place - 1 if place else None) for place in range(deep)])

    assert len(capsys.readouterr().out.splitlines()) == deep + 1


def test_a_plain_page_tells_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainPage().progress() as step:
        step("probing")

    assert capsys.readouterr().out == ""


HOSTILE = "a\x1b[2Jb"
EVERYTHING = f"""
hostile = {HOSTILE!r}
page.line(hostile, Part(hostile))
page.table([Column("A")], [[hostile], [[Part(hostile, Style.BAD)]]])
page.fields({{"name": hostile}})
page.bars([Bar("bar", 1, Style.CPU, (hostile,))])
page.tree(hostile, [Branch(hostile)])
"""


def test_a_plain_page_writes_control_characters_out(home: Home) -> None:
    told = _through_a_pipe(home, EVERYTHING)

    assert (told.count(r"a\x1b[2Jb"), told.count("\x1b")) == (8, 0)


def test_a_terminals_page_writes_control_characters_out(home: Home) -> None:
    told = _in_a_terminal(home, EVERYTHING)

    assert (told.count(r"a\x1b[2Jb"), told.count("\x1b[2J")) == (8, 0)


def test_without_a_terminal_the_page_is_plain() -> None:
    assert isinstance(choose(), PlainPage)


@pytest.mark.parametrize(
    ("choice", "environ", "name"),
    [
        ("choose()", {}, "RichPage"),
        ("choose()", {"NO_COLOR": ""}, "RichPage"),
        ("choose()", {"NO_COLOR": "1"}, "PlainPage"),
        ("choose(plain=True)", {}, "PlainPage"),
    ],
)
def test_a_terminals_page_has_colours_unless_they_are_not_wanted(
    home: Home, choice: str, environ: dict[str, str], name: str
) -> None:
    assert _in_a_terminal(home, f"print(type({choice}).__name__)", environ) == f"{name}\n"


def test_a_plain_page_loads_no_rich(home: Home) -> None:
    code = "print(any(name.partition('.')[0] == 'rich' for name in sys.modules))"

    assert _in_a_terminal(home, code, {"NO_COLOR": "1"}) == "False\n"


def test_in_a_terminal_what_failed_is_red(home: Home) -> None:
    told = _in_a_terminal(home, 'page.line("it ", Part("failed", Style.BAD))')

    assert told == "it \x1b[31mfailed\x1b[0m\n"


def test_in_a_terminal_one_column_gives_way_for_all_others(home: Home) -> None:
    told = _in_a_terminal(
        home,
        'page.table([Column("ID", Narrow.KEEP), Column("LINE", Narrow.CUT)], '
        '[["0123456789", "x" * 80]])',
    )

    assert told.splitlines()[1] == f"0123456789  {'x' * 27}…"


def test_in_a_terminal_a_long_branch_is_cut(home: Home) -> None:
    told = _in_a_terminal(home, 'page.tree("tree", [Branch("x" * 80), Branch("y", 0)])')

    assert told.splitlines() == ["tree", f"└── {'x' * 35}…", "    └── y"]


def test_in_a_terminal_a_branch_too_deep_stands_beside_its_stem(home: Home) -> None:
    code = 'page.tree("tree", [Branch(str(n), n - 1 if n else None) for n in range(9)])'

    told = _in_a_terminal(home, code)

    assert told.splitlines()[4:] == [
        "            └── 3",
        *(f"                ├── {number}" for number in range(4, 8)),
        "                └── 8",
    ]


def test_in_a_terminal_progress_is_taken_away_again(home: Home) -> None:
    code = 'with page.progress() as step:\n    step("probing")\nprint("done")'

    told = _in_a_terminal(home, code)

    assert "probing" in told
    assert told.endswith("\x1b[2Kdone\n")


def test_every_style_can_be_shown(home: Home) -> None:
    told = _in_a_terminal(home, "for style in Style:\n    page.line(Part(style.value, style))")

    assert told.count("\n") == len(Style)
