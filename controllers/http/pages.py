"""What is served over HTTP beside OSCQuery, and who may have it."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

PORT = 8000
"""The default TCP port."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or a file. `make` is called for each request, on a thread where it may wait.

    With a `filename` it is offered as a file of that name.
    """

    make: Callable[[], str | bytes]
    type: str = "text/html"
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What decides whether a request is answered. `peer` is the address that it comes from."""

    peer: str
    headers: Mapping[str, str]
    query: Mapping[str, str]


class Access:
    """Who may have what. Programs of this machine may have all, others what they were given.

    A page reaches others by a link with a token, which is another one in each run. OSCQuery is for
    others only with `lan_oscquery`. Any thread.
    """

    def __init__(self, *, lan_oscquery: bool = False) -> None:
        self.token = secrets.token_urlsafe(12)
        self._lan_oscquery = lan_oscquery

    def refusal_of_page(self, request: Request) -> str:
        """Why a page is not served, in one line; empty if it is."""
        token = request.query.get("token", "")
        if _is_local(request.peer) or secrets.compare_digest(token.encode(), self.token.encode()):
            return _foreign(request)
        return "this page is opened by the link with a token that `latentpad play` prints"

    def refusal_of_query(self, request: Request) -> str:
        """Why OSCQuery does not answer, in one line; empty if it does."""
        if _is_local(request.peer) or self._lan_oscquery:
            return _foreign(request)
        return "OSCQuery is for programs of the same machine: `latentpad play --lan-oscquery`"


def _is_local(peer: str) -> bool:
    return ipaddress.ip_address(peer.partition("%")[0]).is_loopback


def _foreign(request: Request) -> str:
    """Whether a page of another site asks, through the browser of somebody who may."""
    host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    if not _is_ours(host):
        return f"{host!r:.80} is no name of this machine"
    origin = request.headers.get("Origin")
    if origin is not None:
        site = urlsplit(origin).hostname or ""
        if site not in (host, "localhost", "127.0.0.1", "::1"):
            return f"pages of {origin!r:.80} may not ask"
    return ""


def _is_ours(host: str) -> bool:
    """Whether a name can be one of a machine in the local network: a public name may be made to
    point here by anyone (DNS rebinding)."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".lan", ".home.arpa"))
    return True
