"""The folder NAME.training beside a pack: the saved state of its training.

Nothing here imports Keras, so wrong arguments are reported at once.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from latentpad.models.packs import pack
from latentpad.models.training.dataset import DatasetError

KEY_FILE = "training.key"  # identifies the training; removed when it ends
LAST = "last"  # folder of the fit on all sounds, which has a state of its own
STATES = ("state", "state.old", "state.new", LAST)
SPECTROGRAMS = ("sounds.partial", "sounds.f16", "read.partial.npz", "read.npz")
KEPT = ("preview.png", "preview.partial.png", "log")  # kept for the user
KNOWN_NAMES = frozenset({KEY_FILE, *STATES, *SPECTROGRAMS, *KEPT})


def training_folder(out: Path, suffix: str = "") -> Path:
    """The folder NAME.training for the pack `out`."""
    return out.with_name(f"{out.name}.training{suffix}")


def check(folder: Path, out: Path, chief: bool = True) -> None:
    """Check the arguments of a training, so that errors come before hours of work.

    An existing pack is an error, unless its training is to be resumed. Raises DatasetError,
    models.packs.pack.PackError.
    """
    if not folder.is_dir():
        what = "is a file, not a folder of sounds" if folder.exists() else "no such folder"
        raise DatasetError(f"{folder}: {what}")
    pack.check_target(out)
    if chief and not (training_folder(out) / KEY_FILE).is_file():
        _check_no_pack(out)


def begin(work: Path, out: Path, key: str, chief: bool = True) -> None:
    """Make the folder for the training with the key `wanted`, or keep its saved state.

    The state of another training is deleted. Raises models.packs.pack.PackError.
    """
    key_file = work / KEY_FILE
    if work.exists() and not (key_file.is_file() and key_file.read_text() == key):
        unknown = (
            sorted({path.name for path in work.iterdir()} - KNOWN_NAMES) if work.is_dir() else [""]
        )
        if unknown:
            raise pack.PackError(
                f"{work / unknown[0]}: is in the way: training keeps its state there; move it"
            )
        if chief:
            _check_no_pack(out)
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    key_file.write_text(key)


def end(work: Path) -> None:
    """Delete the saved state; keep the preview and the log."""
    for name in (*SPECTROGRAMS, KEY_FILE):
        (work / name).unlink(missing_ok=True)
    for name in STATES:
        shutil.rmtree(work / name, ignore_errors=True)
    if not any(work.iterdir()):
        work.rmdir()


def _check_no_pack(out: Path) -> None:
    if (out / "model.toml").is_file():
        raise pack.PackError(
            f"{out}: is a pack already: name another one, or remove it to train it anew"
        )
