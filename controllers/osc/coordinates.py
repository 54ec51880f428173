"""Which messages set a coordinate, so that of several only the newest counts."""

from __future__ import annotations

import math

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.osc.packet import Message
from latentpad.engine.control.aliases import ALIASES
from latentpad.engine.parameters import FINGERS, TABLE

MULTIXYS = 20
"""Multitouch pads of one layout whose coordinates are known as such."""


class Coordinates:
    """The coordinates of an instrument, and those that were learned. One thread."""

    def __init__(self, latent_dim: int, learning: Learning | None = None) -> None:
        self._sizes = _sizes(latent_dim)
        self._learning = learning

    def of(self, message: Message) -> bytes | None:
        """The coordinate that the message sets; None for one that sets none. One with a NaN does
        not: it would be refused."""
        address = message.address
        stem, _, last = address.rpartition("/")
        size = self._sizes.get(stem + "/*" if last.isdecimal() else address)
        if size is None:
            return self._learned(message)
        sets = len(message.args) == size and all(
            isinstance(argument, float | int) and math.isfinite(argument)
            for argument in message.args
        )
        return address.encode() if sets else None

    def _learned(self, message: Message) -> bytes | None:
        if self._learning is None:
            return None
        args = [a for a in message.args if a is not None and not isinstance(a, bytes)]
        learned = self._learning.coordinate(message.address, args)
        return None if learned is None else learned.encode()


def _sizes(latent_dim: int) -> dict[str, int]:
    """The number of arguments of each coordinate; `*` stands for any last number."""
    sizes = {"/latent": latent_dim, "/latent/*": 1, "/lattice/*": 1}
    for row in TABLE:
        if row.kind == "float":
            for n in range(1, FINGERS + 1):
                sizes[row.address.format(n=n)] = row.size
    for stem in ("/pad", *(f"/pad/{n}" for n in range(1, FINGERS + 1))):
        sizes |= {f"{stem}/xy": 2, f"{stem}/x": 1, f"{stem}/y": 1}
    known = {name: sizes.get(alias.address) for name, alias in ALIASES.items()}
    sizes |= {name: size for name, size in known.items() if size is not None}
    return sizes | {f"/multixy{m}/*": 2 for m in ("", *range(MULTIXYS))}
