"""What people's own `.keras` files hold: every way to take and to give, and what is too much."""

from __future__ import annotations

import json
import resource
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from latentpad.models import vae
from latentpad.models.importing import adapter, anchors
from latentpad.models.importing.importer import Foreign, ForeignError, import_model, inspect
from latentpad.models.importing.layout import layout
from latentpad.models.keras_files import archive as keras_file
from latentpad.models.keras_files import layers as known_layers
from latentpad.models.packs import networks, pack
from latentpad.models.representation import Representation
from tests.forking import Forked

pytestmark = pytest.mark.early

FOREIGN = Foreign(22050, n_fft=64, hop=32, orientation="frequency first", values=(-9.0, 9.0))
Z = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def _first_names() -> None:
    keras.utils.clear_session(free_memory=False)  # takes a quarter of a second


def sound(x: Any) -> Any:
    return layers.Reshape((32, 16, 1))(layers.Dense(512, activation="sigmoid")(x))


def row(x: Any) -> Any:
    return layers.Reshape((32, 16))(layers.Dense(512)(x))


def of(head: Callable[[Any], Any], **how: Any) -> Any:
    z = keras.Input((4,), **how)
    return keras.Model(z, head(z))


def on(policy: str) -> Any:
    keras.config.set_dtype_policy(policy)
    try:
        return of(sound)
    finally:
        keras.config.set_dtype_policy("float32")


def held(inputs: Callable[[Any], Any], outputs: Callable[[Any], Any]) -> Any:
    z = keras.Input((4,), name="z")
    return keras.Model(inputs(z), outputs(sound(z)))


def batched(size: int) -> Any:
    z = keras.Input(batch_shape=(size, 4))
    return keras.Model(z, sound(z))


def sequential(*, built: bool) -> Any:
    listed = [layers.Dense(512), layers.Reshape((32, 16))]
    model = keras.Sequential(listed if built else [keras.Input((4,)), *listed])
    model.build((None, 4))
    return model


def compiled() -> Any:
    model = of(sound)
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(Z, np.zeros((3, 32, 16, 1)), verbose=0)
    return model


def tuned() -> Any:
    model = of(sound)
    model.layers[1].enable_lora(2)
    return model


def within() -> Any:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, activation=layers.LeakyReLU(0.1))])
    return of(lambda z: sound(inner(inner(z))))


def normalising() -> Any:
    layer = layers.Normalization()
    layer.adapt(Z)
    return of(lambda z: sound(layer(z)))


TAKEN: dict[str, Callable[[], Any]] = {
    "a list of one": lambda: held(lambda z: [z], lambda x: [x]),
    "a tuple of one": lambda: held(lambda z: (z,), lambda x: (x,)),
    "lists of lists": lambda: held(lambda z: [[z]], lambda x: [[x]]),
    "by name": lambda: held(lambda z: {"z": z}, lambda x: {"x": x}),
    "given by name": lambda: held(lambda z: z, lambda x: {"x": [x]}),
    "sequential": lambda: sequential(built=False),
    "sequential, built": lambda: sequential(built=True),
    "models within": within,
    "compiled": compiled,
    "fine-tuned": tuned,
    "one at a time": lambda: batched(1),
    "eight at a time": lambda: batched(8),
    "doubles": lambda: on("float64"),
    "halves": lambda: on("mixed_float16"),
    "brain floats": lambda: on("bfloat16"),
    "double input": lambda: of(sound, dtype="float64"),
    "optional input": lambda: of(sound, optional=True),
    "normalising": normalising,
    "whole numbers": lambda: of(lambda z: ops.cast(9 * sound(z), "int32")),
    "operations": lambda: of(lambda z: sound(z) * (1 + ops.sin(row(z)[..., None]))),
    "pieces": lambda: of(lambda z: sound(ops.concatenate(ops.split(z, 2, axis=1)[::-1], 1))),
    "recurrent": lambda: of(
        lambda z: layers.Permute((2, 1))(
            layers.Bidirectional(layers.GRU(16, return_sequences=True))(
                layers.LSTM(5, return_sequences=True)(layers.RepeatVector(16)(z))
            )
        )
    ),
    "attentive": lambda: of(
        lambda z: layers.Attention()([row(z), layers.MultiHeadAttention(2, 4)(row(z), row(z))])
    ),
    "each step": lambda: of(
        lambda z: layers.Permute((2, 1))(
            layers.TimeDistributed(of(layers.Dense(32)))(layers.RepeatVector(16)(z))
        )
    ),
    "spectral": lambda: of(
        lambda z: layers.SpectralNormalization(layers.Conv2D(1, 3, padding="same"))(sound(z))
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_model_that_takes_a_latent_vector_and_gives_a_sound_becomes_a_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(anchors, "DRAWN", 4)
    theirs = TAKEN[name]()
    theirs.save(tmp_path / "d.keras")
    made = import_model(
        tmp_path / "d.keras", tmp_path / "mine", FOREIGN, log=lambda line: None, measure=False
    )
    decoded = np.asarray(networks.load_decoder(made)(Z), np.float32)
    given = [np.repeat(z[None], 8 if name == "eight at a time" else 1, 0) for z in Z]
    each = [theirs({"z": z} if name == "by name" else z) for z in given]
    pictures = [np.asarray(keras.tree.flatten(x)[0], np.float32)[0] for x in each]
    wanted = (np.stack(pictures).reshape(3, 32, 16).transpose(0, 2, 1) + 9) / 18
    error = 0.02 if name in ("halves", "brain floats") else 1e-5
    np.testing.assert_allclose(decoded[:, :, :32], wanted, atol=error, rtol=0)


def test_what_keras_warns_of_is_not_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(anchors, "DRAWN", 4)
    y = keras.Input((4,), name="another")
    inner = keras.Model({"z": y}, {"y": layers.Dense(4)(y)})
    of(lambda z: sound(inner({"z": z})["y"])).save(tmp_path / "d.keras")
    recwarn.clear()
    made = import_model(
        tmp_path / "d.keras", tmp_path / "mine", FOREIGN, log=lambda line: None, measure=False
    )
    networks.load_decoder(made)(Z)
    assert not [w for w in recwarn if issubclass(w.category, UserWarning)]


def test_a_pack_whose_decoder_gives_a_list_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from latentpad.engine.decode.decoder import fastest_decoder

    monkeypatch.setattr(anchors, "DRAWN", 4)
    of(sound).save(tmp_path / "d.keras")
    made = import_model(
        tmp_path / "d.keras", tmp_path / "mine", FOREIGN, log=lambda line: None, measure=False
    )
    z, plain = keras.Input((4,)), networks.load_decoder(made)
    keras.Model([z], {"sound": [plain(z)]}).save(made.decoder_path)
    decoded = fastest_decoder(made)[0].whole(Z)
    np.testing.assert_allclose(decoded, (np.asarray(plain(Z)) - 1) * 100, atol=1e-3)


def overflowing() -> Any:
    model = of(row)
    model.set_weights([np.full(w.shape, 3e38) for w in model.get_weights()])
    return model


def subclass() -> Any:
    class Mine(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(512)

        def call(self, z: Any) -> Any:
            return ops.reshape(self.dense(z), (-1, 32, 16))

    model = Mine()
    model(Z)
    return model


def two(*, named: bool) -> Any:
    z = keras.Input((4,))
    return keras.Model(z, {"a": sound(z), "b": sound(z)} if named else [sound(z), sound(z)])


def of_two() -> Any:
    y, z = keras.Input((4,)), keras.Input((4,))
    return keras.Model([y, z], sound(layers.Concatenate()([y, z])))


def stateful() -> Any:
    z = keras.Input(batch_shape=(1, 4))
    x = layers.RepeatVector(16)(z)
    return keras.Model(z, layers.LSTM(32, return_sequences=True, stateful=True)(x))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "two outputs": (lambda: two(named=False), "gives 2 outputs, not one sound"),
    "two by name": (lambda: two(named=True), "gives 2 outputs, not one sound"),
    "two inputs": (of_two, r"takes \(4,\), \(4,\): a decoder takes one latent vector"),
    "no sound": (lambda: of(lambda z: z), "a spectrogram has two fixed axes"),
    "flat": (lambda: of(layers.Dense(512)), "a spectrogram has two fixed axes"),
    "whole numbers in": (
        lambda: of(lambda z: sound(layers.Flatten()(layers.Embedding(5, 3)(z))), dtype="int32"),
        "takes int32, not floats",
    ),
    "truth": (lambda: of(lambda z: sound(z) > 0.5), "gives truth values"),
    "more than one": (
        lambda: of(lambda z: ops.reshape(layers.Dense(1024)(z), (-1, 32, 16))),
        "does not give one sound for one latent vector",
    ),
    "overflowing": (overflowing, "gives values that are not finite"),
    "a class of one's own": (subclass, r"holds .*\bMine, code that is not Keras' own"),
    "an activation of one's own": (
        lambda: of(lambda z: row(layers.Dense(4, activation=ops.sin)(z))),
        "holds sin, which is not among the known activations",
    ),
    "unrolled": (
        lambda: of(lambda z: layers.LSTM(4, unroll=True)(layers.RepeatVector(3)(z))),
        "with unroll: save it with unroll=False",
    ),
    "stateful": (stateful, "with stateful: save it with stateful=False"),
    "not listed": (
        lambda: of(lambda z: layers.STFTSpectrogram()(layers.Dense(4096)(z)[..., None])),
        "STFTSpectrogram, which is not among the known layers: refused",
    ),
    "dilated": (
        lambda: of(lambda z: layers.Conv2DTranspose(1, 3, dilation_rate=2)(sound(z))),
        "with dilation: refused",
    ),
    "channels first": (
        lambda: of(lambda z: layers.Conv2D(1, 1, data_format="channels_first")(sound(z))),
        "of channels first: save it channels last",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_model_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    make, complaint = REFUSED[name]
    make().save(tmp_path / "d.keras")
    refused(tmp_path / "d.keras", complaint)


def refused(path: Path, complaint: str) -> None:
    with pytest.raises(ForeignError, match=complaint) as caught:
        import_model(path, path.parent / "mine", FOREIGN, log=lambda line: None, measure=False)
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).isprintable()
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_a_message_quotes_of_a_file_steers_no_terminal(tmp_path: Path) -> None:
    of(sound).save(tmp_path / "d.keras")
    rewritten(tmp_path / "d.keras", lambda text: text.replace('"Dense"', r'"\u001b[2J\u0007"'))
    refused(tmp_path / "d.keras", "not among the known layers")


def test_what_keras_raises_while_a_model_plays_is_one_line(tmp_path: Path) -> None:
    of(lambda z: ops.reshape(sound(z), (1, 32, 16))).save(tmp_path / "d.keras")
    refused(tmp_path / "d.keras", "cannot be played: InvalidArgumentError: ")


@pytest.mark.parametrize(
    ("low", "high", "z"),
    [("z_log_var", "z_mean", "a"), ("logvar", "mu", "z"), ("var", "mean", "z")],
)
def test_an_encoders_outputs_are_known_by_their_names(
    tmp_path: Path, low: str, high: str, z: str
) -> None:
    given = keras.Input((32, 16, 1))
    flat = layers.Flatten()(given)
    heads = {name: layers.Dense(4)(flat) for name in (low, high, z)}
    keras.Model(given, heads).save(tmp_path / "e.keras")
    theirs = keras_file.load(tmp_path / "e.keras", ForeignError)
    ours = adapter.encoder(theirs, FOREIGN, layout((32, 16, 1), FOREIGN), 4)
    picture = np.random.default_rng(0).uniform(size=(2, 16, 33)).astype(np.float32)
    wanted = keras.Model(given, [heads[high], heads[low]])(
        18 * picture[:, :, :32].transpose(0, 2, 1)[..., None] - 9
    )
    np.testing.assert_allclose(ours(picture), np.concatenate(wanted, axis=1), atol=1e-4)


# ------------------------------------------------------------------ what is too much


def drawn(x: Any) -> Any:
    return row(layers.GlobalAveragePooling1D()(x))


def long(z: Any) -> Any:
    return layers.RepeatVector(30_000)(z)


def small(z: Any) -> Any:
    return layers.Reshape((8, 8, 1))(layers.Dense(64)(z))


def opened() -> Any:
    """A model for any length, within one that has a length."""
    x = keras.Input((None, 4))
    inner = keras.Model(x, layers.Attention()([x, x]))
    return of(lambda z: drawn(inner(long(z))))


def stepwise() -> Any:
    x = keras.Input((3000, 4))
    inner = keras.Model(x, layers.Attention()([x, x]))
    return of(lambda z: layers.TimeDistributed(inner)(layers.Reshape((10, 3000, 4))(long(z))))


def doubling() -> Any:
    """Each model calls the one within it nine times."""
    model = of(layers.Dense(4))
    for _ in range(12):
        x = z = keras.Input((4,))
        for _ in range(9):
            x = model(x)
        model = keras.Model(z, x)
    return model


def hidden(z: Any) -> Any:
    """Steps that are hidden among the batch."""
    x = ops.reshape(long(z), (-1, 4))
    return ops.reshape(ops.sum(ops.matmul(x, ops.transpose(x)), axis=0), (-1, 30_000))


def many(z: Any) -> Any:
    x = layers.RepeatVector(90)(layers.Dense(600_000)(z))
    return layers.Add()([layers.Activation("relu")(x) for _ in range(8)])


ABSURD: dict[str, tuple[Callable[[], Any], str]] = {
    name: (lambda head=head: of(head), complaint)
    for name, (head, complaint) in {
        "attention": (lambda z: drawn(layers.Attention()([long(z), long(z)])), "attention, that"),
        "additive attention": (
            lambda z: drawn(layers.AdditiveAttention()([long(z), long(z)])),
            "additive_attention, that makes",
        ),
        "many heads": (
            lambda z: drawn(layers.MultiHeadAttention(1, 2)(long(z), long(z))),
            "multi_head_attention, that makes",
        ),
        "heads by keyword": (
            lambda z: layers.MultiHeadAttention(4000, 1)(
                attention_mask=ops.ones_like(layers.Dense(9000)(z))[:, None, :],
                query=layers.RepeatVector(1)(z),
                value=layers.RepeatVector(9000)(z),
                key=layers.RepeatVector(9000)(z),
            ),
            "multi_head_attention, that makes",
        ),
        "grouped heads": (
            lambda z: drawn(layers.GroupQueryAttention(4, 4, 2)(long(z), long(z))),
            "grouped_query_attention, that makes",
        ),
        "a product": (lambda z: drawn(layers.Dot(2)([long(z), long(z)])), "dot, that makes"),
        "an operation": (
            lambda z: drawn(ops.matmul(long(z), ops.transpose(long(z), (0, 2, 1)))),
            "matmul, that makes",
        ),
        "hidden steps": (hidden, "matmul, that makes"),
        "a sum of three": (
            lambda z: ops.einsum("bic,bjc,bk->bk", long(z), long(z), z),
            "more than two tensors",
        ),
        "a loop": (
            lambda z: drawn(layers.LSTM(4, return_sequences=True)(layers.RepeatVector(200_000)(z))),
            "multiplications",
        ),
        "a transposed kernel": (
            lambda z: layers.Conv2DTranspose(1, 511, padding="same")(
                layers.UpSampling2D(8)(small(z))
            ),
            "conv2d_transpose, that makes",
        ),
        "a transposed row": (
            lambda z: layers.Conv1DTranspose(4, 4095, padding="same")(long(z)),
            "conv1d_transpose, that makes",
        ),
        "a kernel": (
            lambda z: layers.Conv2D(1, 999, padding="same")(layers.UpSampling2D(128)(small(z))),
            "multiplications",
        ),
        "pixels": (lambda z: layers.UpSampling2D(10**6)(small(z)), "up_sampling2d, that makes"),
        "smooth pixels": (
            lambda z: layers.UpSampling2D(10**6, interpolation="bilinear")(small(z)),
            "up_sampling2d, that makes",
        ),
        "strides": (
            lambda z: layers.Conv2DTranspose(1, 3, 10**5)(small(z)),
            "conv2d_transpose, that makes",
        ),
        "padding": (lambda z: layers.ZeroPadding2D(10**6)(small(z)), "padding2d, that makes"),
        "repeats": (layers.RepeatVector(10**12), "repeat_vector, that makes"),
        "many of them": (many, "layers that make .* numbers of one sound"),
    }.items()
} | {
    "an open length": (opened, "of no fixed shape"),
    "each of many steps": (stepwise, "time_distributed, that makes"),
    "models that call": (doubling, "layers that make .* numbers of one sound"),
}


@pytest.mark.parametrize("name", ABSURD)
def test_a_model_that_would_take_too_much_is_refused_by_its_shapes(
    tmp_path: Path, name: str
) -> None:
    make, complaint = ABSURD[name]
    make().save(tmp_path / "d.keras")
    with pytest.raises(ForeignError, match=complaint) as caught:
        inspect(tmp_path / "d.keras")
    assert "\n" not in str(caught.value)


def memory_for_what_is_refused(folder: Path) -> None:
    """Print by how many kB, or bytes on macOS, each model lets this process grow."""

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for path in sorted(folder.glob("*.keras")):
        ops.ones(9)
        before = peak()
        try:
            inspect(path)
        except ForeignError:
            print(peak() - before)
        else:
            print("taken")


def test_no_memory_is_taken_for_what_is_refused(tmp_path: Path) -> None:
    for name in ("attention", "a transposed kernel", "pixels"):
        ABSURD[name][0]().save(tmp_path / f"{name}.keras")
    done = Forked(memory_for_what_is_refused, tmp_path).end(300)
    assert done.returncode == 0, done.stderr
    grown = done.stdout.split()
    unit = 1 if sys.platform == "darwin" else 1024
    assert len(grown) == 3 and all(int(n) * unit < 200 << 20 for n in grown), grown


def rewritten(path: Path, change: Callable[[str], str]) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    changed = change(content["config.json"].decode())
    assert changed.encode() != content["config.json"]
    content["config.json"] = changed.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def repeated(count: int) -> Callable[[str], str]:
    """The same layer, again and again."""

    def change(text: str) -> str:
        content = json.loads(text)
        content["config"]["layers"] += [content["config"]["layers"][-1]] * count
        return json.dumps(content)

    return change


def nested(depth: int) -> Callable[[str], str]:
    def change(text: str) -> str:
        inner = json.loads(text)
        for _ in range(depth):
            kind = {"module": "keras", "class_name": "Sequential", "registered_name": None}
            inner = kind | {"config": {"name": "s", "layers": [inner]}}
        return json.dumps(inner)

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: text.replace('"sigmoid"', '{"module": "builtins", "class_name": "function", '
                                   '"config": ["relu"], "registered_name": "function"}'),
         "which is not among the known activations"),
        (repeated(5000), "more than 2000 layers"),
        (nested(20), "layers more than 16 deep"),
        (nested(300), "layers more than 16 deep|recursion"),
        (lambda text: text.replace('"indices_or_sections": 2', '"indices_or_sections": 4000000'),
         "holds Split into 4000000 pieces: 1000 are the most"),
        (lambda text: text.replace('"indices_or_sections": 2', '"indices_or_sections": null'),
         "holds Split into None pieces"),
        (lambda text: text.replace('"sigmoid"', '{"module": "builtins", "class_name": "function", '
                                   '"config": "eval", "registered_name": "function"}'),
         "holds eval, which is not among the known activations"),
        (lambda text: text.replace('"sigmoid"', '{"module": "keras.layers", "class_name": '
                                   '"function", "config": "Lambda", "registered_name": null}'),
         "keras.layers.function, which is not among the known layers"),
        (lambda text: text.replace('"module": "keras.layers", "class_name": "Reshape"',
                                   '"class_name": "StringLookup"'),
         "StringLookup, which is not among the known layers"),
    ],
)  # fmt: skip
def test_a_description_that_names_too_much_is_refused(
    tmp_path: Path, change: Callable[[str], str], complaint: str
) -> None:
    of(lambda z: sound(ops.split(z, 2, axis=1)[0])).save(tmp_path / "d.keras")
    rewritten(tmp_path / "d.keras", change)
    refused(tmp_path / "d.keras", complaint)


# ------------------------------------------------------------------ what must stay


@pytest.mark.parametrize("latent", [1, 4, 256])
def test_the_models_that_training_makes_are_within_the_limits(tmp_path: Path, latent: int) -> None:
    def complain(what: str) -> Exception:
        return AssertionError(what)

    # The longest sound of a rate and a hop that are usual, and the widest recipe.
    for r in (
        Representation(48000, 1024, 256, "gauss", 188, 90.0),
        Representation(96000, 4096, 1024, "hann", 2000, 90.0),
    ):
        for i, model in enumerate(vae.build(r, latent)):
            model.save(tmp_path / f"{i}.keras")
            keras_file.outline(tmp_path / f"{i}.keras", complain)


def test_what_is_long_but_cheap_is_taken(tmp_path: Path) -> None:
    mixed = keras.ops.convert_to_numpy(keras.random.normal((4, 64)))
    of(lambda z: ops.matmul(long(z), mixed)).save(tmp_path / "matmul.keras")
    of(lambda z: layers.Attention()([layers.RepeatVector(1)(z), long(z)])).save(
        tmp_path / "attention.keras"
    )
    assert inspect(tmp_path / "matmul.keras").outputs == ((30_000, 64),)
    assert inspect(tmp_path / "attention.keras").outputs == ((1, 4),)


def test_the_shipped_packs_are_within_the_limits() -> None:
    for name in ("footsteps", "oneshots"):
        shipped = pack.load(pack.find(name))
        kept, work = known_layers.total(networks.load_decoder(shipped))
        assert 0 < kept < 1 << 20 and 1 << 20 < work < 1 << 30
        assert networks.load_encoder(shipped).output_shape == (None, 2 * shipped.latent_dim)


def test_every_listed_layer_is_keras_own() -> None:
    for name in known_layers.LAYERS:
        if hasattr(layers, name):
            assert getattr(layers, name).__name__ in known_layers.LAYERS, name
        else:
            assert name == "GroupedQueryAttention"
    from keras.src.ops import core, einops, math, nn, numpy

    for name in known_layers.OPERATIONS:
        assert any(hasattr(module, name) for module in (core, einops, math, nn, numpy)), name
