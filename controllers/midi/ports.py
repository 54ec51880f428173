"""The MIDI ports that the instrument listens to, whatever is unplugged or fails meanwhile.

Each MIDI system (ALSA, JACK, CoreMIDI) has a process of its own (`controllers.midi.process`), which
is supervised like the engine's. The messages of these processes are handled here.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from latentpad.controllers.input_counts import InputCounts
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import Layout, MidiInput
from latentpad.controllers.midi.lights import Lights
from latentpad.controllers.midi.process import apis
from latentpad.controllers.midi.ready_maps import map_of, plain_ports
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.control.child import Child, Message
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.supervisor import Supervisor
from latentpad.engine.process_status import ProcessStatus

RETRY_S = 1.0  # pause before a process that has ended is started again
HANG_S = 10.0  # a process checks its ports every second


class MidiPorts:
    """Opens a virtual input "latentpad" and the ports that match `names`, now or when plugged in.

    A name matches part of a port's name, in any case. With `mpe`, every port has the lower MPE zone
    with all channels. `announce` is called with lines for the
    performer; any thread may call it.
    """

    def __init__(
        self,
        instrument: Instrument,
        learning: Learning,
        outcomes: Outcomes,
        names: Sequence[str] = (),
        *,
        layout: Layout = "pad",
        mpe: bool = False,
        announce: Callable[[str], object] = lambda line: None,
    ) -> None:
        self.counts = InputCounts()
        self.open: set[str] = set()
        self._instrument = instrument
        self._learning = learning
        self._names = list(names)
        self._layout = layout
        self._mpe = mpe
        self._announce = announce
        self._outcomes = outcomes
        self._closing = False
        self._inputs: dict[str, dict[str, MidiInput]] = {api: {} for api in apis()}
        self._statuses = {api: ProcessStatus.unshared() for api in self._inputs}
        self._orders: dict[str, socket.socket] = {}
        self._lights = Lights(instrument, learning, self._send)
        self._faults: dict[str, str] = {}  # the last announced fault of each system
        self._supervisors = [
            Supervisor(
                f"MIDI {api}",
                partial(self._spawn, api),
                partial(self._handle, api),
                status=status,
                hang_s=HANG_S,
                pause_s=RETRY_S,
            )
            for api, status in self._statuses.items()
        ]
        for supervisor in self._supervisors:
            supervisor.start()

    def processes(self) -> dict[str, int]:
        """Process ids by the names of the processes."""
        return {
            supervisor.name: supervisor.pid
            for supervisor in self._supervisors
            if supervisor.pid is not None
        }

    def ready(self, what: str) -> bool:
        """Whether the process of that name has checked its ports."""
        return self._statuses[what.removeprefix("MIDI ")].ready

    def close(self) -> None:
        """Release everything and end the processes, within a second."""
        self._closing = True
        for supervisor in self._supervisors:
            supervisor.hang_up()
        for supervisor in self._supervisors:
            supervisor.join()
        for api in self._inputs:
            self._close_all(api)
        self._lights.stop()
        for orders in self._orders.values():
            orders.close()

    def _spawn(self, api: str, generation: int) -> Child:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        with theirs:
            args = (api, self._names, plain_ports(), theirs)
            child = Child(f"MIDI {api}", "latentpad.controllers.midi.process", args)
        earlier, self._orders[api] = self._orders.get(api), ours
        if earlier is not None:
            earlier.close()
        return child

    def _send(self, port: str, messages: list[list[int]]) -> bool:
        """Send messages to the device at a port. False if they find no room now."""
        for api, inputs in self._inputs.items():
            if port in inputs and api in self._orders:
                order = json.dumps({"port": port, "messages": messages}).encode()
                try:
                    self._orders[api].send(order)
                except BlockingIOError:
                    return False
                except OSError:  # the process has ended; its successor opens the ports again
                    pass
        return True

    def _handle(self, api: str, word: Message) -> None:
        """Handle a message of a process, on its supervisor's thread."""
        inputs = self._inputs[api]
        match word:
            case {"kind": "midi", "port": port, "changes": changes} if port in inputs:
                inputs[port].receive(changes)
            case {"kind": "disconnected", "port": port} if port in inputs:
                inputs[port].release()
            case {"kind": "lost", "count": count}:
                self._announce(f"MIDI: {count} messages were lost, too many came at once")
            case {"kind": "here"}:
                signs = self._statuses[api]
                signs.count_beat()
                signs.become_ready(signs.generation)
            case {"kind": "opened", "port": port}:
                self._open(api, port)
            case {"kind": "closed", "port": port}:
                self._close(api, port)
            case {"kind": "says", "line": line}:
                self._announce(f"MIDI: {line}")
            case {"kind": "ended", "status": status, "reason": reason}:
                self._close_all(api)
                if status != 0 and reason != self._faults.get(api):  # 0: its JACK server has ended
                    self._faults[api] = reason
                    self._announce(f"MIDI: the process for {api} {reason}; it is tried again")

    def _open(self, api: str, port: str) -> None:
        ready = map_of(port)
        self._inputs[api][port] = MidiInput(
            self._instrument,
            port,
            self._learning,
            self._outcomes,
            self._layout,
            self.counts,
            self._mpe,
            self._lights,
            ready,
        )
        self.open.add(port)
        self._lights.open(port)
        self._announce(f"MIDI: listening to {port}{f', a {ready.title}' if ready else ''}")

    def _close(self, api: str, port: str) -> None:
        closed = self._inputs[api].pop(port, None)
        if closed is None:  # its message "opened" was lost
            return
        closed.release()
        self.open.discard(port)
        self._lights.close(port)
        if not self._closing:
            self._announce(f"MIDI: {port} is gone")

    def _close_all(self, api: str) -> None:
        for port in list(self._inputs[api]):
            self._close(api, port)


def ports() -> list[str]:
    """The present MIDI inputs, by the names that `--midi` takes."""
    child = subprocess.Popen(
        [sys.executable, "-m", "latentpad.controllers.midi.process"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],  # the folder of the package, installed or not
    )
    try:
        lines, _ = child.communicate(timeout=5)
    except subprocess.TimeoutExpired:  # a sound server that hangs
        child.kill()
        lines, _ = child.communicate()
    return [json.loads(line) for line in lines.splitlines()]
