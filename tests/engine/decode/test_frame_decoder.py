"""Windows of frames against Keras' decode of the whole sound, for all stacks that are read."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

from latentpad.engine.decode.activations import ACTIVATIONS
from latentpad.engine.decode.frame_decoder import PART, FrameDecoder
from latentpad.engine.decode.keras_decoder import KerasDecoder
from latentpad.engine.decode.keras_layers import UnsupportedDecoder
from latentpad.models import vae
from latentpad.models.audio.texture import BANDS
from latentpad.models.packs.networks import load_decoder
from latentpad.models.packs.pack import SHIPPED, Pack, PackError, load
from latentpad.models.representation import Floats, Representation

NEAR = 1e-4  # dB
Layers = list[Callable[[Any], Any]]


def written(pack: Pack, folder: Path, model: Any) -> Pack:
    """A pack around a decoder: only what a decoder needs of it is true."""
    frames, bins = model.output_shape[1:]
    r = Representation(n_fft=2 * (bins - 1), hop=64, frames=frames)
    folder.mkdir(exist_ok=True)
    made = replace(pack, path=folder, representation=r, latent_dim=model.input_shape[1])
    model.save(made.decoder_path)
    return made


def randomised(model: Any, seed: int = 0) -> Any:
    """The model with random weights, biases and statistics included."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) > 1:
            values = rng.normal(0, 1 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape)
        elif weight.name in ("gamma", "moving_variance"):
            values = rng.uniform(0.5, 1.5, weight.shape)
        elif weight.dtype == "float32":
            values = rng.normal(0, 0.3, weight.shape)
        else:
            continue  # the state of a random generator
        weight.assign(values.astype(np.float32))
    return model


def by_keras(model: Any, latents: Floats, r: Representation) -> Floats:
    decoded = r.decoded(np.asarray(model(latents, training=False)))
    np.clip(r.spectrum(decoded), -r.range_db, 0, out=r.spectrum(decoded))
    return decoded


def check(pack: Pack, folder: Path, model: Any) -> FrameDecoder:
    """All frames, and each window of some, are those of Keras."""
    made = written(pack, folder, model)
    r, decoder = made.representation, FrameDecoder(made)
    latents = np.random.default_rng(1).normal(size=(3, made.latent_dim)).astype(np.float32)
    expected = by_keras(model, latents, r)
    np.testing.assert_allclose(decoder.whole(latents), expected, rtol=0, atol=NEAR)
    count = max(1, r.frames // 4)
    for first in range(r.frames - count + 1):
        starts = [first, r.frames - count - first, (r.frames - count) // 2]
        windows = decoder.frames(latents, starts, count)
        for window, sound, start in zip(windows, expected, starts, strict=True):
            np.testing.assert_allclose(window, sound[start : start + count], rtol=0, atol=NEAR)
    for frames in ([0], [r.frames - 1], list(range(0, r.frames, 3)), list(range(r.frames))):
        plan = decoder.plan(frames)
        for latent, sound in zip(latents, expected, strict=True):
            np.testing.assert_allclose(decoder.at(latent, plan), sound[frames], rtol=0, atol=NEAR)
    return decoder


# ------------------------------------------------------------------ what `train` makes


@pytest.mark.parametrize("name", ["footsteps", "oneshots"])
def test_windows_of_a_shipped_pack_are_those_of_the_whole_decode(name: str) -> None:
    pack = load(SHIPPED / name)
    frame_decoder, r = FrameDecoder(pack), pack.representation
    latents = pack.anchors.latents[:: len(pack.anchors) // 12]
    expected = KerasDecoder(pack).whole(latents)
    np.testing.assert_allclose(frame_decoder.whole(latents), expected, rtol=0, atol=NEAR)
    rng = np.random.default_rng(0)
    for count in (1, 16, 33, r.frames):
        starts = rng.integers(0, r.frames - count, len(latents), endpoint=True)
        windows = frame_decoder.frames(latents, starts.tolist(), count)
        assert windows.shape == (len(latents), count, r.columns) and windows.dtype == np.float32
        for window, sound, start in zip(windows, expected, starts, strict=True):
            np.testing.assert_allclose(window, sound[start : start + count], rtol=0, atol=NEAR)


def test_a_pack_with_a_texture_gives_it_beside_the_decibels(small: Pack) -> None:
    r, latents = small.representation, small.anchors.latents
    assert r.texture_bands == BANDS
    output = np.asarray(load_decoder(small)(latents, training=False))
    for decoder in (FrameDecoder(small), KerasDecoder(small)):
        decoded = decoder.whole(latents)
        np.testing.assert_allclose(decoded, r.decoded(output), rtol=0, atol=NEAR)
        windows = decoder.frames(latents[:2], [3, 20], 10)
        for window, sound, first in zip(windows, decoded, (3, 20), strict=False):
            np.testing.assert_allclose(window, sound[first : first + 10], rtol=0, atol=NEAR)
    frame_decoder = FrameDecoder(small)
    at = frame_decoder.at(latents[0], frame_decoder.plan([1, 5, 30]))
    np.testing.assert_allclose(at, decoded[0][[1, 5, 30]], rtol=0, atol=NEAR)


def test_a_texture_that_model_toml_does_not_tell_of_is_refused(small: Pack) -> None:
    without = replace(small, representation=replace(small.representation, texture_bands=0))
    for load_it in (FrameDecoder, load_decoder):
        with pytest.raises(PackError, match=r"32, 153.*model\.toml says.*32, 129"):
            load_it(without)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frames=st.integers(1, 50),
    n_fft=st.sampled_from([64, 128, 512]),
    latent=st.integers(1, 256),
    width=st.integers(1, 80),
    seed_channels=st.integers(1, 80),
    hidden=st.integers(1, 160),
    seed=st.integers(0, 1000),
)
def test_every_shape_that_is_trained_decodes_as_keras_does(
    footsteps: Pack, tmp_path: Path, frames: int, n_fft: int, latent: int, width: int,
    seed_channels: int, hidden: int, seed: int,
) -> None:  # fmt: skip
    r = Representation(n_fft=n_fft, hop=64, frames=frames)
    _, model = vae.build(r, latent, width=width, seed_channels=seed_channels, hidden=hidden)
    check(footsteps, tmp_path / "pack", randomised(model, seed))


def test_a_wide_decoder_of_many_latents_decodes_as_keras_does(
    footsteps: Pack, tmp_path: Path
) -> None:
    _, model = vae.build(Representation(frames=38), 64, width=384, hidden=512)
    check(footsteps, tmp_path / "pack", randomised(model))


def test_what_is_not_finite_is_nan_and_what_is_too_loud_is_held_to_the_range(
    footsteps: Pack, tmp_path: Path
) -> None:
    _, model = vae.build(Representation(n_fft=64, hop=16, frames=8), 2, width=4)
    model.layers[-1].activation = keras.activations.linear
    made = written(footsteps, tmp_path / "pack", randomised(model))
    decoder = FrameDecoder(made)
    loud = decoder.whole(np.full((1, 2), 1e6, np.float32))
    assert loud.min() == -made.representation.range_db and loud.max() == 0
    assert np.isnan(decoder.whole(np.full((1, 2), np.inf, np.float32))).all()
    assert np.isfinite(decoder.whole(np.ones((1, 2), np.float32))).all()


# ------------------------------------------------------------------ what is computed


def test_no_frame_outside_the_window_and_its_reach_is_computed(footsteps: Pack) -> None:
    decoder = FrameDecoder(footsteps)
    # Coarse frames, three convolutions (the first two before an upsampling), and the output.
    needed = decoder.needed(80, 16)
    assert needed[-5:] == [
        range(18, 26), range(19, 25), range(39, 49), range(80, 96), range(80, 96),
    ]  # fmt: skip
    decoder.frames(footsteps.anchors.latents[:3], [80, 80, 80], 16)
    assert decoder.computed[1:] == [3 * len(frames) for frames in needed[1:]]


def test_frames_that_lie_apart_are_decoded_without_those_between(footsteps: Pack) -> None:
    decoder = FrameDecoder(footsteps)
    plan = decoder.plan([8, 80, 81, 160])
    decoder.at(footsteps.anchors.latents[0], plan)
    # A frame needs two of each slower layer; 80 and 81 share one. Coarse frames are a range.
    assert decoder.computed[2:] == [42, 8, 8, 4, 4]  # the last row is repeated to make eight
    assert plan.frames[-3].tolist() == [3, 4, 39, 40, 41, 79, 80, 80]


@pytest.mark.parametrize("frames", [[], [3, 3], [5, 4], [-1, 5], [187, 188]])
def test_a_plan_of_frames_that_are_not_in_the_sound_is_refused(
    footsteps: Pack, frames: list[int]
) -> None:
    with pytest.raises(ValueError, match=r"ascending|not within the sound's 188"):
        FrameDecoder(footsteps).plan(frames)


@pytest.mark.parametrize("first", [0, 1, 2, 3, 81, 171, 172])
def test_weights_of_frames_out_of_reach_change_nothing(
    footsteps: Pack, tmp_path: Path, first: int
) -> None:
    model = keras.saving.load_model(footsteps.decoder_path, compile=False)
    decoder = FrameDecoder(footsteps)
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)][-1]
    kernel, bias = dense.get_weights()
    near = decoder.needed(first, 16)[-5]
    (reshape,) = (layer for layer in model.layers if isinstance(layer, layers.Reshape))
    _, seed_channels = reshape.target_shape
    units = np.arange(kernel.shape[1]) // seed_channels
    kernel[:, (units < near.start) | (units >= near.stop)] = 1e3
    dense.set_weights([kernel, bias])
    latents, r = footsteps.anchors.latents[:1], footsteps.representation
    changed = replace(footsteps, path=tmp_path)
    model.save(changed.decoder_path)
    window = decoder.frames(latents, [first], 16)
    np.testing.assert_array_equal(FrameDecoder(changed).frames(latents, [first], 16), window)
    expected = by_keras(model, latents, r)
    np.testing.assert_allclose(window[0], expected[0, first : first + 16], rtol=0, atol=NEAR)
    assert np.abs(expected - decoder.whole(latents)).max() > 1


def test_a_long_sound_is_decoded_in_windows_that_meet(footsteps: Pack, tmp_path: Path) -> None:
    frames = 2 * PART + 42
    _, model = vae.build(Representation(n_fft=64, hop=64, frames=frames), 3, width=5)
    decoder = check(footsteps, tmp_path / "pack", randomised(model))
    before = list(decoder.computed)
    decoder.whole(np.zeros((1, 3), np.float32))
    flat, coarse, *_, last, output = np.subtract(decoder.computed, before)[1:]
    assert flat == 1 and last == output == frames
    assert coarse == math.ceil(frames / 4) + 2 * 2 * 2  # two frames to either side of two seams


def test_a_window_beyond_the_sound_is_refused(footsteps: Pack) -> None:
    decoder, latents = FrameDecoder(footsteps), footsteps.anchors.latents[:1]
    for first, count in ((-1, 16), (180, 16), (0, 0), (0, 189)):
        with pytest.raises(ValueError, match="not within the sound's 188"):
            decoder.frames(latents, [first], count)
    with pytest.raises(ValueError, match="1 latents and 2 windows"):
        decoder.frames(latents, [0, 16], 16)
    columns = footsteps.representation.columns
    assert decoder.frames(latents[:0], [], 16).shape == (0, 16, columns)


def test_a_result_is_not_changed_by_the_next_call(footsteps: Pack) -> None:
    decoder, latents = FrameDecoder(footsteps), footsteps.anchors.latents
    window = decoder.frames(latents[:1], [40], 16)
    kept = window.copy()
    decoder.frames(latents[5:6], [40], 16)
    np.testing.assert_array_equal(window, kept)


def test_a_call_allocates_little_besides_its_result(footsteps: Pack) -> None:
    decoder, latents = FrameDecoder(footsteps), footsteps.anchors.latents[:8]
    starts = [20 * v for v in range(8)]
    decoder.frames(latents, starts, 16)
    tracemalloc.start()
    try:
        result = decoder.frames(latents, starts, 16)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < result.nbytes + 100_000  # what it works on has more than a megabyte


def test_a_sound_does_not_depend_on_its_company(footsteps: Pack) -> None:
    decoder, latents = FrameDecoder(footsteps), footsteps.anchors.latents[:8]
    starts = [0, 3, 50, 77, 101, 150, 171, 172]
    together = decoder.frames(latents, starts, 16)
    for latent, start, window in zip(latents, starts, together, strict=True):
        alone = decoder.frames(latent[None], [start], 16)[0]
        np.testing.assert_allclose(alone, window, rtol=0, atol=NEAR)


def test_decoding_loads_no_tensorflow() -> None:
    program = (
        "import sys\n"
        "from latentpad.engine.decode.frame_decoder import FrameDecoder\n"
        "from latentpad.models.packs.pack import SHIPPED, load\n"
        "pack = load(SHIPPED / 'footsteps')\n"
        "FrameDecoder(pack).whole(pack.anchors.latents[:1])\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# ------------------------------------------------------------------ other stacks


def sequential(*steps: Any, latent: int = 3) -> Any:
    return randomised(keras.Sequential([keras.Input((latent,)), *steps]))


def framed(*steps: Any, frames: int = 12, channels: int = 5, bins: int = 33) -> Any:
    """A stack with `steps` on coarse frames."""
    first = [layers.Dense(frames * channels, activation="tanh"), layers.Reshape((-1, channels))]
    return sequential(*first, *steps, layers.Conv1D(bins, 1, activation="sigmoid"))


STACKS: dict[str, Callable[[], Any]] = {
    "same, even taps": lambda: framed(layers.Conv1D(6, 4, padding="same")),
    "same, dilated": lambda: framed(layers.Conv1D(6, 3, padding="same", dilation_rate=3)),
    "causal": lambda: framed(layers.Conv1D(6, 3, padding="causal", dilation_rate=2)),
    "valid": lambda: framed(layers.Conv1D(6, 5, padding="valid"), layers.UpSampling1D(3)),
    "padded and cropped": lambda: framed(
        layers.ZeroPadding1D((9, 2)), layers.Conv1D(6, 3), layers.Cropping1D((3, 1)),
        layers.ELU(0.7), layers.UpSampling1D(2), layers.Cropping1D((0, 3)),
    ),
    "ends in a view": lambda: sequential(
        layers.Dense(33 * 4, activation="sigmoid"), layers.Reshape((4, 33)), layers.UpSampling1D(3)
    ),
    "no bias": lambda: framed(layers.Conv1D(6, 3, use_bias=False), layers.Dense(7, use_bias=False)),
    "normalized": lambda: framed(
        layers.BatchNormalization(), layers.Conv1D(6, 3), layers.LayerNormalization(),
        layers.LayerNormalization(scale=False), layers.BatchNormalization(center=False),
    ),
    "flat normalized": lambda: sequential(
        layers.Dense(8), layers.LayerNormalization(), layers.Dense(60), layers.BatchNormalization(),
        layers.Activation("relu"), layers.Reshape((12, 5)), layers.Conv1D(33, 3, padding="same"),
    ),
    "inert": lambda: framed(
        layers.Dropout(0.3), layers.SpatialDropout1D(0.2), layers.GaussianNoise(0.1),
        layers.Conv1D(6, 3), layers.Identity(),
    ),
    "rectified": lambda: framed(
        layers.Conv1D(6, 3), layers.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.05),
        layers.Conv1D(6, 3), layers.LeakyReLU(negative_slope=0.3), layers.Rescaling(2.0, -0.5),
    ),
    "repeated": lambda: sequential(
        layers.Dense(6, activation="tanh"), layers.RepeatVector(9),
        layers.Conv1D(8, 3, padding="same"), layers.Conv1D(33, 3, padding="same"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STACKS)
def test_other_stacks_decode_as_keras_does(footsteps: Pack, tmp_path: Path, name: str) -> None:
    check(footsteps, tmp_path / "pack", STACKS[name]())


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_are_those_of_keras(footsteps: Pack, tmp_path: Path, name: str) -> None:
    stack = framed(layers.Conv1D(6, 3, activation=name), layers.LayerNormalization(), frames=6)
    check(footsteps, tmp_path / "pack", stack)


def test_branches_are_joined(footsteps: Pack, tmp_path: Path) -> None:
    z = keras.Input((3,))
    hidden = layers.Concatenate()([layers.Dense(4)(z), layers.Dense(5, activation="relu")(z), z])
    x = layers.Reshape((6, 4))(layers.Dense(24)(hidden))
    far = layers.Conv1D(4, 3, padding="same", dilation_rate=2)(x)
    x = layers.UpSampling1D(2)(layers.Add()([x, far, layers.Activation("silu")(far)]))
    x = layers.Concatenate()([x, layers.Conv1D(3, 5, padding="same")(x)])
    sound = layers.Conv1D(33, 1, activation="sigmoid")(x)
    check(footsteps, tmp_path / "pack", randomised(keras.Model(z, sound)))


# ------------------------------------------------------------------ what is refused


def several_calls() -> Any:
    z, shared = keras.Input((3,)), layers.Dense(3)
    x = layers.Reshape((4, 33))(layers.Dense(132)(shared(shared(z))))
    return keras.Model(z, x)


def nested() -> Any:
    z = keras.Input((3,))
    return keras.Model(z, framed()(z))


FOREIGN: dict[str, Callable[[], Any]] = {
    "all frames at once": lambda: framed(layers.Permute((2, 1)), layers.Permute((2, 1))),
    "a recurrence": lambda: framed(layers.LSTM(4, return_sequences=True)),
    "a stride": lambda: framed(layers.Conv1D(6, 3, strides=2)),
    "groups": lambda: framed(layers.Conv1D(5, 3, groups=5)),
    "two dimensions": lambda: sequential(
        layers.Dense(132), layers.Reshape((4, 33, 1)), layers.Conv2D(1, 3, padding="same"),
        layers.Reshape((4, 33)),
    ),
    "a norm over time": lambda: framed(layers.LayerNormalization(axis=1)),
    "softmax": lambda: framed(layers.Activation("softmax")),
    "a layer called twice": several_calls,
    "a model in a model": nested,
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_decoder_that_only_keras_can_decode_is_told_in_one_line(
    footsteps: Pack, tmp_path: Path, name: str
) -> None:
    made = written(footsteps, tmp_path, FOREIGN[name]())
    with pytest.raises(UnsupportedDecoder) as refused:
        FrameDecoder(made)
    assert str(refused.value).startswith(f"{tmp_path}: decoder.keras ")
    assert len(str(refused.value).splitlines()) == 1


def test_a_decoder_of_another_shape_than_the_pack_says_is_refused(footsteps: Pack) -> None:
    r, latents = footsteps.representation, footsteps.latent_dim
    shapes = rf"decoder\.keras maps \({latents},\) to \({r.frames}, {r.columns}\), model"
    for changed in (
        replace(footsteps, latent_dim=latents + 1),
        replace(footsteps, representation=replace(r, frames=r.frames - 1)),
        replace(footsteps, representation=replace(r, n_fft=r.n_fft // 2)),
    ):
        with pytest.raises(PackError, match=shapes):
            FrameDecoder(changed)


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The file with its description changed."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    description = json.loads(members["config.json"])
    change(description["config"])
    members["config.json"] = json.dumps(description).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def reweighted(path: Path, change: Callable[[h5py.File], object]) -> None:
    """The file with its weights changed."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    weights = path.with_suffix(".h5")
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(file)
    members["model.weights.h5"] = weights.read_bytes()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def setting(layer: int, **values: Any) -> Callable[[Path], object]:
    def change(config: dict[str, Any]) -> None:
        config["layers"][layer]["config"].update(values)

    return lambda path: rewritten(path, change)


def weights(change: Callable[[h5py.File], object]) -> Callable[[Path], object]:
    return lambda path: reweighted(path, change)


def shorter(file: h5py.File) -> None:
    bias = file["layers/conv1d/vars/1"][:-1]
    del file["layers/conv1d/vars/1"]
    file["layers/conv1d/vars/1"] = bias


# The shipped decoder's layers: latent, two dense, reshape, conv, up, conv, up, conv, sound.
DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "empty": lambda path: path.write_bytes(b""),
    "no layers": lambda path: rewritten(path, lambda c: c.pop("layers")),
    "layers are a number": lambda path: rewritten(path, lambda c: c.update(layers=3)),
    "an empty layer": lambda path: rewritten(path, lambda c: c["layers"].append({})),
    "an unknown output": lambda path: rewritten(
        path, lambda c: c.update(output_layers=["x", 0, 0])
    ),
    "no output": lambda path: rewritten(path, lambda c: c.update(output_layers=[])),
    "a circle": lambda path: rewritten(path, lambda c: c["layers"].reverse()),
    "code": lambda path: rewritten(path, lambda c: c["layers"][4].update(class_name="Lambda")),
    "units": setting(1, units=127),
    "units in words": setting(1, units="many"),
    "frames": setting(3, target_shape=[46, 64]),
    "no frames": setting(3, target_shape=[-1, 0]),
    "taps": setting(4, kernel_size=[2]),
    "no taps": setting(4, kernel_size=[0]),
    "taps in words": setting(4, kernel_size="three"),
    "padding": setting(4, padding="somehow"),
    "upsampled by nothing": setting(5, size=0),
    "upsampled by a fraction": setting(5, size=1.5),
    "a missing weight": weights(lambda file: file.pop("layers/conv1d/vars/1")),
    "a missing layer": weights(lambda file: file.pop("layers/conv1d_2")),
    "a shorter weight": weights(shorter),
    "no number": weights(lambda file: file["layers/dense/vars/0"].__setitem__(..., np.nan)),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_decoder_is_refused_in_one_line(
    footsteps: Pack, tmp_path: Path, name: str
) -> None:
    copy = replace(footsteps, path=tmp_path)
    shutil.copy(footsteps.decoder_path, copy.decoder_path)
    DAMAGE[name](copy.decoder_path)
    with pytest.raises(PackError) as refused:
        FrameDecoder(copy)
    assert str(refused.value).startswith(f"{tmp_path}: decoder.keras ")
    assert len(str(refused.value).splitlines()) == 1


def test_whatever_a_description_says_is_decoded_or_refused(footsteps: Pack, tmp_path: Path) -> None:
    copy = replace(footsteps, path=tmp_path)
    values: list[Any] = [
        None,
        True,
        -1,
        0,
        2,
        1.5,
        1e300,
        10**30,
        "x",
        [],
        [[]],
        [3, 3],
        {},
        {"config": {}},
    ]
    with zipfile.ZipFile(footsteps.decoder_path) as file:
        described = json.loads(file.read("config.json"))["config"]["layers"]
    tried = [
        (layer, inside, key)
        for layer in (0, 2, 3, 4, 5)
        for inside, keys in ((True, described[layer]["config"]), (False, described[layer]))
        for key in keys
        if not key.endswith(("_initializer", "_regularizer", "_constraint"))
    ]
    rng = np.random.default_rng(0)
    for layer, inside, key in tried:
        value = values[rng.integers(len(values))]

        def change(config: dict[str, Any]) -> None:
            node = config["layers"][layer]  # noqa: B023
            (node["config"] if inside else node)[key] = value  # noqa: B023

        shutil.copy(footsteps.decoder_path, copy.decoder_path)
        rewritten(copy.decoder_path, change)
        try:
            sound = FrameDecoder(copy).whole(footsteps.anchors.latents[:1])
        except (PackError, UnsupportedDecoder) as refused:
            assert len(str(refused).splitlines()) == 1
        else:
            assert np.isfinite(sound).all()


def test_a_huge_upsampling_takes_no_memory(footsteps: Pack, tmp_path: Path) -> None:
    copy = replace(footsteps, path=tmp_path)
    shutil.copy(footsteps.decoder_path, copy.decoder_path)
    setting(5, size=10**12)(copy.decoder_path)
    with pytest.raises(UnsupportedDecoder, match="makes 47000000000000 numbers"):
        FrameDecoder(copy)
