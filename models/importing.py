"""Bring your own VAE: a foreign decoder, and its encoder if there is one, become a model pack.

Taken are Keras 3's `.keras` files and TensorFlow.js Layers models, both read with distrust: what
a file names, and how much it claims, is known before Keras sees it. No code of a file runs.
"""

from __future__ import annotations

import io
import json
import math
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models import adapting, cost, dataset, maps, networks, pack, tfjs
from models import sound_map as sound_maps
from models.adapting import MOST_BYTES, Foreign, ForeignError, reason
from models.representation import Floats, Representation, outline

__all__ = ["Foreign", "ForeignError", "Shapes", "bring", "inspect"]

DRAWN = 256
MOST_ON_A_MAP = 5000  # more anchors and t-SNE takes minutes: principal axes instead
KERAS_FILES = ("config.json", "metadata.json", "model.weights.h5")


@dataclass(frozen=True)
class Shapes:
    """What a model file maps to what, without the batch."""

    kind: str  # "Keras" | "TensorFlow.js"
    inputs: tuple[tuple[int | None, ...], ...]
    outputs: tuple[tuple[int | None, ...], ...]
    weights: int


def inspect(path: Path) -> Shapes:
    """What is in a model file; takes none of its memory. Raises ForeignError. Imports Keras."""
    kind, file = _kind(path)
    model = tfjs.outline(file) if kind == "TensorFlow.js" else _keras_outline(file)
    ends = [tuple(tuple(t.shape[1:]) for t in end) for end in (model.inputs, model.outputs)]
    return Shapes(kind, ends[0], ends[1], sum(math.prod(w.shape) for w in model.weights))


def bring(
    decoder: Path,
    out: Path,
    foreign: Foreign,
    *,
    encoder: Path | None = None,
    sounds: Path | None = None,
    sound_map: Path | None = None,
    title: str = "",
    licence: str = "unknown",
    seed: int = 0,
    say: Callable[[str], None] = print,
    measure: bool = True,
) -> pack.Pack:
    """Write the pack `out` around a foreign decoder; nothing is left of it if anything is wrong.

    Anchors are the `sounds` (a folder) as the encoder hears them, or the rows of a sound map,
    or `DRAWN` points of N(0, 1). `measure` notes what a decode costs, in a process of its own.
    Raises ForeignError, PackError, SoundMapError, DatasetError, AudioError, each of one line.
    """
    pack.check_target(out)
    if sounds is not None and sound_map is not None:
        raise ForeignError("give --sounds or a sound map, not both")
    if sounds is not None and encoder is None:
        raise ForeignError(f"{sounds}: sounds need an encoder to find their places")
    theirs = _load(decoder)
    latent = _latent(decoder, theirs)
    try:
        layout = adapting.layout(tuple(theirs.outputs[0].shape[1:]), foreign)
        ours = adapting.decoder(theirs, foreign, layout)
    except ForeignError as error:
        raise ForeignError(f"{decoder}: {error}") from None
    if layout.guessed:
        say(f"guessed from the shape {layout.shape}: {', '.join(layout.guessed)}")
    for line in _doubts(decoder, theirs, foreign, latent, seed):
        say(line)
    hears = None
    if encoder is not None:
        try:
            hears = adapting.encoder(_load(encoder), foreign, layout, latent)
        except ForeignError as error:
            told = str(error)
            raise ForeignError(
                told if told.startswith(str(encoder)) else f"{encoder}: {told}"
            ) from None
    r = layout.representation
    places = _places(latent, r, hears, sounds, sound_map, seed, say)
    levels = _levels(ours, places.latents, r)
    anchors = pack.Anchors(
        latents=places.latents,
        labels=np.array([row["label"] for row in places.sources]),
        ids=np.array([row["id"] for row in places.sources]),
        names=np.array([row["name"] for row in places.sources]),
        loudness=levels[0],
        onset=levels[1],
    )
    kl = places.kl or telling(ours, places.latents, r.range_db, seed)
    made = pack.Pack(
        path=out,
        name=out.name,
        title=title or out.name,
        licence=licence,
        representation=r,
        latent_dim=latent,
        kl=kl,
        anchors=anchors,
        planes={"map": _plane(places.latents, seed)},
        default_plane="map",
        training={
            "imported": decoder.name,
            "anchors": places.origin,
            "guessed": list(layout.guessed),
            "foreign": {k: v for k, v in asdict(foreign).items() if v is not None},
        },
    )
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        trial = replace(made, path=Path(folder) / out.name)
        pack.save(trial, hears, ours, places.sources)
        _proved(trial, ours, hears, places.latents[:8])
        if measure:
            figures = cost.decode(trial.decoder_path, 100)
            say(f"a decode takes {figures['p50_ms']:g} ms on one core")
            made = replace(made, training={**made.training, "decode": figures})
    pack.save(made, hears, ours, places.sources)
    return pack.load(out)


@dataclass(frozen=True)
class _Places:
    latents: Floats
    sources: list[dict[str, str]]
    origin: str
    kl: tuple[float, ...] | None = None


def _places(
    latent: int,
    r: Representation,
    encoder: Any,
    sounds: Path | None,
    table: Path | None,
    seed: int,
    say: Callable[[str], None],
) -> _Places:
    if sounds is not None:
        from models import vae

        found = dataset.clips(sounds, None, seed)
        heard, _ = dataset.spectrograms(found, r)
        encoded = encoder.predict(heard, 32, verbose=0)
        if not np.isfinite(encoded).all():
            raise ForeignError(f"{sounds}: the encoder gives values that are not finite")
        mean, logvar = (np.asarray(x, np.float32) for x in vae.split(encoded))
        rows = [
            {"id": c.id, "name": c.id, "label": c.label, "split": c.split, "group": c.group}
            | c.credits
            for c in found
        ]
        said = not np.allclose(logvar, adapting.LOGVAR)
        nats = np.asarray(vae.kl(mean, logvar)).mean(axis=0)
        return _Places(mean, rows, "sounds", tuple(map(float, nats)) if said else None)
    if table is not None:
        placed, latents, complaints, _ = sound_maps.read(table, latent)
        for line in complaints:
            say(line)
        if not placed:
            raise ForeignError(f"{table}: holds no sound with {latent} latents, as the decoder has")
        if len({p.id for p in placed}) != len(placed):
            raise ForeignError(f"{table}: holds the same id twice")
        rows = [
            {"id": _line(p.id), "name": _line(p.name), "label": _line(p.label), "url": p.url}
            | {"licence": p.licence, "author_attribution": p.author}
            for p in placed
        ]
        return _Places(latents.copy(), rows, "sound map")
    say(f"no sounds and no sound map: {DRAWN} points drawn from N(0, 1), seed {seed}, are anchors")
    drawn = np.random.default_rng(seed).normal(size=(DRAWN, latent)).astype(np.float32)
    rows = [
        {"id": f"drawn {i}", "name": f"drawn {i}", "label": "drawn"} for i in range(1, DRAWN + 1)
    ]
    return _Places(drawn, rows, "drawn")


def _line(text: str) -> str:
    return " ".join(text.split())[:100]


def telling(decoder: Any, latents: Floats, range_db: float, seed: int) -> tuple[float, ...]:
    """Nats that each latent would tell through 1 dB of noise: stands in for an unknown KL.

    Half the logarithm of one plus the power of the change of sound, in dB, that a step of 1 in the
    latent makes, at 32 anchors (a Gaussian channel's capacity: Shannon 1948).
    """
    chosen = np.random.default_rng(seed).permutation(len(latents))[:32]
    result = []
    for d in range(latents.shape[1]):
        step = np.zeros(latents.shape[1], np.float32)
        step[d] = 0.5
        up, down = (np.asarray(decoder(latents[chosen] + s)) for s in (step, -step))
        power = float(np.mean(np.square(range_db * (up - down))))
        result.append(0.5 * math.log1p(power))
    return tuple(result)


def _levels(decoder: Any, latents: Floats, r: Representation) -> tuple[Floats, Floats]:
    """Loudness and onset of each anchor, decoded."""
    levels = np.empty((2, len(latents)), np.float32)
    for first in range(0, len(latents), 32):
        decoded = np.asarray(decoder(latents[first : first + 32], training=False))
        if not np.isfinite(decoded).all():
            raise ForeignError("the decoder gives values that are not finite at an anchor")
        for i, frames in enumerate(decoded, start=first):
            levels[:, i] = outline(r.unscaled(frames), r)[:2]
    return levels[0], levels[1]


def _plane(latents: Floats, seed: int) -> Floats:
    if len(latents) <= MOST_ON_A_MAP or latents.shape[1] < 3:
        import sklearn.manifold  # noqa: F401  # its threads are known once it is there
        from threadpoolctl import threadpool_limits

        # Beside TensorFlow's threads its own wait for each other: 17 s for what takes one 0.6 s.
        with threadpool_limits(1, user_api="openmp"):
            return maps.tsne(latents, seed)
    centred = latents - latents.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ axes[:, :-3:-1], np.float32)


def _doubts(path: Path, model: Any, foreign: Foreign, latent: int, seed: int) -> list[str]:
    """What the model's own numbers say against the settings. Raises ForeignError."""
    drawn = np.random.default_rng(seed).normal(size=(16, latent)).astype(np.float32)
    given = np.asarray(model(drawn, training=False))
    if not np.isfinite(given).all():
        raise ForeignError(f"{path}: the decoder gives values that are not finite")
    lines, (low, high) = [], foreign.values
    spare = 0.1 * (high - low)
    known = foreign.scale == "db" or foreign.levels is not None
    if known and not low - spare <= given.min() <= given.max() <= high + spare:
        lines.append(
            f"the decoder gives {given.min():.3g}...{given.max():.3g}, more than the values "
            f"{low:g}...{high:g}: are the values and the scale right?"
        )
    if np.ptp(given, axis=0).max() < 1e-6 * (high - low):
        lines.append("the decoder gives the same sound at 16 points: are its weights trained?")
    return lines


def _proved(trial: pack.Pack, ours: Any, hears: Any, latents: Floats) -> None:
    """Read back what was written as the engine will. Raises ForeignError, PackError."""
    written = np.asarray(networks.load_decoder(trial)(latents))
    if not np.allclose(written, np.asarray(ours(latents)), atol=1e-4):
        raise ForeignError("the decoder sounds otherwise once it is saved: it cannot be kept")
    if hears is not None:
        networks.load_encoder(trial)


def _latent(path: Path, model: Any) -> int:
    inputs = [tuple(t.shape[1:]) for t in model.inputs]
    if len(inputs) != 1 or len(inputs[0]) != 1 or not isinstance(inputs[0][0], int):
        listed = ", ".join(map(str, inputs))
        raise ForeignError(f"{path}: takes {listed}: a decoder takes one latent vector")
    if not 1 <= inputs[0][0] <= 64:
        raise ForeignError(f"{path}: takes {inputs[0][0]} latents, outside 1...64")
    if len(model.outputs) != 1:
        raise ForeignError(f"{path}: gives {len(model.outputs)} outputs, not one sound")
    return int(inputs[0][0])


def _kind(path: Path) -> tuple[str, Path]:
    """("Keras" | "TensorFlow.js", the file to open). Raises ForeignError."""
    if path.is_dir():
        if (path / "model.json").is_file():
            return "TensorFlow.js", path / "model.json"
        if (path / "saved_model.pb").is_file():
            raise ForeignError(
                f"{path}: is a SavedModel, operations that safe mode keeps out: open it where it "
                "was made and save the decoder as .keras"
            )
        raise ForeignError(
            f"{path}: holds no model.json: name a .keras file or a TensorFlow.js folder"
        )
    if not path.is_file():
        raise ForeignError(f"{path}: no such file")
    if path.suffix in (".h5", ".hdf5"):
        raise ForeignError(f"{path}: is HDF5: open it where it was made and save it as .keras")
    return ("TensorFlow.js" if path.suffix == ".json" else "Keras"), path


def _load(path: Path) -> Any:
    """The Keras model of a file, with its weights. Raises ForeignError."""
    kind, file = _kind(path)
    if kind == "TensorFlow.js":
        return tfjs.load(file)
    _keras_outline(file)
    import keras

    try:
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    # Keras raises whatever its layers raise on a malformed file.
    except Exception as error:
        raise ForeignError(f"{file}: cannot be loaded: {reason(error)}") from None


def _keras_outline(path: Path) -> Any:
    """The model of a `.keras` file with shapes and no weights. Raises ForeignError."""
    config, held = _opened(path)
    if "compile_config" in config:
        config = {**config, "compile_config": None}
    import keras

    def make() -> Any:
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
            raise ForeignError(f"{path}: is no Functional or Sequential model of known input shape")
        return model

    return adapting.weighed(make, held, str(path))


def _opened(path: Path) -> tuple[dict[str, Any], int]:
    """config.json, checked to name Keras' layers only, and how many numbers the weights are."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {m.filename: m.file_size for m in archive.infolist()}
            if missing := [n for n in KERAS_FILES if n not in sizes]:
                raise ForeignError(f"{path}: is no Keras 3 file: {missing[0]} is missing")
            if others := [n for n in sizes if n not in KERAS_FILES]:
                raise ForeignError(f"{path}: holds {others[0][:60]!r}, more than a plain model")
            if sizes["config.json"] > tfjs.MOST_JSON or sum(sizes.values()) > MOST_BYTES:
                raise ForeignError(f"{path}: unpacks to {sum(sizes.values()) >> 20} MB: refused")
            config = json.loads(archive.read("config.json"))
            held = _held(path, archive.read("model.weights.h5"))
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        OSError,
        RuntimeError,
        EOFError,
        OverflowError,
    ) as error:
        raise ForeignError(f"{path}: is no Keras 3 file: {reason(error)}") from None
    if not isinstance(config, dict):
        raise ForeignError(f"{path}: config.json describes no model")
    _plain(path, config)
    return config, held


def _plain(path: Path, config: Any) -> None:
    """Refuse a description that names anything but Keras' own layers."""
    waiting: list[Any] = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        if not isinstance(node, dict):
            continue
        waiting.extend(node.values())
        if "class_name" not in node:
            continue
        name, place = str(node["class_name"])[:60], node.get("module")
        own = node.get("registered_name") not in (None, node["class_name"])
        # Keras writes a DType, a tensor's and a slice's description without a module.
        known = place in (None, "keras") or any(
            place == p or str(place).startswith(p + ".") for p in networks.PLACES
        )
        if name in networks.REFUSED or own or not known:
            told = tfjs.sampling(name) or f"{str(place)[:60]}.{name}: is code, not Keras' own layer"
            raise ForeignError(f"{path}: {told}: refused")


def _held(path: Path, data: bytes) -> int:
    """How many numbers an HDF5 file of weights holds; nothing outside it, no more than it may."""
    import h5py

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            count, seen, waiting = 0, 0, [file]
            while waiting:
                group = waiting.pop()
                for key in group:
                    seen += 1
                    if seen > 100_000 or not isinstance(
                        group.get(key, getlink=True), h5py.HardLink
                    ):
                        raise ForeignError(f"{path}: model.weights.h5 has links: refused")
                    node = group[key]
                    if isinstance(node, h5py.Group):
                        waiting.append(node)
                    elif (
                        not isinstance(node, h5py.Dataset)
                        or node.external
                        or node.is_virtual
                        or node.dtype.kind not in "fiub"
                    ):
                        raise ForeignError(f"{path}: model.weights.h5: {key[:60]!r} is no weight")
                    else:
                        count += math.prod(node.shape)
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, OverflowError) as error:
        raise ForeignError(f"{path}: model.weights.h5 cannot be read: {reason(error)}") from None
    if 4 * count > MOST_BYTES:
        raise ForeignError(f"{path}: holds more than {MOST_BYTES >> 20} MB of weights")
    return count
