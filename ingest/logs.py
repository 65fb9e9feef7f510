"""Where a process of ours logs to: one file, rotated by its size."""

import logging.handlers
from pathlib import Path


def to_file(path: Path, most_bytes: int, former: int) -> logging.Handler:
    """Return a handler for a file and so many former ones. Raises OSError."""
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=most_bytes, backupCount=former)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    return handler
