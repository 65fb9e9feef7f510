"""What the tests of the projection share: its keys, and a fact as it leaves."""

import hmac
from typing import Any

from ptywrap import projection, wire
from tests import build
from tests.ptywrap.words import RULES

PIECE = 2000
KEYS = projection.Keys(bytes(range(32)), "e" * 32)


def out(fact: wire.Fact) -> Any:
    """Return what of a fact leaves."""
    return projection.outward(fact, RULES, KEYS)


def sent(*facts: wire.Fact) -> bytes:
    """Return the bytes in which facts leave."""
    header = out(build.a_segment())
    outward = [left for fact in facts if (left := out(fact)) is not None]
    pieces = [outward[at : at + PIECE] for at in range(0, len(outward), PIECE)]
    return b"".join(wire.pack("0", header, piece) for piece in pieces)


def keyed(text: str) -> str:
    """Return a text's hash as the server computes it from a webhook."""
    return hmac.digest(KEYS.tenant_key, text.encode(), "sha256").hex()
