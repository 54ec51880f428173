"""The present values of an instrument: what is told about it."""

from __future__ import annotations

from collections.abc import Iterator

from latentpad.engine.arguments import Argument
from latentpad.engine.control.changes import Changes
from latentpad.engine.control.pack_values import PackValues
from latentpad.engine.control.pad import Pad
from latentpad.engine.parameters import FINGER, FINGERS, GLOBAL, OFFSET, ROW


class InstrumentValues(Changes):
    """Reads the values of an instrument. Any thread of the control process; several values are of
    one moment inside `frozen`."""

    _pad: Pad
    _pack: PackValues

    @property
    def latent_dim(self) -> int:
        """The number of the pack's latents."""
        return self._pack.limits.latent_dim

    @property
    def anchors(self) -> int:
        """The number of the pack's anchors."""
        return self._pack.limits.anchors

    def value(self, address: str) -> tuple[float, ...]:
        """The present value of a global row, as on the board."""
        start = OFFSET[address]
        return tuple(self.board.values[start : start + ROW[address].size].tolist())

    def args_of(self, address: str) -> tuple[Argument, ...]:
        """The present value of an address as a message's arguments; empty if it has none."""
        if address in OFFSET:
            return ROW[address].show(self.value(address))
        if address in self.published:
            return self.published[address]
        spelled, alias = self._addresses.look_up(address)
        if alias is None:
            return self._pad.args_of(spelled)
        args = self.args_of(alias.address)
        return tuple(alias.show(args)) if args else ()

    def near(self) -> tuple[int, str, str]:
        """The number, the name and the label of the sound nearest to finger 1. Its first call on a
        plane may take long; nothing waits for it."""
        with self._lock:
            values, point, limits = (
                self.board.values.tolist(),
                self._pad.point(1),
                self._pack.limits,
            )
        return limits.near(values, point)

    def values(self) -> Iterator[tuple[str, tuple[Argument, ...]]]:
        """The address and value of every row: what `/sync` sends and a preset saves."""
        for row in GLOBAL:
            yield row.address, row.show(self.value(row.address))
        for row in FINGER:
            for n in range(1, FINGERS + 1):
                values = self._pad.fingers[row.address][n - 1]
                yield row.address.format(n=n), row.show(values)

    def sync_messages(self) -> Iterator[tuple[str, tuple[Argument, ...]]]:
        """What `/sync` sends: what was published, touches, the latents or lattice weights in use,
        and every row."""
        yield from self.published.items()
        for n in range(1, FINGERS + 1):
            yield f"/pad/{n}/touch", (int(self.down(n)),)
        if latent := self.args_of("/latent"):
            yield "/latent", latent
        for anchor, share in self._pad.target().weights.items():
            yield f"/lattice/{anchor}", (share,)
        yield from self.values()

    def down(self, n: int) -> bool:
        """Whether finger `n` holds a loop, of any sender."""
        return bool(self._pad.loops(n))
