"""Decoding only what is about to sound gives the samples of decoding everything.

The phase of a frame follows from the frame before it, so a difference in the last bit of a frame,
which BLAS makes when it computes other frames beside it, is a difference of phases after a while.
Here a window is cut out of the whole sound, so that the frames are the same. That they are the
same but for these bits is tested in `decode/test_frame_decoder.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.decode import decoding, pack_loader
from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.mailbox import Mailbox
from latentpad.engine.offline import OfflineRenderer
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

Renderers = tuple[OfflineRenderer, OfflineRenderer]
Step = tuple[int, str, tuple[Argument, ...]]  # the hop before which a command comes

TONE: list[Step] = [
    (0, "/smooth", (0.0,)),
    (0, "/morph", (0.0,)),
    (0, "/pad/xy", (0.3, 0.6)),
    (0, "/pad/1/touch", (1.0,)),
]
JUMP: Step = (150, "/pad/xy", (0.8, 0.2))
PLAYED: dict[str, list[Step]] = {
    "a jump, and right round": [*TONE, JUMP],
    "a morph": [*TONE, (0, "/morph", (0.03,)), JUMP],
    "a long morph": [
        *TONE, (0, "/morph", (0.5,)), JUMP,
    ],
    "a freeze": [*TONE, JUMP, (170, "/loop/freeze", (1,))],
    "a freeze, then a jump": [*TONE, (120, "/loop/freeze", (1,)), JUMP],
    "seeks": [
        *TONE, JUMP, (170, "/loop/start", (0.7,)), (220, "/loop/start", (0.1,)),
        (260, "/loop/end", (0.3,)), (300, "/loop/end", (0.9,)),
    ],
    "reversed": [*TONE, (0, "/loop/speed", (-1.0,)), JUMP],
    "at double speed": [*TONE, (0, "/loop/speed", (2.0,)), JUMP],
    "at four times the speed, reversed": [*TONE, (0, "/loop/speed", (-4.0,)), JUMP],
    "slowly": [*TONE, (0, "/loop/speed", (0.3,)), JUMP],
    "a jump, and a release": [
        *TONE, (0, "/loop/speed", (-1.0,)), JUMP, (151, "/pad/1/touch", (0.0,)),
    ],
    "a short loop": [*TONE, (0, "/loop/start", (0.5,)), (0, "/loop/end", (0.55,)), JUMP],
    "a loop that fades": [*TONE, (0, "/loop/fade", (0.4,)), JUMP],
    "a loop that fades, reversed": [
        *TONE, (0, "/loop/fade", (0.2,)), (0, "/loop/speed", (-1.0,)), JUMP,
    ],
    "a loop of a least length": [
        *TONE, (0, "/loop/start", (0.9,)), (0, "/loop/shortest", (0.3,)), JUMP,
    ],
    "shots": [
        (0, "/mode", ("shot",)), *TONE, (100, "/note", (60, 100)),
        (150, "/pad/xy", (0.8, 0.2)), (151, "/note", (67, 100)), (200, "/note", (72, 100)),
    ],
    "a shot, reversed": [
        (0, "/mode", ("shot",)), (0, "/loop/speed", (-1.0,)), *TONE,
        (150, "/note", (67, 100)),
    ],
    "a shot by Griffin-Lim": [
        (0, "/mode", ("shot",)), (0, "/phase", ("griffinlim",)), *TONE,
        (150, "/note", (67, 100)),
    ],
    "chords": [*TONE, *((20 * k, "/note", (48 + 5 * k, 100)) for k in range(6)), JUMP],
}  # fmt: skip


class Cut:
    """A decoder whose windows are cut out of whole sounds."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._sounds: dict[bytes, Floats] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def whole(self, latents: Floats) -> Floats:
        sounds = []
        for latent in latents:
            key = latent.tobytes()
            if key not in self._sounds:
                self._sounds[key] = self._decoder.whole(latent[None])[0]
            sounds.append(self._sounds[key])
        return np.stack(sounds)

    def frames(self, latents: Floats, first: Sequence[int], count: int) -> Floats:
        sounds = self.whole(latents)
        return np.stack([s[k : k + count] for s, k in zip(sounds, first, strict=True)])


@pytest.fixture(scope="module")
def cut(decoder: Decoder) -> Cut:
    return Cut(decoder)


class LiveRenderer(OfflineRenderer):
    """Decodes what is about to sound first, as the decoding process does."""

    def __init__(self, pack: Pack, decoder: Any) -> None:
        super().__init__(pack)
        self._mailbox = Mailbox(self.board, pack, decoder, settled_s=0.05)

    def hop(self) -> Floats:
        while not self._mailbox.work(self.seconds):
            pass
        return super().hop()


def render(renderer: OfflineRenderer, steps: list[Step], hops: int) -> Floats:
    made = []
    for hop in range(hops):
        for when, address, args in steps:
            if when == hop:
                with suppress(CommandError):
                    renderer.instrument.apply(address, args)
        if hop == 0:
            renderer.voices.settle()
        made.append(renderer.hop())
    return np.concatenate(made)


def difference_db(one: Floats, other: Floats) -> float:
    loudest = float(np.abs(other).max())
    return 20 * math.log10(max(float(np.abs(one - other).max()), 1e-12) / loudest)


@pytest.fixture(autouse=True)
def _measured_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new sound is measured, however soon it follows another one and however long it takes."""
    monkeypatch.setattr(decoding, "MEASURED_S", 0.0)
    monkeypatch.setattr(decoding, "MEASURED_SHARE", math.inf)


@pytest.fixture(scope="module")
def renderers(footsteps: Pack, decoder: Decoder) -> Callable[[], Renderers]:
    """Makes two instruments that decode windows, and whole sounds."""
    cut = Cut(decoder)

    def made() -> Renderers:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pack_loader, "fastest_decoder", lambda pack: (cut, 1.0))
            return LiveRenderer(footsteps, cut), OfflineRenderer(footsteps)

    return made


@pytest.mark.parametrize("steps", PLAYED.values(), ids=PLAYED)
def test_what_is_heard_is_the_whole_decode(
    renderers: Callable[[], Renderers], steps: list[Step]
) -> None:
    live, offline = renderers()
    heard, expected = render(live, steps, 700), render(offline, steps, 700)
    assert np.abs(expected).max() > 0.01
    assert live.voices.late_windows == 0
    assert difference_db(heard, expected) < -80


unit = st.floats(0, 1)
commands = st.one_of(
    st.tuples(st.just("/pad/xy"), st.tuples(unit, unit)),
    st.tuples(st.just("/pad/1/touch"), st.tuples(st.sampled_from((0.0, 1.0)))),
    st.tuples(st.just("/loop/freeze"), st.tuples(st.integers(0, 1))),
    st.tuples(st.just("/mode"), st.tuples(st.sampled_from(("loop", "shot")))),
    st.tuples(st.just("/note"), st.tuples(st.integers(40, 80), st.sampled_from((0, 100)))),
)


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(
    st.floats(-4, 4),  # from the beginning on: a voice that begins while it glides may begin late
    st.lists(st.tuples(st.integers(0, 200), commands), max_size=12),
)
def test_whatever_is_played_it_is_the_whole_decode(
    renderers: Callable[[], Renderers],
    speed: float,
    played: list[tuple[int, tuple[str, tuple[Argument, ...]]]],
) -> None:
    live, offline = renderers()
    steps = [
        (0, "/loop/speed", (speed,)),
        *TONE,
        *((hop, address, args) for hop, (address, args) in played),
    ]
    heard, expected = render(live, steps, 300), render(offline, steps, 300)
    assert live.voices.late_windows == 0
    assert difference_db(heard, expected) < -80
