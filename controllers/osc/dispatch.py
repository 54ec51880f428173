"""Which addresses a message means: its own, in any case, or all that an address pattern matches.

A plain address is not looked at any closer, so it costs the same however many addresses there are.
Source: Open Sound Control 1.0 (Wright, 2002), "OSC Message Dispatching and Pattern Matching".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from latentpad.controllers.osc.packet import Message, Packet
from latentpad.engine.control.instrument import Instrument

PATTERNS = 256
"""Patterns whose addresses are remembered."""

MOST = 4096
"""Messages that the patterns of one packet may become."""

NUMBERS = range(1, 17)
"""Those of snapshots, which may have any, that a pattern means."""

Token = Callable[[str, int], Iterator[int]]
"""Part of a pattern: from a place in a name to the places that it can reach from there."""

Tree = dict[str, "Tree"]
"""Names to what lies below them; an address ends where nothing does, or at the name ''."""

_special = re.compile(r"[*?\[\]{}A-Z]").search
_PARTS = re.compile(r"\*|\?|\[(!?)([^\]]*)\]|\{([^}]*)\}|[^*?\[\]{}]+|(.)")


class Dispatch:
    """The addresses of an instrument. One thread."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._space: tuple[int, ...] = ()
        self._tree: Tree = {}
        self._known: dict[str, tuple[str, ...]] = {}

    def resolve(self, packet: Packet) -> Packet:
        """The packet with the addresses that are meant in the place of patterns and capitals.

        What matches nothing stays as it is, and is refused as any unknown address.
        """
        if not any(_special(message.address) for message in packet.messages):
            return packet
        messages: list[Message] = []
        for message in packet.messages:
            meant = self.find(message.address)
            if len(meant) > 1 and len(messages) + len(meant) > MOST:
                meant = (message.address,)
            messages += (Message(address, message.args) for address in meant)
        return packet._replace(messages=tuple(messages))

    def find(self, address: str) -> tuple[str, ...]:
        """The addresses that `address` means, at least one."""
        if not _special(address):
            return (address,)
        instrument = self._instrument
        space = (instrument.address_count, instrument.latent_dim, instrument.anchors)
        if space != self._space:
            self._space, self._known = space, {}
            self._tree = _tree(numbered_addresses(instrument))
        if address not in self._known:
            if len(self._known) >= PATTERNS:
                del self._known[next(iter(self._known))]
            pattern = address if instrument.knows(address) else address.lower()
            found = tuple(_find(self._tree, pattern[1:].split("/"), ""))
            if instrument.knows(pattern):  # a number beyond those of the tree
                found = (pattern,)
            self._known[address] = found or (address,)
        return self._known[address]


def numbered_addresses(instrument: Instrument) -> Iterator[str]:
    """All addresses, with those numbers that mean something in the present pack."""
    for address in instrument.addresses():
        for number in numbers(instrument, address) if "*" in address else (0,):
            yield address.replace("*", str(number))


def numbers(instrument: Instrument, address: str) -> range:
    """The numbers that mean something in the present pack in the place of an address's `*`."""
    if address == "/latent/*":
        return range(1, instrument.latent_dim + 1)
    if address in ("/lattice/*", "/anchor/*"):
        return range(instrument.anchors)
    return NUMBERS


def matches(pattern: str, name: str) -> bool:
    """Whether one part of a pattern matches one part of an address.

    The time is bounded by the product of their lengths, whatever the pattern.
    """
    places = {0}
    for token in _tokens(pattern):
        places = {end for start in places for end in token(name, start)}
    return len(name) in places


def _tree(addresses: Iterator[str]) -> Tree:
    tree: Tree = {}
    for address in addresses:
        node = tree
        for name in address[1:].split("/"):
            node = node.setdefault(name, {})
        node[""] = {}
    return tree


def _find(tree: Tree, parts: list[str], address: str) -> Iterator[str]:
    if not parts:
        if "" in tree:
            yield address
        return
    for name, below in tree.items():
        if name and matches(parts[0], name):
            yield from _find(below, parts[1:], f"{address}/{name}")


@lru_cache(PATTERNS)
def _tokens(pattern: str) -> tuple[Token, ...]:
    return tuple(map(_token, _PARTS.finditer(pattern)))


def _token(part: re.Match[str]) -> Token:
    negated, characters, words, stray = part.groups()
    text = part[0]
    if text == "*":
        return lambda name, start: iter(range(start, len(name) + 1))
    if stray is not None:  # a bracket or a brace that is not closed
        return lambda name, start: iter(())
    if text == "?":
        return _one(lambda character: True)
    if characters is not None:
        listed = set(_listed(characters))
        return _one(lambda character: (character in listed) != bool(negated))
    options = [text] if words is None else words.split(",")
    return lambda name, start: (
        start + len(option) for option in options if name.startswith(option, start)
    )


def _one(fits: Callable[[str], bool]) -> Token:
    def token(name: str, start: int) -> Iterator[int]:
        if start < len(name) and fits(name[start]):
            yield start + 1

    return token


def _listed(characters: str) -> Iterator[str]:
    """The characters between brackets. A minus sign at either end stands for itself."""
    place = 0
    while place < len(characters):
        if characters[place + 1 : place + 2] == "-" and place + 2 < len(characters):
            yield from map(chr, range(ord(characters[place]), ord(characters[place + 2]) + 1))
            place += 3
        else:
            yield characters[place]
            place += 1
