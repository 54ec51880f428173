"""The way out: a device whose C callback reads a ring, or a clock where there is no device.

Both say when a hop is due (`room`) and take it (`write`); neither ever waits.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.play.buffering import Buffering
from latentpad.engine.play.devices import (
    DeviceError,
    StreamFormat,
    candidates,
    is_jack,
    stream_formats,
)
from latentpad.engine.play.jack_clock import HostState, JackClock
from latentpad.engine.play.resampling import delay, resampler
from latentpad.engine.play.ring import FRAMES, RingOutput
from latentpad.engine.process import stderr_silenced

# A PortAudio with JACK support would start a server of its own.
os.environ.setdefault("JACK_NO_START_SERVER", "1")

Floats = NDArray[np.float32]

LATENCY_MOST_S = 10.0  # that a device can have
NULL_BLOCKS = 2.0  # that the null output takes ahead of its clock


class Output(Protocol):
    """Render thread only, but for `taken`, `host`, `turned` and `close`."""

    name: str
    rate: int
    block: int  # frames that it was asked to take at a time, or says that it takes
    latency: float  # s, of the device itself
    delay: float  # s, of the conversion to its rate
    starved: int

    @property
    def taken(self) -> int: ...
    @property
    def period(self) -> int:
        """Frames that it takes at a time."""

    @property
    def kept(self) -> float:
        """Frames that are kept ready for it."""

    def realtime(self) -> None: ...
    def load(self, busy: float, learns: bool) -> None: ...
    def room(self) -> bool: ...
    def write(self, block: Floats) -> None: ...
    def pause(self) -> float: ...
    def host(self) -> HostState: ...
    def turned(self) -> bool: ...
    def close(self) -> None: ...


class DeviceOutput(RingOutput):
    """A PortAudio stream. Raises `DeviceError` if it cannot be opened.

    `hop` is in frames at the model's rate.
    """

    def __init__(self, settings: OutputSettings, model_rate: int, hop: int) -> None:
        with stderr_silenced():
            import rtmixer
            import sounddevice as sd

            index, self._mixer, way, self._jack = _first(rtmixer, sd, settings, model_rate)
        self.name = str(sd.query_devices(index)["name"])
        if self._jack is not None:
            self._jack.host()  # has its clock gone on since it was opened?
        self.rate = way.rate
        self.block = self._jack.period if self._jack is not None else way.block or settings.block
        # PipeWire's JACK says 2**32 frames of a port that is not connected.
        told = float(self._mixer.latency)
        self.latency = told if 0 <= told < LATENCY_MOST_S else self.block / self.rate
        self.delay = delay(model_rate, self.rate)
        made = hop * self.rate / model_rate
        asked = None if settings.ring is None else settings.ring * settings.block
        frames = FRAMES
        while frames < max(16 * made, 8 * (asked or 0)):  # `Buffering` keeps an eighth by itself
            frames *= 2
        channels = min(way.channels, 2)  # of more, the first two
        ring = rtmixer.RingBuffer(4 * channels, frames)
        super().__init__(
            ring,
            _Action(self._mixer, ring),
            Buffering(self.rate, self.block, made, frames, asked),
            channels=channels,
            resample=resampler(model_rate, self.rate, channels),
        )

    @property
    def period(self) -> int:
        return self.buffering.period

    @property
    def kept(self) -> float:
        return self.buffering.kept

    def realtime(self) -> None:
        self.buffering.realtime()

    def load(self, busy: float, learns: bool) -> None:
        """`busy` is the share of its time that rendering takes; `learns`, whether what comes late
        says something of this machine."""
        self.buffering.busy, self.buffering.learns = busy, learns

    def host(self) -> HostState:
        """What the device's host is doing. Not for the render thread."""
        if not self._mixer.active:
            return HostState.GONE
        return HostState.UNKNOWN if self._jack is None else self._jack.host()

    def turned(self) -> bool:
        """Whether a JACK server has turned to another period since last asked (`jack_bufsize`).
        Not for the render thread."""
        if self._jack is None or self._jack.period == self.block:
            return False
        self.block = self.buffering.turned_to = self._jack.period
        return True

    def close(self) -> None:
        """May hang for good if the device's server is gone: call it where that does no harm."""
        with contextlib.suppress(Exception):
            self._mixer.abort()
            self._mixer.close()


class NullOutput:
    """Silence on time: takes a hop whenever the clock says that one has been played."""

    name = "null output"
    latency = delay = 0.0
    starved = 0

    def __init__(self, settings: OutputSettings, model_rate: int, hop: int) -> None:
        self.rate = model_rate
        self.block = self.period = settings.block
        self.kept = (settings.ring or NULL_BLOCKS) * settings.block
        self.taken = 0
        self._hop = hop
        self._began = time.monotonic()

    def realtime(self) -> None:
        """Nothing is kept ready for anyone."""

    def load(self, busy: float, learns: bool) -> None:
        """Nor does it depend on this."""

    def room(self) -> bool:
        due = (time.monotonic() - self._began) * self.rate + self.kept
        if due - self.taken > self.rate:  # the machine slept: do not run after lost time
            self.taken = int(due)
        return due - self.taken >= self._hop

    def write(self, block: Floats) -> None:
        self.taken += len(block)

    def pause(self) -> float:
        return 0.0005

    def host(self) -> HostState:
        return HostState.RUNS

    def turned(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing was opened."""


class _Action:
    """`engine.play.ring.Reader` by rtmixer: an action that reads until it finds too little."""

    def __init__(self, mixer: Any, ring: Any) -> None:
        self._mixer, self._ring = mixer, ring
        self._action: Any = None

    def start(self) -> None:
        self._action = self._mixer.play_ringbuffer(self._ring)

    @property
    def reading(self) -> bool:
        return self._action in self._mixer.actions


def _first(
    rtmixer: Any, sd: Any, settings: OutputSettings, model_rate: int
) -> tuple[int, Any, StreamFormat, JackClock | None]:
    """The first device that opens, its started stream, the way in which it opened, and the clock
    of its server if that is JACK. Raises `DeviceError` with what the first one said."""
    failed: DeviceError | None = None
    for index in candidates(settings.device):
        info, jack = sd.query_devices(index), is_jack(index)
        # JACK's period is its server's; PortAudio would cut it to blocks and delay them.
        block = 0 if jack else settings.block
        try:
            mixer, way = _opened(rtmixer, sd, index, info, settings, model_rate, block)
        except DeviceError as error:
            failed = failed or error
            continue
        # Not before it has opened: the clock cannot be closed, and a server has places for few.
        return index, mixer, way, _jack_clock() if jack else None
    assert failed is not None
    raise failed


def _opened(
    rtmixer: Any,
    sd: Any,
    index: int,
    info: Any,
    settings: OutputSettings,
    model_rate: int,
    block: int,
) -> tuple[Any, StreamFormat]:
    """The started stream, and the first way in which it could be opened."""
    first = None
    for way in stream_formats(info, model_rate, settings.sample_rate, block):
        mixer = None
        try:
            mixer = rtmixer.Mixer(
                device=index, samplerate=way.rate, blocksize=way.block, channels=way.channels,
                latency="low", qsize=64,
            )  # fmt: skip
            mixer.start()
        except (sd.PortAudioError, ValueError) as error:
            first = first or error
            if mixer is not None:
                mixer.close()
            continue
        return mixer, way
    name = info["name"]
    if settings.sample_rate is not None and _opens(sd, index, info):
        raise DeviceError(
            f"{name} does not play at {settings.sample_rate} Hz; "
            f"its own rate is {info['default_samplerate']:.0f}"
        )
    reason = first.args[0] if first is not None and first.args else first
    raise DeviceError(f"{name} cannot be opened: {reason}")


def _opens(sd: Any, index: int, info: Any) -> bool:
    """Whether the device would play at its own rate."""
    try:
        sd.check_output_settings(device=index, samplerate=info["default_samplerate"])
    except (sd.PortAudioError, ValueError):
        return False
    return True


def _jack_clock() -> JackClock | None:
    try:
        return JackClock()
    except Exception:  # the server's own library says what it likes
        return None
