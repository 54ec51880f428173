"""Renderings of gesture recordings, with reported touches and with moves alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.cli.render import render_file
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Sender
from latentpad.engine.gestures import GestureMessage
from latentpad.engine.offline import PLAYER, OfflineRenderer
from latentpad.engine.sound_memory import BUFFERS
from latentpad.models.packs import grain
from latentpad.models.packs.pack import Pack, load
from latentpad.presets.bank import FACTORY, PresetBank

PHONE = Sender("osc 10.0.0.5")
Messages = Iterable[tuple[float, str, Sequence[Argument]]]


def rendered(folder: Path, preset: str, *messages: tuple[float, str, Sequence[Argument]]) -> Path:
    recording, sound = folder / "by hand.jsonl", folder / "by hand.wav"
    lines = [{"preset": preset}] + [
        {"t": t, "address": address, "args": args} for t, address, args in messages
    ]
    recording.write_text("".join(json.dumps(line) + "\n" for line in lines))
    render_file(recording, sound, lambda line: None)
    return sound


@pytest.mark.parametrize("preset", ["kit", "shots", "originals"])
@pytest.mark.parametrize("pair", [False, True])
def test_taps_of_a_recording_of_moves_alone_are_heard(
    tmp_path: Path, preset: str, pair: bool
) -> None:
    taps = [(0.0, 0.3, 0.6), (2.5, 0.7, 0.4), (5.0, 0.72, 0.4)]
    if pair:
        moves = [(t, f"/pad/{'xy'[axis]}", [tap[axis]]) for t, *tap in taps for axis in (0, 1)]
    else:
        moves = [(t, "/pad/xy", [x, y]) for t, x, y in taps]
    samples, rate = soundfile.read(rendered(tmp_path, preset, *moves))
    for t, _, _ in taps:
        start = int(t * rate)
        before, after = (
            samples[max(start - rate // 5, 0) : start],
            samples[start : start + rate // 5],
        )
        assert np.abs(after).max() > 1e-3
        assert np.abs(before).max(initial=0) < 1e-5


def test_a_recording_that_tells_touches_is_believed_from_its_first_line(tmp_path: Path) -> None:
    for n in (1, 3):
        touch = (1.0, f"/pad/{n}/touch", [1])
        moved = [(t, f"/pad/{n}/xy", [0.3 + 0.2 * t, 0.6]) for t in (0.0, 0.5, 1.0, 3.0)]
        samples, rate = soundfile.read(rendered(tmp_path, "shots", *moved[:3], touch, moved[3]))
        assert np.abs(samples[:rate]).max() < 1e-5 < 1e-3 < np.abs(samples[rate:]).max()
        assert np.abs(samples[3 * rate :]).max() < 1e-5


def played(pack: Pack, preset: str, messages: Messages, by: Sender) -> tuple[np.ndarray, Messages]:
    """Three seconds of sound, and the commands that a take has recorded."""
    renderer = OfflineRenderer(pack)
    instrument = renderer.instrument
    instrument.apply_all(PresetBank(FACTORY).load(preset).commands())
    if by == PLAYER:
        instrument.expect_touches(by)
    take: list[tuple[float, str, Sequence[Argument]]] = []
    instrument.taps.append(
        lambda address, args, _: take.append((instrument.clock(), address, args))
    )
    waiting = list(messages)
    heard = []
    for _ in range(int(3 / renderer.hop_s)):
        while waiting and waiting[0][0] <= instrument.clock():
            _, address, args = waiting.pop(0)
            instrument.apply(address, args, by)
        heard.append(renderer.hop())
    return np.concatenate(heard), take


@pytest.mark.parametrize("preset", ["walk", "shots", "originals"])
def test_a_take_of_moves_alone_sounds_the_same_again(footsteps: Pack, preset: str) -> None:
    drag = [(0.3 + 0.01 * k, "/pad/xy", (0.2 + 0.006 * k, 0.5)) for k in range(100)]
    taps = [
        (1.5 + 0.12 * k + 0.004 * axis, f"/pad/{'xy'[axis]}", (value,))
        for k, point in enumerate([(0.3, 0.6), (0.7, 0.2), (0.72, 0.2), (0.4, 0.9)])
        for axis, value in enumerate(point)
    ]
    fingers = [(2.2, "/pad/1/touch", (0,)), (2.3, "/pad/2/x", (0.3,)), (2.4, "/pad/xy", (0.1, 0.1))]
    live, take = played(footsteps, preset, [*drag, *taps, *fingers], PHONE)
    again, _ = played(footsteps, preset, take, PLAYER)
    assert np.abs(live).max() > 1e-3
    np.testing.assert_array_equal(again, live)


def test_a_take_is_rendered_with_the_grain_that_was_heard(small: Pack, tmp_path: Path) -> None:
    own = load(shutil.copytree(small.path, tmp_path / "own"))
    r = own.representation
    grain.write(own, [np.full((r.frames, r.bins), 6, np.int8)] * len(own.anchors))
    heard = []
    tried: list[list[Argument]] = [[], [5, 0.5], [5, 0.5, 4, 0.5], [len(own.anchors), 1.0]]
    for amounts in tried:
        renderer = OfflineRenderer(own, sounds=True)
        renderer.carry_out(GestureMessage(0.0, "/note", [60, 100]))
        latent = [float(z) for z in own.anchors.latents[5]]
        sound: list[Argument] = [1, 0.0, -1, *latent]
        renderer.carry_out(GestureMessage(0.0, "/take/sound", [*sound, *amounts]))
        board = renderer.board
        voice = int(np.flatnonzero(board.starts == 1)[0])
        heard.append(board.sounds[voice, board.published[voice] % BUFFERS].copy())
    plain, half, whole, none = heard
    for grained, share in ((half, 0.5), (whole, 1.0)):
        added = np.minimum(r.spectrum(plain) + 3 * share, 0)
        np.testing.assert_allclose(r.spectrum(grained), added, atol=0.02)
        texture = (1 - share) * plain[:, r.bins :]
        np.testing.assert_allclose(grained[:, r.bins :], texture, atol=1e-6)
    np.testing.assert_array_equal(none, plain)
    for wrong in ([5], [5, 0.5] * 9):
        with pytest.raises(CommandError, match="amounts of grain"):
            renderer.carry_out(GestureMessage(0.0, "/take/sound", [*sound, *wrong]))


def test_a_gesture_recording_is_rendered_with_grain_the_same_each_time(
    small: Pack, tmp_path: Path
) -> None:
    own = load(shutil.copytree(small.path, tmp_path / "own"))
    r = own.representation
    rows = np.random.default_rng(0).integers(-40, 40, (len(own.anchors), r.frames, r.bins))
    grain.write(own, list(rows.astype(np.int8)))
    made = []
    for wanted in (0.0, 1.0, 1.0):
        renderer = OfflineRenderer(own)
        renderer.instrument.apply("/grain", (wanted,), PLAYER)
        renderer.instrument.apply("/note", (60, 100), PLAYER)
        made.append(np.concatenate([renderer.hop() for _ in range(60)]))
    assert np.abs(made[0] - made[1]).max() > 1e-3
    np.testing.assert_array_equal(made[1], made[2])
