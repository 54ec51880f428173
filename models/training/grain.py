"""Makes a pack's grain.npy of the sounds that it was trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from latentpad.models.audio.reading import AudioError
from latentpad.models.grain import Decode, Steps, anchor_residual, recorded_db
from latentpad.models.packs import grain
from latentpad.models.packs.pack import SHIPPED, Pack, PackError
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.sources.licences import allows_derivatives
from latentpad.models.sources.permission import sound_count
from latentpad.models.training import dataset


def keep(
    pack: Pack,
    folder: Path,
    decode: Decode,
    log: Callable[[str], None] = lambda line: None,
    progress: ProgressCallback = no_progress,
) -> int:
    """Write grain.npy beside `pack`, of the recordings in the folder that it was trained on, and
    return the number of anchors that have a residual.

    A residual and its anchor are nearly the recording. So sounds whose licence allows no
    derivatives, or is not understood, are left out, with a line to `log`. A sound without licence,
    author and page is taken for the user's own, as in a training.

    Raises PackError, models.training.dataset.DatasetError and
    models.libraries.header.LibraryError.
    """
    if pack.path.resolve().is_relative_to(SHIPPED.resolve()):
        raise PackError(f"{pack.path}: is shipped: copy its folder, and keep the grain of the copy")
    clips = {clip.id: clip for clip in dataset.clips(folder, None, held_out=0)}
    ids = [str(name) for name in pack.anchors.ids]
    there = [i for i in ids if i in clips]
    if not there:
        raise PackError(f"{folder}: holds none of the sounds of {pack.path}")
    kept = {i: clips[i].path for i in there if allowed(clips[i].credits)}
    unreadable = 0
    count = 0

    def residuals() -> Iterator[Steps | None]:
        nonlocal unreadable, count
        for k, (name, latent) in enumerate(zip(ids, pack.anchors.latents, strict=True)):
            progress("comparing the recordings", k, len(ids))
            steps = None
            if name in kept:
                try:
                    recorded = recorded_db(kept[name], pack.representation)
                except AudioError:
                    unreadable += 1
                else:
                    steps = anchor_residual(recorded, latent, decode, pack.representation)
            count += steps is not None
            yield steps

    grain.write(pack, residuals())
    for number, why in (
        (len(there) - len(kept), "their licence allows no derivatives, or is not understood"),
        (len(ids) - len(there), "there is no recording of them that may be used"),
        (unreadable, "their recordings cannot be read"),
    ):
        if number:
            log(f"{folder}: {sound_count(number)} without grain: {why}")
    return count


def allowed(credits: Mapping[str, str]) -> bool:
    """Whether the residual of a sound with these columns of sources.csv may be kept."""
    if text := credits.get("licence", ""):
        return allows_derivatives(text)
    return not (credits.get("author_attribution") or credits.get("url"))
