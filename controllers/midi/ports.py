"""The MIDI ports the instrument listens on, whatever is unplugged or dies meanwhile.

Each MIDI system (ALSA, JACK, CoreMIDI) is held by a process of its own, see
`controllers.midi.process`, which is kept going as the engine's are; here is carried out what it
tells.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from latentpad.controllers.midi.input import Layout, MidiCounts, MidiInput
from latentpad.controllers.midi.learn import Bindings
from latentpad.controllers.midi.process import apis
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.control.child import Child, Message
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.supervisor import Supervisor
from latentpad.engine.process_status import ProcessStatus

RETRY_S = 1.0  # before a feed that has ended is started again
HANG_S = 10.0  # a feed looks at its ports every second


class MidiPorts:
    """Opens a virtual input "latentpad" wherever that can be had, and the port that each of
    `names` means (part of its name in any case), now or as soon as it is plugged in.

    `announce` gets one line for whatever the performer should know; any thread may call it.
    """

    def __init__(
        self,
        instrument: Instrument,
        bindings: Bindings,
        outcomes: Outcomes,
        names: Sequence[str] = (),
        *,
        layout: Layout = "pad",
        announce: Callable[[str], object] = lambda line: None,
    ) -> None:
        self.counts = MidiCounts()
        self.open: set[str] = set()
        self._instrument = instrument
        self._bindings = bindings
        self._names = list(names)
        self._layout = layout
        self._announce = announce
        self._outcomes = outcomes
        self._closing = False
        self._inputs: dict[str, dict[str, MidiInput]] = {api: {} for api in apis()}
        self._signs = {api: ProcessStatus.unshared() for api in self._inputs}
        self._faults: dict[str, str] = {}  # the last of each feed that was announced
        self._keepers = [
            Supervisor(
                f"MIDI {api}",
                partial(self._spawn, api),
                partial(self._hear, api),
                status=status,
                hang_s=HANG_S,
                pause_s=RETRY_S,
            )
            for api, status in self._signs.items()
        ]
        for keeper in self._keepers:
            keeper.start()

    def processes(self) -> dict[str, int]:
        """Process ids by what they do."""
        return {keeper.name: keeper.pid for keeper in self._keepers if keeper.pid is not None}

    def ready(self, what: str) -> bool:
        """Whether the process of that name looks after its ports."""
        return self._signs[what.removeprefix("MIDI ")].ready

    def close(self) -> None:
        """Let everything go and end the feeds, within a second."""
        self._closing = True
        for keeper in self._keepers:
            keeper.hang_up()
        for keeper in self._keepers:
            keeper.join()
        for api in self._inputs:
            self._close_all(api)

    def _spawn(self, api: str, generation: int) -> Child:
        return Child(f"MIDI {api}", "latentpad.controllers.midi.process", (api, self._names))

    def _hear(self, api: str, word: Message) -> None:
        """On the thread that keeps `api`'s feed."""
        inputs = self._inputs[api]
        match word:
            case {"kind": "midi", "port": port, "data": data} if port in inputs:
                inputs[port].receive(data)
            case {"kind": "here"}:
                status = self._signs[api]
                status.count_beat()
                status.become_ready(status.generation)
            case {"kind": "opened", "port": port}:
                inputs[port] = MidiInput(
                    self._instrument,
                    port,
                    self._bindings,
                    self._outcomes,
                    self._layout,
                    self.counts,
                )
                self.open.add(port)
                self._announce(f"MIDI: listening to {port}")
            case {"kind": "closed", "port": port}:
                self._close(api, port)
            case {"kind": "says", "line": line}:
                self._announce(f"MIDI: {line}")
            case {"kind": "ended", "status": status, "reason": reason}:
                self._close_all(api)
                if status != 0 and reason != self._faults.get(api):  # 0: its JACK server has gone
                    self._faults[api] = reason
                    self._announce(f"MIDI: the process for {api} {reason}; it is tried again")

    def _close(self, api: str, port: str) -> None:
        gone = self._inputs[api].pop(port, None)
        if gone is None:  # that it was opened is among the lines that were lost
            return
        gone.release()
        self.open.discard(port)
        if not self._closing:
            self._announce(f"MIDI: {port} is gone")

    def _close_all(self, api: str) -> None:
        for port in list(self._inputs[api]):
            self._close(api, port)


def ports() -> list[str]:
    """The MIDI inputs there are now, by the names that `--midi` takes."""
    feed = subprocess.Popen(
        [sys.executable, "-m", "latentpad.controllers.midi.process"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],  # where the package is, installed or not
    )
    try:
        lines, _ = feed.communicate(timeout=5)
    except subprocess.TimeoutExpired:  # a sound server that hangs
        feed.kill()
        lines, _ = feed.communicate()
    return [json.loads(line) for line in lines.splitlines()]
