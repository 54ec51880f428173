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
GAP_S = 2 * STEP_S  # a later step goes on from where the last one was
ROUND_S = (23.0, 14.0)  # of x and y, so that the way comes back only after minutes
REACH = 0.4  # pad widths to each side of the middle
RHYTHM_S = (0.6, 0.3, 0.3, 0.45, 0.45)  # from one shot to the next

GESTURES = ("/pad/", "/note", "/latent", "/anchor/", "/lattice/", "/panic")
"""What is played; whoever turns a control, or takes another preset, listens on."""

MOVES = (
    "/pad/x", "/pad/y", "/pad/1/x", "/pad/1/y", "/latent", "/anchor/", "/lattice/",
)  # fmt: skip
"""What moves the demo's own voice on: who does that has it."""


class Demo:
    """A slow curve over the plane: a loop that goes along it, or shots on it.

    It ends for good with the first gesture of another sender, whose hands then have the voice it
    holds, or, where it was another gesture than a move of the point, it is let go.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.over = False
        self._instrument = instrument
        self._finger = Finger(instrument, SENDER)
        self._holds = False
        self._time = 0.0  # on its way
        self._shot = 0.0  # when the next one is due
        self._shots = 0
        instrument.taps.append(self._heard)

    async def run(self) -> None:
        """Play until it is over. On the event loop's thread."""
        clock = self._instrument.clock
        last = clock()
        while not self.over:
            now = clock()
            self.step(min(now - last, GAP_S))
            last = now
            await asyncio.sleep(STEP_S)
        with self._instrument.together():
            self._instrument.taps.remove(self._heard)

    def step(self, seconds: float) -> None:
        """Go on by so much."""
        self._time += seconds
        with self._instrument.together():  # nobody begins to play in between
            if self.over:
                return
            if self._finger.loops:
                if not self._finger.down:  # before it moves: who moves without a touch starts one
                    self._finger.touch()
                self._finger.move(self.point)
                self._holds = True
                return
            if self._holds:  # a preset of shots came
                self._finger.lift()
                self._holds = False
            if self._time >= self._shot:
                self._shot = self._time + RHYTHM_S[self._shots % len(RHYTHM_S)]
                self._shots += 1
                self._finger.tap(self.point)

    @property
    def point(self) -> tuple[float, float]:
        x, y = (0.5 + REACH * math.sin(2 * math.pi * self._time / round_s) for round_s in ROUND_S)
        return x, y

    def _heard(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        """A command was carried out; under the instrument's lock."""
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
        """As `Controller.stop`; what it holds is let go with everything else."""
        if self._task is not None:
            self._task.cancel()
