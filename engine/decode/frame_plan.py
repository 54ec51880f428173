"""What single frames of a sound are computed from, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentpad.engine.decode.layers import Indices, Layer, Source

ROWS = 4  # a multiple of it is multiplied fastest


class FramePlan:
    """The rows of each layer that some frames of a sound need, and where they are found.

    A window has a range of frames in each layer. Frames that lie apart have a list, which is the
    same for all sounds. So the plan is made once, and used for any latent. Immutable.
    """

    def __init__(self, layers: Sequence[Layer], timed: Sequence[int], frames: Indices) -> None:
        """`frames` (n,) of the last layer, ascending. `timed`: the layers that have frames, in the
        order in which they are computed. The others have one row."""
        wanted: list[set[int]] = [set() for _ in layers]
        wanted[-1] = set(frames.tolist())
        #: Frames of each layer, ascending. The last one may be repeated.
        self.frames: list[Indices] = [np.zeros(1, np.intp)] * len(layers)
        for k in reversed(timed):
            rows = np.array(sorted(wanted[k]), np.intp)
            if len(rows) and any(source.table is None for source in layers[k].sources):
                # These layers compute ranges only.
                rows = np.arange(rows[0], rows[-1] + 1)
            else:
                # BLAS takes four rows in the time of one: 36 take less than 35. The last is
                # repeated.
                rows = np.append(rows, np.repeat(rows[-1:], -len(rows) % ROWS))
            self.frames[k] = rows
            for source in layers[k].sources:
                if source.table is not None:
                    taps = source.table[rows]
                    wanted[source.layer].update(taps[taps >= 0].tolist())
        #: The rows of the last layer that were asked for. It may have others.
        self.asked: Indices = np.searchsorted(self.frames[-1], frames)
        #: The range of frames of each layer. Only those that take a range look at more than its
        #: length.
        starts = (int(rows[0]) if len(rows) else 0 for rows in self.frames)
        self.spans = [range(f, f + len(rows)) for f, rows in zip(starts, self.frames, strict=True)]
        #: For each source of each layer: the row of each tap, 0 for zeros, from 1 for the frames of
        #: the source. None: all rows of the source in their order.
        self.rows: list[list[Indices | None]] = [
            [self._rows(source, frames) for source in layer.sources]
            for layer, frames in zip(layers, self.frames, strict=True)
        ]

    def _rows(self, source: Source, frames: Indices) -> Indices | None:
        if source.table is None:
            return None
        there, taps = self.frames[source.layer], source.table[frames]
        rows: Indices = np.where(taps < 0, 0, 1 + np.searchsorted(there, taps))
        return None if np.array_equal(rows, np.arange(1, 1 + len(there))[:, None]) else rows
