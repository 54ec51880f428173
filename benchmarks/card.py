"""A sound card that is measured over a loopback cable, from one of its outputs to an input."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.play.devices import DeviceError, find
from latentpad.engine.process import stderr_silenced

RING_FRAMES = 1 << 16
DRAIN_S = 0.001
POLLS = 50  # polls of the input from which its clock is estimated
OPEN_S = 5.0


class Card:
    """An output for `latentpad measure`, with the interface of `benchmarks.jack_server.JackServer`.

    `output` and `input` are parts of devices' names, or their numbers. Raises `DeviceError`.
    """

    def __init__(self, output: str, input: str, block: int) -> None:
        import sounddevice as sd

        with stderr_silenced():
            self.device: str | None = str(find(output))
            self._input = find(input, "input")
            self.name = str(sd.query_devices(int(self.device))["name"])
            heard = sd.query_devices(self._input)
        self.rate = round(float(heard["default_samplerate"]))
        self.block = block
        self.about = (
            f"{self.name}, heard by {heard['name']} over a cable; "
            "a block of that input is in all figures"
        )

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def ear(self, seconds: float) -> CardEar:
        return CardEar(self._input, self.rate, seconds)


class CardEar:
    """Records an input device, frame by frame of its own clock.

    `heard` (n,) float32 is its first channel. `xruns` counts the blocks that the device lost; their
    positions are unknown, so `missed` is empty. Raises `DeviceError` if it cannot be opened.
    """

    missed: tuple[tuple[int, int], ...] = ()

    def __init__(self, device: int, rate: int, seconds: float) -> None:
        import rtmixer
        import sounddevice as sd

        self.rate = rate
        self._memory: NDArray[np.float32] = np.zeros(int(seconds * rate), np.float32)
        self._memory[:] = 0  # allocated now, not while the sound runs
        self._end = 0
        self._ring = rtmixer.RingBuffer(4, RING_FRAMES)
        try:
            self._recorder: Any = rtmixer.Recorder(
                device=device, samplerate=rate, channels=1, latency="low", blocksize=0
            )
            self._recorder.start()
        except sd.PortAudioError as error:
            raise DeviceError(f"the input cannot be opened: {error.args[0]}") from None
        self._action = self._recorder.record_ringbuffer(self._ring)
        self._clock: deque[float] = deque(maxlen=POLLS)  # frames given, less those of our clock
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._drain, name="ear", daemon=True)
        self._thread.start()
        end = time.monotonic() + OPEN_S
        while self._end == 0:
            if time.monotonic() > end:
                self.close()
                raise DeviceError("the input gives nothing: is it another program's?")
            time.sleep(0.005)

    def _drain(self) -> None:
        while not self._closing.wait(DRAIN_S):
            ready = int(self._ring.read_available)
            self._clock.append(self._end + ready - time.monotonic() * self.rate)
            room = len(self._memory) - self._end
            new = np.frombuffer(bytes(self._ring.read(ready)), np.float32)[:room]
            self._memory[self._end : self._end + len(new)] = new
            self._end += len(new)

    @property
    def heard(self) -> NDArray[np.float32]:
        return self._memory[: self._end]

    @property
    def now(self) -> int:
        """The frame of `heard` that is recorded now: one block before the last frame received.

        The input delivers block by block, and sometimes late. The earliest delivery of the last
        polls is taken as on time.
        """
        given = time.monotonic() * self.rate + max(self._clock)
        return round(given) - int(self._action.stats.max_blocksize)

    @property
    def xruns(self) -> int:
        return int(self._action.stats.input_overflows)

    def listen(self) -> set[str]:
        """Nothing to connect: the cable exists."""
        return {"the cable"}

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._recorder.abort()
        self._recorder.close()
