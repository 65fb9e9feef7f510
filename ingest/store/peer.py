"""The other end of a Unix socket: whether it is ours, and the next frame it sends.

A frame is a u32 little-endian length and so many bytes.
"""

import asyncio
import os
import socket
import struct

_LENGTH_BYTES = 4
_PEER = struct.Struct("3i")


def is_ours(writer: asyncio.StreamWriter) -> bool:
    """Check the client's uid (unix(7), SO_PEERCRED; elsewhere the 0700 folder must do)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, option, _PEER.size)
    _, uid, _ = _PEER.unpack(peer)
    return bool(uid == os.getuid())


async def frame(reader: asyncio.StreamReader, limit: int) -> bytes | None:
    """Return the body of the next frame, or None where there is none or it is over `limit`."""
    head = await reader.read(_LENGTH_BYTES)
    if not head:
        return None
    head += await reader.readexactly(_LENGTH_BYTES - len(head))
    length = int.from_bytes(head, "little")
    return await reader.readexactly(length) if length <= limit else None
