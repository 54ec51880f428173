"""The way out: a device's C callback reading a ring, or a clock where there is no device.

Both outputs say how many frames they want now (`room`) and take blocks (`write`); neither ever
waits. The callback is rtmixer's: no Python runs in it. When a read finds the ring empty, the
callback drops its action, which is how starved reads are counted exactly.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.process import hushed
from engine.ring import Length

# A PortAudio with JACK support would start a server of its own.
os.environ.setdefault("JACK_NO_START_SERVER", "1")

Floats = NDArray[np.float32]

RING_FRAMES = 1 << 14
EARLY_S = 0.001  # a block may be read so much before it is expected


class DeviceError(Exception):
    """An output that cannot be opened: one line saying which, why, and what there is."""


@dataclass(frozen=True)
class Settings:
    """What the performer asked of the output."""

    device: str | None = None  # part of a device's name, or its number; None: the default
    sample_rate: int | None = None  # None: the model's own where the device takes it
    block: int = 128
    ring: float | None = None  # blocks kept ready while all is calm; None: as few as is safe
    ring_most: float = 6.0  # blocks kept ready at most when the ring ran low
    null: bool = False


class Output(Protocol):
    """Render thread only, but for `close`."""

    rate: int
    block: int
    length: Length  # of what is kept ready
    latency: float  # s, of the device itself
    starved: int

    def room(self, hop: int) -> bool: ...
    def write(self, block: Floats) -> None: ...
    def pause(self) -> float: ...
    def close(self) -> None: ...


class DeviceOutput:
    """A PortAudio stream. Raises `DeviceError` if it cannot be opened."""

    def __init__(self, settings: Settings, model_rate: int) -> None:
        with hushed():
            import rtmixer
            import sounddevice as sd

            index = find(settings.device)
            info = sd.query_devices(index)
            self.name = str(info["name"])
            self.rate = _rate(sd, index, settings, model_rate, int(info["default_samplerate"]))
            channels = min(2, int(info["max_output_channels"]))
            try:
                self._mixer = rtmixer.Mixer(
                    device=index,
                    samplerate=self.rate,
                    blocksize=settings.block,
                    channels=channels,
                    latency="low",
                    qsize=64,
                )
                self._mixer.start()
            except sd.PortAudioError as error:
                raise DeviceError(f"{self.name} cannot be opened: {error.args[0]}") from None
        self.block = settings.block
        self.latency = float(self._mixer.latency)
        self.starved = 0
        self._period = settings.block / self.rate
        self._full_at = self._taken_at = time.monotonic()
        self.length = Length(settings.ring, settings.ring_most, self._full_at)
        self._channels = channels
        self._ring = rtmixer.RingBuffer(4 * channels, RING_FRAMES)
        self._action: Any = None
        self._resampler = None
        if self.rate != model_rate:
            import soxr

            self._resampler = soxr.ResampleStream(
                model_rate, self.rate, channels, dtype="float32", quality="HQ"
            )

    def room(self, hop: int) -> bool:
        """Whether another hop should be made now.

        As late as the ring allows: of 1.5 blocks, half a block's time passes after a block was
        read before the next is made, so that it knows of every gesture until then.
        """
        now = time.monotonic()
        if self._action is not None and self._action not in self._mixer.actions:
            self._action = None
            self.starved += 1
            self.length.starved(now, (now - self._full_at) / self._period)
            self._full_at = now
        ready = int(self._ring.read_available)
        blocks = math.ceil(self.length.blocks)
        if ready + hop > blocks * self.block and ready >= self.block:
            self._full_at = now
            return False
        if self._taken_at < self._full_at:
            self._taken_at = now
        return ready < self.block or now >= self._due()

    def write(self, block: Floats) -> None:
        """(n, 2) float32 at the model's rate."""
        if self._channels == 1:
            block = block.mean(axis=1, keepdims=True)
        if self._resampler is not None:
            block = self._resampler.resample_chunk(block)
        self._ring.write(np.ascontiguousarray(block, np.float32))
        if self._action is None and self._ring.read_available >= self.length.blocks * self.block:
            self._action = self._mixer.play_ringbuffer(self._ring)
        now = time.monotonic()
        if self.length.filled(now, (now - self._full_at) / self._period):
            self._full_at = now

    def _due(self) -> float:
        """When the next hop is to be made, after a block was read."""
        blocks = self.length.blocks
        return self._taken_at + (math.ceil(blocks) - blocks) * self._period

    def pause(self) -> float:
        """How long the render thread may sleep: until a hop is due, or shortly before a block is
        expected to be read."""
        now = time.monotonic()
        if self._taken_at >= self._full_at:
            return max(self._due() - now, 0.00005)
        return max(self._taken_at + self._period - EARLY_S - now, 0.0002)

    def close(self) -> None:
        """May hang for good if the device's server is gone: call it where that does no harm."""
        with contextlib.suppress(Exception):
            self._mixer.abort()
            self._mixer.close()


class NullOutput:
    """Silence on time: takes a hop whenever the clock says that one has been played."""

    name = "null output"
    latency = 0.0

    def __init__(self, settings: Settings, model_rate: int) -> None:
        self.rate = model_rate
        self.block = settings.block
        self.starved = 0
        self._began = time.monotonic()
        self.length = Length(settings.ring, settings.ring_most, self._began)
        self._taken = 0

    def room(self, hop: int) -> bool:
        due = (time.monotonic() - self._began) * self.rate + self.length.blocks * self.block
        if due - self._taken > self.rate:  # the machine slept: do not run after lost time
            self._taken = int(due)
        return due - self._taken >= hop

    def write(self, block: Floats) -> None:
        self._taken += len(block)

    def pause(self) -> float:
        return 0.0005

    def close(self) -> None:
        """Nothing was opened."""


def find(name: str | None) -> int:
    """The number of the output device of that (partial) name. Raises `DeviceError`."""
    import sounddevice as sd

    devices = sd.query_devices()
    outputs = [
        (index, str(info["name"]))
        for index, info in enumerate(devices)
        if info["max_output_channels"] > 0
    ]
    listed = ", ".join(f"{index} {found}" for index, found in outputs) or "none at all"
    if name is None:
        default = int(sd.default.device[1])
        if default < 0 and not outputs:
            raise DeviceError("there is no audio output device")
        return default if default >= 0 else outputs[0][0]
    for index, found in outputs:
        if name == str(index) or name.lower() == found.lower():
            return index
    matches = [index for index, found in outputs if name.lower() in found.lower()]
    if name.isdecimal() and int(name) < len(devices):  # an input's number, not part of a name
        matches = []
    if len(matches) != 1:
        what = "is several devices" if matches else "is no output device here"
        raise DeviceError(f"{name!r} {what}; there are: {listed}")
    return matches[0]


def refresh() -> None:
    """Let PortAudio look for devices anew: its list is frozen when it starts. No stream may
    be open in this process."""
    import sounddevice as sd

    with hushed():
        sd._terminate()
        sd._initialize()


def _rate(sd: Any, index: int, settings: Settings, model_rate: int, default: int) -> int:
    """The asked-for rate; else the model's if the device takes it; else the device's own."""
    for rate in (settings.sample_rate, model_rate):
        if rate is None:
            continue
        try:
            sd.check_output_settings(device=index, samplerate=rate, channels=1, dtype="float32")
            return rate
        except sd.PortAudioError:
            if settings.sample_rate is not None:
                raise DeviceError(
                    f"the device does not play at {rate} Hz; its own rate is {default}"
                ) from None
    return default
