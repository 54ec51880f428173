"""The decoder of a pack: latent vectors to frames in dB, in the fastest way that there is here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.keras_layers import UnsupportedDecoder
from latentpad.engine.decode.sound import playable
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.representation import Floats
from latentpad.models.text import line, reason

TRIED = 12  # latents decoded at load
WINDOW = 16  # frames that are decoded before a new sound is heard


class Decoder(Protocol):
    """Decodes one pack. One thread."""

    device: str  # what computes it
    batch: int  # sounds that are decoded at once
    windowed: bool  # whether `frames` computes only the frames that are asked for

    def frames(self, latents: Floats, first: Sequence[int], count: int) -> Floats:
        """Frames first[i]...first[i] + count - 1 of the sound of each latent i.

        (n, D) float32 to (n, count, bins) float32 dB within the representation's range; 0 is the
        model's loudest bin, NaN where the model's output is not finite.
        """

    def whole(self, latents: Floats) -> Floats:
        """All frames: (n, D) to (n, frames, bins)."""


def fastest_decoder(pack: Pack) -> tuple[Decoder, float]:
    """The pack's decoder, and the milliseconds in which it decodes what must be decoded before a
    new point is heard.

    NumPy decodes the stacks of layers that `latentpad train` makes. TensorFlow is imported only for
    other models. Raises `PackError` if the decoder cannot be loaded, or gives NaN for the mean of
    its anchors, some of them, or an end of their `LatentBounds`.
    """
    try:
        decoder: Decoder = FrameDecoder(pack)
    except UnsupportedDecoder:
        decoder = _keras_decoder(pack)
    return decoder, _test(decoder, pack)


def _keras_decoder(pack: Pack) -> Decoder:
    from latentpad.engine.decode.keras_decoder import KerasDecoder

    return KerasDecoder(pack)


def _test(decoder: Decoder, pack: Pack) -> float:
    """Decode the test latents. Returns the median time of a window in ms. Raises `PackError`."""
    count = min(WINDOW, pack.representation.frames)
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
