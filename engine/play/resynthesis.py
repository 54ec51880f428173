"""Plays a whole decoded sound as a voice does: the sound by which models are evaluated."""

from __future__ import annotations

import numpy as np

from latentpad.engine.play import voice
from latentpad.engine.play.memory import FrameSettings, scratch, voice_memory
from latentpad.engine.play.phase import frame
from latentpad.models.audio.texture import interpolation
from latentpad.models.representation import Floats, Representation

DESCRIPTION = "RTPGHI with one frame of look-ahead and two RTISI iterations, as the voices play"


def resynthesise(
    frames: Floats,
    representation: Representation,
    *,
    method: int = voice.RTPGHI,
    texture: float = 0.0,
    learned: float = 1.0,
    lookahead: int = 1,
    iterations: int = 2,
    ratio: float = 1.0,
) -> Floats:
    """The samples of a sound as one voice plays it: decoded (frames, columns), dB relative to full
    scale and the texture, or (frames, bins) dB alone -> (frames * hop,) float32.

    Sample 0 is the middle of the first frame. The voice plays a frame every eighth of n_fft, or
    every hop if the representation's hop is shorter. Any thread. A second of sound takes a tenth of
    a second.
    """
    r = representation
    hop = min(r.hop, r.n_fft // 8)
    constants = frame(r.n_fft, hop, r.window, interpolation(r))
    state = voice_memory(1, len(frames), r.n_fft, 1, frames.shape[1] - r.bins)
    work = scratch(r.n_fft)
    state.tables[0, 1] = frames
    voice.clear_voice(state, 0, constants, r.range_db)
    play = FrameSettings(
        advance=hop / r.hop, low=0.0, high=float(len(frames)), loop=False, ratio=ratio,
        method=method, texture=texture, lookahead=lookahead, iterations=iterations,
        range_db=r.range_db, level=1.0, learned=learned,
    )  # fmt: skip
    half = r.n_fft // 2 // hop
    out = np.zeros((len(frames) * r.hop // hop + half, hop), np.float32)
    for samples in out:
        voice.play_frame(state, work, 0, constants, play, samples)
    return out[half:].ravel()
