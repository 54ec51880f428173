"""A sound library: any number of sounds placed in the latent space of one model, which plays them.

The model need not have been trained on them. `models.libraries.playable` makes the pack that the
engine plays.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentpad.models.libraries import (
    STEPS,
    arrays,
    contents,
    encoders,
    fill,
    from_map,
    header,
    items,
    store,
)
from latentpad.models.libraries.contents import Summary
from latentpad.models.libraries.encode import encoder_hash
from latentpad.models.libraries.fill import AddedCounts
from latentpad.models.libraries.header import LibraryError
from latentpad.models.libraries.items import Item, LogCallback, no_log
from latentpad.models.libraries.store import SoundRow, Writer
from latentpad.models.maps import projection
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Anchors, Pack, PackError
from latentpad.models.representation import Floats
from latentpad.models.text import printable

if TYPE_CHECKING:  # an instrument that starts shows no progress
    from rich.progress import Progress

__all__ = [
    "AddedCounts", "Library", "LibraryError", "Summary", "create", "filling", "open_"
]  # fmt: skip

DEFAULT = "footsteps"  # pack of a library for which none is named


@dataclass
class Library:
    """An open library: a view of its sounds as they were when it was opened or last changed.

    Any thread may read `anchors`; only one thread may add or remove, and it blocks until it has
    finished. Other processes that have the library open keep their view.
    """

    path: Path
    pack: Pack
    anchors: Anchors
    """(L, ...) as a pack's; the numbers are memory-mapped and read-only."""
    measured: Floats
    """(L, K) models.audio.descriptors.MEASURED, NaN where not measured; memory-mapped as
    `anchors`."""

    def __len__(self) -> int:
        return len(self.anchors)

    def add(
        self,
        sounds: Path | Iterable[Item],
        *,
        link: bool = False,
        again: bool = False,
        steps: int = STEPS,
        dask: str | None = None,
        log: LogCallback = no_log,
        progress: Progress | None = None,
    ) -> AddedCounts:
        """Add the sounds of a folder, or items of models.libraries.items.

        Recordings are copied in, or with `link` left where they are. Unreadable files are left out,
        with a line to `log`. Sounds that were removed earlier are added only with `again`. If the
        call is interrupted or killed, its work so far is kept, and the same call completes it.
        `steps` refine each sound's place (`encode.encode_batch`). `dask` is a scheduler's address,
        see `encoders.workers`. Raises LibraryError, models.packs.pack.PackError.
        """
        if not self.pack.has_encoder:
            raise LibraryError(
                f"{self.pack.path}: has no encoder to place sounds with: add a sound map instead"
            )
        if isinstance(sounds, Path):
            sounds = items.from_folder(sounds.expanduser(), log)
        encoder = header.read(self.path).encoder
        with self._writing(again) as writer, encoders.workers(dask) as (workers, ahead):
            return fill.fill(
                self.path, writer, sounds, str(self.pack.path.resolve()), encoder, workers,
                link=link, steps=steps, ahead=ahead, log=log, progress=progress,
            )  # fmt: skip

    def add_map(
        self,
        path: Path,
        *,
        again: bool = False,
        log: LogCallback = no_log,
        progress: Progress | None = None,
    ) -> AddedCounts:
        """Add the sounds of a JSON map (models.sources.sound_map) at its positions, without
        encoding. Invalid rows are left out, with their numbers to `log`. Raises LibraryError."""
        entries, latents, refused = from_map.read(path, self.pack.latent_dim, log)
        with self._writing(again) as writer:
            added = from_map.fill(writer, self.pack, entries, latents, progress)
        return added._replace(refused=refused)

    def remove(self, ids: Iterable[str], log: LogCallback = no_log) -> int:
        """Remove sounds (contents.select_ids), so that they are not added again; return their
        number.

        Later sounds get lower numbers. Recordings that were copied in are deleted, others are not
        touched; if `audio` is a link nothing is deleted, and `log` gets a line. A kill leaves all
        of them removed or none, and the next writer deletes the remains. Raises LibraryError.
        """
        with self._writing() as writer:
            rows = contents.row_numbers(self.path, set(ids))
            if rows:
                writer.remove(rows)
        if rows and (self.path / "audio").is_symlink():
            log(f"{self.path}: audio is a link: the recordings there are left where they are")
        return len(rows)

    def recording(self, row: int) -> Path | None:
        """The recording of an anchor, or None if it has none or the file is missing. Opens a file.

        Raises IndexError, LibraryError.
        """
        if not 0 <= row < len(self):
            raise IndexError(row)
        # By its id: the number may have changed, if another process has removed sounds.
        found = contents.recording(self.path, str(self.anchors.ids[row]))
        if found is None:
            return None
        path = self.path / found
        if not Path(found).is_absolute() and ".." in path.parts:
            raise LibraryError(f"{self.path}: the recording of sound {row} lies outside of it")
        return path if path.is_file() else None

    def rows(self) -> Iterator[SoundRow]:
        """Each sound's entry, in the order of the anchors: for lists and credits."""
        return contents.rows(self.path)

    def summary(self) -> Summary:
        """Counts by origin, licence and label, and the total length."""
        return contents.summary(self.path)

    def refit(self, seed: int = 0) -> None:
        """Make a t-SNE map of the library, which replaces the pack's until sounds are added. Raises
        LibraryError for an empty library."""
        if not len(self):
            raise LibraryError(f"{self.path}: has no sounds yet: add some, then make the map")
        plane = projection.tsne(self.anchors.latents, seed)
        with self._writing():
            new = self.path / ".planes-new.npz"
            np.savez(new, map=plane)
            os.replace(new, self.path / "planes.npz")

    @contextmanager
    def _writing(self, again: bool = False) -> Iterator[Writer]:
        try:
            with store.writing(self.path, self.pack.latent_dim, again) as writer:
                yield writer
        finally:
            self.anchors, self.measured = _content(self.path, self.pack.latent_dim)


def create(path: str | Path, pack: Pack) -> Library:
    """Make an empty library for the model of `pack` in folder `path`. Raises LibraryError."""
    folder = Path(path).expanduser()
    store.make(folder, header.LibraryHeader(pack.name, encoder_hash(pack.path), pack.latent_dim))
    return open_(folder, pack)


@contextmanager
def filling(path: str | Path, pack: Pack | None = None) -> Iterator[Library]:
    """The library in `path`, made if it does not exist; a new one is removed again if it stays
    empty.

    `pack` None: that of an existing library, else the default one. Raises as `open_`, `create`.
    """
    folder = Path(path).expanduser()
    if header.is_library(folder):
        yield open_(folder, pack)
        return
    was_folder = folder.is_dir()
    library = create(folder, pack or packs.load(packs.find(DEFAULT)))
    try:
        yield library
    finally:
        if not len(library):
            store.discard(folder, library.pack.latent_dim)
        if was_folder:
            folder.mkdir(exist_ok=True)


def open_(path: str | Path, pack: Pack | None = None) -> Library:
    """Open the library in folder `path`, 100,000 sounds in less than a second.

    `pack` is the one whose model it was made for; None: the installed one of that name.
    Raises LibraryError, models.packs.pack.PackError.
    """
    folder = Path(path).expanduser()
    head = header.read(folder)
    if pack is None:
        try:
            folder_of_pack = packs.find(head.pack)
        except PackError:
            raise LibraryError(
                f"{folder}: is for the pack {head.pack}, and none is found by that name: say where "
                "it is (--pack)"
            ) from None
        pack = packs.load(folder_of_pack)
    if head.latent_dim != pack.latent_dim or head.encoder != encoder_hash(pack.path):
        raise LibraryError(
            f"{folder}: was made for another model ({head.pack}) than {pack.path}: its sounds "
            "have no place there; name the pack it was made for, or make it again"
        )
    return Library(folder, pack, *_content(folder, head.latent_dim))


def _content(folder: Path, dim: int) -> tuple[Anchors, Floats]:
    with store.table(folder) as table:
        # In one transaction, so that no other process replaces the columns meanwhile.
        table.execute("BEGIN")
        count = store.count(table, folder)
        text_rows = table.execute(
            "SELECT label, id, name FROM sounds WHERE row >= 0 ORDER BY row"
        ).fetchall()
        generation = store.generation(table)
        latents, loudness, onset = (
            arrays.open_column(folder, name, generation, count, dim)
            for name in ("latents", "loudness", "onset")
        )
        measured = arrays.descriptor_column(folder, generation, count)
    texts = [np.array(column, dtype=object) for column in zip(*text_rows, strict=True)]
    labels, ids, names = texts or [np.empty(0, object)] * 3
    for column, values in (("label", labels), ("id", ids), ("name", names)):
        if not all(type(value) is str for value in values):
            raise LibraryError(f"{folder}: sounds.sqlite: {column} holds something that is no text")
    if len(set(ids)) != count:
        raise LibraryError(f"{folder}: sounds.sqlite holds the same id twice")
    labels, names = (
        np.array([printable(text) for text in column], dtype=object) for column in (labels, names)
    )
    anchors = Anchors(
        latents, labels.astype(np.str_), ids.astype(np.str_), names.astype(np.str_),
        loudness, onset,
    )  # fmt: skip
    return anchors, measured
