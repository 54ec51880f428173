"""A pack that was trained with a shorter window than the default, played by the voices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.engine.arguments import Argument
from latentpad.engine.offline import OfflineRenderer
from latentpad.models import vae
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats, Representation
from latentpad.models.training.config import WINDOWS, Recipe, TrainingConfig, representation
from latentpad.models.training.train import train
from tests.engine.stage import pitch, rms_db
from tests.tone_packs import bin_hz, tone_pack

RATE, HZ, LASTS_S = 48_000, 1500.0, 0.12
SHORT = replace(representation(512), frames=94)  # a quarter of a second
Command = tuple[float, str, tuple[Argument, ...]]  # seconds, address, arguments


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack of eight tones of one pitch and length, of different levels."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "sounds").mkdir()
    time = np.arange(round(LASTS_S * RATE)) / RATE
    ending = np.minimum((LASTS_S - time) / 0.005, 1)
    for k in range(8):
        tone = 0.05 * (k + 1) * np.sin(2 * np.pi * HZ * time + k) * ending
        soundfile.write(folder / "sounds" / f"tone{k}.wav", tone, RATE)
    recipe = Recipe(width=32, augmentation=0.0, content=0.0, beta=0.05)
    config = TrainingConfig(1, recipe, SHORT, epochs=60, batch=1, held_out=0.0)
    return train(folder / "sounds", folder / "short", config, card=False, progress=False)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack with the default window, whose sounds are the same tone without an end."""
    return tone_pack(tmp_path_factory.mktemp("usual") / "usual", HZ, Representation())


def played(renderer: OfflineRenderer, commands: list[Command], seconds: float) -> Floats:
    """(samples,) of the left side."""
    waiting, made = list(commands), list[Floats]()
    while renderer.seconds < seconds:
        while waiting and waiting[0][0] <= renderer.seconds:
            _, address, args = waiting.pop(0)
            renderer.instrument.apply(address, args)
        if not made:
            renderer.voices.settle()
        made.append(renderer.hop()[:, 0])
    return np.concatenate(made)


LOOP: list[Command] = [
    (0, "/loop/start", (0.2,)), (0, "/loop/end", (0.7,)),
    (0, "/pad/xy", (0.5, 0.5)), (0, "/pad/1/touch", (1,)),
]  # fmt: skip
SHOT: list[Command] = [(0, "/mode", ("shot",)), (0, "/pad/xy", (0.5, 0.5)), (0, "/note", (60, 127))]


@pytest.mark.parametrize("n_fft", WINDOWS)
def test_a_model_of_each_window_makes_sounds_of_the_same_length(n_fft: int) -> None:
    r = representation(n_fft)
    assert (r.n_fft, r.hop, r.seconds) == (n_fft, n_fft // 4, Representation().seconds)
    encoder, decoder = vae.build(r, 2, width=8)
    assert decoder.output_shape == encoder.input_shape == (None, r.frames, r.bins)


def test_a_voice_plays_it_at_its_pitch_and_as_loud_as_a_pack_of_the_usual_window(
    trained: Pack, usual: Pack
) -> None:
    heard, expected = (played(OfflineRenderer(p), LOOP, 1.2)[RATE // 2 :] for p in (trained, usual))
    assert abs(pitch(heard, RATE) - HZ) < 10
    # The usual pack's tone is one bin without the window's lobe, which plays 2 dB softer.
    assert abs(rms_db(heard) - rms_db(expected)) < 3


def test_a_shot_lasts_as_long_as_the_recording(trained: Pack) -> None:
    heard = played(OfflineRenderer(trained), SHOT, 0.8)
    sounds = np.flatnonzero(np.abs(heard) > 0.1 * np.abs(heard).max())
    assert abs((sounds[-1] - sounds[0]) / RATE - LASTS_S) < 0.02


def test_look_ahead_delays_neither_a_shot_nor_a_jump(footsteps: Pack) -> None:
    jump: Command = (0.3, "/pad/xy", (0.9, 0.1))
    first = set()
    for lookahead in (0, 1, 2):
        begin: list[Command] = [
            (0, "/lookahead", (lookahead,)), (0, "/morph", (0.0,)), (0, "/smooth", (0.0,)),
        ]  # fmt: skip
        shot = played(OfflineRenderer(footsteps), [*begin, *SHOT], 0.1)
        still, moved = (
            played(OfflineRenderer(footsteps), [*begin, *LOOP, *then], 0.4) for then in ([], [jump])
        )
        first.add((int(np.flatnonzero(shot)[0]), int(np.flatnonzero(moved - still)[0])))
    ((_, jump_at),) = first
    hop = footsteps.representation.n_fft // 8
    assert 0 <= jump_at - 0.3 * RATE < 2 * hop


@pytest.mark.parametrize("first", ["trained", "usual"])
def test_packs_of_both_windows_follow_each_other(
    first: str, trained: Pack, usual: Pack, tmp_path: Path
) -> None:
    other = tone_pack(tmp_path / "other", 750.0, Representation())
    packs = {"other": other, "trained": trained, "usual": usual}
    renderer = OfflineRenderer(packs[first], find_pack=lambda name: (packs[name], None))
    second, hz = (
        ("other", bin_hz(750.0, other.representation))
        if first == "trained"
        else (
            "trained",
            HZ,
        )
    )
    heard = played(renderer, [*LOOP, (0.5, "/pack", (second,)), (1.2, "/pack", (first,))], 2.0)
    for begin, expected in ((0.2, HZ), (0.9, hz), (1.7, HZ)):
        part = heard[round(begin * RATE) : round((begin + 0.25) * RATE)]
        assert rms_db(part) > -40 and abs(pitch(part, RATE) - expected) < 12
