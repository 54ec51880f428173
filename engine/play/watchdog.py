"""Whether an output that takes nothing is late or lost, and whether one that does keeps time."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from latentpad.engine.play.jack_clock import HostState

SILENT_S = 0.6  # after so long without a read the host is asked what it does
UNSERVED_S = 5.0  # a host that goes on, but not with us, has put us out
UNKNOWN_S = 2.0  # one that cannot be asked is taken for lost
TELL_S = 2.0  # a host that stands still for so long is told of
LOOK_MOST_S = 0.25  # a longer time between two looks was a time in which we did not run either
FAST = 3.0  # times its rate: a host that takes so much keeps no time
FAST_S = 0.5


class OutputState(Enum):
    WELL = "well"
    WAITING = "waiting"  # told once: the host stands still, and is waited for
    LOST = "lost"
    TIMELESS = "timeless"  # takes whatever it is given, at once


class WatchedOutput(Protocol):
    rate: int

    @property
    def taken(self) -> int: ...
    def host(self) -> HostState: ...


class Watchdog:
    """Looks at one output, some ten times a second. One thread, not the render thread.

    Silence is counted in the time in which this process ran: a laptop that slept and a program
    that was stopped (Ctrl-Z) find their device as they left it.
    """

    def __init__(self, output: WatchedOutput, now: float) -> None:
        self._output = output
        self._looked = self._fast_since = now
        self._taken = self._fast_taken = output.taken
        self._silent = 0.0
        self._standing = 0.0
        self._told = False

    def look(self, now: float) -> OutputState:
        """What is to be done about the output at time `now`, seconds."""
        passed = min(max(now - self._looked, 0.0), LOOK_MOST_S)
        self._looked = now
        taken = self._output.taken
        if taken != self._taken:
            self._taken = taken
            self._silent = self._standing = 0.0
            self._told = False
            return self._speed(now)
        self._silent += passed
        if self._silent <= SILENT_S:
            return OutputState.WELL
        host = self._output.host()
        if host is HostState.GONE:
            return OutputState.LOST
        if host is HostState.STANDS:
            self._standing += passed
            if self._standing > TELL_S and not self._told:
                self._told = True
                return OutputState.WAITING
            return OutputState.WELL
        unserved = self._silent - self._standing
        limit = UNSERVED_S if host is HostState.RUNS else UNKNOWN_S
        return OutputState.LOST if unserved > limit else OutputState.WELL

    def _speed(self, now: float) -> OutputState:
        passed = now - self._fast_since
        if passed < FAST_S:
            return OutputState.WELL
        rate = (self._taken - self._fast_taken) / passed
        self._fast_since, self._fast_taken = now, self._taken
        return OutputState.TIMELESS if rate > FAST * self._output.rate else OutputState.WELL
