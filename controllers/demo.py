"""`latentpad play --demo`: the point moves by itself until somebody plays."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from latentpad.controllers.controller import Connection
from latentpad.controllers.finger import TOUCH, Finger
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender

SENDER = Sender("demo")
STEP_S = 1 / 30
GAP_S = 2 * STEP_S  # the most that one step advances: after a pause the point does not jump
ROUND_S = (23.0, 14.0)  # periods of x and y: the curve repeats only after minutes
REACH = 0.4  # pad widths to each side of the middle
RHYTHM_S = (0.6, 0.3, 0.3, 0.45, 0.45)  # from one shot to the next

GESTURES = ("/pad/", "/note", "/latent", "/anchor/", "/lattice/", "/panic")
"""Addresses that end the demo. Parameters and presets do not."""

MOVES = (
    "/pad/x", "/pad/y", "/pad/1/x", "/pad/1/y", "/latent", "/anchor/", "/lattice/",
)  # fmt: skip
"""Addresses that move the demo's voice: with one of these its sender takes over the voice."""


class Demo:
    """A slow curve over the plane: a loop that moves along it, or shots on it.

    It ends for good with the first gesture of another sender. If that gesture moves the point, the
    sender takes over the voice that the demo holds; otherwise the voice is released.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.over = False
        self._instrument = instrument
        self._finger = Finger(instrument, SENDER)
        self._holds = False
        self._time = 0.0  # seconds of movement so far
        self._next_shot = 0.0  # when the next shot is due, in the same time
        self._shots = 0
        instrument.taps.append(self._command_done)

    async def run(self) -> None:
        """Play until another sender does. On the event loop's thread."""
        clock = self._instrument.clock
        last = clock()
        while not self.over:
            now = clock()
            self.step(min(now - last, GAP_S))
            last = now
            await asyncio.sleep(STEP_S)
        with self._instrument.together():
            self._instrument.taps.remove(self._command_done)

    def step(self, seconds: float) -> None:
        """Advance by so many seconds."""
        self._time += seconds
        with self._instrument.together():  # so that no one begins to play in between
            if self.over:
                return
            if self._finger.loops:
                if not self._finger.down:  # before the move, which would start a voice by itself
                    self._finger.touch()
                self._finger.move(self.point)
                self._holds = True
                return
            if self._holds:  # the mode has changed to shots
                self._finger.lift()
                self._holds = False
            if self._time >= self._next_shot:
                self._next_shot = self._time + RHYTHM_S[self._shots % len(RHYTHM_S)]
                self._shots += 1
                self._finger.tap(self.point)

    @property
    def point(self) -> tuple[float, float]:
        x, y = (0.5 + REACH * math.sin(2 * math.pi * self._time / round_s) for round_s in ROUND_S)
        return x, y

    def _command_done(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        """End the demo if this is another's gesture. Called under the instrument's lock."""
        if self.over or sender.group in ("", SENDER.group) or not address.startswith(GESTURES):
            return
        self.over = True
        if self._holds and not address.startswith(MOVES) and address not in (TOUCH, "/pad/touch"):
            self._finger.lift()


class DemoController:
    """The demo as a controller."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`."""
        self._task = asyncio.create_task(Demo(connection.instrument).run())

    async def stop(self) -> None:
        """As `Controller.stop`; its voice is released with all others."""
        if self._task is not None:
            self._task.cancel()
