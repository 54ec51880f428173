"""The residuals of a library's recordings: made when they are first needed, then kept on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import platformdirs

from latentpad.models.audio.reading import AudioError
from latentpad.models.errors import LatentpadError
from latentpad.models.grain import Decode, Steps, anchor_residual, recorded_db
from latentpad.models.packs.pack import Pack

FORMAT = b"1"  # changes when the same recording would give another residual
MOST_BYTES = 1 << 28  # of the folder: 2,800 sounds of a second
SWEPT = 64  # written residuals after which the folder is looked through again


class RecordedResiduals:
    """The residuals of anchors with recordings. One thread.

    `pack` has the anchors. `recording` gives the file of each, or None; it may raise LatentpadError
    or OSError. `decoder` is called once, on the thread that asks first. Residuals are kept in
    `folder`, that of the user's cache by default, of which the least used are deleted.
    """

    def __init__(
        self,
        pack: Pack,
        recording: Callable[[int], Path | None],
        decoder: Callable[[], Decode],
        folder: Path | None = None,
    ) -> None:
        self._pack, self._recording, self._decoder = pack, recording, decoder
        self._folder = folder or platformdirs.user_cache_path("latentpad") / "grain"
        self._decode: Decode | None = None
        self._model: bytes | None = None
        self._written = 0

    def residual(self, anchor: int) -> Steps | None:
        """As `models.grain.Residuals.residual`. None also for a recording that cannot be read."""
        try:
            path = self._recording(anchor)
            if path is None:
                return None
            kept = self._folder / f"{self._key(anchor, path)}.i8"
            found = self._read(kept)
            if found is None:
                found = self._make(anchor, path)
                if found is not None:
                    self._write(kept, found)
            return found
        except (AudioError, LatentpadError, OSError):
            return None

    def _make(self, anchor: int, path: Path) -> Steps | None:
        r = self._pack.representation
        if self._decode is None:
            self._decode = self._decoder()
        latent = self._pack.anchors.latents[anchor]
        return anchor_residual(recorded_db(path, r), latent, self._decode, r)

    def _key(self, anchor: int, path: Path) -> str:
        """What decides the residual: the decoder, how it is read, the latent, the recording."""
        if self._model is None:
            digest = hashlib.sha256(FORMAT + repr(self._pack.representation).encode())
            digest.update(self._pack.decoder_path.read_bytes())
            self._model = digest.digest()
        status = path.stat()
        identity = f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"
        latent = np.asarray(self._pack.anchors.latents[anchor], np.float32)
        parts = self._model, latent.tobytes(), os.fsencode(identity)
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def _read(self, path: Path) -> Steps | None:
        r = self._pack.representation
        with suppress(OSError):
            if path.stat().st_size == r.frames * r.bins:
                os.utime(path)  # used now
                return np.fromfile(path, np.int8).reshape(r.frames, r.bins)
        return None

    def _write(self, path: Path, steps: Steps) -> None:
        """Keep a residual, as a whole or not at all. Without room it is made again next time."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._written % SWEPT == 0:
                sweep(self._folder)
            fd, new = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(steps.tobytes())
                os.replace(new, path)
            except BaseException:
                Path(new).unlink(missing_ok=True)
                raise
            self._written += 1


def sweep(folder: Path, most: int = MOST_BYTES) -> None:
    """Delete the residuals that were not used for longest, until there are fewer than `most` bytes,
    and what a killed process has left. Raises OSError."""
    kept = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process sweeps too
            status = path.stat()
            kept.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept):
        if total < most:
            break
        path.unlink(missing_ok=True)
        total -= size
