"""Says which hellos a capture helper hears on a tunnel, whose packets have no link header.

usage: unshare --net python -m tests.netsniff.capture.tunnel
"""

import fcntl
import os
import struct
import subprocess
import sys

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from tests.netsniff.capture.hearing import heard
from tests.netsniff.names import hellos

assert sys.platform == "linux"

SET_INTERFACE, TUNNEL_WITHOUT_HEADER = 0x400454CA, 0x1001  # linux/if_tun.h


def main() -> None:
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, SET_INTERFACE, struct.pack("16sH", b"names0", TUNNEL_WITHOUT_HEADER))
    subprocess.run(["ip", "link", "set", "names0", "up"], check=True)
    ends = {"four": IP(src="10.18.0.2", dst="10.18.0.1"), "six": IPv6(src="fd18::2", dst="fd18::1")}
    with heard() as helper:
        for name, header in ends.items():
            os.write(device, bytes(header / TCP(dport=443) / hellos.a_hello(f"{name}.example")))
        helper.until(lambda _: len(helper.names()) == len(ends))
        print(*(name.name for name in helper.names()))  # noqa: T201 it answers so


if __name__ == "__main__":
    main()
