"""What fills a store stands behind what answers."""

import os

import pytest

from ingest.store import turns

# There alone a thread stands back by itself.
pytestmark = pytest.mark.linux


def test_that_thread_alone_stands_back() -> None:
    before = os.nice(0)
    if before > 9:
        pytest.skip("nothing stands further back than this: run it at nice 0")
    with turns.behind("writer") as writer:
        niceness = writer.submit(os.nice, 0).result()
    assert (niceness, os.nice(0)) == (before + 10, before)
