"""Tells whether bytes from the network are the name of a host, and writes it in one way."""

import re

_LABELS = re.compile(
    rb"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
_LONGEST = 253  # RFC 1035 section 2.3.4, without the root's dot


def host_name(raw: bytes) -> str | None:
    """Return the name in lower case without a final dot, or None where these bytes are none.

    An address is no name. Names in other scripts travel as `xn--` (RFC 5890), so all is ASCII, and
    nothing that a terminal or a log could trip over gets past here.
    """
    name = raw.removesuffix(b".").lower()
    if len(name) > _LONGEST or not _LABELS.fullmatch(name):
        return None
    if name.rpartition(b".")[2].isdigit():
        return None
    return name.decode("ascii")
