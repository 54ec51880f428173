"""Loads packs on a thread of its own, while the decoding process goes on with another one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latentpad.engine.board import Board
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.decoder import Decoder, fastest_decoder
from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.grain import Grain
from latentpad.engine.decode.mailbox import Mailbox
from latentpad.engine.decode.originals import Originals
from latentpad.engine.pack_order import PackOrder
from latentpad.engine.process import failure_line
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.grain import Residuals
from latentpad.models.libraries.grain import RecordedResiduals
from latentpad.models.libraries.library import Library
from latentpad.models.libraries.library import open_ as open_library
from latentpad.models.libraries.playable import as_pack
from latentpad.models.packs import grain as grain_files
from latentpad.models.packs.pack import Pack, PackError, load

KEPT = 4  # decoders in memory besides the one that is played
KEPT_BYTES = 256 << 20  # of their files

Key = tuple[Path, Path | None, int, int]


@dataclass(frozen=True)
class Model:
    """A pack and what decodes it."""

    pack: Pack  # with the library's sounds, if any
    decoder: Decoder
    milliseconds: float  # that it takes to decode what is heard first
    originals: Originals | None
    grain: Grain
    faulty: str = ""  # a line about a file beside the pack that is not used

    @classmethod
    def load(
        cls, folder: Path, library_folder: Path | None, step: Callable[[str], None] = lambda s: None
    ) -> Model:
        """Load it. `step` is called with what is done. Raises `PackError` or `LibraryError`."""
        step("loads the pack")
        pack = load(folder)
        library = None if library_folder is None else open_library(library_folder, pack)
        step("builds the decoder")
        return cls.of(pack if library is None else as_pack(pack, library), library)

    @classmethod
    def of(cls, pack: Pack, library: Library | None, *, waits: bool = False) -> Model:
        """Load the decoder of `pack`, which has the library's sounds if there is one. Its grain
        `waits`, see `Grain`. Raises `PackError`."""
        decoder, milliseconds = fastest_decoder(pack)
        originals = None if library is None else Originals(library)
        residuals, faulty = _residuals(pack, library, decoder)
        grain = Grain(residuals, waits=waits)
        return cls(pack, decoder, milliseconds, originals, grain, faulty)

    def mailbox(
        self, board: Board, background: Background | None, *, whole: bool = False
    ) -> Mailbox:
        """The mailbox that decodes with it the sounds that `board` shows (`Mailbox`)."""
        return Mailbox(
            board, self.pack, self.decoder, self.originals, background, whole=whole,
            grain=self.grain,
        )  # fmt: skip

    @property
    def notes(self) -> list[str]:
        """What the performer should know of it by now, one line each."""
        notes = [self.faulty] if self.faulty else []
        if self.grain.missed and self.originals is not None:
            notes.append("/grain adds nothing where the library has no recordings of the sounds")
        elif self.grain.missed:
            notes.append(
                f"/grain adds nothing where {self.pack.name} has no recordings: play a library, or "
                "type `latentpad grain PACK FOLDER` for a pack that was trained on that folder"
            )
        return notes


class PackLoader:
    """Carries out the newest order; a pack that was loaded before is ready at once.

    `report` is called on the loader's thread, with "pack loaded" or "pack refused", the order's
    number, and the reason.
    """

    def __init__(self, board: Board, background: Background, report: Callable[..., None]) -> None:
        self._board, self._background, self._report = board, background, report
        self._loaded: dict[int, tuple[Model, Mailbox]] = {}
        self._kept: OrderedDict[Key, Model] = OrderedDict()
        self._newest: tuple[PackOrder, SoundMemory] | None = None
        self._wanted = threading.Condition()
        threading.Thread(target=self._run, name="load packs", daemon=True).start()

    def keep(self, folder: Path, library: Path | None, model: Model) -> None:
        """Keep a model that was loaded elsewhere."""
        self._kept[_key(folder, library)] = model

    def order(self, order: PackOrder, sounds: SoundMemory) -> None:
        """Load this pack, instead of any that was ordered before and not yet begun."""
        with self._wanted:
            self._newest = order, sounds
            self._wanted.notify()

    def take(self, number: int) -> tuple[Model, Mailbox] | None:
        """The pack with this number, if it was loaded, once. Those before it are forgotten."""
        for earlier in [n for n in list(self._loaded) if n < number]:
            del self._loaded[earlier]
        return self._loaded.pop(number, None)

    def _run(self) -> None:
        while True:
            with self._wanted:
                self._wanted.wait_for(lambda: self._newest is not None)
                assert self._newest is not None
                (order, sounds), self._newest = self._newest, None
            try:
                model = self._model(order)
                mailbox = model.mailbox(self._board.showing(sounds), self._background)
            except Exception as error:  # of a foreign model it may be any
                self._report("pack refused", number=order.number, reason=failure_line(error))
            else:
                self._loaded[order.number] = model, mailbox
                self._report("pack loaded", number=order.number)

    def _model(self, order: PackOrder) -> Model:
        key = _key(order.folder, order.library)
        model = self._kept.pop(key, None) or Model.load(order.folder, order.library)
        self._kept[key] = model
        sizes = {k: k[-1] for k in self._kept}
        while len(self._kept) > KEPT + 1 or (
            len(self._kept) > 1 and sum(sizes[k] for k in self._kept) > KEPT_BYTES
        ):
            self._kept.popitem(last=False)
        return model


def _residuals(
    pack: Pack, library: Library | None, decoder: Decoder
) -> tuple[Residuals | None, str]:
    """Where the pack's residuals come from; None where there are none, and why if the file is
    broken."""
    if library is not None:
        # A decoder of its own, because a FrameDecoder is of one thread.
        decode = (lambda: FrameDecoder(pack).whole) if decoder.windowed else lambda: decoder.whole
        return RecordedResiduals(pack, library.recording, decode), ""
    if not grain_files.has_file(pack):
        return None, ""
    try:
        return grain_files.PackResiduals(pack), ""
    except PackError as error:
        return None, f"{error}: it is ignored"


def _key(folder: Path, library: Path | None) -> Key:
    """What a loaded model is kept under: its folders, the age and the size of its decoder."""
    status = (folder / "decoder.keras").stat()
    return folder, library, status.st_mtime_ns, status.st_size
