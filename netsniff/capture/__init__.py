"""Starts and hears the capture helper: names of hosts from packets, by one process of its own.

It is off unless asked for. As root, or with CAP_NET_RAW in the ambient set of whoever starts us
(systemd: AmbientCapabilities), it works as it is; otherwise a launcher with `cap_net_raw+ep` opens
the socket (scripts/deploy/capture). The helper keeps no capability and hands on names alone.

    capture = Capture()
    if capture.probe().usable:
        descriptor = capture.open()       # poll it; Source-like from here on
        for event in capture.read():      # Name: give it to the Book; Missed: a Loss
            ...
        capture.close()

When the helper has died, `read` tells a last Missed, and the `read` after that raises SourceError:
close it, wait a little, open it again.
"""

from netsniff.model import Missed, Name
from netsniff.sources.base import Probe


class Capture:
    """One running helper, or none."""

    name = "capture"

    def __init__(self, launcher: str | None = None) -> None:
        self.launcher = launcher
        """A program with `cap_net_raw+ep` made from scripts/deploy/capture; None: look for it."""

    def probe(self) -> Probe:
        """Say whether names can be captured here, without leaving anything open."""
        raise NotImplementedError

    def open(self) -> int:
        """Start the helper; return the descriptor to poll. Raises OSError."""
        raise NotImplementedError

    def read(self) -> list[Name | Missed]:
        """Tell what was heard since; never blocks. Raises SourceError once the helper is gone."""
        raise NotImplementedError

    def close(self) -> None:
        """End the helper; what was not read is gone."""
        raise NotImplementedError
