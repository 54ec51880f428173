"""Detects an output that is late or lost, and one that does not keep time."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from latentpad.engine.play.jack_clock import HostState

SILENT_S = 0.6  # after this long without a read, ask for the host's state
UNSERVED_S = 5.0  # a running host that does not read for this long has dropped us
UNKNOWN_S = 2.0  # the same for a host whose state is unknown
REPORT_S = 2.0  # a host whose clock stands for this long is reported
MAX_GAP_S = 0.25  # longer between two checks: this process did not run either
FAST = 3.0  # times its rate: a host that reads faster does not keep time
FAST_S = 0.5


class OutputState(Enum):
    WELL = "well"
    WAITING = "waiting"  # reported once: the host's clock stands, wait for it
    LOST = "lost"
    TIMELESS = "timeless"  # reads everything at once


class WatchedOutput(Protocol):
    """The part of an output that the watchdog needs."""

    rate: int

    @property
    def frames_read(self) -> int: ...
    def host(self) -> HostState: ...


class Watchdog:
    """Checks one output, some ten times a second. One thread, not the render thread.

    Silence counts only while this process runs: a laptop's sleep and a stopped program (Ctrl-Z) do
    not count.
    """

    def __init__(self, output: WatchedOutput, now: float) -> None:
        self._output = output
        self._checked_at = self._fast_since = now
        self._frames_read = self._fast_taken = output.frames_read
        self._silent = 0.0
        self._standing = 0.0
        self._reported = False

    def check(self, now: float) -> OutputState:
        """The state of the output at time `now`, seconds."""
        passed = min(max(now - self._checked_at, 0.0), MAX_GAP_S)
        self._checked_at = now
        frames_read = self._output.frames_read
        if frames_read != self._frames_read:
            self._frames_read = frames_read
            self._silent = self._standing = 0.0
            self._reported = False
            return self._check_rate(now)
        self._silent += passed
        if self._silent <= SILENT_S:
            return OutputState.WELL
        host = self._output.host()
        if host is HostState.GONE:
            return OutputState.LOST
        if host is HostState.STANDS:
            self._standing += passed
            if self._standing > REPORT_S and not self._reported:
                self._reported = True
                return OutputState.WAITING
            return OutputState.WELL
        unserved = self._silent - self._standing
        limit = UNSERVED_S if host is HostState.RUNS else UNKNOWN_S
        return OutputState.LOST if unserved > limit else OutputState.WELL

    def _check_rate(self, now: float) -> OutputState:
        passed = now - self._fast_since
        if passed < FAST_S:
            return OutputState.WELL
        rate = (self._frames_read - self._fast_taken) / passed
        self._fast_since, self._fast_taken = now, self._frames_read
        return OutputState.TIMELESS if rate > FAST * self._output.rate else OutputState.WELL
