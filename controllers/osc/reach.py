"""The sockets on which the instrument is reached: IPv4 and IPv6, UDP and TCP."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

LOCAL = ("127.0.0.1", "::1")
"""This machine. `localhost` means the first to some programs, the second to others."""

LAN = ("0.0.0.0", "::")
"""The whole network."""

RECEIVE_BUFFER = 1 << 20
"""Bytes for datagrams that wait to be read. The system may grant less."""

BACKLOG = 64
"""Connections that wait to be accepted."""

_NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


class PortTaken(OSError):
    """Another program listens on the port: one line with its name, if it can be found."""


def udp(host: str, port: int, *, option: str = "--osc-port") -> socket.socket:
    """A bound, non-blocking UDP socket. `host` is an IP address; port 0 is any free one.

    Raises `PortTaken`, and another `OSError` for an address of another machine.
    """
    bound = _bound(socket.SOCK_DGRAM, host, port, option)
    # A full buffer drops the newest datagrams.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return bound


def tcp(host: str, port: int, *, option: str = "--osc-port") -> socket.socket:
    """A listening, non-blocking TCP socket; as `udp`."""
    bound = _bound(socket.SOCK_STREAM, host, port, option)
    bound.listen(BACKLOG)
    return bound


def has_no_ipv6(error: OSError) -> bool:
    """Whether binding an IPv6 address failed because this machine has none."""
    return error.errno in _NO_IPV6


def _bound(kind: socket.SocketKind, host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, kind)
    try:
        made.setblocking(False)
        if family == socket.AF_INET6:  # IPv4 has a socket of its own
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:  # connections that were closed a moment ago do not matter
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} is taken{_holder(kind, port)}; use {option} to take another"
            ) from None
        raise OSError(
            error.errno, f"cannot listen on {host} port {port}: {error.strerror}"
        ) from None
    return made


def _holder(kind: socket.SocketKind, port: int) -> str:
    """The program that has the port, if Linux shows it to this user."""
    protocol = "tcp" if kind == socket.SOCK_STREAM else "udp"
    try:
        inodes = {
            f"socket:[{fields[9]}]"
            for table in (protocol, f"{protocol}6")
            for line in Path("/proc/net", table).read_text().splitlines()[1:]
            if int((fields := line.split())[1].rpartition(":")[2], 16) == port
        }
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if any(_link(fd) in inodes for fd in (process / "fd").iterdir()):
                    name = (process / "comm").read_text().strip()
                    return f" by {name} pid {process.name}"
            except OSError:  # another user's process, or one that has ended
                continue
    except OSError:  # no /proc here
        pass
    return " by another program"


def _link(fd: Path) -> str:
    """The target of a process's file descriptor; empty if it has been closed meanwhile."""
    try:
        return str(fd.readlink())
    except OSError:
        return ""
