"""A model pack: one instrument in a folder. Loading reads data only, never code, and no Keras."""

from __future__ import annotations

import csv
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import tomli_w
from numpy.typing import NDArray

from latentpad.models.packs import files
from latentpad.models.packs import names as pack_names
from latentpad.models.packs.files import PackError, Toml
from latentpad.models.packs.limits import MOST_ANCHORS, MOST_LATENTS
from latentpad.models.packs.names import SHIPPED
from latentpad.models.representation import Floats, Representation

FORMAT = 1
FILES = ("model.toml", "decoder.keras", "anchors.npz", "planes.npz", "sources.csv")  # required
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
NAME_RULE = "may hold letters, digits, '.', '_' and '-' only, 64 at most, a letter or digit first"
DESCRIBED = "descriptors"  # the plane whose axes are any two of them


@dataclass(frozen=True)
class Anchors:
    """L recorded sounds with their latents; row i is one sound."""

    latents: Floats  # (L, D)
    labels: NDArray[np.str_]  # (L,) what kind of sound
    ids: NDArray[np.str_]  # (L,) unique: the recording's path in its folder
    names: NDArray[np.str_]  # (L,) for a person to read
    loudness: Floats  # (L,) dB of the original recording (models.representation.loudness, dBFS)
    onset: Floats  # (L,) frame on which the sound starts

    def __len__(self) -> int:
        return len(self.latents)


@dataclass(frozen=True)
class Pack:
    """A loaded pack. Immutable: any thread may read it; do not write to its arrays."""

    path: Path
    name: str
    title: str
    licence: str
    representation: Representation
    latent_dim: int
    kl: tuple[float, ...]  # nats per latent dimension: the information in it
    anchors: Anchors
    planes: dict[str, Floats]  # name -> (L, 2) coordinates of the anchors
    default_plane: str
    training: dict[str, Any] = field(default_factory=dict)
    descriptors: dict[str, Floats] = field(default_factory=dict)  # name -> (L,), as measured

    @property
    def decoder_path(self) -> Path:
        return self.path / "decoder.keras"

    @property
    def encoder_path(self) -> Path:
        return self.path / "encoder.keras"

    @property
    def has_encoder(self) -> bool:
        """Whether new sounds can be placed. An imported pack may lack an encoder."""
        return self.encoder_path.is_file()

    @property
    def described(self) -> dict[str, Floats]:
        """(L,) of every descriptor of the anchors, by name; empty if none was measured. The
        loudness is the anchors' field."""
        measured = {n: v for n, v in self.descriptors.items() if len(v) == len(self.anchors)}
        return {**measured, "loudness": self.anchors.loudness} if measured else {}

    def sources(self) -> list[dict[str, str]]:
        """Rows of sources.csv: attribution, split and id of every sound of the training.

        Raises PackError.
        """
        return files.table(self.path, "sources.csv")


def folders() -> list[Path]:
    """The folders in which packs are searched by name."""
    return pack_names.folders(SHIPPED, Path(platformdirs.user_data_dir("latentpad")))


def names() -> list[str]:
    """The names of all packs that `find` knows."""
    return pack_names.names(folders())


def find(name_or_path: str | Path) -> Path:
    """The folder of a pack: a path to one, else a name among `folders`. Raises PackError."""
    path = Path(name_or_path).expanduser()
    candidates = [path, *(folder / str(name_or_path) for folder in folders())]
    for candidate in candidates:
        if (candidate / "model.toml").is_file():
            return candidate
    if path.is_dir():
        raise PackError(f"{path}: model.toml is missing: this folder is no model pack")
    known = ", ".join(names()) or "none"
    raise PackError(f"{name_or_path}: no model pack of this name or path (there are: {known})")


def load(path: str | Path) -> Pack:
    """Read and check the pack in folder `path`. Raises PackError, always of one line."""
    folder = Path(path)
    for file in FILES:
        if not (folder / file).is_file():
            raise PackError(f"{folder}: {file} is missing: copy the whole pack again")
    toml = Toml.read(folder)
    if (version := toml.integer("", "format")) != FORMAT:
        raise toml.error("format", f"is {version}, this version reads {FORMAT}: update Latentpad")
    name = toml.text("", "name")
    if not re.fullmatch(NAME, name):
        raise toml.error("name", NAME_RULE)
    representation = files.representation(toml)
    dim = toml.integer("latent", "dim")
    if not 1 <= dim <= MOST_LATENTS:
        raise toml.error("latent.dim", f"is {dim}, outside 1...{MOST_LATENTS}")
    anchors = _anchors(folder, dim)
    planes = _tables(folder, "planes.npz", (len(anchors), 2))
    # Packs of earlier versions have none.
    measured = (folder / "descriptors.npz").is_file()
    descriptors = _tables(folder, "descriptors.npz", (len(anchors),)) if measured else {}
    default = toml.text("plane", "default")
    if default not in planes and not (default == DESCRIBED and descriptors):
        raise toml.error("plane.default", f"{default!r} is not in planes.npz ({', '.join(planes)})")
    return Pack(
        path=folder,
        name=name,
        title=toml.text("", "title"),
        licence=toml.text("", "licence"),
        representation=representation,
        latent_dim=dim,
        kl=toml.numbers("latent", "kl", dim),
        anchors=anchors,
        planes=planes,
        default_plane=default,
        training=toml.table("training") if "training" in toml.content else {},
        descriptors=descriptors,
    )


def save(
    pack: Pack,
    encoder: Any,
    decoder: Any,
    sources: Sequence[Mapping[str, str]],
    extra: Mapping[str, bytes] | None = None,
) -> Path:
    """Write the whole pack to `pack.path`, replacing a pack that is there; returns the path.

    `encoder` (or None) and `decoder` are Keras models; `sources` the rows of sources.csv; `extra`
    further files (the card and its pictures) by name. Written to another folder that is then
    renamed, so that a reader never finds a partial pack. Raises PackError as `check_target` does.
    """
    target = pack.path
    check_target(target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
        folder = Path(temporary) / "pack"
        folder.mkdir()
        if encoder is not None:
            encoder.save(folder / "encoder.keras")
        decoder.save(folder / "decoder.keras")
        (folder / "model.toml").write_text(tomli_w.dumps(_content(pack)), encoding="utf-8")
        a = pack.anchors
        np.savez_compressed(
            folder / "anchors.npz",
            latents=a.latents, labels=a.labels, ids=a.ids, names=a.names,
            loudness=a.loudness, onset=a.onset,
        )  # fmt: skip
        write_arrays(folder / "planes.npz", pack.planes)
        if pack.descriptors:
            write_arrays(folder / "descriptors.npz", pack.descriptors)
        with (folder / "sources.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(sources[0]) if sources else ["id"])
            writer.writeheader()
            writer.writerows(sources)
        for name, data in (extra or {}).items():
            (folder / name).write_bytes(data)
        load(folder)
        old = Path(temporary) / "old"
        if target.exists():
            os.replace(target, old)
        os.replace(folder, target)
        shutil.rmtree(old, ignore_errors=True)
    return target


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an .npz, as a whole or not at all. Raises OSError."""
    # Through `Any`: the stubs take every keyword for np.savez's own allow_pickle.
    save: Any = np.savez_compressed
    new_path = path.with_name(f".{path.stem}-new.npz")
    try:
        save(new_path, **arrays)
        os.replace(new_path, path)
    finally:
        new_path.unlink(missing_ok=True)


def check_target(target: Path) -> None:
    """Raise PackError unless a pack can be written to folder `target`, whose parent it makes."""
    if not re.fullmatch(NAME, target.name):
        raise PackError(f"{target}: a pack is named as its folder, and a name {NAME_RULE}")
    if target.is_file():
        raise PackError(f"{target}: is a file: choose a folder for the pack")
    if target.exists() and not (target / "model.toml").is_file() and any(target.iterdir()):
        raise PackError(f"{target}: holds files that are no model pack: choose another folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        raise PackError(f"{target}: cannot be written ({error.strerror})") from None


def _content(pack: Pack) -> dict[str, Any]:
    r = pack.representation
    texture = {"texture_bands": r.texture_bands} if r.texture_bands else {}
    return {
        "format": FORMAT,
        "name": pack.name,
        "title": pack.title,
        "licence": pack.licence,
        "audio": {
            "sample_rate": r.sample_rate, "n_fft": r.n_fft, "hop": r.hop, "window": r.window,
            "frames": r.frames, "range_db": r.range_db, **texture,
        },
        "latent": {"dim": pack.latent_dim, "kl": [round(k, 4) for k in pack.kl]},
        "plane": {"default": pack.default_plane},
        "training": pack.training,
    }  # fmt: skip


def _anchors(folder: Path, dim: int) -> Anchors:
    headers = files.headers(folder, "anchors.npz")

    def complain(field: str, what: str) -> PackError:
        return PackError(f"{folder}: anchors.npz: {field} {what}")

    for key in ("latents", "labels", "ids", "names", "loudness", "onset"):
        if key not in headers:
            raise complain(key, "is missing")
        kinds = "U" if key in ("labels", "ids", "names") else "fiu"
        if headers[key].dtype.kind not in kinds:
            raise complain(key, f"has the type {headers[key].dtype}")
    shape = headers["latents"].shape
    if len(shape) != 2 or shape[1] != dim:
        raise complain("latents", f"has the shape {shape}, not (sounds, {dim})")
    count = shape[0]
    if not 1 <= count <= MOST_ANCHORS:
        raise complain("latents", f"holds {count} sounds, outside 1...{MOST_ANCHORS}")
    for key in ("labels", "ids", "names", "loudness", "onset"):
        if headers[key].shape != (count,):
            raise complain(key, f"has the shape {headers[key].shape}, not ({count},)")
    arrays = files.arrays(folder, "anchors.npz")
    for key in ("latents", "loudness", "onset"):
        if not files.sensible(arrays[key]):
            raise complain(key, "holds values that are not finite, or beyond 1e9")
    if len(np.unique(arrays["ids"])) != count:
        raise complain("ids", "holds the same id twice")
    return Anchors(
        latents=arrays["latents"].astype(np.float32),
        labels=arrays["labels"],
        ids=arrays["ids"],
        names=arrays["names"],
        loudness=arrays["loudness"].astype(np.float32),
        onset=arrays["onset"].astype(np.float32),
    )


def _tables(folder: Path, file: str, shape: tuple[int, ...]) -> dict[str, Floats]:
    """The arrays of an .npz, each of finite numbers and of one shape. Raises PackError."""
    for name, array_header in files.headers(folder, file).items():
        if array_header.shape != shape or array_header.dtype.kind not in "fiu":
            raise PackError(
                f"{folder}: {file}: {name} has the shape {array_header.shape}, not {shape}"
            )
    arrays = files.arrays(folder, file)
    for name, values in arrays.items():
        if not files.sensible(values):
            raise PackError(
                f"{folder}: {file}: {name} holds values that are not finite, or beyond 1e9"
            )
    return {name: values.astype(np.float32) for name, values in arrays.items()}
