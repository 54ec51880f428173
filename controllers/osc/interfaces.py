"""The IP addresses of this machine, for a person to type into a pad."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

import psutil

ANY: dict[str, tuple[socket.AddressFamily, ...]] = {
    "0.0.0.0": (socket.AF_INET,),
    "::": (socket.AF_INET, socket.AF_INET6),
}
"""The families that a socket receives if it listens on any address."""

# Addresses reserved for documentation (RFC 5737, RFC 3849): only the route to them is looked up.
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def addresses(host: str) -> list[str]:
    """The addresses of a socket that listens on `host`.

    That is `host` itself. If it means any address: those of the interfaces that are up, first that
    of the default route.
    """
    if host not in ANY:
        return [host]
    all_addresses = [address for family in ANY[host] for address in _of_interfaces(family)]
    routable = [
        address for address in all_addresses if not ipaddress.ip_address(address).is_link_local
    ]
    return routable or all_addresses


def _of_interfaces(family: socket.AddressFamily) -> list[str]:
    up_addresses = set(_up(family))
    first = _default_route_address(family)
    return sorted(
        up_addresses, key=lambda address: (address != first, ipaddress.ip_address(address))
    )


def _up(family: socket.AddressFamily) -> Iterator[str]:
    try:
        addresses, stats = psutil.net_if_addrs(), psutil.net_if_stats()
    except OSError:  # the system does not list them
        return
    for name, entries in addresses.items():
        if name in stats and not stats[name].isup:
            continue
        for entry in entries:
            if (
                entry.family != family or "%" in entry.address
            ):  # a scope has a meaning on this machine only
                continue
            if not ipaddress.ip_address(entry.address).is_loopback:
                yield str(entry.address)


def _default_route_address(family: socket.AddressFamily) -> str:
    """This machine's address on the default route. Nothing is sent."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.connect((_FAR[family], 9))
            return str(udp.getsockname()[0])
    except OSError:
        return ""
