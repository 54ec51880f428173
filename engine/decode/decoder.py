"""The decoder of a pack: latent vectors to frames in dB, in the fastest way that there is here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import numpy as np

from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.gpu import may_have_gpu
from latentpad.engine.decode.keras_layers import UnsupportedDecoder
from latentpad.engine.decode.sound import playable
from latentpad.engine.decode.windows import SIZES
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.models import extras
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.representation import Floats
from latentpad.models.text import line, reason

TRIED = 12  # latents decoded at load
MOVING = 8  # voices that move at once, when decoders are compared


class Decoder(Protocol):
    """Decodes one pack. One thread."""

    device: str  # what computes it
    batch: int  # sounds that are decoded at once
    windowed: bool  # whether `frames` computes only the frames that are asked for

    def frames(self, latents: Floats, first: Sequence[int], count: int) -> Floats:
        """Frames first[i]...first[i] + count - 1 of the sound of each latent i.

        (n, D) float32 to (n, count, columns) float32: dB within the representation's range, where 0
        is the model's loudest bin, and the texture in 0...1 if the model tells one. NaN where the
        model's output is not finite.
        """

    def whole(self, latents: Floats) -> Floats:
        """All frames: (n, D) to (n, frames, columns)."""


def fastest_decoder(pack: Pack) -> tuple[Decoder, float]:
    """The pack's decoder, and the milliseconds in which it decodes what is heard first of a point.

    NumPy decodes the stacks of layers that `latentpad train` makes. TensorFlow is imported only for
    other models, and where there may be a GPU, which decodes whole sounds of all voices at once: it
    is taken if it is faster. Raises `PackError` if the decoder cannot be loaded, or gives NaN for
    the mean of its anchors, some of them, or an end of their `LatentBounds`.
    """
    try:
        decoder = FrameDecoder(pack)
    except UnsupportedDecoder as error:
        return _keras_decoder(pack, f"{error}, so it")
    milliseconds = _check(decoder, pack)
    return _faster_gpu(decoder, pack) or (decoder, milliseconds)


def _keras_decoder(pack: Pack, needed_by: str) -> tuple[Decoder, float]:
    """The pack's decoder, run by TensorFlow, as `fastest_decoder` returns it. Raises `PackError`,
    and `ExtraError` in the name of `needed_by` where TensorFlow is not installed."""
    extras.check_tensorflow(needed_by)
    from latentpad.engine.decode.keras_decoder import KerasDecoder

    decoder = KerasDecoder(pack)
    return decoder, _check(decoder, pack)


def _faster_gpu(decoder: Decoder, pack: Pack) -> tuple[Decoder, float] | None:
    """A GPU, if that answers `MOVING` voices at once sooner than the decoder."""
    if may_have_gpu():
        with suppress(Exception):  # a GPU that cannot be used is none
            other, milliseconds = _keras_decoder(pack, "a GPU")
            if other.batch >= MOVING and _seconds(other, pack) < _seconds(decoder, pack):
                return other, milliseconds
    return None


def _seconds(decoder: Decoder, pack: Pack) -> float:
    """The median time of what is heard first of `MOVING` new points."""
    latents = np.resize(pack.anchors.latents, (MOVING, pack.latent_dim)).astype(np.float32)
    count = min(SIZES[0], pack.representation.frames)
    seconds = []
    for _ in range(9):
        started = time.perf_counter()
        decoder.frames(latents, [0] * MOVING, count)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[2:])


def _check(decoder: Decoder, pack: Pack) -> float:
    """Decode the test latents. Returns the median time of a window in ms. Raises `PackError`."""
    count = min(SIZES[0], pack.representation.frames)
    seconds = []
    for name, latent in _test_latents(pack):
        try:
            sound = decoder.whole(latent[None])
            started = time.perf_counter()
            decoder.frames(latent[None], [0], count)
            seconds.append(time.perf_counter() - started)
        except Exception as error:  # a foreign model may raise anything
            problem = f"cannot be run: {line(reason(error))}"
        else:
            if playable(sound):
                continue
            problem = f"gives no numbers for {name}: its weights are damaged, or too large"
        raise PackError(f"{pack.path}: {pack.decoder_path.name} {problem}")
    return 1000 * statistics.median(seconds[4:])


def _test_latents(pack: Pack) -> list[tuple[str, Floats]]:
    """The latents (D,) that are decoded when the decoder is loaded, `TRIED` of them, with their
    names."""
    anchors = pack.anchors.latents
    bounds = LatentBounds.of(anchors)
    some = np.linspace(0, len(anchors) - 1, TRIED - 3).round().astype(int)
    tests = [
        ("the mean of its anchors", bounds.middle),
        *((f"its anchor {k}", anchors[k]) for k in some),
        ("the lower end of its latents", bounds.low),
        ("the upper end of its latents", bounds.high),
    ]
    return [(latent_name, np.asarray(latent, np.float32)) for latent_name, latent in tests]
