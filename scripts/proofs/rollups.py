"""Rollups after thousands of steps: equal to a rebuild from the rows, and to an exact store.

The same steps as in tests/ingest/store/test_rollups.py, which takes a few: batches in any order,
facts told again, late days, erasures, retention and folding.

usage: python -m scripts.proofs.rollups [--examples N]
"""

import argparse
import sys
import time

from hypothesis import HealthCheck, given, settings

from tests.ingest.store.rollup_steps import KEEPING, RETIRING, are_exact, are_rebuilt


def main() -> int:
    """Check so many examples of each; the first that fails is printed, made small."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="of each check (200)")
    args = parser.parse_args()
    many = settings(
        max_examples=args.examples, deadline=None, suppress_health_check=list(HealthCheck)
    )
    for check, steps in ((are_rebuilt, KEEPING), (are_exact, RETIRING)):
        before = time.monotonic()

        many(given(steps)(check))()
        seconds = time.monotonic() - before
        print(f"{check.__name__}: {args.examples} examples in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
