"""Bring your own VAE: a foreign decoder, and its encoder if there is one, become a model pack.

Taken are Keras 3's `.keras` files, TensorFlow.js Layers models and SavedModels, all read with
distrust: what a file names, and how much it claims, is known first. No code of a file runs.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from latentpad.models import decode_cost
from latentpad.models.audio.reading import AudioError
from latentpad.models.importing import adapter, keras2, saved_model, tfjs
from latentpad.models.importing import anchors as anchoring
from latentpad.models.importing import inputs as given
from latentpad.models.importing.layout import Foreign, ForeignError, layout
from latentpad.models.keras_files import archive
from latentpad.models.keras_files.memory import batch_size, keras_reason
from latentpad.models.maps import projection
from latentpad.models.packs import networks, pack
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.representation import Floats
from latentpad.models.training.dataset import DatasetError

__all__ = ["Foreign", "ForeignError", "Shapes", "import_model", "inspect"]

KERAS, KERAS2, TFJS, SAVED = "Keras", "Keras 2", "TensorFlow.js", "SavedModel"
READERS = {KERAS2: keras2, TFJS: tfjs}


@dataclass(frozen=True)
class Shapes:
    """What a model file maps to what, without the batch."""

    kind: str  # KERAS | KERAS2 | TFJS | SAVED
    inputs: tuple[tuple[int | None, ...], ...]
    outputs: tuple[tuple[int | None, ...], ...]
    weights: int


def inspect(path: Path) -> Shapes:
    """What is in a model file. Raises ForeignError. Imports Keras.

    Takes none of the memory that a model claims; a SavedModel is read.
    """
    kind, file = _kind(path)
    if kind == SAVED:
        model = saved_model.load(file)
    elif kind == KERAS:
        model = archive.outline(file, _about(file))
    else:
        model = READERS[kind].outline(file)
    ends = [tuple(tuple(t.shape[1:]) for t in end) for end in (model.inputs, model.outputs)]
    return Shapes(kind, ends[0], ends[1], sum(math.prod(w.shape) for w in model.weights))


def sound_shape(decoder: Path) -> tuple[int, ...]:
    """What a decoder gives for one latent vector. Raises ForeignError."""
    shapes = inspect(decoder)
    if len(shapes.outputs) != 1:
        raise ForeignError(f"{decoder}: gives {len(shapes.outputs)} outputs, not one sound")
    (shape,) = shapes.outputs
    if len(shape) not in (2, 3) or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ForeignError(f"{decoder}: gives {shape}: a spectrogram has two fixed axes")
    return tuple(n for n in shape if n is not None)


def import_model(
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
    log: Callable[[str], None] = print,
    progress: ProgressCallback = no_progress,
    measure: bool = True,
) -> pack.Pack:
    """Write the pack `out` around a foreign decoder; nothing is left of it if anything is wrong.

    Anchors are the `sounds` (a folder) as the encoder hears them, or the rows of a sound map,
    or points drawn from N(0, 1). `measure` notes what a decode costs, in a process of its own.
    `progress` hears how far it is.
    Raises ForeignError, PackError, SoundMapError, DatasetError, each of one line.
    """
    pack.check_target(out)
    given.check(decoder, encoder, sounds, sound_map)
    progress("reading the model", 0, 0)
    with _naming(decoder):
        theirs = _load(decoder)
        latent = _latent(theirs)
        where = layout(tuple(theirs.outputs[0].shape[1:]), foreign)
        ours = adapter.decoder(theirs, foreign, where)
    if where.guessed:
        log(f"guessed from the shape {where.shape}: {', '.join(where.guessed)}")
    with _naming(decoder):
        doubts = _doubts(theirs, foreign, latent, seed)
    for line in doubts:
        log(line)
    hears = None
    if encoder is not None:
        with _naming(encoder):
            hears = adapter.encoder(_load(encoder), foreign, where, latent)
    r = where.representation
    if sounds is not None and encoder is not None:
        with _naming(encoder):
            places = anchoring.from_sounds(sounds, hears, r, seed, log, progress)
    elif sound_map is not None:
        places = anchoring.from_map(sound_map, latent, log)
    else:
        places = anchoring.from_prior(latent, seed, log)
    with _naming(decoder):
        heard = anchoring.decode_anchors(ours, places.latents, r, progress)
        kl = places.kl or anchoring.estimated_kl(ours, places.latents, r.range_db, seed)
    progress("drawing the map", 0, 0)
    drawn = projection.tsne(places.latents, seed)
    anchors = pack.Anchors(
        latents=places.latents,
        labels=np.array([row["label"] for row in places.sources]),
        ids=np.array([row["id"] for row in places.sources]),
        names=np.array([row["name"] for row in places.sources]),
        loudness=heard.loudness,
        onset=heard.onset,
    )
    made = pack.Pack(
        path=out,
        name=out.name,
        title=title or out.name,
        licence=licence,
        representation=r,
        latent_dim=latent,
        kl=kl,
        anchors=anchors,
        planes={"map": drawn},
        default_plane="map",
        training={
            "imported": decoder.name,
            "anchors": places.origin,
            "guessed": list(where.guessed),
            "foreign": {k: v for k, v in asdict(foreign).items() if v is not None},
        },
        descriptors=places.described or heard.described,
    )
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        progress("writing the pack", 0, 0)
        trial = replace(made, path=Path(folder) / out.name)
        pack.save(trial, hears, ours, places.sources)
        with _naming(decoder):
            _proved(trial, ours, hears, places.latents[:8])
        if measure:
            progress("measuring a decode", 0, 0)
            with _naming(decoder):
                figures = decode_cost.decode(trial.decoder_path, 100)
            log(f"a decode takes {figures['p50_ms']:g} ms on one core")
            made = replace(made, training={**made.training, "decode": figures})
    pack.save(made, hears, ours, places.sources)
    return pack.load(out)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let what is wrong with a model be one line that names its file."""
    try:
        yield
    except ForeignError as error:
        told = str(error)
        raise ForeignError(told if told.startswith(str(path)) else f"{path}: {told}") from None
    except (AudioError, DatasetError, OSError):
        raise
    # Keras and TensorFlow raise whatever they raise on what does not fit together.
    except Exception as error:
        what = f"{type(error).__name__}: {keras_reason(error)}"
        raise ForeignError(f"{path}: cannot be played: {what}") from None


def _doubts(model: Any, foreign: Foreign, latent: int, seed: int) -> list[str]:
    """What the model's own numbers say against the settings. Raises ForeignError."""
    drawn = np.random.default_rng(seed).normal(size=(16, latent)).astype(np.float32)
    each = batch_size(model, 16)
    pieces = [model(drawn[i : i + each], training=False) for i in range(0, 16, each)]
    given = np.concatenate([np.asarray(piece) for piece in pieces])
    if not np.isfinite(given).all():
        raise ForeignError("the decoder gives values that are not finite")
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
    """Read back what was written as the engine will. Raises ForeignError."""
    import tensorflow as tf

    try:
        written = networks.load_decoder(trial)
        if hears is not None:
            networks.load_encoder(trial)
    except pack.PackError as error:
        told = str(error).removeprefix(f"{trial.path}: ")
        raise ForeignError(f"once it is saved, {told}") from None
    play = tf.function(lambda z: written(z, training=False))
    for z in latents:
        if not np.allclose(play(z[None]), np.asarray(ours(z[None])), atol=1e-4):
            raise ForeignError("the decoder sounds otherwise once it is saved: it cannot be kept")


def _latent(model: Any) -> int:
    inputs = [tuple(t.shape[1:]) for t in model.inputs]
    if len(inputs) != 1 or len(inputs[0]) != 1 or not isinstance(inputs[0][0], int):
        listed = ", ".join(map(str, inputs))
        raise ForeignError(f"takes {listed}: a decoder takes one latent vector")
    if not 1 <= inputs[0][0] <= 64:
        raise ForeignError(f"takes {inputs[0][0]} latents, outside 1...64")
    if "float" not in str(model.inputs[0].dtype):
        raise ForeignError(f"takes {model.inputs[0].dtype}, not floats: latents are between them")
    if len(model.outputs) != 1:
        raise ForeignError(f"gives {len(model.outputs)} outputs, not one sound")
    if model.outputs[0].dtype == "bool":
        raise ForeignError("gives truth values, not a spectrogram")
    return int(inputs[0][0])


def _kind(path: Path) -> tuple[str, Path]:
    """(KERAS | KERAS2 | TFJS | SAVED, the file or folder to open). Raises ForeignError."""
    if path.is_dir():
        if (path / "model.json").is_file():
            return TFJS, path / "model.json"
        if (path / "saved_model.pb").is_file():
            return SAVED, path
        raise ForeignError(
            f"{path}: holds no model.json or saved_model.pb: name a .keras file, or the folder of "
            "a TensorFlow.js model or a SavedModel"
        )
    if not path.is_file():
        raise ForeignError(f"{path}: no such file")
    if path.name == "saved_model.pb":
        return SAVED, path.parent
    if path.suffix == ".json":
        return TFJS, path
    return (KERAS2 if keras2.is_keras2(path) else KERAS), path


def _load(path: Path) -> Any:
    """The Keras model of a file, with its weights. Raises ForeignError."""
    kind, file = _kind(path)
    if kind == KERAS:
        return archive.load(file, _about(file))
    return saved_model.load(file) if kind == SAVED else READERS[kind].load(file)


def _about(path: Path) -> Callable[[str], ForeignError]:
    return lambda what: ForeignError(f"{path}: {what}")
