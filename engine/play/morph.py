"""The two decoded sounds of a voice: the source and the target of a morph.

A voice cross-fades between them in dB while its phase continues. The target is decoded in parts;
where it has no frames yet, the source is played. Compiled kernels: they release the GIL and access
only their arguments.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from latentpad.engine.play.even import common_level
from latentpad.engine.play.memory import UNKNOWN, Flags, Floats, VoiceMemory

SILENCE = np.float32(-1000)  # dB, below any model's floor


@njit(cache=True, nogil=True, fastmath=True)
def begin_morph(memory: VoiceMemory, v: int) -> None:
    """Make what the voice plays now the source of a morph. The target has no frames yet."""
    source, target, filled = memory.tables[v, 0], memory.tables[v, 1], memory.filled[v]
    mix = np.float32(memory.mix[v])
    levels = memory.levels[v]
    memory.common[v, 0], memory.common[v, 1] = common_level(memory, v), UNKNOWN
    for k in range(len(filled)):
        if not filled[k]:
            if memory.from_silence[v]:
                source[k], levels[0, k] = SILENCE, SILENCE
            continue
        filled[k] = False
        levels[0, k] += min(mix, np.float32(1)) * (levels[1, k] - levels[0, k])
        if mix >= 1:
            source[k] = target[k]
        else:
            for m in range(source.shape[1]):
                source[k, m] += mix * (target[k, m] - source[k, m])
    memory.mix[v], memory.from_silence[v] = 0.0, False


@njit(cache=True, nogil=True)
def begin_in_silence(memory: VoiceMemory, v: int) -> None:
    """Make silence the source, and the target, which has no frames yet, all that is played.

    The source is not written: that would take a tenth of a begin, and the processor's caches.
    """
    memory.filled[v] = False
    memory.common[v] = UNKNOWN
    memory.mix[v], memory.from_silence[v] = 1.0, True


@njit(cache=True, nogil=True)
def add_frames(memory: VoiceMemory, v: int, sound: Floats, levels: Floats, decoded: Flags) -> None:
    """Copy the frames of a sound (frames, columns) that are `decoded` (frames,), and their levels
    (frames,) dB, to the target, unless it has them."""
    target, filled = memory.tables[v, 1], memory.filled[v]
    for k in range(len(decoded)):
        if decoded[k] and not filled[k]:
            target[k] = sound[k]
            memory.levels[v, 1, k] = levels[k]
            filled[k] = True
