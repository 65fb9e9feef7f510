"""`python -m ptywrap VERB …`, what the launcher runs for every verb."""

import sys

from ptywrap.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
