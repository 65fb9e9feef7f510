"""The observer killed at any moment: the short form of scripts/proofs/observer."""

import pytest

from scripts.proofs.observer import prove
from tests.e2e.observing import Observing


@pytest.mark.linux
@pytest.mark.slow
def test_no_accepted_fact_is_lost_and_every_id_stays(observing: Observing) -> None:
    proof = prove(observing, 8, 7)
    assert (proof.lost, proof.missing, proof.twice, proof.unended, proof.torn) == (0, 0, 0, 0, 0)
    assert proof.accepted > 0
