"""The command `ptywrap-ingest`, and how the laptop's store process is started by name."""

import argparse
import sys
from collections.abc import Sequence

from ingest import local

_WITH_THE_FLEET = ("serve", "token")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0, or 1 for a failure told in two lines, or 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="ptywrap-ingest", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    local.arguments(verbs.add_parser("local", help="the laptop's store process"))
    for verb in _WITH_THE_FLEET:
        verbs.add_parser(verb, help="part of the fleet release", add_help=False)
    args, rest = parser.parse_known_args(argv)
    if args.verb in _WITH_THE_FLEET:
        print(f"ptywrap-ingest: `{args.verb}` is part of the aggregation service", file=sys.stderr)
        print("the service comes with the fleet release; this one is local only", file=sys.stderr)
        return 1
    if rest:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    return local.run(args)


if __name__ == "__main__":
    sys.exit(main())
