"""The C module `_signal`: `signal` itself would cost enum and what enum needs."""

import _signal as signal  # type: ignore[import-not-found]  # typeshed has no stub for it

__all__ = ["signal"]
