"""psutil.net_connections asked again and again, as a tool would: the baseline of the bench.

usage: python -m scripts.bench.net_poll PERIOD_MS ; says `ready`; when stdin ends it prints JSON, a
list of what was not there before: (local port, remote address, remote port, pid, first seen, last)
"""

import json
import select
import sys
import time

import psutil


def main() -> int:
    """Poll until stdin ends, then print what was seen."""
    period_s = int(sys.argv[1]) / 1000
    seen: dict[tuple[int, str, int, int | None], list[int]] = {}
    before = {(one.laddr, one.raddr) for one in psutil.net_connections("inet")}
    print("ready", flush=True)
    due = time.monotonic()
    while True:
        now = time.monotonic_ns()
        for one in psutil.net_connections("inet"):
            if one.laddr and one.raddr and (one.laddr, one.raddr) not in before:
                key = (one.laddr.port, one.raddr.ip, one.raddr.port, one.pid)
                seen.setdefault(key, [now, now])[1] = now
        due = max(due + period_s, time.monotonic())
        if select.select([0], [], [], max(0.0, due - time.monotonic()))[0]:
            break
    print(json.dumps([[*key, *times] for key, times in seen.items()]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
