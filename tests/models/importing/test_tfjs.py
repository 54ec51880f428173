from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from latentpad.models.importing import tfjs, weights
from latentpad.models.importing.layout import ForeignError

Json = dict[str, Any]
TYPES = {"uint8": 255, "uint16": 65535}


def write(model: Any, folder: Path, quantised: str | None = None, shards: int = 3) -> Path:
    """A model as TensorFlow.js' converter writes it: a Keras 2 topology, quantised shards."""
    folder.mkdir(parents=True, exist_ok=True)
    entries, data = [], b""
    for place, _, variable in weights.variables(model):
        value = np.asarray(variable, np.float32)
        entry: Json = {"name": "/".join(place[-2:]), "shape": list(value.shape), "dtype": "float32"}
        if quantised in TYPES:
            low = float(value.min())
            step = float(np.ptp(value)) / TYPES[quantised] or 1.0
            entry["quantization"] = {"dtype": quantised, "min": low, "scale": step}
            value = np.round((value - low) / step).astype(quantised)
        elif quantised:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
            value = value.astype(np.float16)
        entries.append(entry)
        data += value.tobytes()
    cuts = np.linspace(0, len(data), shards + 1).astype(int)
    paths = [f"group1-shard{i + 1}of{shards}.bin" for i in range(shards)]
    for i, path in enumerate(paths):
        (folder / path).write_bytes(data[cuts[i] : cuts[i + 1]])
    content = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "2.15.0", "model_config": described(model)},
        "weightsManifest": [{"paths": paths, "weights": entries}],
    }
    (folder / "model.json").write_text(json.dumps(content))
    return folder / "model.json"


def described(model: Any) -> Json:
    """A Functional model's Keras 2 config: what Keras 2 named otherwise is named so."""
    listed = []
    for layer in model.layers:
        kind, config = type(layer).__name__, layer.get_config()
        if hasattr(layer, "layers"):
            described_layer = described(layer)
            kind, config = "Functional", described_layer["config"]
        if "batch_shape" in config:
            config["batch_input_shape"] = config.pop("batch_shape")
        if kind == "LeakyReLU":
            config["alpha"] = config.pop("negative_slope")
        if kind == "BatchNormalization":
            config["axis"] = [config["axis"] % 4]
        config["dtype"] = "float32"
        config.pop("quantization_config", None)
        config.pop("optional", None)
        came = [
            [[t._keras_history.operation.name, 0, 0, {}]]
            for node in layer._inbound_nodes[:1]
            for t in node.input_tensors
        ]
        nodes = [[link for links in came for link in links]] if came else []
        listed.append(
            {"class_name": kind, "config": config, "name": layer.name, "inbound_nodes": nodes}
        )
    return {
        "class_name": "Functional",
        "config": {
            "name": model.name,
            "layers": listed,
            "input_layers": [[model.layers[0].name, 0, 0]],
            "output_layers": [[model.layers[-1].name, 0, 0]],
        },
    }


def decoder(seed: int = 0) -> Any:
    """Latents to (16, 8, 1): the shape of the web's VAEs, small."""
    keras.utils.set_random_seed(seed)
    z = keras.Input((4,), name="z")
    x = layers.Dense(4 * 2 * 8, activation="relu", name="grow")(z)
    x = layers.Reshape((4, 2, 8), name="fold")(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", name="up1")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="leak")(x)
    side = layers.UpSampling2D(2, name="wide")(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", name="up2")(x)
    x = layers.Add(name="sum")([x, side])
    x = layers.PReLU(shared_axes=[1, 2], name="bend")(x)
    y = layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="sound")(x)
    model = keras.Model(z, y, name="decoder")
    rng = np.random.default_rng(seed)
    shaken = [w + 0.1 * rng.uniform(0, 1, w.shape) for w in model.get_weights()]
    model.set_weights(shaken)
    return model


Z = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("quantised", "error"), [(None, 1e-6), ("uint16", 1e-3), ("float16", 5e-3), ("uint8", 0.05)]
)
@pytest.mark.parametrize("shards", [1, 4])
def test_a_model_sounds_as_its_original_within_the_quantisation(
    tmp_path: Path, quantised: str | None, error: float, shards: int
) -> None:
    original = decoder()
    read = tfjs.load(write(original, tmp_path, quantised, shards))
    difference = np.abs(np.asarray(read(Z)) - np.asarray(original(Z))).max()
    assert difference < error
    assert np.ptp(np.asarray(original(Z))) > 0.1
    for ours, theirs in zip(read.get_weights(), original.get_weights(), strict=True):
        step = np.ptp(theirs) / TYPES[quantised] if quantised in TYPES else 2e-3
        np.testing.assert_allclose(ours, theirs, atol=step, rtol=0)


def test_a_model_within_a_model_is_read(tmp_path: Path) -> None:
    inner = decoder()
    z = keras.Input((4,), name="outer_z")
    scaled = layers.Dense(4, name="turn")(z)
    original = keras.Model(z, inner(scaled), name="outer")
    # The inner model's first node is its own making, which Keras 2 does not count.
    config = described(original)
    config["config"]["layers"][-1]["inbound_nodes"] = [[["turn", 0, 0, {}]]]
    path = write(original, tmp_path)
    change(path, lambda c: c["modelTopology"].update(model_config=config))
    np.testing.assert_allclose(tfjs.load(path)(Z), original(Z), atol=1e-6)


def test_a_sequential_model_is_read(tmp_path: Path) -> None:
    original = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(12, activation="tanh", name="a"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(6, name="b"),
        ]
    )
    path = write(original, tmp_path)
    listed: list[Json] = [
        {"class_name": type(e).__name__, "config": {**e.get_config(), "dtype": "float32"}}
        for e in original.layers
    ]
    for entry in listed:
        entry["config"].pop("quantization_config", None)
    listed[0]["config"]["batch_input_shape"] = [None, 4]
    topology = {"class_name": "Sequential", "config": {"name": "s", "layers": listed}}
    change(path, lambda c: c.update(modelTopology=topology))
    np.testing.assert_allclose(tfjs.load(path)(Z), original(Z), atol=1e-6)


def test_the_outline_needs_no_weights(tmp_path: Path) -> None:
    model = tfjs.outline(write(decoder(), tmp_path))
    assert model.output_shape == (None, 16, 8, 1)


def change(path: Path, how: Callable[[Json], Any]) -> None:
    content = json.loads(path.read_text())
    how(content)
    path.write_text(json.dumps(content))


def layer(name: str) -> Callable[[Json], Json]:
    def find(content: Json) -> Json:
        entries = content["modelTopology"]["model_config"]["config"]["layers"]
        entry: Json = next(e for e in entries if e["name"] == name)
        return entry

    return find


def config(name: str, **settings: Any) -> Callable[[Json], Any]:
    return lambda c: layer(name)(c)["config"].update(settings)


def weight(**fields: Any) -> Callable[[Json], Any]:
    return lambda c: c["weightsManifest"][0]["weights"][0].update(fields)


def paths(*names: Any) -> Callable[[Json], Any]:
    return lambda c: c["weightsManifest"][0].update(paths=list(names))


REFUSALS: list[tuple[Callable[[Json], Any], str]] = [
    (lambda c: layer("leak")(c).update(class_name="Lambda"), "Lambda: refused"),
    (lambda c: layer("leak")(c).update(class_name="Sampling"), "export the encoder's mean"),
    (lambda c: layer("leak")(c).update(class_name="TFOpLambda"), "TFOpLambda: refused"),
    (lambda c: layer("leak")(c).update(class_name=None), "None: refused"),
    (lambda c: layer("leak")(c).update(config=None), "malformed"),
    (lambda c: layer("leak")(c).update(inbound_nodes=[]), "takes what no layer gives"),
    (lambda c: layer("leak")(c).update(inbound_nodes=[[["nowhere", 0, 0, {}]]]), "no layer gives"),
    (lambda c: layer("leak")(c).update(inbound_nodes=[[["leak", 0, 0, {}]]]), "no layer gives"),
    (lambda c: layer("leak")(c).update(inbound_nodes=7), "malformed"),
    (lambda c: layer("leak")(c).update(inbound_nodes=[[["norm", 0, 9, {}]]]), "malformed"),
    (lambda c: layer("leak")(c).update(inbound_nodes=[[["norm", 0, 0, {"q": 1}]]]), "q: unknown"),
    (config("grow", units=10**9), "total size"),
    (config("grow", units=65), "cannot be built|malformed"),
    (config("grow", units=-1), "malformed"),
    (config("grow", units="64"), "malformed"),
    (config("grow", activation="os.system"), "activation os.system refused"),
    (config("grow", activation="hard_sigmoid"), "activation hard_sigmoid refused"),
    (config("grow", activation={"class_name": "evil"}), "activation evil refused"),
    (config("grow", activation=["relu"]), "refused|malformed"),
    (config("grow", surprise=3), "setting surprise is unknown for Dense"),
    (config("up1", strides=[10**5, 10**5]), "too many|weights|cannot|malformed"),
    (config("up1", data_format="channels_first"), "only channels_last"),
    (config("up1", kernel_size=[10**6, 10**6]), "weights, the file holds"),
    (config("wide", size=[10**6, 10**6]), "too many|malformed"),
    (config("norm", renorm=True), "renorm"),
    (config("fold", target_shape=[3, 5]), "malformed"),
    (weight(shape=[10**9, 10**9]), "absurd shape"),
    (weight(shape=[-4, 64]), "absurd shape"),
    (weight(shape=[64, 4]), "has the shape"),
    (weight(shape=[4.0, 64]), "absurd shape"),
    (weight(shape=[4, 63]), "bytes, the manifest says"),
    (weight(shape=[10**4, 10**4]), "bytes, the manifest says"),
    (weight(name="other/kernel"), "no weights for grow/kernel"),
    (weight(name=None), "absurd shape|without name"),
    (weight(dtype="string"), "type"),
    (weight(dtype="int32"), "type|float32"),
    (weight(quantization={"dtype": "uint4"}), "type uint4"),
    (weight(quantization={"dtype": "float16"}), "bytes, the manifest says"),
    (weight(quantization={"dtype": "float32", "scale": 1e999}), "not finite"),
    (weight(quantization={"dtype": "float32", "scale": "x"}), "without name or shape"),
    (weight(quantization=[1]), "without name or shape"),
    (paths("../secret.bin"), "outside the folder"),
    (paths("/etc/passwd"), "outside the folder"),
    (paths("https://example.org/x.bin"), "outside the folder"),
    (paths("a\0b"), "outside the folder"),
    (paths("missing.bin"), "is not there"),
    (paths("group1-shard1of3.bin"), "bytes, the manifest says"),
    (paths(3), "group without paths"),
    (paths(), "no shards"),
    (lambda c: c.pop("weightsManifest"), "weightsManifest is missing"),
    (lambda c: c.update(weightsManifest=[3]), "weightsManifest is missing"),
    (lambda c: c["weightsManifest"][0].pop("weights"), "group without weights"),
    (lambda c: c["weightsManifest"][0].update(weights=[3]), "without name or shape"),
    (lambda c: c.pop("modelTopology"), "no modelTopology"),
    (lambda c: c.update(modelTopology={"node": []}), "graph model"),
    (lambda c: c.update(modelTopology={"model_config": 3}), "no Sequential or Functional"),
    (lambda c: c.update(modelTopology={"model_config": "{"}), "not valid JSON"),
    (lambda c: c.update(modelTopology={"class_name": "Sequential"}), "malformed"),
    (
        lambda c: c.update(modelTopology={"class_name": "Sequential", "config": {"layers": []}}),
        "malformed",
    ),
    (
        lambda c: c["modelTopology"]["model_config"]["config"].update(output_layers=[["x", 0, 0]]),
        "malformed",
    ),
]


@pytest.mark.parametrize(("how", "complaint"), REFUSALS, ids=range(len(REFUSALS)))
def test_a_mangled_model_is_refused_in_one_line(
    tmp_path: Path, how: Callable[[Json], Any], complaint: str
) -> None:
    path = write(decoder(), tmp_path)
    change(path, how)
    with pytest.raises(ForeignError, match=complaint) as caught:
        tfjs.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_shard_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = write(decoder(), tmp_path / "model", shards=1)
    shard = path.parent / "group1-shard1of1.bin"
    shard.rename(tmp_path / "elsewhere.bin")
    shard.symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(ForeignError, match="outside the folder"):
        tfjs.load(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_a_json_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = write(decoder(), tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ForeignError, match="not valid JSON"):
        tfjs.load(path)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 10_000, "null", "[]", '{"a": NaN}'])
def test_json_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(ForeignError, match=r"not valid JSON|no modelTopology"):
        tfjs.load(tmp_path / "model.json")


def test_a_json_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "model.json").open("wb") as file:
        file.truncate(tfjs.MOST_JSON + 1)
    with pytest.raises(ForeignError, match="larger than 16 MB"):
        tfjs.load(tmp_path / "model.json")
