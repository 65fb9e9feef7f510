"""Writes addresses as everything else here does."""

from ipaddress import IPv4Address, IPv6Address


def written(address: IPv4Address | IPv6Address) -> str:
    """Return an address in text; that of IPv4 within IPv6 is one of IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
