"""Imports a foreign decoder, and its encoder if there is one, as a model pack.

Formats: Keras `.keras` and `.h5` files, TensorFlow.js Layers models and SavedModels. All are
checked before they are built: the layers that a file names, and the sizes that it claims. No code
in a file is run.
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
from latentpad.models.packs.limits import MOST_LATENTS
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.representation import Floats
from latentpad.models.training.dataset import DatasetError

__all__ = ["Foreign", "ForeignError", "Shapes", "import_model", "inspect"]

KERAS, KERAS2, TFJS, SAVED = "Keras", "Keras 2", "TensorFlow.js", "SavedModel"
READERS = {KERAS2: keras2, TFJS: tfjs}


@dataclass(frozen=True)
class Shapes:
    """The input and output shapes of a model file, without the batch."""

    kind: str  # KERAS | KERAS2 | TFJS | SAVED
    inputs: tuple[tuple[int | None, ...], ...]
    outputs: tuple[tuple[int | None, ...], ...]
    weights: int


def inspect(path: Path) -> Shapes:
    """The shapes of a model file. Raises ForeignError. Imports Keras.

    Allocates no weights; but a SavedModel is loaded.
    """
    kind, file = _kind(path)
    if kind == SAVED:
        model = saved_model.load(file)
    elif kind == KERAS:
        model = archive.outline(file, _complaint(file))
    else:
        model = READERS[kind].outline(file)
    ends = [tuple(tuple(t.shape[1:]) for t in end) for end in (model.inputs, model.outputs)]
    return Shapes(kind, ends[0], ends[1], sum(math.prod(w.shape) for w in model.weights))


def sound_shape(decoder: Path) -> tuple[int, ...]:
    """The shape of a decoder's output for one latent vector. Raises ForeignError."""
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
    """Write the pack `out` with a foreign decoder; after an error nothing of it is left.

    Anchors are the encoded `sounds` (a folder), the rows of a sound map, or points drawn from N(0,
    1). `measure`: measure the time of a decode, in another process. `progress` is called as work
    goes on. Raises ForeignError, PackError, SoundMapError, DatasetError, each of one line.
    """
    pack.check_target(out)
    given.check(decoder, encoder, sounds, sound_map)
    progress("reading the model", 0, 0)
    with _naming(decoder):
        foreign_decoder = _load(decoder)
        latent = _latent(foreign_decoder)
        output_layout = layout(tuple(foreign_decoder.outputs[0].shape[1:]), foreign)
        wrapped_decoder = adapter.decoder(foreign_decoder, foreign, output_layout)
    if output_layout.guessed:
        log(f"guessed from the shape {output_layout.shape}: {', '.join(output_layout.guessed)}")
    with _naming(decoder):
        warnings = _warnings(foreign_decoder, foreign, latent, seed)
    for line in warnings:
        log(line)
    wrapped_encoder = None
    if encoder is not None:
        with _naming(encoder):
            wrapped_encoder = adapter.encoder(_load(encoder), foreign, output_layout, latent)
    r = output_layout.representation
    if sounds is not None and encoder is not None:
        with _naming(encoder):
            imported = anchoring.from_sounds(sounds, wrapped_encoder, r, seed, log, progress)
    elif sound_map is not None:
        imported = anchoring.from_map(sound_map, latent, log)
    else:
        imported = anchoring.from_prior(latent, seed, log)
    with _naming(decoder):
        decoded = anchoring.decode_anchors(wrapped_decoder, imported.latents, r, progress)
        kl = imported.kl or anchoring.estimated_kl(
            wrapped_decoder, imported.latents, r.range_db, seed
        )
    progress("drawing the map", 0, 0)
    map_plane = projection.tsne(imported.latents, seed)
    anchors = pack.Anchors(
        latents=imported.latents,
        labels=np.array([row["label"] for row in imported.sources]),
        ids=np.array([row["id"] for row in imported.sources]),
        names=np.array([row["name"] for row in imported.sources]),
        loudness=decoded.loudness,
        onset=decoded.onset,
    )
    new_pack = pack.Pack(
        path=out,
        name=out.name,
        title=title or out.name,
        licence=licence,
        representation=r,
        latent_dim=latent,
        kl=kl,
        anchors=anchors,
        planes={"map": map_plane},
        default_plane="map",
        training={
            "imported": decoder.name,
            "anchors": imported.origin,
            "guessed": list(output_layout.guessed),
            "foreign": {k: v for k, v in asdict(foreign).items() if v is not None},
        },
        descriptors=imported.described or decoded.described,
    )
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        progress("writing the pack", 0, 0)
        trial = replace(new_pack, path=Path(folder) / out.name)
        pack.save(trial, wrapped_encoder, wrapped_decoder, imported.sources)
        with _naming(decoder):
            _check_saved(trial, wrapped_decoder, wrapped_encoder, imported.latents[:8])
        if measure:
            progress("measuring a decode", 0, 0)
            with _naming(decoder):
                figures = decode_cost.decode(trial.decoder_path, 100)
            log(f"a decode takes {figures['p50_ms']:g} ms on one core")
            new_pack = replace(new_pack, training={**new_pack.training, "decode": figures})
    pack.save(new_pack, wrapped_encoder, wrapped_decoder, imported.sources)
    return pack.load(out)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn errors of a model into one line with the name of its file."""
    try:
        yield
    except ForeignError as error:
        message = str(error)
        raise ForeignError(
            message if message.startswith(str(path)) else f"{path}: {message}"
        ) from None
    except (AudioError, DatasetError, OSError):
        raise
    # Keras and TensorFlow raise various exceptions for inputs that do not fit.
    except Exception as error:
        description = f"{type(error).__name__}: {keras_reason(error)}"
        raise ForeignError(f"{path}: cannot be played: {description}") from None


def _warnings(model: Any, foreign: Foreign, latent: int, seed: int) -> list[str]:
    """Lines about outputs that contradict the settings. Raises ForeignError."""
    latents = np.random.default_rng(seed).normal(size=(16, latent)).astype(np.float32)
    batch = batch_size(model, 16)
    pieces = [model(latents[i : i + batch], training=False) for i in range(0, 16, batch)]
    outputs = np.concatenate([np.asarray(piece) for piece in pieces])
    if not np.isfinite(outputs).all():
        raise ForeignError("the decoder gives values that are not finite")
    lines, (low, high) = [], foreign.values
    margin = 0.1 * (high - low)
    known = foreign.scale == "db" or foreign.levels is not None
    if known and not low - margin <= outputs.min() <= outputs.max() <= high + margin:
        lines.append(
            f"the decoder gives {outputs.min():.3g}...{outputs.max():.3g}, more than the values "
            f"{low:g}...{high:g}: are the values and the scale right?"
        )
    if np.ptp(outputs, axis=0).max() < 1e-6 * (high - low):
        lines.append("the decoder gives the same sound at 16 points: are its weights trained?")
    return lines


def _check_saved(trial: pack.Pack, decoder: Any, encoder: Any, latents: Floats) -> None:
    """Load what was written, as the engine does, and compare. Raises ForeignError."""
    import tensorflow as tf

    try:
        loaded = networks.load_decoder(trial)
        if encoder is not None:
            networks.load_encoder(trial)
    except pack.PackError as error:
        message = str(error).removeprefix(f"{trial.path}: ")
        raise ForeignError(f"once it is saved, {message}") from None
    play = tf.function(lambda z: loaded(z, training=False))
    for z in latents:
        if not np.allclose(play(z[None]), np.asarray(decoder(z[None])), atol=1e-4):
            raise ForeignError("the decoder sounds otherwise once it is saved: it cannot be kept")


def _latent(model: Any) -> int:
    inputs = [tuple(t.shape[1:]) for t in model.inputs]
    if len(inputs) != 1 or len(inputs[0]) != 1 or not isinstance(inputs[0][0], int):
        listed = ", ".join(map(str, inputs))
        raise ForeignError(f"takes {listed}: a decoder takes one latent vector")
    if not 1 <= inputs[0][0] <= MOST_LATENTS:
        raise ForeignError(f"takes {inputs[0][0]} latents, outside 1...{MOST_LATENTS}")
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
        return archive.load(file, _complaint(file))
    return saved_model.load(file) if kind == SAVED else READERS[kind].load(file)


def _complaint(path: Path) -> Callable[[str], ForeignError]:
    return lambda what: ForeignError(f"{path}: {what}")
