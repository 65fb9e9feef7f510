"""Reads which addresses a DNS answer gives to the name that was asked for (RFC 1035)."""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from netsniff.names.address import written
from netsniff.names.hostname import host_name

_A, _CNAME, _AAAA, _IN = 1, 5, 28, 1
_ANSWER, _OTHER_OPERATION, _FAILED = 0x8000, 0x7800, 0x000F
_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_LONGEST_NAME, _MOST_RECORDS, _MOST_ALIASES = 255, 128, 16
_FOREVER = 1 << 31  # a time to live with the top bit set counts as 0 (RFC 2181 section 8)


class Address(NamedTuple):
    """One address of the name, in text, and for how many seconds that holds."""

    address: str
    ttl: int


class Reply(NamedTuple):
    """The name that was asked for and the addresses it has, through its aliases."""

    name: str
    addresses: tuple[Address, ...]


class _Record(NamedTuple):
    owner: bytes
    kind: int
    ttl: int
    begin: int
    end: int


class _Short(Exception):
    """The message ends before what it announces, or a name points nowhere."""


def reply(message: bytes) -> Reply | None:
    """Read an answer over UDP; None: it is none, it failed, or it asks for no host's name.

    Of an answer that is cut the whole records count.
    """
    try:
        _, flags, questions, answers, _, _ = _HEADER.unpack_from(message)
        if not flags & _ANSWER or flags & (_OTHER_OPERATION | _FAILED) or questions != 1:
            return None
        asked, at = _name(message, _HEADER.size)
    except (struct.error, _Short):
        return None
    name = host_name(asked)
    if name is None:
        return None
    records = _records(message, at + 4, min(answers, _MOST_RECORDS))
    return Reply(name, tuple(_addresses(message, asked, records)))


def _records(message: bytes, at: int, number: int) -> list[_Record]:
    found = []
    try:
        for _ in range(number):
            owner, at = _name(message, at)
            kind, space, ttl, size = _RECORD.unpack_from(message, at)
            at += _RECORD.size
            if at + size > len(message):
                break
            if space == _IN:
                found.append(_Record(owner, kind, 0 if ttl >= _FOREVER else ttl, at, at + size))
            at += size
    except (struct.error, _Short):
        pass
    return found


def _addresses(message: bytes, asked: bytes, records: list[_Record]) -> list[Address]:
    """The addresses of a name through its aliases; the shortest life on the way counts."""
    alias = {each.owner: each for each in records if each.kind == _CNAME}
    lives = {asked: _FOREVER}
    owner = asked
    for _ in range(_MOST_ALIASES):
        step = alias.get(owner)
        if step is None:
            break
        life = min(lives[owner], step.ttl)
        try:
            owner, _ = _name(message, step.begin)
        except _Short:
            break
        if owner in lives:
            break
        lives[owner] = life
    found = []
    for each in records:
        data = message[each.begin : each.end]
        if each.owner in lives and (each.kind, len(data)) in {(_A, 4), (_AAAA, 16)}:
            address = IPv4Address(data) if each.kind == _A else IPv6Address(data)
            found.append(Address(written(address), min(lives[each.owner], each.ttl)))
    return found


def _name(message: bytes, at: int) -> tuple[bytes, int]:
    """Return the name at a place, in lower case, and where what follows it begins.

    A pointer goes back, always (section 4.1.4): so there is no loop.
    """
    labels: list[bytes] = []
    after, lowest, size = 0, at, 0
    while True:
        if at >= len(message):
            raise _Short
        length = message[at]
        if length == 0:
            break
        if length >= 0xC0:
            if at + 2 > len(message):
                raise _Short
            after = after or at + 2
            at = (length & 0x3F) << 8 | message[at + 1]
            if at >= lowest:
                raise _Short
            lowest = at
            continue
        label = message[at + 1 : at + 1 + length]
        size += length + 1
        if length > 63 or len(label) < length or size > _LONGEST_NAME:
            raise _Short
        labels.append(label)
        at += 1 + length
    return b".".join(labels).lower(), after or at + 1
