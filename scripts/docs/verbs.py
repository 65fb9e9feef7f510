"""Every verb, from the help it prints."""

import os

from ptywrap import cli


def verbs() -> str:
    """The help of each verb, as `ptywrap VERB --help` prints it 80 columns wide."""
    os.environ["COLUMNS"] = "80"  # argparse asks for it when it prints
    pages = []
    for name, _module in cli.VERBS:
        chosen = cli.verb(name)
        assert chosen is not None
        help_text = cli.parser_for(name, chosen).format_help()
        pages.append(f"### `ptywrap {name}`\n\n```\n{help_text.rstrip()}\n```\n")
    return "\n".join(pages)
