"""Whether anything is connected to one of our ports, which RtMidi does not tell."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

ALSA_CLIENTS = Path("/proc/asound/seq/clients")


class Wiring(Protocol):
    """The connections of one MIDI system. One thread."""

    def inputs(self, client: str) -> dict[str, bool]:
        """The inputs of clients whose names begin with `client`, as "client:port", and whether
        something is connected to them."""

    def close(self) -> None: ...


class JackWiring:
    """Asks the JACK server, and calls `changed` from a thread of JACK's when a port or a
    connection comes or goes. This process exits when the server ends, before its clients are used
    again.

    Raises `ImportError` or `OSError` without JACK-Client and libjack.
    """

    def __init__(self, name: str, changed: Callable[[], object]) -> None:
        import jack

        self._client: Any = jack.Client(name, no_start_server=True)
        self._client.set_shutdown_callback(lambda status, reason: os._exit(0))
        self._client.set_port_registration_callback(
            lambda port, registered: changed(), only_available=False
        )
        self._client.set_port_connect_callback(
            lambda one, other, connected: changed(), only_available=False
        )
        self._client.activate()

    def inputs(self, client: str) -> dict[str, bool]:
        """As `Wiring.inputs`."""
        ports = self._client.get_ports(f"^{re.escape(client)}", is_midi=True, is_input=True)
        return {port.name: bool(self._client.get_all_connections(port)) for port in ports}

    def close(self) -> None:
        """Leave the server."""
        self._client.close()


class AlsaWiring:
    """Reads the sequencer's list of clients in `path`."""

    def __init__(self, path: Path = ALSA_CLIENTS) -> None:
        self._path = path

    def inputs(self, client: str) -> dict[str, bool]:
        """As `Wiring.inputs`."""
        found: dict[str, bool] = {}
        name = port = ""
        try:
            lines = self._path.read_text(errors="replace").splitlines()
        except OSError:
            return found
        for line in lines:
            if match := re.match(r'Client +\d+ : "(.*)" \[', line):
                name = match[1]
            elif match := re.match(r'  Port +\d+ : "(.*)" \(', line):
                port = f"{name}:{match[1]}"
                if name.startswith(client):
                    found[port] = False
            elif line.startswith("    Connected From:") and port in found:
                found[port] = True
        return found

    def close(self) -> None:
        """Nothing is open."""
