"""trust.md 4, rows 1 to 3, for what is sent: no secret, only listed words, and still useful."""

import re
import shlex
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap import templates, wire
from tests import build
from tests.ptywrap.leaving import out, sent
from tests.ptywrap.words import RULES
from tests.secrets_made import LINES, kept, made
from tests.secrets_made import filled as with_secrets

WORDS = {word for _, tool in RULES.tools.values() for word in (*tool.words, *tool.keepflags)}
SHOWN = (
    set(RULES.tools)
    | set(RULES.wrappers)
    | RULES.builtins
    | RULES.keywords
    | WORDS
    | {"…", "<prog>", "run", "//...", "||", "&&", "|&", ";;", "|", ";", "&", "(", ")", "`"}
)

FLAG = re.compile(r"--[A-Za-z][A-Za-z-]{0,30}|-[A-Za-z]…?|--…?|")


def shown(token: str) -> bool:
    """Tell whether a word of a shape or template is on a list, or the name of a flag."""
    return token in SHOWN or FLAG.fullmatch(token) is not None


def as_seen(line: str, ran: tuple[str, ...] = ()) -> list[wire.Fact]:
    """Return what an observer tells of a line, and of a process for each word of it."""
    try:
        argv = shlex.split(line)
    except ValueError:
        argv = line.split()
    named = templates.normalise(argv, RULES, frozenset(argv))
    shape = templates.shape(line, RULES, frozenset(ran))
    key = zlib.crc32(line.encode())
    command = build.a_command(
        id=key,
        line=line,
        shape=shape,
        template=named.template,
        cwd=f"/home/ada/{line}",
        repo=line,
        branch=line,
        context=wire.Context(wrappers=list(named.wrappers), other_busy=argv),
    )
    processes = [
        build.a_process(pid=at, start_ticks=key, name=word, exe=f"/{word}", argv=argv, cwd=line)
        for at, word in enumerate(argv[:3])
    ]
    return [command, *processes]


@pytest.mark.parametrize("name", ["development", "seen", "held_out"])
def test_no_secret_of_a_list_of_lines_is_in_the_bytes(name: str) -> None:
    lines = [with_secrets(line, at) for at, line in enumerate(LINES[name])]
    body = sent(*(fact for line, _ in lines for fact in as_seen(line))).decode("latin-1")
    assert kept(body, [secret for _, secrets in lines for secret in secrets]) == []


@pytest.mark.parametrize("secret", ["weak", "human", "mixed20", "hex32"])
def test_a_canary_anywhere_in_ordinary_commands_is_not_in_the_bytes(secret: str) -> None:
    canary = made(9)[secret]
    facts = []
    for at, ordinary in enumerate(LINES["ordinary"]):
        words = with_secrets(ordinary, at)[0].split(" ")
        places = [[*words[:here], canary, *words[here + 1 :]] for here in range(len(words))]
        for place in places:
            facts += as_seen(" ".join(place), (canary,))
    assert kept(sent(*facts).decode("latin-1"), [canary]) == []


@given(st.lists(st.one_of(st.sampled_from(sorted(SHOWN)), st.text(max_size=9)), max_size=7))
def test_every_word_that_leaves_is_on_a_list_or_a_flag(words: list[str]) -> None:
    line = " ".join(words)
    for fact in as_seen(line, tuple(words)):
        left = out(fact)
        texts: list[Any] = [getattr(left, name, "") for name in ("shape", "template", "name")]
        assert [word for text in texts for word in text.split(" ") if not shown(word)] == []


def test_most_ordinary_commands_leave_with_a_shape_of_their_own() -> None:
    facts = [as_seen(with_secrets(line, at)[0])[0] for at, line in enumerate(LINES["ordinary"])]
    assert len({out(fact).shape for fact in facts}) * 10 >= len(facts) * 9
