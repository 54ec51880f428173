"""What is told to those who follow without a change of a value: meters, and the nearest sound."""

from __future__ import annotations

import asyncio

from latentpad.controllers.osc.controller import OscController
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.control.instrument import Instrument

METER_S = 0.05
NEAR_S = 1 / 30


async def publish(board: Board, osc: OscController, outcomes: Outcomes, feedback: Feedback) -> None:
    """Publish the meters while anyone follows."""
    player, decoder = board.player, board.decoder
    while True:
        await asyncio.sleep(METER_S)
        await feedback.wait_followed()
        peaks = (float(player[b.PEAK_LEFT]), float(player[b.PEAK_RIGHT]))
        feedback.publish("/meter/peak", peaks)
        feedback.publish("/meter/load", (float(player[b.LOAD]),))
        feedback.publish("/meter/limiter", (float(player[b.REDUCTION_DB]),))
        feedback.publish("/meter/refused", (outcomes.refused,))
        feedback.publish("/meter/dropped", (osc.dropped,))
        feedback.publish(
            "/meter/faults",
            (
                int(player[b.STARVED]),
                int(player[b.LATE]),
                int(player[b.GUARDED]),
                int(osc.counts.malformed),
                int(decoder[b.DECODES_SKIPPED]),
                int(decoder[b.DECODES_FAILED]),
            ),
        )
        feedback.publish(
            "/meter/engine",
            (
                float(player[b.RING_FRAMES] / max(player[b.DEVICE_BLOCK], 1)),
                int(player[b.QUALITY]),
                float(player[b.HOP_US]),
                float(decoder[b.DECODE_US]),
                int(player[b.OUTPUT]),
            ),
        )


async def publish_near(instrument: Instrument, feedback: Feedback) -> None:
    """Publish the sound that is nearest to finger 1 while anyone follows. It is looked for when the
    finger has moved, or when the plane is another."""
    loop = asyncio.get_running_loop()
    known: object = None
    while True:
        await feedback.wait_followed()
        place = tuple(map(instrument.args_of, ("/pad/1/xy", "/plane", "/axes", "/pack")))
        if place != known:
            known = place
            near = await loop.run_in_executor(None, instrument.near)
            if near != instrument.args_of("/anchor/near"):
                instrument.publish("/anchor/near", near)
        await asyncio.sleep(NEAR_S)
