"""Linux: what our programs need to know of this kernel, from its own description of itself."""

import functools
import sys
from pathlib import Path
from typing import NamedTuple

from netsniff.sources.bpf_socket_parts import Layout, layout
from netsniff.sources.bpf_types import NoSuchType, Types

assert sys.platform == "linux"

_TYPES = Path("/sys/kernel/btf/vmlinux")
_TRACEPOINTS = ("inet_sock_set_state", "tcp_destroy_sock")
_SINCE_6_3 = ("sock_send_length", "sock_recv_length")


class Kernel(NamedTuple):
    """Where it keeps what, and the numbers of its tracepoints' types."""

    layout: Layout
    numbers: dict[str, int]

    @property
    def tells_bytes(self) -> bool:
        """Whether it tells of each send and receive."""
        return set(_SINCE_6_3) <= self.numbers.keys()


@functools.cache
def kernel() -> Kernel:
    """Look it up, once for the life of this process: 10 ms and 6 MB. Raises OSError, NoSuchType."""
    types = Types(_TYPES.read_bytes())
    numbers = {name: types.typedef(f"btf_trace_{name}") for name in _TRACEPOINTS}
    for name in _SINCE_6_3:
        try:
            numbers[name] = types.typedef(f"btf_trace_{name}")
        except NoSuchType:
            continue
    return Kernel(layout(types), numbers)
