"""A sound library: any number of sounds placed in one model's latent space, to be played by it.

The model need not have learned them. `as_pack` gives the pack with the library's sounds for
anchors, which the engine plays as any other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.progress import Progress

from models import library_fill, library_store, library_workers, maps, pack_files, sound_map
from models import pack as packs
from models.found import Found
from models.library_encode import identity
from models.library_fill import Added, Item, Say, line, now, silent
from models.library_places import Neighbours
from models.library_store import COLUMNS, LibraryError, Row, Writer
from models.pack import Anchors, Pack, PackError
from models.representation import Floats

__all__ = ["Added", "Library", "LibraryError", "Summary", "as_pack", "create", "open_"]

MOST_REFITTED = 5000  # sounds: t-SNE takes half a minute of them
CHUNK = 4096  # sounds of a map written at once


class Summary(NamedTuple):
    """What is in a library."""

    sounds: int
    seconds: float  # of the recordings as they were
    origins: dict[str, int]  # how many of each, the most first
    licences: dict[str, int]
    labels: dict[str, int]
    without_recording: int  # placed by a map
    not_for_training: int


@dataclass
class Library:
    """An open library: a view of its sounds as they were when it was opened or last added to.

    Any thread may read `anchors`; only one thread may add, and it blocks until it has finished.
    Other processes that have the library open keep their view.
    """

    path: Path
    pack: Pack
    anchors: Anchors
    """(L, ...) as a pack's; the numbers are memory-mapped and read-only."""

    def __len__(self) -> int:
        return len(self.anchors)

    def add(
        self,
        folder: Path,
        *,
        link: bool = False,
        dask: str | None = None,
        say: Say = silent,
        progress: Progress | None = None,
    ) -> Added:
        """Add every sound file under `folder`, credited by the CSV in it if there is one.

        Recordings are copied in, or with `link` left where they are. What cannot be read is left
        out, with a line to `say`. Interrupted or killed, it keeps what it has done, and the same
        call finishes it. `dask` is a scheduler's address, see `library_workers.workers`.
        Raises LibraryError, models.pack.PackError.
        """
        items = library_fill.from_folder(folder.expanduser(), say)
        return self._fill(items, link, dask, say, progress)

    def add_found(
        self,
        found: Iterable[Found],
        *,
        link: bool = False,
        dask: str | None = None,
        say: Say = silent,
        progress: Progress | None = None,
    ) -> Added:
        """Add sounds that a client has fetched, as `add` does; an id comes in once."""
        return self._fill(library_fill.from_found(found), link, dask, say, progress)

    def add_map(self, path: Path, *, say: Say = silent, progress: Progress | None = None) -> Added:
        """Add the sounds of a JSON sound map (models.sound_map), placed by it and not encoded.

        Their loudness and onset are those of their neighbours in the pack. A recording beside the
        map is linked. Bad rows are left out, with their numbers to `say`. Raises LibraryError.
        """
        try:
            places, latents, lines, refused = sound_map.read(
                path.expanduser(), self.pack.latent_dim
            )
        except sound_map.SoundMapError as error:
            raise LibraryError(str(error)) from None
        for refusal in lines:
            say(refusal)
        added = known = 0
        task = progress.add_task("placing sounds", total=len(places)) if progress else None
        with self._writing() as writer:
            seen: set[str] = set()
            fresh = []
            for i, place in enumerate(places):
                id = line(f"map:{place.id}")
                if id in seen or writer.has_id(id):
                    known += 1
                else:
                    fresh.append((i, id))
                seen.add(id)
            near = Neighbours(self.pack, latents)
            loudness = near.mean(self.pack.anchors.loudness)
            onset = near.mean(self.pack.anchors.onset)
            for start in range(0, len(fresh), CHUNK):
                part = fresh[start : start + CHUNK]
                chosen = [i for i, _ in part]
                rows = [_row(places[i], id) for i, id in part]
                writer.append(rows, latents[chosen], loudness[chosen], onset[chosen])
                added += len(part)
                if progress and task is not None:
                    progress.advance(task, len(part))
        return Added(added, known, 0, refused)

    def recording(self, row: int) -> Path | None:
        """The recording of an anchor, None if it has none or it is gone. Opens a file.

        Raises IndexError, LibraryError.
        """
        if not 0 <= row < len(self):
            raise IndexError(row)
        with library_store.table(self.path) as table:
            found = table.execute("SELECT audio FROM sounds WHERE row = ?", (row,)).fetchone()
        if not found or not isinstance(found[0], str) or not found[0] or "\0" in found[0]:
            return None
        path = self.path / found[0]
        if not Path(found[0]).is_absolute() and ".." in path.parts:
            raise LibraryError(f"{self.path}: the recording of sound {row} lies outside of it")
        return path if path.is_file() else None

    def rows(self) -> Iterator[Row]:
        """Each sound's entry, in the order of the anchors: for lists and credits."""
        with library_store.table(self.path) as table:
            cursor = table.execute(f"SELECT {library_store.ROW} FROM sounds ORDER BY row")
            for values in cursor:
                *_, may_train, _ = values
                yield replace(Row(*values), may_train=bool(may_train))

    def summary(self) -> Summary:
        """Counts by origin, licence and label, and the length in all."""

        def counts(column: str) -> dict[str, int]:
            found = table.execute(
                f"SELECT {column}, count(*) FROM sounds GROUP BY 1 ORDER BY 2 DESC, 1"
            )
            return {str(value): int(n) for value, n in found}

        with library_store.table(self.path) as table:
            total = table.execute(
                "SELECT count(*), total(duration), total(audio = ''), total(NOT may_train) "
                "FROM sounds"
            ).fetchone()
            return Summary(
                int(total[0]), float(total[1]), counts("origin"), counts("licence"),
                counts("label"), int(total[2]), int(total[3]),
            )  # fmt: skip

    def refit(self, seed: int = 0) -> None:
        """Make the library a t-SNE map of its own, instead of the pack's. Holds until sounds come.

        Raises LibraryError beyond `MOST_REFITTED` sounds.
        """
        if not 1 <= len(self) <= MOST_REFITTED:
            raise LibraryError(
                f"{self.path}: has {len(self)} sounds, a map of its own takes 1...{MOST_REFITTED}: "
                "it is played on the pack's map"
            )
        plane = maps.tsne(self.anchors.latents, seed)
        with self._writing():
            new = self.path / ".planes-new.npz"
            np.savez(new, map=plane)
            os.replace(new, self.path / "planes.npz")

    def planes(self) -> dict[str, Floats]:
        """(L, 2) for each of the pack's planes; `map` is the library's own where it has one.

        Without refitting: each sound lies among the places of its neighbours in the pack
        (models.library_places), so the same sound always lies in the same place.
        Raises LibraryError.
        """
        own = self._own_map()
        near = Neighbours(self.pack, self.anchors.latents)
        planes = {name: near.mean(plane) for name, plane in self.pack.planes.items()}
        return planes if own is None else {**planes, "map": own}

    def _own_map(self) -> Floats | None:
        if not (self.path / "planes.npz").is_file():
            return None
        try:
            plane = pack_files.arrays(self.path, "planes.npz").get("map")
        except PackError as error:
            raise LibraryError(f"{error}: remove it") from None
        file = self.path / "planes.npz"
        good = plane is not None and plane.ndim == 2 and plane.shape[1] == 2
        if plane is None or not good or plane.dtype.kind != "f" or not np.isfinite(plane).all():
            raise LibraryError(f"{file}: holds no map: remove it")
        return plane.astype(np.float32) if len(plane) == len(self) else None

    def _fill(
        self,
        items: Iterable[Item],
        link: bool,
        dask: str | None,
        say: Say,
        progress: Progress | None,
    ) -> Added:
        if not self.pack.encoder_path.is_file():
            raise LibraryError(
                f"{self.pack.path}: has no encoder to place sounds with: add a sound map instead"
            )
        encoder = library_store.head(self.path).encoder
        with self._writing() as writer, library_workers.workers(dask) as (workers, ahead):
            return library_fill.fill(
                self.path, writer, items, str(self.pack.path.resolve()), encoder, workers,
                link=link, ahead=ahead, say=say, progress=progress,
            )  # fmt: skip

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        try:
            with library_store.writing(self.path, self.pack.latent_dim) as writer:
                yield writer
        finally:
            self.anchors = _anchors(self.path, self.pack.latent_dim)


def create(path: str | Path, pack: Pack) -> Library:
    """Make an empty library for the model of `pack` in folder `path`. Raises LibraryError."""
    folder = Path(path).expanduser()
    library_store.make(folder, library_store.Head(pack.name, identity(pack.path), pack.latent_dim))
    return open_(folder, pack)


def open_(path: str | Path, pack: Pack | None = None) -> Library:
    """Open the library in folder `path`, 100,000 sounds in less than a second.

    `pack` is the one whose model it was made for; None: the installed one of that name.
    Raises LibraryError, and models.pack.PackError where no pack of that name is found.
    """
    folder = Path(path).expanduser()
    head = library_store.head(folder)
    pack = pack or packs.load(packs.find(head.pack))
    if head.latent_dim != pack.latent_dim or head.encoder != identity(pack.path):
        raise LibraryError(
            f"{folder}: was made for another model ({head.pack}) than {pack.path}: its sounds "
            "have no place there; name the pack it was made for, or make it again"
        )
    return Library(folder, pack, _anchors(folder, head.latent_dim))


def as_pack(pack: Pack, library: Library) -> Pack:
    """`pack` with the library's sounds for anchors: the engine plays it unchanged.

    Its `sources` stay those the model learned from. Raises LibraryError if there are no sounds or
    it is another model's pack.
    """
    if not len(library):
        raise LibraryError(f"{library.path}: holds no sounds yet: add a folder first")
    if pack.path.resolve() != library.pack.path.resolve():
        raise LibraryError(f"{library.path}: is a library for {library.pack.path}, not {pack.path}")
    return replace(pack, anchors=library.anchors, planes=library.planes())


def _anchors(folder: Path, dim: int) -> Anchors:
    with library_store.table(folder) as table:
        count = library_store.count(table, folder)
        found = table.execute(
            "SELECT label, id, name FROM sounds WHERE row < ? ORDER BY row", (count,)
        ).fetchall()
    texts = [np.array(column, dtype=object) for column in zip(*found, strict=True)]
    labels, ids, names = texts or [np.empty(0, object)] * 3
    for column, values in (("label", labels), ("id", ids), ("name", names)):
        if not all(type(value) is str for value in values):
            raise LibraryError(f"{folder}: sounds.sqlite: {column} holds something that is no text")
    if len(set(ids)) != count:
        raise LibraryError(f"{folder}: sounds.sqlite holds the same id twice")
    latents, loudness, onset = (library_store.column(folder, name, count, dim) for name in COLUMNS)
    return Anchors(
        latents, labels.astype(np.str_), ids.astype(np.str_), names.astype(np.str_),
        loudness, onset,
    )  # fmt: skip


def _row(place: sound_map.Place, id: str) -> Row:
    return Row(
        hash=hashlib.sha256(id.encode()).hexdigest(), id=id, name=line(place.name),
        label=line(place.label), author=line(place.author), licence=line(place.licence),
        url=line(place.url), origin="map", audio=str(place.audio or ""), duration=0.0,
        may_train=False, added=now(),
    )  # fmt: skip
