"""The command `ptywrap-ingest`, and how processes of the store are started by name."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from ingest.config import Refused

# A verb loads what it needs and nothing else: the front never loads an engine, a store no HTTP.
VERBS = (
    ("serve", "ingest.serve"),
    ("token", "ingest.issuing"),
    ("store", "ingest.service_store"),
    ("local", "ingest.local"),
)
_SAYS = {
    "serve": "run the aggregation service",
    "token": "make, list and revoke tokens",
    "store": "the service's store process (started by `serve`)",
    "local": "the laptop's store process (started by ptywrap)",
}


class _Verb(Protocol):
    def arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0, or 1 for a failure told in two lines, or 2 for wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="ptywrap-ingest", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    chosen = None
    for name, module in VERBS:
        one = verbs.add_parser(
            name, help=_SAYS[name], formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if words[:1] == [name]:
            chosen = importlib.import_module(module)
            one.description = chosen.__doc__
            cast(_Verb, chosen).arguments(one)
    args = parser.parse_args(words)
    if chosen is None:
        parser.error("name a verb first")
    try:
        return cast(_Verb, chosen).run(args)
    except Refused as refused:
        print(f"ptywrap-ingest: {refused.message}", refused.hint, sep="\n", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
