"""The lines that `play` prints when it is ready: what to do next, four at most."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from latentpad.controllers.keyboard import keys
from latentpad.controllers.osc import interfaces
from latentpad.controllers.osc.packet import PORT

MOST_ADDRESSES = 4  # of interfaces that are printed


def lines(host: str, port: int, lan: bool, with_keys: bool) -> Iterator[str]:
    """The lines. OSC listens on `host` and `port`; `lan` if other machines may send there.

    `with_keys` if the terminal has a keyboard.
    """
    address_text = _address_text(interfaces.addresses(host), port)
    suffix = "" if lan else " (this machine only: --lan lets a phone or tablet in)"
    yield f"pad    any OSC program: /pad/xy with two floats 0...1 to {address_text}{suffix}"
    if with_keys:
        yield f"keys   {keys.SHORT}"
    port_option = "" if port == PORT else f" --port {port}"
    yield f"send   in another terminal: {_program()} send /pad/xy 0.3 0.7{port_option}"
    yield "end    Ctrl-C"


def _address_text(addresses: list[str], port: int) -> str:
    if not addresses:
        return f"UDP port {port} (but no network interface is up)"
    more = f" and {len(addresses) - MOST_ADDRESSES} more" if len(addresses) > MOST_ADDRESSES else ""
    return f"UDP {' or '.join(addresses[:MOST_ADDRESSES])}{more} port {port}"


def _program() -> str:
    """The command that starts this program from the present folder."""
    name, path = "latentpad", sys.argv[0]
    if Path(path).name != name or shutil.which(name) == path:
        return name
    return shlex.quote(path)
