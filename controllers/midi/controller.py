"""MIDI as a controller: the ports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from latentpad.controllers.controller import Connection
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import Layout
from latentpad.controllers.midi.ports import MidiPorts


class MidiController:
    """Listens to the ports of `names` and to a virtual one. `mpe` is as in `MidiPorts`."""

    def __init__(
        self, learning: Learning, names: Sequence[str], layout: Layout, *, mpe: bool = False
    ) -> None:
        self._learning, self._names, self._layout, self._mpe = learning, names, layout, mpe
        self._ports: MidiPorts | None = None

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`; other processes open the ports."""
        self._ports = MidiPorts(
            connection.instrument,
            self._learning,
            connection.outcomes,
            self._names,
            layout=self._layout,
            mpe=self._mpe,
            announce=connection.say,
        )

    async def stop(self) -> None:
        """As `Controller.stop`; the processes end within a second, on another thread."""
        if self._ports is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._ports.close)
