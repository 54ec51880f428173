from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from latentpad.models.packs import networks, pack


@pytest.fixture
def copy(small: pack.Pack, tmp_path: Path) -> Path:
    """A pack that a test may break."""
    return Path(shutil.copytree(small.path, tmp_path / "copy"))


def test_save_and_load_give_the_same_pack(small: pack.Pack, tmp_path: Path) -> None:
    moved = replace(small, path=tmp_path / "again", title='Küche, "laut" \\ [x]')
    encoder, decoder = networks.load_encoder(small), networks.load_decoder(small)
    pack.save(moved, encoder, decoder, small.sources(), {"card.md": b"card"})
    again = pack.load(tmp_path / "again")
    for field in ("name", "licence", "representation", "latent_dim", "kl", "training"):
        assert getattr(again, field) == getattr(small, field)
    assert again.title == moved.title
    for field in ("latents", "labels", "ids", "names", "loudness", "onset"):
        np.testing.assert_array_equal(getattr(again.anchors, field), getattr(small.anchors, field))
    np.testing.assert_array_equal(again.planes["map"], small.planes["map"])
    assert again.sources() == small.sources()
    z = small.anchors.latents
    np.testing.assert_array_equal(
        networks.load_decoder(again).predict(z, verbose=0), decoder.predict(z, verbose=0)
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again"]


def test_saving_over_a_pack_replaces_it(small: pack.Pack, copy: Path) -> None:
    encoder, decoder = networks.load_encoder(small), networks.load_decoder(small)
    pack.save(replace(small, path=copy, title="New"), encoder, decoder, small.sources())
    assert pack.load(copy).title == "New"
    assert not (copy / "card.md").exists()


def test_saving_never_replaces_a_folder_of_something_else(small: pack.Pack, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(pack.PackError, match="no model pack"):
        pack.save(replace(small, path=tmp_path), None, None, [])
    assert (tmp_path / "holiday.jpg").exists()


def test_loading_a_pack_imports_no_keras(small: pack.Pack) -> None:
    code = (
        f"import sys; from latentpad.models.packs import pack; pack.load({str(small.path)!r}); "
        "print([m for m in ('keras', 'tensorflow', 'sklearn') if m in sys.modules])"
    )
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_find_looks_for_a_path_then_the_shipped_then_the_users(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(pack.platformdirs, "user_data_dir", lambda name: str(tmp_path / name))
    assert pack.find(copy) == copy
    for folder in (tmp_path / "latentpad" / "packs", tmp_path / "shipped"):
        shutil.copytree(copy, folder / "mine")
        assert pack.find("mine") == folder / "mine"
    shutil.copytree(copy, tmp_path / "latentpad" / "packs" / "other")
    assert pack.names() == ["mine", "other"]
    with pytest.raises(pack.PackError, match=r"^theirs: no model pack.*there are: mine, other"):
        pack.find("theirs")
    with pytest.raises(pack.PackError, match=r"model\.toml is missing"):
        pack.find(tmp_path)


def test_a_pack_without_an_encoder_loads_and_says_so(small: pack.Pack, tmp_path: Path) -> None:
    bare = replace(small, path=tmp_path / "bare")
    pack.save(bare, None, networks.load_decoder(small), small.sources())
    assert small.has_encoder and not pack.load(bare.path).has_encoder
    assert networks.load_decoder(bare).input_shape == (None, 2)
    with pytest.raises(pack.PackError, match="has no encoder"):
        networks.load_encoder(bare)


@pytest.mark.parametrize("file", pack.FILES)
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    expect(copy, rf"{re.escape(file)} is missing")


def expect(folder: Path, complaint: str) -> None:
    with pytest.raises(pack.PackError, match=complaint) as caught:
        pack.load(folder)
    assert str(caught.value).startswith(f"{folder}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (r"^format = 1", "format = 2", "format is 2.*update"),
        (r"^format = 1", "format == 1", "not valid TOML.*line 1"),
        (r'^name = .*"', 'name = "../x"', "name may hold"),
        (r'^title = .*"', "title = 3", "title is not text"),
        (r'^licence = .*"', "", "licence is missing"),
        (r"^hop = \d+", "hop = 1024", "audio.hop is 1024, more than half"),
        (r"^texture_bands = \d+", "texture_bands = 12", "audio.texture_bands is 12, not 24"),
        (r"^texture_bands = \d+", "texture_bands = 25", "texture_bands is 25, outside 0...24"),
        (r"^hop = \d+", "hop = true", "audio.hop is not a whole number"),
        (r"^hop = \d+", "", "audio.hop is missing"),
        (r"^n_fft = \d+", "n_fft = 1000", "audio.n_fft is 1000, not a power"),
        (r"^n_fft = \d+", "n_fft = 1073741824", "audio.n_fft is 1073741824, outside"),
        (r"^frames = \d+", "frames = 0", "audio.frames is 0, outside"),
        (r"^range_db = .*", "range_db = nan", "audio.range_db is nan, outside"),
        (r'^window = .*"', 'window = "kaiser"', "audio.window 'kaiser' is unknown.*gauss"),
        (r"^sample_rate = \d+", "sample_rate = 1", "audio.sample_rate is 1, outside"),
        (r"^dim = \d+", "dim = 3", r"latents has the shape \(12, 2\), not \(sounds, 3\)"),
        (r"^dim = \d+", "dim = 1000", "latent.dim is 1000, outside"),
        (r"^kl = \[[^\]]*\]", "kl = [1.0]", "latent.kl is not a list of 2 numbers"),
        (r"^kl = \[[^\]]*\]", "kl = [1.0, inf]", "latent.kl is not a list of 2 numbers"),
        (r'^default = .*"', 'default = "nowhere"', "plane.default 'nowhere' is not in"),
        (r"^\[plane\]", "[plain]", r"\[plane\] is missing"),
    ],
)
def test_a_bad_field_is_named(copy: Path, old: str, new: str, complaint: str) -> None:
    path = copy / "model.toml"
    text, count = re.subn(old, new, path.read_text(), flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)
    expect(copy, rf"model\.toml.*{complaint}|anchors\.npz: {complaint}")


Arrays = dict[str, Any]


def broken(key: str, change: Callable[[Any], Any]) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {**arrays, key: change(arrays[key])}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda a: {k: v for k, v in a.items() if k != "onset"}, "onset is missing"),
        (broken("latents", lambda x: x[:5]), r"labels has the shape \(12,\), not \(5,\)"),
        (broken("latents", lambda x: x * np.nan), "latents holds values that are not finite"),
        (broken("latents", lambda x: x[:0]), "latents holds 0 sounds"),
        (broken("latents", lambda x: x.astype("U")), "latents has the type"),
        (broken("latents", lambda x: x + 1e30), "latents holds values .* beyond 1e9"),
        (
            broken("latents", lambda x: np.full(x.shape, np.iinfo(np.int64).min)),
            "latents holds values",
        ),
        (broken("loudness", lambda x: x - np.inf), "loudness holds values"),
        (broken("names", lambda x: np.arange(12)), "names has the type int"),
        (broken("ids", lambda x: np.array(["same"] * 12)), "ids holds the same id twice"),
        (broken("labels", lambda x: x.astype(object)), "labels holds Python objects"),
    ],
)
def test_broken_anchors_are_named(
    copy: Path, change: Callable[[Arrays], Arrays], complaint: str
) -> None:
    with np.load(copy / "anchors.npz") as file:
        arrays = change(dict(file))
    np.savez(copy / "anchors.npz", **arrays)
    expect(copy, rf"anchors\.npz: {complaint}")


@pytest.mark.parametrize(
    ("plane", "complaint"),
    [
        (np.zeros((3, 2)), r"map has the shape \(3, 2\)"),
        (np.full((12, 2), np.nan), "not finite"),
        (np.full((12, 2), 1e300), "beyond 1e9"),
    ],
)
def test_broken_planes_are_named(copy: Path, plane: Any, complaint: str) -> None:
    np.savez(copy / "planes.npz", map=plane)
    expect(copy, rf"planes\.npz: .*{complaint}")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (np.zeros((12, 2)), r"brightness has the shape \(12, 2\), not \(12,\)"),
        (np.zeros(11), r"brightness has the shape \(11,\)"),
        (np.full(12, np.inf), "brightness holds values that are not finite"),
        (np.array(["x"] * 12), "brightness has the shape"),
        (np.array([None] * 12), "brightness holds Python objects"),
    ],
)
def test_broken_descriptors_are_named(copy: Path, values: Any, complaint: str) -> None:
    np.savez(copy / "descriptors.npz", brightness=values)
    expect(copy, rf"descriptors\.npz: {complaint}")


def test_descriptors_are_kept_and_the_loudness_only_once(
    small: pack.Pack, copy: Path, tmp_path: Path
) -> None:
    values = np.arange(12, dtype=np.float32)
    described = replace(small, path=tmp_path / "again", descriptors={"brightness": values})
    pack.save(described, None, networks.load_decoder(small), small.sources())
    again = pack.load(tmp_path / "again")
    assert [*again.descriptors] == ["brightness"]
    np.testing.assert_array_equal(again.described["brightness"], values)
    np.testing.assert_array_equal(again.described["loudness"], small.anchors.loudness)


def test_a_pack_that_was_made_before_there_were_descriptors_has_none(copy: Path) -> None:
    (copy / "descriptors.npz").unlink(missing_ok=True)
    old = pack.load(copy)
    assert old.descriptors == old.described == {}
    text = (
        (copy / "model.toml").read_text().replace('default = "learned"', 'default = "descriptors"')
    )
    (copy / "model.toml").write_text(text)
    expect(copy, r"plane\.default 'descriptors' is not in planes")


def test_descriptors_of_other_anchors_are_none(small: pack.Pack) -> None:
    measured = replace(small, descriptors={"brightness": np.zeros(12, np.float32)})
    assert measured.described
    one = {f: getattr(small.anchors, f)[:1] for f in ("latents", "labels", "ids", "names")}
    others = pack.Anchors(**one, loudness=np.zeros(1, "f4"), onset=np.zeros(1, "f4"))
    assert replace(measured, anchors=others).described == {}


def test_an_array_that_claims_an_absurd_size_is_refused(copy: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 2), }"
    header += b" " * (128 - 11 - len(header)) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(copy / "planes.npz", "w") as archive:
        archive.writestr("map.npy", data)
    expect(copy, r"planes\.npz: map has an absurd size")


@pytest.mark.parametrize("file", ["anchors.npz", "planes.npz"])
@pytest.mark.parametrize("kept", [0, 100, 250])
def test_a_file_cut_short_is_named(copy: Path, file: str, kept: int) -> None:
    data = (copy / file).read_bytes()
    assert len(data) > kept
    (copy / file).write_bytes(data[:kept])
    expect(copy, rf"{re.escape(file)} cannot be read")


def damaged(path: Path, change: Callable[[str], str]) -> None:
    """Rewrite the config inside a .keras file."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["config.json"] = change(content["config.json"].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: text.replace('"Reshape"', '"Lambda"'), "Lambda.*refused"),
        (lambda text: text.replace("keras.initializers", "os"), r"os\..*refused"),
        (lambda text: text.replace("keras.layers", "keras.utils"), r"keras\.utils\..*refused"),
        (
            lambda text: json.dumps(
                {**json.loads(text), "registered_name": "mine>Evil", "module": None}
            ),
            "refused",
        ),
        (lambda text: text[:100], "no Keras 3 file"),
        (lambda text: text.replace('"Reshape"', '"Nonesuch"'), "not among the known layers"),
    ],
)
def test_a_model_that_is_not_plain_keras_is_refused(
    copy: Path, change: Callable[[str], str], complaint: str
) -> None:
    damaged(copy / "decoder.keras", change)
    with pytest.raises(pack.PackError, match=complaint) as caught:
        networks.load_decoder(pack.load(copy))
    assert str(caught.value).startswith(f"{copy}: decoder.keras ")
    assert "\n" not in str(caught.value)


def test_a_real_lambda_layer_is_refused(copy: Path) -> None:
    import keras

    z = keras.Input((2,))
    keras.Model(z, keras.layers.Lambda(lambda x: x * 2)(z)).save(copy / "decoder.keras")
    with pytest.raises(pack.PackError, match=r"Lambda.*refused"):
        networks.load_decoder(pack.load(copy))


def damaged_weights(path: Path, change: Callable[[Any], object]) -> None:
    """Rewrite the weights inside a .keras file."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    file = io.BytesIO(content["model.weights.h5"])
    with h5py.File(file, "r+") as h5:
        change(h5)
    content["model.weights.h5"] = file.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def dense(file: Any) -> Any:
    return file["layers/dense/vars"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda f: f.__delitem__("layers/dense"), "need .* weights, the file holds"),
        (lambda f: f.move("layers/dense", "layers/other"), "cannot be loaded: .*0 variables"),
        (lambda f: f.move("layers/dense/vars/1", "layers/dense/vars/2"), "cannot be loaded"),
        (lambda f: dense(f)["1"].__setitem__(0, np.nan), "values that are not finite"),
    ],
)
def test_weights_that_are_missing_or_broken_are_not_made_up(
    copy: Path, change: Callable[[Any], object], complaint: str
) -> None:
    damaged_weights(copy / "decoder.keras", change)
    with pytest.raises(pack.PackError, match=complaint) as caught:
        networks.load_decoder(pack.load(copy))
    assert str(caught.value).startswith(f"{copy}: decoder.keras ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("warned", "complaint"),
    [
        ("A total of 1 objects could not be loaded.\n\nLayer 'x' ...", "Layer 'x'"),
        ("Skipping nested container at 'blocks': no group ...", "Skipping .* 'blocks'"),
    ],
)
def test_a_version_of_keras_that_only_warns_of_missing_weights_is_not_believed(
    copy: Path, monkeypatch: pytest.MonkeyPatch, warned: str, complaint: str
) -> None:
    import keras

    def load_weights(*_: Any, **__: Any) -> None:
        warnings.warn(warned, stacklevel=2)

    monkeypatch.setattr(keras.Model, "load_weights", load_weights)
    with pytest.raises(pack.PackError, match=f"cannot be loaded: {complaint}"):
        networks.load_decoder(pack.load(copy))


def test_sources_that_are_no_table_are_named(copy: Path) -> None:
    (copy / "sources.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(pack.PackError, match=r"sources\.csv cannot be read"):
        pack.load(copy).sources()


def test_a_model_of_another_shape_is_refused(copy: Path) -> None:
    shutil.copy(copy / "encoder.keras", copy / "decoder.keras")
    with pytest.raises(pack.PackError, match=r"decoder\.keras maps \(32, 129\) to \(4,\)"):
        networks.load_decoder(pack.load(copy))
