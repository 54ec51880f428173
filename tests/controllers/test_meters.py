"""The sound under finger 1 is told to those who follow, and looked for only for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from latentpad.controllers.meters import publish_near
from latentpad.controllers.osc.feedback import Feedback
from latentpad.engine.arguments import Argument
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument, Sender
from tests.controllers.waiting import until
from tests.limits import limits


class Kept:
    """A sink that keeps what it is told of the nearest sound."""

    def __init__(self) -> None:
        self.told: list[tuple[Argument, ...]] = []

    def send(self, address: str, args: Sequence[Argument]) -> None:
        if address == "/anchor/near":
            self.told.append(tuple(args))


def test_the_sound_under_finger_1_is_looked_for_while_somebody_follows() -> None:
    looked: list[float] = []

    def near(values: Sequence[float], xy: Sequence[float]) -> tuple[int, str, str]:
        looked.append(xy[0])
        return round(xy[0] * 10), f"sound {xy[0]:g}", "kind"

    async def run() -> None:
        instrument = Instrument(
            Board(BoardShape(frames=8, bins=9, samples=256, sample_rate=48000)),
            limits(4, ("raw", "principal", "map"), near=near),
            clock=time.monotonic,
        )
        feedback = Feedback(instrument)
        telling = asyncio.create_task(publish_near(instrument, feedback))
        instrument.apply("/pad/xy", (0.2, 0.5))
        await asyncio.sleep(0.1)
        assert looked == []
        sink = Kept()
        feedback.follow(sink, Sender("strip"))
        await until(lambda: (2, "sound 0.2", "kind") in sink.told)
        instrument.apply("/pad/xy", (0.4, 0.5))
        await until(lambda: (4, "sound 0.4", "kind") in sink.told)
        instrument.apply("/pad/2/xy", (0.9, 0.5))
        instrument.apply("/gain", (-3.0,))
        await asyncio.sleep(0.15)
        assert looked == [0.2, 0.4] and len(sink.told) == 2
        instrument.apply("/plane", ("map",))  # another sound may be there
        await until(lambda: looked == [0.2, 0.4, 0.4])
        other = Kept()
        feedback.follow(other, Sender("display"))  # who comes later is told, too
        await until(lambda: (4, "sound 0.4", "kind") in other.told)
        telling.cancel()
        feedback.close()

    asyncio.run(run())
