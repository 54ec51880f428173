"""The decoder: latent vectors to decoded sounds, on the device that does it fastest here."""

from __future__ import annotations

import math
import os
import statistics
import time
from contextlib import suppress
from dataclasses import dataclass

# Before TensorFlow is imported: its banners are no news to a performer.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# oneDNN's kernels gain nothing at one sound on one thread: 1.7 ms with, 1.5 ms without.
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

LEVEL_DB = -12.0  # where every sound's loudness is brought to (see `models.representation`)
MOST_DB = 40.0  # an all but silent sound is not blown up to noise
TRIED = 12  # latents decoded at load


def playable(frames: Floats) -> bool:
    """Whether frames in dB, of any shape, are all finite. Quick: this runs at every decode."""
    return math.isfinite(float(frames.min()) + float(frames.max()))


@dataclass(frozen=True)
class DecodedSound:
    """One decoded sound and what the voices need to know of it."""

    frames: Floats  # (frames, bins) dB relative to full scale of the model
    gain: float  # dB that brings it to LEVEL_DB
    onset: float  # frame
    end: float  # frame


class Decoder:
    """A pack's decoder on GPU or CPU, whichever is measured faster at load. One thread.

    Raises `PackError` where the pack's decoder cannot be loaded, or gives what are no numbers for
    the mean of its anchors, some of them, or an end of their `LatentBounds`. TensorFlow's own
    errors come from `decode` only if TensorFlow itself fails.
    """

    def __init__(self, pack: Pack, *, threads: int = 1) -> None:
        # One thread decodes a second of sound in 2 ms; more only take cores from the voices.
        with suppress(RuntimeError):  # in a process that has used TensorFlow it stays as it is
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
            made = (model(z, training=False) - 1.0) * range_db
            level = tf.clip_by_value(made, -range_db, 0.0)
            return tf.where(tf.math.is_finite(made), level, float("nan"))

        self._decibels = decibels
        self.device, self.milliseconds = self._fastest()
        self.batch = 16 if "GPU" in self.device else 1

    def _fastest(self) -> tuple[str, float]:
        """Median time of one decode on each device: the fastest and its milliseconds."""
        times = {}
        tried = self._tried()
        for device in tf.config.list_logical_devices():
            if device.device_type not in ("CPU", "GPU"):
                continue
            self.device = device.name
            spent = []
            for what, latent in tried:
                began = time.perf_counter()
                self._try(what, latent)
                spent.append(time.perf_counter() - began)
            times[device.name] = 1000 * statistics.median(spent[4:])
        best = min(times, key=times.__getitem__)
        return best, times[best]

    def _tried(self) -> list[tuple[str, Floats]]:
        """What is decoded at load, `TRIED` latents (D,), and what they are called."""
        anchors = self._pack.anchors.latents
        bounds = LatentBounds.of(anchors)
        some = np.linspace(0, len(anchors) - 1, TRIED - 3).round().astype(int)
        tried = [
            ("the mean of its anchors", bounds.middle),
            *((f"its anchor {k}", anchors[k]) for k in some),
            ("the lower end of its latents", bounds.low),
            ("the upper end of its latents", bounds.high),
        ]
        return [(what, np.asarray(latent, np.float32)) for what, latent in tried]

    def _try(self, what: str, latent: Floats) -> None:
        """Decode it. Raises PackError."""
        try:
            frames = self.decode(latent[None])
        except tf.errors.OpError as error:
            why = f"cannot be run: {line(reason(error))}"
        else:
            if playable(frames):
                return
            why = f"gives no numbers for {what}: its weights are damaged, or too large"
        raise PackError(f"{self._pack.path}: {self._pack.decoder_path.name} {why}")

    def decode(self, latents: Floats) -> Floats:
        """(n, D) float32 to (n, frames, bins) float32 dB, 0 the model's loudest bin.

        Within the representation's range; NaN where the model gives what is not finite.
        """
        with tf.device(self.device):
            decoded: Floats = self._decibels(tf.constant(latents, tf.float32)).numpy()
        return decoded

    def describe(self, frames: Floats) -> DecodedSound:
        """Measure one decoded sound: its level, where it begins and where it ends."""
        r = self._representation
        loudness, start, end = outline(frames, r)
        return DecodedSound(frames, min(LEVEL_DB - loudness, MOST_DB), start, max(end, start + 1))

    def waveform(self, frames: Floats, reconstruct: Waveform) -> Floats:
        """The whole sound by a phase method, (samples,) float32 at the model's rate.

        The frames are played twice as densely as the model makes them if its hop is more than
        an eighth of n_fft, as the voices do.
        """
        r = self._representation
        hop = min(r.hop, r.n_fft // 8)
        dense = r.hop // hop
        at = np.arange((r.frames - 1) * dense + 1) / dense
        low = np.floor(at).astype(int)
        part = (at - low).astype(np.float32)[:, None]
        high = np.minimum(low + 1, r.frames - 1)
        decibels = frames[low] * (1 - part) + frames[high] * part
        magnitudes = audible(decibels, r)
        wave = reconstruct(magnitudes, hop, r.window)
        whole = np.zeros(r.samples, np.float32)
        whole[: len(wave)] = wave[: len(whole)]
        return whole
