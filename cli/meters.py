"""The meters that `latentpad play` sends."""

from __future__ import annotations

import asyncio

from latentpad.controllers.osc.controller import OscController
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine import board as b
from latentpad.engine.control.session import Session

METER_S = 0.05


async def publish_meters(
    session: Session, osc: OscController, outcomes: Outcomes, feedback: Feedback
) -> None:
    """Publish the meters while anyone follows."""
    player, decoder = session.board.player, session.board.decoder
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
