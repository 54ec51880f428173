"""Takes as a performer asks for them: `--record`, `--record-gestures`, and `/record`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Sender
from latentpad.engine.control.session import Session
from latentpad.engine.control.takes import Take, TakeError, TakeFiles
from latentpad.engine.rate_limit import RateLimit
from latentpad.models.packs import reference

FOLDER = Path("takes")  # where `/record` puts them, in the folder that play was started in
MOST, EACH_S = 16, 2.0  # takes at once, and then one each


class TakeRecorder:
    """All takes under way. `tell` is called with a line for the performer, from any thread."""

    def __init__(self, session: Session, preset: str, tell: Callable[[str], None]) -> None:
        """`preset` is a name, or the path of a file (`presets.bank.PresetBank.named`)."""
        self._session = session
        self._preset = preset
        self._pack = reference.pack_name(session.pack.path)
        self._fingerprint = reference.fingerprint(session.pack)
        self._tell = tell
        self._begun: list[Take] = []
        self._recording: Take | None = None  # that of `/record`
        self._lock = threading.Lock()
        self._allowed = RateLimit(MOST, EACH_S, time.monotonic)

    def install(self) -> None:
        """Register `/record`, which writes a WAV and its gestures beside each other."""
        self._session.instrument.register_stages("/record", self._record)

    def begin(self, sound: Path | None, gestures: Path | None) -> Take:
        """Record to these files from now on, and say their names. Raises `TakeError`."""
        take = self._begun_on(*self._blank(sound, gestures))
        self._started(take)
        return take

    def _blank(self, sound: Path | None, gestures: Path | None) -> tuple[TakeFiles, dict[str, Any]]:
        """The files, and what they say first."""
        head = self._head(gestures.parent) if gestures is not None else {}
        return TakeFiles(self._session.board, sound, gestures), head

    def _begun_on(self, blank: TakeFiles, head: dict[str, Any]) -> Take:
        take = blank.begin(self._session.instrument, head, self._tell)
        with self._lock:
            self._begun = [other for other in self._begun if not other.over.is_set()] + [take]
        return take

    def _started(self, take: Take) -> None:
        self._tell(f"take   {take.names} begins")
        take.start()

    def _head(self, folder: Path) -> dict[str, Any]:
        """The first line of gestures in `folder`: what they were played on."""
        library = self._session.library
        return {
            "preset": reference.written(self._preset, folder),
            "pack": reference.written(self._pack, folder),
            "fingerprint": self._fingerprint,
            "touches": True,
            **({} if library is None else {"library": reference.relative(library, folder)}),
        }

    def close(self) -> None:
        """End all takes and wait for their files."""
        for take in self._begun:
            take.stop()
        for take in self._begun:
            take.close()

    def _record(self, args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        """In stages: the files are made before the take begins, and written after."""
        if len(args) != 1 or isinstance(args[0], str):
            raise CommandError("/record takes 1 to begin a take and 0 to end it")
        if not args[0]:
            yield
            if not (take := self._under_way()):
                raise CommandError("/record: no take is under way; 1 begins one")
            take.stop()
            self._recording = None
            return
        blank = None if self._under_way() else self._next()
        yield
        if take := self._under_way():
            if blank is not None:  # another has begun one meanwhile
                blank[0].drop()
            raise CommandError(f"/record: {take.names} is under way; 0 ends it")
        # None where the same bundle has ended one.
        take = self._recording = self._begun_on(*(blank or self._next()))
        yield
        self._started(take)

    def _under_way(self) -> Take | None:
        """The take of `/record`, until it is over."""
        take = self._recording
        return None if take is None or take.over.is_set() else take

    def _next(self) -> tuple[TakeFiles, dict[str, Any]]:
        """The files of the next take. Raises `CommandError`."""
        try:
            with self._lock:
                if not self._allowed.take():
                    raise TakeError(f"{MOST} takes were begun within moments: wait {EACH_S:g} s")
            FOLDER.mkdir(exist_ok=True)
            path = FOLDER / time.strftime("take %Y-%m-%d %H.%M.%S.wav")
            return self._blank(path, path.with_suffix(".jsonl"))
        except TakeError as error:
            raise CommandError(f"/record: no take: {error}") from None
        except OSError as error:
            reason = f"{FOLDER.absolute()}: {error.strerror}"
            raise CommandError(f"/record: no take: {reason}") from None
