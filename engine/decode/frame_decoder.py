"""Decodes only the frames that are asked for, with NumPy on one core of the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from latentpad.engine.decode.frame_plan import FramePlan
from latentpad.engine.decode.layers import Indices, Layer, Source
from latentpad.engine.decode.stack import read_layers
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

PART = 256  # frames that `whole` decodes at once: a bound on the work memory
BATCH = 8  # sounds: more at once gain little, and each waits for all

Needed = list[range]  # the frames of each layer that a window needs


class FrameDecoder:
    """A pack's decoder for windows of frames. One thread; imports no TensorFlow.

    A window needs the frames within reach of the decoder's convolutions; no others are computed.
    Work memory grows with the largest call so far and is kept: after that, a call allocates
    little besides its result.
    NumPy's matrix products use one thread from then on, in the whole process.

    Raises `PackError` for a malformed file, and `UnsupportedDecoder` if the decoder is no stack of
    known layers with a finite reach in time: only Keras can decode such a model.
    """

    device = "NumPy, CPU"
    batch = BATCH
    windowed = True

    def __init__(self, pack: Pack) -> None:
        threadpool_limits(1, user_api="blas")
        self._representation = pack.representation
        self._layers = read_layers(pack)
        self._flat: list[int] = []  # what is computed once for a latent, whatever the window
        self._timed: list[int] = []
        for k, layer in enumerate(self._layers):
            flat = layer.frames == 1 and all(s.layer in self._flat for s in layer.sources)
            (self._flat if flat else self._timed).append(k)
        self._memory = [_Memory(layer, self._layers) for layer in self._layers]
        #: Frames of each layer that were computed since loading, from the latent to the output.
        self.computed = [0] * len(self._layers)

    def frames(self, latents: Floats, first: Sequence[int], count: int) -> Floats:
        """Frames first[i]...first[i] + count - 1 of the sound of each latent i.

        `latents` (n, D) float32, `first` n integers. Returns (n, count, columns) float32, as
        `KerasDecoder.frames` does: dB within the representation's range, 0 is the model's loudest
        bin, and the texture in 0...1; NaN where the model's output is not finite. Raises ValueError
        if a window is not within the sound, or if there are not as many as latents.
        """
        windows = [self.needed(int(start), count) for start in first]
        if len(windows) != len(latents):
            raise ValueError(f"{len(latents)} latents and {len(windows)} windows")
        decoded = np.empty((len(windows), count, self._representation.columns), np.float32)
        if windows:
            self._take(latents)
            self._decode(windows, decoded.reshape(-1, decoded.shape[2]))
        return decoded

    def plan(self, frames: Sequence[int]) -> FramePlan:
        """What `at` needs to decode these frames. `frames` ascending.

        Raises ValueError if they are not, or not within the sound.
        """
        listed = np.array(frames, np.intp)
        if not len(listed) or (np.diff(listed) < 1).any():
            raise ValueError("frames of a plan are ascending, one at least")
        self.needed(int(listed[0]), int(listed[-1] - listed[0]) + 1)
        return FramePlan(self._layers, self._timed, listed)

    def at(self, latent: Floats, plan: FramePlan) -> Floats:
        """The frames of a plan of one sound, as `frames` decodes them.

        `latent` (D,) float32. Returns (frames of the plan, columns) float32.
        """
        self._take(latent[None])
        with np.errstate(all="ignore"):
            for k in self._timed:
                memory, layer, count = self._memory[k], self._layers[k], len(plan.frames[k])
                rows, inputs = memory.reserve(count), []
                for source, index, gathered in zip(
                    layer.sources, plan.rows[k], memory.gathered, strict=True
                ):
                    there = self._memory[source.layer].rows
                    if index is None:
                        inputs.append(there[1 : 1 + len(plan.frames[source.layer])])
                    else:
                        np.take(there, index, axis=0, out=gathered.rows[:count], mode="clip")
                        inputs.append(gathered.rows[:count].reshape(count, -1))
                layer.compute(inputs, [plan.spans[k]], rows, memory.scratch[:count])
                self.computed[k] += count
        decoded = np.empty((len(plan.frames[-1]), self._representation.columns), np.float32)
        self._write(decoded)
        return decoded if len(decoded) == len(plan.asked) else decoded[plan.asked]

    def whole(self, latents: Floats) -> Floats:
        """All frames of the sounds: (n, D) float32 to (n, frames, columns) float32."""
        r = self._representation
        decoded = np.empty((len(latents), r.frames, r.columns), np.float32)
        for latent, sound in zip(latents, decoded, strict=True):
            self._take(latent[None])
            for first in range(0, r.frames, PART):
                window = sound[first : first + PART]
                self._decode([self.needed(first, len(window))], window)
        return decoded

    def needed(self, first: int, count: int) -> Needed:
        """The frames of each layer that a window is computed from, from the latent to the output.

        Flat layers have one frame. Raises ValueError if the window is not within the sound.
        """
        if not 0 <= first < first + count <= self._representation.frames:
            raise ValueError(
                f"frames {first}...{first + count - 1} are not within the sound's "
                f"{self._representation.frames}"
            )
        needed = [range(1 if k in self._flat else 0) for k in range(len(self._layers))]
        needed[-1] = range(first, first + count)
        for k in reversed(self._timed):
            for source in self._layers[k].sources:
                more, there = source.needed(needed[k]), needed[source.layer]
                if more and there:
                    more = range(min(more.start, there.start), max(more.stop, there.stop))
                needed[source.layer] = more or there
        return needed

    def _take(self, latents: Floats) -> None:
        """Compute what the windows of `latents` have in common."""
        one = [range(1)] * len(self._layers)
        self._memory[0].reserve(len(latents))[:] = latents
        with np.errstate(all="ignore"):  # what is not finite becomes NaN in the end
            self._compute(self._flat[1:], [one] * len(latents))

    def _decode(self, windows: list[Needed], decoded: Floats) -> None:
        """Compute the windows, one for each latent taken, to `decoded` (frames, columns)."""
        with np.errstate(all="ignore"):
            self._compute(self._timed, windows)
        self._write(decoded)

    def _write(self, decoded: Floats) -> None:
        """Write the rows of the last layer to `decoded` (rows, columns): dB, and the texture."""
        r, output = self._representation, self._memory[-1].rows[1 : 1 + len(decoded)]
        decibels, range_db = r.spectrum(decoded), np.float32(r.range_db)
        with np.errstate(all="ignore"):
            np.subtract(r.spectrum(output), np.float32(1), out=decibels)
            decibels *= range_db
            if r.texture_bands:
                np.clip(output[:, r.bins :], 0, 1, out=decoded[:, r.bins :])
            if not np.isfinite(decibels.min() + decibels.max()):
                decibels[~np.isfinite(decibels)] = np.nan
            np.maximum(decibels, -range_db, out=decibels)
            np.minimum(decibels, 0, out=decibels)

    def _compute(self, layers: list[int], windows: list[Needed]) -> None:
        for k in layers:
            spans = [window[k] for window in windows]
            count = sum(map(len, spans))
            memory = self._memory[k]
            rows = memory.reserve(count)
            inputs = [
                self._input(source, spans, [window[source.layer] for window in windows], gathered)
                for source, gathered in zip(self._layers[k].sources, memory.gathered, strict=True)
            ]
            self._layers[k].compute(inputs, spans, rows, memory.scratch[:count])
            self.computed[k] += count

    def _input(
        self, source: Source, spans: list[range], there: list[range], gathered: _Gathered
    ) -> Floats:
        """The rows of a source that layers in `spans` need, of those that are `there`."""
        rows = self._memory[source.layer].rows
        count = sum(map(len, there))
        if source.table is None or (
            source.shifted and list(map(len, spans)) == list(map(len, there))
        ):
            return rows[1 : 1 + count]
        end, offset = 0, 1
        for span, frames in zip(spans, there, strict=True):
            begin, end = end, end + len(span)
            table = source.table[span.start : span.stop]
            np.add(table, offset - frames.start, out=gathered.index[begin:end])
            offset += len(frames)
        # Clipped, ZERO becomes row 0, which holds zeros.
        np.take(rows, gathered.index[:end], axis=0, out=gathered.rows[:end], mode="clip")
        return gathered.rows[:end].reshape(end, -1)


class _Gathered:
    """Work memory for the rows that a layer takes of one source."""

    def __init__(self, source: Source, channels: int, capacity: int) -> None:
        taps = 0 if source.table is None else source.table.shape[1]
        self.index: Indices = np.empty((capacity, taps), np.intp)
        self.rows: Floats = np.empty((capacity, taps, channels), np.float32)


class _Memory:
    """Work memory of a layer: row 0 holds zeros, then the rows of all windows."""

    def __init__(self, layer: Layer, layers: Sequence[Layer]) -> None:
        self._layer, self._layers = layer, layers
        self._allocate(0)

    def _allocate(self, capacity: int) -> None:
        self._capacity = capacity
        self.rows: Floats = np.zeros((1 + capacity, self._layer.channels), np.float32)
        self.scratch: Floats = np.empty((capacity, self._layer.channels), np.float32)
        self.gathered = [
            _Gathered(source, self._layers[source.layer].channels, capacity)
            for source in self._layer.sources
        ]

    def reserve(self, count: int) -> Floats:
        """The first `count` rows after the zeros."""
        if count > self._capacity:
            self._allocate(count)
        return self.rows[1 : 1 + count]
