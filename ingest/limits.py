"""How much of everything one device, and all of them together, may ask for: token buckets."""

from collections import OrderedDict

_MOST_DEVICES = 100_000
_BURST_SECONDS = 2


class Bucket:
    """Fills at `rate` a second up to `most`; times are seconds of one clock that never jumps."""

    __slots__ = ("_at", "_held", "_most", "_rate")

    def __init__(self, rate: float, most: float, now: float) -> None:
        self._rate = rate
        self._most = most
        self._held = most
        self._at = now

    def take(self, amount: float, now: float) -> float:
        """Take and return 0, or take nothing and return after how many seconds it would be there.

        More than the bucket ever holds is given once it is full.
        """
        self._held = min(self._most, self._held + (now - self._at) * self._rate)
        self._at = now
        wanted = min(amount, self._most)
        if self._held >= wanted:
            self._held -= wanted
            return 0.0
        return (wanted - self._held) / self._rate if self._rate else 60.0


class Limits:
    """The buckets of those who ask, least recently seen first."""

    def __init__(self, requests: int, minute_bytes: int, all_requests: int, now: float) -> None:
        self._requests = requests
        self._minute_bytes = minute_bytes
        self._known: OrderedDict[str, tuple[Bucket, Bucket]] = OrderedDict()
        self._all = Bucket(all_requests, all_requests * _BURST_SECONDS, now)

    def wait(self, who: str, size: int, now: float) -> float:
        """Return 0 and take one request of `size` bytes, or after how many seconds to come again.

        Who is over its own limit takes nothing from the others'.
        """
        asked, sent = self._buckets(who, now)
        return asked.take(1, now) or sent.take(size, now) or self._all.take(1, now)

    def _buckets(self, who: str, now: float) -> tuple[Bucket, Bucket]:
        found = self._known.get(who)
        if found is None:
            found = self._known[who] = (
                Bucket(self._requests, self._requests * _BURST_SECONDS, now),
                Bucket(self._minute_bytes / 60, self._minute_bytes, now),
            )
            if len(self._known) > _MOST_DEVICES:
                self._known.popitem(last=False)
        self._known.move_to_end(who)
        return found
