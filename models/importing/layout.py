"""The description of a foreign spectrogram, and its layout of bins and frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from latentpad.models.errors import LatentpadError
from latentpad.models.packs.files import LIMITS, MOST_CELLS
from latentpad.models.representation import GAMMA, Representation
from latentpad.models.text import printable

RANGE_DB = 90.0  # range of a sound whose scale has no lowest level
SCALES = ("db", "linear", "power", "log", "log10")
PARTS = ("magnitude", "magnitude and phase", "real and imaginary")
ORIENTATIONS = ("frequency first", "time first")


class ForeignError(LatentpadError):
    """A model that cannot be imported: one line with the file, the reason and what to do.

    Texts of a file are printed without control characters.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True)
class Foreign:
    """The meaning of a foreign spectrogram's numbers; None is guessed from the shape.

    `values` of the model stand for `levels` of the scale (None: themselves; with "db" -100...0 dB).
    "linear" is magnitude, "power" its square, "log" and "log10" a magnitude's logarithm. In "db"
    the upper level is taken as the sound's peak; otherwise each sound's own peak is found.
    """

    sample_rate: int
    n_fft: int | None = None
    hop: int | None = None
    window: str = "hann"
    orientation: str | None = None
    scale: str = "db"
    values: tuple[float, float] = (0.0, 1.0)
    levels: tuple[float, float] | None = None
    parts: str = "magnitude"
    dropped: str = "nyquist"  # the bin that n_fft / 2 bins lack: "nyquist" | "dc"

    def __post_init__(self) -> None:
        choices: dict[str, tuple[str | None, ...]] = {
            "window": tuple(GAMMA),
            "scale": SCALES,
            "parts": PARTS,
        }
        choices |= {"orientation": (None, *ORIENTATIONS), "dropped": ("nyquist", "dc")}
        for field, known in choices.items():
            if (value := getattr(self, field)) not in known:
                names = ", ".join(k for k in known if k)
                raise ForeignError(f"{field} {value!r} is unknown: choose one of {names}")
        for field in ("sample_rate", "n_fft", "hop"):
            value, (low, high) = getattr(self, field), LIMITS[field]
            if value is not None and not low <= value <= high:
                raise ForeignError(f"{field} is {value}, outside {low:g}...{high:g}")
        if self.n_fft is not None and self.n_fft & (self.n_fft - 1):
            raise ForeignError(f"n_fft is {self.n_fft}, not a power of two")
        for field in ("values", "levels"):
            pair = getattr(self, field)
            if pair is not None and not (
                all(math.isfinite(v) for v in pair) and 1e-9 < pair[1] - pair[0] < 1e9
            ):
                raise ForeignError(f"{field} are {pair}: give the lower, then the higher one")
        if self.scale == "db" and not LIMITS["range_db"][0] <= self.range_db <= 200:
            raise ForeignError(f"levels span {self.range_db:g} dB, outside 20...200")
        if self.parts == "real and imaginary" and self.scale != "linear":
            raise ForeignError(f"real and imaginary parts are linear, not {self.scale}")

    @property
    def standing_for(self) -> tuple[float, float]:
        return self.levels or ((-100.0, 0.0) if self.scale == "db" else self.values)

    @property
    def range_db(self) -> float:
        low, high = self.standing_for
        return high - low if self.scale == "db" else RANGE_DB


@dataclass(frozen=True)
class Layout:
    """The axes of a foreign decoder's output, derived from its shape."""

    shape: tuple[int, ...]  # of its output, without the batch
    frequency: int  # the axis: 0 or 1
    representation: Representation
    guessed: tuple[str, ...]  # for a person: settings that were guessed

    @property
    def channels(self) -> int:
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def frames(self) -> int:
        return self.shape[1 - self.frequency]

    def missing(self, foreign: Foreign) -> tuple[int, int]:
        """The numbers of bins to add below and above."""
        halves = foreign.parts != "magnitude" and self.channels == 1
        gap = self.representation.bins - self.shape[self.frequency] // (2 if halves else 1)
        return (gap, 0) if foreign.dropped == "dc" else (0, gap)


def layout(shape: tuple[Any, ...], foreign: Foreign) -> Layout:
    """The layout of an output (a, b) or (a, b, channels). Raises ForeignError."""
    if len(shape) not in (2, 3) or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ForeignError(f"the decoder gives {shape}: a spectrogram has two fixed axes")
    has_parts = foreign.parts != "magnitude"
    channels = shape[2] if len(shape) == 3 else 1
    if channels not in ((1, 2) if has_parts else (1,)):
        advice = "say what the parts are" if channels == 2 else "one sound has one channel, or two"
        raise ForeignError(
            f"the decoder gives {shape}: {channels} channels as {foreign.parts}: {advice}"
        )
    fits = fitting(shape, foreign.parts, foreign.n_fft)
    requested_axis = (
        None if foreign.orientation is None else ORIENTATIONS.index(foreign.orientation)
    )
    if (requested_axis is not None and requested_axis not in fits) or not fits:
        raise ForeignError(_misfit(shape, foreign, requested_axis, fits))
    axis = requested_axis if requested_axis is not None else max(fits, key=lambda a: (shape[a], a))
    if requested_axis is None and len(fits) == 2 and shape[0] == shape[1]:
        raise ForeignError(f"the decoder gives {shape}: either axis may be time: say --orientation")
    n_fft = fits[axis]
    hop = foreign.hop or n_fft // 4
    if hop > n_fft // 2:
        raise ForeignError(f"hop is {hop}, more than half of n_fft {n_fft}")
    if hop > n_fft // 8 and hop % (n_fft // 8):
        raise ForeignError(
            f"hop is {hop}, no multiple of n_fft / 8, {n_fft // 8}: cannot be played"
        )
    representation = Representation(
        foreign.sample_rate, n_fft, hop, foreign.window, shape[1 - axis], foreign.range_db
    )
    if (
        representation.frames * representation.bins > MOST_CELLS
        or representation.frames > LIMITS["frames"][1]
    ):
        raise ForeignError(f"the decoder gives {shape}: too large for one sound")
    guessed = {ORIENTATIONS[axis]: foreign.orientation, f"n_fft {n_fft}": foreign.n_fft}
    guessed |= {f"hop {hop}": foreign.hop}
    return Layout(
        shape, axis, representation, tuple(k for k, setting in guessed.items() if setting is None)
    )


def fitting(shape: tuple[int, ...], parts: str, n_fft: int | None) -> dict[int, int]:
    """The axes (0, 1) of a spectrogram whose size is that of bins, each with its n_fft."""
    halves = parts != "magnitude" and shape[2:] in ((), (1,))
    fits = {}
    for axis in (0, 1):
        bins = shape[axis] / (2 if halves else 1)
        for size in (2 * bins, 2 * (bins - 1)):
            # Written so that an odd size of two halves fits nothing.
            power = size == int(size) and not int(size) & (int(size) - 1)
            known = LIMITS["n_fft"][0] <= size <= LIMITS["n_fft"][1] and power
            if known and n_fft in (None, size):
                fits[axis] = int(size)
    return fits


def _misfit(
    shape: tuple[int, ...], foreign: Foreign, requested_axis: int | None, fits: dict[int, int]
) -> str:
    n = foreign.n_fft
    needs = f"n_fft {n} has {n // 2 + 1} or {n // 2}" if n else "a power of two, or one more, fits"
    sizes = (
        f"with {ORIENTATIONS[requested_axis]} that is {shape[requested_axis]} bins"
        if requested_axis is not None
        else ""
    )
    sizes = sizes or f"that is {shape[0]} or {shape[1]} bins"
    advice = "mel and other bands cannot be played; else try another n_fft"
    if fits:
        advice = f"try --orientation {ORIENTATIONS[next(iter(fits))].split()[0]}"
    elif n is not None and foreign.parts == "magnitude":
        advice = f"try another n_fft; {advice.split(';')[0]}"
    return f"the decoder gives {shape}: {sizes}, but {needs}: {advice}"
