"""Which frames a voice lacks is what its next hops read and is not decoded."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.decode.windows import Motion, missing
from latentpad.engine.region import Region

FRAMES = 60


@st.composite
def motions(draw: st.DrawFn) -> Motion:
    low = draw(st.floats(0, FRAMES - 1))
    region = Region(low, draw(st.floats(low + 1, FRAMES)))
    inside = st.floats(region.low, region.high, exclude_max=True)
    position = draw(st.one_of(inside, st.floats(-20, FRAMES + 20)))
    advance = draw(st.one_of(st.just(0.0), st.floats(-4, 4)))
    return Motion(position, advance, region, draw(st.booleans()), draw(st.sampled_from((0, 4))))


@given(
    motion=motions(),
    decoded=st.sets(st.integers(0, FRAMES - 1), min_size=FRAMES - 12).map(
        lambda frames: bytearray(frame in frames for frame in range(FRAMES))
    ),
    hops=st.integers(1, 12),
)
def test_the_first_missing_frame_is_the_first_that_a_hop_reads_in_vain(
    motion: Motion, decoded: bytearray, hops: int
) -> None:
    read = [
        (frame, hop)
        for hop in range(-motion.behind, hops)
        for playhead in motion.after(hop)
        for frame in (math.floor(playhead), math.floor(playhead) + 1)
        if 0 <= frame < FRAMES
    ]
    lacking = [(frame, hop) for frame, hop in read if not decoded[frame]]
    assert missing(motion, decoded, hops) == (lacking[0] if lacking else None)
