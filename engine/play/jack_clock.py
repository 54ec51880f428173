"""The clock of a JACK server: its period, and whether it runs."""

from __future__ import annotations

from enum import Enum
from typing import Any


class HostState(Enum):
    """What the host of an output that reads nothing is doing."""

    RUNS = "runs"  # its clock runs: it serves other clients
    STANDS = "stands"  # its clock does not run: it is stopped or waits itself
    GONE = "gone"  # it has ended, or has closed the stream
    UNKNOWN = "unknown"  # it has no clock that can be read


class JackClock:
    """A client without ports that reads the server's clock. One thread, any. It is not activated,
    because an active client takes part in every cycle.

    Raises an exception of the package jack if there is no server, `OSError` if there is no JACK
    library. It must not be closed: libjack crashes if the server has died meanwhile.
    """

    def __init__(self) -> None:
        import jack

        # libjack writes to standard error when its server dies.
        jack.set_error_function(lambda text: None)
        jack.set_info_function(lambda text: None)
        self._gone = False
        self._client: Any = jack.Client("latentpad clock", no_start_server=True)
        self._client.set_shutdown_callback(self._shut_down)
        self.rate = int(self._client.samplerate)
        self._cycle = int(self._client.last_frame_time)
        self._goes = False  # PipeWire shows its clock only to clients that play

    def _shut_down(self, status: Any, reason: str) -> None:
        self._gone = True

    @property
    def period(self) -> int:
        """Frames in one cycle of the server. May change at any time."""
        return int(self._client.blocksize)

    def host(self) -> HostState:
        """What the server has done since the last call."""
        if self._gone or int(self._client.samplerate) != self.rate:
            return HostState.GONE
        cycle, before = int(self._client.last_frame_time), self._cycle
        self._cycle = cycle
        self._goes = self._goes or cycle != before
        if not self._goes:
            return HostState.UNKNOWN
        return HostState.RUNS if cycle != before else HostState.STANDS
