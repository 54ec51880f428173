"""The output: an audio device whose C callback reads a ring, or a clock without a device.

Both say when a hop is due (`hop_due`) and take it (`write`). Neither ever waits.
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
from latentpad.engine.play.ring import FRAMES, LEAST_PAUSE_S, RingOutput
from latentpad.engine.process import stderr_silenced

# PortAudio with JACK support would start a server.
os.environ.setdefault("JACK_NO_START_SERVER", "1")

Floats = NDArray[np.float32]

MAX_LATENCY_S = 10.0  # a higher one is not believed
NULL_AHEAD_BLOCKS = 2.0  # frames that the null output takes ahead of its clock, in blocks


class Output(Protocol):
    """Render thread only, except `frames_read`, `host`, `period_changed` and `close`."""

    name: str
    rate: int
    block: int  # frames that it takes at a time, as requested or as it reports
    latency: float  # s, of the device itself
    delay: float  # s, of the resampling to its rate
    starved: int

    @property
    def frames_read(self) -> int: ...
    @property
    def period(self) -> int:
        """Frames that it takes at a time."""

    @property
    def latency_frames(self) -> float:
        """Frames that are kept ready for it."""

    def realtime(self) -> None: ...
    def load(self, busy: float, learns: bool) -> None: ...
    def hop_due(self) -> bool: ...
    def write(self, block: Floats) -> None: ...
    def pause(self) -> float: ...
    def host(self) -> HostState: ...
    def period_changed(self) -> bool: ...
    def close(self) -> None: ...


class DeviceOutput(RingOutput):
    """A PortAudio stream. Raises `DeviceError` if it cannot be opened.

    `hop` is in frames at the model's rate.
    """

    def __init__(self, settings: OutputSettings, model_rate: int, hop: int) -> None:
        with stderr_silenced():
            import rtmixer
            import sounddevice as sd

            index, self._mixer, stream_format, self._jack = _open_first(
                rtmixer, sd, settings, model_rate
            )
        self.name = str(sd.query_devices(index)["name"])
        if self._jack is not None:
            self._jack.host()  # first reading of the clock
        self.rate = stream_format.rate
        self.block = (
            self._jack.period if self._jack is not None else stream_format.block or settings.block
        )
        # PipeWire's JACK reports 2**32 frames for a port that is not connected.
        reported = float(self._mixer.latency)
        self.latency = reported if 0 <= reported < MAX_LATENCY_S else self.block / self.rate
        self.delay = delay(model_rate, self.rate)
        hop_frames = hop * self.rate / model_rate
        requested = None if settings.ring is None else settings.ring * settings.block
        frames = FRAMES
        # Without a request `Buffering` keeps at most an eighth of the ring ready.
        while frames < max(16 * hop_frames, 8 * (requested or 0)):
            frames *= 2
        channels = min(stream_format.channels, 2)  # use the first two
        ring = rtmixer.RingBuffer(4 * channels, frames)
        super().__init__(
            ring,
            _RingReader(self._mixer, ring),
            Buffering(
                self.rate, self.block, hop_frames, frames, requested,
                exact=self._jack is not None or stream_format.block > 0,
            ),
            channels=channels,
            resample=resampler(model_rate, self.rate, channels),
        )  # fmt: skip

    @property
    def period(self) -> int:
        return self.buffering.period

    @property
    def latency_frames(self) -> float:
        return self.buffering.latency_frames

    def realtime(self) -> None:
        self.buffering.realtime()

    def load(self, busy: float, learns: bool) -> None:
        """`busy` is the share of the time that rendering takes; `learns` says whether lateness
        counts, see `Buffering`."""
        self.buffering.busy, self.buffering.learns = busy, learns

    def host(self) -> HostState:
        """What the device's host is doing. Not for the render thread."""
        if not self._mixer.active:
            return HostState.GONE
        return HostState.UNKNOWN if self._jack is None else self._jack.host()

    def period_changed(self) -> bool:
        """Whether a JACK server has changed its period since the last call (`jack_bufsize`). Not
        for the render thread."""
        if self._jack is None or self._jack.period == self.block:
            return False
        self.block = self.buffering.new_period = self._jack.period
        return True

    def close(self) -> None:
        """May hang if the device's server is gone: call it where that does no harm."""
        with contextlib.suppress(Exception):
            self._mixer.abort()
            self._mixer.close()


class NullOutput:
    """An output without a device: takes a hop whenever the clock says that one has been played."""

    name = "null output"
    latency = delay = 0.0
    starved = 0

    def __init__(self, settings: OutputSettings, model_rate: int, hop: int) -> None:
        self.rate = model_rate
        self.block = self.period = settings.block
        self.latency_frames = (settings.ring or NULL_AHEAD_BLOCKS) * settings.block
        self.frames_read = 0
        self._hop = hop
        self._began = time.monotonic()

    def realtime(self) -> None:
        """Nothing to do."""

    def load(self, busy: float, learns: bool) -> None:
        """Nothing to do."""

    def hop_due(self) -> bool:
        due = (time.monotonic() - self._began) * self.rate + self.latency_frames
        if due - self.frames_read > self.rate:  # the machine slept: skip the lost time
            self.frames_read = int(due)
        return due - self.frames_read >= self._hop

    def write(self, block: Floats) -> None:
        self.frames_read += len(block)

    def pause(self) -> float:
        """Seconds until the next hop is due."""
        due = self._began + (self.frames_read + self._hop - self.latency_frames) / self.rate
        return max(due - time.monotonic(), LEAST_PAUSE_S)

    def host(self) -> HostState:
        return HostState.RUNS

    def period_changed(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing to do."""


class _RingReader:
    """`engine.play.ring.Reader` by rtmixer: an action that reads until the ring has too few
    frames."""

    def __init__(self, mixer: Any, ring: Any) -> None:
        self._mixer, self._ring = mixer, ring
        self._action: Any = None

    def start(self) -> None:
        self._action = self._mixer.play_ringbuffer(self._ring)

    @property
    def reading(self) -> bool:
        return self._action in self._mixer.actions


def _open_first(
    rtmixer: Any, sd: Any, settings: OutputSettings, model_rate: int
) -> tuple[int, Any, StreamFormat, JackClock | None]:
    """Open the first device that can be opened.

    Returns its number, the started stream, its format, and the clock of its server if that is JACK.
    Raises `DeviceError` with the message about the first device.
    """
    failed: DeviceError | None = None
    for index in candidates(settings.device):
        info, jack = sd.query_devices(index), is_jack(index)
        # JACK's period is its server's; with other blocks PortAudio adds a delay.
        block = 0 if jack else settings.block
        try:
            mixer, stream_format = _open_stream(
                rtmixer, sd, index, info, settings, model_rate, block
            )
        except DeviceError as error:
            failed = failed or error
            continue
        # Only now: the clock cannot be closed, and a server limits the number of its clients.
        return index, mixer, stream_format, _jack_clock() if jack else None
    assert failed is not None
    raise failed


def _open_stream(
    rtmixer: Any,
    sd: Any,
    index: int,
    info: Any,
    settings: OutputSettings,
    model_rate: int,
    block: int,
) -> tuple[Any, StreamFormat]:
    """The started stream, and the first format in which it could be opened."""
    first = None
    for stream_format in stream_formats(info, model_rate, settings.sample_rate, block):
        mixer = None
        try:
            mixer = rtmixer.Mixer(
                device=index, samplerate=stream_format.rate, blocksize=stream_format.block,
                channels=stream_format.channels, latency="low", qsize=64,
            )  # fmt: skip
            mixer.start()
        except (sd.PortAudioError, ValueError) as error:
            first = first or error
            if mixer is not None:
                mixer.close()
            continue
        return mixer, stream_format
    name = info["name"]
    if settings.sample_rate is not None and _can_open(sd, index, info):
        raise DeviceError(
            f"{name} does not play at {settings.sample_rate} Hz; "
            f"its own rate is {info['default_samplerate']:.0f}"
        )
    reason = first.args[0] if first is not None and first.args else first
    raise DeviceError(f"{name} cannot be opened: {reason}")


def _can_open(sd: Any, index: int, info: Any) -> bool:
    """Whether the device can be opened at its default rate."""
    try:
        sd.check_output_settings(device=index, samplerate=info["default_samplerate"])
    except (sd.PortAudioError, ValueError):
        return False
    return True


def _jack_clock() -> JackClock | None:
    try:
        return JackClock()
    except Exception:  # the JACK library may raise anything
        return None
