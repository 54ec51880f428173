"""Fifteen points of an MPE controller, on rendered sound: each has its tone."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.offline import OfflineRenderer
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Anchors, Pack
from latentpad.models.representation import Representation
from tests.controllers.midi.cable import Cable
from tests.controllers.midi.test_input import bend, cc

R = Representation(sample_rate=16000, n_fft=512, hop=256, frames=32, range_db=80.0)
POINTS = 15
BINS = [16 + 12 * k for k in range(POINTS)]  # the tone of each point
QUIET, LOUD = -12.0, 12.0  # before the sigmoid: silence, and the loudest bin
HEARD = 0.4  # s that are listened to


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack of fifteen sounds on a plane, each of one latent and one tone."""
    folder = tmp_path_factory.mktemp("packs") / "scale"
    names = np.array([f"tone{k}" for k in range(POINTS)])
    places = np.array([(k % 4, k // 4) for k in range(POINTS)], np.float32)
    anchors = Anchors(
        np.eye(POINTS, dtype=np.float32), names, names, names,
        np.full(POINTS, -20, np.float32), np.zeros(POINTS, np.float32),
    )  # fmt: skip
    made = Pack(
        folder, "scale", "scale", "CC0-1.0", R, POINTS, (1.0,) * POINTS, anchors,
        {"map": places}, "map",
    )  # fmt: skip
    z = keras.Input((POINTS,))
    sound = layers.Conv1D(R.bins, 1, activation="sigmoid")
    decoder = keras.Model(z, sound(layers.RepeatVector(R.frames)(z)))
    weights = np.zeros((1, POINTS, R.bins), np.float32)
    for k, loud in enumerate(BINS):
        weights[0, k, loud] = LOUD - QUIET
    sound.set_weights([weights, np.full(R.bins, QUIET, np.float32)])
    packs.save(made, None, decoder, [{"id": name, "licence": "CC0-1.0"} for name in names])
    return packs.load(folder)


def heard(renderer: OfflineRenderer) -> set[int]:
    """The points whose tones are in the sound that is rendered next."""
    hops = [renderer.hop() for _ in range(round(HEARD / renderer.hop_s))]
    sound = np.concatenate(hops[len(hops) // 4 :]).sum(axis=1)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / R.sample_rate)

    def level(k: float) -> float:
        return float(power[np.abs(hz - k * R.sample_rate / R.n_fft) < 60].sum())

    floor = max(level(k + 6) for k in BINS)  # between the tones
    return {n for n, k in enumerate(BINS) if level(k) > 100 * floor}


def test_fifteen_mpe_points_are_heard_as_fifteen(scale: Pack, tmp_path: Path) -> None:
    renderer = OfflineRenderer(scale)
    instrument = renderer.instrument
    for address, value in (("/expander", "nearest"), ("/guard", 0), ("/release", 0.005)):
        instrument.apply(address, (value,))
    places = []
    for k in range(POINTS):
        instrument.apply(f"/anchor/{k}", ())
        places.append(tuple(map(float, instrument.args_of("/pad/1/xy"))))
    instrument.apply("/pad/xy", (0.5, 0.5))
    learning = Learning(instrument, tmp_path / "bindings.toml")
    keys = Cable(MidiInput(instrument, "keys", learning, Outcomes(instrument), mpe=True))

    def point(channel: int, k: int) -> list[int]:
        """The bend and the slide that lead to the place of sound k."""
        x, y = places[k]
        bent = min(round(8192 + 8191 * (x - 0.5)), 16383)
        return [*bend(bent, channel), *cc(74, round(127 * y), channel)]

    for k in range(POINTS):
        keys.send([*point(k + 2, k), 0x91 + k, 60, 100])
    assert heard(renderer) == {*range(POINTS)}
    keys.send([0x81 + 3, 60, 0])
    renderer_rest = {*range(POINTS)} - {3}
    heard(renderer)  # it dies away
    assert heard(renderer) == renderer_rest
    keys.send(point(2, 3))  # the first finger slides to its place
    heard(renderer)
    assert heard(renderer) == {*range(1, POINTS)}
