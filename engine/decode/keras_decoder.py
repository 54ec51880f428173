"""Decodes whole sounds with Keras and TensorFlow: on a GPU, or what only Keras can decode."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

# Set before TensorFlow is imported: hides its banners.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# For one sound on one thread oneDNN is not faster: 1.7 ms with it, 1.5 ms without.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tensorflow as tf

from latentpad.models.packs.networks import load_decoder
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

GPU_BATCH = 16  # sounds that a GPU decodes at once


class KerasDecoder:
    """A pack's decoder, run by TensorFlow on the named device, or on the first. One thread.

    Raises `PackError` if the pack's decoder cannot be loaded. `whole` and `frames` raise only
    TensorFlow's own errors.
    """

    windowed = False

    def __init__(self, pack: Pack, device: str = "", *, threads: int = 1) -> None:
        # One thread decodes a second of sound in 2 ms. More would only take cores from the voices.
        with suppress(RuntimeError):  # cannot be changed after TensorFlow was used
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
            for gpu in tf.config.list_physical_devices("GPU"):
                tf.config.experimental.set_memory_growth(gpu, True)
        model = load_decoder(pack)
        r = pack.representation
        range_db = r.range_db

        @tf.function(input_signature=[tf.TensorSpec((None, pack.latent_dim), tf.float32)])
        def decoded(z: tf.Tensor) -> tf.Tensor:
            scaled = model(z, training=False)
            output = (scaled[..., : r.bins] - 1.0) * range_db
            level = tf.clip_by_value(output, -range_db, 0.0)
            spectrum = tf.where(tf.math.is_finite(output), level, float("nan"))
            if not r.texture_bands:
                return spectrum
            return tf.concat([spectrum, tf.clip_by_value(scaled[..., r.bins :], 0.0, 1.0)], -1)

        self._decoded = decoded
        self._device = device or devices()[0]
        self.device = f"TensorFlow, {self._device.strip('/').removeprefix('device:')}"
        self.batch = GPU_BATCH if "GPU" in self._device else 1

    def whole(self, latents: Floats) -> Floats:
        """(n, D) float32 to (n, frames, columns) float32: dB, where 0 is the model's loudest bin,
        and the texture in 0...1.

        Within the representation's range; NaN where the model's output is not finite.
        """
        with tf.device(self._device):
            sounds: Floats = self._decoded(tf.constant(latents, tf.float32)).numpy()
        return sounds

    def frames(self, latents: Floats, first: Sequence[int], count: int) -> Floats:
        """Frames first[i]...first[i] + count - 1 of the sound of each latent i. Decodes all
        frames: (n, count, columns) float32."""
        sounds = self.whole(latents)
        return np.stack([s[k : k + count] for s, k in zip(sounds, first, strict=True)])


def devices() -> list[str]:
    """TensorFlow's names of the GPUs and the CPU, GPUs first."""
    kinds = {"GPU": 0, "CPU": 1}
    found = [d for d in tf.config.list_logical_devices() if d.device_type in kinds]
    return [str(d.name) for d in sorted(found, key=lambda d: kinds[d.device_type])]
