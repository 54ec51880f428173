"""From the board's points to latent vectors, by the plane and expander that the performer chose."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.grain import Amounts, blended_amounts
from latentpad.engine.expanders import Expander, blend, fit, nearest_anchor
from latentpad.engine.expanders.anchor_weights import AnchorWeights
from latentpad.engine.expanders.lattice import lattice_weights
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.parameters import EXPANDERS, GLOBAL, METRICS, OFFSET, VOICES, Affects
from latentpad.engine.planes import Planes
from latentpad.models.packs.pack import Pack

ARRIVED = 1e-4  # pad widths: a gliding point this close to the finger has arrived
QUIETEST, LOUDEST = -40.0, 6.0  # dB: the range of the recordings' levels


class LatentTarget(NamedTuple):
    """The latent vector that a voice points at."""

    latent: NDArray[np.float32]  # (D,) within the pack's `LatentBounds`
    level: float  # dB, level of the recordings there, relative to the loud ones
    arrived: bool  # False while the point still glides to the finger
    original: int | None = None  # the anchor whose recording is wanted
    grain: Amounts = ()  # what is wanted of the residuals of the anchors that the point blends


class DecoderInputs(NamedTuple):
    """The board's fields that the decoder uses: copies, all of one moment."""

    requests: list[int]
    values: list[float]
    points: NDArray[np.float64]
    latents: NDArray[np.float64]
    origin: list[int]
    starts: list[int]
    held: list[int]
    lattice_anchor: NDArray[np.int64]
    lattice_weight: NDArray[np.float64]


class Pointing:
    """Turns each voice's point into a latent vector. One thread, the decoder's.

    It keeps the fitted expander until a parameter that shapes it changes, and each voice's point on
    its way to the finger (`/smooth`). With `background`, a fit is abandoned when another expander,
    metric or plane is chosen meanwhile.
    """

    def __init__(self, pack: Pack, board: Board, background: Background | None = None) -> None:
        self._pack = pack
        self._board = board
        self._inputs = board.consistent(self._read, tries=b.STARTUP_TRIES)
        self._planes = Planes(pack)
        self._bounds = LatentBounds.of(pack.anchors.latents)
        self._points: NDArray[np.float64] = np.full((VOICES, 2), 0.5)
        self._starts: NDArray[np.int64] = np.full(VOICES, -1, np.int64)
        self._background = background
        self._key: tuple[float, ...] = ()
        self._expander: Expander | None = None
        loudness = pack.anchors.loudness.astype(np.float64)
        reference = np.percentile(loudness, 90) if len(loudness) else 0.0
        self._levels = np.clip(loudness - reference, QUIETEST, LOUDEST)

    def fit(self) -> None:
        """Fit plane and expander to the board's values if they have changed."""
        while (key := _pick(self.look(), _FITTED)) != self._key or self._expander is None:
            values, chosen = self._inputs.values, _pick(self._inputs, _ABORTING)
            plane = self._planes.of(values)
            base = min(int(values[OFFSET["/lattice/base"]]), len(self._pack.anchors) - 1)
            work = partial(
                fit,
                EXPANDERS[int(values[OFFSET["/expander"]])],
                plane,
                metric=METRICS[int(values[OFFSET["/metric"]])],
                guard=bool(values[OFFSET["/guard"]]),
                focus=int(values[OFFSET["/focus"]]),
                scale=values[OFFSET["/multilateration/scale"]],
                base=base,
            )
            if self._background is None:
                expander: Expander | None = work()
            else:
                expander = self._background.run(work, partial(self._still_chosen, chosen))
            if expander is not None:
                self._plane, self._expander, self._base, self._key = plane, expander, base, key

    def look(self) -> DecoderInputs:
        """The present inputs, or the earlier ones while a change is half-written.

        So requests are never newer than the values that they ask for.
        """
        self._inputs = self._board.consistent(self._read, self._inputs)
        return self._inputs

    @property
    def inputs(self) -> DecoderInputs:
        """What the last `look` saw."""
        return self._inputs

    def _read(self) -> DecoderInputs:
        board = self._board
        return DecoderInputs(
            board.requests.tolist(),
            board.values.tolist(),
            board.points.copy(),
            board.latents[:, : self._pack.latent_dim].copy(),
            board.origin.tolist(),
            board.starts.tolist(),
            board.held.tolist(),
            board.lattice_anchor.copy(),
            board.lattice_weight.copy(),
        )

    def _still_chosen(self, choices: tuple[float, ...]) -> bool:
        return choices == _pick(self.look(), _ABORTING)

    def aim(self, voice: int, seconds: float) -> LatentTarget:
        """The voice's latent vector now, `seconds` after it was last asked for."""
        self.fit()
        assert self._expander is not None
        inputs = self._inputs
        target, start = inputs.points[voice], inputs.starts[voice]
        smooth = inputs.values[OFFSET["/smooth"]]
        if start != self._starts[voice] or smooth <= 0:
            self._starts[voice] = start
            self._points[voice] = target
        else:
            share = 1 - math.exp(-seconds / smooth)
            self._points[voice] += share * (target - self._points[voice])
        arrived = bool(np.abs(target - self._points[voice]).max() < ARRIVED)
        if arrived:
            self._points[voice] = target
        point = self._plane.from_pad(self._points[voice : voice + 1])
        level = float(blend(point, self._plane, self._levels)[0])
        anchors = self._pack.anchors.latents
        original: int | None = None
        z: NDArray[np.floating]
        if inputs.origin[voice] == b.LATENT:
            z = inputs.latents[voice]
        elif inputs.origin[voice] == b.LATTICE:
            z = self._weighted_anchors()
        elif inputs.origin[voice] == b.ORIGINAL:
            original = int(nearest_anchor(point, self._plane)[0])
            z = anchors[original]
        else:
            z = self._expander.expand(point)[0]
        z = self._bounds.clip(z).astype(np.float32)
        return LatentTarget(z, level, arrived, original, self._grain(voice, point, z))

    def _grain(
        self, voice: int, point: NDArray[np.float64], latent: NDArray[np.float32]
    ) -> Amounts:
        """How much of the residual of each anchor is wanted at a point (1, D1) on the plane.

        A latent that was set has no place on the plane, so it has grain only if it is that of the
        anchor there (`/anchor`). A recording has its own.
        """
        share, origin = self._inputs.values[OFFSET["/grain"]], self._inputs.origin[voice]
        if share <= 0 or origin == b.ORIGINAL:
            return ()
        if origin == b.LATENT:
            anchor = int(nearest_anchor(point, self._plane)[0])
            is_anchor = np.array_equal(self._pack.anchors.latents[anchor], latent)
            return ((anchor, share),) if is_anchor else ()
        assert self._expander is not None
        if origin == b.LATTICE:
            blended = self._performers_weights()
        else:
            blended = self._expander.anchor_weights(point)
        return blended_amounts(blended, share)[0]

    def rehearse(self) -> NDArray[np.float32]:
        """(1, D) the latent vector of the pad's middle. Nothing is changed."""
        self.fit()
        assert self._expander is not None
        point = self._plane.from_pad(np.full((1, 2), 0.5))
        blend(point, self._plane, self._levels)
        return self._bounds.clip(self._expander.expand(point)).astype(np.float32)

    def warm(self) -> None:
        """Fit what takes longest the first time. Any thread; nothing is changed."""
        fit("gaussian", self._plane)

    def point(self, voice: int) -> NDArray[np.float64]:
        """(2,) the position of the voice's gliding point on the pad."""
        return self._points[voice]

    def _weighted_anchors(self) -> NDArray[np.float64]:
        """The lattice with the performer's weights (eq. 8): z_k + Σ α_i (z_i − z_k)."""
        anchors = self._pack.anchors.latents
        z = base = anchors[self._base].astype(np.float64)
        for anchor, alpha in zip(*self._performers_alpha(), strict=True):
            z = z + alpha * (anchors[anchor] - base)
        return z

    def _performers_alpha(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The anchors to which the performer gave a weight, and the weights."""
        inputs = self._inputs
        there = (inputs.lattice_anchor >= 0) & (inputs.lattice_anchor < len(self._pack.anchors))
        return inputs.lattice_anchor[there], inputs.lattice_weight[there]

    def _performers_weights(self) -> AnchorWeights:
        """How much of each anchor is in the lattice with the performer's weights."""
        chosen, alpha = self._performers_alpha()
        return lattice_weights(self._base, chosen.astype(np.intp), alpha[None])


def _pick(inputs: DecoderInputs, indices: list[int]) -> tuple[float, ...]:
    return tuple(inputs.values[index] for index in indices)


def _value_indices(least: Affects) -> list[int]:
    """The indices of the values whose change has at least this effect."""
    rows = (row for row in GLOBAL if row.affects >= least)
    return [OFFSET[row.address] + k for row in rows for k in range(row.size)]


_FITTED, _ABORTING = _value_indices(Affects.FIT), _value_indices(Affects.ABORT_FIT)
