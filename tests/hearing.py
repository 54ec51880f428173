"""How loud a running instrument says it is."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from controllers.osc import decode, encode

SOUND, SILENCE = 1e-3, 1e-5  # peaks: -60 and -100 dBFS
ASKED_S = 5.0  # between two `/sync`, without which it falls silent
HEARD_S = 60.0  # that a loaded machine may take


class Meter:
    """The peaks that the instrument on a UDP port tells of itself, twenty times a second."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._asked = -ASKED_S

    def sounds(self) -> bool:
        """Whether a sound is heard in time."""
        return self._until(lambda peak: peak > SOUND)

    def falls_silent(self) -> bool:
        """Whether it is silent in time."""
        return self._until(lambda peak: peak < SILENCE)

    def close(self) -> None:
        self._socket.close()

    def _until(self, true: Callable[[float], bool]) -> bool:
        self._drop()
        end = time.monotonic() + HEARD_S
        while time.monotonic() < end:
            if any(map(true, self._peaks())):
                return True
        return False

    def _drop(self) -> None:
        """What was told before."""
        self._socket.settimeout(0.0)
        with suppress(BlockingIOError):
            while True:
                self._socket.recv(65536)
        self._socket.settimeout(0.5)

    def _peaks(self) -> Iterator[float]:
        """Of the next packet, if it tells of one."""
        if time.monotonic() - self._asked > ASKED_S:
            self._asked = time.monotonic()
            self._socket.sendto(encode("/sync"), ("127.0.0.1", self._port))
        with suppress(TimeoutError):
            for message in decode(self._socket.recv(65536)).messages:
                if message.address == "/meter/peak":
                    yield max(float(value) for value in message.args if isinstance(value, float))
