from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from tensorflow.core.protobuf import saved_model_pb2

from latentpad.models.importing import anchors, importer, saved_model
from latentpad.models.importing.layout import Foreign, ForeignError
from latentpad.models.keras_files import archive
from latentpad.models.packs import networks
from tests.models.importing.test_importer import WEB, Sampling, quiet, web_decoder
from tests.models.importing.test_tfjs import decoder as rich_decoder

Z = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)


def exported(model: Any, folder: Path) -> Path:
    model.export(str(folder), verbose=False)
    return folder


def shaken(head: Callable[[Any], Any]) -> Any:
    """A decoder of 4 latents whose weights, biases too, are anything."""
    keras.utils.set_random_seed(0)
    z = keras.Input((4,), name="z")
    model = keras.Model(z, head(z))
    rng = np.random.default_rng(0)
    model.set_weights([w + 0.1 * rng.uniform(0, 1, w.shape) for w in model.get_weights()])
    return model


def picture(z: Any) -> Any:
    return layers.Reshape((4, 4, 3))(layers.Dense(48)(z))


def row(z: Any) -> Any:
    return layers.Reshape((8, 6))(layers.Dense(48)(z))


HEADS: dict[str, Callable[[Any], Any]] = {
    "valid": lambda z: layers.Conv2DTranspose(2, (5, 3), (3, 2), "valid")(picture(z)),
    "odd": lambda z: layers.Conv2DTranspose(2, 3, 2, "same", output_padding=0)(picture(z)),
    "grouped": lambda z: layers.Conv2D(6, 3, groups=3)(picture(z)),
    "depthwise": lambda z: layers.SeparableConv2D(4, 2)(layers.DepthwiseConv2D(3)(picture(z))),
    "in a row": lambda z: layers.Conv1DTranspose(4, 4, 2, "same")(layers.Conv1D(5, 3)(row(z))),
    "causal": lambda z: layers.Conv1D(5, 3, padding="causal")(row(z)),
    "each frame": lambda z: layers.Dense(5, activation="softplus")(row(z)),
    "larger": lambda z: layers.UpSampling2D((3, 2))(picture(z)),
    "smoothly larger": lambda z: layers.UpSampling2D(2, interpolation="bilinear")(picture(z)),
    "longer": lambda z: layers.UpSampling1D(3)(row(z)),
    "normalised": lambda z: layers.BatchNormalization()(layers.Conv2D(4, 3)(picture(z))),
    "by layer": lambda z: layers.LayerNormalization()(row(z)),
    "bent": lambda z: layers.PReLU()(picture(z)),
    "leaking": lambda z: layers.LeakyReLU(0.2)(picture(z)),
    "cropped": lambda z: layers.Cropping2D(1)(layers.ZeroPadding2D(((2, 1), (0, 3)))(picture(z))),
    "joined": lambda z: layers.Concatenate()([layers.Dense(3)(z), z * layers.Dense(4)(z)]),
    "turned": lambda z: layers.Permute((2, 1))(row(z)),
    "attentive": lambda z: layers.MultiHeadAttention(2, 3)(row(z), row(z)),
    "exact gelu": lambda z: layers.Dense(8, activation="gelu")(z),
    "rough gelu": lambda z: ops.gelu(layers.Dense(8)(z), approximate=True),
    "pooled": lambda z: layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(picture(z))),
    "in decibels": lambda z: layers.Rescaling(100, -100)(layers.Dense(8, activation="sigmoid")(z)),
} | {
    name: (lambda z, name=name: layers.Conv2D(3, 3, activation=name)(picture(z)))
    for name in (
        [
            "relu6",
            "elu",
            "selu",
            "tanh",
            "softsign",
            "silu",
            "mish",
            "hard_sigmoid",
            "exponential",
            "softmax",
            "leaky_relu",
        ]
    )
}


@pytest.mark.parametrize("name", HEADS)
def test_a_graph_is_rebuilt_with_the_numbers_it_had(tmp_path: Path, name: str) -> None:
    original = shaken(HEADS[name])
    rebuilt = saved_model.load(exported(original, tmp_path / "saved"))
    rebuilt.save(tmp_path / "plain.keras")
    kept = archive.load(tmp_path / "plain.keras", ForeignError)
    wanted = np.asarray(original(Z))
    np.testing.assert_allclose(np.asarray(kept(Z)), wanted, atol=1e-4, rtol=1e-5)
    assert np.ptp(wanted) > 1e-3


def test_a_decoder_costs_no_layer_more_than_it_had(tmp_path: Path) -> None:
    original = web_decoder()
    rebuilt = saved_model.load(exported(original, tmp_path / "saved"))
    weighty = [layer for layer in rebuilt.layers if layer.weights]
    assert [type(x).__name__ for x in weighty] == ["Dense"] + ["Conv2DTranspose"] * 3
    assert rebuilt.count_params() == original.count_params()


@pytest.mark.parametrize("save", [exported, lambda m, f: tf.saved_model.save(m, str(f)) or f])
def test_a_saved_model_becomes_a_pack_that_sounds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: Callable[..., Path]
) -> None:
    monkeypatch.setattr(anchors, "DRAWN", 8)
    original = web_decoder()
    folder = save(original, tmp_path / "saved")
    assert importer.inspect(folder) == importer.Shapes(
        "SavedModel", ((4,),), ((256, 64, 1),), original.count_params()
    )
    made = importer.import_model(folder, tmp_path / "mine", WEB, log=quiet, measure=False)
    theirs = np.asarray(original(Z))[..., 0].transpose(0, 2, 1)
    decoded = np.asarray(networks.load_decoder(made)(Z))
    np.testing.assert_allclose(decoded[:, :, :256], theirs, atol=1e-5)


def test_a_model_with_branches_and_its_own_bends_is_rebuilt(tmp_path: Path) -> None:
    original = rich_decoder()
    rebuilt = saved_model.load(exported(original, tmp_path / "saved"))
    np.testing.assert_allclose(np.asarray(rebuilt(Z)), np.asarray(original(Z)), atol=1e-5)


def test_an_encoder_gives_means_then_log_variances_and_nothing_drawn(tmp_path: Path) -> None:
    class Drawn(layers.Layer):
        def call(self, mean: Any) -> Any:
            return mean + keras.random.normal(ops.shape(mean), seed=1)

    sound = keras.Input((8,))
    logvar, mean = layers.Dense(4, name="a")(sound), layers.Dense(4, name="b")(sound)
    model = keras.Model(sound, {"z": Drawn()(mean), "z_log_var": logvar, "z_mean": mean})
    rebuilt = saved_model.load(exported(model, tmp_path / "saved"))
    given = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    wanted = model(given)
    for ours, name in zip(rebuilt(given), ("z_mean", "z_log_var"), strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(wanted[name]), atol=1e-5)


class GraphBuilder(tf.Module):
    """Any graph of 4 latents, by TensorFlow's own hand."""

    def __init__(self, call: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.ones((4, 6)))
        self.call = tf.function(
            lambda z: call(z, self.kernel), input_signature=[tf.TensorSpec([None, 4], tf.float32)]
        )


def graph(folder: Path, call: Callable[[Any, Any], Any]) -> Path:
    module = GraphBuilder(call)
    tf.saved_model.save(module, str(folder), {"serving_default": module.call})
    return folder


def with_file(z: Any, w: Any) -> Any:
    return z @ w + tf.strings.to_number(tf.io.read_file("/etc/hostname"))


def with_python(z: Any, w: Any) -> Any:
    return tf.reshape(tf.numpy_function(lambda x: x, [z @ w], tf.float32), [-1, 6])


def with_loop(z: Any, w: Any) -> Any:
    return tf.while_loop(lambda x: tf.reduce_sum(x) < 100, lambda x: (x + 1,), [z @ w])[0]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (with_file, "holds ReadFile, .*refused"),
        (with_python, "holds PyFunc"),
        (with_loop, "holds While|StatelessWhile"),
        (lambda z, w: z @ w + tf.random.normal((6,)), "holds RandomStandardNormal"),
        (lambda z, w: tf.cumsum(z @ w), "holds Cumsum"),
        (lambda z, w: tf.reduce_max(z @ w, axis=0, keepdims=True) + z @ w, "over the batch"),
        (lambda z, w: tf.zeros((3, 6)) + 0 * w[0], "gives a constant"),
        (lambda z, w: tf.tile(z @ w, [1, 100_000_000]), "pieces: refused|too many"),
        (lambda z, w: tf.fill(tf.cast(w[0, :2] * 1e9, tf.int32), 1.0) + z @ w, "refused"),
    ],
)
def test_a_graph_that_is_more_than_pure_maths_is_refused(
    tmp_path: Path, call: Callable[[Any, Any], Any], complaint: str
) -> None:
    folder = graph(tmp_path / "saved", call)
    refused(folder, complaint)


def test_what_is_written_beside_the_sound_never_runs(tmp_path: Path) -> None:
    """A file written for its own sake is no part of the signature's numbers: left out, unrun."""

    def call(z: Any, w: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(str(tmp_path / "evil"), "x")]):
            return z @ w

    folder = graph(tmp_path / "saved", call)
    model = saved_model.load(folder)
    np.testing.assert_allclose(np.asarray(model(Z)), Z @ np.ones((4, 6), np.float32), atol=1e-5)
    assert not (tmp_path / "evil").exists()


def refused(folder: Path, complaint: str) -> None:
    with pytest.raises(ForeignError, match=complaint) as caught:
        saved_model.load(folder)
    assert str(caught.value).startswith(f"{folder}: ") and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(web_decoder(), tmp_path_factory.mktemp("web") / "saved")


def changed(folder: Path, how: Callable[[Any], Any]) -> None:
    file = folder / "saved_model.pb"
    content = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    how(content.meta_graphs[0])
    file.write_bytes(content.SerializeToString())


def serving(meta: Any) -> Any:
    return next(
        f for f in meta.graph_def.library.function if f.signature.name.startswith("__inference___c")
    )


def node(meta: Any, op: str) -> Any:
    return next(n for n in serving(meta).node_def if n.op == op)


def looped(meta: Any) -> None:
    first = node(meta, "MatMul")
    first.input[0] = node(meta, "Sigmoid").name + ":y:0"


def calling_itself(meta: Any) -> None:
    for function in meta.graph_def.library.function:
        for each in function.node_def:
            if each.op == "StatefulPartitionedCall":
                each.attr["f"].func.name = function.signature.name


def kept(meta: Any) -> Any:
    return meta.object_graph_def


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        (lambda m: setattr(node(m, "Sigmoid"), "op", "WriteFile"), "holds WriteFile"),
        (lambda m: setattr(node(m, "Sigmoid"), "op", "Evil\n" * 99), "operations that are not"),
        (lambda m: setattr(node(m, "Relu"), "op", "Tanh"), "xx"),
        (looped, "loop"),
        (calling_itself, "more than 20000 operations|cannot be read"),
        (lambda m: node(m, "MatMul").input.pop(), "cannot be rebuilt"),
        (lambda m: node(m, "MatMul").input.append("nowhere:0:0"), "nowhere is missing"),
        (lambda m: m.graph_def.library.ClearField("function"), "is missing"),
        (lambda m: m.ClearField("object_graph_def"), "TensorFlow 1"),
        (lambda m: kept(m).nodes[0].ClearField("children"), "no serving signature"),
        (lambda m: kept(m).concrete_functions.clear(), "has no function"),
        (lambda m: m.signature_def.clear(), "not of 32-bit floats"),
        (lambda m: m.meta_info_def.ClearField("tags"), "no model with the tag"),
        (lambda m: [kept(m).nodes[i].ClearField("children") for i in (1, 2)], "holds no weights"),
        (lambda m: setattr(kept(m).nodes[1].children[0], "node_id", 10**6), "damaged|read"),
    ],
)
def test_a_mangled_graph_is_refused(
    saved: Path, tmp_path: Path, how: Callable[[Any], Any], complaint: str
) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "saved"))
    changed(folder, how)
    if complaint == "xx":  # another sound, but a sound
        saved_model.load(folder)
    else:
        refused(folder, complaint)


@pytest.mark.parametrize(
    ("file", "share", "complaint"),
    [
        ("saved_model.pb", 0.5, "damaged"),
        ("saved_model.pb", 0.0, "no model with the tag"),
        ("variables/variables.index", 0.5, "damaged"),
        ("variables/variables.index", None, "index is missing"),
        ("variables/variables.data-00000-of-00001", 0.5, "damaged"),
        ("variables/variables.data-00000-of-00001", None, "damaged"),
    ],
)
def test_a_saved_model_cut_short_is_refused(
    saved: Path, tmp_path: Path, file: str, share: float | None, complaint: str
) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "saved"))
    data = (folder / file).read_bytes()
    if share is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(data[: int(share * len(data))])
    refused(folder, complaint)


def test_weights_that_were_changed_on_the_way_are_noticed(saved: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "saved"))
    file = folder / "variables" / "variables.data-00000-of-00001"
    data = bytearray(file.read_bytes())
    data[::64] = bytes(len(data[::64]))
    file.write_bytes(bytes(data))
    refused(folder, "damaged")


def test_a_graph_that_is_too_large_is_not_read(saved: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "saved"))
    with (folder / "saved_model.pb").open("r+b") as file:
        file.truncate(saved_model.MOST_GRAPH + 1)
    refused(folder, "larger than 64 MB")


def test_an_encoder_that_only_samples_is_refused(tmp_path: Path) -> None:
    assert Sampling is not None
    sound = keras.Input((8,))
    drawn = layers.GaussianNoise(1.0)(layers.Dense(4)(sound), training=True)
    refused(exported(keras.Model(sound, drawn), tmp_path / "s"), "holds .*Random|export the mean")


def test_the_wrong_orientation_is_told_of_a_saved_model_too(saved: Path, tmp_path: Path) -> None:
    foreign = Foreign(22050, n_fft=512, hop=256, orientation="time first")
    with pytest.raises(ForeignError, match="try --orientation frequency"):
        importer.import_model(saved, tmp_path / "mine", foreign, log=quiet)
