"""The shipper, started by name: `python -I -m ptywrap.ship`. One at a time; it leaves by itself."""

import argparse
import logging
import logging.handlers
import sys

from ptywrap import paths
from ptywrap.errors import UserError
from ptywrap.ship import departure
from ptywrap.ship.courier import Deadlines
from ptywrap.ship.voyage import Pace

_LOG_BYTES = 1 << 20


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ptywrap.ship", description=__doc__)
    parser.add_argument("--between", type=float, default=Pace().between_s, metavar="S")
    parser.add_argument("--patience", type=float, default=Pace().patience_s, metavar="S")
    parser.add_argument("--stretch", type=float, default=Pace().stretch, metavar="FACTOR")
    parser.add_argument("--total", type=float, default=Deadlines().total_s, metavar="S")
    return parser


def main() -> int:
    """Ship once; whatever waits then is the next one's."""
    args = _parser().parse_args()
    if paths.private(paths.state_folder()):
        file = paths.log_file("shipper")
        handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=_LOG_BYTES, backupCount=1, delay=True
        )
        form = "%(asctime)s %(levelname)s %(name)s %(message)s"
        logging.basicConfig(level=logging.INFO, handlers=[handler], format=form)
    log = logging.getLogger("ptywrap.ship")
    total = Deadlines()._replace(total_s=args.total)
    pace = Pace(args.between, args.patience, args.stretch)
    try:
        outcome = departure.depart(pace=pace, deadlines=total)
    except (UserError, OSError) as error:
        log.error("nothing can be shipped: %s", type(error).__name__)  # noqa: TRY400 - no path in a log
        return 1
    log.info(
        "%d batches, %d facts; %d wait; %s",
        *outcome.done[:2],
        outcome.waiting_batches,
        outcome.held or outcome.state.error or "all is well",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
