"""Someone else's decoder and encoder, wrapped in Keras' own layers until they speak as ours do.

What is wrapped stays a plain Keras model: it saves as `.keras`, loads in safe mode, and the engine
never knows. Keras is imported inside: it takes seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.pack_files import LIMITS, MOST_CELLS
from models.representation import FLOOR, GAMMA, Representation

MOST_BYTES = 512 << 20  # a model's weights
LOGVAR = -4.0  # of an encoder that gives means only
RANGE_DB = 90.0  # kept of a sound whose scale names no lowest level
SCALES = ("db", "linear", "power", "log", "log10")
PARTS = ("magnitude", "magnitude and phase", "real and imaginary")
ORIENTATIONS = ("frequency first", "time first")


class ForeignError(Exception):
    """A model that cannot be brought in: one line that says what, where and what to do."""


@dataclass(frozen=True)
class Foreign:
    """What the numbers of a foreign spectrogram mean; None is guessed from the shape.

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
    """Where a foreign decoder keeps what: found once, from its shape."""

    shape: tuple[int, ...]  # of its output, without the batch
    frequency: int  # the axis: 0 or 1
    representation: Representation
    guessed: tuple[str, ...]  # for a person: what was not said but concluded

    @property
    def channels(self) -> int:
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def frames(self) -> int:
        return self.shape[1 - self.frequency]

    def missing(self, foreign: Foreign) -> tuple[int, int]:
        """Bins that are to be added below and above."""
        halves = foreign.parts != "magnitude" and self.channels == 1
        gap = self.representation.bins - self.shape[self.frequency] // (2 if halves else 1)
        return (gap, 0) if foreign.dropped == "dc" else (0, gap)


def layout(shape: tuple[Any, ...], foreign: Foreign) -> Layout:
    """What (a, b) or (a, b, channels) is as frames and bins. Raises ForeignError."""
    if len(shape) not in (2, 3) or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ForeignError(f"the decoder gives {shape}: a spectrogram has two fixed axes")
    two = foreign.parts != "magnitude"
    channels = shape[2] if len(shape) == 3 else 1
    if channels not in ((1, 2) if two else (1,)):
        way = "say what the parts are" if channels == 2 else "one sound has one channel, or two"
        raise ForeignError(
            f"the decoder gives {shape}: {channels} channels as {foreign.parts}: {way}"
        )
    fits = {}
    for axis in (0, 1):
        bins = shape[axis] / (2 if two and channels == 1 else 1)
        for n_fft in (2 * bins, 2 * (bins - 1)):
            # Written so that an odd size of two halves fits nothing.
            power = n_fft == int(n_fft) and not int(n_fft) & (int(n_fft) - 1)
            known = LIMITS["n_fft"][0] <= n_fft <= LIMITS["n_fft"][1] and power
            if known and foreign.n_fft in (None, n_fft):
                fits[axis] = int(n_fft)
    asked = None if foreign.orientation is None else ORIENTATIONS.index(foreign.orientation)
    if (asked is not None and asked not in fits) or not fits:
        raise ForeignError(_misfit(shape, foreign, asked, fits))
    axis = asked if asked is not None else max(fits, key=lambda a: (shape[a], a))
    if asked is None and len(fits) == 2 and shape[0] == shape[1]:
        raise ForeignError(f"the decoder gives {shape}: either axis may be time: say --orientation")
    n_fft = fits[axis]
    hop = foreign.hop or n_fft // 4
    if hop > n_fft // 2:
        raise ForeignError(f"hop is {hop}, more than half of n_fft {n_fft}")
    if hop > n_fft // 8 and hop % (n_fft // 8):
        raise ForeignError(
            f"hop is {hop}, no multiple of n_fft / 8, {n_fft // 8}: cannot be played"
        )
    made = Representation(
        foreign.sample_rate, n_fft, hop, foreign.window, shape[1 - axis], foreign.range_db
    )
    if made.frames * made.bins > MOST_CELLS or made.frames > LIMITS["frames"][1]:
        raise ForeignError(f"the decoder gives {shape}: too large for one sound")
    guessed = {ORIENTATIONS[axis]: foreign.orientation, f"n_fft {n_fft}": foreign.n_fft}
    guessed |= {f"hop {hop}": foreign.hop}
    return Layout(shape, axis, made, tuple(k for k, said in guessed.items() if said is None))


def _misfit(
    shape: tuple[int, ...], foreign: Foreign, asked: int | None, fits: dict[int, int]
) -> str:
    n = foreign.n_fft
    needs = f"n_fft {n} has {n // 2 + 1} or {n // 2}" if n else "a power of two, or one more, fits"
    sizes = f"with {ORIENTATIONS[asked]} that is {shape[asked]} bins" if asked is not None else ""
    sizes = sizes or f"that is {shape[0]} or {shape[1]} bins"
    way = "mel and other bands cannot be played; else try another n_fft"
    if fits:
        way = f"try --orientation {ORIENTATIONS[next(iter(fits))].split()[0]}"
    elif n is not None and foreign.parts == "magnitude":
        way = f"try another n_fft; {way.split(';')[0]}"
    return f"the decoder gives {shape}: {sizes}, but {needs}: {way}"


def decoder(model: Any, foreign: Foreign, where: Layout) -> Any:
    """A Keras model (batch, latent) -> (batch, frames, bins) in 0...1 around a foreign one."""
    import keras
    from keras import layers, ops

    r, (low, high) = where.representation, where.missing(foreign)
    z = keras.Input((model.inputs[0].shape[1],), name="latent")
    x = model(z)
    a, b = where.shape[:2]
    if foreign.parts != "magnitude":
        # To (2, a, b): the parts before all else.
        if where.channels == 2:
            x = layers.Reshape((2, a, b))(layers.Permute((2, 1))(layers.Reshape((a * b, 2))(x)))
        elif where.frequency == 0:
            a //= 2
            x = layers.Reshape((2, a, b))(x)
        else:
            b //= 2
            x = layers.Permute((2, 1, 3))(layers.Reshape((a, 2, b))(x))
        if foreign.parts == "magnitude and phase":
            x = layers.Cropping1D((0, 1))(layers.Reshape((2, a * b))(x))
        else:
            x = ops.sqrt(ops.sum(ops.square(_levels(x, foreign)), axis=1))
    x = layers.Reshape((a, b))(x)
    if foreign.parts != "real and imaginary":
        x = _levels(x, foreign)
    if foreign.scale == "db":
        db = layers.Rescaling(1.0, -foreign.standing_for[1])(x)
    else:
        db = _relative(x, foreign.scale, r.range_db)
    x = layers.ReLU(max_value=1.0)(layers.Rescaling(1 / r.range_db, 1.0)(db))
    if low or high:
        around = ((low, high), (0, 0)) if where.frequency == 0 else ((0, 0), (low, high))
        x = layers.ZeroPadding2D(around)(layers.Reshape((a, b, 1))(x))
        x = layers.Reshape(tuple(x.shape[1:3]))(x)
    if where.frequency == 0:
        x = layers.Permute((2, 1))(x)
    return keras.Model(z, x, name="decoder_as_ours")


def _levels(x: Any, foreign: Foreign) -> Any:
    from keras import layers

    (v0, v1), (l0, l1) = foreign.values, foreign.standing_for
    slope = (l1 - l0) / (v1 - v0)
    return layers.Rescaling(slope, l0 - slope * v0)(x)


def _relative(x: Any, scale: str, range_db: float) -> Any:
    """Magnitudes, powers or logarithms to dB below the sound's own peak; silence has no peak."""
    from keras import ops

    if scale in ("linear", "power"):
        x = ops.log10(ops.maximum(x, FLOOR if scale == "linear" else FLOOR**2))
    per = {"linear": 20.0, "power": 10.0, "log": 20 / math.log(10), "log10": 20.0}[scale]
    db = per * x
    peak = ops.max(db, axis=(1, 2), keepdims=True)
    return db - ops.maximum(peak, 20 * math.log10(FLOOR) + range_db)


def encoder(model: Any, foreign: Foreign, where: Layout, latent: int) -> Any:
    """A Keras model (batch, frames, bins) in 0...1 -> (batch, 2 * latent) around a foreign one.

    Means, then log variances: its own, or `LOGVAR` where it gives means only. Raises ForeignError.
    """
    import keras
    from keras import layers, ops

    r, (low, high) = where.representation, where.missing(foreign)
    if len(model.inputs) != 1:
        raise ForeignError(f"the encoder takes {len(model.inputs)} inputs, not one sound")
    wanted = tuple(model.inputs[0].shape[1:])
    size = [r.bins - low - high, r.frames]
    plain = tuple(size if where.frequency == 0 else reversed(size))
    if wanted not in (plain, (*plain, 1)):
        what = f"the decoder's magnitudes are {plain}"
        if foreign.parts != "magnitude" and math.prod(w or 0 for w in wanted) == 2 * math.prod(
            size
        ):
            what = f"and a sound here has no {foreign.parts.split()[-1]}: leave the encoder out"
        raise ForeignError(f"the encoder takes {wanted}, {what}")
    sound = keras.Input((r.frames, r.bins), name="sound")
    x = layers.Reshape((r.frames, r.bins, 1))(sound)
    if low or high:
        x = layers.Cropping2D(((0, 0), (low, high)))(x)
    if where.frequency == 0:
        x = layers.Permute((2, 1, 3))(x)
    x = layers.Reshape(wanted)(x)
    x = layers.Rescaling(r.range_db, -r.range_db)(x)
    if foreign.scale == "db":
        x = layers.Rescaling(1.0, foreign.standing_for[1])(x)
    elif foreign.scale in ("linear", "power"):
        x = ops.exp((math.log(10) / (20 if foreign.scale == "linear" else 10)) * x)
    else:
        x = layers.Rescaling(math.log(10) / 20 if foreign.scale == "log" else 1 / 20)(x)
    (v0, v1), (l0, l1) = foreign.values, foreign.standing_for
    slope = (v1 - v0) / (l1 - l0)
    x = layers.Rescaling(slope, v0 - slope * l0)(x)
    given = model(x)
    outputs = list(given) if isinstance(given, list | tuple) else [given]
    shapes = [tuple(o.shape[1:]) for o in outputs]
    if shapes == [(2 * latent,)]:
        both = layers.Rescaling(1.0, name="latent")(outputs[0])
    elif shapes == [(latent,)]:
        unknown = layers.Rescaling(0.0, LOGVAR)(outputs[0])
        both = layers.Concatenate(name="latent")([outputs[0], unknown])
    elif shapes in ([(latent,)] * 2, [(latent,)] * 3):
        both = layers.Concatenate(name="latent")(outputs[:2])
    else:
        listed = ", ".join(map(str, shapes))
        raise ForeignError(
            f"the encoder gives {listed}: the decoder takes {latent} latents, so {latent} means, "
            f"or means and log variances, are wanted"
        )
    return keras.Model(sound, both, name="encoder_as_ours")


def weighed(make: Callable[[], Any], most: int, file: str) -> Any:
    """`make()` without its weights: shapes only, no memory taken whatever they claim.

    Raises ForeignError if the model needs more than `most` numbers, or makes more than a sound's.
    """
    import keras
    from keras.src.backend.common import global_state

    # Keras notes the scope's variables to make them real when the next scope ends: all the
    # memory that they claim. They are forgotten with the model.
    noted = "uninitialized_variables"
    before = list(global_state.get_global_attribute(noted, []))
    try:
        with keras.StatelessScope(initialize_variables=False):
            model = make()
            needs = sum(math.prod(w.shape) for w in model.weights)
            largest = _largest(model)
    except ForeignError:
        raise
    # Keras raises whatever its layers raise on a malformed description.
    except Exception as error:
        raise ForeignError(f"{file}: cannot be built: {reason(error)}") from None
    finally:
        global_state.set_global_attribute(noted, before)
    if needs > most:
        raise ForeignError(f"{file}: its layers need {needs} weights, the file holds {most}")
    if largest > 4 * MOST_CELLS:
        raise ForeignError(f"{file}: a layer makes {largest} numbers of one sound: too many")
    return model


def _largest(model: Any) -> int:
    """The most numbers that a step of the model, or of one within it, makes of one sound."""
    import keras

    most = 0
    for step in model.operations:
        inner = _largest(step) if hasattr(step, "operations") else 0
        made = [math.prod(n or 1 for n in t.shape) for t in keras.tree.flatten(step.output)]
        most = max(most, inner, *made)
    return most


def reason(error: Exception) -> str:
    """What an exception says, in a line: without Keras' heading and its bold type."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith("Exception encountered")]
    return (told or [type(error).__name__])[0][:200]
