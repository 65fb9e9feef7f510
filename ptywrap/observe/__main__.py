"""Started by name, detached: first ready for a held command, then for everything else."""

import os
import sys
from importlib import import_module

from ptywrap.observe import readiness


def main() -> int:
    """Observe as the one observer of this user; 0 at once where another one does."""
    idle_s = _idle_s(sys.argv[1:])
    try:
        ready = readiness.ready()
    except readiness.NoPlace:
        return 1
    if ready is None:
        return 0
    # A command may run already, and others may ask: none of them waits for all of this at once.
    import_module("ptywrap.config")
    ready.serve()
    import_module("ptywrap.privacy")
    ready.serve()
    from ptywrap.observe import assembly

    ready.serve()
    observing = assembly.observing(ready, idle_s)
    if observing is None:
        ready.leave()
        return 0
    observing.run()
    os.ftruncate(ready.lock, 0)
    return 0


def _idle_s(words: list[str]) -> int | None:
    """Return how long to stay after the last session: `--idle SECONDS`, all there is to ask.

    argparse would cost 1.4 MB for as long as we stay.
    """
    match words:
        case []:
            return None
        case ["--idle", seconds] if seconds.isdecimal():
            return int(seconds)
    raise SystemExit("usage: python -m ptywrap.observe [--idle SECONDS]")


if __name__ == "__main__":
    sys.exit(main())
