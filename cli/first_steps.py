"""What `play` says when it is ready: what to do next, in four lines at most."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from latentpad.controllers.keyboard import keys
from latentpad.controllers.osc import interfaces
from latentpad.controllers.osc.packet import PORT

MOST_NUMBERS = 4  # of interfaces that are told


def lines(host: str, port: int, lan: bool, with_keys: bool) -> Iterator[str]:
    """`host` and `port` are what OSC listens on, `lan` if others may send there; `with_keys` where
    the terminal has a keyboard."""
    to = _places(interfaces.addresses(host), port)
    others = "" if lan else " (this machine only: --lan lets a phone or tablet in)"
    yield f"pad    any OSC program: /pad/xy with two floats 0...1 to {to}{others}"
    if with_keys:
        yield f"keys   {keys.SHORT}"
    ported = "" if port == PORT else f" --port {port}"
    yield f"send   in another terminal: {_called()} send /pad/xy 0.3 0.7{ported}"
    yield "end    Ctrl-C"


def _places(numbers: list[str], port: int) -> str:
    if not numbers:
        return f"UDP port {port} (but no network interface is up)"
    more = f" and {len(numbers) - MOST_NUMBERS} more" if len(numbers) > MOST_NUMBERS else ""
    return f"UDP {' or '.join(numbers[:MOST_NUMBERS])}{more} port {port}"


def _called() -> str:
    """This program, as it can be called from where it was started."""
    name, path = "latentpad", sys.argv[0]
    if Path(path).name != name or shutil.which(name) == path:
        return name
    return shlex.quote(path)
