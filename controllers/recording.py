"""Takes as a performer asks for them: `--record`, `--record-gestures`, and `/record`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine import takes
from engine.allowance import Allowance
from engine.instrument import Sender
from engine.parameters import Argument, CommandError
from engine.session import Session
from engine.takes import Take, TakeError
from models import places

FOLDER = Path("takes")  # where `/record` puts them, in the folder that play was started in
MOST, EACH_S = 16, 2.0  # takes at once, and then one each


class Takes:
    """All takes under way. `tell` is called with a line for the performer, from any thread."""

    def __init__(self, session: Session, preset: str, tell: Callable[[str], None]) -> None:
        """`preset` is a name, or the path of a file (`presets.bank.Bank.named`)."""
        self._session = session
        self._preset = preset
        self._pack = places.pack_name(session.pack.path)
        self._fingerprint = places.fingerprint(session.pack)
        self._tell = tell
        self._begun: list[Take] = []
        self._recording: Take | None = None  # that of `/record`
        self._allowed = Allowance(MOST, EACH_S, time.monotonic)

    def install(self) -> None:
        """Register `/record`, which writes a WAV and its gestures beside each other."""
        self._session.instrument.register("/record", self._record)

    def begin(self, sound: Path | None, gestures: Path | None) -> Take:
        """Record to these files from now on, and say their names. Raises `TakeError`."""
        session = self._session
        head = self._head(gestures.parent) if gestures is not None else {}
        take = takes.begin(session.board, session.instrument, head, sound, gestures, self._tell)
        self._begun = [other for other in self._begun if not other.over.is_set()] + [take]
        self._tell(f"take   {take.names} begins")
        return take

    def _head(self, folder: Path) -> dict[str, Any]:
        """The first line of gestures in `folder`: what they were played on."""
        library = self._session.library
        return {
            "preset": places.written(self._preset, folder),
            "pack": places.written(self._pack, folder),
            "fingerprint": self._fingerprint,
            "touches": True,
            **({} if library is None else {"library": places.relative(library, folder)}),
        }

    def close(self) -> None:
        """End all takes and wait for their files."""
        for take in self._begun:
            take.stop()
        for take in self._begun:
            take.close()

    def _record(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1 or isinstance(args[0], str):
            raise CommandError("/record takes 1 to begin a take and 0 to end it")
        take = self._recording
        if take is not None and not take.over.is_set():
            if args[0]:
                raise CommandError(f"/record: {take.names} is under way; 0 ends it")
            take.stop()
            self._recording = None
        elif args[0]:
            try:
                self._recording = self._next()
            except TakeError as error:
                raise CommandError(f"/record: no take: {error}") from None
        else:
            raise CommandError("/record: no take is under way; 1 begins one")

    def _next(self) -> Take:
        if not self._allowed.take():
            raise TakeError(f"{MOST} takes were begun within moments: wait {EACH_S:g} s")
        try:
            FOLDER.mkdir(exist_ok=True)
        except OSError as error:
            raise TakeError(f"{FOLDER.absolute()}: {error.strerror}") from None
        path = FOLDER / time.strftime("take %Y-%m-%d %H.%M.%S.wav")
        return self.begin(path, path.with_suffix(".jsonl"))
