"""MIDI as a controller: the ports, and what their controls have learned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from latentpad.controllers.controller import Connection
from latentpad.controllers.midi.input import Layout
from latentpad.controllers.midi.learn import Bindings
from latentpad.controllers.midi.ports import MidiPorts


class MidiController:
    """Listens to the ports of `names` and to a virtual one. `note` is called with a line when a
    control has learned an address."""

    def __init__(
        self,
        bindings: Bindings,
        names: Sequence[str],
        layout: Layout,
        note: Callable[[str], None],
        *,
        mpe: bool = False,
    ) -> None:
        self._bindings, self._names, self._layout, self._note = bindings, names, layout, note
        self._mpe = mpe
        self._ports: MidiPorts | None = None

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`; other processes open the ports."""
        self._bindings.install(connection.instrument, self._note)
        self._ports = MidiPorts(
            connection.instrument,
            self._bindings,
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
