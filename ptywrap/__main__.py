"""`python -m ptywrap VERB …`, what the launcher runs for every verb."""

import gc
import os
import sys

# Imports alone would set off a dozen collections, and none of them finds anything.
gc.set_threshold(100_000)

from ptywrap.cli import main  # noqa: E402 - only now: it is what imports

if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    # Everything is printed: taking each module apart would be an eighth of a `log`.
    os._exit(status)
