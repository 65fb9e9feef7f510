"""The shipped rules, and words that the property tests of words share."""

from pathlib import Path

from hypothesis import strategies as st

from ptywrap import templates

RULES = templates.load(Path(__file__).parents[2].joinpath("ptywrap/rules.toml").read_text())

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
"""What random-looking secrets are made of, at run time."""


def random_looking() -> st.SearchStrategy[str]:
    """Return secrets nobody would take for a name: long, mixed, no two characters alike."""
    return st.permutations(ALPHABET).map(lambda letters: "x7" + "".join(letters[:30]))


def argvs() -> st.SearchStrategy[list[str]]:
    """Return argvs that begin with a program of the rules more often than not."""
    tools = st.sampled_from(sorted(RULES.tools) + sorted(RULES.wrappers))
    listed = sorted({word for _, tool in RULES.tools.values() for word in tool.words})
    word = st.one_of(
        st.sampled_from(listed),
        st.sampled_from(
            ["-x", "--all", "-n", "--", "-c", "-m", "-e", "run", "exec", "A=1", "<arg>"]
        ),
        st.sampled_from(sorted(RULES.common)),
        st.text(max_size=12),
        tools,
    )
    return st.builds(
        lambda program, rest: [program, *rest], st.one_of(tools, word), st.lists(word, max_size=6)
    )
