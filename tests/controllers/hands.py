"""An instrument whose clock is moved by hand, and what it was told."""

from __future__ import annotations

from collections.abc import Sequence

from latentpad.engine.arguments import Argument
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.parameters import FINGERS
from tests.limits import limits

OTHER = Sender("osc 192.168.1.2", 5000)


class Played:
    """`heard` are the commands that were carried out, each with its sender's group."""

    def __init__(self, mode: str = "loop") -> None:
        self.now = 100.0
        self.heard: list[tuple[str, str, tuple[Argument, ...]]] = []
        self.instrument = Instrument(
            Board(BoardShape(frames=8, bins=9, samples=256, sample_rate=48000)),
            limits(4, ("raw", "principal", "map")),
            clock=lambda: self.now,
        )
        self.instrument.apply("/mode", (mode,))
        self.instrument.taps.append(self._tap)

    def _tap(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        self.heard.append((sender.group, address, tuple(args)))

    def said(self, address: str) -> list[tuple[Argument, ...]]:
        """The arguments with which one address was heard."""
        return [args for _, heard, args in self.heard if heard == address]

    def touched(self) -> set[int]:
        """The fingers that hold a loop."""
        return {n for n in range(1, FINGERS + 1) if self.instrument.down(n)}

    @property
    def point(self) -> tuple[float, float]:
        x, y = dict(self.instrument.values())["/pad/1/xy"]
        return float(x), float(y)
