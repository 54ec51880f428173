"""The decoder: latent vectors to decoded sounds, on the fastest device."""

from __future__ import annotations

import math
import os
import statistics
import time
from contextlib import suppress
from dataclasses import dataclass

# Set before TensorFlow is imported: hides its banners.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# For one sound on one thread oneDNN is not faster: 1.7 ms with it, 1.5 ms without.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.phase_methods import Waveform
from latentpad.models.audio.griffinlim import audible
from latentpad.models.packs.networks import load_decoder
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.representation import outline
from latentpad.models.text import line, reason

Floats = NDArray[np.float32]

LEVEL_DB = -12.0  # the common loudness of all sounds (see `models.representation`)
MOST_DB = 40.0  # the largest gain, so that a nearly silent sound does not become noise
TRIED = 12  # latents decoded at load


def playable(frames: Floats) -> bool:
    """Whether frames in dB, of any shape, are all finite. Fast, because every decode calls it."""
    return math.isfinite(float(frames.min()) + float(frames.max()))


@dataclass(frozen=True)
class DecodedSound:
    """One decoded sound and its properties."""

    frames: Floats  # (frames, bins) dB relative to full scale of the model
    gain: float  # dB that brings it to LEVEL_DB
    onset: float  # frame
    end: float  # frame


class Decoder:
    """A pack's decoder on the GPU or CPU, whichever is faster when it is loaded. One thread.

    Raises `PackError` if the pack's decoder cannot be loaded, or gives NaN for the mean of its
    anchors, some of them, or an end of their `LatentBounds`. `decode` raises only TensorFlow's own
    errors.
    """

    def __init__(self, pack: Pack, *, threads: int = 1) -> None:
        # One thread decodes a second of sound in 2 ms. More would only take cores from the voices.
        with suppress(RuntimeError):  # cannot be changed after TensorFlow was used
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
            for gpu in tf.config.list_physical_devices("GPU"):
                tf.config.experimental.set_memory_growth(gpu, True)
        self._pack = pack
        self._representation = pack.representation
        model = load_decoder(pack)
        range_db = pack.representation.range_db

        @tf.function(input_signature=[tf.TensorSpec((None, pack.latent_dim), tf.float32)])
        def decibels(z: tf.Tensor) -> tf.Tensor:
            output = (model(z, training=False) - 1.0) * range_db
            level = tf.clip_by_value(output, -range_db, 0.0)
            return tf.where(tf.math.is_finite(output), level, float("nan"))

        self._decibels = decibels
        self.device, self.milliseconds = self._fastest()
        self.batch = 16 if "GPU" in self.device else 1

    def _fastest(self) -> tuple[str, float]:
        """The device with the lowest median time of one decode, and this time in milliseconds."""
        times = {}
        tests = self._test_latents()
        for device in tf.config.list_logical_devices():
            if device.device_type not in ("CPU", "GPU"):
                continue
            self.device = device.name
            seconds = []
            for latent_name, latent in tests:
                started = time.perf_counter()
                self._test(latent_name, latent)
                seconds.append(time.perf_counter() - started)
            times[device.name] = 1000 * statistics.median(seconds[4:])
        best = min(times, key=times.__getitem__)
        return best, times[best]

    def _test_latents(self) -> list[tuple[str, Floats]]:
        """The latents (D,) that are decoded when the decoder is loaded, `TRIED` of them, with
        their names."""
        anchors = self._pack.anchors.latents
        bounds = LatentBounds.of(anchors)
        some = np.linspace(0, len(anchors) - 1, TRIED - 3).round().astype(int)
        tests = [
            ("the mean of its anchors", bounds.middle),
            *((f"its anchor {k}", anchors[k]) for k in some),
            ("the lower end of its latents", bounds.low),
            ("the upper end of its latents", bounds.high),
        ]
        return [(latent_name, np.asarray(latent, np.float32)) for latent_name, latent in tests]

    def _test(self, latent_name: str, latent: Floats) -> None:
        """Decode it. Raises `PackError`."""
        try:
            frames = self.decode(latent[None])
        except tf.errors.OpError as error:
            problem = f"cannot be run: {line(reason(error))}"
        else:
            if playable(frames):
                return
            problem = f"gives no numbers for {latent_name}: its weights are damaged, or too large"
        raise PackError(f"{self._pack.path}: {self._pack.decoder_path.name} {problem}")

    def decode(self, latents: Floats) -> Floats:
        """(n, D) float32 to (n, frames, bins) float32 dB; 0 is the model's loudest bin.

        Within the representation's range; NaN where the model's output is not finite.
        """
        with tf.device(self.device):
            decoded: Floats = self._decibels(tf.constant(latents, tf.float32)).numpy()
        return decoded

    def describe(self, frames: Floats) -> DecodedSound:
        """Measure one decoded sound: its level, its beginning and its end."""
        r = self._representation
        loudness, start, end = outline(frames, r)
        return DecodedSound(frames, min(LEVEL_DB - loudness, MOST_DB), start, max(end, start + 1))

    def waveform(self, frames: Floats, reconstruct: Waveform) -> Floats:
        """The whole sound by a phase method, (samples,) float32 at the model's rate.

        If the model's hop is more than an eighth of n_fft, frames are interpolated to that hop, as
        the voices do.
        """
        r = self._representation
        hop = min(r.hop, r.n_fft // 8)
        dense = r.hop // hop
        position = np.arange((r.frames - 1) * dense + 1) / dense
        low = np.floor(position).astype(int)
        part = (position - low).astype(np.float32)[:, None]
        high = np.minimum(low + 1, r.frames - 1)
        decibels = frames[low] * (1 - part) + frames[high] * part
        magnitudes = audible(decibels, r)
        wave = reconstruct(magnitudes, hop, r.window)
        sound = np.zeros(r.samples, np.float32)
        sound[: len(wave)] = wave[: len(sound)]
        return sound
