"""How loud a running instrument says it is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from latentpad.controllers.osc.packet import decode, encode

SOUND, SILENCE = 1e-3, 1e-5  # peaks: -60 and -100 dBFS
ASKED_S = 5.0  # between two `/sync`, without which it falls silent
HEARD_S = 60.0  # that a loaded machine may take


class Meter:
    """The peaks that the instrument on a UDP port tells of itself, twenty times a second."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._peaks: list[float] = []
        self._closed = threading.Event()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    @property
    def now(self) -> int:
        """A moment, to ask what was heard from then on."""
        return len(self._peaks)

    def sounds(self, since: int) -> bool:
        """Whether a sound is heard in time."""
        return self._heard(since, lambda peak: peak > SOUND)

    def falls_silent(self, since: int) -> bool:
        """Whether it is silent in time."""
        return self._heard(since, lambda peak: peak < SILENCE)

    def close(self) -> None:
        self._closed.set()
        self._listening.join()

    def _heard(self, since: int, what: Callable[[float], bool]) -> bool:
        end = time.monotonic() + HEARD_S
        while time.monotonic() < end:
            if any(map(what, self._peaks[since:])):
                return True
            time.sleep(0.02)
        return False

    def _listen(self) -> None:
        asked = -ASKED_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.5)
            while not self._closed.is_set():
                if time.monotonic() - asked > ASKED_S:
                    asked = time.monotonic()
                    udp.sendto(encode("/sync"), ("127.0.0.1", self._port))
                with suppress(TimeoutError):
                    for message in decode(udp.recv(65536)).messages:
                        if message.address == "/meter/peak":
                            levels = (arg for arg in message.args if isinstance(arg, float))
                            self._peaks.append(max(levels))
