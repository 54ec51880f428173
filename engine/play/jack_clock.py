"""What a JACK server says of itself: its period, and whether its clock goes on."""

from __future__ import annotations

from enum import Enum
from typing import Any


class HostState(Enum):
    """What the host of an output that takes nothing is doing."""

    RUNS = "runs"  # its clock goes on: it serves others
    STANDS = "stands"  # its clock stands still: it is stopped, or kept waiting itself
    GONE = "gone"  # it has ended, or has closed the stream
    UNKNOWN = "unknown"  # it has no clock that could be read


class JackClock:
    """A client without ports that reads the server's clock. Any one thread. It is not activated:
    an active client has its turn in every cycle.

    Raises an exception of the package jack where there is no server, `OSError` where there is no
    JACK library. It must not be closed: libjack crashes where the server has died meanwhile.
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
        self._goes = False  # PipeWire shows its clock to none but who plays

    def _shut_down(self, status: Any, reason: str) -> None:
        self._gone = True

    @property
    def period(self) -> int:
        """Frames in one cycle of the server, which may change at any time."""
        return int(self._client.blocksize)

    def host(self) -> HostState:
        """What the server has done since last asked."""
        if self._gone or int(self._client.samplerate) != self.rate:
            return HostState.GONE
        cycle, before = int(self._client.last_frame_time), self._cycle
        self._cycle = cycle
        self._goes = self._goes or cycle != before
        if not self._goes:
            return HostState.UNKNOWN
        return HostState.RUNS if cycle != before else HostState.STANDS
