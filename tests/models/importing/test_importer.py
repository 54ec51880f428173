from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from latentpad.models.audio import descriptors
from latentpad.models.importing import adapter, anchors
from latentpad.models.importing.importer import Foreign, ForeignError, import_model, inspect
from latentpad.models.importing.layout import ORIENTATIONS, layout
from latentpad.models.keras_files import archive as keras_file
from latentpad.models.packs import networks, pack
from latentpad.models.representation import Representation, outline
from latentpad.models.sources.sound_map import SoundMapError
from tests.models.importing.test_tfjs import write

WEB = Foreign(22050, n_fft=512, hop=256, orientation="frequency first", levels=(-100.0, 0.0))


def web_decoder() -> Any:
    """The shape of the web's footstep models, fewer channels: 4 latents to (256, 64, 1)."""
    keras.utils.set_random_seed(0)
    z = keras.Input((4,), name="z")
    x = layers.Dense(64 * 16 * 4, activation="relu", name="grow")(z)
    x = layers.Reshape((64, 16, 4), name="fold")(x)
    for i in range(2):
        x = layers.Conv2DTranspose(8, 3, 2, "same", activation="relu", name=f"up{i}")(x)
    y = layers.Conv2DTranspose(1, 3, padding="same", activation="sigmoid", name="sound")(x)
    return keras.Model(z, y, name="decoder")


def web_encoder(outputs: Callable[[Any], Any], shape: tuple[int, ...] = (256, 64, 1)) -> Any:
    keras.utils.set_random_seed(1)
    sound = keras.Input(shape, name="picture")
    return keras.Model(sound, outputs(layers.Dense(8, name="squeeze")(layers.Flatten()(sound))))


def saved(model: Any, path: Path) -> Path:
    model.save(path)
    return path


Z = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer drawn anchors, so that a test is quick."""
    monkeypatch.setattr(anchors, "DRAWN", 8)


def quiet(_: str) -> None:
    pass


def test_a_web_model_becomes_a_pack_that_sounds_the_same(tmp_path: Path) -> None:
    original, said = web_decoder(), list[str]()
    write(original, tmp_path / "web")
    assert inspect(tmp_path / "web").outputs == ((256, 64, 1),)
    made = import_model(
        tmp_path / "web", tmp_path / "mine", WEB, title="Web", log=said.append, measure=False
    )
    assert made.representation == Representation(22050, 512, 256, "hann", 64, 100.0)
    assert made.representation.seconds == pytest.approx(0.743, abs=1e-3)
    assert not made.has_encoder and len(made.anchors) == 256
    assert made.anchors.names[0] == "drawn 1" and any("drawn from N(0, 1)" in s for s in said)
    decoded = np.asarray(networks.load_decoder(made)(Z))
    assert decoded.shape == (3, 64, 257)
    theirs = np.asarray(original(Z))[..., 0].transpose(0, 2, 1)
    np.testing.assert_allclose(decoded[:, :, :256], theirs, atol=1e-5)
    assert (decoded[:, :, 256] == 0).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "web"]
    # What it is like is heard in what it gives, the loudness too.
    r, first = made.representation, made.anchors.latents[:3]
    for i, scaled in enumerate(np.asarray(networks.load_decoder(made)(first))):
        frames = r.unscaled(scaled)
        reported = [made.descriptors[name][i] for name in descriptors.MEASURED]
        np.testing.assert_allclose(reported, descriptors.measure(frames, r), rtol=1e-3, atol=1e-3)
        assert made.anchors.loudness[i] == pytest.approx(outline(frames, r).loudness, abs=1e-3)


def test_the_cost_of_a_decode_is_noted(few: None, tmp_path: Path) -> None:
    path, said = saved(web_decoder(), tmp_path / "d.keras"), list[str]()
    made = import_model(path, tmp_path / "mine", WEB, log=said.append)
    assert made.training["decode"]["p50_ms"] > 0
    assert any("ms on one core" in line for line in said)


def test_the_same_seed_draws_the_same_anchors(few: None, tmp_path: Path) -> None:
    decoder = saved(web_decoder(), tmp_path / "d.keras")
    first, again, other = (
        import_model(
            decoder, tmp_path / name, WEB, seed=seed, log=quiet, measure=False
        ).anchors.latents
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


SCALES: list[tuple[Foreign, Callable[[Any], Any]]] = [
    (replace(WEB, values=(-1.0, 1.0)), lambda db: (db + 100) / 50 - 1),
    (replace(WEB, values=(-80.0, 0.0), levels=(-80.0, 0.0)), lambda db: db),
    (replace(WEB, scale="linear", levels=None), lambda db: 10 ** (db / 20)),
    (replace(WEB, scale="linear", levels=None), lambda db: 7 * 10 ** (db / 20)),
    (replace(WEB, scale="power", levels=None), lambda db: 10 ** (db / 10)),
    (replace(WEB, scale="log", levels=None), lambda db: db * np.log(10) / 20),
    (replace(WEB, scale="log10", values=(0, 1), levels=(-4, 0)), lambda db: (db / 20 + 4) / 4),
]


def spoken(sound: Any, flat: tuple[int, ...]) -> Any:
    """A decoder that always gives `sound`, by its bias."""
    z = keras.Input((2,))
    dense = layers.Dense(int(np.prod(flat)))
    model = keras.Model(z, layers.Reshape(flat)(dense(z)))
    dense.set_weights([np.zeros((2, int(np.prod(flat)))), np.asarray(sound, np.float32).ravel()])
    return model


@pytest.mark.parametrize(("foreign", "scaled"), SCALES)
def test_every_scale_gives_the_same_decibels(foreign: Foreign, scaled: Callable[..., Any]) -> None:
    db = np.linspace(-79, 0, 256 * 64).reshape(256, 64)
    shape = (256, 64)
    where = layout(shape, foreign)
    ours = adapter.decoder(spoken(scaled(db), shape), foreign, where)
    decoded = where.representation.unscaled(np.asarray(ours(np.zeros((1, 2)))))[0]
    np.testing.assert_allclose(decoded[:, :256].T, db, atol=2e-3)


def test_silence_in_a_linear_scale_stays_silent() -> None:
    foreign = replace(WEB, scale="linear", levels=None)
    where = layout((256, 64), foreign)
    ours = adapter.decoder(spoken(np.zeros((256, 64)), (256, 64)), foreign, where)
    assert np.asarray(ours(np.zeros((1, 2)))).max() < 1e-6


@pytest.mark.parametrize("parts", ["magnitude and phase", "real and imaginary"])
@pytest.mark.parametrize("place", ["channels", "halves"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_magnitudes_are_found_beside_their_phase(parts: str, place: str, orientation: str) -> None:
    rng = np.random.default_rng(0)
    sound = rng.uniform(0.1, 1, (33, 20)) * np.exp(1j * rng.uniform(-3, 3, (33, 20)))
    both = [np.abs(sound), np.angle(sound)]
    if parts == "real and imaginary":
        both = [sound.real, sound.imag]
    picture = np.stack(both, axis=-1) if place == "channels" else np.concatenate(both)
    if orientation == "time first":
        picture = np.swapaxes(picture, 0, 1)
    foreign = Foreign(16000, n_fft=64, orientation=orientation, scale="linear", parts=parts)
    where = layout(picture.shape, foreign)
    ours = adapter.decoder(spoken(picture, picture.shape), foreign, where)
    decoded = np.asarray(ours(np.zeros((1, 2))))[0]
    wanted = 1 + 20 * np.log10(np.abs(sound) / np.abs(sound).max()) / 90
    np.testing.assert_allclose(decoded.T, wanted, atol=1e-4)


@pytest.mark.parametrize(("dropped", "empty"), [("nyquist", -1), ("dc", 0)])
def test_the_dropped_bin_is_put_back_where_it_was(dropped: str, empty: int) -> None:
    foreign = Foreign(16000, n_fft=64, orientation="time first", dropped=dropped)
    where = layout((20, 32), foreign)
    ours = adapter.decoder(spoken(np.ones((20, 32)), (20, 32)), foreign, where)
    decoded = np.asarray(ours(np.zeros((1, 2))))[0]
    assert (decoded[:, empty] == 0).all() and decoded.sum() == 20 * 32


@given(st.sampled_from([64, 256, 1024, 4096]), st.booleans(), st.booleans(), st.integers(2, 900))
def test_a_layout_not_told_is_guessed_from_the_shape(
    n_fft: int, nyquist: bool, time_first: bool, frames: int
) -> None:
    bins = n_fft // 2 + nyquist
    shape = (frames, bins) if time_first else (bins, frames)
    if any(n in (frames, frames - 1) for n in (32 << i for i in range(9))):
        return  # the frames could be bins too
    where = layout(shape, Foreign(22050))
    assert where.representation.n_fft == n_fft and where.representation.frames == frames
    assert where.frequency == int(time_first)
    assert f"n_fft {n_fft}" in where.guessed and len(where.guessed) == 3


@pytest.mark.parametrize(
    ("shape", "change", "complaint"),
    [
        ((256, 64, 1), {"orientation": "time first"}, "64 bins, but n_fft 512 has 257 or 256: try "
         "--orientation frequency"),
        ((80, 60), {"n_fft": None}, "80 bins, but a power of two.*mel"),
        ((256, 64), {"n_fft": 1024}, "n_fft 1024 has 513 or 512: try another n_fft"),
        ((64, 64), {"n_fft": None, "orientation": None, "hop": 16}, "either axis may be time"),
        ((256, 64, 2), {}, "2 channels as magnitude: say what the parts are"),
        ((256, 64, 3), {}, "3 channels"),
        ((None, 64), {}, "two fixed axes"),
        ((16384,), {}, "two fixed axes"),
        ((256, 64), {"hop": 300}, "hop is 300, more than half"),
        ((256, 64), {"hop": 100}, "no multiple of n_fft / 8, 64"),
        ((256, 10**6), {}, "too large"),
    ],
)  # fmt: skip
def test_a_shape_that_does_not_fit_says_what_to_try(
    shape: tuple[Any, ...], change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ForeignError, match=complaint):
        layout(shape, replace(WEB, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"sample_rate": 0}, {"n_fft": 1000}, {"n_fft": 1 << 30}, {"hop": 1}, {"window": "kaiser"},
        {"orientation": "sideways"}, {"scale": "mel"}, {"parts": "phase"}, {"dropped": "both"},
        {"values": (1.0, 0.0)}, {"values": (0.0, float("nan"))}, {"levels": (0.0, 1.0)},
        {"levels": (-900.0, 0.0)}, {"parts": "real and imaginary"},
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ForeignError) as caught:
        replace(WEB, **change)
    assert "\n" not in str(caught.value)


HEADS: list[tuple[Callable[[Any], Any], bool]] = [
    (lambda x: layers.Dense(4, name="mu")(x), False),
    (lambda x: layers.Dense(8, name="both")(x), True),
    (lambda x: [layers.Dense(4, name="mu")(x), layers.Dense(4, name="lv")(x)], True),
    (lambda x: [layers.Dense(4, name=n)(x) for n in ("mu", "lv", "z")], True),
]


@pytest.mark.parametrize(("head", "spread"), HEADS)
def test_an_encoder_hears_what_its_decoder_speaks(head: Callable[[Any], Any], spread: bool) -> None:
    theirs = web_encoder(head)
    where = layout((256, 64, 1), WEB)
    ours = adapter.encoder(theirs, WEB, where, 4)
    picture = np.random.default_rng(0).uniform(size=(2, 256, 64, 1)).astype(np.float32)
    sound = np.pad(picture[..., 0].transpose(0, 2, 1), ((0, 0), (0, 0), (0, 1)))
    heard, wanted = np.asarray(ours(sound)), theirs(picture)
    first = np.asarray(wanted[0] if isinstance(wanted, list) else wanted)
    np.testing.assert_allclose(heard[:, : first.shape[1]], first, atol=1e-4)
    assert heard.shape == (2, 8) and spread == (not np.allclose(heard[:, 4:], adapter.LOGVAR))


@pytest.mark.parametrize("foreign", [scale[0] for scale in SCALES])
def test_the_encoders_scale_undoes_the_decoders(foreign: Foreign) -> None:
    """An encoder that only repeats what it gets, fed with what the decoder's side would give."""
    sound = keras.Input((33, 2))
    flat = layers.Flatten()(sound)
    small = replace(foreign, n_fft=64, hop=32)
    where = layout((33, 2), small)
    ours = adapter.encoder(keras.Model(sound, flat), small, where, 66)
    picture = np.random.default_rng(0).uniform(0.3, 1, (1, 2, 33)).astype(np.float32)
    picture[0, 0, 0] = 1
    repeated = np.asarray(ours(picture))[0, :66].reshape(33, 2)
    back = adapter.decoder(spoken(repeated, (33, 2)), small, where)
    np.testing.assert_allclose(np.asarray(back(np.zeros((1, 2)))), picture, atol=1e-4)


def test_sounds_become_anchors_where_the_encoder_hears_them(
    recordings: Path, tmp_path: Path
) -> None:
    decoder = saved(web_decoder(), tmp_path / "d.keras")
    encoder = saved(web_encoder(HEADS[2][0]), tmp_path / "e.keras")
    folder = tmp_path / "sounds"
    shutil.copytree(recordings, folder)
    (folder / "broken.wav").write_text("no sound")
    said: list[str] = []
    made = import_model(
        decoder, tmp_path / "mine", WEB, encoder=encoder, sounds=folder, log=said.append,
        measure=False,
    )  # fmt: skip
    assert sum("broken.wav" in line and "left out" in line for line in said) == 1
    assert made.has_encoder and len(made.anchors) == 12
    assert set(made.anchors.labels) == {"tone", "noise"}
    assert set(made.anchors.names) == {path.stem for path in recordings.rglob("*.wav")}
    assert len(made.sources()) == 12 and min(made.kl) > 0
    # Measured on the recordings, whatever an untrained decoder makes of them.
    noisy, noisiness = made.anchors.labels == "noise", made.descriptors["noisiness"]
    assert noisiness[noisy].min() > noisiness[~noisy].max()
    assert networks.load_encoder(made).output_shape == (None, 8)
    with pytest.raises(ForeignError, match="need an encoder"):
        import_model(decoder, tmp_path / "other", WEB, sounds=recordings, log=quiet)


def test_an_encoder_of_another_shape_or_with_phase_is_refused(tmp_path: Path) -> None:
    where = layout((256, 64, 1), WEB)
    with pytest.raises(ForeignError, match=r"takes \(64, 256\).*magnitudes are \(256, 64\)"):
        adapter.encoder(web_encoder(HEADS[0][0], (64, 256)), WEB, where, 4)
    with pytest.raises(ForeignError, match=r"gives \(4,\): the decoder takes 5 latents"):
        adapter.encoder(web_encoder(HEADS[0][0]), WEB, where, 5)
    both = replace(WEB, parts="magnitude and phase")
    with pytest.raises(ForeignError, match="no phase: leave the encoder out"):
        adapter.encoder(web_encoder(HEADS[0][0], (256, 64, 2)), both, layout((256, 64, 2), both), 4)


def test_a_sound_map_gives_the_anchors_and_their_credits(tmp_path: Path) -> None:
    rows = [
        {"id": i, "name": f"step\n{i}", "username": "ann", "url": f"https://example.org/{i}",
         "licence": "CC0", "mu": [float(i), 0, -1, 2]}
        for i in range(6)
    ]  # fmt: skip
    (tmp_path / "map.json").write_text(json.dumps({"results": rows}))
    decoder = saved(web_decoder(), tmp_path / "d.keras")
    made = import_model(
        decoder, tmp_path / "mine", WEB, sound_map=tmp_path / "map.json", log=quiet, measure=False
    )
    np.testing.assert_array_equal(made.anchors.latents[:, 0], np.arange(6))
    assert list(made.anchors.names[:2]) == ["step 0", "step 1"]
    row = made.sources()[3]
    assert row["author_attribution"] == "ann" and row["licence"] == "CC0"
    assert row["url"] == "https://example.org/3"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"results": 3}', '[{"id": 1, "mu": [1, 2]}]', "[" * 50_000,
     '[{"id": 1, "mu": [1, 2, 3, NaN]}]', '[{"id": 1, "mu": [1, 2, 3, 1e999]}]', "[null]",
     '[{"id": 1, "mu": [0,0,0,0]}, {"id": 1, "mu": [0,0,0,0]}]', '[{"mu": [1, 2, 3, 4]}]',
     '[{"id": 1, "mu": "abcd"}]', '[{"id": 1, "mu": [1, 2, 3, ' + "9" * 400 + "]}]"],
)  # fmt: skip
def test_a_map_that_is_none_is_refused_and_nothing_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "map.json").write_text(text)
    decoder, out = saved(web_decoder(), tmp_path / "d.keras"), tmp_path / "mine"
    with pytest.raises((ForeignError, SoundMapError), match=r"map\.json") as caught:
        import_model(decoder, out, WEB, sound_map=tmp_path / "map.json", log=quiet)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "mine").exists()


def rezipped(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def text(old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def change(content: dict[str, bytes]) -> None:
        assert old in content["config.json"].decode()
        content["config.json"] = content["config.json"].replace(old.encode(), new.encode())

    return change


def hollow(content: dict[str, bytes]) -> None:
    """Weights that claim a terabyte and hold nothing."""
    import io

    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("vars/0", (1 << 20, 1 << 18), "f4", chunks=(1024, 1024))
    content["model.weights.h5"] = file.getvalue()


def linked(content: dict[str, bytes]) -> None:
    import io

    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5["vars"] = h5py.ExternalLink("/etc/passwd", "/")
    content["model.weights.h5"] = file.getvalue()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (text('"Reshape"', '"Lambda"'), "Lambda, code that is not Keras"),
        (text('"Reshape"', '"TFSMLayer"'), "TFSMLayer, code that is not Keras"),
        (text('"registered_name": null', '"registered_name": "my>Sampling"'), "code|export"),
        (text("keras.initializers", "os"), r"os\..*, code that is not Keras"),
        (text("keras.layers", "keras.utils"), r"keras\.utils\..*, code that is not Keras"),
        (text('"units": 4096', '"units": 4096000000'), "weights, the file holds|cannot be built"),
        (text('"filters": 8', '"filters": 8000000'), "cannot be built"),
        (text('"units": 4096', '"units": 4097'), "cannot be built"),
        (text('"kernel_size": [3, 3]', '"kernel_size": 7'), "cannot be|weights, the file holds"),
        (lambda c: c.update({"config.json": b"[]"}), "describes no model"),
        (lambda c: c.update({"config.json": b"{}"}), "cannot be built|no Functional"),
        (lambda c: c.update({"config.json": b"[" * 100_000}), "is no Keras 3 file"),
        (lambda c: c.update({"config.json": b"\xff\xfe"}), "is no Keras 3 file"),
        (lambda c: c.update({"config.json": b"0" * (65 << 20)}), "unpacks to"),
        (lambda c: c.update({"model.weights.h5": b""}), "weights.h5 cannot be read"),
        (lambda c: c.update({"model.weights.h5": c["model.weights.h5"][:3000]}), "cannot be read"),
        (lambda c: c.update({"assets/a.pkl": b""}), "more than a plain model"),
        (lambda c: c.pop("model.weights.h5") and None, "model.weights.h5 is missing"),
        (hollow, "never written whole"),
        (linked, "has links"),
    ],
)
def test_a_keras_file_that_is_mangled_is_refused(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], complaint: str
) -> None:
    path = saved(web_decoder(), tmp_path / "d.keras")
    rezipped(path, change)
    refused(path, tmp_path / "mine", complaint)


def test_a_file_that_unpacks_to_too_much_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(web_decoder(), tmp_path / "d.keras")
    monkeypatch.setattr(keras_file, "MOST_BYTES", path.stat().st_size // 2)
    refused(path, tmp_path / "mine", "unpacks to")


def refused(path: Path, out: Path, complaint: str) -> None:
    with pytest.raises(ForeignError, match=complaint) as caught:
        import_model(path, out, WEB, log=quiet, measure=False)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert not out.exists() and not list(out.parent.glob(".mine*"))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])
def test_a_keras_file_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = saved(web_decoder(), tmp_path / "d.keras")
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(path, tmp_path / "mine", "is no Keras 3 file")


@keras.saving.register_keras_serializable("mine")
class Sampling(layers.Layer):
    def call(self, mean: Any) -> Any:
        return 1.0 * mean

    def compute_output_spec(self, mean: Any) -> Any:
        return keras.KerasTensor(mean.shape)


def test_an_encoder_that_samples_is_refused_with_the_way_out(tmp_path: Path) -> None:
    decoder = saved(web_decoder(), tmp_path / "d.keras")
    encoder = saved(web_encoder(lambda x: Sampling()(layers.Dense(4)(x))), tmp_path / "e.keras")
    with pytest.raises(ForeignError, match=r"e\.keras: holds Sampling.*export the encoder's mean"):
        import_model(decoder, tmp_path / "mine", WEB, encoder=encoder, log=quiet)
    assert not (tmp_path / "mine").exists()


def test_what_is_no_model_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "old.h5").write_bytes(b"")
    for name, complaint in {
        "old.h5": "no Keras 3 file", "nowhere": "no such file", ".": "no model.json",
    }.items():  # fmt: skip
        with pytest.raises(ForeignError, match=complaint):
            inspect(tmp_path / name)


def test_a_model_that_is_no_decoder_is_refused(tmp_path: Path) -> None:
    refused(
        saved(web_encoder(HEADS[0][0]), tmp_path / "e.keras"),
        tmp_path / "mine",
        r"takes \(256, 64, 1\): a decoder takes one latent vector",
    )
    broken = spoken(np.full((256, 64), np.nan), (256, 64))
    refused(saved(broken, tmp_path / "n.keras"), tmp_path / "mine", "not finite")


def test_a_wrong_scale_is_doubted_aloud(few: None, tmp_path: Path) -> None:
    said: list[str] = []
    decoder = saved(spoken(np.linspace(-80, 0, 256 * 64), (256, 64)), tmp_path / "d.keras")
    import_model(decoder, tmp_path / "mine", WEB, log=said.append, measure=False)
    assert any("are the values and the scale right" in line for line in said)
    assert any("the same sound at 16 points" in line for line in said)


def test_a_pack_that_is_there_is_kept_when_an_import_fails(few: None, tmp_path: Path) -> None:
    decoder = saved(web_decoder(), tmp_path / "d.keras")
    import_model(decoder, tmp_path / "mine", WEB, title="First", log=quiet, measure=False)
    decoder.write_bytes(b"broken")
    with pytest.raises(ForeignError):
        import_model(decoder, tmp_path / "mine", WEB, log=quiet)
    assert pack.load(tmp_path / "mine").title == "First"


def test_the_latent_that_changes_the_sound_tells_more() -> None:
    z = keras.Input((2,))
    dense = layers.Dense(6, use_bias=False)
    model = keras.Model(z, layers.Reshape((2, 3))(dense(z)))
    dense.set_weights([np.array([[0.2] * 6, [0.0] * 6], np.float32)])
    strong, none = anchors.estimated_kl(model, np.zeros((4, 2), np.float32), 90.0, 0)
    assert strong > 1 and none == 0
