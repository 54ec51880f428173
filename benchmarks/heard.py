"""A controller that counts what the voices take up: `latentpad play --controller` starts it.

It publishes `/bench/heard` (how many sounds each voice that was started has taken up so far) and
`/bench/windows` (sounds that were played before they were decoded there, sounds begun, sounds
decoded whole) ten times a second, and `/bench/sounds`, the first latents of what each of the newest
voices has taken up last.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

from latentpad.controllers.controller import Connection
from latentpad.engine import board as b
from latentpad.engine.history import SOUND, History

PERIOD_S = 0.1
SHOWN = 4  # latents of a sound
NEWEST = 4  # voices whose sounds are published


class Heard:
    """Counts from its start on."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._sounds: dict[int, tuple[float, ...]] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`."""
        self._task = asyncio.create_task(self._publish(connection))

    async def stop(self) -> None:
        """As `Controller.stop`."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _publish(self, connection: Connection) -> None:
        board = connection.instrument.board
        history = History(board)
        while True:
            await asyncio.sleep(PERIOD_S)
            taken = [e for e in history.read(board.tape_head[0]) if e.kind == SOUND]
            self._counts.update(entry.number for entry in taken)
            self._sounds |= {e.number: tuple(map(float, e.sound.latent[:SHOWN])) for e in taken}
            newest = sorted(self._sounds)[-NEWEST:]
            sounds = tuple(latent for number in newest for latent in self._sounds[number])
            connection.feedback.publish("/bench/sounds", sounds)
            counts = (self._counts[number] for number in sorted(self._counts))
            connection.feedback.publish("/bench/heard", tuple(counts))
            windows = (
                board.player[b.LATE_WINDOWS],
                board.decoder[b.FIRST_WINDOWS],
                board.decoder[b.COMPLETED],
            )
            connection.feedback.publish("/bench/windows", tuple(map(int, windows)))


def controller() -> Heard:
    """As `--controller` calls it."""
    return Heard()
