"""Models that Keras 2 itself wrote, and the numbers it made of them: see keras2/README.md."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from latentpad.models.importing import anchors, importer
from latentpad.models.importing.importer import Foreign, ForeignError, import_model, inspect
from latentpad.models.packs import networks

HERE = Path(__file__).parent / "keras2"
VERSIONS = ("2.12", "2.15")
WEB = Foreign(22050, n_fft=512, hop=256, orientation="frequency first", levels=(-100.0, 0.0))
BRIGHT = (slice(160, 164), slice(12, 16))  # bins and frames of the one cell that sounds
REFUSALS = {
    "renormalised": "BatchNormalization with renorm True cannot be played",
    "normalised over two axes": "is over several axes",
    "hard sigmoid": "activation hard_sigmoid refused",
    "channels first": "only channels_last",
    "lambda": "Lambda: refused",
    "operations": "TFOpLambda: refused",
    "recurrent": "GRU: refused",
    "bicubic": "interpolation bicubic is another in Keras 3",
    "sparse": "InputLayer with sparse True cannot be played",
    "transposed 2d dilated": "with dilation: refused",
}


def listed(version: str) -> list[str]:
    with tarfile.open(HERE / f"keras-{version}.tar.xz") as archive:
        return archive.getnames()


def names(part: str, version: str) -> list[str]:
    return [
        n.split("/")[1] for n in listed(version) if n.startswith(f"{part}/") and n.count("/") == 1
    ]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Version -> the folder of what it wrote."""
    folders = {version: tmp_path_factory.mktemp(f"keras-{version}") for version in VERSIONS}
    for version, folder in folders.items():
        shutil.unpack_archive(HERE / f"keras-{version}.tar.xz", folder)
    return folders


MODELS = [
    (version, part, name)
    for version in VERSIONS
    for part in ("tfjs", "keras", "saved")
    for name in names(part, version)
    if name not in REFUSALS
]


@pytest.mark.parametrize(("version", "part", "name"), MODELS)
def test_a_model_gives_the_numbers_that_its_own_keras_gave(
    written: dict[str, Path], version: str, part: str, name: str
) -> None:
    folder = written[version]
    made = np.load(folder / "numbers" / f"{name.removesuffix('.keras')}.npz")
    model = importer._load(folder / part / name)
    given = np.asarray(model(made["z"]))
    assert given.shape[1:] == tuple(made["shape"])
    # One of them was computed in 16 bits there.
    error = 1e-3 if name.startswith("halves") else 1e-6
    ours = given.reshape(len(given), -1)[:, :: int(made["step"])]
    np.testing.assert_allclose(ours, made["made"], atol=error, rtol=0)
    assert np.ptp(made["made"]) > 0.01


@pytest.mark.parametrize("version", VERSIONS)
def test_every_layer_that_is_taken_was_tried(written: dict[str, Path], version: str) -> None:
    from latentpad.models.importing.tfjs_layers import LAYERS, RENAMED_LAYERS

    tried = set()
    waiting: list[Any] = [
        json.loads(path.read_text()) for path in written[version].glob("tfjs/*/model.json")
    ]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            tried.add(node.get("class_name"))
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    assert {*LAYERS, *RENAMED_LAYERS} - tried == set()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_played_is_refused_by_its_name(
    written: dict[str, Path], version: str, name: str
) -> None:
    with pytest.raises(ForeignError, match=REFUSALS[name]) as caught:
        importer._load(written[version] / "tfjs" / name)
    assert "\n" not in str(caught.value)


def settings(kind: str, **changed: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        entries = content["modelTopology"]["model_config"]["config"]["layers"]
        for entry in entries:
            if entry["class_name"] == kind:
                entry["config"].update(changed)

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (settings("Conv2DTranspose", groups=2), "Conv2DTranspose with groups 2 cannot be played"),
        (settings("InputLayer", ragged=True), "InputLayer with ragged True cannot be played"),
        (settings("InputLayer", dtype="int32"), "of the type int32, not of floats"),
        (settings("Dense", dtype={"config": {"name": "int8"}}), "of the type int8, not of floats"),
        (settings("Conv2DTranspose", surprise=0), "setting surprise is unknown"),
        (settings("LeakyReLU", theta=1.0), "setting theta is unknown for LeakyReLU"),
    ],
)
def test_a_word_of_keras_2_is_left_out_only_where_it_says_nothing(
    written: dict[str, Path], tmp_path: Path, change: Callable[..., None], complaint: str
) -> None:
    shutil.copytree(written["2.15"] / "tfjs" / "web", tmp_path / "web")
    content = json.loads((tmp_path / "web" / "model.json").read_text())
    change(content)
    (tmp_path / "web" / "model.json").write_text(json.dumps(content))
    with pytest.raises(ForeignError, match=complaint):
        inspect(tmp_path / "web")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("part", ["tfjs/web", "keras/web.keras", "saved/web"])
def test_a_decoder_of_keras_2_becomes_a_pack_that_is_the_right_way_round(
    written: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    part: str,
) -> None:
    monkeypatch.setattr(anchors, "DRAWN", 4)
    said: list[str] = []
    model = written[version] / part
    import_model(model, tmp_path / "mine", WEB, log=said.append, measure=False)
    made = np.load(written[version] / "numbers" / "web.npz")
    from latentpad.models.packs import pack

    decoded = np.asarray(networks.load_decoder(pack.load(tmp_path / "mine"))(made["z"]))
    assert decoded.shape == (3, 64, 257)
    pictures = decoded[:, :, :256].transpose(0, 2, 1)
    np.testing.assert_allclose(
        pictures.reshape(3, -1)[:, :: int(made["step"])], made["made"], atol=1e-5, rtol=0
    )
    for picture in pictures:
        bin_, frame = np.unravel_index(picture.argmax(), picture.shape)
        assert bin_ in range(256)[BRIGHT[0]] and frame in range(64)[BRIGHT[1]]


def rezipped(path: Path, change: Callable[[dict[str, bytes]], Any]) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def within(change: Callable[[Any], Any]) -> Callable[[Path, str], None]:
    """A change of the HDF5 file of weights, which is the whole file or lies in a zip."""

    def made(path: Path, version: str) -> None:
        def changed(data: bytes) -> bytes:
            file = io.BytesIO(data)
            with h5py.File(file, "r+") as opened:
                change(opened)
            return file.getvalue()

        if version == "2.12":
            path.write_bytes(changed(path.read_bytes()))
        else:
            key = "model.weights.h5"
            rezipped(path, lambda content: content.update({key: changed(content[key])}))

    return made


def datasets(group: Any) -> list[str]:
    result: list[str] = []
    group.visititems(lambda name, node: result.append(name) if hasattr(node, "shape") else None)
    return sorted(result)


def absurd(file: Any) -> None:
    """Weights that claim a petabyte and hold nothing."""
    name = datasets(file)[0]
    del file[name]
    file.create_dataset(name, (1 << 24, 1 << 24), "f4", chunks=(1024, 1024))


def infinite(file: Any) -> None:
    name = datasets(file)[0]
    file[name][...] = np.inf


def shorter(file: Any) -> None:
    name = datasets(file)[0]
    value = np.asarray(file[name])
    del file[name]
    file[name] = value[..., :-1]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (within(absurd), "was never written whole"),
        (within(infinite), "not finite"),
        (within(shorter), "need|has the shape"),
        (within(lambda f: f.__delitem__(datasets(f)[0])), "need|has no weights"),
        (within(lambda f: f.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/"))), "has links"),
        (lambda p, v: p.write_bytes(p.read_bytes()[:3000]), "cannot be read|no Keras 3 file"),
    ],
)
def test_a_damaged_file_of_keras_2_is_refused_in_one_line(
    written: dict[str, Path],
    tmp_path: Path,
    version: str,
    change: Callable[[Path, str], None],
    complaint: str,
) -> None:
    path = tmp_path / "d.keras"
    shutil.copy(written[version] / "keras" / "sequential.keras", path)
    change(path, version)
    with pytest.raises(ForeignError, match=complaint) as caught:
        importer._load(path)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(str(path))


def test_weights_without_their_model_say_so(written: dict[str, Path], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["dense/kernel"] = np.zeros((4, 4), np.float32)
    with pytest.raises(ForeignError, match="save the model, not its weights alone"):
        inspect(tmp_path / "w.h5")
