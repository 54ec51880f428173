"""The folder of a training, NAME.training beside its pack: what it has done so far lies there.

Nothing here imports Keras, so what is wrong with the arguments is told at once.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from latentpad.models.packs import pack
from latentpad.models.training.dataset import DatasetError

MARK = "training.key"  # whose state it is; only a training that has not ended has one
STATES = ("state", "state.old", "state.new")
READ = ("sounds.partial", "sounds.f16", "read.partial.npz", "read.npz")
LEFT = ("preview.png", "preview.partial.png", "log")  # for a person to look at
OURS = frozenset({MARK, *STATES, *READ, *LEFT})


def training_folder(out: Path, suffix: str = "") -> Path:
    """The folder of the training that makes the pack `out`."""
    return out.with_name(f"{out.name}.training{suffix}")


def check(folder: Path, out: Path, chief: bool = True) -> None:
    """Raise for arguments that cannot be, before hours of training rather than after.

    A pack that is there is not trained over, unless its own training goes on. Raises DatasetError,
    models.packs.pack.PackError.
    """
    if not folder.is_dir():
        what = "is a file, not a folder of sounds" if folder.exists() else "no such folder"
        raise DatasetError(f"{folder}: {what}")
    pack.check_target(out)
    if chief and not (training_folder(out) / MARK).is_file():
        _not_made(out)


def begin(work: Path, out: Path, wanted: str, chief: bool = True) -> None:
    """The folder of the training whose key is `wanted`, made or as that one left it.

    What another training has left there is forgotten. Raises models.packs.pack.PackError.
    """
    mark = work / MARK
    if work.exists() and not (mark.is_file() and mark.read_text() == wanted):
        strange = sorted({path.name for path in work.iterdir()} - OURS) if work.is_dir() else [""]
        if strange:
            raise pack.PackError(
                f"{work / strange[0]}: is in the way: training keeps its state there; move it"
            )
        if chief:
            _not_made(out)
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    mark.write_text(wanted)


def end(work: Path) -> None:
    """Keep what a person may look at: the preview and the log."""
    for name in (*READ, MARK):
        (work / name).unlink(missing_ok=True)
    for name in STATES:
        shutil.rmtree(work / name, ignore_errors=True)
    if not any(work.iterdir()):
        work.rmdir()


def _not_made(out: Path) -> None:
    if (out / "model.toml").is_file():
        raise pack.PackError(
            f"{out}: is a pack already: name another one, or remove it to train it anew"
        )
