"""Windows of time as users write them: `7d`, `24h`, `30m`, a date, or `all`."""

import datetime
import re

from ptywrap.errors import UserError

_LENGTH = re.compile(r"(\d+)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def since_ns(text: str, now_ns: int) -> int | None:
    """Return the ns since the epoch a window begins at; None for `all`. UserError otherwise."""
    if text == "all":
        return None
    length = _LENGTH.fullmatch(text)
    if length:
        # What reaches back before the epoch is everything.
        return max(now_ns - int(length[1]) * _SECONDS[length[2]] * 1_000_000_000, 0)
    try:
        begin = datetime.datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UserError(
            f"`{text}` is no window of time", "write 30m, 24h, 7d, 4w, a date, or all"
        ) from None
    return max(int(begin.timestamp()) * 1_000_000_000, 0)
