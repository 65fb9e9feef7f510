"""A file system that takes a second for every answer: `slow.py FOLDER` mounts it and goes on.

It speaks just enough of the kernel's FUSE protocol (linux/fuse.h) to be an empty folder.
"""

import errno
import os
import struct
import subprocess
import sys
import time

DELAY_S = 1.0
REQUEST = struct.Struct("<IIQQIIII")
ANSWER = struct.Struct("<IiQ")
LOOKUP, GETATTR, INIT, FORGET, FORGETS = 1, 3, 26, 2, 42
# major, minor, readahead, flags, background, threshold, max_write, time_gran, and unused words
INIT_ANSWER = struct.pack("<IIIIHHII32x", 7, 26, 0, 0, 0, 0, 4096, 1)


def attributes() -> bytes:
    """Return fuse_attr_out of the root folder: valid for no time, owned by whoever runs this."""
    times = bytes(8 * 3 + 4 * 3)
    head = struct.pack("<QQQ", 1, 0, 0)
    tail = struct.pack("<IIIIIII", 0o40777, 2, os.getuid(), os.getgid(), 0, 512, 0)
    return struct.pack("<QII", 0, 0, 0) + head + times + tail


def serve(device: int) -> None:
    """Answer until the file system is gone."""
    while True:
        try:
            request = os.read(device, 1 << 17)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return
            continue
        _size, opcode, unique, node, *_rest = REQUEST.unpack_from(request)
        if opcode in (FORGET, FORGETS):
            continue
        body, code = b"", 0
        if opcode == INIT:
            body = INIT_ANSWER
        else:
            time.sleep(DELAY_S)
            if opcode == GETATTR and node == 1:
                body = attributes()
            else:
                code = -errno.ENOENT if opcode == LOOKUP else -errno.EIO
        try:
            os.write(device, ANSWER.pack(ANSWER.size + len(body), code, unique) + body)
        except OSError:
            continue  # who asked has been killed meanwhile


def main(folder: str) -> None:
    """Mount, leave a server behind, and return once it is there."""
    device = os.open("/dev/fuse", os.O_RDWR)
    os.set_inheritable(device, True)
    options = f"fd={device},rootmode=40777,user_id={os.getuid()},group_id={os.getgid()}"
    argv = ["mount", "-i", "-t", "fuse", "-o", options, "slow", folder]
    subprocess.run(argv, check=True, close_fds=False)
    if os.fork() == 0:
        os.setsid()
        serve(device)
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
