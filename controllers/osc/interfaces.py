"""The numbers under which this machine is reached, for a person to type into a pad."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

import psutil

ANY: dict[str, tuple[socket.AddressFamily, ...]] = {
    "0.0.0.0": (socket.AF_INET,),
    "::": (socket.AF_INET, socket.AF_INET6),
}
"""The families that a socket hears which listens on any address."""

# Kept for documents, so nobody has them (RFC 5737, RFC 3849): only the way there is asked for.
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def numbers(host: str) -> list[str]:
    """Where a socket is reached that listens on `host`: `host` itself, or, where that is any
    address, those of the interfaces that are up, that of the way out first."""
    if host not in ANY:
        return [host]
    found = [number for family in ANY[host] for number in _of_interfaces(family)]
    lasting = [number for number in found if not ipaddress.ip_address(number).is_link_local]
    return lasting or found


def _of_interfaces(family: socket.AddressFamily) -> list[str]:
    found = set(_up(family))
    first = _way_out(family)
    return sorted(found, key=lambda number: (number != first, ipaddress.ip_address(number)))


def _up(family: socket.AddressFamily) -> Iterator[str]:
    try:
        addresses, stats = psutil.net_if_addrs(), psutil.net_if_stats()
    except OSError:  # a system that does not tell
        return
    for name, entries in addresses.items():
        if name in stats and not stats[name].isup:
            continue
        for entry in entries:
            if entry.family != family or "%" in entry.address:  # that has a meaning here only
                continue
            if not ipaddress.ip_address(entry.address).is_loopback:
                yield str(entry.address)


def _way_out(family: socket.AddressFamily) -> str:
    """Our own number towards anywhere else. Nothing is sent."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.connect((_FAR[family], 9))
            return str(udp.getsockname()[0])
    except OSError:
        return ""
