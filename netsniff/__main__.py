"""Who talks to whom right now: a live table of processes, hosts, rates and totals.

Without a PID, all processes that may be looked at; with one, that process and all that live below
it. In a terminal it is a table (q or Ctrl-C ends it); in a pipe, a line for each connection when it
is over. Bytes are payload, as the programs sent and received it. What cannot be told is a dash, and
the last lines say why.

example: python -m netsniff --sort total $(pgrep -n make)
         python -m netsniff --json | jq 'select(.received_bytes > 1000000)'
"""

import argparse
import errno
import os
import signal
import sys
import time
from types import FrameType

from netsniff.live import keys
from netsniff.live.ledger import ORDERS
from netsniff.live.processes import Processes
from netsniff.live.views import LineView, Stop, TableView, View
from netsniff.live.watch import Unusable, Watch


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m netsniff",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pid", nargs="?", type=_pid, help="a process: it and what lives below it")
    parser.add_argument("--json", action="store_true", help="lines of JSON, in a terminal as well")
    parser.add_argument("--lines", action="store_true", help="lines of text, as in a pipe")
    parser.add_argument("--sort", choices=tuple(ORDERS), default="rate", help="rows by (rate)")
    parser.add_argument("--every", type=_seconds, default=1.0, help="draw so often, seconds (1)")
    parser.add_argument("--seconds", type=_seconds, help="end after so long")
    parser.add_argument(
        "--names", action="store_true", help="hear names of hosts from packets; needs root"
    )
    return parser


def _pid(word: str) -> int:
    number = int(word)
    if number < 1:
        raise ValueError
    return number


def _seconds(word: str) -> float:
    number = float(word)
    if not 0.1 <= number <= 1e9:
        raise ValueError
    return number


def _stop(number: int, _frame: FrameType | None) -> None:
    """End in good order; who asks twice does not wait for that."""
    signal.signal(number, signal.SIG_DFL)
    raise Stop


def main() -> int:
    """Show it; 0 when it is ended, 1 with two lines where nothing can be shown."""
    args = _arguments().parse_args()
    processes = Processes(args.pid)
    if not processes.root_lives():
        return _failed(f"there is no process {args.pid}", "ps -e lists them")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    until_ns = time.monotonic_ns() + int(args.seconds * 1e9) if args.seconds else None
    table = keys.ours(1) and not args.json and not args.lines
    watch = None
    try:
        watch = Watch(processes, names=args.names)
        view: View = LineView(processes, as_json=args.json)
        if table:
            view = TableView(processes, int(args.every * 1e9), args.sort)
        view.run(watch, until_ns)
    except Unusable as error:
        return _failed(f"no source works here: {error}", "docs/network.md says what each needs")
    except OSError as error:
        if error.errno not in {errno.EPIPE, errno.EIO}:  # the pipe, or the terminal, is gone
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing is left to flush to
    except Stop:
        pass
    finally:
        if watch is not None:
            watch.close()
    return 0


def _failed(what: str, hint: str) -> int:
    print(f"netsniff: {what}\n  {hint}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
